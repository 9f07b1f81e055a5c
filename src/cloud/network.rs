//! The security group of a cluster or workgroup, and its rules for inbound traffic.

mod responses;
pub mod subnets;

use std::collections::BTreeSet;

use responses::{CreatedGroup, Empty, Groups, Rules, Vpcs};

use super::cidr::Cidr;
use super::clients::Clients;
use super::ec2::{self, Request};
use super::error::{ApiError, CloudError};
use super::progress::OperationProgress;
use super::retry::{retry_until_found, retry_while};
use super::tags::{self, Tags};

/// The specification of a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// The group name.
    pub name: String,
    /// The ID of its VPC.
    pub vpc: String,
    /// The port of the cluster or workgroup.
    pub port: u16,
    /// The address ranges that it admits.
    pub cidrs: Vec<Cidr>,
    /// The ownership tags.
    pub tags: Tags,
}

/// An existing security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundGroup {
    /// The group ID.
    pub id: String,
    /// The group name.
    pub name: String,
    /// The ownership tags, or `None` if starlift does not manage the group.
    pub tags: Option<Tags>,
    /// The inbound rules.
    pub rules: Vec<FoundRule>,
}

/// An existing inbound rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRule {
    /// The rule ID.
    pub id: String,
    /// The source: addresses, another group, or a prefix list.
    pub from: String,
    /// The first and last port, or `None` for all ports.
    pub ports: Option<(u16, u16)>,
    /// `true` if starlift created the rule.
    pub is_managed: bool,
}

/// A VPC and its address range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// The VPC ID.
    pub id: String,
    /// The primary IPv4 address range.
    pub cidr: Option<Cidr>,
}

/// Returns the request that creates the group.
pub fn create_group(spec: &GroupSpec) -> Request {
    Request::new("ec2:CreateSecurityGroup")
        .with("GroupName", &spec.name)
        .with("GroupDescription", "Lets clients reach a Redshift cluster; made by starlift")
        .with("VpcId", &spec.vpc)
        .tagging("security-group", &spec.tags.pairs())
}

/// Returns the request that admits addresses to the port of the specification only.
pub fn authorize(spec: &GroupSpec, group_id: &str, cidr: Cidr) -> Request {
    let port = spec.port.to_string();
    Request::new("ec2:AuthorizeSecurityGroupIngress")
        .with("GroupId", group_id)
        .with("IpPermissions.1.IpProtocol", "tcp")
        .with("IpPermissions.1.FromPort", &port)
        .with("IpPermissions.1.ToPort", &port)
        .with("IpPermissions.1.IpRanges.1.CidrIp", cidr.to_string())
        .with("IpPermissions.1.IpRanges.1.Description", "made by starlift")
        .tagging("security-group-rule", &spec.tags.pairs())
}

/// Returns the request that revokes rules.
pub fn revoke(group_id: &str, rules: &[&str]) -> Request {
    let request = Request::new("ec2:RevokeSecurityGroupIngress").with("GroupId", group_id);
    rules.iter().zip(1..).fold(request, |request, (rule, n): (_, usize)| {
        request.with(format!("SecurityGroupRuleId.{n}"), *rule)
    })
}

/// Returns the request that deletes the group.
pub fn delete_group(group_id: &str) -> Request {
    Request::new("ec2:DeleteSecurityGroup").with("GroupId", group_id)
}

/// Returns the request that sets the ownership tags of the group.
pub fn tag_group(group_id: &str, tags: &Tags) -> Request {
    Request::new("ec2:CreateTags").with("ResourceId.1", group_id).tags("Tag", &tags.pairs())
}

/// Returns the request that finds a group by its name in a VPC.
pub fn find_group(name: &str, vpc: &str) -> Request {
    let request = Request::new("ec2:DescribeSecurityGroups");
    request.filter(1, "group-name", name).filter(2, "vpc-id", vpc)
}

/// Returns the request that finds all groups that carry the tag of starlift.
pub fn find_groups() -> Request {
    Request::new("ec2:DescribeSecurityGroups").filter(1, "tag-key", tags::NAME)
}

/// Returns the request that finds the groups with a name in all VPCs.
pub fn find_groups_named(name: &str) -> Request {
    Request::new("ec2:DescribeSecurityGroups").filter(1, "group-name", name)
}

