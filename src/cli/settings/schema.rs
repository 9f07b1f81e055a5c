//! The JSON Schema of `starlift.toml`, with which editors complete and check it.

use serde_json::{Map, Value, json};

/// A key of a table: name, form and description.
type Key = (&'static str, Form, &'static str);

/// The form of a value.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Flag,
    /// A number from a minimum to a maximum.
    Number(u64, u64),
    /// A number, or text such as `2GiB`.
    NumberOrText,
    /// Text, or a list of texts.
    Texts,
    /// A list of texts.
    List,
    /// One of several texts.
    Choice(&'static [&'static str]),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose keys are names, each with a value of a form.
    Names(&'static Form),
}

use Form::{Choice, Flag, List, Names, Number, NumberOrText, Table, Text, Texts};

const MAX_SECONDS: u64 = crate::cli::args::range::MAX_SECONDS;

const KEYS: &[Key] = &[
    ("region", Text, "AWS region; without it, the region of each bucket is looked up."),
    ("profile", Text, "Profile of the AWS configuration files."),
    ("endpoint_url", Text, "S3 endpoint to use instead of Amazon's."),
    ("no_sign_request", Flag, "Do not sign S3 requests, for public buckets."),
    ("retries", Number(0, 1000), "Maximum number of retries of a request after transient errors."),
    ("quiet", Flag, "Print only results and errors."),
    ("log_format", Choice(&["text", "json"]), "Format of the log lines."),
    ("output_format", Choice(&["text", "json"]), "Format of the result of a command."),
    ("color", Choice(&["auto", "always", "never"]), "When to colour the output."),
    ("star", Text, "Location of the star that query, check and load read."),
    ("model", Text, "Folder of the model; by default the built-in model."),
    ("queries", Text, "Folder of SQL files that replace those of the model or add to them."),
    ("memory_limit", NumberOrText, "Memory for queries, such as \"2GiB\"."),
    ("threads", Number(1, 1024), "Number of threads."),
    ("s3", Table(S3), "Requests to S3."),
    ("transform", Table(TRANSFORM), "Inputs and options of transforms."),
    ("cloud", Table(CLOUD), "Resources that `starlift provision` creates."),
    ("warehouse", Names(&Table(WAREHOUSE)), "Warehouses, by the name for --to and --on."),
];

const S3: &[Key] = &[
    ("sse", Choice(&["s3", "kms", "kms-dsse"]), "Server-side encryption of written objects."),
    ("sse_kms_key_id", Text, "ID, alias or ARN of the KMS key."),
    ("sse_bucket_key", Flag, "Use an S3 Bucket Key to reduce requests to KMS."),
    ("request_payer", Flag, "Accept charges for requests to Requester Pays buckets."),
    ("checksum", Choice(&["none", "sha256"]), "Checksum to send with each write."),
    ("addressing", Choice(&["path", "virtual"]), "Position of the bucket name in URLs."),
];

const TRANSFORM: &[Key] = &[
    ("songs", Texts, "Song objects: objects, prefixes, or prefixes with a glob."),
    ("logs", Texts, "Log objects: objects, prefixes, or prefixes with a glob."),
    ("out", Text, "Folder or prefix for the star."),
    ("include_hidden", Flag, "Read objects with hidden names too."),
    ("suffix", Choice(&["json", "any"]), "Suffixes of the objects to read."),
    ("allow_empty", Flag, "Publish a star even if a dataset has no rows."),
    ("log_jsonpaths", Text, "JSONPaths file for logs."),
    ("song_jsonpaths", Text, "JSONPaths file for songs."),
    ("inputs", Names(&Texts), "Objects by dataset."),
    ("jsonpaths", Names(&Text), "JSONPaths file by dataset."),
    (
        "match",
        Choice(&["title-artist", "title-artist-duration"]),
        "Rule for matching plays to songs.",
    ),
    ("unmatched", Choice(&["keep", "drop"]), "Handling of plays that match no song."),
    (
        "repair_encoding",
        Choice(&["off", "match", "store"]),
        "Handling of text that was encoded to UTF-8 twice.",
    ),
    (
        "max_rejects",
        NumberOrText,
        "Limit on rejects: a number, or text such as \"0.1%\" or \"64KiB\".",
    ),
    ("file_size", NumberOrText, "Target size of the Parquet files, such as \"256MiB\"."),
    ("lock", Choice(&["on", "off"]), "Lock the output against other runs."),
    (
        "partition",
        Choice(&["none", "day", "month"]),
        "Files per day or month of tables that are sorted by a time.",
    ),
    ("incremental", Flag, "Read only objects that are new or have changed since the last run."),
    (
        "removed",
        Choice(&["stop", "drop", "keep"]),
        "Handling of objects that are no longer listed.",
    ),
    ("keep", Number(0, 100), "Number of earlier stars whose files are kept."),
    ("engine", Text, "Machines that carry out the run: \"ballista://HOST:PORT\" or \"local[N]\"."),
    ("engine_timeout", Text, "Time without progress after which a run on a cluster fails."),
    ("tls_ca", Text, "Certificates that sign those of all processes of the cluster."),
    ("tls_cert", Text, "Certificate of this process for the cluster."),
    ("tls_key", Text, "Private key of the certificate."),
];

