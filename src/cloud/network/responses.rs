//! The fields in use of EC2's responses.

use serde::Deserialize;

use super::ec2::{self, Set};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Groups {
    pub security_group_info: Set<GroupItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupItem {
    pub group_id: String,
    pub group_name: String,
    pub tag_set: Set<ec2::Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rules {
    pub security_group_rule_set: Set<RuleItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleItem {
    pub security_group_rule_id: String,
    pub is_egress: bool,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub cidr_ipv4: Option<String>,
    pub cidr_ipv6: Option<String>,
    pub prefix_list_id: Option<String>,
    pub referenced_group_info: Option<Referenced>,
    pub tag_set: Set<ec2::Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Referenced {
    pub group_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vpcs {
    pub vpc_set: Set<VpcItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VpcItem {
    pub vpc_id: String,
    pub cidr_block: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreatedGroup {
    pub group_id: String,
}

/// A response whose content is not needed.
#[derive(Debug, Deserialize)]
pub struct Empty {}
