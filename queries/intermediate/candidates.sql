-- candidates: the song records of each title that has more than one. A play of the title is matched to one
-- of them.
--
-- All song records are candidates, not only those that are selected for songs: the selection of the best
-- record of a song_id does not depend on what was played.

SELECT t.artist_name, t.title, s.song_id, s.artist_id, s.duration
FROM titles t
JOIN staging_songs s
    ON match_key(s.artist_name) = t.artist_name
    AND match_key(s.title) = t.title
WHERE t.candidates > 1
