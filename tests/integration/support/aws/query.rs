//! The Query protocol: requests are forms, answers are XML, and the format of errors depends on
//! the service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::xml::Element;
use super::{ACCOUNT, REGION, USER};

/// The parameters of a request by their names.
pub type Params = BTreeMap<String, String>;

/// The services of the stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Sts,
    Iam,
    Ec2,
    Redshift,
    Serverless,
    Secrets,
    DataApi,
}

impl Service {
    /// Looks up a service by its name in a credential scope.
    pub fn named(name: &str) -> Option<Service> {
        let query = [Service::Sts, Service::Iam, Service::Ec2, Service::Redshift];
        let all =
            query.into_iter().chain([Service::Serverless, Service::Secrets, Service::DataApi]);
        all.into_iter().find(|service| service.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::Ec2 => "ec2",
            Service::Redshift => "redshift",
            Service::Serverless => "redshift-serverless",
            Service::Secrets => "secretsmanager",
            Service::DataApi => "redshift-data",
        }
    }

    /// Returns true if requests and answers are JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Service::Serverless | Service::Secrets | Service::DataApi)
    }

    pub fn version(self) -> &'static str {
        match self {
            Service::Sts => "2011-06-15",
            Service::Iam => "2010-05-08",
            Service::Ec2 => "2016-11-15",
            Service::Redshift => "2012-12-01",
            Service::Serverless | Service::Secrets | Service::DataApi => "",
        }
    }

    fn namespace(self) -> String {
        let scheme = if matches!(self, Service::Sts | Service::Iam) { "https" } else { "http" };
        let slash = if self == Service::Ec2 { "" } else { "/" };
        format!("{scheme}://{}.amazonaws.com/doc/{}{slash}", self.name(), self.version())
    }
}

/// A parsed request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub service: Service,
    pub action: String,
    pub params: Params,
}

impl Request {
    pub fn new(service: Service, action: &str, params: &[(&str, &str)]) -> Request {
        let params = params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Request { service, action: action.to_owned(), params: params.collect() }
    }

    pub fn read(service: Service, body: &[u8]) -> Request {
        let mut params: Params = url::form_urlencoded::parse(body).into_owned().collect();
        params.remove("Version");
        Request { service, action: params.remove("Action").unwrap_or_default(), params }
    }

    /// Parses a request whose body is a JSON object; `target` is the header that names the
    /// operation.
    pub fn read_json(service: Service, target: &str, body: &[u8]) -> Request {
        let body: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let params = body.into_iter().map(|(key, value)| (key, text(value))).collect();
        Request { service, action, params }
    }

    /// The body of a JSON request.
    pub fn json(&self) -> Value {
        let is_text = |key: &str| !["Sqls", "SessionKeepAliveSeconds"].contains(&key);
        let value = |(key, text): (&String, &String)| match serde_json::from_str(text) {
            Ok(value) if !is_text(key) => (key.clone(), value),
            _ => (key.clone(), Value::String(text.clone())),
        };
        Value::Object(self.params.iter().map(value).collect())
    }

    /// The body of a JSON request in which no string is valid JSON of another type.
    pub fn typed_json(&self) -> Value {
        let value = |(key, text): (&String, &String)| {
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
            (key.clone(), value)
        };
        Value::Object(self.params.iter().map(value).collect())
    }

    /// The request as the body of a form.
    pub fn form(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", &self.action).append_pair("Version", self.service.version());
        form.extend_pairs(&self.params).finish()
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.params.get(key).map(String::as_str)
    }

    pub fn says(&self, key: &str, value: &str) -> bool {
        self.get(key).is_some_and(|it| it.eq_ignore_ascii_case(value))
    }

