//! Renders a configuration file that describes every key; keys without a value are commented out.

use toml::Value;

use super::values::Values;
use crate::cli::error::Result;
use crate::warehouse::load::LoadOptions;

/// Name of the JSON Schema beside the file, to which its first line refers.
pub const SCHEMA: &str = "starlift.schema.json";

const HEADER: &str = "\
#:schema starlift.schema.json
# Configuration of starlift. Environment variables (STARLIFT_...) and flags override it.
#
# This file must not contain secrets. The password of a warehouse comes from --password-file,
# STARLIFT_PASSWORD, PGPASSWORD or ~/.pgpass; auth = \"iam\" needs none. AWS keys come from
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
    file.comment("A PostgreSQL database for a test load: `starlift load --to local`.");
    file.0 += "# [warehouse.local]\n# url = \"postgres://postgres@localhost:5432/postgres\"\n";
    Ok(file.0)
}

fn general(file: &mut File, values: &Values) {
    file.off(
        "region",
        "AWS region; without it, the region of each bucket is looked up.",
        "us-west-2",
    );
    file.key(
        "profile",
        "Profile of the AWS configuration files, if it is not the default one.",
        &values.profile,
        "default",
    );
    file.key(
        "star",
        "Location of the star that query, check and load read.",
        &values.out,
        "s3://BUCKET/star",
    );
    file.off(
        "model",
        "Folder of the model, for data other than songs and logs; see docs/own-data.md.",
        "model",
    );
}

fn s3(file: &mut File) {
    file.section("s3", "Requests to S3.");
    file.off(
        "sse",
        "Encryption of written objects: s3, kms or kms-dsse; by default the bucket's own.",
        "kms",
    );
    file.off(
        "sse_kms_key_id",
        "KMS key for sse = \"kms\" or \"kms-dsse\": its ID, alias or ARN.",
        "arn:aws:kms:us-west-2:111122223333:key/ID",
    );
    file.comment("Use an S3 Bucket Key with sse = \"kms\" to reduce requests to KMS.");
    file.commented("sse_bucket_key", true);
    file.comment("Accept charges for requests to Requester Pays buckets.");
    file.commented("request_payer", true);
    file.off(
        "checksum",
        "Checksum to send with each write; buckets with Object Lock need one.",
        "sha256",
    );
    file.off("addressing", "Position of the bucket name in URLs: path or virtual.", "virtual");
}

fn transform(file: &mut File, values: &Values) {
    file.section("transform", "Options of `starlift transform` and `starlift run`.");
    locations(file, values);
    conversion(file);
    publication(file);
}

/// Keys of `[transform]` that select the objects to read and the output.
fn locations(file: &mut File, values: &Values) {
    file.keys(
        "songs",
        "Location of the song objects: a prefix, or a list of prefixes.",
        &values.songs,
        "s3://BUCKET/song_data",
    );
    file.keys(
        "logs",
        "Location of the log objects: a prefix, or a list of prefixes.",
        &values.logs,
        "s3://BUCKET/log_data",
    );
    file.off(
        "inputs.NAME",
        "Location of the objects of dataset NAME of another model: a prefix, or a list of prefixes.",
        "s3://BUCKET/NAME",
    );
    file.key("out", "Location to write the star to.", &values.out, "s3://BUCKET/star");
    file.off("suffix", "Suffixes of the objects to read below a prefix: json or any.", "json");
    file.comment("Also read names that begin with _ or `.`.");
    file.commented("include_hidden", false);
    file.comment("Publish a star even if a dataset contains no records.");
    file.commented("allow_empty", false);
    file.key(
        "log_jsonpaths",
        "JSONPaths file for logs; not needed if the keys are the column names.",
        &values.log_jsonpaths,
        "s3://BUCKET/log_json_path.json",
    );
}

/// Keys of `[transform]` that determine which rows the records become.
fn conversion(file: &mut File) {
    file.off(
        "max_rejects",
        "Maximum rejects: a number, a percentage of the records, or a size such as 64KiB.",
        "0.1%",
    );
    file.off(
        "match",
        "Rule for matching plays to songs; title-artist-duration is stricter.",
        "title-artist",
    );
    file.off("unmatched", "Handling of plays that match no song: keep or drop.", "keep");
    file.off(
        "repair_encoding",
        "Handling of text that was encoded to UTF-8 twice: off, match or store.",
        "off",
    );
}

/// Keys of `[transform]` that determine how the star is written.
fn publication(file: &mut File) {
    file.off(
        "lock",
        "Lock the output against other runs: on, or off if you ensure that only one run writes.",
        "on",
    );
    file.comment("Read only objects that are new or have changed since the last run.");
    file.commented("incremental", true);
    file.off(
        "removed",
        "Handling of objects that are no longer listed, in incremental runs: stop, drop or keep.",
        "stop",
    );
    file.off(
        "partition",
        "Files per day or month of the tables that are sorted by a time: none, day or month.",
        "day",
    );
    file.comment("Number of earlier stars whose files are kept for `starlift rollback`.");
    file.commented("keep", 7);
    file.off("file_size", "Approximate size of each Parquet file.", "256MiB");
    file.off(
        "engine",
        "Machines that carry out the run: the scheduler of a cluster, or local[N] for trying.",
        "ballista://10.0.0.5:50050",
    );
    file.off(
        "engine_timeout",
        "Time without progress after which a run on a cluster fails.",
        "30m",
    );
    file.off(
        "tls_ca",
        "Certificates that sign those of all processes of the cluster.",
        "tls/ca.crt",
    );
    file.off("tls_cert", "Certificate of this process for the cluster.", "tls/tls.crt");
    file.off("tls_key", "Private key of the certificate.", "tls/tls.key");
}

