//! Security groups: the behavior of moto that the tests rely on, and the gaps that the stand-in
//! fills.

use super::caller::{Caller, text};
use super::create;

const TAG: [(&str, &str); 2] =
    [("TagSpecification.1.Tag.1.Key", "starlift"), ("TagSpecification.1.Tag.1.Value", "w")];

fn vpc(aws: &Caller) -> String {
    let default = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")];
    text(&aws.call("ec2", "DescribeVpcs", &default), "vpcId").to_owned()
}

fn group(aws: &Caller) -> String {
    let vpc = vpc(aws);
    let mut params = vec![("GroupName", "door"), ("GroupDescription", "d"), ("VpcId", &vpc)];
    params.push(("TagSpecification.1.ResourceType", "security-group"));
    params.extend(TAG);
    text(&aws.send("ec2", "CreateSecurityGroup", &params), "groupId").to_owned()
}

fn rule<'a>(group: &'a str, address: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut params = vec![
        ("GroupId", group),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "5439"),
        ("IpPermissions.1.ToPort", "5439"),
        ("IpPermissions.1.IpRanges.1.CidrIp", address),
        ("TagSpecification.1.ResourceType", "security-group-rule"),
    ];
    params.extend(TAG);
    params
}

#[test]
fn groups_are_found_by_name_vpc_and_tag() {
    let Some(aws) = Caller::start() else { return };
    let (group, vpc) = (group(&aws), vpc(&aws));
    let found = |name: &str, value: &str| {
        let params = [
            ("Filter.1.Name", name),
            ("Filter.1.Value.1", value),
            ("Filter.2.Name", "group-name"),
            ("Filter.2.Value.1", "door"),
        ];
        text(&aws.send("ec2", "DescribeSecurityGroups", &params), "groupId") == group
    };
    for (name, value) in [("vpc-id", vpc.as_str()), ("tag:starlift", "w"), ("tag-key", "starlift")]
    {
        assert!(found(name, value), "{name}");
        assert!(!found(name, "other"), "{name}");
    }
    let again = [("GroupName", "door"), ("GroupDescription", "d"), ("VpcId", &vpc)];
    aws.rejects("ec2", "CreateSecurityGroup", &again, 400, "InvalidGroup.Duplicate");
}

#[test]
fn rules_are_added_and_removed_by_id() {
    let Some(aws) = Caller::start() else { return };
    let group = group(&aws);
    let made = aws.send("ec2", "AuthorizeSecurityGroupIngress", &rule(&group, "192.0.2.1/32"));
    let id = text(&made, "securityGroupRuleId");
    assert!(id.starts_with("sgr-"), "{made}");
    let code = "InvalidPermission.Duplicate";
    let again = rule(&group, "192.0.2.1/32");
    aws.rejects("ec2", "AuthorizeSecurityGroupIngress", &again, 400, code);
    aws.send("ec2", "AuthorizeSecurityGroupIngress", &rule(&group, "192.0.2.2/32"));
    let of_group = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", group.as_str())];
    let rules = aws.send("ec2", "DescribeSecurityGroupRules", &of_group);
    assert!(rules.contains("<cidrIpv4>192.0.2.2/32</cidrIpv4>"), "{rules}");
    assert!(rules.contains("<key>starlift</key><value>w</value>"), "{rules}");
    let params = [("GroupId", group.as_str()), ("SecurityGroupRuleId.1", id)];
    aws.send("ec2", "RevokeSecurityGroupIngress", &params);
    let rules = aws.send("ec2", "DescribeSecurityGroupRules", &of_group);
    assert!(!rules.contains(id) && rules.contains("192.0.2.2/32"), "{rules}");
    let code = "InvalidSecurityGroupRuleId.NotFound";
    aws.rejects("ec2", "RevokeSecurityGroupIngress", &params, 400, code);
}

#[test]
fn group_in_use_cannot_be_deleted() {
    let Some(aws) = Caller::start() else { return };
    let group = group(&aws);
    let mut params = create::params("w");
    params.push(("VpcSecurityGroupIds.VpcSecurityGroupId.1", &group));
    aws.call("redshift", "CreateCluster", &params);
    let params = [("GroupId", group.as_str())];
    aws.rejects("ec2", "DeleteSecurityGroup", &params, 400, "DependencyViolation");
    let cluster = ("ClusterIdentifier", "w");
    aws.send("redshift", "DeleteCluster", &[cluster, ("SkipFinalClusterSnapshot", "true")]);
    aws.rejects("ec2", "DeleteSecurityGroup", &params, 400, "DependencyViolation");
    aws.describe("w");
    aws.rejects("redshift", "DescribeClusters", &[cluster], 404, "ClusterNotFound");
    aws.send("ec2", "DeleteSecurityGroup", &params);
    aws.rejects("ec2", "DeleteSecurityGroup", &params, 400, "InvalidGroup.NotFound");
}

#[test]
fn vpc_must_exist() {
    let Some(aws) = Caller::start() else { return };
    let params = [("GroupName", "door"), ("GroupDescription", "d"), ("VpcId", "vpc-0")];
    aws.rejects("ec2", "CreateSecurityGroup", &params, 400, "InvalidVpcID.NotFound");
}
