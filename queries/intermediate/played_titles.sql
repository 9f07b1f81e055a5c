-- played_titles: the artists, titles and lengths that were played, with the number of their plays.
--
-- A title is played many times in few distinct lengths, so a song is matched once per length, not once per
-- play.

SELECT artist, song AS title, length, COUNT(*) AS plays
FROM plays
GROUP BY artist, song, length
