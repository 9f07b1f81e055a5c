-- song_matches: the song that plays of an artist, title and length match, one row per combination that matches
-- one. If several songs match, the one whose duration is nearest to the length is selected, then the one with
-- the smallest song_id, then with the smallest artist_id.
--
-- $match  'title-artist': a play matches a song if artist and title are equal.
--         'title-artist-duration': the length of the play must also equal the duration of the song.
--
-- All song records are considered, not only those that are selected for songs: the selection of the best
-- record of a song_id does not depend on what was played.
--
-- The columns are named differently from those of plays because DataFusion has pushed filters to the wrong
-- side of outer joins whose sides share a column name (apache/datafusion#20213).

WITH ranked AS (
    SELECT
        p.artist, p.title, p.length, s.song_id, s.artist_id,
        ROW_NUMBER() OVER (
            PARTITION BY p.artist, p.title, p.length
            ORDER BY
                ABS(s.duration - p.length) NULLS LAST,
                s.song_id NULLS LAST,
                s.artist_id NULLS LAST
        ) AS preference
    FROM staging_songs s
    JOIN played_titles p
        ON match_key(s.artist_name) = p.artist
        AND match_key(s.title) = p.title
        AND ($match = 'title-artist' OR s.duration = p.length)
)

SELECT
    artist AS played_artist,
    title AS played_title,
    length AS played_length,
    song_id,
    artist_id
FROM ranked
WHERE preference = 1
