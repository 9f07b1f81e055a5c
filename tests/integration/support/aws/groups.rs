//! Requests about security groups that EC2 rejects and moto accepts.

use super::cloud::Cloud;
use super::query::{Answer, ErrorReply, Request, Service};

pub(super) async fn answer(cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
    match request.action.as_str() {
        "CreateSecurityGroup" => check_vpc(cloud, request).await?,
        "DeleteSecurityGroup" => check_use(cloud, request).await?,
        _ => {}
    }
    let answer = cloud.moto.ask(request).await;
    // moto returns the code for a rule that is identified by its addresses.
    if let Some(rule) = request.get("SecurityGroupRuleId.1")
        && answer.is_error()
        && answer.xml().text_of("Code") == "InvalidPermission.NotFound"
    {
        let code = "InvalidSecurityGroupRuleId.NotFound";
        let message = format!("The security group rule ID '{rule}' does not exist");
        return Err(ErrorReply::new(400, code, message));
    }
    Ok(answer)
}

/// Checks that the VPC exists. moto creates groups in any VPC.
async fn check_vpc(cloud: &Cloud, request: &Request) -> Result<(), ErrorReply> {
    let Some(vpc) = request.get("VpcId") else { return Ok(()) };
    let params = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    let found = cloud.ask_moto(Service::Ec2, "DescribeVpcs", &params).await;
    if found.xml().texts_of("vpcId").is_empty() {
        let message = format!("The vpc ID '{vpc}' does not exist");
        return Err(ErrorReply::new(400, "InvalidVpcID.NotFound", message));
    }
    Ok(())
}

/// Rejects the deletion of a group that a cluster or a workgroup uses.
async fn check_use(cloud: &Cloud, request: &Request) -> Result<(), ErrorReply> {
    let group = request.get("GroupId").unwrap_or_default();
    let clusters = cloud.ask_moto(Service::Redshift, "DescribeClusters", &[]).await;
    let is_of_cluster = clusters.xml().texts_of("VpcSecurityGroupId").iter().any(|id| *id == group);
    if is_of_cluster || cloud.serverless.lock().await.uses(group) {
        let message = format!("resource {group} has a dependent object");
        return Err(ErrorReply::new(400, "DependencyViolation", message));
    }
    Ok(())
}
