//! The rules of the contract, each with its demand, the advice for a violation, and the source.

/// Generates the enum and its texts from one list, so that they stay in sync.
macro_rules! rules {
    ($($name:ident $id:literal
        demand $demand:literal
        advice $advice:literal
        source $source:literal)*) => {
        /// A rule of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $demand] $name,)*
        }

        impl Rule {
            /// All rules: first those of tables, stars and files, then those of statements.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// Returns the identifier, such as `table-columns`, which is stable across versions.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$name => $id,)* }
            }

            /// Returns the demand of the rule, in one sentence.
            pub fn demand(self) -> &'static str {
                match self { $(Rule::$name => $demand,)* }
            }

            /// Returns the advice for fixing a violation.
            pub fn advice(self) -> &'static str {
                match self { $(Rule::$name => $advice,)* }
            }

            /// Returns the source of the demand, such as a page of the Redshift Developer Guide.
            pub fn source(self) -> &'static str {
                match self { $(Rule::$name => $source,)* }
            }
        }
    };
}

rules! {
    TableColumns "table-columns"
        demand "A table has from 1 to 1,600 columns."
        advice "split the table"
        source "Redshift Developer Guide, r_CREATE_TABLE_NEW"
    IdentifierLength "identifier-length"
        demand "Names have from 1 to 127 bytes."
        advice "shorten the name; letters beyond ASCII take several bytes"
        source "Redshift Developer Guide, r_names"
    IdentifierUnique "identifier-unique"
        demand "Names of tables, and of a table's columns, differ in more than case."
        advice "rename one of them: names are folded to lower case, quoted ones too"
        source "Redshift Developer Guide, r_names"
    SystemColumn "system-column"
        demand "No column has the name of a system column."
        advice "rename the column; quoting does not help"
        source "Redshift Developer Guide, c_unsupported-postgresql-features"
    VarcharLength "varchar-length"
        demand "VARCHAR(n) has n from 1 to 65535 bytes."
        advice "choose a length within the range"
        source "Redshift Developer Guide, r_Character_types"

    BucketRegion "bucket-region"
        demand "The bucket is in the warehouse's region."
        advice "copy the star to a bucket of that region; COPY from Parquet takes no REGION"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    RecordTables "record-tables"
        demand "The star has every table that the warehouse is to have."
        advice "make the star anew with `starlift transform`"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    RecordRows "record-rows"
        demand "Files, record and table totals have the same numbers of rows and bytes."
        advice "make the star anew with `starlift transform`: something else wrote to it"
        source "Redshift Developer Guide, PG_LAST_COPY_COUNT: rows loaded are held against it"

    ManifestPresent "manifest-present"
        demand "Every table has its manifest."
        advice "make the star anew with `starlift transform`; without a manifest COPY takes a key prefix, siblings and markers included"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    ManifestForm "manifest-form"
        demand "A manifest is plain JSON: an object of entries, each with url, mandatory and meta.content_length, and nothing else."
        advice "write it as the Developer Guide shows, uncompressed and in UTF-8"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    ManifestLocation "manifest-location"
        demand "The files are in S3: for Parquet COPY reads nothing else."
        advice "copy the star to a bucket, or transform into one with --out s3://BUCKET/PREFIX"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    ManifestKey "manifest-key"
        demand "Each url is s3://BUCKET/KEY with the key of one object: no prefix, empty part, quote, backslash or control character."
        advice "write the star to a plain prefix: an empty part names another key, a backslash is an escape in Redshift's literals"
        source "Redshift Developer Guide, copy-parameters-data-source-s3; sqlalchemy issue 9494"
    ManifestDuplicate "manifest-duplicate"
        demand "No file is listed twice."
        advice "remove the second entry: it would be loaded again"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    ManifestMandatory "manifest-mandatory"
        demand "Every entry is mandatory."
        advice "set mandatory to true: the default is false, and then a missing file is passed over in silence"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    ManifestFiles "manifest-files"
        demand "A manifest lists the files of the record, all of them and no others."
        advice "make the star anew with `starlift transform`; nobody else may write manifests"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    ManifestContentLength "manifest-content-length"
        demand "content_length is the object's exact size, which is also the record's."
        advice "write the object's own size: COPY from Parquet demands it, and a wrong one ends in HTTP 416"
        source "Redshift Developer Guide, copy-parameters-data-source-s3; awslabs/aws-lambda-redshift-loader issue 223 and PR 221"

    FilePresent "file-present"
        demand "Every file of the star is there."
        advice "bring the file back, or make the star anew: COPY would end with File not found"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    FileName "file-name"
        demand "Keys end in .parquet."
        advice "rename the file: .gz, .snappy and .bz2 are taken for compression of the whole file"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    FileSize "file-size"
        demand "A file has at most 1 GB."
        advice "write smaller files with --file-size; larger ones risk \"Retries exceeded\""
        source "Redshift Developer Guide, c-spectrum-troubleshooting"
    RowGroupSize "row-group-size"
        demand "A row group has at most 128 MB."
        advice "write smaller row groups; larger ones risk \"Resource limit exceeded\""
        source "Redshift Developer Guide, c-spectrum-troubleshooting and r_UNLOAD"

    ParquetReadable "parquet-readable"
        demand "Every file is Parquet, with a footer that can be read."
        advice "write the file anew: it is cut short, of another format, or was encrypted before it was stored"
        source "Redshift Developer Guide, c-spectrum-troubleshooting (invalid version number)"
    ParquetEncryption "parquet-encryption"
        demand "Files are not encrypted by the client."
        advice "write them in the clear and let S3 encrypt them (SSE-S3, SSE-KMS)"
        source "Redshift Developer Guide, c-spectrum-data-files"
    ParquetCodec "parquet-codec"
        demand "Pages are uncompressed, or compressed with Snappy, gzip or ZSTD."
        advice "write with ZSTD or Snappy: no load of any other codec has been reported"
        source "Redshift Developer Guide, c-spectrum-data-files; PostHog/posthog PR 39190 (ZSTD)"
    ParquetPageVersion "parquet-page-version"
        demand "Data pages are of version 1."
        advice "write with writer version 1.0: the guide names Parquet v1 only"
        source "Redshift Developer Guide, c-spectrum-data-files"
    ParquetEncoding "parquet-encoding"
        demand "Encodings are those of Parquet v1: PLAIN, dictionaries, and RLE or BIT_PACKED levels."
        advice "write with writer version 1.0 and no encodings of its own"
        source "Redshift Developer Guide, c-spectrum-data-files"
    ParquetBloomFilter "parquet-bloom-filter"
        demand "Files have no Bloom filters."
        advice "turn them off: no load of a file with one has been reported"
        source "Redshift Developer Guide, c-spectrum-data-files, which does not name them"

    ColumnCount "column-count"
        demand "A file has as many columns as its table."
        advice "make table and file agree: COPY stops at \"Unmatched number of columns\""
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    ColumnOrder "column-order"
        demand "A file's columns are the table's, in its order."
        advice "put them in the table's order: COPY goes by position and never looks at names, so values would land in the wrong column in silence"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    ColumnNested "column-nested"
        demand "Columns are flat: no struct, list or map."
        advice "flatten the column; only SUPER takes nested values"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar (SERIALIZETOJSON)"
    ColumnType "column-type"
        demand "A column's Parquet type is one that loads into its table column."
        advice "write the column in the type of the table: COPY stops at \"incompatible Parquet schema\""
        source "Redshift Developer Guide, c-spectrum-troubleshooting; aws/aws-sdk-pandas awswrangler/_data_types.py"
    ColumnUnsigned "column-unsigned"
        demand "Integers are signed."
        advice "cast to the next wider signed integer before writing"
        source "aws/aws-sdk-pandas awswrangler/_data_types.py, which refuses uint64 and widens the others"
    ColumnTimestamp "column-timestamp"
        demand "Timestamps are INT64 microseconds without a zone."
        advice "write microseconds, not adjusted to UTC: nanoseconds load as wrong dates without an error"
        source "apache/arrow issue 38000 (nanoseconds become the year 161065)"
    ColumnNull "column-null"
        demand "A NOT NULL column has no null."
        advice "mend the rows, or let the column be null: one null fails the whole COPY"
        source "Redshift Developer Guide, copy-parameters-column-mapping; aws/aws-sdk-pandas issue 1110"
    ColumnReadable "column-readable"
        demand "A column that had to be read could be."
        advice "write the file anew; until then nobody knows whether its values fit"
        source "Redshift Developer Guide, c-spectrum-troubleshooting"
    TextLength "text-length"
        demand "Texts fit into their VARCHAR, counted in bytes."
        advice "widen the column (at most VARCHAR(65535)) or shorten the text before: COPY from Parquet has no TRUNCATECOLUMNS"
        source "Redshift Developer Guide, r_Character_types and copy-usage_notes-copy-from-columnar"
    TextNul "text-nul"
        demand "No text holds U+0000."
        advice "remove the character before writing: it ends a text in the PostgreSQL family"
        source "PostgreSQL documentation, 8.3 Character Types"

    CopySize "copy-size"
        demand "A statement has at most 16 MB."
        advice "shorten it; files belong into the manifest"
        source "Redshift Developer Guide, c_SQL_commands"
    CopyForm "copy-form"
        demand "The text is exactly one COPY table (columns) FROM 'source' parameters."
        advice "send one statement at a time"
        source "Redshift Developer Guide, r_COPY"
    CopyColumns "copy-columns"
        demand "COPY names its columns, each once, in the order of the files."
        advice "write the column list: mapping is by position"
        source "Redshift Developer Guide, copy-parameters-column-mapping"
    CopySource "copy-source"
        demand "COPY reads one S3 object by its full key."
        advice "write FROM 's3://BUCKET/PREFIX/TABLE.manifest'"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    CopyFormat "copy-format"
        demand "The format is Parquet."
        advice "write FORMAT AS PARQUET"
        source "Redshift Developer Guide, copy-parameters-data-format"
    CopyManifest "copy-manifest"
        demand "COPY goes by a manifest."
        advice "add MANIFEST: without it the source is a key prefix and may match anything, or nothing"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    CopyParameter "copy-parameter"
        demand "COPY has only parameters that are taken with Parquet, each once."
        advice "remove it: everything else is refused with \"argument is not supported for PARQUET based COPY\""
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar; apache/iggy PR 3654 (REGION)"
    CopyRole "copy-role"
        demand "COPY is authorized by IAM_ROLE: default, or the ARN of a role."
        advice "attach a role to the warehouse and name it"
        source "Redshift Developer Guide, copy-parameters-authorization"
    CopyKeys "copy-keys"
        demand "No credentials stand in the statement."
        advice "use IAM_ROLE: the text of a statement is kept in system tables and logs"
        source "Redshift Developer Guide, copy-parameters-authorization"
    CopyLiteral "copy-literal"
        demand "Literals are plain: quoted with ', without backslashes."
        advice "choose names without backslashes: to Redshift one begins an escape"
        source "sqlalchemy issue 9494: there is no standard_conforming_strings"
}

impl Rule {
    /// Returns `true` if the rule applies to the text of a COPY statement.
    pub fn is_of_statement(self) -> bool {
        self >= Rule::CopySize
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.id())
    }
}
