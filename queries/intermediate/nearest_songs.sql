-- nearest_songs: the match of plays of a title with several candidates, one row per artist, title and
-- length played.
--
-- $match is the same as in songplays. The candidate whose duration is nearest to the length wins, then the
-- smallest song_id, then the smallest artist_id. A title is played many times in few distinct lengths, so
-- the candidates are ranked once per length, not once per play.

WITH played AS (
    SELECT DISTINCT t.artist_name AS artist, t.title AS song, p.length
    FROM titles t
    JOIN staging_events p
        ON t.artist_name = match_key(p.artist)
        AND t.title = match_key(p.song)
    WHERE t.candidates > 1 AND p.page = 'NextSong'
),

ranked AS (
    SELECT
        p.artist, p.song, p.length,
        c.song_id,
        c.artist_id,
        ROW_NUMBER() OVER (
            PARTITION BY p.artist, p.song, p.length
            ORDER BY
                ABS(c.duration - p.length) NULLS LAST,
                c.song_id NULLS LAST,
                c.artist_id NULLS LAST
        ) AS preference
    FROM candidates c
    JOIN played p
        ON c.artist_name = p.artist
        AND c.title = p.song
        AND ($match = 'title-artist' OR c.duration = p.length)
)

SELECT artist, song, length, song_id, artist_id
FROM ranked
WHERE preference = 1
