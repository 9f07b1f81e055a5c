//! `starlift init`: the file it writes, the settings it imports from other projects, and the
//! secrets it leaves out.

use super::{hold_file, with_tiny_data};
use crate::support::terminal::typed;
use crate::support::{Outcome, Workspace};

/// Secrets that must not appear anywhere but in the file that contains them.
const SECRETS: [&str; 3] = ["AKIASESAME", "open/sesame+KEY=", "Passw0rd#sesame"];

/// Converts `cfg`, and fails the test if a secret appears.
#[track_caller]
fn converted(cfg: &str) -> (Workspace, Outcome) {
    let here = Workspace::new();
    here.write("dwh.cfg", cfg);
    let outcome = here.run(["init", "--from", "dwh.cfg", "-vv"]);
    outcome.exits(0);
    for secret in SECRETS {
        outcome.never_says(secret).never_complains(secret);
        assert!(!here.read("starlift.toml").contains(secret), "{outcome}");
    }
    (here, outcome)
}

/// Parses the settings of the written file.
fn settings(here: &Workspace) -> toml::Table {
    here.read("starlift.toml").parse().unwrap()
}

#[track_caller]
fn holds(here: &Workspace, wanted: &[(&str, &str)]) {
    let found = settings(here);
    for (path, value) in wanted {
        let mut keys = path.split('/');
        let first = found.get(keys.next().unwrap());
        let at = keys.fold(first, |table, key| table?.get(key));
        let at = at.map(ToString::to_string).unwrap_or_default();
        assert_eq!(at, *value, "{path} in\n{}", here.read("starlift.toml"));
    }
}

#[test]
fn every_key_is_written_and_explained_without_flags() {
    let here = Workspace::new();
    let outcome = here.run(["init"]);
    outcome.exits(0).says("wrote starlift.toml\n");
    outcome.says("Still to be filled in: star, songs in [transform], logs in [transform]");
    outcome.says("Next:\n  starlift doctor\n  starlift provision --dry-run\n");
    let text = here.read("starlift.toml");
    hold_file("init.toml", &text);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    here.run(["schema"]).exits(0);

    // The file is still valid with all of its keys uncommented.
    let all: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .collect();
    here.write("all.toml", all.join("\n"));
    assert!(all.contains(&"[warehouse.local]") && all.contains(&"max_rejects = \"0.1%\""));
    assert!(
        all.contains(&"model = \"model\"") && all.contains(&"inputs.NAME = \"s3://BUCKET/NAME\"")
    );
    here.run(["model", "init", "model"]).exits(0);
    here.run(["schema", "--config", "all.toml"]).exits(0);
}

fn is_setting(line: &str) -> bool {
    let word = line.split(" = ").next().unwrap();
    line.starts_with('[')
        || (word != line && word.chars().all(|c| c.is_alphabetic() || "._".contains(c)))
}

#[test]
fn flags_fill_the_file_and_the_commands_use_it() {
    let here = with_tiny_data();
    let args = ["init", "--songs", "songs", "--logs", "logs", "logs/l.json", "--out", "star"];
    let more = ["--name", "dwh", "--region", "eu-west-1", "--profile", "work", "--nodes", "2"];
    let rest =
        ["--database", "sparkify", "--user", "ann \"a\"", "--schema", "s", "--expires", "90m"];
    let outcome = here.run([&args[..], &more, &rest, &["--node-type", "rg.large"]].concat());
    outcome.exits(0).never_says("Still to be filled in");
    holds(
        &here,
        &[
            ("cloud/region", "\"eu-west-1\""),
            ("profile", "\"work\""),
            ("star", "\"star\""),
            ("transform/songs", "\"songs\""),
            ("transform/logs", "[\"logs\", \"logs/l.json\"]"),
            ("cloud/name", "\"dwh\""),
            ("cloud/nodes", "2"),
            ("cloud/node_type", "\"rg.large\""),
            ("cloud/expires", "\"90m\""),
            ("cloud/public", ""),
            ("warehouse/redshift/cluster", "\"dwh\""),
            ("warehouse/redshift/database", "\"sparkify\""),
            ("warehouse/redshift/user", "'ann \"a\"'"),
            ("warehouse/redshift/schema", "\"s\""),
            ("warehouse/redshift/auth", "\"iam\""),
        ],
    );
    here.run(["transform", "--dry-run"]).exits(0).says("would read 1 object for songs");
    here.run(["transform"]).exits(0);
    here.run(["check"]).exits(0);
}