const CLOUD: &[Key] = &[
    ("name", Text, "Name of the cluster or workgroup and of the resources that belong to it."),
    ("region", Text, "Region of the cluster or workgroup."),
    ("node_type", Text, "Node type of the cluster."),
    ("nodes", Number(1, 128), "Number of nodes of the cluster."),
    ("database", Text, "Name of the database."),
    ("user", Text, "Admin user."),
    ("port", Number(1, 65_535), "Port."),
    ("public", Flag, "Make the cluster or workgroup publicly accessible."),
    ("cidr", Texts, "Address ranges that may connect, such as \"203.0.113.7/32\"."),
    ("subnet_group", Text, "Cluster subnet group, instead of the default VPC."),
    ("serverless", Flag, "Create a workgroup of Redshift Serverless instead of a cluster."),
    ("base_capacity", Number(0, 1024), "Base capacity of the workgroup in RPUs."),
    ("max_capacity", Number(0, u32::MAX as u64), "Maximum capacity of the workgroup in RPUs."),
    ("rpu_limit", Text, "RPU-hours after which AWS disables queries, such as \"24/day\"."),
    ("subnet", Texts, "Subnets of the workgroup, instead of those of the default VPC."),
    ("kms_key", Text, "ARN of the KMS key that encrypts the star's objects."),
    ("expires", Text, "Time after which AWS pauses the cluster, such as \"8h\", or \"never\"."),
];

const WAREHOUSE: &[Key] = &[
    ("url", Text, "redshift://USER@HOST:5439/DATABASE or postgres://USER@HOST:5432/DATABASE."),
    ("database", Text, "Database to connect to."),
    ("user", Text, "User to log in as."),
    ("via", Choice(&["port", "data-api"]), "Connection to Redshift."),
    (
        "sslmode",
        Choice(&["verify-full", "verify-ca", "require", "disable"]),
        "Verification of the server's certificate.",
    ),
    ("sslrootcert", Text, "Certificates to trust instead of the system's."),
    ("tls_name", Text, "Name in the server's certificate if it differs from the host."),
    ("channel_binding", Choice(&["disable", "prefer", "require"]), "Channel binding of the login."),
    ("connect_timeout", Number(1, 86_400), "Seconds to wait for a connection."),
    ("options", Text, "Options of the session, as in libpq."),
    ("schema", Text, "Schema of the tables."),
    ("password_file", Text, "File that contains the user's password."),
    (
        "password_secret",
        Text,
        "ARN of the AWS Secrets Manager secret that contains the user's password.",
    ),
    ("auth", Choice(&["password", "iam", "iam-identity"]), "Login method."),
    ("cluster", Text, "Name of the Redshift cluster."),
    ("workgroup", Text, "Name of the Redshift Serverless workgroup."),
    (
        "db_groups",
        List,
        "Database groups that the user joins for the session, with auth = \"iam\".",
    ),
    ("iam_role", Text, "Role that Redshift assumes to read the star: an ARN, or \"default\"."),
    ("copy_auth", Choice(&["role", "session"]), "Authorization for Redshift to read the star."),
    ("statement_timeout", Number(1, MAX_SECONDS), "Seconds after which a statement is cancelled."),
    ("lock_timeout", Number(1, MAX_SECONDS), "Seconds to wait for other loads and for readers."),
    ("tables", Names(&Table(REDSHIFT_TABLE)), "Distribution and sort keys in Redshift, by table."),
];

