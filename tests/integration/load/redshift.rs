//! The tables in the Redshift stand-in: rows, queries, every statement, and errors.

use super::*;
use crate::support::redshift::Redshift;
use crate::support::s3::S3Server;
use starlift::warehouse::connection::secret::Secret;
use starlift::warehouse::connection::session::{Access, Limits, Login, Session};
use starlift::warehouse::connection::target::Target;

/// A star in S3, and a Redshift that may read it.
pub struct Cloud {
    pub here: Workspace,
    pub s3: S3Server,
    pub redshift: Redshift,
}

impl Cloud {
    pub async fn new() -> Cloud {
        let cloud = Cloud::without_star().await;
        cloud.transform("star", &[]);
        cloud
    }

    /// Starts both without building a star.
    pub async fn without_star() -> Cloud {
        let (here, s3) = (Workspace::new(), S3Server::start());
        let redshift = Redshift::start(&s3).await;
        Cloud { here, s3, redshift }
    }

    /// Builds a star of `fixtures/sample` at a prefix.
    pub fn transform(&self, prefix: &str, more: &[&str]) {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
        let (songs, logs) = (sample.join("song_data"), sample.join("log_data"));
        let args =
            ["transform", "--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
        let out = self.s3.url(prefix);
        let to = ["--out", &out, "--max-rejects", "14"];
        self.run(args.iter().chain(&to).chain(more)).exits(0);
    }

    pub fn target(&self) -> String {
        format!("{}?sslrootcert={}", self.redshift.url(), self.redshift.ca_file().display())
    }

    pub fn command(&self) -> std::process::Command {
        let mut command = self.here.command();
        self.s3.apply(&mut command);
        command
            .env("STARLIFT_PASSWORD", self.redshift.password())
            .env("STARLIFT_IAM_ROLE", self.redshift.role());
        command
    }

    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        let mut command = self.command();
        command.args(args);
        self.here.outcome(&mut command)
    }

    pub fn load(&self, star: &str, more: &[&str]) -> Outcome {
        let (star, target) = (self.s3.url(star), self.target());
        self.run(["load", "--star", &star, "--to", &target].iter().chain(more))
    }

    /// Runs a statement as the loader.
    pub async fn execute(&self, sql: &str) {
        self.session().await.execute("prepare a test", sql).await.unwrap();
    }

    /// Opens a session of the loader.
    pub async fn session(&self) -> Session {
        Session::open(&self.access()).await.unwrap()
    }

    pub fn access(&self) -> Access {
        Access {
            target: Target::parse(&self.target()).unwrap(),
            login: Login::Password(Some(Secret::new(self.redshift.password().to_owned()))),
            limits: Limits::default(),
        }
    }

