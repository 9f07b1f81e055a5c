//! Meanings of the keys in the configuration files of Python projects, such as `dwh.cfg`.

/// Meaning of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Part of AWS credentials.
    AwsKey,
    /// A password of a database.
    Password,
    /// AWS region.
    Region,
    /// Profile of the AWS configuration files.
    Profile,
    /// `single-node` or `multi-node`.
    ClusterType,
    /// Number of nodes.
    Nodes,
    /// Node type of the cluster, such as `dc2.large`.
    NodeType,
    /// Identifier of the cluster.
    Cluster,
    /// Host of the cluster.
    Host,
    /// Port of the cluster.
    Port,
    /// Name of the database.
    Database,
    /// User of the database.
    User,
    /// ARN of the role that reads the star.
    RoleArn,
    /// Name of the role that reads the star.
    RoleName,
    /// Song objects.
    Songs,
    /// Log objects.
    Logs,
    /// JSONPaths file for logs.
    LogJsonpaths,
    /// Location of the results.
    Out,
    /// Bucket that other keys name by a prefix only.
    Bucket,
}

impl Meaning {
    /// Returns `true` if the value must not be shown or written.
    pub fn is_secret(self) -> bool {
        matches!(self, Meaning::AwsKey | Meaning::Password)
    }
}

/// Returns the meaning of a key of a section, both in upper case. Secrets are recognized in any section.
pub fn meaning_of(section: &str, key: &str) -> Option<Meaning> {
    if ["PASSWORD", "PASSWD", "PWD"].iter().any(|word| key.contains(word)) || key == "DB_PASS" {
        return Some(Meaning::Password);
    }
    let is_credential = ["SECRET", "TOKEN", "ACCESS_KEY", "CREDENTIAL", "ACCESSKEY"];
    if is_credential.iter().any(|word| key.contains(word))
        || matches!(key, "KEY" | "AWS_KEY" | "KEY_ID" | "AWS_KEY_ID")
    {
        return Some(Meaning::AwsKey);
    }
    match section {
        "AWS" => of_aws(key),
        "CLUSTER" | "DB" | "DWH" => of_cluster(key),
        "IAM_ROLE" => of_role(key),
        "S3" => of_s3(key),
        _ => None,
    }
}

fn of_aws(key: &str) -> Option<Meaning> {
    match key.strip_prefix("AWS_").unwrap_or(key) {
        "REGION" | "REGION_NAME" | "DEFAULT_REGION" => Some(Meaning::Region),
        "PROFILE" | "PROFILE_NAME" => Some(Meaning::Profile),
        _ => None,
    }
}

fn of_cluster(key: &str) -> Option<Meaning> {
    let key = key.strip_prefix("DWH_").unwrap_or(key);
    if matches!(key, "DB" | "DB_NAME" | "DATABASE") {
        return Some(Meaning::Database);
    }
    Some(match key.strip_prefix("DB_").unwrap_or(key) {
        "CLUSTER_TYPE" => Meaning::ClusterType,
        "NUM_NODES" | "NUMBER_OF_NODES" | "NODES" => Meaning::Nodes,
        "NODE_TYPE" => Meaning::NodeType,
        "CLUSTER_IDENTIFIER" | "CLUSTER_ID" | "IDENTIFIER" => Meaning::Cluster,
        "HOST" | "ENDPOINT" => Meaning::Host,
        "PORT" => Meaning::Port,
        "USER" => Meaning::User,
        "REGION" | "REGION_NAME" => Meaning::Region,
        other => return of_role(other).filter(|_| other.contains("ROLE")),
    })
}

fn of_role(key: &str) -> Option<Meaning> {
    match key.strip_prefix("DWH_").unwrap_or(key) {
        "ARN" | "ROLE_ARN" | "IAM_ROLE_ARN" => Some(Meaning::RoleArn),
        "NAME" | "ROLE_NAME" | "IAM_ROLE_NAME" | "IAM_ROLENAME" => Some(Meaning::RoleName),
        _ => None,
    }
}

fn of_s3(key: &str) -> Option<Meaning> {
    match key.strip_prefix("S3_").unwrap_or(key) {
        "SONG_DATA" => Some(Meaning::Songs),
        "LOG_DATA" => Some(Meaning::Logs),
        "LOG_JSONPATH" | "LOG_JSON_PATH" | "LOG_JSONPATHS" => Some(Meaning::LogJsonpaths),
        "OUTPUT_DATA" | "OUTPUT" => Some(Meaning::Out),
        "BUCKET" | "BUCKET_NAME" => Some(Meaning::Bucket),
        "REGION" | "BUCKET_REGION" | "REGION_NAME" => Some(Meaning::Region),
        _ => None,
    }
}
