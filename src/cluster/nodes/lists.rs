//! Lists of objects, as the client passes them to executors: rows of the scan below a
//! [`DecodeExec`](super::DecodeExec).

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};

use crate::storage::ListedObject;

/// Returns the schema of a list: `url, path, size, etag, number`.
pub(crate) fn list_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new("url", DataType::Utf8, false),
            Field::new("path", DataType::Binary, true),
            Field::new("size", DataType::Int64, false),
            Field::new("etag", DataType::Utf8, true),
            Field::new("number", DataType::Int64, false),
        ]))
    });
    SCHEMA.clone()
}

/// Returns the rows of objects.
pub(crate) fn list_batch(objects: &[ListedObject]) -> Result<RecordBatch> {
    let urls: StringArray = objects.iter().map(|object| Some(&*object.url)).collect();
    let paths: BinaryArray = objects.iter().map(|object| object.path.as_deref()).collect();
    let sizes: Int64Array = objects.iter().map(|object| Some(object.size as i64)).collect();
    let etags: StringArray = objects.iter().map(|object| object.etag.as_deref()).collect();
    let numbers: Int64Array = objects.iter().map(|object| Some(object.number.into())).collect();
    let columns: Vec<Arc<dyn Array>> =
        vec![Arc::new(urls), Arc::new(paths), Arc::new(sizes), Arc::new(etags), Arc::new(numbers)];
    Ok(RecordBatch::try_new(list_schema(), columns)?)
}

/// Returns the objects of a batch of rows.
pub(super) fn objects_of(batch: &RecordBatch) -> Result<Vec<ListedObject>> {
    let wrong = || DataFusionError::Internal("a list of objects has other columns".to_owned());
    let text = |at: usize| batch.column(at).as_string_opt::<i32>().ok_or_else(wrong);
    let number = |at: usize| batch.column(at).as_primitive_opt::<Int64Type>().ok_or_else(wrong);
    let (urls, etags) = (text(0)?, text(3)?);
    let paths = batch.column(1).as_binary_opt::<i32>().ok_or_else(wrong)?;
    let (sizes, numbers) = (number(2)?, number(4)?);
    let objects = (0..batch.num_rows()).map(|row| ListedObject {
        url: urls.value(row).into(),
        path: paths.is_valid(row).then(|| paths.value(row).to_vec()),
        size: sizes.value(row) as u64,
        etag: etags.is_valid(row).then(|| etags.value(row).to_owned()),
        number: numbers.value(row) as u32,
    });
    Ok(objects.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_back_as_they_were_written() {
        let object = |number: u32| ListedObject {
            url: format!("s3://b/é {number}").into(),
            path: (number == 1).then(|| b"\xff".to_vec()),
            size: u64::from(number) << 33,
            etag: (number != 1).then(|| format!("\"{number}\"")),
            number,
        };
        let objects: Vec<ListedObject> = (0..3).map(object).collect();
        assert_eq!(objects_of(&list_batch(&objects).unwrap()).unwrap(), objects);
        assert!(objects_of(&list_batch(&[]).unwrap()).unwrap().is_empty());
    }
}
