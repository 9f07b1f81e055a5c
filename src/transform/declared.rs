//! Tables with all columns that their datasets declare, of which only some are stored.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::decode::staging_schema;
use crate::model::Dataset;

/// The rows of a dataset as queries see them. A query can mention columns that it does not read, such as one in
/// `x IS NOT NULL` that is never null: such columns are not stored, and only a scan of one fails.
#[derive(Debug)]
pub(super) struct DeclaredTable {
    schema: SchemaRef,
    stored: Arc<dyn TableProvider>,
}

impl DeclaredTable {
    pub fn new(dataset: &Dataset, stored: Arc<dyn TableProvider>) -> DeclaredTable {
        let (declared, found) = (staging_schema(dataset), stored.schema());
        // Texts can be stored with or without a dictionary.
        let fields =
            declared.fields().iter().map(|field| match found.field_with_name(field.name()) {
                Ok(stored) => {
                    Arc::new(Field::clone(field).with_data_type(stored.data_type().clone()))
                }
                Err(_) => field.clone(),
            });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        DeclaredTable { schema, stored }
    }

    /// Returns the position among the stored columns of the column at `index`.
    fn position(&self, index: usize) -> Result<usize> {
        let name = self.schema.field(index).name();
        match self.stored.schema().index_of(name) {
            Ok(position) => Ok(position),
            Err(_) => internal_err!("the column {name} is not staged"),
        }
    }
}

#[async_trait]
impl TableProvider for DeclaredTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.schema.fields().len()).collect();
        let columns: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let stored = columns.into_iter().map(|index| self.position(index));
        let stored = stored.collect::<Result<Vec<usize>>>()?;
        self.stored.scan(state, Some(&stored), filters, limit).await
    }
}
