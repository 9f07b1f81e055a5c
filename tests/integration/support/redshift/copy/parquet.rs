//! Requirements of COPY on a Parquet file. A feature that no one has reported Redshift to read is
//! rejected, with a message that says so.

use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{
    Compression, ConvertedType, Encoding, LogicalType, PageType, TimeUnit, Type as Physical,
};
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
};
use parquet::schema::types::{ColumnDescriptor, Type as SchemaType};

use super::{Failure, Target};
use crate::support::redshift::types::Type;

/// Suffixes that Redshift treats as compression of the whole file.
const COMPRESSED: [&str; 3] = [".gz", ".snappy", ".bz2"];

/// A file whose columns all fit their targets.
pub struct File {
    pub rows: u64,
    bytes: Bytes,
}

impl File {
    /// Checks a file against its target columns, which are matched by position.
    pub fn open(
        address: &str,
        bytes: Bytes,
        targets: &[Target],
        fill_record: bool,
    ) -> Result<File, Failure> {
        let path = address.to_ascii_lowercase();
        if let Some(end) = COMPRESSED.iter().find(|end| path.ends_with(*end)) {
            let context = format!("File '{address}' is not {end} compressed.");
            return Err(Failure::scan(15001, context, "Spectrum Scan Error"));
        }
        let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
        let metadata = ParquetMetaDataReader::new()
            .with_metadata_options(Some(options))
            .parse_and_finish(&bytes)
            .map_err(|_| {
                let context = format!("File '{address}' has an invalid version number.");
                Failure::scan(15001, context, "Spectrum Scan Error")
            })?;
        let checked = Checked { address, metadata: &metadata };
        checked.columns(targets, fill_record)?;
        checked.storage()?;
        let rows = metadata.file_metadata().num_rows() as u64;
        Ok(File { rows, bytes })
    }

    /// Opens a reader of the rows. It ignores the Arrow schema in the file, because Redshift does
    /// not know it.
    pub fn read(self) -> Result<ParquetRecordBatchReader, Failure> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let unread = |error: parquet::errors::ParquetError| {
            Failure::scan(15001, error.to_string(), "Spectrum Scan Error")
        };
        let metadata = ArrowReaderMetadata::load(&self.bytes, options).map_err(unread)?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes, metadata)
            .with_batch_size(8192)
            .build()
            .map_err(unread)
    }
}

struct Checked<'a> {
    address: &'a str,
    metadata: &'a ParquetMetaData,
}

impl Checked<'_> {
    fn columns(&self, targets: &[Target], fill_record: bool) -> Result<(), Failure> {
        let schema = self.metadata.file_metadata().schema_descr();
        let fields = schema.root_schema().get_fields();
        let fits = fields.len() == targets.len() || fill_record && fields.len() < targets.len();
        if !fits {
            let context = format!(
                "Unmatched number of columns between table and file. Table columns: {}, Data \
                 columns: {}, File name: {}",
                targets.len(),
                fields.len(),
                self.address
            );
            return Err(Failure::scan(15007, context, "Spectrum Scan Error"));
        }
        if let Some(nested) = fields.iter().find(|field| is_nested(field)) {
            let error = format!("Assert: Unreachable - Invalid type: 4000 ({})", nested.name());
            return Err(Failure::scan(1000, error.clone(), &error));
        }
        for (leaf, target) in schema.columns().iter().zip(targets) {
            match accepts(target.kind, leaf) {
                Fit::Good => {}
                Fit::Incompatible => return Err(self.incompatible(target, leaf)),
                Fit::Unknown(what) => return Err(self.unknown(what, &target.name)),
            }
        }
        Ok(())
    }

    fn incompatible(&self, target: &Target, leaf: &ColumnDescriptor) -> Failure {
        let repetition = if leaf.max_def_level() > 0 { "optional" } else { "required" };
        let physical = leaf.physical_type().to_string().to_lowercase();
        let context = format!(
            "File '{}' has an incompatible Parquet schema for column '{}'. Column type: {}, \
             Parquet schema: {repetition} {physical} {}",
            self.address,
            target.name,
            target.kind,
            leaf.name()
        );
        Failure::scan(15007, context, "Spectrum Scan Error").column(target)
    }

    fn unknown(&self, what: &str, column: &str) -> Failure {
        let context = format!(
            "File '{}' column '{column}': {what}: there is no evidence that Redshift reads this",
            self.address
        );
        Failure::scan(15001, context, "Spectrum Scan Error")
    }

    fn storage(&self) -> Result<(), Failure> {
        for chunk in self.metadata.row_groups().iter().flat_map(|group| group.columns()) {
            if let Some(what) = unsupported(chunk) {
                return Err(self.unknown(&what, chunk.column_descr().name()));
            }
        }
        Ok(())
    }
}

