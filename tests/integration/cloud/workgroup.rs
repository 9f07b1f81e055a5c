//! Redshift Serverless, passwords of IAM identities, and passwords in Secrets Manager.

use std::path::Path;

use super::*;
use crate::support::aws::Workgroup;
use crate::support::redshift::{Config, Redshift};
use crate::support::s3::S3Server;

pub const ROLE: &str = "arn:aws:iam::123456789012:role/copy";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!stars-AbCdEf";
const TRUST: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
    \"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"redshift-serverless.amazonaws.com\"}}]}";

/// S3, a Redshift, and an AWS account, with a configuration file whose warehouse the test sets.
pub struct Cloud {
    pub account: Account,
    pub s3: S3Server,
    pub redshift: Redshift,
}

impl Cloud {
    /// Returns `None`, with a message, on a machine without Python.
    pub async fn new(warehouse: &str) -> Option<Cloud> {
        Cloud::with(warehouse, Config { role: Some(ROLE.to_owned()), ..Config::default() }).await
    }

    /// Like [`Cloud::new`], with another configuration of Redshift.
    pub async fn with(warehouse: &str, config: Config) -> Option<Cloud> {
        let (account, s3) = (Account::new()?, S3Server::start());
        let redshift = Redshift::start_with(&s3, config).await;
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
        // Only the port of the stand-in needs its certificate.
        let ca = match warehouse.contains("data-api") {
            true => String::new(),
            false => format!("sslrootcert = \"{}\"\n", redshift.ca_file().display()),
        };
        let settings = format!(
            "star = \"{star}\"\n\
             [transform]\nsongs = \"{sample}/song_data\"\nlogs = \"{sample}/log_data\"\n\
             out = \"{star}\"\nmax_rejects = 14\n\
             [warehouse.redshift]\n{ca}{warehouse}\n",
            star = s3.url("star"),
            sample = sample.display(),
        );
        let url = format!("redshift://{}@localhost:{}/dev", redshift.user(), redshift.port());
        account.here.write("starlift.toml", settings.replace("{url}", &url));
        let role = [("RoleName", "copy"), ("AssumeRolePolicyDocument", TRUST)];
        account.aws.call("iam", "CreateRole", &role);
        Some(Cloud { account, s3, redshift })
    }

    fn workgroup(&self, status: &'static str) {
        let workgroup = Workgroup {
            status,
            address: "localhost".to_owned(),
            port: self.redshift.port(),
            database: "dev",
            roles: vec![ROLE.to_owned()],
            default_role: None,
            credentials: (self.redshift.user().to_owned(), self.redshift.password().to_owned()),
        };
        self.account.aws.add_workgroup("analytics", workgroup);
    }

    /// Runs the program and asserts that its output does not contain the password.
    pub fn run(&self, args: &[&str]) -> Outcome {
        let mut command = self.account.command();
        command.env("AWS_ENDPOINT_URL_S3", self.s3.endpoint()).arg("-vv");
        let outcome = self.account.here.outcome(command.args(args));
        let password = self.redshift.password();
        assert!(!outcome.stdout.contains(password) && !outcome.stderr.contains(password));
        outcome
    }

