//! Proofs that checks of keys hold: conditions that are sufficient, and faster to test than the SQL. The SQL stays the
//! definition of a check: without a proof it runs, and returns the rows that violate it.
//!
//! A proof covers a primary key of one column, or a reference to one, if the values are whole numbers, timestamps or
//! dates and fit into memory: sorted, they show whether a value is repeated or missing.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::TableReference;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::prelude::{Expr, SessionContext};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio_util::task::AbortOnDropHandle;

use super::queries::Query;
use crate::model::{CheckRule, ColumnType, Model, Table};

/// A column of a table, by their names.
type Column = (String, String);

/// The condition that proves a check.
#[derive(Debug)]
enum Condition {
    /// The values of the column are distinct and never null.
    Unique(Column),
    /// The values of the first column that are not null are in the second one.
    Contained(Column, Column),
}

/// The values of a column in ascending order.
struct Values {
    sorted: Vec<i64>,
    has_nulls: bool,
    /// The memory of the values.
    _memory: Vec<MemoryReservation>,
}

/// Returns the names of those of `checks` that are proven to hold for the tables in `session`.
pub(super) async fn proven(
    session: &SessionContext,
    model: &Model,
    checks: &[&Query],
) -> HashSet<String> {
    let conditions = conditions(model, checks);
    let mut columns: BTreeMap<Column, Option<Arc<Values>>> = BTreeMap::new();
    for condition in conditions.values() {
        match condition {
            Condition::Unique(column) => columns.extend([(column.clone(), None)]),
            Condition::Contained(own, key) => {
                columns.extend([(own.clone(), None), (key.clone(), None)]);
            }
        }
    }
    // Collected because the future of a closure that borrows its argument is not `Send`.
    let reading: Vec<_> = columns
        .keys()
        .cloned()
        .map(|column| async move { (values(session, &column).await, column) })
        .collect();
    let at_once = session.state().config().target_partitions();
    let mut reading = stream::iter(reading).buffer_unordered(at_once);
    while let Some((values, column)) = reading.next().await {
        match values {
            Ok(values) => columns.extend([(column, Some(Arc::new(values)))]),
            // The SQL of the check spills to disk, and reports other failures.
            Err(error) => tracing::debug!(?column, %error, "no proof"),
        }
    }
    let values = |column: &Column| columns.get(column).and_then(Option::as_ref);
    let holds = |condition: &Condition| match condition {
        Condition::Unique(column) => values(column).is_some_and(|values| values.are_unique()),
        Condition::Contained(own, key) => {
            values(own).zip(values(key)).is_some_and(|(own, key)| own.are_in(key))
        }
    };
    conditions.into_iter().filter(|(_, c)| holds(c)).map(|(name, _)| name).collect()
}

/// Returns the conditions that prove checks, by the names of the checks. Checks whose SQL was replaced have none.
fn conditions(model: &Model, checks: &[&Query]) -> BTreeMap<String, Condition> {
    let generated = model.checks().into_iter().filter_map(|check| {
        let query = checks.iter().find(|query| query.name == check.name)?;
        let condition = match &check.rule {
            CheckRule::PrimaryKey(table) => Condition::Unique(key(model.table(table)?)?),
            CheckRule::Reference(table, reference) => {
                let key = key(model.table(&reference.table)?)?;
                let own = number(model.table(table)?, reference.columns.first()?)?;
                Condition::Contained(own, key)
            }
            _ => return None,
        };
        (query.sql == check.sql).then_some((check.name, condition))
    });
    generated.collect()
}

/// Returns the column of the primary key of a table, if it is one that can be proven.
fn key(table: &Table) -> Option<Column> {
    match &table.primary_key[..] {
        [column] => number(table, column),
        _ => None,
    }
}

fn number(table: &Table, column: &str) -> Option<Column> {
    let is_number = match table.column(column)?.column_type {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => true,
        ColumnType::Timestamp | ColumnType::Date => true,
        ColumnType::Text
        | ColumnType::Boolean
        | ColumnType::Double
        | ColumnType::Decimal { .. } => false,
    };
    is_number.then(|| (table.name.clone(), column.to_owned()))
}

