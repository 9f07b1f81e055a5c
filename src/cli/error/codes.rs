//! Stable error codes, each with its exit code, cause and remedy.

/// Declares the codes and the table from which the error reference is generated.
macro_rules! codes {
    ($($variant:ident $code:literal $exit:literal $cause:literal $remedy:literal)+) => {
        /// A stable code of an error. Messages may change; codes do not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $cause] $variant,)+
        }

        impl Code {
            /// All codes, in the order of the reference.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// Returns the code as shown in messages.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code),+ }
            }

            /// Returns the exit code of a process that ends with this error.
            pub fn exit_code(self) -> u8 {
                match self { $(Code::$variant => $exit),+ }
            }

            /// Returns the cause, as a sentence.
            pub fn cause(self) -> &'static str {
                match self { $(Code::$variant => $cause),+ }
            }

            /// Returns the remedy, as a sentence.
            pub fn remedy(self) -> &'static str {
                match self { $(Code::$variant => $remedy),+ }
            }
        }
    };
}

codes! {
    InvalidOption "invalid-option" 2
        "An option, an environment variable or a key of the configuration file has an invalid value, or two of them exclude each other."
        "Correct it; `--help` shows the accepted values."
    InvalidLocation "invalid-location" 2
        "A path or URL of objects cannot be parsed."
        "Write a local path, or a URL that begins with `file://`, `s3://`, `gs://`, `az://`, `http://` or `https://`."
    InvalidTarget "invalid-target" 2
        "The URL of a warehouse cannot be parsed, or has a parameter that is not supported."
        "Write `redshift://USER@HOST:5439/DATABASE` or `postgres://USER@HOST:5432/DATABASE`."
    InvalidName "invalid-name" 2
        "A schema, role or S3 location cannot be part of a SQL statement."
        "Choose another name."
    InvalidModel "invalid-model" 2
        "A model folder cannot be read or has problems. The message lists all of them, each with file, line, key and reason."
        "Correct them; `docs/model.md` describes every key, and `starlift model check` checks the folder."
    NothingFound "nothing-found" 1
        "A location contains no objects or no star."
        "Check the location; `--dry-run` lists the objects that a transform would read."
    EmptyDataset "empty-dataset" 1
        "A dataset has objects but no rows, so publishing would replace the star with an empty one."
        "Check the location with `--dry-run`. If an empty star is intended, pass `--allow-empty`."
    JsonPaths "jsonpaths" 1
        "A JSONPaths file cannot be read or used."
        "Correct the problem that the cause describes."
    TooManyRejects "too-many-rejects" 3
        "More records were rejected than `--max-rejects` allows. Nothing was published."
        "Read the file of rejects that the message names, and correct the records or raise the limit."
    ChecksFailed "checks-failed" 4
        "A check of the star found rows that break an invariant. Nothing was published."
        "The message names the checks, and the output states what each one requires."
    ObjectsGone "objects-gone" 1
        "Objects that the last incremental run has read are no longer listed. Nothing was published."
        "Check the locations. Pass `--removed drop` to remove their rows from the star, or `--removed keep` to keep the rows, for example if a bucket expires raw logs."
    KeptObjects "kept-objects" 1
        "The star has rows of objects that no longer exist, and the run would lose them. Nothing was published."
        "Pass `--incremental` to keep the rows, or `--incremental --removed drop` to remove them. If they cannot be used, the message states the reason."
    StarDiffers "star-differs" 4
        "`--verify` has built the star again, and it differs from the existing one. Nothing was published."
        "Run `starlift transform --incremental --full` to replace the star, and report it as a defect of starlift if the inputs have not changed."
    Unbalanced "unbalanced" 4
        "The record counts of a run do not add up. Nothing was published."
        "Check your own queries, if you use any; otherwise report it as a defect of starlift."
    EngineNotBuilt "engine-not-built" 2
        "`--engine` is given, and this build of starlift lacks the feature `cluster`."
        "Build it with `cargo build --release --features cluster`, or leave out `--engine`."
    EngineUnreachable "engine-unreachable" 1
        "The scheduler of the cluster cannot be reached, or rejects the certificate. Nothing was published."
        "Check the address, the certificates and that `starlift cluster scheduler` runs there."
    EngineVersion "engine-version" 1
        "The scheduler or an executor runs another version of starlift. Nothing was published."
        "Copy the same binary to all machines."
    EngineInput "engine-input" 2
        "An object cannot be read by executors, because its URL contains a password or a signature."
        "Copy the object to a bucket that the executors can read, or run without `--engine`."
    EngineFailed "engine-failed" 1
        "A step ended with an error on an executor. Nothing was published."
        "Correct the problem that the message states; the logs of the executors have more details."
    EngineMemory "engine-memory" 1
        "A step needs more memory than an executor has for a task, and cannot spill. Nothing was published."
        "Start executors with fewer `--cores` or a larger `--memory-limit`."
    EngineStalled "engine-stalled" 1
        "A step on the cluster has made no progress for the time of `--engine-timeout`. Nothing was published."
        "`starlift cluster status` shows whether executors are there. Raise the limit if the step is slow."
    EngineMiscounted "engine-miscounted" 4
        "The counts of the executors do not agree with each other or with the listing. Nothing was published."
        "Run again. If it happens again, report it as a defect of starlift."
    OutputLocked "output-locked" 1
        "Another run is writing to the output."
        "Wait until it ends, or write to another location. A lock of a run that was killed expires by itself."
    Overtaken "overtaken" 1
        "Another run has published to the output since this run began."
        "Run again to replace that star."
    UnreadableRecord "unreadable-record" 1
        "`_starlift.json` is not the record of a star, or has a version that is not supported."
        "Use the version of starlift that wrote it, or write to another location."
    OtherModel "other-model" 1
        "The star was made with a model of another name."
        "Pass the folder of the model that made the star with `--model`."
    OtherModelVersion "other-model-version" 1
        "The star was made with another version of the model, which has other tables or columns."
        "Pass that version with `--model`, or run `starlift transform` again."
    DamagedStar "damaged-star" 1
        "A file of the star is missing or was changed."
        "Restore the file, or run `starlift transform` again."
    UnknownRun "unknown-run" 1
        "`rollback` or `diff` names a run that the history of the star does not contain, or whose files are not kept."
        "`starlift history` lists the runs. `starlift transform --keep N` keeps the files of the N latest earlier stars."
    QueryFailed "query-failed" 1
        "A SQL query failed."
        "Correct the problem that the cause describes."
    OutOfMemory "out-of-memory" 1
        "A query needs more memory than `--memory-limit` allows, and cannot spill."
        "Raise `--memory-limit`, or lower `--threads`."
    WrongColumns "wrong-columns" 1
        "A query of `--queries` does not return the columns of its table."
        "Return the columns that `starlift schema` lists, in their order."
    InvalidFigure "invalid-figure" 1
        "The header of a file in `report` is not valid, or its query does not return what the chart needs."
        "Correct the file that the message names; `docs/report.md` describes the header."
    ReportTooLarge "report-too-large" 1
        "A report would have more than 500 kB. It was not written."
        "Return fewer rows or shorter texts in the query that the message names."
    SpillFailed "spill-failed" 1
        "A spill file could not be written or read."
        "Free space in the temporary folder, or set another one in `TMPDIR`."
    FileFailed "file-failed" 1
        "A local file could not be read or written."
        "Correct the problem that the cause describes, such as missing permissions or a full disk."
    Internal "internal" 1
        "An internal error of starlift."
        "Report it, with the whole message."
    Interrupted "interrupted" 1
        "The command received SIGINT, SIGTERM or SIGHUP. Nothing was published."
        "Run it again."
    ObjectNotFound "object-not-found" 1
        "The store has no such object or bucket."
        "Check the URL and the region."
    NotSignedIn "not-signed-in" 1
        "A request to the store had no valid credentials."
        "Sign in, or pass `--no-sign-request` for a public bucket."
    AccessDenied "access-denied" 1
        "The credentials lack a permission on the bucket or object."
        "Reading needs `s3:GetObject` and `s3:ListBucket`, writing `s3:PutObject` and `s3:DeleteObject`."
    KmsKey "kms-key" 1
        "The KMS key of the objects cannot be used."
        "Writing needs `kms:GenerateDataKey` and `kms:Decrypt` on the key, reading `kms:Decrypt`."
    RequesterPays "requester-pays" 1
        "The bucket charges requesters for access to its objects."
        "Pass `--request-payer` to accept the charges."
    ChecksumRequired "checksum-required" 1
        "The bucket accepts only uploads with a checksum."
        "Pass `--checksum sha256`."
    ObjectChanged "object-changed" 1
        "An object changed while it was read."
        "Run again."
    StoreFailed "store-failed" 1
        "A store failed in another way."
        "The message contains the server's response."
    StatementRejected "statement-rejected" 1
        "The warehouse rejected a statement."
        "The message contains the server's response. The tables are unchanged unless the message says otherwise."
    ConnectionFailed "connection-failed" 1
        "The warehouse could not be reached, or the connection broke."
        "Check the host and the port, and that the cluster is running. Uncommitted work is rolled back; running again is safe."
    TlsFailed "tls-failed" 1
        "The certificate of the server could not be verified."
        "Specify the certificates to trust with `sslrootcert`, or the name in the certificate with `tls_name`."
    LoginFailed "login-failed" 1
        "The warehouse or AWS rejected the login."
        "Check the user and password, or the permissions that the message names."
    UnexpectedAnswer "unexpected-answer" 1
        "The response of the warehouse has an unexpected form."
        "Report it, with the whole message."
    LoadLocked "load-locked" 1
        "Another load, or sessions that use the tables, held a lock for longer than `--lock-timeout`."
        "Wait until they end, or raise `--lock-timeout`."
    NotATable "not-a-table" 1
        "A view or another relation has the name of a table of the star."
        "Drop it, or load into another schema with `--schema`."
    NotOwner "not-owner" 1
        "The user is not allowed to replace the tables. Nothing was changed."
        "Load as the owner of the tables, or grant the role of the owner to the user."
    OutcomeUnknown "outcome-unknown" 1
        "The connection broke during COMMIT, and the ledger of loads could not be read afterwards."
        "Run the load again: it reads the ledger first."
    Dependents "dependents" 1
        "Objects depend on the tables and would be lost. Nothing was changed."
        "Drop them and create them again after the load, or pass `--cascade`."
    Encoding "encoding" 1
        "The encoding of the database lacks characters of the star. Nothing was changed."
        "Load into a database in UTF-8, or correct the values."
    TablesDiffer "tables-differ" 4
        "The loaded tables differ from the files. They were not swapped in."
        "Load again; report it if it happens again."
    WarehouseChecksFailed "warehouse-checks-failed" 4
        "A check found rows in the warehouse that break an invariant."
        "The message names the checks; load the star again."
    CopyContract "copy-contract" 4
        "Redshift would reject the files of the star. Nothing was changed."
        "The findings name the rule that each file breaks."
    AnswersDiffer "answers-differ" 4
        "A query returns different rows in the warehouse and on the files."
        "Load the star again; report it if it happens again."
    DoctorFailed "doctor-failed" 4
        "`starlift doctor` found a problem that would make a run fail."
        "The output shows a remedy for each failed check."
    Declined "declined" 1
        "The user did not confirm. Nothing was changed."
        "Run the command again, or pass `--yes`."
    LoadInterrupted "load-interrupted" 1
        "The load received SIGINT, SIGTERM or SIGHUP. The star is complete, and the warehouse rolls back uncommitted work."
        "Run it again."
    AwsDenied "aws-denied" 1
        "The AWS credentials lack a permission."
        "Allow the action that the message names, or use other credentials with `--profile`."
    AwsCredentials "aws-credentials" 1
        "There are no AWS credentials, or they are expired or unknown."
        "Sign in: environment variables, `aws sso login`, a profile or a role."
    AwsThrottled "aws-throttled" 1
        "AWS limits the rate of requests."
        "Run the command again in a minute."
    AwsFailed "aws-failed" 1
        "AWS rejected a request or could not be reached."
        "The message contains the response of AWS."
    NotManaged "not-managed" 1
        "A resource of this name exists and was not created by starlift. Nothing was changed."
        "Choose another `--name`."
    ManagedByOthers "managed-by-others" 1
        "Another user of the account created the resource. Nothing was changed."
        "After agreeing with that user, pass `--adopt`, or choose another `--name`."
    StrayTag "stray-tag" 1
        "A resource with another name or in another region has starlift's tags. Nothing was changed."
        "Remove the tags `starlift:…` from it, or remove the resource."
    OtherRegion "other-region" 1
        "The name is used in another region."
        "Specify the region with `--region`."
    SnapshotExists "snapshot-exists" 1
        "A snapshot of this name exists. Nothing was changed."
        "Choose another name with `--final-snapshot`."
    SnapshotMissing "snapshot-missing" 1
        "The cluster was removed without the final snapshot."
        "Look for an automated snapshot in the Redshift console."
    ClusterDiffers "cluster-differs" 1
        "The cluster differs from the plan in a property that starlift does not change in place. Nothing was changed."
        "Pass options that match the cluster, change it in the console, or tear it down first."
    ClusterState "cluster-state" 1
        "The cluster is in a state from which it cannot reach the required one."
        "The events of the cluster in the Redshift console state the reason."
    TimedOut "timed-out" 1
        "A cluster did not reach the required state within `--timeout`."
        "Run the command again: it continues where it stopped."
    NothingManaged "nothing-managed" 1
        "Nothing in the region belongs to the name."
        "`starlift status` lists what exists; `--region` specifies another region."
    ResourcesRemain "resources-remain" 1
        "Resources still exist after a teardown."
        "Run `starlift teardown` again, or remove them in the console."
    NoCluster "no-cluster" 1
        "No cluster of this name exists in the region."
        "Create it with `starlift provision`, or specify another region with `--region`."
    ClusterUnavailable "cluster-unavailable" 1
        "The cluster is not running."
        "`starlift resume` starts a paused cluster."
    NoWorkgroup "no-workgroup" 1
        "No workgroup of this name exists in the region."
        "Check the name, or specify another region with `--region`."
    WorkgroupUnavailable "workgroup-unavailable" 1
        "The workgroup is not available."
        "Wait until the Redshift console shows it as available."
    NeverPaused "never-paused" 1
        "A workgroup of Redshift Serverless cannot be paused."
        "Its compute costs nothing while no query runs; `starlift teardown` removes it."
    NoSubnet "no-subnet" 1
        "No subnets for a workgroup were found."
        "Specify subnets of one VPC with `--subnet`, each in a different Availability Zone."
    InvalidSecret "invalid-secret" 1
        "The text is not the ARN of a secret."
        "Write `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`."
    SecretWithoutPassword "secret-without-password" 1
        "The secret does not contain a password."
        "Store a JSON object with `username` and `password`, or the password alone."
    NoRegion "no-region" 1
        "No AWS region is configured."
        "Specify one with `--region`, `AWS_REGION` or `region` in `[cloud]` of `starlift.toml`."
    AddressUnknown "address-unknown" 1
        "The public address of this machine could not be determined."
        "Specify the addresses to admit with `--cidr`."
    NoVpc "no-vpc" 1
        "The account has no default VPC in the region."
        "Create a cluster subnet group and specify it with `--subnet-group`."
    NoSubnetGroup "no-subnet-group" 1
        "The subnet group does not exist, or has no VPC."
        "Check the name."
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error reference, as Markdown.
    fn reference() -> String {
        let mut page = "# Errors\n\nEvery error is printed with a code, as in `error[too-many-rejects]: …`. \
                        Codes do not change between versions; messages may. The exit code is 1 for a \
                        failure, 2 for wrong usage, 3 for too many rejects and 4 for a failed check.\n\n\
                        | Code | Exit code | Cause | Remedy |\n| --- | --- | --- | --- |\n"
            .to_owned();
        for code in Code::ALL {
            let (exit, cause, remedy) = (code.exit_code(), code.cause(), code.remedy());
            page += &format!("| `{}` | {exit} | {cause} | {remedy} |\n", code.as_str());
        }
        page
    }

    /// `STARLIFT_UPDATE_GOLDEN=1` updates the page.
    #[test]
    fn the_error_reference_lists_every_code() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
        if std::env::var_os("STARLIFT_UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            page,
            reference(),
            "run the test with STARLIFT_UPDATE_GOLDEN=1 to update docs/errors.md"
        );
    }

    #[test]
    fn codes_are_distinct_and_in_kebab_case() {
        let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let is_kebab = |code: &&str| code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(codes.iter().all(is_kebab));
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
