-- artist_versions: the attributes of each artist in the song records, one row per distinct combination.

SELECT DISTINCT
    artist_id,
    artist_name AS name,
    artist_location AS location,
    artist_latitude AS latitude,
    artist_longitude AS longitude
FROM staging_songs
