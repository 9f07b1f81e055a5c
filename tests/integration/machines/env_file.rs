//! `--env-file`.

use super::with_star;
use crate::support::Workspace;

const COUNT: &str = "SELECT COUNT(*) AS plays FROM songplays";

#[test]
fn variables_of_the_file_are_those_of_the_environment() {
    let here = with_star();
    here.write(
        "job.env",
        "# The star of don't care\n\nexport STARLIFT_STAR='star' # quoted\r\nSTARLIFT_COLOR=\"never\"\nSTARLIFT_RETRIES = 0\n",
    );
    let query = ["query", "--env-file", "job.env", "--format", "csv", "--sql", COUNT];
    here.run(query).exits(0);
    assert_eq!(here.run(query).stdout, "plays\n2\n");
    here.run(["query", "--env-file=job.env", "--format", "csv", "--sql", COUNT]).exits(0);
    // A variable that is already set wins, and so does the command line.
    let mut command = here.command();
    command.env("STARLIFT_STAR", "none").args(query);
    here.outcome(&mut command).exits(1);
    command.args(["--star", "star"]);
    here.outcome(&mut command).exits(0);
    // The documents of --output-format json come from it too.
    here.write("json.env", "STARLIFT_OUTPUT_FORMAT=json\nSTARLIFT_STAR=star\n");
    here.run(["check", "--env-file", "json.env"]).exits(0).document("check");
}

#[test]
fn mistakes_name_the_line_and_show_no_value() {
    let here = Workspace::new();
    for (text, line) in [
        ("A=1\nPGPASSWORD\n", 2),
        ("A=1\n\n# hunter2\nPGPASSWORD=hunter2 hunter2\nB=1\n", 4),
        ("PGPASSWORD='hunter2\nB=1\n", 1),
        ("1A=hunter2\n", 1),
        ("A=1\nB=hunter2\0\n", 2),
    ] {
        here.write("job.env", text);
        let outcome = here.run(["query", "--list", "--env-file", "job.env"]);
        outcome.exits(2).complains(&format!("--env-file job.env:{line}: "));
        assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
        let args = ["check", "--env-file", "job.env", "--output-format", "json"];
        let error = here.run(args).exits(2).error("check", "invalid-option");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    here.write("job.env", b"A=1\nB=\xff\n");
    here.run(["query", "--list", "--env-file", "job.env"]).exits(2).complains("job.env:2: ");
    here.run(["query", "--list", "--env-file", "none"]).exits(2).complains("cannot read none");
    here.run(["query", "--list", "--env-file"]).exits(2).complains("--env-file <FILE>");
    let twice = ["query", "--list", "--env-file", "job.env", "--env-file", "job.env"];
    here.write("job.env", "");
    here.run(twice).exits(2).complains("cannot be used multiple times");
}
