//! A certificate authority for tests, and a server certificate for `localhost` that it signs.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Certificates and key in PEM.
pub struct Certificates {
    pub authority: String,
    pub server: String,
    pub server_key: String,
}

impl Certificates {
    /// Creates certificates for the host name `localhost` only, so that `127.0.0.1` fails full
    /// verification.
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

    /// Creates a self-signed certificate for another host, as an authority or not. `names` are its
    /// subject alternative names.
    pub fn self_signed(common_name: &str, names: &[&str], is_authority: bool) -> Certificates {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = match is_authority {
            true => IsCa::Ca(BasicConstraints::Unconstrained),
            false => IsCa::ExplicitNoCa,
        };
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        let server = params.self_signed(&key).unwrap().pem();
        Certificates { authority: server.clone(), server, server_key: key.serialize_pem() }
    }
}
