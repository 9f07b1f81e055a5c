//! Checks the text of a COPY statement against the contract.
//!
//! Works on the tokens of sqlparser's Redshift dialect. sqlparser's parser does not fit here: it
//! accepts parameters that Redshift rejects for Parquet, and rejects some that Redshift accepts.

use datafusion::sql::sqlparser::dialect::RedshiftSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::finding::Finding;
use super::rule::Rule;
use super::tables::ExpectedTable;
use crate::warehouse::sql::limits::MAX_STATEMENT;
use crate::warehouse::sql::validate::{is_role_arn, object_url_problem};

/// Parameters that put secrets into the text of the statement.
const KEYS: [&str; 6] = [
    "CREDENTIALS",
    "ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY",
    "SESSION_TOKEN",
    "TOKEN",
    "MASTER_SYMMETRIC_KEY",
];

/// Data formats that can be named without FORMAT.
const FORMATS: [&str; 9] =
    ["PARQUET", "ORC", "AVRO", "CSV", "JSON", "SHAPEFILE", "RCFILE", "SEQUENCEFILE", "TEXTFILE"];

/// Keywords that are values of parameters: those of STATUPDATE, and all known ones.
const SWITCHES: [&str; 4] = ["ON", "OFF", "TRUE", "FALSE"];
const VALUES: [&str; 8] = ["AS", "ON", "OFF", "TRUE", "FALSE", "AUTO", "PRESET", "DEFAULT"];

/// Checks the text of a COPY statement against the contract, and its column list against `table`.
pub fn check_copy(sql: &str, table: Option<&ExpectedTable>) -> Vec<Finding> {
    if sql.len() > MAX_STATEMENT {
        let problem = format!("it has {} bytes; the limit is {MAX_STATEMENT}", sql.len());
        return vec![Finding::new(Rule::CopySize, "COPY", problem)];
    }
    // Keep literals as written, so that escapes in them are detected.
    let mut tokenizer = Tokenizer::new(&RedshiftSqlDialect {}, sql).with_unescape(false);
    let tokens = match tokenizer.tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => {
            let place = place(error.location);
            return vec![Finding::new(Rule::CopyForm, place, error.message)];
        }
    };
    let mut copy = Copy::new(tokens);
    copy.literals();
    if copy.statements() && copy.head(table) {
        copy.source();
        copy.parameters();
    }
    copy.findings
}

fn place(at: Location) -> String {
    format!("COPY, line {}, column {}", at.line, at.column)
}

/// A parser over the tokens of a statement.
struct Copy {
    tokens: Vec<TokenWithSpan>,
    next: usize,
    findings: Vec<Finding>,
}

impl Copy {
    fn new(mut tokens: Vec<TokenWithSpan>) -> Copy {
        tokens.retain(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
        Copy { tokens, next: 0, findings: Vec::new() }
    }

    fn add(&mut self, rule: Rule, place: String, problem: impl Into<String>) {
        self.findings.push(Finding::new(rule, place, problem));
    }

    /// Returns the location of the next token, or of the end of the statement.
    fn here(&self) -> String {
        let token = self.tokens.get(self.next).map(|t| t.span.start);
        let end = self.tokens.last().map(|t| t.span.end);
        token.or(end).map_or_else(|| "COPY".to_owned(), place)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|t| &t.token)
    }

