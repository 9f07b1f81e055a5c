//! The checks of the parameters of CreateCluster (5-1, 5-2, 5-5 to 5-9), which moto does not
//! perform.

use super::query::{ErrorReply, Request};

/// The valid node types (5-2). DC2, which the documentation still lists, is not valid (5-1).
const NODE_TYPES: [&str; 8] = [
    "rg.large",
    "rg.xlarge",
    "rg.4xlarge",
    "rg.12xlarge",
    "ra3.large",
    "ra3.xlplus",
    "ra3.4xlarge",
    "ra3.16xlarge",
];

/// The node types that need at least two nodes (5-5).
const MULTI_NODE_ONLY: [&str; 2] = ["ra3.4xlarge", "ra3.16xlarge"];

pub(super) fn check(request: &Request) -> Result<(), ErrorReply> {
    check_identifier(request.require("ClusterIdentifier")?)?;
    check_nodes(request)?;
    check_user(request.require("MasterUsername")?)?;
    check_password(request)?;
    if request.get("MasterUserPassword").is_none() && !request.says("ManageMasterPassword", "true")
    {
        return Err(ErrorReply::combination(
            "MasterUserPassword is required unless ManageMasterPassword is true.",
        ));
    }
    check_database(request.get("DBName").unwrap_or("dev"))?;
    let port = request.get("Port").unwrap_or("5439");
    let allowed = |port: u16| matches!(port, 5431..=5455 | 8191..=8215);
    if !port.parse().is_ok_and(allowed) {
        return Err(ErrorReply::value(format!(
            "Invalid port {port}. It must be in 5431-5455 or 8191-8215."
        )));
    }
    if request.says("Encrypted", "false") {
        return Err(ErrorReply::value("A cluster that is not encrypted cannot be created."));
    }
    let roles = request.list("IamRoles.IamRoleArn");
    match request.get("DefaultIamRoleArn") {
        Some(role) if !roles.iter().any(|it| it == role) => Err(not_attached(role)),
        _ => Ok(()),
    }
}

/// The rejection of a default role that is not attached to the cluster.
pub(super) fn not_attached(role: &str) -> ErrorReply {
    ErrorReply::value(format!("The default IAM role {role} is not associated with the cluster."))
}

/// Checks the password of CreateCluster and of ModifyCluster.
pub(super) fn check_password(request: &Request) -> Result<(), ErrorReply> {
    let Some(password) = request.get("MasterUserPassword") else { return Ok(()) };
    if request.says("ManageMasterPassword", "true") {
        return Err(ErrorReply::combination(
            "MasterUserPassword can't be used when ManageMasterPassword is true.",
        ));
    }
    let has = |kind: fn(&char) -> bool| password.chars().any(|char| kind(&char));
    let allowed = |char: char| char.is_ascii_graphic() && !"'\"\\/@".contains(char);
    let is_valid = (8..=64).contains(&password.len())
        && password.chars().all(allowed)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit);
    if is_valid {
        return Ok(());
    }
    Err(ErrorReply::value(
        "The parameter MasterUserPassword is not a valid password. It must have 8 to 64 printable \
         ASCII characters except ' \" \\ / @ and space, with an upper-case letter, a lower-case \
         letter and a digit.",
    ))
}

fn check_identifier(identifier: &str) -> Result<(), ErrorReply> {
    let allowed = |char: char| matches!(char, 'a'..='z' | '0'..='9' | '-');
    let is_valid = identifier.len() <= 63
        && identifier.starts_with(|char: char| char.is_ascii_lowercase())
        && identifier.chars().all(allowed)
        && !identifier.contains("--")
        && !identifier.ends_with('-');
    if is_valid {
        return Ok(());
    }
    Err(ErrorReply::value(
        "The parameter ClusterIdentifier is not a valid identifier. Identifiers must begin with a \
         letter; must contain only lowercase ASCII letters, digits, and hyphens; and must not end \
         with a hyphen or contain two consecutive hyphens.",
    ))
}

fn check_nodes(request: &Request) -> Result<(), ErrorReply> {
    let node = request.require("NodeType")?;
    if !NODE_TYPES.contains(&node) {
        return Err(ErrorReply::value(format!("Invalid node type: {node}")));
    }
    let number = request.get("NumberOfNodes");
    match request.get("ClusterType").unwrap_or("multi-node") {
        "single-node" if number.is_some() => Err(ErrorReply::combination(
            "Number of nodes must not be specified for cluster type single-node",
        )),
        "single-node" if MULTI_NODE_ONLY.contains(&node) => Err(ErrorReply::combination(format!(
            "Number of nodes for node type {node} must be greater than or equal to 2"
        ))),
        "single-node" => Ok(()),
        "multi-node" => {
            if number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|n| n >= 2) {
                return Ok(());
            }
            Err(ErrorReply::combination(
                "Number of nodes for cluster type multi-node must be greater than or equal to 2",
            ))
        }
        _ => Err(ErrorReply::value(
            "Invalid cluster type. Cluster type can be one of multi-node or single-node",
        )),
    }
}

fn check_user(user: &str) -> Result<(), ErrorReply> {
    let allowed = |char: char| matches!(char, 'a'..='z' | '0'..='9') || "_+.@-".contains(char);
    let is_valid = user.len() <= 128
        && user.starts_with(|char: char| char.is_ascii_lowercase())
        && user.chars().all(allowed)
        && user != "public";
    if is_valid {
        return Ok(());
    }
    Err(ErrorReply::value("The parameter MasterUsername is not a valid user name."))
}

fn check_database(name: &str) -> Result<(), ErrorReply> {
    let allowed = |char: char| matches!(char, 'a'..='z' | '0'..='9' | '_');
    let is_valid = (1..=64).contains(&name.len())
        && name.starts_with(|char: char| char.is_ascii_lowercase())
        && name.chars().all(allowed);
    if is_valid {
        return Ok(());
    }
    Err(ErrorReply::value("The parameter DBName is not a valid database name."))
}
