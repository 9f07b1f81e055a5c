//! The tags that say what is whose; nothing without them is changed or removed.

use std::time::Duration;

use aws_sdk_redshift::types::Tag;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::error::CloudError;
use super::names::Name;

/// Says which name a resource belongs to.
pub const NAME: &str = "starlift:name";
/// Says in which region it is used: roles are in none.
pub const REGION: &str = "starlift:region";
/// Says who made it.
pub const CREATOR: &str = "starlift:creator";
/// Says when the cluster is stopped, or `never`.
pub const EXPIRES: &str = "starlift:expires";
/// Says how long the cluster runs before it is stopped.
pub const LIFETIME: &str = "starlift:lifetime";

const NEVER: &str = "never";

/// What the tags of a resource say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// Which name it belongs to.
    pub name: String,
    /// In which region it is used.
    pub region: String,
    /// The ARN of who made it.
    pub creator: String,
    /// When the cluster is stopped, and how long it runs before.
    pub expiry: Option<Expiry>,
}

/// When a cluster is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The moment, in whole seconds.
    pub at: DateTime<Utc>,
    /// How long it may run from when it is made or resumed.
    pub lifetime: Duration,
}

/// A moment as people read it.
pub fn moment(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

impl Expiry {
    /// The end of a life that begins now.
    pub fn after(now: DateTime<Utc>, lifetime: Duration) -> Expiry {
        // An edited tag may contain any time.
        let at = TimeDelta::from_std(lifetime).ok().and_then(|life| now.checked_add_signed(life));
        Expiry { at: at.unwrap_or(DateTime::<Utc>::MAX_UTC), lifetime }
    }
}

/// Who made something, as a tag may say it: without the name of a session, which may differ from one
/// sign-in to the next (that of single sign-on is the user's own, and stays), and in the characters that
/// tags may have (IAM API Reference, Tag).
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

/// Reads tags as Redshift gives them.
pub fn of_redshift(tags: Option<&[Tag]>) -> Option<Tags> {
    let pairs = tags.unwrap_or_default().iter();
    Tags::read(pairs.filter_map(|tag| tag.key.as_deref().zip(tag.value.as_deref())))
}

impl Tags {
    /// Key and value of each.
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

    /// Reads the tags of a resource; `None` where it is nobody's.
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

    /// Whether they say that something belongs to `name`.
    pub fn is_of(&self, name: &Name) -> bool {
        self.name == name.as_str()
    }

    /// Refuses to go on where something called `what` has other tags than these, or none.
    ///
    /// # Errors
    ///
    /// If it belongs to another name or region, or to nobody that starlift knows of.
    pub fn demand(&self, found: Option<Tags>, what: String) -> Result<(), CloudError> {
        match found {
            Some(found) if found.name == self.name && found.region == self.region => Ok(()),
            _ => Err(CloudError::NotOurs { what, tag: owner(&self.name) }),
        }
    }

    /// The same, and refuses what somebody else made under the name.
    ///
    /// # Errors
    ///
    /// As [`Tags::demand`], and if another user of the account made it.
    pub fn demand_same(&self, found: Option<Tags>, what: String) -> Result<(), CloudError> {
        self.demand(found.clone(), what.clone())?;
        match found.filter(|found| found.creator != self.creator) {
            Some(Tags { creator, .. }) => Err(CloudError::Others { what, creator }),
            None => Ok(()),
        }
    }
}

/// The tag that what belongs to `name` carries, as it is shown.
pub fn owner(name: impl std::fmt::Display) -> String {
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