/// Returns the request that finds the rules of a group.
pub fn find_rules(group_id: &str) -> Request {
    Request::new("ec2:DescribeSecurityGroupRules").filter(1, "group-id", group_id)
}

/// Returns the request that finds the account's default VPC in the region.
pub fn find_default_vpc() -> Request {
    Request::new("ec2:DescribeVpcs").filter(1, "is-default", "true")
}

/// Returns the request that finds a VPC by its ID.
pub fn find_vpc(id: &str) -> Request {
    Request::new("ec2:DescribeVpcs").with("VpcId.1", id)
}

/// Returns the VPC that a request finds.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn vpc(clients: &Clients, request: &Request) -> Result<Option<Vpc>, CloudError> {
    let found: Result<Vpcs, _> = clients.ec2.send(request).await;
    let found = found.map_err(|e| e.during("look up the VPC"))?;
    let vpc = found.vpc_set.item.into_iter().next();
    Ok(vpc.map(|vpc| Vpc { id: vpc.vpc_id, cidr: vpc.cidr_block.parse().ok() }))
}

/// Returns the ID of the VPC of a cluster subnet group.
///
/// # Errors
///
/// Returns an error if the group does not exist, or if AWS rejects the request or cannot be reached.
pub async fn subnet_group_vpc(clients: &Clients, group: &str) -> Result<String, CloudError> {
    let request = clients.redshift.describe_cluster_subnet_groups();
    let found = request.cluster_subnet_group_name(group).send().await;
    let none = || CloudError::NoSubnetGroup(group.to_owned());
    match found.map_err(|e| ApiError::new("redshift:DescribeClusterSubnetGroups", &e)) {
        Ok(answer) => {
            let groups = answer.cluster_subnet_groups.unwrap_or_default();
            groups.into_iter().next().and_then(|group| group.vpc_id).ok_or_else(none)
        }
        Err(error) if error.message.contains("NotFound") => Err(none()),
        Err(error) => Err(error.during(format!("look up the cluster subnet group {group}"))),
    }
}

/// Returns the groups that a request finds, with their rules.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn groups(clients: &Clients, request: &Request) -> Result<Vec<FoundGroup>, CloudError> {
    let found: Result<Groups, _> = clients.ec2.send(request).await;
    let found = found.map_err(|e| e.during("look up the security groups"))?;
    let mut groups = Vec::new();
    for group in found.security_group_info.item {
        groups.push(FoundGroup {
            rules: rules(clients, &group.group_id).await?,
            tags: Tags::read(ec2::pairs(&group.tag_set)),
            id: group.group_id,
            name: group.group_name,
        });
    }
    Ok(groups)
}

async fn rules(clients: &Clients, group_id: &str) -> Result<Vec<FoundRule>, CloudError> {
    let found: Result<Rules, _> = clients.ec2.send(&find_rules(group_id)).await;
    let found = found.map_err(|e| e.during(format!("list the rules of {group_id}")))?;
    let incoming = found.security_group_rule_set.item.into_iter().filter(|rule| !rule.is_egress);
    Ok(incoming
        .map(|rule| FoundRule {
            is_managed: Tags::read(ec2::pairs(&rule.tag_set)).is_some(),
            ports: rule
                .from_port
                .zip(rule.to_port)
                .and_then(|(from, to)| Some((u16::try_from(from).ok()?, u16::try_from(to).ok()?))),
            from: rule
                .cidr_ipv4
                .or(rule.cidr_ipv6)
                .or(rule.prefix_list_id)
                .or(rule.referenced_group_info.map(|group| group.group_id))
                .unwrap_or_default(),
            id: rule.security_group_rule_id,
        })
        .collect())
}