/// Reads and sorts the values of a column.
///
/// # Errors
///
/// Returns an error if the column cannot be read, or its values do not fit into memory.
async fn values(session: &SessionContext, (table, column): &Column) -> Result<Values> {
    let column = Expr::Column(datafusion::common::Column::new_unqualified(column));
    let rows = session.table(TableReference::bare(table.as_str())).await?.select(vec![column])?;
    let context = Arc::new(rows.task_ctx());
    let memory = MemoryConsumer::new("proof of a check");
    let memory = memory.register(&session.runtime_env().memory_pool);
    let partitions = execute_stream_partitioned(rows.create_physical_plan().await?, context)?;
    // All at once: the partitions of a join can wait for each other.
    let parts = partitions.into_iter().map(|partition| {
        let part = tokio::spawn(read_part(partition, memory.new_empty()));
        async { AbortOnDropHandle::new(part).await.map_err(external)? }
    });
    let parts: Vec<Part> = try_join_all(parts).await?;
    let has_nulls = parts.iter().any(|part| part.has_nulls);
    let (batches, memory): (Vec<_>, Vec<_>) =
        parts.into_iter().map(|part| (part.batches, part.memory)).unzip();
    let sorting = tokio::task::spawn_blocking(move || {
        let batches: Vec<Vec<i64>> = batches.into_iter().flatten().collect();
        let mut numbers = batches.concat();
        drop(batches);
        // Files are sorted, so the values usually consist of few sorted parts: this sort merges them.
        numbers.sort();
        numbers
    });
    let sorted = AbortOnDropHandle::new(sorting).await.map_err(external)?;
    Ok(Values { sorted, has_nulls, _memory: memory })
}

/// The values of a partition of a column.
struct Part {
    /// The values of each batch, which are not null.
    batches: Vec<Vec<i64>>,
    has_nulls: bool,
    memory: MemoryReservation,
}

async fn read_part(mut rows: SendableRecordBatchStream, memory: MemoryReservation) -> Result<Part> {
    let mut part = Part { batches: Vec::new(), has_nulls: false, memory };
    while let Some(batch) = rows.try_next().await? {
        let values = arrow::compute::cast(batch.column(0), &DataType::Int64)?;
        let values = values.as_primitive::<Int64Type>();
        // Joining the batches needs as much memory again, as does sorting after that.
        part.memory.try_grow(2 * values.len() * size_of::<i64>())?;
        part.batches.push(match values.null_count() {
            0 => values.values().to_vec(),
            _ => values.iter().flatten().collect(),
        });
        part.has_nulls |= values.null_count() > 0;
    }
    Ok(part)
}

fn external(error: tokio::task::JoinError) -> DataFusionError {
    DataFusionError::External(error.into())
}

impl Values {
    fn are_unique(&self) -> bool {
        !self.has_nulls && self.sorted.is_sorted_by(|a, b| a < b)
    }