#[test]
fn existing_file_is_left_alone_unless_forced() {
    let here = Workspace::new();
    here.write("starlift.toml", "broken = [");
    here.run(["init"])
        .fails_with("invalid-option")
        .naming(&["starlift.toml", "--force"])
        .prints("");
    assert_eq!(here.read("starlift.toml"), "broken = [");
    let outcome = here.run(["init", "--to", "other/starlift.toml"]);
    outcome.fails_with("file-failed").naming(&["other/starlift.toml"]);
    here.run(["init", "--to", "other.toml"]).exits(0).says("starlift doctor --config other.toml");
    here.run(["init", "--force", "--quiet"]).exits(0).prints("");
    assert_eq!(here.read("starlift.toml"), here.read("other.toml"));
    assert_eq!(
        crate::support::files(here.path()),
        ["other.toml", "starlift.schema.json", "starlift.toml"]
    );
}

#[test]
fn dash_prints_the_file_without_writing_it() {
    let here = Workspace::new();
    let printed = here.run(["init", "--to", "-", "--name", "dwh"]);
    printed.exits(0).says("cluster = \"dwh\"\n").complains("region in [cloud]");
    assert!(crate::support::files(here.path()).is_empty());
    here.run(["init", "--name", "dwh"]).exits(0);
    printed.prints(&here.read("starlift.toml"));
    here.run(["init", "--to", "-", "--quiet"]).exits(0).complains("");
}

#[test]
fn invalid_value_is_rejected_before_anything_is_written() {
    let here = Workspace::new();
    for (flag, value, says) in [
        ("--songs", "ftp://host/songs", "unknown scheme"),
        ("--out", "star/*", "a glob cannot be used here"),
        ("--name", "My_Cluster", "is not a valid cluster name"),
        ("--region", "Oregon", "not the name of a region"),
        ("--expires", "soon", "write 8h or 90m"),
        ("--nodes", "0", "0 is not in 1.."),
        ("--from", "missing.cfg", "cannot read missing.cfg"),
    ] {
        here.run(["init", flag, value]).exits(2).prints("").complains(says);
    }
    assert!(!here.join("starlift.toml").exists());
}

#[test]
fn converts_the_template_of_the_course() {
    let (here, outcome) = converted(
        "[CLUSTER]\nHOST=''\nDB_NAME=''\nDB_USER=''\nDB_PASSWORD=''\nDB_PORT=5439\n\n\
         [IAM_ROLE]\nARN=\n\n[S3]\nLOG_DATA='s3://udacity-dend/log_data'\n\
         LOG_JSONPATH='s3://udacity-dend/log_json_path.json'\n\
         SONG_DATA='s3://udacity-dend/song_data'\n",
    );
    holds(
        &here,
        &[
            ("transform/songs", "\"s3://udacity-dend/song_data\""),
            ("transform/logs", "\"s3://udacity-dend/log_data\""),
            ("transform/log_jsonpaths", "\"s3://udacity-dend/log_json_path.json\""),
            ("transform/out", ""),
            ("warehouse/redshift/url", ""),
            ("cloud/port", "5439"),
        ],
    );
    outcome.says(
        "Still to be filled in: star, out in [transform], region in [cloud], name in [cloud]",
    );
    outcome.never_says("From dwh.cfg");
}

