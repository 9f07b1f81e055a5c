-- candidates: the songs that a play of a title with several of them can be matched to.
--
-- All song records take part, not only those that make it into songs: which record of a song_id
-- describes it best has nothing to do with what was played.

SELECT s.artist_name, s.title, s.song_id, s.artist_id, s.duration
FROM titles t
JOIN staging_songs s ON s.artist_name = t.artist_name AND s.title = t.title
WHERE t.candidates > 1
