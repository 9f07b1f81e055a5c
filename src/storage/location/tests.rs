use super::*;

fn parse(typed: &str) -> Location {
    Location::parse(typed).unwrap()
}

#[test]
fn buckets_keys_and_globs() {
    let location = parse("s3://sparkify/log_data/2018/*/2018-11-1?-events.json");
    assert_eq!(location.store, StoreKey::S3("sparkify".into()));
    assert_eq!(location.path.as_ref(), "log_data/2018");
    let glob = location.glob.unwrap();
    assert!(glob.is_match("11/2018-11-12-events.json"));
    assert!(!glob.is_match("11/2018-11-02-events.json"));
    assert!(parse("s3://sparkify").folder);
    assert_eq!(parse("s3://b/a b#c=%20").to_string(), "s3://b/a b#c=%20");
}

#[test]
fn a_glob_that_matches_a_folder_matches_what_is_within() {
    let glob = parse("s3://b/song_data/[AB]").glob.unwrap();
    assert!(glob.is_match("A/B/C/TRABC.json"));
    assert!(!glob.is_match("C/B/C/TRCBC.json"));
}

#[test]
fn local_paths_become_absolute() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(parse("some/../where.json").local_path().unwrap(), here.join("where.json"));
    for path in ["/a b/c%d/é", "/100%", "/a%41b", "/%2F/x", "/#/x#y", "/b+c=d"] {
        assert_eq!(parse(path).to_string(), path);
    }
    assert_eq!(parse("file:///a%20b").to_string(), "/a b");
}

#[test]
fn an_invalid_location_is_named() {
    for typed in ["ftp://x/y", "s3:///key", "s3://b//", "s3://b/[z"] {
        let error = Location::parse(typed).unwrap_err().to_string();
        assert!(error.contains(typed), "{error}");
    }
    for typed in ["s3://b//k", "s3://b/a//k", "s3://b/a//", "s3://b/./k", "s3://b/a/../k"] {
        let error = Location::parse_single(typed).unwrap_err().to_string();
        assert!(error.contains(typed), "{error}");
        assert_eq!(parse(typed).to_string(), typed.strip_suffix('/').unwrap_or(typed));
    }
}

#[test]
fn an_empty_location_is_refused() {
    for typed in ["", " ", "\t \n"] {
        let error = Location::parse(typed).unwrap_err().to_string();
        assert!(error.contains("is an empty location"), "{error}");
    }
}

#[test]
fn secrets_of_urls_are_requested_and_not_shown() {
    let typed = "https://me:pw@host:8080/a%20b/x.json?X-Sig=abc&id=1#part";
    let location = parse(typed);
    let requested = location.web_url().unwrap().as_str();
    assert_eq!(requested, "https://me:pw@host:8080/a%20b/x.json?X-Sig=abc&id=1");
    let shown = "https://host:8080/a%20b/x.json";
    assert_eq!(location.typed, shown);
    assert_eq!(location.to_string(), shown);
    assert_eq!(without_secrets(typed), shown);
    let debug = format!("{location:?}");
    assert!(!debug.contains("pw") && !debug.contains("abc"), "{debug}");
    assert!(matches!(Location::parse_single(typed), Err(LocationError::UnexpectedQuery(_))));
    assert!(Location::parse_object(typed).is_ok());
}

#[test]
fn errors_hold_no_secrets() {
    for typed in [
        "http://me:secret@host:port/x",
        "http://me:se/cret@host/x",
        "http://host:port/x?sig=secret",
        "http://host:port/x?mail=a@secret",
        "ftp://me:secret@host/x?secret",
        "s3://AKIA:secret@bucket/key",
        "s3a://AKIA:secret@bucket",
        "gs://me:secret@bucket/key",
        "az://me:secret@container/key",
        "abfs://container:secret@account.dfs.core.windows.net/key",
    ] {
        let error = Location::parse(typed).unwrap_err();
        for text in [error.to_string(), format!("{error:?}"), without_secrets(typed)] {
            assert!(!text.contains("cret"), "{text}");
        }
    }
}

#[test]
fn a_file_url_has_no_query_no_fragment_and_loses_no_blank() {
    for name in ["/x#y", "/x?y", "/x y ", "/x\ty"] {
        let url = format!("file://{name}");
        assert_eq!(Location::parse(&url).unwrap_or_else(|e| panic!("{e}")).typed, url);
    }
    assert_eq!(parse("file:///x#y").to_string(), "/x#y");
    assert_eq!(parse("file:///x\ty ").to_string(), "/x\ty ");
}

#[test]
fn an_existing_name_is_not_a_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    for path in ["run[1]/a", "a{b}", "run1"] {
        std::fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    for (typed, prefix, pattern) in [
        ("run[1]", "run[1]", None),
        ("run[1]/", "run[1]", None),
        ("run[1]/*.json", "run[1]", Some("x.json")),
        ("run[1]/a/x?", "run[1]/a", Some("x1")),
        ("run[1]/n*/x?", "run[1]", Some("n1/x1")),
        ("a{b}/*", "a{b}", Some("x")),
        ("run[2]", "", Some("run2")),
        ("*/x", "", Some("a/x")),
    ] {
        let location = parse(&format!("{root}/{typed}"));
        let wanted = folder.path().join(prefix);
        assert_eq!(location.local_path().unwrap(), wanted, "{typed}");
        match pattern {
            Some(path) => assert!(location.glob.unwrap().is_match(path), "{typed}"),
            None => assert!(location.glob.is_none(), "{typed}"),
        }
    }
}

#[test]
fn one_location_may_be_below_another() {
    for (inner, outer, wanted) in [
        ("s3://b/a/b", "s3://b/a", Some("b")),
        ("s3://b/a", "s3://b/a/", Some("")),
        ("s3://b/ab", "s3://b/a", None),
        ("s3://b/a", "s3://b", Some("a")),
        ("s3://b/a", "s3://c", None),
        ("/x/y/z", "/x", Some("y/z")),
        ("/x", "/x/y", None),
        ("/x/../x/y", "/x", Some("y")),
    ] {
        let (inner, outer) = (parse(inner), parse(outer));
        assert_eq!(inner.below(&outer).as_deref(), wanted, "{inner} {outer}");
    }
}
