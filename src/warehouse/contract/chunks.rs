//! Checks column chunks: codecs, encodings, page versions, Bloom filters, sizes, nulls.

use futures::stream::{self, StreamExt, TryStreamExt};
use parquet::basic::{CompressionCodec, Encoding, PageType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::finding::Finding;
use super::footer::Object;
use super::rule::Rule;
use crate::warehouse::error::Result;
use crate::warehouse::sql::limits::MAX_ROW_GROUP;

/// Number of page headers to request concurrently.
const HEADERS_IN_FLIGHT: usize = 8;

/// Field header of the page type, with which a page header starts: field 1, an enum, in Thrift's
/// compact protocol.
const TYPE_FIELD: u8 = 0x15;
const DATA_PAGE: u8 = 0;
const DATA_PAGE_V2: u8 = 3 << 1;

/// Returns the problem of a column chunk, if any.
type ProblemOf = fn(&ColumnChunkMetaData) -> Option<String>;

/// Checks the row groups and column chunks in a footer against the rules.
pub(super) fn check(url: &str, footer: &ParquetMetaData) -> Vec<Finding> {
    let mut findings = row_group_sizes(url, footer);
    let rules: [(Rule, ProblemOf); 4] = [
        (Rule::ParquetCodec, codec_problem),
        (Rule::ParquetEncoding, encoding_problem),
        (Rule::ParquetPageVersion, page_problem),
        (Rule::ParquetBloomFilter, |chunk| {
            chunk.bloom_filter_offset().map(|_| "it has a Bloom filter".to_owned())
        }),
    ];
    for column in 0..footer.file_metadata().schema_descr().num_columns() {
        for (rule, problem) in rules {
            findings.extend(first_problem(url, footer, column, rule, problem));
        }
    }
    findings
}

/// Returns at most one finding per column and rule, even if several row groups have the same
/// defect.
fn first_problem(
    url: &str,
    footer: &ParquetMetaData,
    column: usize,
    rule: Rule,
    problem: ProblemOf,
) -> Option<Finding> {
    let chunks = footer.row_groups().iter().enumerate().map(|(at, g)| (at, g.column(column)));
    let mut problems = chunks.filter_map(|(at, chunk)| Some((at, problem(chunk)?)));
    let (group, mut text) = problems.next()?;
    match problems.count() {
        0 => {}
        more => text += &format!(", also in {more} more row groups"),
    }
    Some(Finding::new(rule, place(url, footer, column, group), text))
}

fn place(url: &str, footer: &ParquetMetaData, column: usize, group: usize) -> String {
    let name = footer.file_metadata().schema_descr().column(column).path().string();
    format!("{url}, column {name}, row group {group}")
}

fn row_group_sizes(url: &str, footer: &ParquetMetaData) -> Vec<Finding> {
    let groups = footer.row_groups().iter().enumerate();
    let large = groups.filter(|(_, group)| group.compressed_size() > MAX_ROW_GROUP);
    large
        .map(|(at, group)| {
            let problem =
                format!("it has {} bytes; the limit is {MAX_ROW_GROUP}", group.compressed_size());
            Finding::new(Rule::RowGroupSize, format!("{url}, row group {at}"), problem)
        })
        .collect()
}

fn codec_problem(chunk: &ColumnChunkMetaData) -> Option<String> {
    match chunk.compression_codec() {
        CompressionCodec::UNCOMPRESSED
        | CompressionCodec::SNAPPY
        | CompressionCodec::GZIP
        | CompressionCodec::ZSTD => None,
        other => Some(format!("it is compressed with {other:?}")),
    }
}

#[expect(deprecated, reason = "BIT_PACKED is what old files have")]
fn encoding_problem(chunk: &ColumnChunkMetaData) -> Option<String> {
    let is_known = |encoding: &Encoding| {
        matches!(
            encoding,
            Encoding::PLAIN
                | Encoding::PLAIN_DICTIONARY
                | Encoding::RLE
                | Encoding::RLE_DICTIONARY
                | Encoding::BIT_PACKED
        )
    };
    let unknown = chunk.encodings().find(|encoding| !is_known(encoding))?;
    Some(format!("it is encoded as {unknown}"))
}

fn page_problem(chunk: &ColumnChunkMetaData) -> Option<String> {
    let pages = chunk.page_encoding_stats()?;
    let is_v2 = pages.iter().any(|page| page.page_type == PageType::DATA_PAGE_V2);
    is_v2.then(|| "it has data pages of version 2".to_owned())
}

/// Reads page headers for columns whose pages the footer does not count. Reads only the first data
/// page of each column in the first non-empty row group, because a writer uses the same page
/// version throughout a file.
pub(super) async fn check_pages(
    url: &str,
    file: &Object,
    footer: &ParquetMetaData,
) -> Result<Vec<Finding>> {
    let Some(group) = footer.row_groups().iter().position(|group| group.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    let columns = footer.row_group(group).columns().iter().enumerate();
    let uncounted = columns.filter(|(_, chunk)| chunk.page_encoding_stats().is_none());
    // Collected because the future of a closure that borrows its argument is not `Send`.
    let headers: Vec<_> = uncounted
        .map(|(column, chunk)| async move {
            let problem = header_problem(file, chunk).await?;
            Ok::<_, crate::warehouse::error::Error>(problem.map(|problem| {
                let place = place(url, footer, column, group);
                Finding::new(Rule::ParquetPageVersion, place, problem)
            }))
        })
        .collect();
    let problems: Vec<_> = stream::iter(headers).buffered(HEADERS_IN_FLIGHT).try_collect().await?;
    Ok(problems.into_iter().flatten().collect())
}

async fn header_problem(file: &Object, chunk: &ColumnChunkMetaData) -> Result<Option<String>> {
    let begin = u64::try_from(chunk.data_page_offset()).unwrap_or(u64::MAX);
    let Some(end) = begin.checked_add(2).filter(|end| *end <= file.size) else {
        return Ok(Some("its first data page is outside the file".to_owned()));
    };
    let header = file.range(begin..end).await?;
    Ok(match header.as_ref() {
        [TYPE_FIELD, DATA_PAGE] => None,
        [TYPE_FIELD, DATA_PAGE_V2] => Some("it has data pages of version 2".to_owned()),
        _ => Some("the header of its first data page is damaged or encrypted".to_owned()),
    })
}

/// Number of nulls in a column according to its statistics.
pub(super) enum Nulls {
    /// The total, and the index of the first row group that contains nulls.
    Counted(u64, usize),
    /// At least one row group has no null count.
    Unknown,
}

/// Counts the nulls of a column from its statistics.
pub(super) fn nulls(footer: &ParquetMetaData, column: usize) -> Nulls {
    let mut total = 0;
    let mut first = 0;
    for (at, group) in footer.row_groups().iter().enumerate() {
        let chunk = group.column(column);
        let Some(count) = chunk.statistics().and_then(|s| s.null_count_opt()) else {
            return Nulls::Unknown;
        };
        if total == 0 && count > 0 {
            first = at;
        }
        total += count;
    }
    Nulls::Counted(total, first)
}

/// Returns `true` if the minimum or maximum of a text column contains U+0000 in the statistics of
/// any row group. Row groups without statistics are skipped.
pub(super) fn has_nul_in_bounds(footer: &ParquetMetaData, column: usize) -> bool {
    let statistics = footer.row_groups().iter().filter_map(|g| g.column(column).statistics());
    let mut bounds = statistics.flat_map(|s| [s.min_bytes_opt(), s.max_bytes_opt()]).flatten();
    bounds.any(|bound| bound.contains(&0))
}