#[test]
fn converts_a_file_that_creates_a_cluster() {
    let (here, outcome) = converted(
        "[AWS]\nKEY=AKIASESAME\nSECRET=open/sesame+KEY=\nREGION=us-west-2\n\n[DWH]\n\
         DWH_CLUSTER_TYPE=multi-node\nDWH_NUM_NODES=4\nDWH_NODE_TYPE=dc2.large\n\
         DWH_IAM_ROLE_NAME=dwhRole\nDWH_CLUSTER_IDENTIFIER=dwhCluster\nDWH_DB=dwh\n\
         DWH_DB_USER=dwhuser\nDWH_DB_PASSWORD=Passw0rd#sesame\nDWH_PORT=5439\n\
         DWH_ENDPOINT=\nDWH_ROLE_ARN=\nDWH_COLOUR=blue\n",
    );
    holds(
        &here,
        &[
            ("cloud/region", "\"us-west-2\""),
            ("cloud/name", "\"dwhcluster\""),
            ("cloud/nodes", "4"),
            ("cloud/node_type", "\"ra3.large\""),
            ("cloud/database", "\"dwh\""),
            ("warehouse/redshift/cluster", "\"dwhcluster\""),
            ("warehouse/redshift/user", "\"dwhuser\""),
            ("warehouse/redshift/auth", "\"iam\""),
        ],
    );
    outcome.says("DWH_DB_PASSWORD: left out; set it as STARLIFT_PASSWORD or in a --password-file");
    outcome.says("  KEY: left out; AWS keys come from").says("  SECRET: left out; AWS keys come");
    outcome.says("dc2.large replaced by ra3.large; DC2 clusters can no longer be created");
    outcome.says("DWH_IAM_ROLE_NAME: not converted: iam_role requires an ARN");
    outcome.says("not converted: [DWH] DWH_COLOUR\n").never_says("blue");
    let text = here.read("starlift.toml");
    assert!(text.contains("# Node type; it was dc2.large, which can no longer"), "{text}");
}

#[test]
fn converts_a_file_with_host_and_role() {
    let (here, outcome) = converted(
        "[Cluster]\nhost = \"dwhCluster.c1abc.us-west-2.redshift.amazonaws.com:5440/dev\"\n\
         db_name = \"sparkify\"\ndb_user = ann\ndb_password = \"Passw0rd#sesame\"\n\
         cluster_type = single-node\nnum_nodes = 4 # for later\nnode_type = ra3.xlplus\n\
         identifier = other\n\n[iam_role]\narn = 'arn:aws:iam::123456789012:role/reader'\n\
         name = reader\n\n[s3]\nsong_data = s3a://b/song_data/*/*/*/*.json\nlog_data = s3a://b/log_data\n\
         log_jsonpath = auto\noutput_data = s3a://b/out/\nregion = us-east-1\n",
    );
    holds(
        &here,
        &[
            ("cloud/region", "\"us-west-2\""),
            ("star", "\"s3://b/out/\""),
            ("transform/songs", "\"s3://b/song_data/*/*/*/*.json\""),
            ("transform/log_jsonpaths", ""),
            ("cloud/name", "\"dwhcluster\""),
            ("cloud/nodes", "1"),
            ("cloud/node_type", "\"ra3.xlplus\""),
            (
                "warehouse/redshift/url",
                "\"redshift://ann@dwhcluster.c1abc.us-west-2.redshift.amazonaws.com:5440/sparkify\"",
            ),
            ("warehouse/redshift/cluster", ""),
            ("warehouse/redshift/auth", ""),
            ("warehouse/redshift/iam_role", "\"arn:aws:iam::123456789012:role/reader\""),
        ],
    );
    outcome.says("IDENTIFIER: not converted: it differs from the host");
    outcome.says("REGION: not converted: it differs from the host");
    outcome.says("LOG_JSONPATH: not converted: it is not the URL of a JSONPaths file");
    outcome.says("NAME: not converted: the role's ARN is enough");
    outcome.never_says("Still to be filled in");
    assert!(here.read("starlift.toml").contains("# cluster = \"dwhcluster\"\n"));
}

#[test]
fn converts_a_file_with_placeholders_percent_signs_and_unknown_keys() {
    let (here, outcome) = converted(
        "[DB]\nHOST=<REDSHIFT_ENDPOINT>\nDB_NAME=%(NAME)s\nDB_USER=u%%1\n\
         DB_PASSWORD=100%Passw0rd#sesame%\nDB_PORT=many\n\
         [KEYS]\nACCESS_KEY=AKIASESAME\nSECRET_KEY=open/sesame+KEY=\n  Passw0rd#sesame\n\
         [S3]\nBUCKET='mine'\nSONG_DATA='song_data'\nLOG_DATA=s3n://AKIASESAME:open@b/log_data\n\
         [LOCAL]\nOUTPUT=./out\nhttps://AKIASESAME=1\n",
    );
    holds(
        &here,
        &[
            ("transform/songs", "\"s3://mine/song_data\""),
            ("transform/logs", ""),
            ("cloud/user", "\"u%%1\""),
        ],
    );
    outcome.says("HOST: not converted: it is a placeholder");
    outcome.says("DB_NAME: not converted: it refers to another key");
    outcome.says("DB_PORT: not converted: it is not a port");
    outcome.says("ACCESS_KEY: left out").says("SECRET_KEY: left out");
    outcome.says("LOG_DATA: not converted: it is not a location without credentials");
    outcome.says("not converted: [LOCAL] HTTPS, [LOCAL] OUTPUT\n");
}

