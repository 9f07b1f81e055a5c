//! The values of a new configuration file.

use url::Url;

use crate::cli::args::{GlobalArgs, InitArgs};
use crate::cli::error::{Error, Result};

/// The known values; keys without a value are written as comments.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Values {
    /// AWS region.
    pub region: Option<String>,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Song objects.
    pub songs: Vec<String>,
    /// Log objects.
    pub logs: Vec<String>,
    /// JSONPaths file for logs.
    pub log_jsonpaths: Option<String>,
    /// Location of the star.
    pub out: Option<String>,
    /// Identifier of the cluster.
    pub name: Option<String>,
    /// Node type of the cluster.
    pub node_type: Option<String>,
    /// The retired node type that the converted file names, if any; `node_type` replaces it.
    pub old_node_type: Option<String>,
    /// Number of nodes.
    pub nodes: Option<u32>,
    /// Name of the database.
    pub database: Option<String>,
    /// User of the database.
    pub user: Option<String>,
    /// Schema of the tables.
    pub schema: Option<String>,
    /// Time after which AWS pauses the cluster, such as `8h`.
    pub expires: Option<String>,
    /// Host of the warehouse.
    pub host: Option<String>,
    /// Port of the warehouse.
    pub port: Option<u16>,
    /// ARN of the role that Redshift assumes to read the star.
    pub iam_role: Option<String>,
}

impl Values {
    /// Returns the values of the flags and environment variables.
    pub fn of_args(args: &InitArgs, global: &GlobalArgs) -> Values {
        // An environment variable that is set to the empty string counts as unset.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Values {
            region: given(&global.region),
            profile: given(&global.profile),
            songs: args.songs.clone(),
            logs: args.logs.clone(),
            log_jsonpaths: given(&args.log_jsonpaths),
            out: given(&args.out),
            name: given(&args.name),
            node_type: given(&args.node_type),
            nodes: args.nodes,
            database: given(&args.database),
            user: given(&args.user),
            schema: given(&args.schema),
            expires: given(&args.expires),
            ..Values::default()
        }
    }

    /// Returns these values, with missing ones filled from `other`.
    pub fn or(self, other: Values) -> Values {
        let old_node_type = other.old_node_type.filter(|_| self.node_type.is_none());
        Values {
            region: self.region.or(other.region),
            profile: self.profile.or(other.profile),
            songs: if self.songs.is_empty() { other.songs } else { self.songs },
            logs: if self.logs.is_empty() { other.logs } else { self.logs },
            log_jsonpaths: self.log_jsonpaths.or(other.log_jsonpaths),
            out: self.out.or(other.out),
            name: self.name.or(other.name),
            node_type: self.node_type.or(other.node_type),
            old_node_type: self.old_node_type.or(old_node_type),
            nodes: self.nodes.or(other.nodes),
            database: self.database.or(other.database),
            user: self.user.or(other.user),
            schema: self.schema.or(other.schema),
            expires: self.expires.or(other.expires),
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            iam_role: self.iam_role.or(other.iam_role),
        }
    }

    /// Returns the URL of the warehouse if host, database and user are known.
    ///
    /// # Errors
    ///
    /// Returns an error if they do not form a valid URL.
    pub fn url(&self) -> Result<Option<String>> {
        let (Some(host), Some(database), Some(user)) = (&self.host, &self.database, &self.user)
        else {
            return Ok(None);
        };
        let refuse = || Error::Usage(format!("{host:?} cannot be the host of a warehouse"));
        let port = self.port.unwrap_or(crate::warehouse::Dialect::Redshift.port());
        let mut url = Url::parse(&format!("redshift://{host}:{port}")).map_err(|_| refuse())?;
        url.set_username(user).map_err(|()| refuse())?;
        url.set_path(database);
        Ok(Some(url.into()))
    }

    /// Returns the keys that a run needs and that have no value.
    pub fn missing(&self) -> Vec<&'static str> {
        let has_url = self.host.is_some() && self.database.is_some() && self.user.is_some();
        [
            ("star", self.out.is_some()),
            ("songs in [transform]", !self.songs.is_empty()),
            ("logs in [transform]", !self.logs.is_empty()),
            ("out in [transform]", self.out.is_some()),
            ("region in [cloud]", self.region.is_some()),
            ("name in [cloud]", self.name.is_some() || has_url),
            ("cluster or url in [warehouse.redshift]", self.name.is_some() || has_url),
        ]
        .into_iter()
        .filter_map(|(key, is_known)| (!is_known).then_some(key))
        .collect()
    }
}
