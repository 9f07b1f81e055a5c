-- candidates: the songs that a play can be matched to, one row a distinct one.
--
-- All song records take part, not only those that make it into songs: which record of a song_id
-- describes it best has nothing to do with what was played.

SELECT DISTINCT artist_name, title, song_id, artist_id, duration
FROM staging_songs
