//! Ownership tags. starlift changes and deletes only resources that carry them.

use std::time::Duration;

use aws_sdk_redshift::types::Tag;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::error::CloudError;
use super::names::Name;

/// Key of the tag with the name that a resource belongs to.
pub const NAME: &str = "starlift:name";
/// Key of the tag with the region in which a resource is used; roles themselves have no region.
pub const REGION: &str = "starlift:region";
/// Key of the tag with the creator.
pub const CREATOR: &str = "starlift:creator";
/// Key of the tag with the time at which AWS pauses the cluster, or `never`.
pub const EXPIRES: &str = "starlift:expires";
/// Key of the tag with the time that the cluster runs before AWS pauses it.
pub const LIFETIME: &str = "starlift:lifetime";

const NEVER: &str = "never";

/// The ownership tags of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// The name that it belongs to.
    pub name: String,
    /// The region in which it is used.
    pub region: String,
    /// The ARN of the creator.
    pub creator: String,
    /// The expiry of the cluster, if it has one.
    pub expiry: Option<Expiry>,
}

/// The time at which AWS pauses a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The time, in whole seconds.
    pub at: DateTime<Utc>,
    /// The time between the creation or resume of the cluster and the pause.
    pub lifetime: Duration,
}

/// Formats a time for people.
pub fn moment(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

impl Expiry {
    /// Returns the end of a lifetime that begins now.
    pub fn after(now: DateTime<Utc>, lifetime: Duration) -> Expiry {
        // An edited tag may contain any time.
        let at = TimeDelta::from_std(lifetime).ok().and_then(|life| now.checked_add_signed(life));
        Expiry { at: at.unwrap_or(DateTime::<Utc>::MAX_UTC), lifetime }
    }
}

/// Returns the ARN of a caller in the form of a tag: without the session name, which can differ between
/// sign-ins (that of single sign-on identifies the user, and stays), and with the characters that tags can
/// contain (IAM API Reference, Tag).
pub fn creator(arn: &str) -> String {
    let lasting = match arn.split_once(":assumed-role/") {
        Some((account, role)) if !role.starts_with("AWSReservedSSO_") => {
            format!("{account}:assumed-role/{}", role.split('/').next().unwrap_or(role))
        }
        _ => arn.to_owned(),
    };
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    lasting.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Parses tags in the form of Redshift's responses.
pub fn from_redshift(tags: Option<&[Tag]>) -> Option<Tags> {
    let pairs = tags.unwrap_or_default().iter();
    Tags::read(pairs.filter_map(|tag| tag.key.as_deref().zip(tag.value.as_deref())))
}

impl Tags {
    /// Returns the tags as pairs of key and value.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let (at, lifetime) = match self.expiry {
            Some(Expiry { at, lifetime }) => (
                at.to_rfc3339_opts(SecondsFormat::Secs, true),
                humantime::format_duration(lifetime).to_string(),
            ),
            None => (NEVER.to_owned(), NEVER.to_owned()),
        };
        vec![
            (NAME, self.name.clone()),
            (REGION, self.region.clone()),
            (CREATOR, self.creator.clone()),
            (EXPIRES, at),
            (LIFETIME, lifetime),
        ]
    }

    /// Parses the tags of a resource. Returns `None` if starlift does not manage it.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Tags> {
        let found: std::collections::HashMap<&str, &str> = pairs.into_iter().collect();
        let text = |key: &str| found.get(key).map(|value| (*value).to_owned());
        let at = found.get(EXPIRES).and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        let lifetime = found.get(LIFETIME).and_then(|text| humantime::parse_duration(text).ok());
        Some(Tags {
            name: text(NAME)?,
            region: text(REGION).unwrap_or_default(),
            creator: text(CREATOR).unwrap_or_default(),
            expiry: at.zip(lifetime).map(|(at, lifetime)| Expiry { at: at.to_utc(), lifetime }),
        })
    }

    /// Returns `true` if the resource belongs to `name`.
    pub fn is_of(&self, name: &Name) -> bool {
        self.name == name.as_str()
    }

    /// Ensures that an existing resource, described by `what`, has the same name and region.
    ///
    /// # Errors
    ///
    /// Returns an error if it belongs to another name or region, or has no ownership tags.
    pub fn ensure_same_owner(&self, found: Option<Tags>, what: String) -> Result<(), CloudError> {
        match found {
            Some(found) if found.name == self.name && found.region == self.region => Ok(()),
            _ => Err(CloudError::NotManaged { what, tag: owner_tag(&self.name) }),
        }
    }

    /// Ensures the same, and that the resource has the same creator.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Tags::ensure_same_owner`], and an error if another user of the account created
    /// it.
    pub fn ensure_same_creator(&self, found: Option<Tags>, what: String) -> Result<(), CloudError> {
        self.ensure_same_owner(found.clone(), what.clone())?;
        match found.filter(|found| found.creator != self.creator) {
            Some(Tags { creator, .. }) => Err(CloudError::NotOwned { what, creator }),
            None => Ok(()),
        }
    }
}

/// Returns the tag of the resources of `name`, in the form `KEY=VALUE`.
pub fn owner_tag(name: impl std::fmt::Display) -> String {
    format!("{NAME}={name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creator_is_the_same_from_one_session_to_the_next() {
        let role = "arn:aws:sts::123456789012:assumed-role/analyst/ann,x@example.com";
        assert_eq!(creator(role), "arn:aws:sts::123456789012:assumed-role/analyst");
        let sso = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ann@example.com";
        assert_eq!(creator(sso), sso);
        let user = "arn:aws:iam::123456789012:user/ann,x";
        assert_eq!(creator(user), "arn:aws:iam::123456789012:user/ann_x");
    }

    #[test]
    fn no_lifetime_is_too_long() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T09:30:00Z").unwrap().to_utc();
        for lifetime in
            [Duration::MAX, Duration::from_secs(u64::MAX / 1000), Duration::from_secs(1 << 43)]
        {
            assert_eq!(Expiry::after(now, lifetime).at, DateTime::<Utc>::MAX_UTC);
        }
        assert_eq!(
            Expiry::after(now, Duration::from_secs(60)).at.to_rfc3339(),
            "2026-11-21T09:31:00+00:00"
        );
    }

    #[test]
    fn tags_are_read_as_they_were_written() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T09:30:00Z").unwrap().to_utc();
        for expiry in [None, Some(Expiry::after(now, Duration::from_secs(8 * 3600 + 60)))] {
            let tags = Tags {
                name: "sparkify".to_owned(),
                region: "us-west-2".to_owned(),
                creator: "arn:aws:iam::123456789012:user/ann".to_owned(),
                expiry,
            };
            let pairs = tags.pairs();
            let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
            assert!(pairs.iter().all(|(_, value)| value.chars().all(allowed)), "{pairs:?}");
            let pairs = pairs.iter().map(|(key, value)| (*key, value.as_str()));
            assert_eq!(Tags::read(pairs), Some(tags));
        }
        assert_eq!(Tags::read([("Name", "sparkify")]), None);
    }
}
