//! What the configuration file says of the cluster in AWS.

use serde::Deserialize;

use super::settings::one_or_many;

/// The cluster that is made and taken down. Names are those of the flags, with `_` for `-`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "so far the keys are known, and nothing is made of them")]
pub struct CloudSettings {
    /// Identifier of the cluster.
    pub name: Option<String>,
    /// Type of its nodes.
    pub node_type: Option<String>,
    /// How many nodes.
    pub nodes: Option<u32>,
    /// The database made with it.
    pub database: Option<String>,
    /// The user made with it.
    pub user: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Whether it has a public address.
    pub public: Option<bool>,
    /// Addresses that may connect.
    #[serde(default, deserialize_with = "one_or_many")]
    pub cidr: Vec<String>,
    /// Subnets it is placed in.
    pub subnet_group: Option<String>,
    /// Key that encrypts it.
    pub kms_key: Option<String>,
    /// How long it is wanted.
    pub expires: Option<String>,
}
