//! Errors of cloud operations, with the permission that a rejected request needs.

use std::time::Duration;

use aws_sdk_redshift::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// An error while creating, finding, changing or deleting a cloud resource.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// AWS rejected a request or could not be reached.
    #[error("cannot {action}")]
    Api {
        /// The attempted action and its object.
        action: String,
        /// The error of the AWS operation.
        #[source]
        source: ApiError,
    },
    /// A resource with a name from the plan exists without the ownership tag.
    #[error("{what} already exists and is not tagged {tag}; nothing was changed")]
    NotManaged {
        /// Kind and name of the resource, such as `cluster sparkify`.
        what: String,
        /// The expected tag.
        tag: String,
    },
    /// Another user of the account created the resource.
    #[error("{what} was created by {creator}; nothing was changed")]
    NotOwned {
        /// Kind and name of the resource.
        what: String,
        /// The ARN of the creator.
        creator: String,
    },
    /// A resource with another name, or in another region, carries the tag.
    #[error("{what} is tagged {tag}, under another name or region; nothing was changed")]
    Stray {
        /// Kind and name of the resource.
        what: String,
        /// The tag that names starlift, as `key=value`.
        tag: String,
    },
    /// The name has resources in other regions only.
    #[error("nothing in {region} belongs to {name}, but there are roles for {}", regions.join(", "))]
    OtherRegion {
        /// The region in use.
        region: String,
        /// The name of the managed resources.
        name: String,
        /// The regions that the roles are used in.
        regions: Vec<String>,
    },
    /// A snapshot with the name of the final snapshot already exists.
    #[error("snapshot {0} already exists; nothing was changed")]
    SnapshotExists(String),
    /// The final snapshot does not exist.
    #[error("there is no snapshot {0}: the cluster was already being deleted without one")]
    SnapshotMissing(String),
    /// A cluster, workgroup or namespace differs from the plan in a property that cannot be changed in place.
    #[error("{what} has {found}, but the plan requires {wanted}; nothing was changed")]
    Differs {
        /// Kind and name of the resource.
        what: String,
        /// The property and its actual value.
        found: String,
        /// The planned value.
        wanted: String,
    },
    /// A cluster, workgroup or namespace is in a state from which it cannot reach the required one.
    #[error("{what} is {state:?} and will not become {wanted}")]
    State {
        /// Kind and name of the resource.
        what: String,
        /// The current state.
        state: String,
        /// The required state.
        wanted: &'static str,
    },
    /// A wait timed out.
    #[error("{what} is still {state:?} after {}", humantime::format_duration(*waited))]
    TimedOut {
        /// Kind and name of the resource.
        what: String,
        /// The last observed state.
        state: String,
        /// The duration of the wait.
        waited: Duration,
    },
    /// No resource in the region carries the tag.
    #[error("nothing in {region} is tagged {tag}")]
    NothingManaged {
        /// AWS region that was searched.
        region: String,
        /// The tag that was searched for, as `key=value`.
        tag: String,
    },
    /// Resources remain after a teardown.
    #[error("resources remain after the teardown: {}", remaining.join(", "))]
    ResourcesRemain {
        /// Kinds and names of the resources.
        remaining: Vec<String>,
    },
    /// No cluster has the name.
    #[error("there is no cluster {cluster} in {region}")]
    NoCluster {
        /// Identifier of the cluster.
        cluster: String,
        /// AWS region that was searched.
        region: String,
    },
    /// The cluster is not available.
    #[error("cluster {cluster} is {state}")]
    ClusterUnavailable {
        /// Identifier of the cluster.
        cluster: String,
        /// The current state.
        state: String,
    },
    /// No workgroup has the name.
    #[error("there is no workgroup {workgroup} of Redshift Serverless in {region}")]
    NoWorkgroup {
        /// Name of the workgroup.
        workgroup: String,
        /// AWS region that was searched.
        region: String,
    },
    /// A workgroup is not available.
    #[error("the workgroup {workgroup} is {state}")]
    WorkgroupUnavailable {
        /// Name of the workgroup.
        workgroup: String,
        /// The current state.
        state: String,
    },
    /// Workgroups can be neither paused nor resumed.
    #[error("{0} is a workgroup of Redshift Serverless, which can be neither paused nor resumed")]
    NeverPaused(String),
    /// A subnet does not exist, or is not in the same VPC as the others.
    #[error("there is no subnet {0}, or it is not in the same VPC as the others")]
    NoSubnet(String),
    /// The text is not the ARN of a secret.
    #[error("{0:?} is not the ARN of a secret")]
    InvalidSecret(String),
    /// The secret contains no password.
    #[error("the secret {0} contains no password")]
    SecretWithoutPassword(String),
    /// No region is configured.
    #[error("no AWS region is configured")]
    NoRegion,
    /// The public address of this machine could not be determined.
    #[error("cannot determine the public address of this machine from {url}")]
    AddressUnknown {
        /// The URL of the IP echo service.
        url: String,
        /// Failure of the request to the service.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The region has no default VPC.
    #[error("the account has no default VPC in {region}")]
    NoVpc {
        /// AWS region that was searched.
        region: String,
    },
    /// The subnet group does not exist, or AWS does not report its VPC.
    #[error("there is no cluster subnet group {0:?}, or it has no VPC")]
    NoSubnetGroup(String),
    /// The user interrupted the operation.
    #[error("interrupted")]
    Interrupted,
}

/// An error of one AWS operation.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct ApiError {
    /// The operation in the form of IAM policies, such as `iam:CreateRole`.
    pub operation: &'static str,
    /// The error code, if AWS responded.
    pub code: Option<String>,
    /// The code and message, or the reason why there was no response.
    pub message: String,
}

impl ApiError {
    /// Converts the error of an SDK call.
    pub fn new<E, R>(operation: &'static str, error: &SdkError<E, R>) -> ApiError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        ApiError { operation, code: error.code().map(str::to_owned), message: error_message(error) }
    }

    /// Returns `true` if AWS denied permission.
    pub fn is_denied(&self) -> bool {
        let denied = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];
        self.code.as_deref().is_some_and(|code| denied.contains(&code))
    }

    /// Returns the denied action. AWS names it in the message, because it can differ from the requested
    /// operation (`iam:PassRole` for CreateCluster, `iam:TagRole` for CreateRole).
    pub fn lacking(&self) -> &str {
        let named = self.message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
        let action = named.and_then(|rest| rest.split_whitespace().next());
        action.filter(|action| action.contains(':')).unwrap_or(self.operation)
    }

    /// Returns `true` if the error code is `code`.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Wraps the error with the action that failed.
    pub fn during(self, action: impl Into<String>) -> CloudError {
        CloudError::Api { action: action.into(), source: self }
    }
}

/// Returns the code and message of AWS's response, or the reason why there was no response.
pub fn error_message<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => {
            let text = DisplayErrorContext(error).to_string();
            // The context ends in the debug form of the whole response.
            text.split(" (").next().unwrap_or(&text).to_owned()
        }
    }
}

impl CloudError {
    /// Returns `true` if AWS denied permission.
    pub fn is_denied(&self) -> bool {
        matches!(self, CloudError::Api { source, .. } if source.is_denied())
    }
}
