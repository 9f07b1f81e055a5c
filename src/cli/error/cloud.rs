//! Codes and advice for failures in the cloud.

use super::Code;
use crate::cloud::error::{ApiError, CloudError};

/// AWS error codes for expired or unknown credentials.
const SIGN_IN: [&str; 6] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "AuthFailure",
];

/// AWS error codes for throttling.
const THROTTLED: [&str; 3] = ["Throttling", "RequestLimitExceeded", "ThrottlingException"];

pub(super) fn code(error: &CloudError) -> Code {
    match error {
        CloudError::Api { source, .. } => api_code(source),
        CloudError::NotManaged { .. } => Code::NotManaged,
        CloudError::NotOwned { .. } => Code::ManagedByOthers,
        CloudError::Stray { .. } => Code::StrayTag,
        CloudError::OtherRegion { .. } => Code::OtherRegion,
        CloudError::SnapshotExists(_) => Code::SnapshotExists,
        CloudError::SnapshotMissing(_) => Code::SnapshotMissing,
        CloudError::Differs { .. } => Code::ClusterDiffers,
        CloudError::State { .. } => Code::ClusterState,
        CloudError::TimedOut { .. } => Code::TimedOut,
        CloudError::NothingManaged { .. } => Code::NothingManaged,
        CloudError::ResourcesRemain { .. } => Code::ResourcesRemain,
        CloudError::NoCluster { .. } => Code::NoCluster,
        CloudError::ClusterUnavailable { .. } => Code::ClusterUnavailable,
        CloudError::NoWorkgroup { .. } => Code::NoWorkgroup,
        CloudError::WorkgroupUnavailable { .. } => Code::WorkgroupUnavailable,
        CloudError::NeverPaused(_) => Code::NeverPaused,
        CloudError::NoSubnet(_) => Code::NoSubnet,
        CloudError::InvalidSecret(_) => Code::InvalidSecret,
        CloudError::SecretWithoutPassword(_) => Code::SecretWithoutPassword,
        CloudError::NoRegion => Code::NoRegion,
        CloudError::AddressUnknown { .. } => Code::AddressUnknown,
        CloudError::NoVpc { .. } => Code::NoVpc,
        CloudError::NoSubnetGroup(_) => Code::NoSubnetGroup,
        CloudError::Interrupted => Code::Interrupted,
    }
}

fn api_code(error: &ApiError) -> Code {
    let code = error.code.as_deref().unwrap_or_default();
    match code {
        _ if error.is_denied() => Code::AwsDenied,
        _ if SIGN_IN.contains(&code) => Code::AwsCredentials,
        _ if THROTTLED.contains(&code) => Code::AwsThrottled,
        "" if error.message.contains("credential") => Code::AwsCredentials,
        _ => Code::AwsFailed,
    }
}

pub(super) fn hint(error: &CloudError) -> Option<String> {
    match error {
        CloudError::Api { source, .. } => api_hint(source),
        error => resource_hint(error).or_else(|| setup_hint(error)).map(str::to_owned),
    }
}

/// Returns the advice about the state and ownership of existing resources.
fn resource_hint(error: &CloudError) -> Option<&'static str> {
    Some(match error {
        CloudError::NotManaged { .. } => {
            "choose another name with --name, or remove the resource yourself if it is not needed"
        }
        CloudError::NotOwned { .. } => {
            "coordinate with that user and add --adopt, or choose another --name"
        }
        CloudError::Stray { .. } => {
            "it was renamed, or restored from a snapshot: remove its starlift:… tags to keep it, or \
             remove the resource yourself"
        }
        CloudError::OtherRegion { .. } => "specify the region with --region",
        CloudError::SnapshotExists(_) => "choose another name with --final-snapshot",
        CloudError::SnapshotMissing(_) => {
            "the Redshift console lists its automated snapshots for as long as AWS keeps them"
        }
        CloudError::Differs { .. } => {
            "change the options to match it, change it in the Redshift console, or tear it down first"
        }
        CloudError::State { .. } => {
            "the events in the Redshift console show the reason; `starlift teardown` removes it"
        }
        CloudError::TimedOut { .. } => {
            "run the same command again to continue, or allow more time with --timeout"
        }
        CloudError::NothingManaged { .. } => {
            "`starlift status` shows the existing resources; --region specifies another region"
        }
        CloudError::ResourcesRemain { remaining }
            if remaining.iter().all(|what| what.starts_with("snapshot ")) =>
        {
            "snapshots stay until a user deletes them: `aws redshift delete-cluster-snapshot \
             --snapshot-identifier NAME`"
        }
        CloudError::ResourcesRemain { .. } => {
            "run `starlift teardown` again, or remove them in the console; `starlift status` shows them"
        }
        _ => return None,
    })
}

