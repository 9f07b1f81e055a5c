//! Names of resources, all derived from one name.

use std::fmt;
use std::str::FromStr;

/// The path of every role, which distinguishes them from other roles without a query of their tags.
pub const ROLE_PATH: &str = "/starlift/";

/// The name of a cluster and of the resources that belong to it.
///
/// A cluster identifier can have up to 63 characters (Redshift API Reference, CreateCluster) and a role name up
/// to 64 (IAM API Reference, CreateRole). Role names contain the region too, because roles belong to no
/// region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// The reason why a text is not a name.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is not a valid cluster name: use 1 to {max} lowercase letters, digits and single hyphens; \
     begin with a letter, and do not end with a hyphen",
    max = Name::MAX
)]
pub struct NameError(String);

impl Name {
    /// The maximum length of a name.
    pub const MAX: usize = 30;

    /// Returns the name itself, which is the cluster identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the role that the cluster assumes to read the star.
    pub fn role(&self, region: &str) -> String {
        format!("starlift-{self}-{region}")
    }

    /// Returns the name of the role that AWS assumes to pause the cluster.
    pub fn scheduler_role(&self, region: &str) -> String {
        format!("starlift-{self}-{region}-stop")
    }

    /// Returns the name of the security group.
    pub fn group(&self) -> String {
        format!("starlift-{self}")
    }

    /// Returns the name of the scheduled action that pauses the cluster.
    pub fn schedule(&self) -> String {
        format!("starlift-{self}-stop")
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        let is_valid = text.len() <= Name::MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--")
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if is_valid { Ok(Name(text.to_owned())) } else { Err(NameError(text.to_owned())) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_clusters_and_roles_can_have() {
        for good in ["a", "sparkify", "sparkify-2", "a23456789012345678901234567890"] {
            let name: Name = good.parse().unwrap();
            assert!(name.scheduler_role("ap-northeast-1").len() <= 64, "{good}");
        }
        for bad in [
            "",
            "2a",
            "-a",
            "a-",
            "a--b",
            "Sparkify",
            "a_b",
            "ä",
            "a234567890123456789012345678901",
        ] {
            let error = bad.parse::<Name>().unwrap_err().to_string();
            assert!(error.contains("lowercase"), "{bad}: {error}");
        }
    }
}
