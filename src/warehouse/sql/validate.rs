//! Validates the S3 URLs and role ARNs that become part of statements.

/// Returns the problem with the bucket or key of an object's URL of any scheme, or `None` if it is
/// valid.
pub fn object_url_problem(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("it is not a URL of the form s3://BUCKET/KEY".to_owned());
    };
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket_char = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if scheme == "s3" && (bucket.is_empty() || !bucket.chars().all(is_bucket_char)) {
        return Some(format!("{bucket:?} is not the name of a bucket"));
    }
    if key.is_empty() || key.ends_with('/') {
        return Some("it does not name an object".to_owned());
    }
    if key.starts_with('/') || key.contains("//") {
        return Some("its key has an empty part: in S3, // and / are different keys".to_owned());
    }
    let bad = key.chars().find(|c| c.is_control() || ['\\', '\'', '"'].contains(c))?;
    Some(format!("it contains {bad:?}"))
}

/// Returns `true` if `arn` has the form `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME` and contains
/// only characters that IAM allows in names.
///
/// Source: IAM User Guide, IAM identifiers.
pub fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts[..] else { return false };
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    prefix == "arn"
        && plain(partition, "-")
        && service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && resource
            .strip_prefix("role/")
            .is_some_and(|name| plain(name, "+=,.@_-/") && !name.ends_with('/'))
}
