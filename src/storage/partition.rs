//! AWS partitions: groups of regions with separate accounts, names and endpoints.
//!
//! Source: the partition table from which the SDK's crates are generated.

/// A group of AWS regions with endpoints of their own, such as China.
#[derive(Debug, PartialEq, Eq)]
struct Partition {
    /// Prefix of the names of its regions.
    prefix: &'static str,
    /// Domain of its endpoints.
    domain: &'static str,
    /// Domain of its dual-stack endpoints, which also support IPv6.
    dual_stack: &'static str,
}

const COMMERCIAL: Partition = partition("", "amazonaws.com", "api.aws");

const OTHERS: [Partition; 7] = [
    partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("us-gov-", "amazonaws.com", "api.aws"),
    partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
];

const fn partition(
    prefix: &'static str,
    domain: &'static str,
    dual_stack: &'static str,
) -> Partition {
    Partition { prefix, domain, dual_stack }
}

fn of(region: &str) -> &'static Partition {
    OTHERS.iter().find(|other| region.starts_with(other.prefix)).unwrap_or(&COMMERCIAL)
}

/// Returns the domain of the endpoints in a region.
pub(crate) fn domain(region: &str, dual_stack: bool) -> &'static str {
    let partition = of(region);
    if dual_stack { partition.dual_stack } else { partition.domain }
}

/// Returns Amazon's S3 endpoint in a region.
pub(super) fn s3_endpoint(region: &str) -> String {
    format!("https://s3.{region}.{}", domain(region, false))
}

/// Returns the S3 endpoint that knows all buckets in the partition of a region.
pub(super) fn s3_directory(region: Option<&str>) -> String {
    match region.filter(|region| *of(region) != COMMERCIAL) {
        Some(region) => s3_endpoint(region),
        None => "https://s3.amazonaws.com".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_endpoints() {
        for (region, endpoint) in [
            ("eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
            ("cn-northwest-1", "https://s3.cn-northwest-1.amazonaws.com.cn"),
            ("us-gov-east-1", "https://s3.us-gov-east-1.amazonaws.com"),
            ("us-isob-east-1", "https://s3.us-isob-east-1.sc2s.sgov.gov"),
            ("us-iso-west-1", "https://s3.us-iso-west-1.c2s.ic.gov"),
        ] {
            assert_eq!(s3_endpoint(region), endpoint);
        }
        assert_eq!(domain("cn-north-1", true), "api.amazonwebservices.com.cn");
    }

    #[test]
    fn buckets_are_looked_up_in_the_partition_of_the_configured_region() {
        for region in [None, Some("us-east-1"), Some("eu-central-1")] {
            assert_eq!(s3_directory(region), "https://s3.amazonaws.com");
        }
        for (region, endpoint) in [
            ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(s3_directory(Some(region)), endpoint);
        }
    }
}