    /// The parameters of the only request for an action.
    fn params_of(&self, action: &str) -> std::collections::BTreeMap<String, String> {
        let requests = self.account.aws.requests();
        let mut found = requests.into_iter().filter(|request| request.action == action);
        found.next().unwrap_or_else(|| panic!("no request for {action}")).params
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_finds_a_workgroup_by_its_name() {
    let Some(cloud) = Cloud::new("workgroup = \"analytics\"").await else { return };
    cloud.workgroup("AVAILABLE");
    cloud.run(&["run", "--to", "redshift"]).exits(0).says("statistics equal those of the files");
    let asked = cloud.params_of("GetCredentials");
    assert_eq!((&*asked["workgroupName"], &*asked["dbName"]), ("analytics", "dev"));
    let statements = cloud.redshift.statements();
    let copies: Vec<_> = statements.iter().filter(|sql| sql.contains("COPY")).collect();
    assert!(!copies.is_empty() && copies.iter().all(|sql| sql.contains(ROLE)), "{copies:#?}");
    cloud.run(&["check", "--on", "redshift"]).exits(0);
    let outcome = cloud.run(&["doctor"]);
    outcome
        .says("analytics is available at localhost")
        .says("arn:aws:iam::123456789012:role/copy exists");
    outcome.says("redshift-serverless.amazonaws.com can");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workgroup_that_is_not_available_is_reported() {
    let Some(cloud) = Cloud::new("workgroup = \"analytics\"").await else { return };
    let load = ["check", "--on", "redshift"];
    let missing = "there is no workgroup analytics of Redshift Serverless in us-east-1";
    cloud.run(&load).fails_with("no-workgroup").naming(&[missing, "--region"]);
    cloud.run(&["doctor"]).fails_with("doctor-failed").says(missing);
    cloud.workgroup("CREATING");
    cloud
        .run(&load)
        .fails_with("workgroup-unavailable")
        .naming(&["workgroup analytics", "creating"]);
    cloud.account.aws.inject(Rule::new("GetWorkgroup", Effect::Deny));
    cloud.run(&load).fails_with("aws-denied").naming(&["redshift-serverless:GetWorkgroup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workgroup_is_accepted_with_a_url() {
    let Some(cloud) = Cloud::new("url = \"{url}\"\nauth = \"iam\"").await else { return };
    cloud.workgroup("AVAILABLE");
    cloud.run(&["transform"]).exits(0);
    let load = ["load", "--to", "redshift", "--iam-role", ROLE];
    cloud.run(&load).fails_with("login-failed").naming(&["--workgroup"]);
    cloud.run(&[&load[..], &["--workgroup", "analytics"]].concat()).exits(0);
    cloud
        .run(&[&load[..], &["--workgroup", "analytics", "--db-group", "etl"]].concat())
        .fails_with("login-failed")
        .naming(&["database groups cannot be requested"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_the_callers_identity_is_accepted() {
    let settings = "cluster = \"stars\"\nauth = \"iam-identity\"";
    let Some(cloud) = Cloud::new(settings).await else { return };
    cloud.account.create_foreign_cluster("stars", &[]);
    cloud.account.aws.set_cluster_endpoint("localhost", cloud.redshift.port());
    cloud.account.aws.set_cluster_credentials(cloud.redshift.user(), cloud.redshift.password());
    cloud.run(&["transform"]).exits(0);
    cloud.run(&["check", "--on", "redshift"]);
    let asked = cloud.params_of("GetClusterCredentialsWithIAM");
    assert_eq!(asked["ClusterIdentifier"], "stars");
    assert!(!asked.contains_key("DbUser"), "{asked:?}");
    let groups = ["--auth", "iam", "--db-group", "etl", "loaders"];
    cloud.run(&[&["check", "--on", "redshift"][..], &groups].concat());
    let asked = cloud.params_of("GetClusterCredentials");
    let groups = [&asked["DbGroups.DbGroup.1"], &asked["DbGroups.DbGroup.2"]];
    assert_eq!(groups, ["etl", "loaders"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_read_from_a_secret() {
    let settings = format!("url = \"{{url}}\"\npassword_secret = \"{SECRET}\"");
    let Some(cloud) = Cloud::new(&settings).await else { return };
    cloud.run(&["transform"]).exits(0);
    let load = ["load", "--to", "redshift", "--iam-role", ROLE];
    cloud.run(&load).fails_with("aws-failed").naming(&[SECRET, "can't find the specified secret"]);
    let (user, password) = (cloud.redshift.user(), cloud.redshift.password());
    let managed = format!("{{\"username\":\"{user}\",\"password\":\"{password}\"}}");
    for text in [managed.as_str(), password] {
        cloud.account.aws.set_secret(SECRET, text);
        cloud.run(&[&load[..], &["--force"]].concat()).exits(0);
    }
    cloud.account.aws.set_secret(SECRET, &managed.replace(user, "root"));
    cloud.run(&load).fails_with("invalid-option").naming(&["is for user root"]);
    cloud.account.aws.set_secret(SECRET, "{\"username\":\"ann\"}");
    cloud.run(&load).fails_with("secret-without-password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_with_temporary_keys_does_not_show_them() {
    let settings =
        format!("url = \"{{url}}\"\npassword_secret = \"{SECRET}\"\ncopy_auth = \"session\"");
    let config = Config { takes_keys: true, ..Config::default() };
    let Some(cloud) = Cloud::with(&settings, config).await else { return };
    cloud.account.aws.set_secret(SECRET, cloud.redshift.password());
    cloud.run(&["transform"]).exits(0);
    let plan = cloud.run(&["load", "--to", "redshift", "--dry-run"]);
    plan.exits(0).says("SECRET_ACCESS_KEY '***'").says("SESSION_TOKEN '***'");
    assert_eq!(cloud.account.request_count("GetSessionToken"), 0);
    let loaded = cloud.run(&["load", "--to", "redshift"]);
    loaded.exits(0);
    let scratch = cloud.s3.url("scratch");
    cloud.run(&["selftest", "--to", "redshift", "--scratch", &scratch]).exits(0);
    let keys = |sql: &str| -> Vec<String> {
        let quoted = sql.split("_KEY '").skip(1).chain(sql.split("TOKEN '").skip(1));
        quoted.filter_map(|rest| Some(rest.split('\'').next()?.to_owned())).collect()
    };
    let copies = cloud.redshift.statements();
    let secrets: Vec<String> = copies.iter().flat_map(|sql| keys(sql)).collect();
    // A key and a token for each of five tables, in the load and in each load of the self-test.
    assert!(secrets.len() >= 20 && secrets.len().is_multiple_of(10), "{copies:#?}");
    assert!(secrets.iter().all(|secret| secret.len() > 10 && !loaded.stderr.contains(secret)));
    assert!(secrets.iter().all(|secret| !loaded.stdout.contains(secret)));
    let role = ["load", "--to", "redshift", "--force", "--iam-role", ROLE];
    cloud.run(&role).fails_with("invalid-option").naming(&["--copy-auth session"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redshift_that_rejects_keys_is_reported() {
    let settings = format!("url = \"{{url}}\"\npassword_secret = \"{SECRET}\"");
    let Some(cloud) = Cloud::new(&settings).await else { return };
    cloud.account.aws.set_secret(SECRET, cloud.redshift.password());
    cloud.run(&["transform"]).exits(0);
    let load = ["load", "--to", "redshift", "--copy-auth", "session"];
    cloud
        .run(&load)
        .fails_with("statement-rejected")
        .naming(&["only accepts IAM_ROLE credentials", "attach a role"]);
    cloud.account.aws.inject(Rule::new("GetSessionToken", Effect::Deny));
    cloud.run(&load).fails_with("aws-denied").naming(&["sts:GetSessionToken"]);
    let postgres = ["load", "--to", "postgres://ann@localhost/dev", "--copy-auth", "session"];
    cloud.run(&postgres).fails_with("invalid-option").naming(&["for Redshift only"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_options_are_rejected() {
    let Some(cloud) = Cloud::new("url = \"{url}\"").await else { return };
    let check = ["check", "--on", "redshift"];
    for (more, reason) in [
        (&["--password-secret", "stars"][..], "is not the ARN of a secret"),
        (&["--password-secret", SECRET, "--auth", "iam"], "a password secret requires"),
        (&["--db-group", "etl"], "require --auth iam"),
        (&["--cluster", "a", "--workgroup", "b"], "cannot be used with"),
    ] {
        cloud.run(&[&check[..], more].concat()).exits(2).complains(reason);
    }
    let postgres = ["check", "--on", "postgres://ann@localhost/dev", "--auth", "iam-identity"];
    cloud.run(&postgres).fails_with("invalid-option").naming(&["for Redshift only"]);
}
