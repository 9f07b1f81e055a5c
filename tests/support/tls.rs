//! A certificate authority of one's own, and a server certificate for `localhost` signed by it.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a broken fixture fails the test")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// All in PEM.
pub struct Certificates {
    pub authority: String,
    pub server: String,
    pub server_key: String,
}

impl Certificates {
    /// For the host name `localhost` and no other, so that `127.0.0.1` fails full verification.
    pub fn for_localhost() -> Certificates {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "starlift test authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();

        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate().unwrap();
        let server = params.signed_by(&key, &authority).unwrap();
        Certificates {
            authority: authority.pem(),
            server: server.pem(),
            server_key: key.serialize_pem(),
        }
    }
}
