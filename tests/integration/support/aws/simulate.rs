//! SimulatePrincipalPolicy for roles, which moto does not implement.

use serde_json::Value;

use super::cloud::Cloud;
use super::query::{Answer, ErrorReply, Request, Service};
use super::xml::Element;

struct Policy {
    name: String,
    kind: &'static str,
    statements: Vec<Value>,
}

/// Condition keys with their values.
type Context = Vec<(String, Vec<String>)>;

pub(super) async fn answer(cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
    let arn = request.require("PolicySourceArn")?;
    for unknown in ["PolicyInputList", "ResourcePolicy", "CallerArn", "PolicyExclusionList"] {
        if request.params.keys().any(|key| key.starts_with(unknown)) {
            return Err(not_implemented(unknown));
        }
    }
    if cloud.role(arn).await.is_none() {
        let message = format!("The principal {arn} cannot be found.");
        return Err(ErrorReply::new(404, "NoSuchEntity", message));
    }
    let policies = policies_of(cloud, arn.rsplit('/').next().unwrap_or_default()).await?;
    let actions = request.list("ActionNames.member");
    if actions.is_empty() {
        return Err(ErrorReply::new(400, "ValidationError", "ActionNames must not be empty"));
    }
    let mut resources = request.list("ResourceArns.member");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let context = context(request);
    let mut results = Vec::new();
    for action in &actions {
        for resource in &resources {
            results.push(evaluate(&policies, action, resource, &context)?);
        }
    }
    let truncated = Element::with_text("IsTruncated", "false");
    Ok(request.answer(vec![Element::with("EvaluationResults", results), truncated]))
}

/// Decodes a policy document, which IAM percent-encodes always and moto only sometimes.
pub(super) fn decoded(document: &str) -> String {
    if document.starts_with('{') {
        return document.to_owned();
    }
    // The parser for forms reads a plus sign as a space, which it is not in a policy document.
    let form = format!("document={}", document.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(form.as_bytes());
    pairs.next().map_or_else(String::new, |(_, value)| value.into_owned())
}

async fn policies_of(cloud: &Cloud, role: &str) -> Result<Vec<Policy>, ErrorReply> {
    let mut policies = Vec::new();
    let names = cloud.ask_moto(Service::Iam, "ListRolePolicies", &[("RoleName", role)]).await.xml();
    for name in names.find("PolicyNames").map_or_else(Vec::new, |list| list.texts_of("member")) {
        let params = [("RoleName", role), ("PolicyName", name.as_str())];
        let xml = cloud.ask_moto(Service::Iam, "GetRolePolicy", &params).await.xml();
        policies.push(Policy::read(&name, "role", xml.text_of("PolicyDocument"))?);
    }
    let params = [("RoleName", role)];
    let attached = cloud.ask_moto(Service::Iam, "ListAttachedRolePolicies", &params).await.xml();
    for arn in attached.texts_of("PolicyArn") {
        let found = cloud.ask_moto(Service::Iam, "GetPolicy", &[("PolicyArn", arn.as_str())]).await;
        let version = found.xml().text_of("DefaultVersionId").to_owned();
        let params = [("PolicyArn", arn.as_str()), ("VersionId", version.as_str())];
        let xml = cloud.ask_moto(Service::Iam, "GetPolicyVersion", &params).await.xml();
        let name = arn.rsplit('/').next().unwrap_or_default();
        policies.push(Policy::read(name, "user-managed", xml.text_of("Document"))?);
    }
    Ok(policies)
}

fn context(request: &Request) -> Context {
    let numbers = (1..).map(|number| format!("ContextEntries.member.{number}"));
    let entries = numbers.map_while(|entry| {
        let key = request.get(&format!("{entry}.ContextKeyName"))?.to_lowercase();
        Some((key, request.list(&format!("{entry}.ContextKeyValues.member"))))
    });
    entries.collect()
}

fn evaluate(
    policies: &[Policy],
    action: &str,
    resource: &str,
    context: &Context,
) -> Result<Element, ErrorReply> {
    let (mut decision, mut matched, mut missing) = ("implicitDeny", Vec::new(), Vec::new());
    for policy in policies {
        for statement in &policy.statements {
            if !applies_to(statement, "Action", &action.to_lowercase(), str::to_lowercase)
                || !applies_to(statement, "Resource", resource, str::to_owned)
                || !conditions_hold(statement, context, &mut missing)?
            {
                continue;
            }
            match (statement["Effect"].as_str(), decision) {
                (Some("Deny"), _) => decision = "explicitDeny",
                (_, "implicitDeny") => decision = "allowed",
                _ => {}
            }
            let source = Element::with_text("SourcePolicyId", &policy.name);
            let kind = Element::with_text("SourcePolicyType", policy.kind);
            matched.push(Element::with("member", vec![source, kind]));
        }
    }
    missing.sort();
    missing.dedup();
    let missing = missing.iter().map(|key| Element::with_text("member", key));
    Ok(Element::with(
        "member",
        vec![
            Element::with_text("EvalActionName", action),
            Element::with_text("EvalResourceName", resource),
            Element::with_text("EvalDecision", decision),
            Element::with("MatchedStatements", matched),
            Element::with("MissingContextValues", missing.collect()),
        ],
    ))
}

/// Returns true if a pattern of `{key}` matches or if no pattern of `Not{key}` does.
fn applies_to(statement: &Value, key: &str, text: &str, fold: fn(&str) -> String) -> bool {
    let fits = |patterns: &Value| texts(patterns).iter().any(|it| like(&fold(it), text));
    match (statement.get(key), statement.get(format!("Not{key}"))) {
        (Some(patterns), _) => fits(patterns),
        (None, Some(patterns)) => !fits(patterns),
        (None, None) => false,
    }
}

fn conditions_hold(
    statement: &Value,
    context: &Context,
    missing: &mut Vec<String>,
) -> Result<bool, ErrorReply> {
    let mut hold = true;
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        let fits: fn(&str, &str) -> bool = match operator.as_str() {
            "StringEquals" => |pattern, text| pattern == text,
            "StringLike" => like,
            _ => return Err(not_implemented(operator)),
        };
        for (key, patterns) in keys.as_object().into_iter().flatten() {
            let Some((_, values)) = context.iter().find(|(name, _)| *name == key.to_lowercase())
            else {
                missing.push(key.clone());
                hold = false;
                continue;
            };
            let patterns = texts(patterns);
            hold &= values.iter().any(|value| patterns.iter().any(|it| fits(it, value)));
        }
    }
    Ok(hold)
}

/// Matches a pattern in which `*` is any text and `?` any character.
fn like(pattern: &str, text: &str) -> bool {
    let (mut chars, mut rest) = (pattern.chars(), text.chars());
    match chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| like(chars.as_str(), &text[at..]))
        }
        Some(char) => {
            rest.next().is_some_and(|it| char == '?' || it == char)
                && like(chars.as_str(), rest.as_str())
        }
    }
}

/// The strings of a value that is a string or a list of strings.
fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
    list.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn not_implemented(feature: &str) -> ErrorReply {
    ErrorReply::new(501, "NotImplemented", format!("the stand-in does not support {feature}"))
}

impl Policy {
    fn read(name: &str, kind: &'static str, document: &str) -> Result<Policy, ErrorReply> {
        let document = decoded(document);
        let value: Value = serde_json::from_str(&document)
            .map_err(|error| ErrorReply::value(format!("policy {name}: {error}: {document}")))?;
        let statements = match &value["Statement"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        Ok(Policy { name: name.to_owned(), kind, statements })
    }
}
