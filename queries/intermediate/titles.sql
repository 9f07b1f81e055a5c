-- titles: one row per artist and title, with the number of song records that have them. Usually there is
-- one record, and the other columns are those of that record.
--
-- match_key(text) is the form of the text that is compared: with --repair-encoding match, text that was
-- encoded to UTF-8 twice is repaired before the comparison.

SELECT
    match_key(artist_name) AS artist_name,
    match_key(title) AS title,
    COUNT(*) AS candidates,
    MIN(song_id) AS song_id,
    MIN(artist_id) AS artist_id,
    MIN(duration) AS duration
FROM staging_songs
GROUP BY match_key(artist_name), match_key(title)
