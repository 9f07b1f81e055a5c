//! Verifies a server's certificate to the extent that a target requires.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use crate::warehouse::connection::target::{Target, TlsMode};
use crate::warehouse::error::Cause;

/// The attribute `CN` of a name. Source: X.520.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Connects with the TLS mode of a target, and expects the name that the target specifies.
#[derive(Clone)]
pub struct Connector {
    inner: MakeRustlsConnect,
    /// Expected name in the server's certificate; `None` for the host name.
    name: Option<String>,
}

impl<S> MakeTlsConnect<S> for Connector
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    type Stream = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<S>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, Self::Error> {
        self.inner.make_tls_connect(self.name.as_deref().unwrap_or(host))
    }
}

/// Returns the connector of a target.
///
/// # Errors
///
/// Returns an error if there are no trusted certificates, or if their file cannot be used.
pub fn connector(target: &Target) -> Result<Connector, Cause> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trusted = match (target.tls, &target.root_certificates) {
        (TlsMode::Require | TlsMode::Disable, _) => Trusted::default(),
        (_, Some(file)) => Trusted::of_file(file)?,
        (_, None) => Trusted::of_system()?,
    };
    let verifier = Verifier {
        trusted,
        mode: target.tls,
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Cause::Tls(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.enable_sni = target.sends_sni;
    Ok(Connector { inner: MakeRustlsConnect::new(config), name: target.tls_name.clone() })
}

/// Trusted certificates.
#[derive(Debug)]
struct Trusted {
    /// Certificate authorities.
    roots: RootCertStore,
    /// Certificates accepted as the server's own: a self-signed certificate need not be an
    /// authority.
    pinned: Vec<CertificateDer<'static>>,
}

impl Default for Trusted {
    fn default() -> Trusted {
        Trusted { roots: RootCertStore::empty(), pinned: Vec::new() }
    }
}

impl Trusted {
    fn of_file(file: &std::path::Path) -> Result<Trusted, Cause> {
        let unusable = |e: &dyn std::fmt::Display| {
            Cause::Tls(format!("the certificates of {} cannot be used: {e}", file.display()))
        };
        let mut trusted = Trusted::default();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|e| unusable(&e))? {
            let certificate = certificate.map_err(|e| unusable(&e))?;
            let parsed = Certificate::from_der(&certificate).map_err(|e| unusable(&e))?;
            if may_sign(&parsed) {
                trusted.roots.add(certificate.clone()).map_err(|e| unusable(&e))?;
            }
            trusted.pinned.push(certificate);
        }
        if trusted.pinned.is_empty() {
            return Err(unusable(&"it contains none"));
        }
        Ok(trusted)
    }

    fn of_system() -> Result<Trusted, Cause> {
        let mut trusted = Trusted::default();
        let found = rustls_native_certs::load_native_certs();
        trusted.roots.add_parsable_certificates(found.certs);
        if trusted.roots.is_empty() {
            let why = found.errors.first().map(|e| format!(": {e}")).unwrap_or_default();
            return Err(Cause::Tls(format!("the system has no certificates to trust{why}")));
        }
        Ok(trusted)
    }
}

/// Returns `true` if a certificate can be an authority: its basic constraints say so, or it
/// predates that extension.
fn may_sign(certificate: &Certificate) -> bool {
    match certificate.tbs_certificate.get::<BasicConstraints>() {
        Ok(Some((_, constraints))) => constraints.ca,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Verifies what the target's mode requires. In every mode the server must prove that it has the
/// private key of its certificate.
#[derive(Debug)]
struct Verifier {
    trusted: Trusted,
    mode: TlsMode,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        if self.trusted.pinned.iter().any(|pinned| pinned == end_entity) {
            return verify_dates(end_entity, now);
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.trusted.roots,
            intermediates,
            now,
            self.algorithms.all,
        )
    }
}

fn bad(error: CertificateError) -> rustls::Error {
    rustls::Error::InvalidCertificate(error)
}

fn verify_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let parsed =
        Certificate::from_der(certificate).map_err(|_| bad(CertificateError::BadEncoding))?;
    let validity = parsed.tbs_certificate.validity;
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(bad(CertificateError::NotValidYet));
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return Err(bad(CertificateError::Expired));
    }
    Ok(())
}

/// Verifies the name against the certificate's alternative names or, if it has none, its common
/// name, as libpq does (PostgreSQL, SSL Support, Client Verification of Server Certificates).
fn verify_name(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), rustls::Error> {
    let parsed =
        Certificate::from_der(certificate).map_err(|_| bad(CertificateError::BadEncoding))?;
    let tbs = &parsed.tbs_certificate;
    if tbs.get::<SubjectAltName>().is_ok_and(|names| names.is_none()) {
        let attributes = tbs.subject.0.iter().flat_map(|part| part.0.iter());
        let mut common = attributes.filter(|attribute| attribute.oid == COMMON_NAME);
        let wanted = name.to_str();
        let is_wanted =
            common.any(|attribute| attribute.value.value().eq_ignore_ascii_case(wanted.as_bytes()));
        if is_wanted {
            return Ok(());
        }
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if matches!(self.mode, TlsMode::VerifyCa | TlsMode::VerifyFull) {
            self.verify_chain(end_entity, intermediates, now)?;
        }
        if self.mode == TlsMode::VerifyFull {
            verify_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
