//! Advice on server failures.

use crate::warehouse::connection::session::ServerLimit;
use crate::warehouse::error::{Cause, ServerError, WarehouseError};

pub(super) fn hint(error: &WarehouseError) -> Option<String> {
    let hint = match &error.cause {
        Cause::Server(error) => match &error.limit {
            Some(limit) => return Some(limit_hint(limit)),
            None => server_error_hint(error),
        },
        Cause::Connection(_) => Some(CONNECTION_HINT),
        Cause::Tls(reason) => Some(tls_hint(reason)),
        Cause::Credentials(reason) => credentials_hint(reason),
        Cause::Response(_) => None,
    };
    hint.map(str::to_owned)
}

fn limit_hint(limit: &ServerLimit) -> String {
    let option = limit.option();
    let option = option.map(|option| format!("pass {option}, or ")).unwrap_or_default();
    format!("{option}change {}", limit.change)
}

fn tls_hint(reason: &str) -> &'static str {
    // The wording of rustls.
    if reason.contains("not valid for") {
        return "use the host name in the server's certificate, or specify that name as tls_name (as behind a tunnel); sslmode=verify-ca verifies the certificate without the name";
    }
    if reason.contains("xpired") || reason.contains("not valid yet") {
        return "renew the server's certificate; check that this machine's clock is correct";
    }
    if reason.contains("does not support TLS") {
        return "enable TLS on the server (ssl = on), or set sslmode=disable if the network is trusted";
    }
    "specify a file with the certificates to trust, or with the server's own certificate, as ?sslrootcert=FILE in the URL"
}

const CONNECTION_HINT: &str = "check that the host is correct, that the cluster is running (not paused), and that its port is open to this machine; uncommitted work is rolled back, so running again is safe";

const PASSWORD_HINT: &str = "set the password as STARLIFT_PASSWORD or with --password-file; for Redshift, --auth iam requests a temporary one from AWS";

/// Hint for SHA-256 passwords. Source: authentication code 13 of Redshift's own driver,
/// aws/amazon-redshift-python-driver.
const DIGEST_HINT: &str = "the user's password is stored as SHA-256, which the driver does not support; set it again as MD5 (ALTER USER … PASSWORD 'md5…'), or use --auth iam";

fn credentials_hint(reason: &str) -> Option<&'static str> {
    if reason.contains("authentication tag") {
        return Some(DIGEST_HINT);
    }
    (reason.contains("password") || reason.contains("authentication")).then_some(PASSWORD_HINT)
}

fn server_error_hint(error: &ServerError) -> Option<&'static str> {
    let load_error = error.load_error.as_ref().map_or("", |found| &found.message);
    let text = format!("{} {} {load_error}", error.message, error.detail);
    let says = |part: &str| text.contains(part);
    Some(match error.code.as_str() {
        "28P01" | "28000" => PASSWORD_HINT,
        "42501" => {
            "the user needs USAGE and CREATE on the schema, and must own the tables that are replaced"
        }
        "3D000" => "create the database first, or specify another in the URL",
        "55P03" => {
            "another session holds locks on the tables, or another load is in progress; run again when it has ended, or raise --lock-timeout"
        }
        "57014" if says("user request") => "another user cancelled the statement; run it again",
        "57014" => "the statement took longer than --statement-timeout allows",
        _ if says("query_wait_timeout") => {
            "the pooler has no free server connection: a load needs two at a time; raise its default_pool_size, or connect directly to the server"
        }
        _ if says("unsupported startup parameter") => {
            "the pooler rejects a parameter of the URL: remove options from it"
        }
        _ if says("only accepts IAM_ROLE") => {
            "this Redshift accepts no keys for Parquet: attach a role, and load without --copy-auth"
        }
        _ if says("not authorized to assume") || says("not attached") => {
            "attach the role to the cluster (or make it the default), and allow redshift.amazonaws.com to assume it"
        }
        _ if says("InvalidRange") || says("invalid version number") => {
            "a file differs from its manifest: it changed after the star was written; build the star again"
        }
        _ if says("File not found") => "a file of the star is missing; build the star again",
        _ if says("longer than the length defined") => {
            "the table's column is shorter than a value of the file; let starlift create the table"
        }
        _ if says("AccessDenied") || says("Access Denied") => {
            "the role needs s3:GetObject on the star's files and manifests and s3:ListBucket on the bucket"
        }
        _ => return None,
    })
}