    pub fn require(&self, key: &str) -> Result<&str, ErrorReply> {
        let missing = || ErrorReply::new(400, "MissingParameter", format!("{key} is required"));
        self.get(key).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    /// The values of `{prefix}.1`, `{prefix}.2` and so on.
    pub fn list(&self, prefix: &str) -> Vec<String> {
        let numbers = (1..).map(|number| self.get(&format!("{prefix}.{number}")));
        numbers.map_while(|value| value.map(str::to_owned)).collect()
    }

    /// The name of the action in a policy.
    pub fn permission(&self) -> String {
        format!("{}:{}", self.service.name(), self.action)
    }

    /// An answer to the request with these children in its result.
    pub fn answer(&self, children: Vec<Element>) -> Answer {
        let result = Element::with(&format!("{}Result", self.action), children);
        let id = Element::with_text("RequestId", REQUEST_ID);
        let metadata = Element::with("ResponseMetadata", vec![id]);
        let root = Element::with(&format!("{}Response", self.action), vec![result, metadata]);
        Answer { status: 200, body: root.in_namespace(&self.service.namespace()).to_string() }
    }

    // Covers the resources that the policies of the tests distinguish.
    fn resource(&self) -> String {
        let of = |kind: &str, key: &str| Some(format!("{kind}{}", self.get(key)?));
        let found = match self.service {
            Service::Iam => of(&format!("arn:aws:iam::{ACCOUNT}:role/"), "RoleName"),
            Service::Redshift => {
                let arn = format!("arn:aws:redshift:{REGION}:{ACCOUNT}");
                of(&format!("{arn}:cluster:"), "ClusterIdentifier")
            }
            Service::Ec2 => {
                of(&format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/"), "GroupId")
            }
            Service::Sts => of("", "RoleArn"),
            Service::Serverless => of("", "workgroupName"),
            Service::Secrets => of("", "SecretId"),
            Service::DataApi => of("", "ClusterIdentifier"),
        };
        found.unwrap_or_else(|| "*".to_owned())
    }
}

const REQUEST_ID: &str = "8c3b1f0e-7d2a-4f5b-9e6c-0a1b2c3d4e5f";

/// The status and the body of an answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }

    pub fn xml(&self) -> Element {
        Element::parse(&self.body).expect("moto and the front answer in XML")
    }

    pub fn with(&self, xml: &Element) -> Answer {
        Answer { status: self.status, body: xml.to_string() }
    }
}

/// An error before it is formatted for a service.
#[derive(Clone, Debug)]
pub(super) struct ErrorReply {
    status: u16,
    code: String,
    message: String,
}

impl ErrorReply {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> ErrorReply {
        ErrorReply { status, code: code.to_owned(), message: message.into() }
    }

    pub fn value(message: impl Into<String>) -> ErrorReply {
        ErrorReply::new(400, "InvalidParameterValue", message)
    }

    pub fn combination(message: impl Into<String>) -> ErrorReply {
        ErrorReply::new(400, "InvalidParameterCombination", message)
    }

    pub fn throttled(service: Service) -> ErrorReply {
        match service {
            Service::Ec2 => ErrorReply::new(503, "RequestLimitExceeded", "Request limit exceeded."),
            service if service.is_json() => {
                ErrorReply::new(400, "ThrottlingException", "Rate exceeded")
            }
            _ => ErrorReply::new(400, "Throttling", "Rate exceeded"),
        }
    }

    /// The error for a user whose policies do not allow the action.
    pub fn denied(request: &Request) -> ErrorReply {
        let permission = request.permission();
        let message = format!(
            "User: {USER} is not authorized to perform: {permission} on resource: {} because no \
             identity-based policy allows the {permission} action",
            request.resource()
        );
        if request.service == Service::Ec2 {
            let message = format!("You are not authorized to perform this operation. {message}");
            return ErrorReply::new(403, "UnauthorizedOperation", message);
        }
        if request.service.is_json() {
            return ErrorReply::new(400, "AccessDeniedException", message);
        }
        ErrorReply::new(403, "AccessDenied", message)
    }

    pub fn answer(&self, service: Service) -> Answer {
        if service.is_json() {
            let body = json!({ "__type": self.code, "message": self.message }).to_string();
            return Answer { status: self.status, body };
        }
        let mut error = vec![
            Element::with_text("Code", &self.code),
            Element::with_text("Message", &self.message),
        ];
        let root = if service == Service::Ec2 {
            let errors = Element::with("Errors", vec![Element::with("Error", error)]);
            Element::with("Response", vec![errors, Element::with_text("RequestID", REQUEST_ID)])
        } else {
            let origin = if self.status < 500 { "Sender" } else { "Receiver" };
            error.insert(0, Element::with_text("Type", origin));
            let id = Element::with_text("RequestId", REQUEST_ID);
            Element::with("ErrorResponse", vec![Element::with("Error", error), id])
                .in_namespace(&service.namespace())
        };
        Answer { status: self.status, body: root.to_string() }
    }
}
