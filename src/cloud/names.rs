//! What things are called: everything follows from one name.

use std::fmt;
use std::str::FromStr;

/// The path of every role, which tells them from others without asking for their tags.
pub const ROLE_PATH: &str = "/starlift/";

/// The name of a cluster and of what goes with it.
///
/// A cluster's identifier may have 63 characters (Redshift API Reference, CreateCluster); a role's
/// name 64 (IAM API Reference, CreateRole), and it holds the region too, as roles belong to none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// Why a name cannot be one.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} cannot name a cluster: 1 to {max} lower-case letters, digits and single hyphens, a \
     letter first and no hyphen last",
    max = Name::MAX
)]
pub struct NameError(String);

impl Name {
    /// The longest name.
    pub const MAX: usize = 30;

    /// The name itself, which is the cluster's identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The role in which the cluster reads the star.
    pub fn role(&self, region: &str) -> String {
        format!("starlift-{self}-{region}")
    }

    /// The role in which AWS stops the cluster.
    pub fn scheduler_role(&self, region: &str) -> String {
        format!("starlift-{self}-{region}-stop")
    }

    /// The security group.
    pub fn group(&self) -> String {
        format!("starlift-{self}")
    }

    /// The scheduled action that stops the cluster.
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
            assert!(error.contains("lower-case"), "{bad}: {error}");
        }
    }
}
