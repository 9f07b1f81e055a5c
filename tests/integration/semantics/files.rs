//! The Parquet files: columns, types, order, and deterministic bytes.

use arrow::datatypes::{Field, Schema, TimeUnit};
use starlift::generate::{GenerateOptions, log_files, song_objects};
use starlift::model::Model;

use super::*;

fn wanted(table: &str) -> Vec<Field> {
    let text = |name, null| Field::new(name, DataType::Utf8, null);
    let big = |name| Field::new(name, DataType::Int64, false);
    let double = |name| Field::new(name, DataType::Float64, true);
    let small = |name| Field::new(name, DataType::Int16, false);
    let start = Field::new("start_time", DataType::Timestamp(TimeUnit::Microsecond, None), false);
    match table {
        "songplays" => vec![
            big("songplay_id"),
            start,
            big("user_id"),
            text("level", true),
            text("song_id", true),
            text("artist_id", true),
            big("session_id"),
            text("location", true),
            text("user_agent", true),
        ],
        "users" => vec![
            big("user_id"),
            text("first_name", true),
            text("last_name", true),
            text("gender", true),
            text("level", true),
        ],
        "songs" => vec![
            text("song_id", false),
            text("title", false),
            text("artist_id", false),
            Field::new("year", DataType::Int32, true),
            double("duration"),
        ],
        "artists" => vec![
            text("artist_id", false),
            text("name", false),
            text("location", true),
            double("latitude"),
            double("longitude"),
        ],
        _ => vec![
            start,
            small("hour"),
            small("day"),
            small("week"),
            small("month"),
            small("year"),
            small("weekday"),
        ],
    }
}

#[test]
fn columns_types_and_nullability_follow_the_rules_even_without_rows() {
    let full = Star::of(&[song(json!({}))], &[play(json!({}))]);
    let empty = Star::of(&[json!({})], &[json!({})]);
    for table in ["songplays", "users", "songs", "artists", "time"] {
        for (star, rows) in [(&full, 1), (&empty, 0)] {
            let files = star.files(table);
            assert_eq!(files.len(), 1);
            let file = std::fs::File::open(&files[0]).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            assert_eq!(**reader.schema(), Schema::new(wanted(table)));
            assert_eq!(reader.metadata().file_metadata().num_rows(), rows);
        }
    }
}

#[test]
fn only_columns_with_repeated_values_have_dictionaries() {
    let star = Star::of(&[song(json!({}))], &[play(json!({"level": "free"}))]);
    for table in &Model::built_in().tables {
        let file = std::fs::File::open(&star.files(&table.name)[0]).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        for column in reader.metadata().row_group(0).columns() {
            let name = column.column_descr().name();
            let repeats = !table.sorted_by.iter().any(|sorted| sorted == name);
            let is_null = column.statistics().unwrap().null_count_opt() == Some(1);
            let has_dictionary = column.dictionary_page_offset().is_some();
            assert!(is_null || has_dictionary == repeats, "{}.{name}", table.name);
        }
    }
}

#[test]
fn rows_are_sorted_with_text_in_byte_order() {
    let ids = ["b", "Z", "é", "a", "日", "🎵", "ﬁ", "aa", "A"];
    let songs: Vec<_> =
        ids.iter().map(|id| song(json!({"song_id": id, "artist_id": id}))).collect();
    let events: Vec<_> = [3, 1, -2, 1, 2, 10]
        .iter()
        .enumerate()
        .map(|(i, ts)| play(json!({"ts": ts, "userId": 100 - i * 7, "itemInSession": i})))
        .collect();
    let star = Star::of(&songs, &events);
    let column = |table: &str, at: usize| -> Vec<Value> {
        star.stored(table).iter().map(|row| row[at].clone()).collect()
    };
    let sorted = ["A", "Z", "a", "aa", "b", "é", "日", "ﬁ", "🎵"].map(|id| json!(id));
    assert_eq!(column("songs", 0), sorted);
    assert_eq!(column("artists", 0), sorted);
    assert_eq!(column("users", 0), [65, 72, 79, 86, 93, 100].map(|id| json!(id)));
    let starts =
        star.rows("SELECT start_time, songplay_id FROM songplays ORDER BY start_time, songplay_id");
    assert_eq!(
        star.rows("SELECT start_time FROM time"),
        star.rows("SELECT DISTINCT start_time FROM songplays ORDER BY 1")
    );
    let stored: Vec<_> =
        star.stored("songplays").iter().map(|row| json!([row[1], row[0]])).collect();
    assert_eq!(stored, starts);
    assert_eq!(stored[0][0], "1969-12-31T23:59:59.998");
}

/// Returns every file of the star, grouped by table.
fn bytes(star: &Star) -> Vec<(String, Vec<Vec<u8>>)> {
    let read = |path| std::fs::read(path).unwrap();
    let files = |table: &str| star.files(table).into_iter().map(read).collect();
    let model = Model::built_in();
    model.tables.iter().map(|table| (table.name.clone(), files(&table.name))).collect()
}

