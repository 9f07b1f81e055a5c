-- titles: one row an artist and title, with the number of song records that have them. Most have
-- one, which this row then is.

SELECT
    artist_name,
    title,
    COUNT(*) AS candidates,
    MIN(song_id) AS song_id,
    MIN(artist_id) AS artist_id,
    MIN(duration) AS duration
FROM staging_songs
GROUP BY artist_name, title
