-- unmatched_titles: the artists and titles that were played and match no song, with the number of their plays.
--
-- A copy of a play is not counted, as in songplays. With --unmatched drop, the plays have no rows in songplays,
-- but are counted here. The plays of a title with several lengths are added up.
--
-- Counts: plays
-- Top: 1000
-- Additive: copies of a play have the same ts, so that the plays of the days add up

SELECT t.artist, t.title, t.plays
FROM song_matches m
RIGHT JOIN played_titles t
    ON (m.played_artist IS NOT DISTINCT FROM t.artist)
    AND (m.played_title IS NOT DISTINCT FROM t.title)
    AND (m.played_length IS NOT DISTINCT FROM t.length)
WHERE m.song_id IS NULL
