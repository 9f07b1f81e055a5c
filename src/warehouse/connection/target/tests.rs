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
fn an_invalid_target_is_rejected_without_repeating_a_password() {
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
        ("postgres://u@h/d?sslmode=prefer", "verify-full"),
        ("postgres://u@h/d?password=sesame", "STARLIFT_PASSWORD"),
        ("postgres://u@h/d?sslcert=x", "client certificates"),
        ("postgres://u@h/d?service=x", "write out the URL"),
        ("postgres://u@h/d?hostaddr=10.0.0.1", "tls_name"),
        ("postgres://u@h/d?gssencmode=require", "GSSAPI"),
        ("postgres://u@h/d?client_encoding=latin1", "UTF-8"),
        ("postgres://u@h/d?target_session_attrs=standby", "writes"),
        ("postgres://u@h/d?tls_name=-", "host name"),
        ("postgres://u@h/d?schema=public", "unknown"),
        ("postgres://u@h/d?sslmode=disable&sslrootcert=x", "contradicts"),
        ("postgres://u@h/d?host=/tmp&channel_binding=require", "no TLS"),
        ("postgres://u@/d", "HOST"),
        ("postgres://u@h/d?connect_timeout=0", "1 or more"),
        ("redshift://u@h/d?host=/tmp", "unknown"),
    ] {
        let error = Target::parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(!error.contains("sesame"), "{text}: {error}");
    }
}

#[test]
fn the_protection_is_that_of_libpq_or_better() {
    for (text, tls) in [
        ("postgres://u@h/d", TlsMode::VerifyFull),
        ("postgres://u@h/d?sslmode=require", TlsMode::Require),
        ("postgres://u@h/d?sslrootcert=x&sslmode=require", TlsMode::VerifyCa),
        ("postgres://u@h/d?sslmode=require&sslrootcert=x", TlsMode::VerifyCa),
        ("postgres://u@h/d?sslmode=require&sslrootcert=system", TlsMode::Require),
        ("postgres://u@h/d?sslmode=verify-ca", TlsMode::VerifyCa),
        ("postgres://u@h/d?sslmode=disable", TlsMode::Disable),
        ("postgres://u@localhost/d", TlsMode::Disable),
        ("postgres://u@127.0.0.2/d", TlsMode::Disable),
        ("postgres://u@[::1]/d", TlsMode::Disable),
        ("postgres://u@localhost/d?sslrootcert=x", TlsMode::VerifyFull),
        ("postgres://u@localhost/d?tls_name=db.example.com", TlsMode::VerifyFull),
        ("postgres://u@localhost/d?channel_binding=require", TlsMode::VerifyFull),
        ("postgres://u@h/d?host=/tmp&sslmode=verify-full", TlsMode::Disable),
        ("redshift://u@h/d?sslmode=require", TlsMode::VerifyFull),
        ("redshift://u@h/d?sslmode=verify-ca", TlsMode::VerifyFull),
        ("redshift://u@localhost/d?sslrootcert=x&sslmode=require", TlsMode::VerifyFull),
    ] {
        assert_eq!(Target::parse(text).unwrap().tls, tls, "{text}");
    }
}

#[test]
fn pasted_urls_are_understood() {
    let neon =
        "postgresql://u@ep-x.eu-central-1.aws.neon.tech/db?sslmode=require&channel_binding=require";
    let target = Target::parse(neon).unwrap();
    assert_eq!(target.channel_binding, ChannelBinding::Require);
    let common = "postgres://u@h/d?client_encoding=UTF8&gssencmode=prefer&application_name=etl\
                  &target_session_attrs=read-write&sslcompression=0&sslsni=1&options=-c%20x.y%3D1";
    let target = Target::parse(common).unwrap();
    assert_eq!(target.application_name.as_deref(), Some("etl"));
    assert_eq!(target.options.as_deref(), Some("-c x.y=1"));
    assert!(target.sends_sni && target.tls_name.is_none());
    assert!(!Target::parse("postgres://u@h/d?sslsni=0").unwrap().sends_sni);
    let tunnel = Target::parse("redshift://u@localhost:5439/d?tls_name=c.example.com").unwrap();
    assert_eq!(tunnel.tls_name.as_deref(), Some("c.example.com"));
    for text in [
        "postgresql:///d?host=/run/postgresql&user=u&port=5433",
        "postgresql://u@/d?host=/run/postgresql&port=5433",
        "postgresql://u@%2Frun%2Fpostgresql:5433/d",
        "postgresql://?host=/run/postgresql&user=u&port=5433&dbname=d",
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let Target { host, port, user, database, .. } = &target;
        let found = (host.as_str(), *port, user.as_str(), database.as_str());
        assert_eq!(found, ("/run/postgresql", 5433, "u", "d"), "{text}");
    }
}

#[test]
fn public_parts_are_shown() {
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
                    let shown_target = match Target::parse(&text) {
                        Ok(target) => target.to_string(),
                        Err(error) => error.to_string(),
                    };
                    assert!(!shown_target.contains("sesame"), "{text}\n{shown_target}");
                    let shown = without_password(&text);
                    assert!(!shown.contains("sesame"), "{text}\n{shown}");
                }
            }
        }
    }
}
