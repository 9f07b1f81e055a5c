//! Renders a configuration file that describes every key; keys without a value are commented out.

use toml::Value;

use super::values::Values;
use crate::cli::error::Result;
use crate::warehouse::load::LoadOptions;

const HEADER: &str = "\
# Configuration of starlift. The environment (STARLIFT_...) and flags go before what stands here.
#
# Secrets do not belong in this file. The password of a warehouse comes from --password-file,
# STARLIFT_PASSWORD, PGPASSWORD or ~/.pgpass; with auth = \"iam\" none is needed. AWS keys come from
# the usual places: `aws configure`, single sign-on, the environment, profiles.
";

/// Name of the database of a new cluster.
const DATABASE: &str = "dev";

/// Name of the admin user of a new cluster.
const USER: &str = "awsuser";

/// Returns the text of the file.
///
/// # Errors
///
/// Returns an error if host, database and user do not form a valid URL.
pub fn render(values: &Values) -> Result<String> {
    let mut file = File(HEADER.to_owned());
    general(&mut file, values);
    s3(&mut file);
    transform(&mut file, values);
    cloud(&mut file, values);
    redshift(&mut file, values)?;
    file.comment("A PostgreSQL to try a load in: `starlift load --to local`.");
    file.0 += "# [warehouse.local]\n# url = \"postgres://postgres@localhost:5432/postgres\"\n";
    Ok(file.0)
}

fn general(file: &mut File, values: &Values) {
    file.off(
        "region",
        "AWS region of everything; without it each bucket is asked for its own.",
        "us-west-2",
    );
    file.key(
        "profile",
        "Profile of the AWS configuration files, where it is not the default one.",
        &values.profile,
        "default",
    );
    file.key("star", "The star that query, check and load read.", &values.out, "s3://BUCKET/star");
}

fn s3(file: &mut File) {
    file.section("s3", "Requests to S3.");
    file.off(
        "sse",
        "Encryption of what is written: s3, kms or kms-dsse; else the bucket's own.",
        "kms",
    );
    file.off(
        "sse_kms_key_id",
        "KMS key, with sse = \"kms\": its id, alias or ARN.",
        "arn:aws:kms:us-west-2:111122223333:key/ID",
    );
    file.comment("Whether an S3 bucket key saves requests to KMS.");
    file.commented("sse_bucket_key", true);
    file.comment("Whether you accept the charges of buckets whose requesters pay.");
    file.commented("request_payer", true);
    file.off("checksum", "Checksum that is sent; buckets with Object Lock need one.", "sha256");
    file.off("addressing", "Where the bucket is named in a URL: path or virtual.", "virtual");
}

fn transform(file: &mut File, values: &Values) {
    file.section("transform", "How `starlift transform` and `starlift run` make the star.");
    file.keys(
        "songs",
        "Song objects: a prefix, or a list of them.",
        &values.songs,
        "s3://BUCKET/song_data",
    );
    file.keys(
        "logs",
        "Log objects: a prefix, or a list of them.",
        &values.logs,
        "s3://BUCKET/log_data",
    );
    file.key("out", "Where the star is written.", &values.out, "s3://BUCKET/star");
    file.off("suffix", "Suffixes that are read below a prefix: json or any.", "json");
    file.comment("Whether names that begin with _ or . are read, too.");
    file.commented("include_hidden", false);
    file.comment("Whether a star is published of songs or logs without one record.");
    file.commented("allow_empty", false);
    file.key(
        "log_jsonpaths",
        "JSONPaths file for logs; not needed where the keys are those of the columns.",
        &values.log_jsonpaths,
        "s3://BUCKET/log_json_path.json",
    );
    file.off(
        "max_rejects",
        "Rejects allowed: a number, a share of the records, or a size such as 64KiB.",
        "0.1%",
    );
    file.off(
        "match",
        "When a play matches a song; title-artist-duration is stricter.",
        "title-artist",
    );
    file.off("unmatched", "What becomes of plays that match no song: keep or drop.", "keep");
    file.off(
        "repair_encoding",
        "Treatment of text that was encoded to UTF-8 twice: off, match or store.",
        "off",
    );
    file.off(
        "lock",
        "Whether other runs are kept out of the output: on, or off where you ensure it yourself.",
        "on",
    );
    file.off("file_size", "Size at which a Parquet file is closed.", "256MiB");
}

fn cloud(file: &mut File, values: &Values) {
    file.section("cloud", "The cluster or workgroup that `starlift provision` makes.");
    file.key(
        "name",
        "Its name, and that of what goes with it: a role, a rule, a schedule.",
        &values.name,
        "sparkify",
    );
    file.key("region", "Its AWS region: that of the star's bucket.", &values.region, "us-west-2");
    match &values.old_node_type {
        Some(old) => file.comment(&format!(
            "Type of its nodes; it was {}, which can no longer be created.",
            old.replace(char::is_control, " ")
        )),
        None => file.comment("Type of its nodes."),
    }
    file.on("node_type", values.node_type.as_deref().unwrap_or("ra3.large"));
    file.comment("How many nodes.");
    file.on("nodes", i64::from(values.nodes.unwrap_or(1)));
    file.comment("The database made with it.");
    file.on("database", values.database.as_deref().unwrap_or(DATABASE));
    file.comment("The user made with it.");
    file.on("user", values.user.as_deref().unwrap_or(USER));
    if let Some(port) = values.port {
        file.comment("Port it listens on.");
        file.on("port", i64::from(port));
    }
    file.comment(
        "Whether it has an address on the internet; without, it can be reached from its network.",
    );
    file.commented("public", true);
    file.comment("Addresses that may connect, in place of this machine's own.");
    file.commented("cidr", vec!["203.0.113.7/32"]);
    file.comment("Time after which AWS pauses it; `never` lets it run.");
    file.on("expires", values.expires.as_deref().unwrap_or("8h"));
    workgroup(file);
    file.off(
        "kms_key",
        "KMS key that the objects of the star are encrypted with, where it is your own.",
        "arn:aws:kms:us-west-2:111122223333:key/ID",
    );
    file.off(
        "subnet_group",
        "Cluster subnet group, in place of the default network.",
        "warehouse-subnets",
    );
}

