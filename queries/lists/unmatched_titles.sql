-- unmatched_titles: the artists and titles that were played and match no song, with the number of their plays.
--
-- $match is the same as in songplays. A copy of a play is not counted, as in songplays. With --unmatched drop,
-- the plays have no rows in songplays, but are counted here.
--
-- match_key(text) is the form of the text that is compared: with --repair-encoding match, text that was
-- encoded to UTF-8 twice is repaired before the comparison. The plays are counted by title before they are
-- joined, because a title is played many times. The plays of a title with several lengths are added up.
--
-- Counts: plays
-- Top: 1000
-- Additive: copies of a play have the same ts, so that the plays of the days add up

WITH distinct_plays AS (
    SELECT match_key(e.artist) AS artist, match_key(e.song) AS song, e.length
    FROM repeated_plays r
    RIGHT JOIN staging_events e ON e.play_fingerprint = r.fingerprint
    WHERE r.fingerprint IS NULL AND e.page = 'NextSong'
    UNION ALL
    SELECT artist, song, length
    FROM surviving_plays
),

-- The names of the columns differ from those of the tables that are joined, see repeated_plays.
played AS (
    SELECT artist AS performer, song AS name, length AS seconds, COUNT(*) AS plays
    FROM distinct_plays
    GROUP BY artist, song, length
),

titled AS (
    SELECT p.performer, p.name, p.seconds, p.plays, t.candidates, t.duration
    FROM titles t
    RIGHT JOIN played p ON t.artist_name = p.performer AND t.title = p.name
),

unmatched AS (
    SELECT performer, name, plays
    FROM titled
    WHERE candidates IS NULL
        OR (
            candidates = 1
            AND $match = 'title-artist-duration'
            AND (duration = seconds) IS NOT TRUE
        )
    UNION ALL
    -- Lengths are equal if both are null.
    SELECT t.performer, t.name, t.plays
    FROM nearest_songs n
    RIGHT JOIN titled t
        ON (n.artist IS NOT DISTINCT FROM t.performer)
        AND (n.song IS NOT DISTINCT FROM t.name)
        AND (n.length IS NOT DISTINCT FROM t.seconds)
    WHERE t.candidates > 1 AND n.song_id IS NULL
)

SELECT performer AS artist, name AS title, plays
FROM unmatched
