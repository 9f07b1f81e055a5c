-- candidates: the songs that a play of a title with several of them can be matched to.
--
-- All song records take part, not only those that make it into songs: which record of a song_id
-- describes it best has nothing to do with what was played.

SELECT t.artist_name, t.title, s.song_id, s.artist_id, s.duration
FROM titles t
JOIN staging_songs s
    ON match_key(s.artist_name) = t.artist_name
    AND match_key(s.title) = t.title
WHERE t.candidates > 1
