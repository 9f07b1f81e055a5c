//! The rules of the contract, each with its requirement, the advice for a violation, and the source.

/// Generates the enum and its texts from one list, so that they stay in sync.
macro_rules! rules {
    ($($name:ident $id:literal
        requirement $requirement:literal
        advice $advice:literal
        source $source:literal)*) => {
        /// A rule of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $requirement] $name,)*
        }

        impl Rule {
            /// All rules: first those of tables, stars and files, then those of statements.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// Returns the identifier, such as `table-columns`, which is stable across versions.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$name => $id,)* }
            }

            /// Returns the requirement of the rule, in one sentence.
            pub fn requirement(self) -> &'static str {
                match self { $(Rule::$name => $requirement,)* }
            }

            /// Returns the advice for fixing a violation.
            pub fn advice(self) -> &'static str {
                match self { $(Rule::$name => $advice,)* }
            }

            /// Returns the source of the requirement, such as a page of the Redshift Developer Guide.
            pub fn source(self) -> &'static str {
                match self { $(Rule::$name => $source,)* }
            }
        }
    };
}

rules! {
    TableColumns "table-columns"
        requirement "A table has 1 to 1,600 columns."
        advice "split the table"
        source "Redshift Developer Guide, r_CREATE_TABLE_NEW"
    IdentifierLength "identifier-length"
        requirement "Names have 1 to 127 bytes."
        advice "shorten the name; non-ASCII letters have several bytes"
        source "Redshift Developer Guide, r_names"
    IdentifierUnique "identifier-unique"
        requirement "Names of tables, and of a table's columns, are unique regardless of case."
        advice "rename one of them: names are folded to lowercase, even if quoted"
        source "Redshift Developer Guide, r_names"
    SystemColumn "system-column"
        requirement "No column has the name of a system column."
        advice "rename the column; quoting does not help"
        source "Redshift Developer Guide, c_unsupported-postgresql-features"
    VarcharLength "varchar-length"
        requirement "VARCHAR(n) has n from 1 to 65535 bytes."
        advice "choose a length within the range"
        source "Redshift Developer Guide, r_Character_types"

    BucketRegion "bucket-region"
        requirement "The bucket is in the warehouse's region."
        advice "copy the star to a bucket of that region; COPY from Parquet does not accept REGION"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    RecordTables "record-tables"
        requirement "The star contains every table of the warehouse."
        advice "run `starlift transform` again"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    RecordRows "record-rows"
        requirement "The files, the record and the table totals have the same numbers of rows and bytes."
        advice "run `starlift transform` again: something else wrote to the star"
        source "Redshift Developer Guide, PG_LAST_COPY_COUNT, which the loaded rows are compared with"

    ManifestPresent "manifest-present"
        requirement "Every table has its manifest."
        advice "run `starlift transform` again; without a manifest, COPY reads every object with the key prefix, including siblings and markers"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    ManifestForm "manifest-form"
        requirement "A manifest is plain JSON: an object with entries, each of which contains url, mandatory and meta.content_length, and nothing else."
        advice "write it as shown in the Developer Guide, uncompressed and in UTF-8"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    ManifestLocation "manifest-location"
        requirement "The files are in S3: COPY reads Parquet only from there."
        advice "copy the star to a bucket, or transform into one with --out s3://BUCKET/PREFIX"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    ManifestKey "manifest-key"
        requirement "Each url is s3://BUCKET/KEY with the key of one object: not a prefix, and without empty parts, quotes, backslashes and control characters."
        advice "write the star to a plain prefix: an empty part makes a different key, and a backslash is an escape in Redshift's literals"
        source "Redshift Developer Guide, copy-parameters-data-source-s3; sqlalchemy issue 9494"
    ManifestDuplicate "manifest-duplicate"
        requirement "No file is listed twice."
        advice "remove the second entry: the file would be loaded twice"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    ManifestMandatory "manifest-mandatory"
        requirement "Every entry is mandatory."
        advice "set mandatory to true: with false, the default, a missing file is silently skipped"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    ManifestFiles "manifest-files"
        requirement "A manifest lists exactly the files of the record."
        advice "run `starlift transform` again; do not edit manifests"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    ManifestContentLength "manifest-content-length"
        requirement "content_length is the object's exact size, and equals the size in the record."
        advice "write the object's size: COPY from Parquet requires it, and fails with HTTP 416 if it is wrong"
        source "Redshift Developer Guide, copy-parameters-data-source-s3; awslabs/aws-lambda-redshift-loader issue 223 and PR 221"

    FilePresent "file-present"
        requirement "Every file of the star exists."
        advice "restore the file, or run `starlift transform` again: COPY would fail with File not found"
        source "Redshift Developer Guide, loading-data-files-using-manifest"
    FileName "file-name"
        requirement "Keys end with .parquet."
        advice "rename the file: .gz, .snappy and .bz2 imply that the whole file is compressed"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    FileSize "file-size"
        requirement "A file has at most 1 GB."
        advice "write smaller files with --file-size; larger ones risk \"Retries exceeded\""
        source "Redshift Developer Guide, c-spectrum-troubleshooting"
    RowGroupSize "row-group-size"
        requirement "A row group has at most 128 MB."
        advice "write smaller row groups; larger ones risk \"Resource limit exceeded\""
        source "Redshift Developer Guide, c-spectrum-troubleshooting and r_UNLOAD"

    ParquetReadable "parquet-readable"
        requirement "Every file is Parquet with a readable footer."
        advice "write the file again: it is truncated, has another format, or was encrypted before it was stored"
        source "Redshift Developer Guide, c-spectrum-troubleshooting (invalid version number)"
    ParquetEncryption "parquet-encryption"
        requirement "Files are not encrypted by the client."
        advice "write them unencrypted and let S3 encrypt them (SSE-S3, SSE-KMS)"
        source "Redshift Developer Guide, c-spectrum-data-files"
    ParquetCodec "parquet-codec"
        requirement "Pages are uncompressed, or compressed with Snappy, gzip or ZSTD."
        advice "write with ZSTD or Snappy: no load with any other codec has been reported"
        source "Redshift Developer Guide, c-spectrum-data-files; PostHog/posthog PR 39190 (ZSTD)"
    ParquetPageVersion "parquet-page-version"
        requirement "Data pages have version 1."
        advice "write with writer version 1.0: the guide mentions only Parquet v1"
        source "Redshift Developer Guide, c-spectrum-data-files"
    ParquetEncoding "parquet-encoding"
        requirement "Encodings are those of Parquet v1: PLAIN, dictionaries, and RLE or BIT_PACKED levels."
        advice "write with writer version 1.0 and its default encodings"
        source "Redshift Developer Guide, c-spectrum-data-files"
    ParquetBloomFilter "parquet-bloom-filter"
        requirement "Files have no Bloom filters."
        advice "disable them: no load of a file with one has been reported"
        source "Redshift Developer Guide, c-spectrum-data-files, which does not mention them"

    ColumnCount "column-count"
        requirement "A file has as many columns as its table."
        advice "write exactly the columns of the table: COPY fails with \"Unmatched number of columns\""
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    ColumnOrder "column-order"
        requirement "A file's columns are the table's, in its order."
        advice "put them in the table's order: COPY maps columns by position and ignores names, so values would silently be loaded into the wrong column"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar"
    ColumnNested "column-nested"
        requirement "Columns are flat: no struct, list or map."
        advice "flatten the column; only SUPER accepts nested values"
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar (SERIALIZETOJSON)"
    ColumnType "column-type"
        requirement "A column's Parquet type can be loaded into the type of its table column."
        advice "write the column with the type of the table: COPY fails with \"incompatible Parquet schema\""
        source "Redshift Developer Guide, c-spectrum-troubleshooting; aws/aws-sdk-pandas awswrangler/_data_types.py"
    ColumnUnsigned "column-unsigned"
        requirement "Integers are signed."
        advice "cast to the next wider signed integer before writing"
        source "aws/aws-sdk-pandas awswrangler/_data_types.py, which rejects uint64 and widens the others"
    ColumnTimestamp "column-timestamp"
        requirement "Timestamps are INT64 microseconds without a time zone."
        advice "write microseconds, not adjusted to UTC: nanoseconds load as wrong dates without an error"
        source "apache/arrow issue 38000 (nanoseconds become the year 161065)"
    ColumnNull "column-null"
        requirement "A NOT NULL column contains no nulls."
        advice "correct the rows, or make the column nullable: one null fails the whole COPY"
        source "Redshift Developer Guide, copy-parameters-column-mapping; aws/aws-sdk-pandas issue 1110"
    ColumnReadable "column-readable"
        requirement "Every column whose values must be checked can be read."
        advice "write the file again; its values could not be checked"
        source "Redshift Developer Guide, c-spectrum-troubleshooting"
    TextLength "text-length"
        requirement "Texts fit into their VARCHAR, counted in bytes."
        advice "widen the column (at most VARCHAR(65535)) or shorten the text before: COPY from Parquet has no TRUNCATECOLUMNS"
        source "Redshift Developer Guide, r_Character_types and copy-usage_notes-copy-from-columnar"
    TextNul "text-nul"
        requirement "No text contains U+0000."
        advice "remove the character before writing: databases of the PostgreSQL family cannot store it"
        source "PostgreSQL documentation, 8.3 Character Types"

    CopySize "copy-size"
        requirement "A statement has at most 16 MB."
        advice "shorten it; list files in the manifest"
        source "Redshift Developer Guide, c_SQL_commands"
    CopyForm "copy-form"
        requirement "The text is exactly one statement of the form COPY table (columns) FROM 'source' parameters."
        advice "send one statement at a time"
        source "Redshift Developer Guide, r_COPY"
    CopyColumns "copy-columns"
        requirement "COPY lists its columns, each once, in the order of the files."
        advice "write the column list: columns are mapped by position"
        source "Redshift Developer Guide, copy-parameters-column-mapping"
    CopySource "copy-source"
        requirement "COPY reads a single S3 object by its full key."
        advice "write FROM 's3://BUCKET/PREFIX/TABLE.manifest'"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    CopyFormat "copy-format"
        requirement "The format is Parquet."
        advice "write FORMAT AS PARQUET"
        source "Redshift Developer Guide, copy-parameters-data-format"
    CopyManifest "copy-manifest"
        requirement "COPY uses a manifest."
        advice "add MANIFEST: without it, the source is a key prefix, which may match other objects or none"
        source "Redshift Developer Guide, copy-parameters-data-source-s3"
    CopyParameter "copy-parameter"
        requirement "COPY has only parameters that are supported with Parquet, each once."
        advice "remove it: any other parameter is rejected with \"argument is not supported for PARQUET based COPY\""
        source "Redshift Developer Guide, copy-usage_notes-copy-from-columnar; apache/iggy PR 3654 (REGION)"
    CopyRole "copy-role"
        requirement "COPY is authorized by IAM_ROLE: default, or the ARN of a role."
        advice "attach a role to the warehouse and specify it"
        source "Redshift Developer Guide, copy-parameters-authorization"
    CopyKeys "copy-keys"
        requirement "The statement contains no credentials."
        advice "use IAM_ROLE: the texts of statements are stored in system tables and logs"
        source "Redshift Developer Guide, copy-parameters-authorization"
    CopyLiteral "copy-literal"
        requirement "Literals are plain: quoted with ', without backslashes."
        advice "choose names without backslashes: in Redshift a backslash begins an escape"
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
