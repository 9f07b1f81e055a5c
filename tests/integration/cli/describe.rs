//! The program's description of itself: help, version, schema and completions.

use crate::support::Workspace;

const COMMANDS: [&str; 8] =
    ["transform", "query", "check", "generate", "demo", "schema", "model", "completions"];

#[test]
fn help_of_each_command_shows_exit_codes_and_defaults() {
    let here = Workspace::new();
    let codes =
        "Exit codes: 0 success; 1 failure; 2 wrong usage; 3 too many rejects; 4 failed check.";
    let defaults: [(&str, &[&str]); 7] = [
        (
            "transform",
            &["title-artist", "keep", "0", "70% of the machine's", "the machine's cores", "256MiB"],
        ),
        ("query", &["table", "70% of the machine's", "the machine's cores"]),
        ("check", &["70% of the machine's", "the machine's cores"]),
        ("generate", &["15000", "100000", "1000", "30", "2018", "0", "0.01"]),
        ("demo", &["starlift-demo here"]),
        ("schema", &["mermaid"]),
        ("completions", &[]),
    ];
    here.run(["--help"]).exits(0).says(codes);
    for (command, defaults) in defaults {
        let outcome = here.run([command, "--help"]);
        outcome.exits(0).says(codes).says("[default: text]").says("[default: auto]");
        let one_line = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for default in defaults {
            assert!(one_line.contains(&format!("[default: {default}")), "{default}: {outcome}");
        }
    }
}

#[test]
fn help_names_every_command_and_the_order_of_precedence() {
    let outcome = Workspace::new().run(["--help"]);
    let one_line = outcome.exits(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains(
        "in increasing order of precedence: its default, the configuration file, the environment, \
         the command line"
    ));
    for command in COMMANDS {
        outcome.says(&format!("\n  {command} "));
    }
}

#[test]
fn help_names_the_variable_of_each_setting() {
    let outcome = Workspace::new().run(["transform", "--help"]);
    for variable in [
        "SONGS",
        "LOGS",
        "OUT",
        "LOG_JSONPATHS",
        "SONG_JSONPATHS",
        "QUERIES",
        "MATCH",
        "UNMATCHED",
        "MAX_REJECTS",
        "MEMORY_LIMIT",
        "THREADS",
        "FILE_SIZE",
        "CONFIG",
        "REGION",
        "ENDPOINT_URL",
        "NO_SIGN_REQUEST",
        "QUIET",
        "LOG_FORMAT",
        "COLOR",
    ] {
        outcome.says(&format!("[env: STARLIFT_{variable}=]"));
    }
}

#[test]
fn version_is_that_of_the_crate() {
    let version = format!("starlift {}\n", env!("CARGO_PKG_VERSION"));
    Workspace::new().run(["--version"]).exits(0).prints(&version);
}

#[test]
fn missing_or_unknown_command_is_a_usage_error() {
    let here = Workspace::new();
    here.run([""; 0]).exits(2).prints("").complains("Usage: starlift [OPTIONS] <COMMAND>");
    here.run(["transfrom"])
        .exits(2)
        .complains("unrecognized subcommand 'transfrom'")
        .complains("'transform'");
    for command in COMMANDS {
        here.run([command, "--nope"]).exits(2).prints("").complains("--nope");
    }
}

#[test]
fn schema_prints_a_diagram() {
    let outcome = Workspace::new().run(["schema"]);
    outcome.exits(0).says("        BIGINT songplay_id PK \"not null, 63-bit fingerprint");
    assert!(outcome.stdout.starts_with("erDiagram\n"), "{outcome}");
    let relations: Vec<&str> =
        outcome.stdout.lines().filter(|line| line.contains("--o{")).map(str::trim).collect();
    assert_eq!(
        relations,
        [
            "artists ||--o{ songs : artist_id",
            "time ||--o{ songplays : start_time",
            "users ||--o{ songplays : user_id",
            "songs |o--o{ songplays : song_id",
            "artists |o--o{ songplays : artist_id",
        ]
    );
    Workspace::new().run(["schema", "--format", "mermaid"]).exits(0).prints(&outcome.stdout);
}

#[test]
fn schema_prints_json() {
    let outcome = Workspace::new().run(["schema", "--format", "json"]);
    outcome.exits(0);
    let schema: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let tables = schema["tables"].as_array().unwrap();
    let described: Vec<String> = tables.iter().map(described).collect();
    assert_eq!(
        described,
        [
            "songs(song_id VARCHAR!, title VARCHAR!, artist_id VARCHAR!, year INTEGER, \
             duration DOUBLE PRECISION)",
            "artists(artist_id VARCHAR!, name VARCHAR!, location VARCHAR, \
             latitude DOUBLE PRECISION, longitude DOUBLE PRECISION)",
            "users(user_id BIGINT!, first_name VARCHAR, last_name VARCHAR, gender VARCHAR, \
             level VARCHAR)",
            "songplays(songplay_id BIGINT!, start_time TIMESTAMP!, user_id BIGINT!, level VARCHAR, \
             song_id VARCHAR, artist_id VARCHAR, session_id BIGINT!, location VARCHAR, \
             user_agent VARCHAR)",
            "time(start_time TIMESTAMP!, hour SMALLINT!, day SMALLINT!, week SMALLINT!, \
             month SMALLINT!, year SMALLINT!, weekday SMALLINT!)",
        ]
    );
    assert_eq!(tables[3]["primary_key"], serde_json::json!(["songplay_id"]));
    assert_eq!(tables[3]["columns"][4]["references"], "songs");
    assert_eq!(tables[3]["columns"][1]["arrow_type"], "Timestamp(µs)");
    Workspace::new().run(["schema", "--format", "dot"]).exits(2).complains("mermaid, json");
}

fn described(table: &serde_json::Value) -> String {
    let columns = table["columns"].as_array().unwrap().iter().map(|column| {
        let mark = if column["nullable"] == false { "!" } else { "" };
        format!("{} {}{mark}", column["name"].as_str().unwrap(), column["type"].as_str().unwrap())
    });
    format!("{}({})", table["name"].as_str().unwrap(), columns.collect::<Vec<_>>().join(", "))
}

#[test]
fn completions_need_a_known_shell() {
    let here = Workspace::new();
    here.run(["completions", "tcsh"]).exits(2).complains("bash, elvish, fish, powershell, zsh");
    here.run(["completions"]).exits(2).complains("<SHELL>");
}

#[test]
fn bash_accepts_its_completions() {
    let here = Workspace::new();
    let script = here.run(["completions", "bash"]).exits(0).stdout.clone();
    here.write("starlift.bash", script);
    let Ok(bash) = std::process::Command::new("bash")
        .args(["-c", "source starlift.bash && complete -p starlift"])
        .current_dir(here.path())
        .output()
    else {
        return eprintln!("skipped: there is no bash here");
    };
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    assert!(String::from_utf8_lossy(&bash.stdout).contains("-F _clap_complete_starlift"));
}
