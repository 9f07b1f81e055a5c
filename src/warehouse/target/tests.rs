use super::*;

#[test]
fn urls_are_taken_apart() {
    let target =
        Target::parse("redshift://IAM%3Aann@c.abc.eu-west-1.redshift.amazonaws.com/dev").unwrap();
    assert_eq!((target.user.as_str(), target.port), ("IAM:ann", 5439));
    assert_eq!((target.region(), target.cluster()), (Some("eu-west-1"), Some("c")));
    assert_eq!(target.tls, TlsMode::VerifyFull);
    let serverless = "redshift://u@w.1.us-east-1.redshift-serverless.amazonaws.com/dev";
    let target = Target::parse(serverless).unwrap();
    assert_eq!((target.region(), target.cluster()), (Some("us-east-1"), None));
    let target =
        Target::parse("postgres://u@db.example.com:1/x?sslrootcert=/ca.pem&connect_timeout=3")
            .unwrap();
    assert_eq!(target.root_certificates, Some(PathBuf::from("/ca.pem")));
    assert_eq!(target.connect_timeout, Duration::from_secs(3));
    assert_eq!(target.to_string(), "postgres://u@db.example.com:1/x");
    assert_eq!(Target::parse("postgres://u@localhost/x").unwrap().tls, TlsMode::Disable);
    let socket = Target::parse("postgres://u@localhost/x?host=/run/postgresql").unwrap();
    assert_eq!(socket.host, "/run/postgresql");
}

#[test]
fn what_cannot_be_is_refused_without_repeating_a_password() {
    for (text, says) in [
        ("redshift://u:sesame@h/d", "STARLIFT_PASSWORD"),
        ("mysql://u:sesame@h/d", "redshift://"),
        ("redshift://u:sesame@/d", ""),
        ("u:sesame@h", "postgres://"),
        ("mysql://u@h/d?password=sesame", "redshift://"),
        ("host=h password=sesame", "redshift://"),
        ("redshift://h/d", "USER@"),
        ("redshift://u@h/", "DATABASE"),
        ("redshift://u@h/d?sslmode=disable", "always encrypted"),
        ("postgres://u@h/d?sslmode=require", "verify-full"),
        ("postgres://u@h/d?password=sesame", "unknown"),
        ("postgres://u@h/d?connect_timeout=0", "1 or more"),
        ("redshift://u@h/d?host=/tmp", "unknown"),
    ] {
        let error = Target::parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(!error.contains("sesame"), "{text}: {error}");
    }
}

#[test]
fn what_is_clear_is_shown() {
    for (text, shown) in [
        ("dwh", "dwh"),
        ("mysql://u@h:3306/d", "mysql://u@h:3306/d"),
        ("redshift://h/d", "redshift://h/d"),
        ("redshift://u@h/d?sslmode=no", "redshift://u@h/d"),
        ("redshift://u:pw@h/d", "redshift://…"),
        ("redshift://u:1234", "redshift://…"),
        ("host=h password=pw", "…"),
    ] {
        assert_eq!(without_password(text), shown, "{text}");
    }
}

#[test]
fn no_part_of_a_password_is_repeated_whatever_it_holds() {
    let marks =
        ["", "@", "?", "/", "#", ":", "=", "&", "%", "[", "]", "\\", " ", "1", "12", "//", "://"];
    let forms = [
        "redshift://u:PW@h/d",
        "redshift://u:PW@h:5439/d?sslmode=verify-full",
        "redshift://u:PW@/d",
        "redshift://u:PW",
        "redshift:u:PW@h/d",
        "redshift:/u:PW@h/d",
        "postgres://u:PW@[::1]/d",
        "postgres://u:PW@[::1/d",
        "mysql://u:PW@h/d",
        "jdbc:redshift://u:PW@h/d",
        "u:PW@h",
        "//u:PW@h/d",
        "postgres://h/d?user=u&password=PW",
        "postgres://u@h/d?password=PW",
        "host=h user=u password=PW",
    ];
    for first in marks {
        for second in marks {
            for third in marks {
                let password = format!("{first}sesame{second}sesame{third}");
                for form in forms {
                    let text = form.replace("PW", &password);
                    let said = match Target::parse(&text) {
                        Ok(target) => target.to_string(),
                        Err(error) => error.to_string(),
                    };
                    assert!(!said.contains("sesame"), "{text}\n{said}");
                    let shown = without_password(&text);
                    assert!(!shown.contains("sesame"), "{text}\n{shown}");
                }
            }
        }
    }
}
