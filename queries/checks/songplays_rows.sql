-- songplays has one row per distinct play read, or one per matched play if unmatched plays are dropped.
SELECT
    s.songplays, s.matched, r.unmatched_option, r.plays_read, r.duplicates, r.plays_matched,
    r.plays_unmatched
FROM (
    SELECT COUNT(*) AS songplays, COUNT(song_id) AS matched
    FROM songplays
) s
CROSS JOIN run r
WHERE r.plays_read <> r.plays_matched + r.plays_unmatched + r.duplicates
    OR s.matched <> r.plays_matched
    OR s.songplays <> r.plays_matched
        + CASE WHEN r.unmatched_option = 'drop' THEN 0 ELSE r.plays_unmatched END