    /// Returns the run ID of the star at a prefix.
    pub fn run_id(&self, star: &str) -> String {
        let record = self.s3.get(&format!("{star}/_starlift.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        record["run_id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_contain_the_rows_of_the_files() {
    let cloud = Cloud::new().await;
    let outcome = cloud.load("star", &[]);
    outcome.exits(0).says("statistics equal those of the files").says("load 1)");
    let (star, target) = (cloud.s3.url("star"), cloud.target());
    for table in ["songs", "artists", "users", "songplays", "time"] {
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY 1");
        let query = |more: &[&str]| {
            let outcome = cloud.run(["query", "--sql", &sql, "--format", "csv"].iter().chain(more));
            outcome.exits(0);
            outcome.stdout
        };
        let files = query(&["--star", &star]);
        assert!(files.lines().count() > 1, "{table} is empty");
        assert_eq!(files, query(&["--on", &target]), "{table}");
    }
    cloud.load("star", &[]).exits(0).says("(load 1); --force loads it again");
    cloud.transform("star", &["--unmatched", "drop"]);
    cloud.load("star", &[]).exits(0).says("load 2)");
    let client = cloud.redshift.database().client().await;
    assert_eq!(loaded_run(&client).await, cloud.run_id("star"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_and_check_has_the_same_result_and_every_statement_is_valid_redshift() {
    let cloud = Cloud::new().await;
    let (star, target) = (cloud.s3.url("star"), cloud.target());
    cloud.load("star", &[]).exits(0);
    cloud.load("star", &["--force"]).exits(0);
    let outcome = cloud.run(["query", "--star", &star, "--on", &target, "--compare"]);
    outcome.exits(0);
    assert_eq!(outcome.stdout.matches("same").count(), 11, "{outcome}");
    cloud.run(["check", "--star", &star, "--on", &target]).exits(0).says("songplays_rows");
    let mut shell = cloud.command();
    shell.args(["shell", "--on", &target, "--format", "csv"]);
    let script = cloud.here.write("script.sql", "SELECT 1 AS one;\n\\query months_present\n");
    shell.stdin(std::fs::File::open(script).unwrap());
    cloud.here.outcome(&mut shell).exits(0).says("one\n1\nyear,month,");
    let scratch = cloud.s3.url("scratch");
    let report = cloud.run(["selftest", "--to", &target, "--scratch", &scratch]);
    report.exits(0).says("selftest: passed").says("8.0.2");
    assert!(cloud.s3.keys("scratch").is_empty(), "the self-test left its star");

    let statements = cloud.redshift.statements();
    let secret = cloud.redshift.password();
    assert!(statements.iter().all(|sql| !sql.contains(secret)), "the password is in a statement");
    for kind in ["COPY ", "LOCK ", "RENAME TO", "COMMENT ON", "INSERT INTO", "DROP SCHEMA"] {
        assert!(statements.iter().any(|sql| sql.contains(kind)), "no {kind}");
    }
    let copies = statements.iter().filter(|sql| sql.starts_with("COPY"));
    for sql in copies {
        assert_eq!(starlift::warehouse::contract::check_copy(sql, None), [], "{sql}");
    }
    parse(&cloud.here, &statements);
}

/// Parses statements with sqlfluff's Redshift dialect.
#[track_caller]
fn parse(here: &Workspace, statements: &[String]) {
    let Some(python) = crate::support::python() else { return };
    let file = here.write("statements", statements.join("\0"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/parse_redshift.py");
    let output = std::process::Command::new(python).arg(script).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(" 0 not parsed"), "{said}\n{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_shows_the_contract_and_the_statements_without_connecting() {
    let cloud = Cloud::new().await;
    let before = cloud.redshift.statements().len();
    let outcome = cloud.load("star", &["--dry-run"]);
    outcome
        .exits(0)
        .says("rules satisfied")
        .says("FORMAT AS PARQUET\nMANIFEST;")
        .says("IAM_ROLE 'arn:");
    outcome.says("DISTSTYLE KEY\nDISTKEY (\"start_time\")\nSORTKEY (\"start_time\");");
    assert!(!outcome.stdout.contains(cloud.redshift.password()));
    assert_eq!(cloud.redshift.statements().len(), before);
    let statements: Vec<String> = outcome
        .stdout
        .split(";\n")
        .filter(|sql| sql.lines().any(|line| !line.starts_with("--") && !line.is_empty()))
        .skip(1)
        .map(str::to_owned)
        .collect();
    parse(&cloud.here, &statements);
    cloud.here.write(
        "starlift.toml",
        "[warehouse.wide]\nurl = \"redshift://u@h/d\"\nschema = \"mart\"\nstatement_timeout = 60\n\
         [warehouse.wide.tables.songplays]\ndistribution = \"user_id\"\nsort_key = [\"user_id\"]\n",
    );
    let named = cloud.run(["load", "--dry-run", "--star", &cloud.s3.url("star"), "--to", "wide"]);
    named.exits(0).says("SET statement_timeout TO 60000;").says("COPY \"mart\".");
    named.says("DISTKEY (\"user_id\")\nSORTKEY (\"user_id\");");
}

#[tokio::test(flavor = "multi_thread")]
async fn unattached_role_is_named_with_a_remedy() {
    let cloud = Cloud::new().await;
    cloud.load("star", &[]).exits(0);
    let outcome =
        cloud.load("star", &["--force", "--iam-role", "arn:aws:iam::123456789012:role/other"]);
    outcome.fails_with("statement-rejected").naming(&["role/other", "attach the role"]);
    let client = cloud.redshift.database().client().await;
    assert_eq!(value(&client, "SELECT MAX(load_number) FROM star.starlift_loads").await, "1");
    cloud
        .load("star", &["--iam-role", "role/other"])
        .fails_with("invalid-name")
        .naming(&["is not an IAM role"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_certificates_are_distinguished() {
    let cloud = Cloud::new().await;
    let star = cloud.s3.url("star");
    let with = |password: &str, target: &str| {
        let mut command = cloud.command();
        command.env("STARLIFT_PASSWORD", password).args(["load", "--star", &star, "--to", target]);
        cloud.here.outcome(&mut command)
    };
    let outcome = with("open barley", &cloud.target());
    outcome.fails_with("statement-rejected").naming(&["--password-file"]);
    assert!(!outcome.stderr.contains("open barley"), "{outcome}");
    with(cloud.redshift.password(), &cloud.redshift.url()).fails_with("tls-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_bound_to_the_tables_are_named_before_any_change() {
    let cloud = Cloud::new().await;
    cloud.load("star", &[]).exits(0);
    let client = cloud.redshift.database().client().await;
    client.batch_execute("CREATE VIEW star.titles AS SELECT title FROM star.songs").await.unwrap();
    let copies = |sql: &String| sql.starts_with("COPY");
    let before = cloud.redshift.statements().iter().filter(|sql| copies(sql)).count();
    let outcome = cloud.load("star", &["--force"]);
    outcome.fails_with("dependents").naming(&["view star.titles", "NO SCHEMA BINDING"]);
    assert_eq!(cloud.redshift.statements().iter().filter(|sql| copies(sql)).count(), before);
    cloud.load("star", &["--force", "--cascade"]).exits(0).says("dropped   view star.titles");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_too_long_for_any_column_is_named_before_the_load() {
    let cloud = Cloud::new().await;
    let long = "long ".repeat(14_000);
    cloud.here.write(
        "songs/s.json",
        format!(
            r#"{{"song_id":"S1","title":"{long}","artist_id":"A1","artist_name":"N","duration":9.5,"year":0}}"#
        ),
    );
    cloud
        .here
        .write("logs/l.json", r#"{"ts":1541121934796,"page":"Home","userId":"","sessionId":1}"#);
    let out = cloud.s3.url("long");
    cloud.run(["transform", "--songs", "songs", "--logs", "logs", "--out", &out]).exits(0);
    let before = cloud.redshift.statements().len();
    let outcome = cloud.load("long", &[]);
    outcome
        .fails_with("copy-contract")
        .says("text-length")
        .says("title")
        .says("70000")
        .says("long long");
    assert_eq!(cloud.redshift.statements().len(), before);
    // PostgreSQL has no such limit.
    let database = database();
    cloud.run(["load", "--star", &out, "--to", &database.url()]).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_are_carried_over_or_named() {
    let cloud = Cloud::new().await;
    cloud.load("star", &[]).exits(0);
    for sql in [
        "CREATE USER reader PASSWORD 'Abcdefg1'",
        "CREATE USER nosy PASSWORD 'Abcdefg1'",
        "CREATE GROUP bi WITH USER nosy",
        "GRANT SELECT ON TABLE star.songplays TO reader",
        "GRANT SELECT, INSERT ON TABLE star.songs TO GROUP bi",
        "GRANT SELECT ON TABLE star.artists TO PUBLIC",
    ] {
        cloud.execute(sql).await;
    }
    let client = cloud.redshift.database().client().await;
    let role = "SELECT role FROM rs.principals WHERE name = 'nosy'";
    let role = value(&client, role).await;
    let widen = format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO \"{role}\"");
    client.batch_execute(&widen).await.unwrap();
    let grants = "SELECT relation_name, privilege_type, identity_type, identity_name \
                  FROM redshift.svv_relation_privileges WHERE namespace_name = 'star' \
                  AND relation_name NOT LIKE 'starlift%' AND identity_name <> 'loader' ORDER BY 1, 2, 4";
    let before = rows(&client, grants).await;
    assert_eq!(before.len(), 4, "{before:?}");
    cloud.load("star", &["--force"]).exits(0);
    assert_eq!(rows(&client, grants).await, before);
    let statements = cloud.redshift.statements();
    assert!(statements.iter().any(|sql| sql.starts_with("GRANT SELECT ON TABLE")));
    parse(&cloud.here, &statements);
    // Regular users of Redshift do not see the grants of others, but the access list of the table
    // shows them.
    let unseen = format!("unseen_{}", cloud.redshift.database().name());
    let grant = format!("CREATE ROLE {unseen}; GRANT SELECT ON star.users TO {unseen}");
    client.batch_execute(&grant).await.unwrap();
    let outcome = cloud.load("star", &["--force"]);
    let unknown = format!("grants of \"{unseen}\" on users");
    outcome.fails_with("dependents").naming(&[&unknown]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_wait_ends_at_the_configured_timeout() {
    let cloud = Cloud::new().await;
    cloud.load("star", &[]).exits(0);
    let client = cloud.redshift.database().client().await;
    client.batch_execute("BEGIN; LOCK TABLE star.starlift_lock IN EXCLUSIVE MODE").await.unwrap();
    let force = ["--force", "--lock-timeout", "1"];
    cloud.load("star", &force).fails_with("load-locked").naming(&["--lock-timeout"]);
    client.batch_execute("ROLLBACK; BEGIN; SELECT * FROM star.users").await.unwrap();
    cloud.load("star", &force).fails_with("load-locked").naming(&["other sessions", "schema star"]);
    client.batch_execute("ROLLBACK").await.unwrap();
    cloud.load("star", &force).exits(0);
}
