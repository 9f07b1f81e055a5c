//! Parsers for users, groups, GRANT and REVOKE.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Command;
use crate::support::redshift::error::SqlError;
use crate::support::redshift::lex::{Cursor, Name};

const PRIVILEGES: [&str; 9] =
    ["select", "insert", "update", "delete", "references", "truncate", "usage", "create", "all"];

pub struct Grant {
    /// `true` for GRANT, `false` for REVOKE.
    pub grant: bool,
    pub privileges: Vec<String>,
    pub on: GrantOn,
    pub grantees: Vec<Grantee>,
    pub grant_option: bool,
}

pub enum GrantOn {
    Tables(Vec<Name>),
    AllTables(Vec<String>),
    Schemas(Vec<String>),
}

pub enum Grantee {
    User(String),
    Group(String),
    Public,
}

/// Statements that create users and groups or change the members of a group.
pub enum Principal {
    User { name: String, password: Option<String>, superuser: bool, groups: Vec<String> },
    Group { name: String, users: Vec<String> },
    Members { group: String, add: bool, users: Vec<String> },
}

pub fn grant(cursor: &mut Cursor, grant: bool) -> Result<Command, SqlError> {
    let mut grant_option = !grant && cursor.accept("grant option for");
    let privileges = cursor.list(privilege)?;
    cursor.accept("privileges");
    cursor.expect("on")?;
    let on = if cursor.accept("schema") {
        GrantOn::Schemas(cursor.list(Cursor::name)?)
    } else if cursor.accept("all tables in schema") {
        GrantOn::AllTables(cursor.list(Cursor::name)?)
    } else {
        cursor.accept("table");
        GrantOn::Tables(cursor.list(Cursor::relation)?)
    };
    cursor.expect(if grant { "to" } else { "from" })?;
    let grantees = cursor.list(grantee)?;
    if grant {
        grant_option = cursor.accept("with grant option");
    }
    Ok(Command::Grant(Grant { grant, privileges, on, grantees, grant_option }))
}

fn privilege(cursor: &mut Cursor) -> Result<String, SqlError> {
    let word = cursor.peek_word().unwrap_or_default().to_owned();
    if matches!(word.as_str(), "drop" | "alter" | "role" | "execute") {
        return Err(SqlError::missing(format!("GRANT {}", word.to_uppercase())));
    }
    if !PRIVILEGES.contains(&word.as_str()) {
        return Err(cursor.unexpected());
    }
    cursor.next();
    Ok(word)
}

fn grantee(cursor: &mut Cursor) -> Result<Grantee, SqlError> {
    if cursor.accept("public") {
        return Ok(Grantee::Public);
    }
    // GROUP is reserved, so it cannot be a user name.
    if cursor.accept("group") {
        return cursor.name().map(Grantee::Group);
    }
    if cursor.peek_word() == Some("role") {
        return Err(SqlError::missing("ROLE"));
    }
    cursor.name().map(Grantee::User)
}

pub fn create_user(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let name = cursor.name()?;
    cursor.accept("with");
    let (mut password, mut given) = (None, false);
    let (mut superuser, mut groups) = (false, Vec::new());
    while !cursor.done() {
        if cursor.accept("password disable") {
            given = true;
        } else if cursor.accept("password") {
            given = true;
            password = Some(strong(cursor.string()?)?);
        } else if cursor.accept("createuser") {
            superuser = true;
        } else if cursor.accept("in group") {
            groups = cursor.list(Cursor::name)?;
        } else if !cursor.accept("nocreateuser") && !cursor.accept("nocreatedb") {
            return Err(cursor.unexpected());
        }
    }
    if !given {
        return Err(SqlError::new("42601", "CREATE USER needs PASSWORD"));
    }
    Ok(Command::Principal(Principal::User { name, password, superuser, groups }))
}

/// Checks the rules for admin passwords (API Reference, CreateCluster), which apply to users
/// created in SQL too.
fn strong(password: String) -> Result<String, SqlError> {
    let has = |kind: fn(&char) -> bool| password.chars().any(|c| kind(&c));
    let long = (8..=64).contains(&password.len());
    let mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    if long && mixed && has(char::is_ascii_digit) {
        return Ok(password);
    }
    let message = "Password must be 8 to 64 characters with upper case, lower case and a digit";
    Err(SqlError::new("22023", message))
}

pub fn create_group(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let name = cursor.name()?;
    cursor.accept("with");
    let users = if cursor.accept("user") { cursor.list(Cursor::name)? } else { Vec::new() };
    Ok(Command::Principal(Principal::Group { name, users }))
}

pub fn alter_group(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let group = cursor.name()?;
    let add = cursor.accept("add");
    if !add {
        cursor.expect("drop")?;
    }
    cursor.expect("user")?;
    let users = cursor.list(Cursor::name)?;
    if cursor.accept_token(&Token::Comma) {
        return Err(cursor.unexpected());
    }
    Ok(Command::Principal(Principal::Members { group, add, users }))
}
