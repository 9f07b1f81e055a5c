-- Counts rows with text that was encoded to UTF-8 twice, such as "BjÃ¶rk" for "Björk": the plays and song
-- records with such an artist or title, and the distinct plays that match a song only after the texts are
-- repaired. $match is the same as in songplays.
--
-- repair_encoding(text) returns the original text if text was encoded twice, otherwise text itself. Text
-- counts as encoded twice if its characters, converted to bytes of Windows-1252 or Latin-1, are valid
-- UTF-8 with fewer characters. This query runs only if such text was read.
--
-- Additive: each play is counted on the day of its ts; the songs are the same for all days
--
-- Summary: {plays} plays and {songs} songs with an artist or title that was encoded to UTF-8 twice;
-- matches that only the repair finds: {more_matches}

WITH plays AS (
    SELECT
        play_fingerprint, artist, song, length,
        repair_encoding(artist) AS repaired_artist,
        repair_encoding(song) AS repaired_song
    FROM staging_events
    WHERE page = 'NextSong'
),

songs AS (
    SELECT
        artist_name, title, duration,
        repair_encoding(artist_name) AS repaired_artist,
        repair_encoding(title) AS repaired_title
    FROM staging_songs
),

-- Contains each artist and title once, so that a play matches one row. With title-artist the duration is
-- not compared, so it is null.
titles AS (
    SELECT DISTINCT
        artist_name, title,
        CASE WHEN $match = 'title-artist' THEN NULL ELSE duration END AS duration
    FROM songs
),

repaired_titles AS (
    SELECT DISTINCT
        repaired_artist, repaired_title,
        CASE WHEN $match = 'title-artist' THEN NULL ELSE duration END AS duration
    FROM songs
),

matched AS (
    SELECT DISTINCT p.play_fingerprint
    FROM titles t
    JOIN plays p ON t.artist_name = p.artist AND t.title = p.song
    WHERE $match = 'title-artist' OR t.duration = p.length
),

matched_if_repaired AS (
    SELECT DISTINCT p.play_fingerprint
    FROM repaired_titles t
    JOIN plays p ON t.repaired_artist = p.repaired_artist AND t.repaired_title = p.repaired_song
    WHERE $match = 'title-artist' OR t.duration = p.length
)

SELECT
    (SELECT COUNT(*) FROM plays
        WHERE repaired_artist <> artist OR repaired_song <> song) AS plays,
    (SELECT COUNT(*) FROM songs
        WHERE repaired_artist <> artist_name OR repaired_title <> title) AS songs,
    (SELECT COUNT(*) FROM matched_if_repaired) - (SELECT COUNT(*) FROM matched) AS more_matches
