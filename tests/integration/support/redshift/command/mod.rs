//! Parsers for the statements that the stand-in accepts, one small grammar per statement. It
//! rejects all others.

mod alter;
mod create_table;
mod grants;
mod keys;
mod objects;
mod settings;

pub use alter::{AlterTable, Alteration};
pub use create_table::{Column, CreateTable, Source};
pub use grants::{Grant, GrantOn, Grantee, Principal};
pub use keys::{Key, KeyKind};
pub use objects::{CreateView, Drop, ObjectKind};
pub use settings::{Setting, Show, startup};

use datafusion::sql::sqlparser::tokenizer::Token;

use super::copy::statement::CopyStatement;
use super::error::SqlError;
use super::faults::Kind;
use super::lex::{self, Cursor, Name};
use super::query::RowStatement;

/// A parsed statement, checked as far as possible without the database.
pub enum Command {
    Begin,
    Commit,
    Rollback,
    Rows(Box<RowStatement>),
    Explain(Box<RowStatement>),
    Copy(Box<CopyStatement>),
    CreateTable(Box<CreateTable>),
    CreateView(Box<CreateView>),
    CreateSchema { name: String, or_not: bool },
    Drop(Drop),
    AlterTable(AlterTable),
    Truncate(Name),
    Lock(Vec<Name>),
    Vacuum(Option<Name>),
    Analyze(Option<Name>),
    Comment { on: &'static str, name: Name, column: Option<String>, text: Option<String> },
    Grant(Grant),
    Principal(Principal),
    Set(Setting),
    Show(Show),
}

impl Command {
    /// Parses a text of at most one statement.
    pub fn parse(text: &str) -> Result<Option<Command>, SqlError> {
        let mut tokens = lex::tokens(text)?;
        while tokens.last() == Some(&Token::SemiColon) {
            tokens.pop();
        }
        if tokens.is_empty() {
            return Ok(None);
        }
        // Redshift would run them in one implicit transaction, which TRUNCATE commits.
        if tokens.contains(&Token::SemiColon) {
            return Err(SqlError::missing("several statements in one query"));
        }
        if tokens.iter().any(|token| matches!(token, Token::Placeholder(_))) {
            return Err(SqlError::new("42P02", "there is no parameter $1"));
        }
        let mut cursor = Cursor::new(tokens);
        let command = statement(&mut cursor)?;
        cursor.end()?;
        Ok(Some(command))
    }

    /// Returns the kind that faults match.
    pub fn kind(&self) -> Kind {
        match self {
            Command::Begin => Kind::Begin,
            Command::Commit => Kind::Commit,
            Command::Copy(_) => Kind::Copy,
            Command::Rows(rows) if rows.is_insert() => Kind::Insert,
            Command::AlterTable(AlterTable { alteration: Alteration::Rename(_), .. }) => {
                Kind::Rename
            }
            _ => Kind::Other,
        }
    }
}

fn statement(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let Some(word) = cursor.peek_word().map(str::to_owned) else {
        return rows(cursor).map(Command::Rows);
    };
    match word.as_str() {
        "select" | "with" | "insert" | "update" | "delete" | "merge" => {
            return rows(cursor).map(Command::Rows);
        }
        "savepoint" | "release" => {
            return Err(SqlError::rejected("SQL command \"SAVEPOINT\" not supported."));
        }
        _ => {}
    }
    cursor.next();
    match word.as_str() {
        "begin" | "start" => begin(cursor, &word),
        "commit" | "end" => ended(cursor, Command::Commit),
        "rollback" | "abort" => ended(cursor, Command::Rollback),
        "explain" => rows(cursor).map(Command::Explain),
        "copy" => CopyStatement::parse(cursor).map(|copy| Command::Copy(Box::new(copy))),
        "create" => create(cursor),
        "drop" => objects::drop(cursor),
        "alter" => alter(cursor),
        "truncate" => {
            cursor.accept("table");
            Ok(Command::Truncate(cursor.relation()?))
        }
        "lock" => {
            cursor.accept("table");
            Ok(Command::Lock(cursor.list(Cursor::relation)?))
        }
        "vacuum" => objects::vacuum(cursor),
        "analyze" | "analyse" => objects::analyze(cursor),
        "comment" => objects::comment(cursor),
        "grant" | "revoke" => grants::grant(cursor, word == "grant"),
        "set" => settings::set(cursor),
        "reset" => settings::reset(cursor),
        "show" => settings::show(cursor),
        "unload" | "call" | "declare" | "fetch" | "close" | "prepare" | "execute"
        | "deallocate" | "cancel" | "use" => Err(SqlError::missing(word.to_uppercase())),
        _ => Err(SqlError::syntax(word)),
    }
}

fn rows(cursor: &mut Cursor) -> Result<Box<RowStatement>, SqlError> {
    let statement = RowStatement::parse(cursor.rest())?;
    while cursor.next().is_some() {}
    Ok(Box::new(statement))
}

/// Accepts and ignores isolation levels (Developer Guide, r_BEGIN).
fn begin(cursor: &mut Cursor, word: &str) -> Result<Command, SqlError> {
    if word == "start" {
        cursor.expect("transaction")?;
    } else if !cursor.accept("transaction") {
        cursor.accept("work");
    }
    if cursor.accept("isolation level") {
        let levels = ["serializable", "read committed", "read uncommitted", "repeatable read"];
        if !levels.iter().chain(&["snapshot"]).any(|level| cursor.accept(level)) {
            return Err(cursor.unexpected());
        }
    }
    if cursor.accept("read") && !cursor.accept("write") && !cursor.accept("only") {
        return Err(cursor.unexpected());
    }
    Ok(Command::Begin)
}

fn ended(cursor: &mut Cursor, command: Command) -> Result<Command, SqlError> {
    if cursor.accept("to") {
        return Err(SqlError::rejected("SQL command \"ROLLBACK TO SAVEPOINT\" not supported."));
    }
    if !cursor.accept("transaction") {
        cursor.accept("work");
    }
    Ok(command)
}

fn create(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let replace = cursor.accept("or replace");
    if cursor.accept("view") {
        return objects::create_view(cursor, replace);
    }
    if replace {
        return Err(SqlError::missing("CREATE OR REPLACE of this"));
    }
    let temporary = cursor.accept("temp") || cursor.accept("temporary");
    if cursor.accept("table") {
        return create_table::create_table(cursor, temporary);
    }
    let Some(word) = cursor.peek_word().map(str::to_owned) else { return Err(cursor.unexpected()) };
    cursor.next();
    match word.as_str() {
        "schema" => {
            let or_not = cursor.accept("if not exists");
            Ok(Command::CreateSchema { name: cursor.name()?, or_not })
        }
        "user" => grants::create_user(cursor),
        "group" => grants::create_group(cursor),
        "index" | "unique" | "sequence" | "trigger" | "rule" | "extension" | "domain" | "type"
        | "tablespace" | "operator" | "aggregate" => {
            let command = format!("SQL command \"CREATE {}\" not supported.", word.to_uppercase());
            Err(SqlError::rejected(command))
        }
        _ => Err(SqlError::missing(format!("CREATE {}", word.to_uppercase()))),
    }
}

fn alter(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if cursor.accept("table") {
        return alter::alter_table(cursor).map(Command::AlterTable);
    }
    if cursor.accept("group") {
        return grants::alter_group(cursor);
    }
    Err(SqlError::missing("ALTER of anything but a table or a group"))
}
