//! Trailing blanks in GROUP BY, DISTINCT, PARTITION BY and UNION: wraps the compared values in
//! `redshift.key`, which trims texts and leaves other values unchanged.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::*;

use super::rewrite::call;

/// Rewrites one query. The visitor calls this for each subquery separately.
pub fn rewrite(query: &mut Query) {
    match &mut *query.body {
        SetExpr::Select(select) => {
            if select.distinct.is_some() {
                select.projection.iter_mut().for_each(wrap_item);
            }
            let keys = keys(select);
            if !keys.is_empty() {
                group(select, &keys);
                order(query, &keys);
            }
        }
        body => compare_rows(body, false),
    }
}

/// Rewrites the arguments of a DISTINCT aggregate and the PARTITION BY of a window.
pub fn rewrite_function(function: &mut Function) {
    if let FunctionArguments::List(list) = &mut function.args
        && matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct))
    {
        for arg in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg {
                wrap(expr);
            }
        }
    }
    if let Some(WindowType::WindowSpec(window)) = &mut function.over {
        window.partition_by.iter_mut().for_each(wrap);
    }
}

/// Returns the grouping expressions to wrap: not positions, not aliases of the select list, and
/// none that is part of another.
fn keys(select: &Select) -> Vec<Expr> {
    let GroupByExpr::Expressions(all, modifiers) = &select.group_by else { return Vec::new() };
    if !modifiers.is_empty() {
        return Vec::new();
    }
    let aliases = select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } if !is_column(expr, &alias.value) => {
            Some(&alias.value)
        }
        _ => None,
    });
    let aliases: Vec<_> = aliases.collect();
    let simple = |expr: &&Expr| match expr {
        Expr::Value(_) => false,
        Expr::Identifier(ident) => !aliases.contains(&&ident.value),
        _ => true,
    };
    let keys: Vec<Expr> = all.iter().filter(simple).cloned().collect();
    let nested = keys.iter().any(|key| {
        let mut inner = key.clone();
        let mut replacer = Replacer { keys: &keys, replaced: 0 };
        let _ = VisitMut::visit(&mut inner, &mut replacer);
        replacer.replaced > 1
    });
    if nested { Vec::new() } else { keys }
}

fn group(select: &mut Select, keys: &[Expr]) {
    let mut replacer = Replacer { keys, replaced: 0 };
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = column_name(expr);
                let _ = expr.visit(&mut replacer);
                if let Some(name) = name {
                    let alias = Ident::with_quote('"', name);
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
            SelectItem::ExprWithAlias { expr, .. } => {
                let _ = expr.visit(&mut replacer);
            }
            _ => {}
        }
    }
    if let Some(having) = &mut select.having {
        let _ = having.visit(&mut replacer);
    }
    if let GroupByExpr::Expressions(all, _) = &mut select.group_by {
        for expr in all.iter_mut().filter(|expr| keys.contains(expr)) {
            wrap(expr);
        }
    }
}

/// Rewrites ORDER BY. A bare name there refers to a result column, if one has that name.
fn order(query: &mut Query, keys: &[Expr]) {
    let SetExpr::Select(select) = &*query.body else { return };
    let named = |name: &str| {
        select.projection.iter().any(
            |item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == name),
        )
    };
    let Some(OrderBy { kind: OrderByKind::Expressions(all), .. }) = &mut query.order_by else {
        return;
    };
    for OrderByExpr { expr, .. } in all {
        match expr {
            Expr::Identifier(ident) if named(&ident.value) => {}
            expr => {
                let _ = expr.visit(&mut Replacer { keys, replaced: 0 });
            }
        }
    }
}

/// Wraps the rows of set operations other than UNION ALL, which compare entire rows.
fn compare_rows(body: &mut SetExpr, compared: bool) {
    match body {
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            let all = *op == SetOperator::Union && *set_quantifier == SetQuantifier::All;
            compare_rows(left, compared || !all);
            compare_rows(right, compared || !all);
        }
        SetExpr::Select(select) => {
            let keys = keys(select);
            group(select, &keys);
            if compared || select.distinct.is_some() {
                select.projection.iter_mut().for_each(wrap_item);
            }
        }
        _ => {}
    }
}

fn wrap_item(item: &mut SelectItem) {
    match item {
        SelectItem::UnnamedExpr(expr) => {
            let name = column_name(expr);
            wrap(expr);
            if let Some(name) = name {
                let alias = Ident::with_quote('"', name);
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        SelectItem::ExprWithAlias { expr, .. } => wrap(expr),
        _ => {}
    }
}

fn wrap(expr: &mut Expr) {
    if !is_wrapped(expr) {
        *expr = call("key", vec![expr.clone()]);
    }
}

fn is_wrapped(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    function.name.to_string() == "\"redshift\".\"key\""
}

/// Returns the name that the result column would have without the rewrite.
fn column_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| ident.value.clone()),
        Expr::Extract { .. } => Some("date_part".into()),
        Expr::Function(function) => {
            function.name.0.last()?.as_ident().map(|ident| ident.value.clone())
        }
        _ => None,
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Identifier(ident) => ident.value == name,
        Expr::CompoundIdentifier(idents) => idents.last().is_some_and(|last| last.value == name),
        _ => false,
    }
}

/// Compares two expressions, treating `t.a` and `a` as equal.
fn same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Identifier(name), other) | (other, Expr::Identifier(name)) => {
            is_column(other, &name.value)
        }
        (Expr::CompoundIdentifier(a), Expr::CompoundIdentifier(b)) => {
            a.iter().map(|ident| &ident.value).eq(b.iter().map(|ident| &ident.value))
        }
        _ => a == b,
    }
}

struct Replacer<'a> {
    keys: &'a [Expr],
    replaced: usize,
}

impl VisitorMut for Replacer<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.keys.iter().any(|key| same(key, expr)) {
            wrap(expr);
            self.replaced += 1;
        }
        ControlFlow::Continue(())
    }
}
