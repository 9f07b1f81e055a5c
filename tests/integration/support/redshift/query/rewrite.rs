//! Rewrites a checked statement for PostgreSQL.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::*;

use super::super::error::SqlError;
use super::names::{self, Place};
use super::{LateViews, RowStatement, blanks, relation};

/// Maximum depth of views that refer to views.
const DEEPEST: usize = 16;

pub fn rewrite(statement: &mut Statement) {
    let _ = statement.visit(&mut Rewriter);
}

/// Replaces the names of late-binding views with their text.
pub fn expand(statement: &mut Statement, views: &LateViews, depth: usize) -> Result<(), SqlError> {
    if views.is_empty() {
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(SqlError::new("42P17", "infinite recursion in late-binding views"));
    }
    match statement.visit(&mut Expander { views, depth }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Returns PostgreSQL's name of a date part.
pub fn date_part(field: &DateTimeField) -> Result<&'static str, SqlError> {
    let name = field.to_string().trim_matches('\'').to_ascii_lowercase();
    Ok(match name.as_str() {
        "dow" | "dayofweek" | "weekday" => "dow",
        "doy" | "dayofyear" => "doy",
        "week" => "week",
        "year" => "year",
        "quarter" => "quarter",
        "month" => "month",
        "day" => "day",
        "hour" => "hour",
        "minute" => "minute",
        "second" => "second",
        "millisecond" | "milliseconds" => "milliseconds",
        "microsecond" | "microseconds" => "microseconds",
        "epoch" => "epoch",
        _ => {
            let message = format!("timestamp units \"{name}\" not recognized");
            return Err(SqlError::new("22023", message));
        }
    })
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        blanks::rewrite(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(alias) = renamed(expr)
            {
                *item = SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: Ident::with_quote('"', alias),
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        if let Ok(found) = relation(name)
            && let Place::System(schema) = names::place(found.schema.as_deref(), &found.name)
        {
            *name = object(schema, &found.name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) = &value.value {
            value.value = dollars(text);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Extract { field, expr: of, .. } => {
                let part = date_part(field).expect("checked");
                let part = Expr::Value(dollars(part).into());
                *expr = call("extract_part", vec![part, (**of).clone()]);
            }
            Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value == "sysdate" => {
                *expr = call("sysdate", Vec::new());
            }
            Expr::Identifier(ident) if ident.quote_style.is_none() && is_user(&ident.value) => {
                *expr = call("user_name", Vec::new());
            }
            Expr::Function(function) => {
                rewrite_function(function);
                blanks::rewrite_function(function);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn rewrite_function(function: &mut Function) {
    let Ok(name) = relation(&function.name) else { return };
    if is_user(&name.name) {
        function.name = object("redshift", "user_name");
        function.args = FunctionArguments::List(no_arguments());
    } else if name.name == "listagg"
        && let FunctionArguments::List(list) = &mut function.args
    {
        function.name = object("pg_catalog", "string_agg");
        if list.args.len() == 1 {
            let nothing = Expr::Value(dollars("").into());
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(nothing)));
        }
        let order = std::mem::take(&mut function.within_group);
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
}

/// Returns the name of a result column whose expression loses it in the rewrite.
fn renamed(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Extract { .. } => Some("date_part".into()),
        Expr::Identifier(ident) if ident.quote_style.is_none() => {
            (is_user(&ident.value) || ident.value == "sysdate").then(|| ident.value.clone())
        }
        Expr::Function(function) => {
            let name = relation(&function.name).ok()?.name;
            (is_user(&name) || name == "listagg").then_some(name)
        }
        _ => None,
    }
}

fn is_user(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "current_user" | "session_user" | "user")
}

// Formatting a quoted string of the syntax tree guesses whether its quotes are already doubled, so
// use dollar quoting.
fn dollars(text: &str) -> Value {
    let tag = (0..).map(|i| format!("q{i}")).find(|tag| !text.contains(tag.as_str()));
    Value::DollarQuotedString(DollarQuotedString { value: text.into(), tag })
}

fn object(schema: &str, name: &str) -> ObjectName {
    let part = |name| ObjectNamePart::Identifier(Ident::with_quote('"', name));
    ObjectName(vec![part(schema), part(name)])
}

fn no_arguments() -> FunctionArgumentList {
    FunctionArgumentList { duplicate_treatment: None, args: Vec::new(), clauses: Vec::new() }
}

pub fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    Expr::Function(Function {
        name: object("redshift", name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            args: args.collect(),
            ..no_arguments()
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

struct Expander<'a> {
    views: &'a LateViews,
    depth: usize,
}

impl VisitorMut for Expander<'_> {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        let TableFactor::Table { name, alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Ok(found) = relation(name) else { return ControlFlow::Continue(()) };
        let Some(body) = self.views.get(&found.to_string()) else {
            return ControlFlow::Continue(());
        };
        let alias = alias.clone().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', &found.name),
            columns: Vec::new(),
            at: None,
        });
        match expanded(body, self.views, self.depth) {
            Ok(subquery) => {
                let alias = Some(alias);
                *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn expanded(body: &str, views: &LateViews, depth: usize) -> Result<Box<Query>, SqlError> {
    let tokens = super::super::lex::tokens(body)?;
    let mut statement = RowStatement::query(&tokens)?.statement;
    expand(&mut statement, views, depth + 1)?;
    match statement {
        Statement::Query(query) => Ok(query),
        _ => Err(SqlError::syntax(body)),
    }
}