/// Creates the group and its rules, or changes existing ones to match the specification, and returns the
/// group ID.
///
/// Revokes rules that starlift created and that the specification does not contain. Rules that others
/// created stay.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn ensure(
    clients: &Clients,
    spec: &GroupSpec,
    found: Option<&FoundGroup>,
    progress: &OperationProgress,
) -> Result<String, CloudError> {
    let name = &spec.name;
    progress.set_step(format!("creating the security group {name}"));
    let id = match found {
        None => {
            let id = match clients.ec2.send::<CreatedGroup>(&create_group(spec)).await {
                Ok(made) => made.group_id,
                // An earlier request whose response was lost created it, or another user did.
                Err(error) if error.is("InvalidGroup.Duplicate") => {
                    let Some(group) = retry_until_found(|| group_of(clients, spec)).await? else {
                        return Err(error.during(format!("create the security group {name}")));
                    };
                    spec.tags.ensure_same_creator(
                        group.tags.clone(),
                        format!("security group {name}"),
                    )?;
                    group.id
                }
                Err(error) => return Err(error.during(format!("create the security group {name}"))),
            };
            progress.note(format!("security group {name} ({id}): created"));
            id
        }
        Some(group) => {
            if group.tags.as_ref() != Some(&spec.tags) {
                let done: Result<Empty, _> =
                    clients.ec2.send(&tag_group(&group.id, &spec.tags)).await;
                done.map_err(|e| e.during(format!("tag the security group {name}")))?;
            }
            group.id.clone()
        }
    };
    let rules = found.map(|group| group.rules.as_slice()).unwrap_or_default();
    ensure_rules(clients, spec, &id, rules, progress).await?;
    Ok(id)
}

/// Revokes the rules of starlift that are no longer wanted, and adds the missing ones.
async fn ensure_rules(
    clients: &Clients,
    spec: &GroupSpec,
    id: &str,
    rules: &[FoundRule],
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let name = &spec.name;
    let is_right = |rule: &FoundRule, cidr: &Cidr| {
        rule.from == cidr.to_string() && rule.ports == Some((spec.port, spec.port))
    };
    let wrong = rules
        .iter()
        .filter(|rule| rule.is_managed && !spec.cidrs.iter().any(|cidr| is_right(rule, cidr)));
    revoke_all(clients, id, wrong, progress).await?;
    for cidr in spec.cidrs.iter().collect::<BTreeSet<_>>() {
        if rules.iter().any(|rule| is_right(rule, cidr)) {
            continue;
        }
        // A new group takes a while to propagate.
        let request = authorize(spec, id, *cidr);
        let admitted = retry_while(
            |e: &ApiError| e.is("InvalidGroup.NotFound"),
            || clients.ec2.send::<Empty>(&request),
        );
        match admitted.await {
            // It was created since the lookup, or by an earlier request whose response was lost.
            Err(error) if error.is("InvalidPermission.Duplicate") => {}
            Err(error) => return Err(error.during(format!("admit {cidr} in {name}"))),
            Ok(Empty {}) => {
                progress
                    .note(format!("security group {name}: admits {cidr} to port {}", spec.port));
            }
        }
    }
    Ok(())
}

/// Returns the group of the specification, if it exists.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn group_of(
    clients: &Clients,
    spec: &GroupSpec,
) -> Result<Option<FoundGroup>, CloudError> {
    Ok(groups(clients, &find_group(&spec.name, &spec.vpc)).await?.into_iter().next())
}

/// Revokes rules one by one. Succeeds for rules that do not exist.
pub(super) async fn revoke_all(
    clients: &Clients,
    group_id: &str,
    rules: impl Iterator<Item = &FoundRule>,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    // A rule that cannot be revoked must not keep the others open.
    let mut first_error = None;
    for rule in rules {
        let done: Result<Empty, _> = clients.ec2.send(&revoke(group_id, &[&rule.id])).await;
        match done {
            Err(error) if !error.is("InvalidSecurityGroupRuleId.NotFound") => {
                let error = error.during(format!("revoke the rule for {}", rule.from));
                first_error.get_or_insert(error);
            }
            _ => {
                progress.note(format!("security group {group_id}: no longer admits {}", rule.from))
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Deletes a group. Succeeds if it does not exist.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn delete(
    clients: &Clients,
    group: &FoundGroup,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let (id, name) = (&group.id, &group.name);
    progress.set_step(format!("removing the security group {name}"));
    // The network interfaces of a deleted cluster still exist for a moment.
    let request = delete_group(id);
    let removed = retry_while(
        |e: &ApiError| e.is("DependencyViolation"),
        || clients.ec2.send::<Empty>(&request),
    );
    match removed.await {
        Err(error) if !error.is("InvalidGroup.NotFound") => {
            Err(error.during(format!("remove the security group {name}")))
        }
        _ => {
            progress.note(format!("security group {name} ({id}): removed"));
            Ok(())
        }
    }
}
