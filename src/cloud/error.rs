//! What AWS refuses, told with the permission it takes.

use std::time::Duration;

use aws_sdk_redshift::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// A failure to make, find, change or remove something in the cloud.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// AWS refused a request, or could not be asked.
    #[error("cannot {action}")]
    Api {
        /// What was being done, and to what.
        action: String,
        /// What AWS said.
        #[source]
        source: ApiError,
    },
    /// Something has a name that is needed, and does not carry the tag of its owner.
    #[error("{what} exists already and is not tagged {tag}; nothing was changed")]
    NotOurs {
        /// The resource.
        what: String,
        /// The tag that it would carry.
        tag: String,
    },
    /// Something of this name was made by another user of the account.
    #[error("{what} was made by {creator}; nothing was changed")]
    Others {
        /// The resource.
        what: String,
        /// Who made it.
        creator: String,
    },
    /// Something of another name carries the tag.
    #[error("{what} is tagged {tag}, under another name or region; nothing was changed")]
    Stray {
        /// The resource.
        what: String,
        /// The tag.
        tag: String,
    },
    /// Roles of the name are used in other regions.
    #[error("nothing in {region} belongs to {name}, but roles for {}", regions.join(", "))]
    Elsewhere {
        /// The region that was looked at.
        region: String,
        /// The name.
        name: String,
        /// The other regions.
        regions: Vec<String>,
    },
    /// The name of the last snapshot is taken.
    #[error("there is a snapshot {0} already; nothing was changed")]
    SnapshotTaken(String),
    /// The last snapshot was not taken.
    #[error("there is no snapshot {0} of the cluster: it was on its way out without one")]
    NoSnapshot(String),
    /// A cluster, workgroup or namespace differs from the plan in what is not changed in place.
    #[error("{what} has {found}, and the plan says {wanted}; nothing was changed")]
    Differs {
        /// The resource.
        what: String,
        /// What it has.
        found: String,
        /// What it should have.
        wanted: String,
    },
    /// A cluster, workgroup or namespace is in a state that it does not leave for the wanted one.
    #[error("{what} is {state:?} and will not become {wanted}")]
    State {
        /// The resource.
        what: String,
        /// Its state.
        state: String,
        /// The state that was waited for.
        wanted: &'static str,
    },
    /// Waiting came to its end.
    #[error("{what} is still {state:?} after {}", humantime::format_duration(*waited))]
    TimedOut {
        /// What was waited for.
        what: String,
        /// Its last state.
        state: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// There is no such cluster, role or rule.
    #[error("nothing in {region} is tagged {tag}")]
    NothingOwned {
        /// The region.
        region: String,
        /// The tag.
        tag: String,
    },
    /// What should be gone is there.
    #[error("still there after the teardown: {}", left.join(", "))]
    Left {
        /// The resources.
        left: Vec<String>,
    },
    /// There is no cluster of a name.
    #[error("there is no cluster {cluster} in {region}")]
    NoCluster {
        /// The name.
        cluster: String,
        /// The region.
        region: String,
    },
    /// A cluster is not up.
    #[error("cluster {cluster} is {state}")]
    NotUp {
        /// The cluster.
        cluster: String,
        /// Its state.
        state: String,
    },
    /// No workgroup has the name.
    #[error("there is no workgroup {workgroup} of Redshift Serverless in {region}")]
    NoWorkgroup {
        /// The name.
        workgroup: String,
        /// The region.
        region: String,
    },
    /// A workgroup is not available.
    #[error("the workgroup {workgroup} is {state}")]
    NotAvailable {
        /// The workgroup.
        workgroup: String,
        /// Its state.
        state: String,
    },
    /// A workgroup was to be paused or resumed.
    #[error("{0} is a workgroup of Redshift Serverless, which can be neither paused nor resumed")]
    NeverPaused(String),
    /// A subnet does not exist, or is in another network than the rest.
    #[error("there is no subnet {0}, or it is in another VPC than the others")]
    NoSubnet(String),
    /// A text that is not the ARN of a secret.
    #[error("{0:?} is not the ARN of a secret")]
    NotASecret(String),
    /// A secret without a password.
    #[error("the secret {0} holds no password")]
    NoPassword(String),
    /// No region is configured.
    #[error("no AWS region is named")]
    NoRegion,
    /// An address could not be found out.
    #[error("the address that this machine has on the internet cannot be asked for at {url}")]
    Address {
        /// Who was asked.
        url: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no network to put a cluster in.
    #[error("the account has no default VPC in {region}")]
    NoVpc {
        /// The region.
        region: String,
    },
    /// A subnet group that does not exist, or says too little.
    #[error("there is no cluster subnet group {0:?}, or it names no VPC")]
    NoSubnetGroup(String),
    /// The user stopped the work.
    #[error("interrupted")]
    Interrupted,
}

/// What AWS answered to one operation.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {said}")]
pub struct ApiError {
    /// The operation as policies name it, such as `iam:CreateRole`.
    pub operation: &'static str,
    /// The error code, when AWS answered.
    pub code: Option<String>,
    /// Code and message, or why there is no answer.
    pub said: String,
}

impl ApiError {
    /// Reads the error of an SDK call.
    pub fn new<E, R>(operation: &'static str, error: &SdkError<E, R>) -> ApiError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        ApiError { operation, code: error.code().map(str::to_owned), said: said(error) }
    }

    /// Whether AWS refused for want of permission.
    pub fn is_denied(&self) -> bool {
        let denied = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];
        self.code.as_deref().is_some_and(|code| denied.contains(&code))
    }

    /// The action that is not allowed: AWS names it, as it may be another than that which was asked for
    /// (`iam:PassRole` for CreateCluster, `iam:TagRole` for CreateRole).
    pub fn lacking(&self) -> &str {
        let named = self.said.split_once("not authorized to perform: ").map(|(_, rest)| rest);
        let action = named.and_then(|rest| rest.split_whitespace().next());
        action.filter(|action| action.contains(':')).unwrap_or(self.operation)
    }

    /// Whether the code is this one.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The failure to do `action`.
    pub fn during(self, action: impl Into<String>) -> CloudError {
        CloudError::Api { action: action.into(), source: self }
    }
}

/// What AWS said; where it said nothing, why it could not be asked.
pub fn said<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => {
            let text = DisplayErrorContext(error).to_string();
            // The context ends in the debug form of the whole answer.
            text.split(" (").next().unwrap_or(&text).to_owned()
        }
    }
}

impl CloudError {
    /// Whether AWS refused for want of permission.
    pub fn is_denied(&self) -> bool {
        matches!(self, CloudError::Api { source, .. } if source.is_denied())
    }
}