/// Returns the advice about missing clusters and workgroups, and about invalid settings.
fn setup_hint(error: &CloudError) -> Option<&'static str> {
    Some(match error {
        CloudError::NoCluster { .. } => {
            "create it with `starlift provision`, or specify another region with --region"
        }
        CloudError::ClusterUnavailable { state, .. } if state == "paused" => {
            "`starlift resume` starts it"
        }
        CloudError::ClusterUnavailable { .. } | CloudError::WorkgroupUnavailable { .. } => {
            "wait until `starlift status` shows it as available"
        }
        CloudError::NoWorkgroup { .. } => {
            "create it with `starlift provision --serverless`, or specify another region with --region"
        }
        CloudError::NeverPaused(_) => {
            "a pause would save nothing: a workgroup has no compute cost while no query runs, and its \
             usage limit bounds the rest; `starlift teardown` removes it"
        }
        CloudError::NoSubnet(_) => {
            "specify subnets of one VPC with --subnet; Redshift Serverless needs three, each in a different \
             Availability Zone"
        }
        CloudError::InvalidSecret(_) => "use arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
        CloudError::SecretWithoutPassword(_) => {
            "the secret must be a JSON object with `username` and `password`, or only the password"
        }
        CloudError::NoRegion => {
            "set it with --region, AWS_REGION or `region` in [cloud] of starlift.toml"
        }
        CloudError::AddressUnknown { .. } => "specify the addresses to admit with --cidr",
        CloudError::NoVpc { .. } => {
            "create a cluster subnet group and specify it with --subnet-group"
        }
        _ => return None,
    })
}

fn api_hint(error: &ApiError) -> Option<String> {
    let code = error.code.as_deref().unwrap_or_default();
    match code {
        _ if error.is_denied() => Some(format!(
            "the credentials in use lack {}; ask for the permission, or use others with --profile",
            error.lacking()
        )),
        _ if SIGN_IN.contains(&code) => {
            Some("sign in again: `aws sso login`, other keys, or another --profile".to_owned())
        }
        _ if THROTTLED.contains(&code) => {
            Some("AWS limits the request rate; run the command again in a minute".to_owned())
        }
        "UnsupportedOperation" | "UnsupportedOperationFault" => Some(
            "a cluster can be paused once its first snapshot is complete, and not in every \
                 network; try again later, or tear it down"
                .to_owned(),
        ),
        "ClusterQuotaExceeded" | "NumberOfNodesQuotaExceeded" => Some(
            "the account's quota of clusters or nodes is exhausted; remove one, or request an \
                 increase from AWS"
                .to_owned(),
        ),
        "InsufficientCapacityException" => Some(
            "AWS has too little capacity there; try a smaller --base-capacity or another region"
                .to_owned(),
        ),
        "ServiceQuotaExceededException" => Some(
            "a quota of the account is exhausted; remove a resource or request an increase from AWS"
                .to_owned(),
        ),
        "ValidationException" if error.message.contains("snapshot exists") => Some(
            "the capacity can be changed once the workgroup has its first recovery point, after about \
             half an hour; run the command again then"
                .to_owned(),
        ),
        "InsufficientClusterCapacity" => {
            Some("AWS has no free node of this type; try another --node-type or region".to_owned())
        }
        "" if error.message.contains("credential") => {
            Some("sign in: environment variables, `aws sso login`, a profile or a role".to_owned())
        }
        _ => None,
    }
}
