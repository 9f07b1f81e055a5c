//! All that a report states: the record of the run, the rows of the figures, and the outcomes of the checks.

use super::WarehouseTables;
use super::answer::Answer;
use super::chart::{self, Chart, Flow};
use super::declared::Declared;
use super::error::Result;
use super::quality;
use crate::api::Star;
use crate::star::{CheckOutcome, Group, RunRecord};
use crate::warehouse::check::check_warehouse;
use crate::warehouse::load::ledger;
use crate::warehouse::query::{expected_schema, run_query};

/// A query, its rows and their chart.
pub(super) struct Figure {
    pub declared: Declared,
    pub answer: Answer,
    pub chart: Option<Chart>,
    /// Names of the tables that the query reads, in the order of their names.
    pub tables: Vec<String>,
    /// `true` if the query ran in the warehouse.
    pub in_warehouse: bool,
    /// Names of the lists that the query reads. They are not loaded into warehouses.
    pub lists: Vec<String>,
}

/// A figure that the report does not have.
pub(super) struct LeftOut {
    pub declared: Declared,
    /// Reason why its query cannot run.
    pub reason: String,
}

/// The warehouse in which the figures were queried.
pub(super) struct Loaded {
    /// Address and schema.
    pub shown: String,
    /// ID of the run that was loaded last, if the ledger has one.
    pub run_id: Option<String>,
}

/// All that a report states.
pub(super) struct Facts<'a> {
    pub star: &'a Star,
    pub record: &'a RunRecord,
    pub warehouse: Option<Loaded>,
    /// Figures of the model and of the user, in the order of the page.
    pub figures: Vec<Figure>,
    /// Figures of the model and of the user whose queries cannot run on this star.
    pub left_out: Vec<LeftOut>,
    /// Names of the sections of the model and of the user, in the order of their first figures.
    pub sections: Vec<String>,
    pub checks: Vec<CheckOutcome>,
    /// Names of the checks that cannot run in the warehouse.
    pub skipped_checks: Vec<String>,
    /// Counts that must add up.
    pub flows: Vec<Flow>,
    /// The rejected records by reason, or the reason why they cannot be read.
    pub rejects: Result<Figure, String>,
    /// The objects that were read, by dataset.
    pub inputs: Figure,
}

impl<'a> Facts<'a> {
    /// Runs all queries and checks.
    ///
    /// # Errors
    ///
    /// Returns an error if the header of a figure is not valid, or a query or check fails.
    pub async fn gather(
        star: &'a Star,
        warehouse: Option<&WarehouseTables<'_>>,
    ) -> Result<Facts<'a>> {
        let queries = star.queries();
        let figures = queries.of(Group::Report).map(Declared::of);
        let declared: Vec<Declared> = figures.collect::<Result<_>>()?;
        let (mut figures, mut left_out, mut sections) = (Vec::new(), Vec::new(), Vec::new());
        for declared in declared {
            if !sections.contains(&declared.section) {
                sections.push(declared.section.clone());
            }
            match star.missing_list(&declared.sql) {
                None => figures.push(figure(star, warehouse, declared).await?),
                Some(reason) => left_out.push(LeftOut { declared, reason }),
            }
        }
        let (checks, skipped_checks) = match warehouse {
            None => (star.check_outcomes().await?, Vec::new()),
            Some(on) => {
                let checks = check_warehouse(on.session, queries, Some(star.record())).await?;
                (checks.outcomes, checks.skipped)
            }
        };
        let rejects = match figure(star, None, quality::rejects()?).await {
            Ok(rejects) => Ok(rejects),
            Err(error) => Err(error.to_string()),
        };
        Ok(Facts {
            star,
            record: star.record(),
            warehouse: match warehouse {
                Some(on) => Some(loaded(on).await?),
                None => None,
            },
            figures,
            left_out,
            sections,
            checks,
            skipped_checks,
            flows: quality::flows(star.record(), queries)?,
            rejects,
            inputs: figure(star, None, quality::inputs()?).await?,
        })
    }

    /// Returns the figures of a section.
    pub fn of<'f>(&'f self, section: &'f str) -> impl Iterator<Item = &'f Figure> {
        self.figures.iter().filter(move |figure| figure.declared.section == section)
    }
}

/// Runs the query of a figure and draws its rows.
async fn figure(
    star: &Star,
    warehouse: Option<&WarehouseTables<'_>>,
    declared: Declared,
) -> Result<Figure> {
    let (file, sql) = (&declared.file, &declared.sql);
    let (tables, lists) = (star.tables_read(sql), star.lists_read(sql));
    // Lists are not loaded into warehouses.
    let warehouse = warehouse.filter(|_| lists.is_empty());
    let answer = match warehouse {
        None => Answer::read(file, star.named_stream(file, sql, None).await?).await?,
        Some(on) => {
            let expected = expected_schema(star.model(), sql).await;
            Answer::read(file, run_query(on.session, file, sql, expected).await?).await?
        }
    };
    let chart = chart::draw(&declared, &answer)?;
    Ok(Figure { declared, answer, chart, tables, in_warehouse: warehouse.is_some(), lists })
}

async fn loaded(on: &WarehouseTables<'_>) -> Result<Loaded> {
    let loads = ledger::loads(on.session, on.schema).await?;
    Ok(Loaded {
        shown: format!("{} schema {}", on.address, on.schema),
        run_id: loads.into_iter().next().map(|load| load.run_id),
    })
}