/// Returns generated songs and logs, and a few records whose ties need every rule.
fn sample() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let options = GenerateOptions {
        songs: 400,
        events: 12_000,
        users: 50,
        days: 6,
        bad_rate: 0.01,
        duplicate_rate: 0.1,
        ..GenerateOptions::default()
    };
    let mut songs: Vec<_> = song_objects(&options).map(|object| object.bytes.to_vec()).collect();
    let more = (0..300).map(|i| {
        song(json!({"song_id": format!("S{}", i % 20), "artist_id": format!("A{}", i % 7),
            "title": format!("T{}", i % 3), "duration": i % 4, "year": i % 5,
            "artist_latitude": (i % 2 == 0).then_some(i % 6)}))
    });
    songs.push(lines(&more.collect::<Vec<_>>()).into_bytes());
    let mut logs: Vec<_> = log_files(&options)
        .map(|mut file| {
            let mut bytes = Vec::new();
            while file.next_chunk(&mut bytes) {}
            bytes
        })
        .collect();
    let more = (0..2000).map(|i| {
        play(json!({"ts": 5000 + i % 11, "userId": i % 3, "artist": "N", "length": i % 9,
            "song": format!("T{}", i % 4), "level": (["free", "paid"][i % 2]),
            "firstName": format!("F{}", i % 13)}))
    });
    logs.push(lines(&more.collect::<Vec<_>>()).into_bytes());
    (songs, logs)
}

fn star(songs: &[Vec<u8>], logs: &[Vec<u8>], reversed: bool, threads: usize) -> Star {
    let mut job = Job::new();
    for (folder, files) in [("songs", songs), ("logs", logs)] {
        for (i, bytes) in files.iter().enumerate() {
            let number = if reversed { files.len() - i } else { i };
            job = job.file(&format!("{folder}/{}/{number:05}.json", number % 3), bytes);
        }
    }
    job.set(|options| {
        options.engine.threads = Some(threads);
        options.file_bytes = 50_000;
    })
    .run()
}

#[test]
fn same_records_produce_the_same_bytes() {
    let (songs, logs) = sample();
    let one = star(&songs, &logs, false, 1);
    let wanted = bytes(&one);
    assert!(one.value("SELECT COUNT(*) FROM songplays").as_i64().unwrap() > 8192);
    assert!(one.files("songplays").len() > 1);
    assert!(wanted == bytes(&star(&songs, &logs, false, 4)), "four threads");
    assert!(wanted == bytes(&star(&songs, &logs, true, 3)), "reversed names");
    let songs = dealt_out(&songs.iter().map(|object| &object[..]).collect::<Vec<_>>());
    let logs = logs.join(&b'\n');
    let logs = dealt_out(&logs.split(|byte| *byte == b'\n').collect::<Vec<_>>());
    assert!(wanted == bytes(&star(&songs, &logs, false, 4)), "dealt out to other files");
}

/// Distributes the records over seven files, regardless of their source.
fn dealt_out(records: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut files = vec![Vec::new(); 7];
    for (i, record) in records.iter().enumerate() {
        files[i % 7].extend_from_slice(record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record));
        files[i % 7].push(b'\n');
    }
    files
}

#[test]
fn every_invariant_is_checked_and_holds() {
    let (songs, logs) = sample();
    let star = star(&songs, &logs, false, 2);
    let checks: Vec<_> =
        star.report.checks.iter().map(|c| (&c.name[..], c.offending_rows)).collect();
    let wanted = [
        "songs_primary_key",
        "songs_not_null",
        "artists_primary_key",
        "artists_not_null",
        "users_primary_key",
        "songplays_primary_key",
        "songplays_not_null",
        "time_primary_key",
        "time_not_null",
        "songs_artist_id_in_artists",
        "songplays_start_time_in_time",
        "songplays_user_id_in_users",
        "songplays_song_id_in_songs",
        "songplays_artist_id_in_artists",
        "records_accounted",
        "songplays_rows",
    ];
    assert_eq!(checks, wanted.map(|name| (name, 0)));
    let plays = star.plays();
    let keys: Vec<_> = star.rows("SELECT start_time, songplay_id FROM songplays ORDER BY 1, 2");
    let stored = star.stored("songplays").into_iter();
    assert_eq!(stored.map(|row| json!([row[1], row[0]])).collect::<Vec<_>>(), keys);
    assert!(plays.duplicates > 500 && plays.matched > 100, "{plays:?}");
}

/// Rewrites the rejects of a star in the format without lengths, and returns a record of that
/// format.
fn without_lengths(star: &Star) -> RunRecord {
    let mut record = star.record().clone();
    let path = Path::new(&star.job.options.out).join(&record.rejects.path);
    let file = std::fs::File::open(&path).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    let kept: Vec<usize> = (0..batches[0].num_columns()).filter(|i| *i != 3).collect();
    assert_eq!(batches[0].schema().field(3).name(), "length");
    let schema = Arc::new(batches[0].schema().project(&kept).unwrap());
    let mut file = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut file, schema, None).unwrap();
    for batch in &batches {
        writer.write(&batch.project(&kept).unwrap()).unwrap();
    }
    writer.close().unwrap();
    record.rejects.bytes = file.len() as u64;
    std::fs::write(path, file).unwrap();
    record
}

#[test]
fn rejects_in_the_older_format_have_no_length() {
    let star = Job::of(&lines(&[song(json!({}))]), &format!("oops\n{}", visit(json!({})))).run();
    let record = without_lengths(&star);
    let counts = star.runtime.block_on(async {
        let stores = Stores::new(StoreOptions::default());
        let out = Location::parse_single(&star.job.options.out).unwrap();
        let session = SessionContext::new();
        register_star(&session, &stores.place(out).await.unwrap(), &record, &Model::built_in())
            .await
            .unwrap();
        let sql = "SELECT COUNT(*), COUNT(length), MIN(raw) FROM rejects";
        session.sql(sql).await.unwrap().collect().await.unwrap()
    });
    assert_eq!(rows(&counts), [json!([1, 0, "oops"])]);
}
