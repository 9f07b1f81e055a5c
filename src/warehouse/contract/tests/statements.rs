//! Valid and invalid COPY statements.

use super::*;

const GOOD: &str = r#"COPY "music"."plays" ("id","level","start_time") FROM
's3://bucket/star/plays.manifest' IAM_ROLE 'arn:aws:iam::123456789012:role/loads/starlift'
FORMAT AS PARQUET MANIFEST"#;

/// A rule, a part of the valid statement and its replacement, and the place and problem of the
/// finding.
pub const BREACHES: &[(Rule, &str, &str, &str, &str)] = &[
    (Rule::CopyForm, "COPY ", "UNLOAD ", "line 1, column 1", "does not begin with COPY"),
    (Rule::CopyForm, "MANIFEST", "MANIFEST; DROP TABLE plays", "line 3, column 27", "another"),
    (Rule::CopyForm, "MANIFEST", "MANIFEST 'yes'", "line 3, column 28", "expected a parameter"),
    (Rule::CopyForm, " FROM", "", "line 2, column 1", "expected FROM"),
    (Rule::CopyForm, "\"level\",", "level + 1,", "line 1", "column list"),
    (Rule::CopyForm, "MANIFEST", "'", "line 3", "Unterminated"),
    (Rule::CopyColumns, r#"("id","level","start_time") "#, "", "line 1", "no column list"),
    (Rule::CopyColumns, r#""level","#, r#""level","LEVEL","#, "line 1", "level is listed twice"),
    (Rule::CopyColumns, r#""id","level""#, r#""level","id""#, "line 1", "it lists (level, id,"),
    (Rule::CopySource, "'s3://bucket/star/plays.manifest'", "STDIN", "line 2", "a literal"),
    (Rule::CopySource, "s3://bucket", "dynamodb://bucket", "line 2, column 1", "not in S3"),
    (Rule::CopySource, "star/plays.manifest", "star/", "line 2, column 1", "not name an object"),
    (Rule::CopyFormat, "PARQUET", "JSON 'auto'", "line 3, column 11", "the format is JSON"),
    (Rule::CopyFormat, "FORMAT AS PARQUET", "", "line 3", "no FORMAT"),
    (Rule::CopyFormat, "FORMAT AS PARQUET", "CSV", "line 3", "the format is CSV"),
    (Rule::CopyManifest, " MANIFEST", "", "line 3", "no MANIFEST"),
    (Rule::CopyParameter, "MANIFEST", "MANIFEST MANIFEST", "line 3", "specified twice"),
    (
        Rule::CopyParameter,
        "MANIFEST",
        "MANIFEST GZIP",
        "line 3, column 28",
        "GZIP is not supported",
    ),
    (Rule::CopyRole, "IAM_ROLE 'arn:aws:iam::123456789012:role/loads/starlift'", "", "", "no IAM"),
    (Rule::CopyRole, "123456789012", "12", "line 2, column 44", "not the ARN of a role"),
    (Rule::CopyKeys, "MANIFEST", "MANIFEST ACCESS_KEY_ID 'AKIA'", "line 3, column 28", "ACCESS"),
    (Rule::CopyKeys, "MANIFEST", "MANIFEST CREDENTIALS AS 'x=AKIA'", "line 3", "CREDENTIALS"),
    (Rule::CopyLiteral, "plays.manifest", r"pl\ays.manifest", "line 2, column 1", "a backslash"),
    (Rule::CopyLiteral, "'s3", "E's3", "line 2, column 1", "not a plain literal"),
    (Rule::CopySize, "MANIFEST", "", "COPY", "limit is 16777216"),
];

#[test]
fn broken_statements_are_found() {
    for (rule, from, to, place, problem) in BREACHES {
        assert!(GOOD.contains(from), "{from}");
        let to = if *rule == Rule::CopySize { &" ".repeat(16 << 20) } else { *to };
        let sql = GOOD.replacen(from, to, 1);
        let findings = check_copy(&sql, Some(&plays()));
        let mut found = findings.iter().filter(|finding| finding.rule == *rule);
        let is_found = |f: &Finding| f.place.contains(place) && f.problem.contains(problem);
        assert!(found.any(is_found), "{rule}, {to:.80}: {findings:?}");
        assert!(findings.iter().all(|f| !f.to_string().contains("AKIA")), "{findings:?}");
    }
}

#[test]
fn statements_that_redshift_accepts_are_accepted() {
    assert_eq!(check_copy(GOOD, Some(&plays())), []);
    let more = " FILLRECORD ACCEPTINVCHARS AS '?' STATUPDATE OFF EXPLICIT_IDS -- all\n;";
    assert_eq!(check_copy(&format!("{GOOD}{more}"), None), []);
    let role = "'arn:aws:iam::123456789012:role/loads/starlift'";
    for other in ["default", &format!("'{0},{0}'", role.trim_matches('\''))] {
        assert_eq!(check_copy(&GOOD.replacen(role, other, 1), None), []);
    }
    assert_eq!(check_copy(&GOOD.to_lowercase(), Some(&plays())), []);
}

#[test]
fn options_that_redshift_rejects_with_parquet_are_found() {
    for parameter in [
        "REGION 'us-west-2'",
        "REGION AS 'us-west-2'",
        "COMPUPDATE OFF",
        "COMPUPDATE PRESET",
        "COMPROWS 1000",
        "MAXERROR AS 10",
        "TRUNCATECOLUMNS",
        "TIMEFORMAT 'auto'",
        "DATEFORMAT AS 'auto'",
        "ACCEPTANYDATE",
        "NOLOAD",
        "ZSTD",
        "NULL AS ''",
        "ENCRYPTED",
        "IGNOREALLERRORS",
        "SSH",
    ] {
        let findings = check_copy(&format!("{GOOD} {parameter} STATUPDATE ON"), None);
        let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, [Rule::CopyParameter], "{parameter}: {findings:?}");
        let name = parameter.split(' ').next().unwrap();
        assert!(findings[0].problem.starts_with(name), "{findings:?}");
    }
}
