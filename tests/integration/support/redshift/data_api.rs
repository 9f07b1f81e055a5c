//! The Redshift Data API in front of the stand-in: sessions that outlive a request.
//!
//! Follows the API Reference and awslabs/mcp (`redshift-mcp-server`), which keeps transactions open
//! in such sessions. A session runs one statement at a time, ends after its idle time, and cannot
//! be closed by a request. A batch in `AUTO_COMMIT` mode continues after a failure. A repeated
//! client token returns the first response. The wording of the error messages is invented.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::session::{Answer, Reply, Session};
use super::{Redshift, Server, USER};

/// Rows per page: few, so that tests see several pages.
const PAGE: usize = 3;

/// An error: its code and message.
pub type Rejected = (&'static str, String);

/// The Data API of one cluster and one workgroup, which share a server.
pub struct DataApi {
    server: Arc<Server>,
    /// `true` if every request runs in its own transaction, regardless of the mode it requests.
    pub wraps: AtomicBool,
    sessions: Mutex<HashMap<String, Arc<Kept>>>,
    batches: Mutex<HashMap<String, Arc<Batch>>>,
    tokens: Mutex<HashMap<String, Value>>,
}

/// A session that stays open between requests.
struct Kept {
    session: tokio::sync::Mutex<Option<Session>>,
    busy: AtomicBool,
    /// Number of requests so far, so that an old idle timer does not end a session in use.
    uses: AtomicU64,
    cancel: Notify,
}

/// Statements submitted in one request.
struct Batch {
    session: String,
    ended: AtomicBool,
    statements: Mutex<Vec<(&'static str, Option<Answer>)>>,
}

impl DataApi {
    pub fn of(redshift: &Redshift) -> Arc<DataApi> {
        Arc::new(DataApi {
            server: Arc::clone(&redshift.server),
            wraps: AtomicBool::new(false),
            sessions: Mutex::default(),
            batches: Mutex::default(),
            tokens: Mutex::default(),
        })
    }

    /// Returns the number of open sessions.
    pub fn open_sessions(&self) -> usize {
        self.sessions.lock().unwrap().len()
    }

    /// Ends all sessions, as an outage of the service would.
    pub async fn drop_sessions(&self) {
        let all: Vec<_> = self.sessions.lock().unwrap().drain().collect();
        for (_, kept) in all {
            if let Some(session) = kept.session.lock().await.take() {
                session.close().await;
            }
        }
    }

    pub async fn answer(
        self: &Arc<DataApi>,
        action: &str,
        body: &Value,
    ) -> Result<Value, Rejected> {
        match action {
            "BatchExecuteStatement" => self.execute(body).await,
            "DescribeStatement" => self.batch(body).map(|(id, batch)| describe(&id, &batch)),
            "GetStatementResult" => self.result(body),
            "CancelStatement" => {
                let (_, batch) = self.batch(body)?;
                if batch.ended.load(Ordering::SeqCst) {
                    return Err(invalid(
                        "Could not cancel a query that is already in FINISHED state",
                    ));
                }
                if let Some(kept) = self.sessions.lock().unwrap().get(&batch.session) {
                    kept.cancel.notify_one();
                }
                Ok(json!({ "Status": true }))
            }
            other => Err(("UnknownOperationException", other.to_owned())),
        }
    }

    async fn execute(self: &Arc<DataApi>, body: &Value) -> Result<Value, Rejected> {
        let token = text(body, "ClientToken").to_owned();
        if let Some(answer) = self.tokens.lock().unwrap().get(&token) {
            return Ok(answer.clone());
        }
        let sqls: Vec<String> = serde_json::from_value(body["Sqls"].clone()).unwrap_or_default();
        if sqls.is_empty() || sqls.len() > 40 {
            return Err(invalid("Sqls must have 1 to 40 members"));
        }
        let keep_alive = body["SessionKeepAliveSeconds"].as_u64().unwrap_or(0);
        let session_id = match text(body, "SessionId") {
            "" => self.open(body).await?,
            _ if body.get("Database").is_some() => {
                return Err(invalid("Database cannot be specified with a session"));
            }
            id => id.to_owned(),
        };
        let kept = self.sessions.lock().unwrap().get(&session_id).cloned();
        let kept = kept.ok_or_else(|| invalid("Session is not available."))?;
        if kept.busy.swap(true, Ordering::SeqCst) {
            return Err(invalid("Session is busy with another statement."));
        }
        let use_number = kept.uses.fetch_add(1, Ordering::SeqCst) + 1;
        let id = format!("{:032x}", rand::random::<u128>());
        let statements = sqls.iter().map(|_| ("SUBMITTED", None)).collect();
        let batch = Arc::new(Batch {
            session: session_id.clone(),
            ended: AtomicBool::new(false),
            statements: Mutex::new(statements),
        });
        self.batches.lock().unwrap().insert(id.clone(), Arc::clone(&batch));
        let wraps =
            self.wraps.load(Ordering::SeqCst) || text(body, "ExecutionMode") != "AUTO_COMMIT";
        let api = Arc::clone(self);
        tokio::spawn(async move {
            let lives = run(&kept, &batch, &sqls, wraps).await;
            kept.busy.store(false, Ordering::SeqCst);
            batch.ended.store(true, Ordering::SeqCst);
            if lives {
                tokio::time::sleep(Duration::from_secs(keep_alive)).await;
            }
            let is_idle = kept.uses.load(Ordering::SeqCst) == use_number;
            if !lives || is_idle {
                api.sessions.lock().unwrap().remove(&batch.session);
                if let Some(session) = kept.session.lock().await.take() {
                    session.close().await;
                }
            }
        });
        let answer = json!({ "Id": id, "SessionId": session_id, "CreatedAt": 1.8e9 });
        self.tokens.lock().unwrap().insert(token, answer.clone());
        Ok(answer)
    }

    async fn open(&self, body: &Value) -> Result<String, Rejected> {
        if text(body, "Database") != super::DATABASE {
            return Err(invalid("Database does not exist"));
        }
        let user = match text(body, "DbUser") {
            "" => USER,
            user => user,
        };
        let Some((_, superuser)) = self.server.account(user).await else {
            return Err(invalid("FATAL: password authentication failed"));
        };
        let session = Session::open(Arc::clone(&self.server), user, superuser).await;
        let kept = Kept {
            session: tokio::sync::Mutex::new(Some(session)),
            busy: AtomicBool::new(false),
            uses: AtomicU64::new(0),
            cancel: Notify::new(),
        };
        let id = format!("{:032x}", rand::random::<u128>());
        self.sessions.lock().unwrap().insert(id.clone(), Arc::new(kept));
        Ok(id)
    }

    fn batch(&self, body: &Value) -> Result<(String, Arc<Batch>), Rejected> {
        let id = text(body, "Id");
        let batch = id.split(':').next().unwrap_or_default();
        let found = self.batches.lock().unwrap().get(batch).cloned();
        let missing = || ("ResourceNotFoundException", "Query does not exist.".to_owned());
        Ok((id.to_owned(), found.ok_or_else(missing)?))
    }

    fn result(&self, body: &Value) -> Result<Value, Rejected> {
        let (id, batch) = self.batch(body)?;
        let number: usize = id.split(':').nth(1).and_then(|n| n.parse().ok()).unwrap_or(1);
        let statements = batch.statements.lock().unwrap();
        let reply = match statements.get(number - 1) {
            Some((_, Some(Answer::Reply(reply)))) if reply.columns.is_some() => reply,
            _ => {
                return Err((
                    "ResourceNotFoundException",
                    "Query does not have result.".to_owned(),
                ));
            }
        };
        let from: usize = text(body, "NextToken").parse().unwrap_or(0);
        let rows = reply.rows.iter().skip(from).take(PAGE);
        let records: Vec<Vec<Value>> =
            rows.map(|row| row.iter().map(|value| field(value.as_deref())).collect()).collect();
        let columns = reply.columns.iter().flatten();
        let columns: Vec<Value> =
            columns.map(|name| json!({ "name": name, "label": name })).collect();
        let mut answer = json!({ "ColumnMetadata": columns, "Records": records });
        if from + PAGE < reply.rows.len() {
            answer["NextToken"] = json!((from + PAGE).to_string());
        }
        Ok(answer)
    }
}

/// Runs statements; returns `false` if the connection was cut.
async fn run(kept: &Kept, batch: &Batch, sqls: &[String], wraps: bool) -> bool {
    let mut guard = kept.session.lock().await;
    let Some(session) = guard.as_mut() else { return false };
    if wraps {
        session.run("BEGIN").await;
    }
    let (mut is_cut, mut goes_on) = (false, true);
    for (number, sql) in sqls.iter().enumerate() {
        if !goes_on {
            batch.statements.lock().unwrap()[number].0 = "ABORTED";
            continue;
        }
        session.server.statements.lock().unwrap().push(sql.clone());
        batch.statements.lock().unwrap()[number].0 = "STARTED";
        let answer = tokio::select! {
            answer = session.run(sql) => Some(answer),
            () = kept.cancel.notified() => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            None => session.cancelled().await,
        };
        let failed = matches!(answer, Answer::Error(_) | Answer::Cut);
        is_cut = matches!(answer, Answer::Cut);
        goes_on = !(is_cut || failed && wraps);
        let status = if failed { "FAILED" } else { "FINISHED" };
        batch.statements.lock().unwrap()[number] = (status, Some(answer));
    }
    if wraps && !is_cut {
        session.run(if goes_on { "COMMIT" } else { "ROLLBACK" }).await;
    }
    if is_cut && let Some(session) = guard.take() {
        session.close().await;
    }
    !is_cut
}

fn describe(id: &str, batch: &Batch) -> Value {
    let ended = batch.ended.load(Ordering::SeqCst);
    let statements = batch.statements.lock().unwrap();
    let failed = statements.iter().any(|(status, _)| *status == "FAILED");
    let subs: Vec<Value> = statements
        .iter()
        .enumerate()
        .map(|(number, (status, answer))| {
            let mut sub = json!({
                "Id": format!("{id}:{}", number + 1),
                "Status": status,
                "HasResultSet": matches!(answer, Some(Answer::Reply(Reply { columns: Some(_), .. }))),
                "ResultRows": -1,
                "RedshiftQueryId": -1,
            });
            if let Some(error) = answer.as_ref().and_then(error_text) {
                sub["Error"] = json!(error);
            }
            if let Some(Answer::Reply(reply)) = answer {
                let rows = reply.tag.rsplit(' ').next().and_then(|rows| rows.parse::<i64>().ok());
                sub["ResultRows"] = json!(rows.unwrap_or(0));
            }
            sub
        })
        .collect();
    let status = match (ended, failed) {
        (false, _) => "STARTED",
        (true, false) => "FINISHED",
        (true, true) => "FAILED",
    };
    json!({ "Id": id, "Status": status, "SubStatements": subs })
}

fn error_text(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Error(error) => {
            let detail = error.detail.as_ref().map(|detail| format!("\n  Detail: {detail}"));
            Some(format!("ERROR: {}{}", error.message, detail.unwrap_or_default()))
        }
        Answer::Cut => Some("Connection to the database was lost".to_owned()),
        _ => None,
    }
}

/// Encodes a value: integers as numbers, everything else as text.
fn field(value: Option<&str>) -> Value {
    match value {
        None => json!({ "isNull": true }),
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => json!({ "longValue": number }),
            _ => json!({ "stringValue": text }),
        },
    }
}

fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    body[key].as_str().unwrap_or_default()
}

fn invalid(message: &str) -> Rejected {
    ("ValidationException", message.to_owned())
}
