//! Tags, which are not part of the answers about resources.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::query::ErrorReply;
use super::Serverless;
use super::checks::{missing, text};

pub fn read(body: &Value) -> BTreeMap<String, String> {
    let all = body["tags"].as_array().into_iter().flatten();
    all.filter_map(|tag| Some((tag["key"].as_str()?.to_owned(), tag["value"].as_str()?.to_owned())))
        .collect()
}

impl Serverless {
    pub(super) fn list_tags(&mut self, body: &Value) -> Result<Value, ErrorReply> {
        let found = self.tagged(body)?.iter();
        let tags: Vec<Value> = found.map(|(k, v)| json!({ "key": k, "value": v })).collect();
        Ok(json!({ "tags": tags }))
    }

    pub(super) fn tag(&mut self, body: &Value) -> Result<Value, ErrorReply> {
        let new = read(body);
        self.tagged(body)?.extend(new);
        Ok(json!({}))
    }

    fn tagged(&mut self, body: &Value) -> Result<&mut BTreeMap<String, String>, ErrorReply> {
        let arn = text(body, "resourceArn")?;
        let found = self.tags.get_mut(arn);
        found.ok_or_else(|| missing(format!("The resource {arn} was not found.")))
    }
}
