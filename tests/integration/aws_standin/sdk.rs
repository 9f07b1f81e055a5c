//! Responses as the AWS SDK parses them: it silently omits elements that it does not find in the
//! XML.

use aws_credential_types::Credentials;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use aws_sdk_redshift::client::Waiters;
use aws_sdk_redshift::config::Region;
use aws_sdk_redshift::types::{
    PauseClusterMessage, ScheduledActionState, ScheduledActionType, Tag,
};
use aws_smithy_types::DateTime;

use crate::support::aws::{ACCOUNT, Aws, Effect, REGION, Rule};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Action": "sts:AssumeRole", "Principal": {"Service": [
        "redshift.amazonaws.com", "scheduler.redshift.amazonaws.com"]}}]}"#;

fn redshift(aws: &Aws) -> aws_sdk_redshift::Client {
    let config = aws_sdk_redshift::Config::builder()
        .behavior_version_latest()
        .region(Region::new(REGION))
        .endpoint_url(aws.endpoint())
        .credentials_provider(Credentials::new(KEY, "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_redshift::Client::from_conf(config)
}

fn iam(aws: &Aws) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_iam::config::Region::new(REGION))
        .endpoint_url(aws.endpoint())
        .credentials_provider(Credentials::new(KEY, "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_iam::Client::from_conf(config)
}

async fn role(aws: &Aws) -> String {
    let made = iam(aws).create_role().role_name("both").assume_role_policy_document(TRUST);
    made.send().await.unwrap().role().unwrap().arn().to_owned()
}

async fn cluster(client: &aws_sdk_redshift::Client, role: &str) {
    let made = client
        .create_cluster()
        .cluster_identifier("w")
        .node_type("ra3.large")
        .cluster_type("single-node")
        .master_username("admin")
        .manage_master_password(true)
        .iam_roles(role)
        .default_iam_role_arn(role)
        .tags(Tag::builder().key("starlift").value("w").build())
        .send()
        .await;
    assert_eq!(made.unwrap().cluster().unwrap().cluster_status(), Some("creating"));
}

#[tokio::test]
async fn sdk_parses_clusters() {
    let Some(aws) = Aws::start() else { return };
    aws.set_polls(0);
    let (client, role) = (redshift(&aws), role(&aws).await);
    assert_eq!(role, format!("arn:aws:iam::{ACCOUNT}:role/both"));
    cluster(&client, &role).await;
    let waiter = client.wait_until_cluster_available().cluster_identifier("w");
    waiter.wait(std::time::Duration::from_secs(5)).await.unwrap();
    aws.set_polls(1);
    aws.set_cluster_endpoint("localhost", 15439);
    let seen = client.describe_clusters().cluster_identifier("w").send().await.unwrap();
    let seen = &seen.clusters()[0];
    assert_eq!(seen.cluster_availability_status(), Some("Available"));
    let endpoint = seen.endpoint().unwrap();
    assert_eq!((endpoint.address(), endpoint.port()), (Some("localhost"), Some(15439)));
    let attached = &seen.iam_roles()[0];
    assert_eq!(attached.iam_role_arn(), Some(role.as_str()));
    assert_eq!(attached.apply_status(), Some("in-sync"));
    assert_eq!(seen.default_iam_role_arn(), Some(role.as_str()));
    assert!(seen.master_password_secret_arn().is_some());
    assert_eq!(seen.tags()[0].value(), Some("w"));

    let error = client.resume_cluster().cluster_identifier("w").send().await.unwrap_err();
    assert!(error.into_service_error().is_invalid_cluster_state_fault());
    let error = client.pause_cluster().cluster_identifier("x").send().await.unwrap_err();
    assert!(error.into_service_error().is_cluster_not_found_fault());
    let paused = client.pause_cluster().cluster_identifier("w").send().await.unwrap();
    assert_eq!(paused.cluster().unwrap().cluster_status(), Some("pausing"));
}

#[tokio::test]
async fn sdk_parses_schedules() {
    let Some(aws) = Aws::start() else { return };
    let (client, role) = (redshift(&aws), role(&aws).await);
    cluster(&client, &role).await;
    let pause = PauseClusterMessage::builder().cluster_identifier("w").build();
    let target = ScheduledActionType::builder().pause_cluster(pause).build();
    let create = |schedule: &str| {
        let create = client.create_scheduled_action().scheduled_action_name("w-pause");
        create.target_action(target.clone()).iam_role(&role).schedule(schedule).send()
    };
    let error = create("at(2020-01-01T00:00:00)").await.unwrap_err();
    assert!(error.into_service_error().is_invalid_schedule_fault());
    create("at(2099-01-02T03:04:05)").await.unwrap();
    let error = create("at(2099-01-02T03:04:05)").await.unwrap_err();
    assert!(error.into_service_error().is_scheduled_action_already_exists_fault());
    let found = client.describe_scheduled_actions().send().await.unwrap();
    let found = &found.scheduled_actions()[0];
    assert_eq!(found.scheduled_action_name(), Some("w-pause"));
    assert_eq!(found.state(), Some(&ScheduledActionState::Active));
    assert_eq!(found.target_action(), Some(&target));
    assert_eq!(found.next_invocations(), [DateTime::from_secs(4_071_006_245)]);
    let delete = || client.delete_scheduled_action().scheduled_action_name("w-pause").send();
    delete().await.unwrap();
    let error = delete().await.unwrap_err();
    assert!(error.into_service_error().is_scheduled_action_not_found_fault());
}

#[tokio::test]
async fn sdk_parses_simulations() {
    let Some(aws) = Aws::start() else { return };
    let (client, role) = (iam(&aws), role(&aws).await);
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
        "Condition": {"StringLike": {"s3:prefix": "star/*"}}}]}"#;
    let put = client.put_role_policy().role_name("both").policy_name("lake");
    put.policy_document(policy).send().await.unwrap();
    let prefix = ContextEntry::builder()
        .context_key_name("s3:prefix")
        .context_key_type(ContextKeyTypeEnum::String)
        .context_key_values("star/songs")
        .build();
    let simulate = client.simulate_principal_policy().policy_source_arn(&role);
    let simulate = simulate.action_names("s3:ListBucket").resource_arns("arn:aws:s3:::lake");
    let without = simulate.clone().send().await.unwrap();
    let result = &without.evaluation_results()[0];
    assert_eq!(result.eval_decision(), &PolicyEvaluationDecisionType::ImplicitDeny);
    assert_eq!(result.missing_context_values(), ["s3:prefix"]);
    let with = simulate.context_entries(prefix).send().await.unwrap();
    let result = &with.evaluation_results()[0];
    assert_eq!(result.eval_decision(), &PolicyEvaluationDecisionType::Allowed);
    assert_eq!(result.eval_resource_name(), Some("arn:aws:s3:::lake"));
}

#[tokio::test]
async fn sdk_retries_throttled_but_not_denied_requests() {
    let Some(aws) = Aws::start() else { return };
    aws.inject(Rule::new("DescribeClusters", Effect::Throttle));
    let client = redshift(&aws);
    client.describe_clusters().send().await.unwrap();
    assert_eq!(aws.requests().len(), 2);
    aws.inject(Rule::new("DescribeClusters", Effect::Deny));
    let error = client.describe_clusters().send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDenied"));
    assert_eq!(aws.requests().len(), 3);
}