fn cloud(file: &mut File, values: &Values) {
    file.section("cloud", "The cluster or workgroup that `starlift provision` creates.");
    file.key(
        "name",
        "Name of the cluster or workgroup, its role, its network rule and its schedule.",
        &values.name,
        "sparkify",
    );
    file.key("region", "AWS region: that of the star's bucket.", &values.region, "us-west-2");
    match &values.old_node_type {
        Some(old) => file.comment(&format!(
            "Node type; it was {}, which can no longer be created.",
            old.replace(char::is_control, " ")
        )),
        None => file.comment("Node type."),
    }
    file.on("node_type", values.node_type.as_deref().unwrap_or("ra3.large"));
    file.comment("Number of nodes.");
    file.on("nodes", i64::from(values.nodes.unwrap_or(1)));
    file.comment("Name of the database to create.");
    file.on("database", values.database.as_deref().unwrap_or(DATABASE));
    file.comment("Name of the admin user to create.");
    file.on("user", values.user.as_deref().unwrap_or(USER));
    if let Some(port) = values.port {
        file.comment("Port.");
        file.on("port", i64::from(port));
    }
    file.comment("Make it publicly accessible; otherwise only its own network can reach it.");
    file.commented("public", true);
    file.comment("Address ranges that may connect; by default only this machine's own address.");
    file.commented("cidr", vec!["203.0.113.7/32"]);
    file.comment("Time after which AWS pauses it, or `never`.");
    file.on("expires", values.expires.as_deref().unwrap_or("8h"));
    workgroup(file);
    file.off(
        "kms_key",
        "Customer managed KMS key that encrypts the star's objects, if any.",
        "arn:aws:kms:us-west-2:111122223333:key/ID",
    );
    file.off(
        "subnet_group",
        "Cluster subnet group, instead of the default VPC.",
        "warehouse-subnets",
    );
}

fn workgroup(file: &mut File) {
    file.comment("Create a workgroup of Redshift Serverless, which has no nodes and no expiry.");
    file.commented("serverless", true);
    file.comment("With `serverless`: base and maximum capacity in RPUs.");
    file.commented("base_capacity", 8);
    file.commented("max_capacity", 32);
    file.off(
        "rpu_limit",
        "With `serverless`: RPU-hours after which AWS disables queries.",
        "24/day",
    );
    file.comment("With `serverless`: subnets, instead of those of the default VPC.");
    file.commented("subnet", vec!["subnet-0123456789abcdef0"]);
}

fn redshift(file: &mut File, values: &Values) -> Result<()> {
    file.section("warehouse.redshift", "The warehouse for `--to redshift` and `--on redshift`.");
    let url = values.url()?;
    // A warehouse has either a URL or a cluster; the other is written as a comment.
    match &url {
        Some(url) => {
            file.comment("Host, port, database and user.");
            file.on("url", url.as_str());
            let name = values.name.as_deref().unwrap_or("sparkify");
            file.off("cluster", "Name of the cluster; its host and port are looked up.", name);
        }
        None => {
            let about = "Name of the cluster; its host and port are looked up.";
            file.key("cluster", about, &values.name, "sparkify");
            file.comment("Database to connect to.");
            file.on("database", values.database.as_deref().unwrap_or(DATABASE));
            file.comment("User to log in as.");
            file.on("user", values.user.as_deref().unwrap_or(USER));
            let host = values.host.as_deref().unwrap_or("HOST");
            let url = format!("redshift://USER@{host}:5439/DATABASE");
            file.off("url", "Host, port, database and user, instead of the cluster.", &url);
        }
    }
    file.comment("Schema of the tables.");
    file.on("schema", values.schema.as_deref().unwrap_or(LoadOptions::SCHEMA));
    file.off(
        "workgroup",
        "Workgroup of Redshift Serverless, instead of a cluster or URL.",
        "analytics",
    );
    file.off(
        "via",
        "Connection to Redshift: port, or data-api if the port cannot be reached.",
        "port",
    );
    let by_cluster = url.is_none().then(|| "iam".to_owned());
    login(file, &by_cluster, &values.iam_role);
    connection(file);
    Ok(())
}

fn login(file: &mut File, auth: &Option<String>, iam_role: &Option<String>) {
    let about = "Login method: password; iam, a temporary password from AWS for the user; or\n# iam-identity, one for the user that the caller's IAM identity maps to.";
    file.key("auth", about, auth, "iam");
    file.off(
        "password_file",
        "File that contains the password; it must be readable by you alone.",
        "password.txt",
    );
    file.off(
        "password_secret",
        "AWS Secrets Manager secret that contains the password, instead of the file.",
        "arn:aws:secretsmanager:us-west-2:111122223333:secret:NAME",
    );
    file.comment("Database groups that the user joins for the session, with iam.");
    file.commented("db_groups", vec!["loaders".to_owned()]);
    file.key(
        "iam_role",
        "Role that Redshift assumes to read the star: an ARN, or default: that of the cluster.",
        iam_role,
        "default",
    );
    file.off(
        "copy_auth",
        "Authorization for Redshift to read the star: role, or session for temporary keys.",
        "role",
    );
}

fn connection(file: &mut File) {
    file.off(
        "sslmode",
        "verify-full; for PostgreSQL also verify-ca, require (not verified) or disable.",
        "verify-full",
    );
    file.off("sslrootcert", "Certificates to trust instead of the system's.", "redshift-ca.pem");
    file.off(
        "tls_name",
        "Name in the server's certificate if it differs from the host, as behind a tunnel.",
        "HOST",
    );
    file.comment("Seconds after which a statement is cancelled.");
    file.commented("statement_timeout", 3600);
    file.comment("Seconds to wait for other loads, and for readers to release the tables.");
    file.commented("lock_timeout", 600);
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