    fn are_in(&self, keys: &Values) -> bool {
        let mut keys = keys.sorted.iter().peekable();
        self.sorted.iter().all(|value| {
            while keys.next_if(|key| *key < value).is_some() {}
            keys.peek() == Some(&value)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};
    use datafusion::catalog::streaming::StreamingTable;
    use datafusion::datasource::MemTable;
    use datafusion::execution::TaskContext;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use datafusion::physical_plan::streaming::PartitionStream;
    use datafusion::prelude::SessionConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::star::check::run_check;
    use crate::star::{Group, Queries};

    const CHECKS: [&str; 5] = [
        "songplays_primary_key",
        "time_primary_key",
        "users_primary_key",
        "songplays_user_id_in_users",
        "songplays_start_time_in_time",
    ];

    type Numbers = Vec<Option<i64>>;

    /// Registers a table with these columns, in two partitions.
    fn register(session: &SessionContext, name: &str, columns: Vec<(&str, ArrayRef)>) {
        let field =
            |(name, values): &(&str, ArrayRef)| Field::new(*name, values.data_type().clone(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let columns = columns.into_iter().map(|(_, values)| values).collect();
        let rows = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let half = rows.num_rows() / 2;
        let parts = vec![vec![rows.slice(0, half)], vec![rows.slice(half, rows.num_rows() - half)]];
        session.register_table(name, Arc::new(MemTable::try_new(schema, parts).unwrap())).unwrap();
    }

    fn session(plays: &[[Option<i64>; 3]], users: &Numbers, times: &Numbers) -> SessionContext {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(50_000_000)))
            .build_arc()
            .unwrap();
        let config = SessionConfig::new().with_target_partitions(2);
        let session = SessionContext::new_with_config_rt(config, runtime);
        let numbers = |values: Numbers| Arc::new(Int64Array::from(values)) as ArrayRef;
        let moments =
            |values: Numbers| Arc::new(TimestampMicrosecondArray::from(values)) as ArrayRef;
        let of_plays = |at: usize| plays.iter().map(|play| play[at]).collect::<Numbers>();
        let songplays = vec![
            ("songplay_id", numbers(of_plays(0))),
            ("start_time", moments(of_plays(1))),
            ("user_id", numbers(of_plays(2))),
        ];
        register(&session, "songplays", songplays);
        register(&session, "users", vec![("user_id", numbers(users.clone()))]);
        register(&session, "time", vec![("start_time", moments(times.clone()))]);
        session
    }

    /// Returns the checks that are proven, and those that hold according to their SQL.
    async fn both(session: &SessionContext) -> [Vec<&'static str>; 2] {
        let queries = Queries::built_in();
        let checks: Vec<&Query> =
            queries.of(Group::Check).filter(|check| CHECKS.contains(&&*check.name)).collect();
        assert_eq!(checks.len(), CHECKS.len());
        let proven = proven(session, queries.model(), &checks).await;
        let mut hold = Vec::new();
        for check in checks {
            let outcome = run_check(session, check).await.unwrap();
            hold.extend(CHECKS.iter().filter(|n| **n == check.name && outcome.offending_rows == 0));
        }
        hold.sort_unstable();
        let mut proven: Vec<_> = CHECKS.into_iter().filter(|n| proven.contains(*n)).collect();
        proven.sort_unstable();
        [proven, hold]
    }

    fn number() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![12 => (0..9_i64).prop_map(Some), 1 => Just(None), 1 => Just(Some(i64::MIN))]
    }

    /// Few or many values, usually distinct.
    fn keys() -> impl Strategy<Value = Numbers> {
        let distinct =
            proptest::sample::subsequence((0..9_i64).map(Some).collect::<Vec<_>>(), 0..9);
        prop_oneof![3 => distinct.prop_shuffle(), 1 => proptest::collection::vec(number(), 0..9)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

        #[test]
        fn proofs_agree_with_the_sql(
            ids in keys(),
            others in proptest::collection::vec((number(), number()), 9),
            users in keys(),
            times in keys(),
        ) {
            let plays: Vec<_> =
                ids.into_iter().zip(others).map(|(id, (time, user))| [id, time, user]).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let [proven, hold] = runtime.block_on(both(&session(&plays, &users, &times)));
            prop_assert_eq!(proven, hold);
        }
    }

    #[tokio::test]
    async fn checks_whose_sql_was_replaced_are_not_proven() {
        let session = session(&[[Some(1); 3]], &vec![Some(1)], &vec![Some(1)]);
        let queries = Queries::built_in();
        let check = queries.of(Group::Check).find(|check| check.name == CHECKS[0]).unwrap();
        let other = Query { sql: format!("{} ", check.sql), ..check.clone() };
        assert_eq!(proven(&session, queries.model(), &[check]).await.len(), 1);
        assert!(proven(&session, queries.model(), &[&other]).await.is_empty());
    }

    /// A partition that waits for the others to be read.
    #[derive(Debug)]
    struct Waiting(Arc<Schema>, Arc<tokio::sync::Barrier>);

    impl PartitionStream for Waiting {
        fn schema(&self) -> &Arc<Schema> {
            &self.0
        }

        fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
            let (schema, barrier) = (self.0.clone(), self.1.clone());
            let rows = futures::stream::once(async move {
                barrier.wait().await;
                Ok(RecordBatch::new_empty(schema))
            });
            Box::pin(RecordBatchStreamAdapter::new(self.0.clone(), rows))
        }
    }

    #[tokio::test]
    async fn partitions_that_wait_for_each_other_are_read_together() {
        let session = SessionContext::new();
        let schema = Arc::new(Schema::new(vec![Field::new("user_id", DataType::Int64, true)]));
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        let partition = || Arc::new(Waiting(schema.clone(), barrier.clone())) as Arc<_>;
        let table = StreamingTable::try_new(schema.clone(), vec![partition(), partition()]);
        session.register_table("users", Arc::new(table.unwrap())).unwrap();
        let column = ("users".to_owned(), "user_id".to_owned());
        let read = tokio::time::timeout(Duration::from_secs(60), values(&session, &column)).await;
        assert!(read.expect("the partitions do not end").unwrap().are_unique());
    }

    #[tokio::test]
    async fn values_that_do_not_fit_into_memory_are_not_proven() {
        let many: Numbers = (0..4_000_000).map(Some).collect();
        let session = session(&[[Some(1); 3]], &many, &vec![Some(1)]);
        let [proven, hold] = both(&session).await;
        assert_eq!(hold.len(), CHECKS.len());
        assert!(!proven.contains(&"users_primary_key") && proven.contains(&"time_primary_key"));
    }
}