fn unsupported(chunk: &ColumnChunkMetaData) -> Option<String> {
    if !matches!(
        chunk.compression(),
        Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::ZSTD(_)
            | Compression::GZIP(_)
    ) {
        return Some(format!("codec {}", chunk.compression()));
    }
    #[expect(deprecated, reason = "files written before Parquet 2 have these encodings")]
    let known = |encoding: &Encoding| {
        matches!(
            encoding,
            Encoding::PLAIN
                | Encoding::RLE
                | Encoding::BIT_PACKED
                | Encoding::PLAIN_DICTIONARY
                | Encoding::RLE_DICTIONARY
        )
    };
    if let Some(encoding) = chunk.encodings().find(|encoding| !known(encoding)) {
        return Some(format!("encoding {encoding}"));
    }
    match chunk.page_encoding_stats() {
        None if chunk.num_values() > 0 => return Some("no statistics of page encodings".into()),
        stats => {
            if stats.into_iter().flatten().any(|page| page.page_type == PageType::DATA_PAGE_V2) {
                return Some("data page version 2".into());
            }
        }
    }
    chunk.bloom_filter_offset().map(|_| "a Bloom filter".to_owned())
}

fn is_nested(field: &SchemaType) -> bool {
    let info = field.get_basic_info();
    let repeated =
        info.has_repetition() && info.repetition() == parquet::basic::Repetition::REPEATED;
    !field.is_primitive() || repeated
}

enum Fit {
    Good,
    Incompatible,
    Unknown(&'static str),
}

/// Compares a Parquet type with the column's type (FACTS.md, table 1.4).
fn accepts(kind: Type, leaf: &ColumnDescriptor) -> Fit {
    let logical = leaf.logical_type_ref();
    let plain = logical.is_none() && leaf.converted_type() == ConvertedType::NONE;
    if let Some(rejected) = suspicious(logical) {
        return rejected;
    }
    let integer = |bits: i8| match logical {
        Some(LogicalType::Integer(i)) => i.bit_width == bits && i.is_signed,
        _ => plain && bits >= 32,
    };
    let good = match (kind, leaf.physical_type()) {
        (Type::SmallInt, Physical::INT32) => integer(16),
        (Type::Integer | Type::BigInt, Physical::INT32) => integer(32),
        (Type::BigInt, Physical::INT64) => integer(64),
        (Type::Real, Physical::FLOAT) | (Type::Double, Physical::DOUBLE) => true,
        (Type::Boolean, Physical::BOOLEAN) => true,
        (Type::Char(_) | Type::Varchar(_), Physical::BYTE_ARRAY) => {
            matches!(logical, Some(LogicalType::String))
                || leaf.converted_type() == ConvertedType::UTF8
        }
        (Type::Date, Physical::INT32) => matches!(logical, Some(LogicalType::Date)),
        (
            Type::Decimal(precision, scale),
            Physical::INT32 | Physical::INT64 | Physical::FIXED_LEN_BYTE_ARRAY,
        ) => {
            matches!(logical, Some(LogicalType::Decimal(_)))
                && (leaf.type_precision(), leaf.type_scale())
                    == (i32::from(precision), i32::from(scale))
        }
        (Type::Timestamp, Physical::INT96) => true,
        (Type::Timestamp, Physical::INT64) => matches!(logical, Some(LogicalType::Timestamp(_))),
        (Type::TimestampTz | Type::Time, _) => return Fit::Unknown("a TIME or TIMESTAMPTZ column"),
        _ => false,
    };
    if good { Fit::Good } else { Fit::Incompatible }
}

/// Returns the verdict on types that are rejected for every column.
fn suspicious(logical: Option<&LogicalType>) -> Option<Fit> {
    match logical {
        Some(LogicalType::Timestamp(stamp)) => match stamp.unit {
            TimeUnit::NANOS => Some(Fit::Unknown("TIMESTAMP(NANOS), which has come out wrong")),
            TimeUnit::MILLIS => Some(Fit::Unknown("TIMESTAMP(MILLIS)")),
            TimeUnit::MICROS if stamp.is_adjusted_to_u_t_c => {
                Some(Fit::Unknown("TIMESTAMP adjusted to UTC"))
            }
            TimeUnit::MICROS => None,
        },
        Some(LogicalType::Integer(integer)) if !integer.is_signed => {
            Some(Fit::Unknown("an unsigned integer"))
        }
        Some(LogicalType::Integer(integer)) if integer.bit_width == 8 => {
            Some(Fit::Unknown("an 8-bit integer"))
        }
        _ => None,
    }
}