fn workgroup(file: &mut File) {
    file.comment(
        "Whether it is a workgroup of Redshift Serverless, which has no nodes and no expiry.",
    );
    file.commented("serverless", true);
    file.comment("With `serverless`: RPUs with which a query begins, and the most at a time.");
    file.commented("base_capacity", 8);
    file.commented("max_capacity", 32);
    file.off(
        "rpu_limit",
        "With `serverless`: RPU-hours after which AWS turns queries off.",
        "24/day",
    );
    file.comment("With `serverless`: subnets, in place of those of the default network.");
    file.commented("subnet", vec!["subnet-0123456789abcdef0"]);
}

fn redshift(file: &mut File, values: &Values) -> Result<()> {
    file.section(
        "warehouse.redshift",
        "The warehouse that `--to redshift` and `--on redshift` name.",
    );
    let url = values.url()?;
    // A warehouse has either a URL or a cluster; the other is written as a comment.
    match &url {
        Some(url) => {
            file.comment("Host, port, database and user.");
            file.on("url", url.as_str());
            let name = values.name.as_deref().unwrap_or("sparkify");
            file.off("cluster", "The cluster, from which host and port are found out.", name);
        }
        None => {
            let about = "The cluster, from which host and port are found out.";
            file.key("cluster", about, &values.name, "sparkify");
            file.comment("Database to connect to.");
            file.on("database", values.database.as_deref().unwrap_or(DATABASE));
            file.comment("User to log in as.");
            file.on("user", values.user.as_deref().unwrap_or(USER));
            let host = values.host.as_deref().unwrap_or("HOST");
            let url = format!("redshift://USER@{host}:5439/DATABASE");
            file.off("url", "Host, port, database and user, in place of the cluster.", &url);
        }
    }
    file.comment("Schema of the tables.");
    file.on("schema", values.schema.as_deref().unwrap_or(LoadOptions::SCHEMA));
    file.off(
        "workgroup",
        "Workgroup of Redshift Serverless, in place of a cluster or URL.",
        "analytics",
    );
    file.off("via", "Way to Redshift: its port, or data-api where no port can be reached.", "port");
    let about = "How to log in: with a password; with iam, a short-lived password from AWS for the user; \
                 or with\n# iam-identity, one for the user that the IAM identity is mapped to.";
    let by_cluster = url.is_none().then(|| "iam".to_owned());
    file.key("auth", about, &by_cluster, "iam");
    file.off(
        "password_file",
        "File that holds the password, readable by you alone.",
        "password.txt",
    );
    file.off(
        "password_secret",
        "Secret in AWS Secrets Manager that holds the password, in place of the file.",
        "arn:aws:secretsmanager:us-west-2:111122223333:secret:NAME",
    );
    file.comment("Database groups that the user belongs to for the session, with iam.");
    file.commented("db_groups", vec!["loaders".to_owned()]);
    file.key(
        "iam_role",
        "Role in which Redshift reads the star: an ARN, or default for the cluster's own.",
        &values.iam_role,
        "default",
    );
    file.off(
        "copy_auth",
        "How Redshift is authorized to read the star: role; or session, with temporary keys.",
        "role",
    );
    file.off(
        "sslmode",
        "verify-full; for PostgreSQL also verify-ca, require (not verified) or disable.",
        "verify-full",
    );
    file.off("sslrootcert", "Certificates to trust in place of the system's.", "redshift-ca.pem");
    file.off(
        "tls_name",
        "Name in the server's certificate, where it is not the host's, as behind a tunnel.",
        "HOST",
    );
    file.comment("Seconds after which a statement is stopped.");
    file.commented("statement_timeout", 3600);
    file.comment("Seconds to wait for other loads and for readers of the tables.");
    file.commented("lock_timeout", 600);
    Ok(())
}

/// The text written so far.
struct File(String);

impl File {
    fn section(&mut self, name: &str, about: &str) {
        self.comment(about);
        self.0 += &format!("[{name}]\n");
    }

    /// Appends a comment after a blank line.
    fn comment(&mut self, about: &str) {
        self.0 += &format!("\n# {about}\n");
    }

    fn on(&mut self, key: &str, value: impl Into<Value>) {
        self.0 += &format!("{key} = {}\n", value.into());
    }

    fn commented(&mut self, key: &str, example: impl Into<Value>) {
        self.0 += &format!("# {key} = {}\n", example.into());
    }

    fn off(&mut self, key: &str, about: &str, example: &str) {
        self.comment(about);
        self.commented(key, example);
    }

    fn key(&mut self, key: &str, about: &str, value: &Option<String>, example: &str) {
        self.comment(about);
        match value {
            Some(value) => self.on(key, value.as_str()),
            None => self.commented(key, example),
        }
    }

    fn keys(&mut self, key: &str, about: &str, values: &[String], example: &str) {
        self.comment(about);
        match values {
            [] => self.commented(key, example),
            [one] => self.on(key, one.as_str()),
            many => self.on(key, many.to_vec()),
        }
    }
}
