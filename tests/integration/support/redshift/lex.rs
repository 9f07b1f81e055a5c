//! Tokenizes statements, folds names as Redshift does, and provides a cursor to parse with.

use datafusion::sql::sqlparser::dialect::RedshiftSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::error::SqlError;
use super::words;

/// Maximum length of a name, in bytes (Developer Guide, r_names).
const NAME_BYTES: usize = 127;
/// PostgreSQL truncates longer names, so the stand-in cannot keep them.
const BACKING_NAME_BYTES: usize = 63;
/// Maximum length of a statement (Developer Guide, c_SQL_commands).
const STATEMENT_BYTES: usize = 16 << 20;

/// Returns the tokens of a statement without white space and comments. Names are folded to lower
/// case, even quoted ones, as in Redshift unless `enable_case_sensitive_identifier` is on
/// (r_names).
pub fn tokens(statement: &str) -> Result<Vec<Token>, SqlError> {
    if statement.len() > STATEMENT_BYTES {
        return Err(SqlError::new("54001", "Statement is too large. The limit is 16777216 bytes."));
    }
    let tokens = Tokenizer::new(&RedshiftSqlDialect {}, statement)
        .tokenize()
        .map_err(|error| SqlError::new("42601", error.to_string()))?;
    let mut kept = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::Word(word) => kept.push(Token::Word(folded(word)?)),
            token => kept.push(token),
        }
    }
    Ok(kept)
}

fn folded(mut word: Word) -> Result<Word, SqlError> {
    word.value.make_ascii_lowercase();
    if word.quote_style.is_some() {
        word.quote_style = Some('"');
    }
    if word.value.len() > NAME_BYTES {
        let message = format!("identifier \"{}\" is longer than {NAME_BYTES} bytes", word.value);
        return Err(SqlError::new("42622", message));
    }
    if word.value.len() > BACKING_NAME_BYTES {
        return Err(SqlError::missing(format!("names of more than {BACKING_NAME_BYTES} bytes")));
    }
    Ok(word)
}

/// Name of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
}

impl Name {
    /// Formats the name for PostgreSQL.
    pub fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }

    /// Returns the name qualified with `schema`, unless it names a schema itself.
    pub fn or_in(&self, schema: &str) -> Name {
        let schema = self.schema.clone().unwrap_or_else(|| schema.to_owned());
        Name { schema: Some(schema), name: self.name.clone() }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}

/// Quotes a name for PostgreSQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string literal for PostgreSQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A cursor over tokens.
#[derive(Clone)]
pub struct Cursor {
    tokens: Vec<Token>,
    at: usize,
}

impl Cursor {
    pub fn new(tokens: Vec<Token>) -> Cursor {
        Cursor { tokens, at: 0 }
    }

    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    pub fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Returns the remaining tokens.
    pub fn rest(&self) -> &[Token] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    /// Returns the next token, if it is an unquoted word.
    pub fn peek_word(&self) -> Option<&str> {
        match self.peek()? {
            Token::Word(Word { value, quote_style: None, .. }) => Some(value),
            _ => None,
        }
    }

    /// Returns `true`, and skips the words, if they come next.
    pub fn accept(&mut self, words: &str) -> bool {
        let start = self.at;
        for word in words.split(' ') {
            if self.peek_word() != Some(word) {
                self.at = start;
                return false;
            }
            self.at += 1;
        }
        true
    }

    /// Returns `true`, and skips the token, if it comes next.
    pub fn accept_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, words: &str) -> Result<(), SqlError> {
        if self.accept(words) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.accept_token(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn end(&self) -> Result<(), SqlError> {
        if self.done() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn unexpected(&self) -> SqlError {
        match self.peek() {
            Some(token) => SqlError::syntax(token),
            None => SqlError::new("42601", "syntax error at end of input"),
        }
    }

    /// Parses a name that is not a reserved word.
    pub fn name(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(Token::Word(word))
                if word.quote_style.is_some() || !words::is_reserved(&word.value) =>
            {
                let name = word.value.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Parses `table` or `schema.table`.
    pub fn relation(&mut self) -> Result<Name, SqlError> {
        let first = self.name()?;
        if self.accept_token(&Token::Period) {
            return Ok(Name { schema: Some(first), name: self.name()? });
        }
        Ok(Name { schema: None, name: first })
    }

    /// Parses names in parentheses.
    pub fn columns(&mut self) -> Result<Vec<String>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let columns = self.list(Cursor::name)?;
        self.expect_token(&Token::RParen)?;
        Ok(columns)
    }

    /// Parses items separated by commas.
    pub fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Cursor) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut items = vec![item(self)?];
        while self.accept_token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub fn string(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(Token::SingleQuotedString(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub fn number<N: std::str::FromStr>(&mut self) -> Result<N, SqlError> {
        let Some(Token::Number(digits, _)) = self.peek() else { return Err(self.unexpected()) };
        let number = digits.parse().map_err(|_| self.unexpected())?;
        self.at += 1;
        Ok(number)
    }

    /// Returns the tokens up to the parenthesis that closes the one just read, and skips that
    /// parenthesis.
    pub fn group(&mut self) -> Result<Vec<Token>, SqlError> {
        let (start, mut depth) = (self.at, 1);
        while let Some(token) = self.next() {
            depth += i32::from(token == Token::LParen) - i32::from(token == Token::RParen);
            if depth == 0 {
                return Ok(self.tokens[start..self.at - 1].to_vec());
            }
        }
        Err(self.unexpected())
    }
}