    /// Returns the next token in upper case if it is an unquoted word.
    fn peek_word(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                Some(word.value.to_uppercase())
            }
            _ => None,
        }
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let is_next = self.peek_word().is_some_and(|word| word == wanted);
        self.next += usize::from(is_next);
        is_next
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is_next = self.peek() == Some(wanted);
        self.next += usize::from(is_next);
        is_next
    }

    fn take_literal(&mut self) -> Option<String> {
        let Some(Token::SingleQuotedString(literal)) = self.peek() else { return None };
        let literal = literal.clone();
        self.next += 1;
        Some(literal)
    }

    fn take_name(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let name = word.value.replace("\"\"", "\"");
        self.next += 1;
        Some(name)
    }

    /// Checks that every literal in the statement is plain.
    fn literals(&mut self) {
        for at in 0..self.tokens.len() {
            let TokenWithSpan { token, span } = &self.tokens[at];
            let problem = match token {
                Token::SingleQuotedString(text) if text.contains('\\') => "it contains a backslash",
                Token::SingleQuotedString(_) | Token::Word(_) | Token::Number(..) => continue,
                token if token.to_string().contains(['\'', '\\', '$']) => {
                    "it is not a plain literal"
                }
                _ => continue,
            };
            let place = place(span.start);
            self.add(Rule::CopyLiteral, place, problem);
        }
    }

    /// Checks that there is a single statement, and removes semicolons at its end.
    fn statements(&mut self) -> bool {
        while self.tokens.last().is_some_and(|t| t.token == Token::SemiColon) {
            self.tokens.pop();
        }
        let semicolon = self.tokens.iter().position(|t| t.token == Token::SemiColon);
        if let Some(at) = semicolon {
            let place = place(self.tokens[at].span.start);
            self.add(Rule::CopyForm, place, "another statement follows");
        }
        semicolon.is_none()
    }

    /// Parses `COPY schema.table (columns) FROM`.
    fn head(&mut self, table: Option<&ExpectedTable>) -> bool {
        if !self.take_word("COPY") {
            self.add(Rule::CopyForm, self.here(), "it does not begin with COPY");
            return false;
        }
        let mut is_named = self.take_name().is_some();
        while is_named && self.take(&Token::Period) {
            is_named = self.take_name().is_some();
        }
        if !is_named {
            self.add(Rule::CopyForm, self.here(), "expected the name of a table");
            return false;
        }
        let list = self.here();
        let Some(columns) = self.columns() else { return false };
        self.check_columns(&list, &columns, table);
        if !self.take_word("FROM") {
            self.add(Rule::CopyForm, self.here(), "expected FROM");
            return false;
        }
        true
    }

    /// Parses the column list. Returns an empty list if there is none, and `None` if it cannot be
    /// parsed.
    fn columns(&mut self) -> Option<Vec<String>> {
        let mut columns = Vec::new();
        if !self.take(&Token::LParen) {
            return Some(columns);
        }
        loop {
            let name = self.take_name();
            let is_end = name.is_some() && self.take(&Token::RParen);
            columns.extend(name);
            if is_end {
                return Some(columns);
            }
            if !self.take(&Token::Comma) {
                self.add(Rule::CopyForm, self.here(), "the column list cannot be parsed");
                return None;
            }
        }
    }

    fn check_columns(&mut self, place: &str, columns: &[String], table: Option<&ExpectedTable>) {
        let columns: Vec<String> = columns.iter().map(|name| name.to_lowercase()).collect();
        let mut add = |problem: String| self.add(Rule::CopyColumns, place.to_owned(), problem);
        if columns.is_empty() {
            return add("there is no column list".to_owned());
        }
        for (at, name) in columns.iter().enumerate() {
            if columns[..at].contains(name) {
                add(format!("{name} is listed twice"));
            }
        }
        let Some(table) = table else { return };
        let wanted: Vec<String> = table.columns.iter().map(|c| c.name.to_lowercase()).collect();
        if columns != wanted {
            let (found, wanted) = (columns.join(", "), wanted.join(", "));
            add(format!("it lists ({found}), the files of {} have ({wanted})", table.name));
        }
    }

    fn source(&mut self) {
        let place = self.here();
        let Some(source) = self.take_literal() else {
            return self.add(Rule::CopySource, place, "expected a literal");
        };
        let problem = match source.starts_with("s3://") {
            true => object_url_problem(&source),
            false => Some("it is not in S3".to_owned()),
        };
        if let Some(problem) = problem {
            self.add(Rule::CopySource, place, problem);
        }
    }

    fn parameters(&mut self) {
        let mut seen: Vec<String> = Vec::new();
        while self.next < self.tokens.len() {
            let place = self.here();
            let Some(word) = self.peek_word() else {
                self.add(Rule::CopyForm, place, "expected a parameter");
                self.next += 1;
                continue;
            };
            let name = match word.as_str() {
                word if FORMATS.contains(&word) => "FORMAT",
                word => word,
            };
            if seen.iter().any(|seen| seen == name) {
                self.add(Rule::CopyParameter, place.clone(), format!("{name} is specified twice"));
            }
            seen.push(name.to_owned());
            self.parameter(&word, place);
        }
        for (rule, name) in [
            (Rule::CopyFormat, "FORMAT"),
            (Rule::CopyManifest, "MANIFEST"),
            (Rule::CopyRole, "IAM_ROLE"),
        ] {
            if !seen.iter().any(|seen| seen == name) {
                self.add(rule, self.here(), format!("there is no {name}"));
            }
        }
    }

    /// Parses a parameter and its values. The parameters that Redshift accepts for Parquet, other
    /// than the authorization, are listed in its Developer Guide,
    /// copy-usage_notes-copy-from-columnar.
    fn parameter(&mut self, word: &str, place: String) {
        self.next += usize::from(!FORMATS.contains(&word));
        match word {
            "MANIFEST" | "FILLRECORD" | "EXPLICIT_IDS" => {}
            "STATUPDATE" => {
                let _ = SWITCHES.iter().any(|value| self.take_word(value));
            }
            "ACCEPTINVCHARS" => {
                self.take_word("AS");
                self.take_literal();
            }
            "IAM_ROLE" => self.role(),
            "FORMAT" => {
                self.take_word("AS");
                self.format();
            }
            word if FORMATS.contains(&word) => self.format(),
            word if KEYS.contains(&word) => {
                self.skip_values();
                self.add(Rule::CopyKeys, place, format!("{word} is specified"));
            }
            word => {
                self.skip_values();
                let problem = format!("{word} is not supported with Parquet");
                self.add(Rule::CopyParameter, place, problem);
            }
        }
    }

    /// Skips the values of a parameter that is already reported as a finding.
    fn skip_values(&mut self) {
        loop {
            let is_value = match self.peek() {
                Some(Token::Word(_)) => {
                    self.peek_word().is_some_and(|word| VALUES.contains(&word.as_str()))
                }
                Some(Token::SingleQuotedString(_) | Token::Number(..)) => true,
                _ => false,
            };
            if !is_value {
                return;
            }
            self.next += 1;
        }
    }

    fn format(&mut self) {
        let place = self.here();
        if !self.take_word("PARQUET") {
            let found = self.peek_word();
            self.next += usize::from(found.is_some());
            self.skip_values();
            let found = found.unwrap_or_else(|| "missing".to_owned());
            self.add(Rule::CopyFormat, place, format!("the format is {found}"));
        }
    }

    fn role(&mut self) {
        let place = self.here();
        if self.take_word("DEFAULT") {
            return;
        }
        match self.take_literal() {
            Some(roles) if roles.split(',').all(is_role_arn) => {}
            Some(_) => self.add(Rule::CopyRole, place, "it is not the ARN of a role"),
            None => self.add(Rule::CopyRole, place, "expected default or an ARN"),
        }
    }
}