const REDSHIFT_TABLE: &[Key] = &[
    (
        "distribution",
        Text,
        "\"auto\", \"even\", \"all\", or the column whose hash distributes the rows.",
    ),
    ("sort_key", List, "Columns of the sort key."),
];

/// Returns the JSON Schema (draft 2020-12) of the configuration file.
pub fn schema_text() -> String {
    let mut schema = table(KEYS);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = TITLE.into();
    format!("{schema:#}\n")
}

/// Title of the schema, by which an earlier version of the file is recognized.
pub const TITLE: &str = "starlift configuration";

fn table(keys: &[Key]) -> Value {
    let properties = keys.iter().map(|(name, form, description)| {
        let mut schema = value(form);
        schema["description"] = (*description).into();
        ((*name).to_owned(), schema)
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties.collect::<Map<_, _>>(),
    })
}

fn value(form: &Form) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    match form {
        Text => json!({ "type": "string" }),
        Flag => json!({ "type": "boolean" }),
        Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        NumberOrText => json!({ "type": ["integer", "string"], "minimum": 0 }),
        Texts => json!({ "anyOf": [{ "type": "string" }, texts] }),
        List => texts,
        Choice(choices) => json!({ "type": "string", "enum": choices }),
        Table(keys) => table(keys),
        Names(form) => json!({ "type": "object", "additionalProperties": value(form) }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::Settings;
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        toml::from_str(text).map_err(|e| e.message().to_owned())
    }

    /// Returns the keys of a table that the parser accepts, from its error about an unknown one.
    fn accepted(header: &str) -> BTreeSet<String> {
        let error = parse(&format!("{header}\nno_such_key = 1\n")).unwrap_err();
        let (_, names) = error.split_once("expected").unwrap();
        names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_the_parser_accepts() {
        for (header, keys) in [
            ("", KEYS),
            ("[s3]", S3),
            ("[transform]", TRANSFORM),
            ("[cloud]", CLOUD),
            ("[warehouse.w]", WAREHOUSE),
            ("[warehouse.w.tables.songs]", REDSHIFT_TABLE),
        ] {
            let described = keys.iter().map(|(name, _, _)| (*name).to_owned()).collect();
            assert_eq!(accepted(header), described, "{header}");
        }
    }

    #[test]
    fn the_parser_accepts_the_values_of_the_schema_and_no_other_choices() {
        let mut tried = 0;
        for (header, keys) in
            [("", KEYS), ("[s3]", S3), ("[transform]", TRANSFORM), ("[warehouse.w]", WAREHOUSE)]
        {
            for (name, form, _) in keys {
                let assigned = |value: &str| parse(&format!("{header}\n{name} = {value}\n"));
                let values: Vec<String> = match form {
                    Flag => vec!["true".to_owned()],
                    Number(min, _) => vec![min.to_string()],
                    NumberOrText => vec!["7".to_owned(), "\"7\"".to_owned()],
                    Texts => vec!["\"a\"".to_owned(), "[\"a\", \"b\"]".to_owned()],
                    List => vec!["[\"a\"]".to_owned()],
                    Choice(choices) => choices.iter().map(|choice| format!("{choice:?}")).collect(),
                    Text | Table(_) | Names(_) => Vec::new(),
                };
                for value in &values {
                    assert!(assigned(value).is_ok(), "{header} {name} = {value}");
                    tried += 1;
                }
                // Parameters of a connection are checked when it is opened.
                let is_parameter = matches!(*name, "via" | "sslmode" | "channel_binding");
                if matches!(form, Choice(_)) && !is_parameter {
                    let error = assigned("\"no-such-choice\"").unwrap_err();
                    let count = error.matches('`').count() / 2 - 1;
                    assert_eq!(count, values.len(), "{error}");
                }
            }
        }
        assert!(tried > 60, "{tried}");
    }

    /// `STARLIFT_UPDATE_GOLDEN=1` updates the schema.
    #[test]
    fn the_schema_in_docs_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/starlift.schema.json");
        if std::env::var_os("STARLIFT_UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, schema_text()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            found,
            schema_text(),
            "STARLIFT_UPDATE_GOLDEN=1 updates docs/starlift.schema.json"
        );
    }
}
