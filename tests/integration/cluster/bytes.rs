//! Stars of a cluster have the bytes of those of one process.

use super::{Cluster, assert_equal, assert_tidy, generate};
use crate::support::{Workspace, real_data};

#[test]
fn stars_equal_those_of_one_process() {
    let here = Workspace::new();
    generate(&here, 6000, "0.02");
    let cluster = Cluster::start(&here, 2, 1);
    for (name, options) in [
        ("plain", &["--max-rejects", "10%"][..]),
        ("days", &["--max-rejects", "10%", "--partition", "day"]),
        (
            "strict",
            &["--max-rejects", "10%", "--partition", "month", "--match", "title-artist-duration"],
        ),
        (
            "drop",
            &[
                "--max-rejects",
                "10%",
                "--partition",
                "day",
                "--unmatched",
                "drop",
                "--file-size",
                "64KiB",
            ],
        ),
        ("repaired", &["--max-rejects", "10%", "--repair-encoding", "match"]),
        ("stored", &["--max-rejects", "10%", "--repair-encoding", "store"]),
    ] {
        let (here_out, there_out) = (format!("{name}-here"), format!("{name}-there"));
        here.outcome(&mut here.transform(&here_out, options)).exits(0);
        cluster.transform(&here, &there_out, options).exits(0);
        assert_equal(&here, &there_out, &here_out);
        assert_tidy(&here, &there_out);
    }
}

#[test]
fn the_number_of_executors_does_not_matter() {
    let here = Workspace::new();
    generate(&here, 3000, "0");
    here.outcome(&mut here.transform("here", &["--partition", "day"])).exits(0);
    for executors in ["1", "2", "3"] {
        let out = format!("there-{executors}");
        let engine = format!("local[{executors}]");
        let options = ["--partition", "day", "--engine", &engine];
        here.outcome(&mut here.transform(&out, &options)).exits(0);
        assert_equal(&here, &out, "here");
        assert_tidy(&here, &out);
    }
}

#[test]
fn queries_and_checks_of_the_star_work() {
    let here = Workspace::new();
    generate(&here, 2000, "0");
    let options = ["--partition", "day", "--engine", "local[2]"];
    here.outcome(&mut here.transform("star", &options)).exits(0);
    here.run(["check", "--star", "star"]).exits(0);
    here.run(["query", "--star", "star", "--sql", "SELECT COUNT(*) AS plays FROM songplays"])
        .exits(0);
    let again = ["--partition", "day", "--engine", "local[2]", "--verify"];
    here.outcome(&mut here.transform("star", &again)).exits(0);
}

#[test]
fn datasets_without_rows_make_empty_tables() {
    let here = Workspace::new();
    here.write("data/song_data/a.json", "");
    here.write("data/log_data/a.json", "");
    for partition in ["none", "day"] {
        let options = ["--allow-empty", "--partition", partition];
        let (out, expected) = (format!("{partition}-there"), format!("{partition}-here"));
        here.outcome(&mut here.transform(&expected, &options)).exits(0);
        let mut command = here.transform(&out, &options);
        here.outcome(command.args(["--engine", "local[2]"])).exits(0);
        assert_equal(&here, &out, &expected);
    }
}

#[test]
fn jsonpaths_and_other_models_are_used_by_executors() {
    let here = Workspace::new();
    let Some(data) = real_data() else { return };
    let arguments = |out: &str| {
        let mut command = here.command();
        command.arg("transform").arg("--songs").arg(data.join("song_data"));
        command.arg("--logs").arg(data.join("log_data"));
        command.arg("--log-jsonpaths").arg(data.join("log_json_path.json"));
        command.args(["--out", out, "--partition", "day"]);
        command
    };
    here.outcome(&mut arguments("here")).exits(0);
    here.outcome(arguments("there").args(["--engine", "local[2]"])).exits(0);
    assert_equal(&here, "there", "here");
}

#[test]
fn another_model_is_carried_out() {
    let here = Workspace::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/github");
    let transform = |out: &str| {
        let mut command = here.command();
        command.arg("transform").arg("--model").arg(&fixtures);
        for dataset in ["events", "commits"] {
            let folder = fixtures.join("data");
            command.arg("--input").arg(format!("{dataset}={}", folder.display()));
        }
        command.args(["--out", out, "--partition", "day"]);
        command
    };
    here.outcome(&mut transform("here")).exits(0);
    here.outcome(transform("there").args(["--engine", "local[2]"])).exits(0);
    assert_equal(&here, "there", "here");
}