#[test]
fn converts_a_file_of_a_data_lake() {
    let (here, outcome) = converted(
        "[AWS]\nAWS_ACCESS_KEY_ID='AKIASESAME'\nAWS_SECRET_ACCESS_KEY='open/sesame+KEY='\n\
         TOKEN=Passw0rd#sesame\nPROFILE=work\n",
    );
    holds(&here, &[("profile", "\"work\""), ("transform/songs", "")]);
    for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TOKEN"] {
        outcome.says(&format!("  {key}: left out; AWS keys come from"));
    }
}

#[test]
fn flags_override_converted_settings() {
    let here = with_tiny_data();
    here.write(
        "dwh.cfg",
        "[S3]\nSONG_DATA=songs\nLOG_DATA=logs\n[DWH]\nDWH_NODE_TYPE=dc2.large\nDWH_NUM_NODES=4\n",
    );
    let args = ["init", "--from", "dwh.cfg", "--node-type", "ra3.xlplus", "--out", "star"];
    here.run(args).exits(0);
    let wanted = [("cloud/node_type", "\"ra3.xlplus\""), ("cloud/nodes", "4")];
    holds(&here, &wanted);
    assert!(!here.read("starlift.toml").contains("dc2"));
    here.run(["transform", "--dry-run"]).exits(0).says("songs/s.json").says("logs/l.json");
}

#[test]
fn conversion_error_names_the_file_and_the_line() {
    let here = Workspace::new();
    for (cfg, says) in [
        ("[DWH]\nDWH_DB=dev\nPassw0rd#sesame\n", "dwh.cfg: line 3 is neither a [SECTION] nor"),
        ("KEY=AKIASESAME\n", "dwh.cfg: line 1 is before the first [SECTION]"),
        ("[DWH\nKEY=AKIASESAME\n", "dwh.cfg: line 1"),
        ("[DWH]\nDWH_DB=a\ndwh_db=b\n", "dwh.cfg: line 3 repeats a key"),
        ("{\"KEY\": \"AKIASESAME\"}\n", "dwh.cfg: line 1"),
        ("[tool]\nname = x\n", "dwh.cfg contains none of the keys that can be converted"),
        ("", "dwh.cfg contains none of the keys"),
    ] {
        here.write("dwh.cfg", cfg);
        let outcome = here.run(["init", "--from", "dwh.cfg", "-vv"]);
        outcome.fails_with("invalid-option").naming(&[says]).prints("");
        outcome.never_complains("SESAME").never_complains("sesame");
    }
    here.write("dwh.cfg", b"[DWH]\nDWH_DB=\xff\n");
    here.run(["init", "--from", "dwh.cfg"]).fails_with("invalid-option").naming(&["dwh.cfg"]);
    assert!(!here.join("starlift.toml").exists());
}

#[test]
fn terminal_prompts_the_user() {
    let here = with_tiny_data();
    let mut command = here.command();
    let answers = ["ftp://x", "songs", "logs", "star", "", "dwh", "y"];
    let Some(outcome) = typed(&here, command.arg("init"), &answers) else { return };
    outcome.exits(0).says("unknown scheme").says("wrote starlift.toml");
    outcome.says("Still to be filled in: region in [cloud]\r\n");
    holds(
        &here,
        &[
            ("transform/songs", "\"songs\""),
            ("star", "\"star\""),
            ("cloud/region", ""),
            ("warehouse/redshift/cluster", "\"dwh\""),
        ],
    );
    here.run(["transform", "--dry-run"]).exits(0).says("songs/s.json");
}

#[test]
fn readme_shows_the_output() {
    let readme = include_str!("../../../docs/configuration.md");
    let part = readme.split("## A configuration file\n").nth(1).unwrap();
    let block = |start: &str| {
        let rest = part.split_once(start).unwrap().1;
        rest.split_once("```").unwrap().0.to_owned()
    };
    let here = Workspace::new();
    here.write("dwh.cfg", block("```ini\n"));
    let outcome = here.run(["init", "--from", "dwh.cfg", "--out", "s3://warehouse/star"]);
    outcome.exits(0).prints(&block("```text\n"));
}
