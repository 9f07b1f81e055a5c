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
    fn lacking(&self) -> &str {
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

    /// What to do about it, where there is something to advise.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            CloudError::Api { source, .. } => return source.hint(),
            CloudError::NotOurs { .. } => {
                "choose another name with --name, or remove it yourself if nobody needs it"
                    .to_owned()
            }
            CloudError::Others { .. } => {
                "agree with them and add --adopt, or choose another --name".to_owned()
            }
            CloudError::Stray { .. } => {
                "it was renamed, or restored from a snapshot: take the tags \
                                         starlift:… off it if it is to stay, or remove it yourself"
                    .to_owned()
            }
            CloudError::Elsewhere { .. } => "name the region with --region".to_owned(),
            CloudError::SnapshotTaken(_) => "name another with --final-snapshot".to_owned(),
            CloudError::NoSnapshot(_) => {
                "its automated snapshots, while AWS keeps them, are in the Redshift console"
                    .to_owned()
            }
            CloudError::Differs { .. } => {
                "say with the options what it has, change it in the Redshift console, or tear it \
                 down first"
                    .to_owned()
            }
            CloudError::State { .. } => {
                "the events in the Redshift console say why; `starlift teardown` removes it"
                    .to_owned()
            }
            CloudError::TimedOut { .. } => {
                "run the command again, which goes on where it stopped, \
                                            or wait for longer with --timeout"
                    .to_owned()
            }
            CloudError::NothingOwned { .. } => {
                "`starlift status` shows what there is; another region is named with --region"
                    .to_owned()
            }
            CloudError::Left { left } if left.iter().all(|what| what.starts_with("snapshot ")) => {
                "snapshots are kept until somebody removes them: `aws redshift \
                 delete-cluster-snapshot --snapshot-identifier NAME`"
                    .to_owned()
            }
            CloudError::Left { .. } => {
                "run `starlift teardown` again, or remove them in the console; \
                                        `starlift status` shows them"
                    .to_owned()
            }
            CloudError::NoCluster { .. } => {
                "make it with `starlift provision`, or name another region \
                                             with --region"
                    .to_owned()
            }
            CloudError::NotUp { state, .. } if state == "paused" => {
                "`starlift resume` starts it".to_owned()
            }
            CloudError::NotUp { .. } => {
                "wait until `starlift status` shows it available".to_owned()
            }
            CloudError::NoWorkgroup { .. } => {
                "create it with `starlift provision --serverless`, or name another region with --region"
                    .to_owned()
            }
            CloudError::NotAvailable { .. } => {
                "wait until `starlift status` shows it as available".to_owned()
            }
            CloudError::NeverPaused(_) => {
                "it need not be: its compute costs nothing while no query runs, and its usage limit \
                 bounds the rest; `starlift teardown` removes it"
                    .to_owned()
            }
            CloudError::NoSubnet(_) => {
                "name subnets of one VPC with --subnet; Redshift Serverless needs three, each in \
                 another Availability Zone"
                    .to_owned()
            }
            CloudError::NotASecret(_) => {
                "write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME".to_owned()
            }
            CloudError::NoPassword(_) => {
                "its text is a JSON object with `username` and `password`, or the password alone"
                    .to_owned()
            }
            CloudError::NoRegion => {
                "name one with --region, AWS_REGION or `region` in [cloud] of starlift.toml"
                    .to_owned()
            }
            CloudError::Address { .. } => "name the addresses to admit with --cidr".to_owned(),
            CloudError::NoVpc { .. } => {
                "make a cluster subnet group and name it with --subnet-group".to_owned()
            }
            CloudError::NoSubnetGroup(_) | CloudError::Interrupted => return None,
        })
    }
}

impl ApiError {
    /// What to do about it, where there is something to advise.
    pub fn hint(&self) -> Option<String> {
        let code = self.code.as_deref().unwrap_or_default();
        match code {
            _ if self.is_denied() => Some(format!(
                "the credentials in use lack {}; have it allowed, or use others with --profile",
                self.lacking()
            )),
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "AuthFailure" => {
                Some("sign in again: `aws sso login`, other keys, or another --profile".to_owned())
            }
            "Throttling" | "RequestLimitExceeded" | "ThrottlingException" => {
                Some("AWS asks for slowing down; run the command again in a minute".to_owned())
            }
            "UnsupportedOperation" | "UnsupportedOperationFault" => Some(
                "a cluster can be paused once its first snapshot is complete, and not in every \
                 network; try again later, or tear it down"
                    .to_owned(),
            ),
            "ClusterQuotaExceeded" | "NumberOfNodesQuotaExceeded" => Some(
                "the account's quota of clusters or nodes is used up; remove one, or ask AWS for \
                 more"
                    .to_owned(),
            ),
            "InsufficientCapacityException" => Some(
                "AWS has too little capacity there; try a smaller --base-capacity or another region"
                    .to_owned(),
            ),
            "ServiceQuotaExceededException" => Some(
                "a quota of the account is used up; remove something, or ask AWS for more".to_owned(),
            ),
            "InsufficientClusterCapacity" => Some(
                "AWS has no such node free there; try another --node-type or region".to_owned(),
            ),
            "ValidationException" if self.said.contains("snapshot exists") => Some(
                "AWS changes the capacity once the workgroup has its first recovery point, after half \
                 an hour or so; run the command again then"
                    .to_owned(),
            ),
            "" if self.said.contains("credential") => Some(
                "sign in: environment variables, `aws sso login`, a profile or a role".to_owned(),
            ),
            _ => None,
        }
    }
}
