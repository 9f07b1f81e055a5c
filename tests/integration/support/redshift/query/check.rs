//! Features of queries that Redshift rejects: a walk over the syntax tree that stops at the first
//! one.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::*;

use super::super::error::SqlError;
use super::super::lex::Name;
use super::super::{types, words};
use super::names::{self, Place};
use super::{relation, rules};

/// Facts about a statement that the session needs.
#[derive(Default)]
pub struct Findings {
    /// User relations, as named in the statement.
    pub tables: Vec<Name>,
    /// First leader-node-only function.
    leader: Option<String>,
    /// System relations.
    pub system: Vec<String>,
    /// `true` if the statement asks about the latest COPY.
    pub last_copy: bool,
}

pub fn check(statement: &Statement) -> Result<Findings, SqlError> {
    let mut checker = Checker::default();
    let walked = checker.statement(statement).and_then(|()| match statement.visit(&mut checker) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    });
    walked?;
    let findings = checker.findings;
    let on_leader = findings.leader.is_some() || !findings.system.is_empty();
    if on_leader && !findings.tables.is_empty() {
        return Err(SqlError {
            detail: findings.leader.map(|name| format!("Function \"{name}()\" is leader-only.")),
            ..SqlError::rejected(
                "Specified types or functions (one per INFO message) not supported on Redshift \
                 tables.",
            )
        });
    }
    Ok(findings)
}

#[derive(Default)]
struct Checker {
    findings: Findings,
    ctes: HashSet<String>,
    /// The rows of INSERT .. VALUES.
    inserted: Option<*const SetExpr>,
}

impl Checker {
    fn statement(&mut self, statement: &Statement) -> Result<(), SqlError> {
        match statement {
            Statement::Query(_) => Ok(()),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(Update { table, returning, .. }) => {
                self.target(&table.relation)?;
                rules::no_returning(returning.is_some())
            }
            Statement::Delete(delete) => {
                if delete.tables.is_empty() && delete.order_by.is_empty() && delete.limit.is_none()
                {
                    return rules::no_returning(delete.returning.is_some());
                }
                Err(SqlError::syntax("DELETE"))
            }
            Statement::Merge(merge) => rules::merge(merge),
            _ => Err(SqlError::rejected("the stand-in does not take this statement")),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Result<(), SqlError> {
        rules::no_returning(insert.returning.is_some())?;
        if insert.on.is_some() {
            return Err(SqlError::syntax("ON"));
        }
        if insert.or.is_some() || insert.overwrite || !insert.into || insert.replace_into {
            return Err(SqlError::syntax("INSERT"));
        }
        let Some(source) = &insert.source else { return Err(SqlError::missing("such an INSERT")) };
        if matches!(*source.body, SetExpr::Values(_)) {
            self.inserted = Some(&*source.body);
        }
        match &insert.table {
            TableObject::TableName(_) => Ok(()),
            _ => Err(SqlError::syntax("INTO")),
        }
    }

    fn target(&self, table: &TableFactor) -> Result<(), SqlError> {
        match table {
            TableFactor::Table { .. } => Ok(()),
            _ => Err(SqlError::syntax("UPDATE")),
        }
    }

    fn set_expr(&self, body: &SetExpr) -> Result<(), SqlError> {
        match body {
            SetExpr::Select(_) | SetExpr::Query(_) => Ok(()),
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                if !matches!(
                    set_quantifier,
                    SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None
                ) {
                    return Err(SqlError::syntax("BY"));
                }
                self.set_expr(left)?;
                self.set_expr(right)
            }
            SetExpr::Values(_) if self.inserted == Some(body) => Ok(()),
            _ => Err(SqlError::syntax(body.to_string().split(' ').next().unwrap_or_default())),
        }
    }

    fn query(&mut self, query: &Query) -> Result<(), SqlError> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            unreserved(&cte.alias.name)?;
            self.ctes.insert(cte.alias.name.value.clone());
        }
        self.set_expr(&query.body)?;
        if !query.locks.is_empty() {
            return Err(SqlError::rejected("SELECT FOR UPDATE is not supported"));
        }
        if query.fetch.is_some() || query.for_clause.is_some() || !query.pipe_operators.is_empty() {
            return Err(SqlError::syntax("FETCH"));
        }
        let all = query.order_by.as_ref().map(|order| &order.kind);
        if matches!(all, Some(OrderByKind::All(_))) {
            return Err(SqlError::syntax("ALL"));
        }
        Ok(())
    }

    fn select(&mut self, select: &Select) -> Result<(), SqlError> {
        if matches!(select.distinct, Some(Distinct::On(_))) {
            return Err(SqlError::rejected("SELECT DISTINCT ON is not supported"));
        }
        if !select.named_window.is_empty() {
            return Err(SqlError::syntax("WINDOW"));
        }
        if matches!(select.group_by, GroupByExpr::All(_)) {
            return Err(SqlError::missing("GROUP BY ALL"));
        }
        let rest = [
            (select.top.is_some(), "TOP"),
            (select.qualify.is_some(), "QUALIFY"),
            (select.into.is_some(), "SELECT INTO"),
            (select.exclude.is_some(), "EXCLUDE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        ];
        if let Some((_, what)) = rest.iter().find(|(found, _)| *found) {
            return Err(SqlError::missing(what));
        }
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                unreserved(alias)?;
            }
        }
        Ok(())
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Result<(), SqlError> {
        let alias = match factor {
            TableFactor::Table { args: Some(_), name, .. } => {
                let message = format!("Function {name} is not supported as a table");
                return Err(SqlError::rejected(message));
            }
            TableFactor::Table { alias, sample: None, json_path: None, .. }
            | TableFactor::Derived { lateral: false, alias, .. }
            | TableFactor::NestedJoin { alias, .. } => alias,
            _ => return Err(SqlError::rejected("the stand-in does not read from this")),
        };
        alias.as_ref().map_or(Ok(()), |alias| unreserved(&alias.name))
    }

    fn relation(&mut self, object: &ObjectName) -> Result<(), SqlError> {
        let name = relation(object)?;
        for part in &object.0 {
            part.as_ident().map_or(Ok(()), unreserved)?;
        }
        if name.schema.is_none() && self.ctes.contains(&name.name) {
            return Ok(());
        }
        match names::place(name.schema.as_deref(), &name.name) {
            Place::User => self.findings.tables.push(name),
            Place::System(_) => self.findings.system.push(name.name),
            Place::Nowhere => {
                let message = format!("relation \"{name}\" does not exist");
                return Err(SqlError::new("42P01", message));
            }
        }
        Ok(())
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), SqlError> {
        match expr {
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                if words::is_no_column(&ident.value) {
                    return Err(SqlError::syntax(&ident.value));
                }
                Ok(())
            }
            Expr::BinaryOp { op, .. } => rules::operator(op),
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, data_type, .. } => {
                types::check(data_type)
            }
            Expr::TypedString(TypedString { data_type, .. }) => types::check(data_type),
            Expr::Extract { field, .. } => super::rewrite::date_part(field).map(|_| ()),
            Expr::Function(function) => self.function(function),
            // Its array can only come from a catalog; the stand-in rejects all others.
            Expr::AnyOp { .. }
            | Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { any: false, .. }
            | Expr::ILike { any: false, .. }
            | Expr::SimilarTo { .. }
            | Expr::UnaryOp { op: UnaryOperator::Plus | UnaryOperator::Minus, .. }
            | Expr::UnaryOp { op: UnaryOperator::Not, .. }
            | Expr::AtTimeZone { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::Tuple(_)
            | Expr::Interval(_) => Ok(()),
            Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => {
                Err(SqlError::syntax("DISTINCT"))
            }
            _ => {
                Err(SqlError::rejected(format!("the stand-in does not know the expression {expr}")))
            }
        }
    }

    fn function(&mut self, function: &Function) -> Result<(), SqlError> {
        let name = relation(&function.name)?.name.to_ascii_lowercase();
        let leader = names::is_leader_function(&name);
        if !leader && !names::is_function(&name) {
            let message = format!("function {name}() does not exist");
            return Err(SqlError::new("42883", message));
        }
        if leader {
            self.findings.last_copy |= name.starts_with("pg_last_copy");
            self.findings.leader.get_or_insert(name.clone());
        }
        if function.filter.is_some() {
            return Err(SqlError::syntax("FILTER"));
        }
        if !function.within_group.is_empty() && name != "listagg" {
            return Err(SqlError::syntax("WITHIN"));
        }
        if let FunctionArguments::List(list) = &function.args {
            if name == "concat" && list.args.len() != 2 {
                return Err(SqlError::new("42883", "function concat() takes two arguments"));
            }
            if !list.clauses.is_empty() {
                return Err(SqlError::syntax("ORDER"));
            }
        }
        match &function.over {
            Some(WindowType::NamedWindow(_)) => Err(SqlError::syntax("OVER")),
            Some(WindowType::WindowSpec(window)) => rules::frame(&name, window),
            None => Ok(()),
        }
    }
}

fn unreserved(name: &Ident) -> Result<(), SqlError> {
    if name.quote_style.is_none() && words::is_reserved(&name.value) {
        return Err(SqlError::syntax(&name.value));
    }
    Ok(())
}

fn flow(checked: Result<(), SqlError>) -> ControlFlow<SqlError> {
    checked.map_or_else(ControlFlow::Break, ControlFlow::Continue)
}

impl Visitor for Checker {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        flow(self.query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        flow(self.select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SqlError> {
        flow(self.table_factor(factor))
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<SqlError> {
        flow(self.relation(name))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        flow(self.expr(expr))
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<SqlError> {
        match &value.value {
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => ControlFlow::Continue(()),
            other => ControlFlow::Break(SqlError::syntax(other)),
        }
    }
}
