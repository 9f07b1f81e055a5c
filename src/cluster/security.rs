//! Encryption and authentication between the processes of a cluster: mutual TLS, or none on the loopback interface.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ballista_core::extension::{EndpointOverrideFn, SessionConfigExt};
use datafusion::prelude::SessionConfig;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, ServerTlsConfig};

use crate::error::{Error, Result};

/// The certificates of a process, and permission to do without them.
#[derive(Debug, Clone, Default)]
pub struct SecurityOptions {
    /// File with the certificates, in PEM, that sign those of all processes of the cluster.
    pub ca: Option<PathBuf>,
    /// File with the certificate of this process, in PEM.
    pub certificate: Option<PathBuf>,
    /// File with its private key, in PEM.
    pub key: Option<PathBuf>,
    /// Accept connections from other machines without certificates.
    pub is_insecure: bool,
}

/// The certificates with which a process identifies itself and verifies other processes.
#[derive(Debug, Clone, Default)]
pub struct Security {
    tls: Option<Tls>,
    is_insecure: bool,
}

#[derive(Debug, Clone)]
struct Tls {
    ca: Certificate,
    identity: Identity,
}

impl SecurityOptions {
    /// Reads the certificates.
    ///
    /// # Errors
    ///
    /// Returns an error if only some of the files are given, or a file cannot be read.
    pub fn read(&self) -> Result<Security> {
        let tls = match (&self.ca, &self.certificate, &self.key) {
            (None, None, None) => None,
            (Some(ca), Some(certificate), Some(key)) => Some(Tls {
                ca: Certificate::from_pem(read(ca)?),
                identity: Identity::from_pem(read(certificate)?, read(key)?),
            }),
            _ => {
                return Err(Error::Usage(
                    "--tls-ca, --tls-cert and --tls-key are needed together".to_owned(),
                ));
            }
        };
        Ok(Security { tls, is_insecure: self.is_insecure })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(format!("read {}", path.display()), e))
}

impl Security {
    /// Returns the scheme of URLs: `https` with certificates, otherwise `http`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Fails if other machines could use an address without a certificate. A process that can connect to a scheduler can
    /// run plans with the permissions of its executors.
    ///
    /// # Errors
    ///
    /// Returns an error that names the address.
    pub(super) fn ensure_protected(&self, address: IpAddr) -> Result<()> {
        if address.is_loopback() || self.tls.is_some() || self.is_insecure {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{address} can be reached by other machines; pass --tls-ca, --tls-cert and --tls-key, or --insecure if \
             no other machine can reach the network"
        )))
    }

    /// Returns the configuration of a server that admits only clients with a certificate.
    pub(super) fn server(&self) -> Option<ServerTlsConfig> {
        let tls = self.tls.as_ref()?;
        let config = ServerTlsConfig::new().identity(tls.identity.clone());
        Some(config.client_ca_root(tls.ca.clone()))
    }

    /// Adds the certificates to an endpoint.
    ///
    /// # Errors
    ///
    /// Returns an error if a certificate is invalid.
    pub(super) fn secure(&self, endpoint: Endpoint) -> Result<Endpoint, tonic::transport::Error> {
        match &self.tls {
            None => Ok(endpoint),
            Some(tls) => endpoint.tls_config(
                ClientTlsConfig::new()
                    .ca_certificate(tls.ca.clone())
                    .identity(tls.identity.clone()),
            ),
        }
    }

    /// Returns the function with which Ballista adds the certificates to its endpoints.
    pub(super) fn endpoint_override(&self) -> EndpointOverrideFn {
        let security = self.clone();
        Arc::new(move |endpoint| Ok(security.secure(endpoint)?))
    }

    /// Adds the certificates to the configuration of tasks, which fetch rows from other executors.
    pub(super) fn configure(&self, config: SessionConfig) -> SessionConfig {
        match &self.tls {
            None => config,
            Some(_) => config
                .with_ballista_use_tls(true)
                .with_ballista_override_create_grpc_client_endpoint(self.endpoint_override()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_certificates() {
        let plain = SecurityOptions::default().read().unwrap();
        assert!(plain.ensure_protected("127.0.0.1".parse().unwrap()).is_ok());
        assert!(plain.ensure_protected("::1".parse().unwrap()).is_ok());
        for address in ["10.0.0.5", "0.0.0.0", "::"] {
            let outcome = plain.ensure_protected(address.parse().unwrap());
            assert!(matches!(outcome, Err(Error::Usage(_))), "{address}");
        }
        let insecure = SecurityOptions { is_insecure: true, ..SecurityOptions::default() };
        assert!(insecure.read().unwrap().ensure_protected("10.0.0.5".parse().unwrap()).is_ok());
    }

    #[test]
    fn certificates_are_needed_together() {
        let options = SecurityOptions { ca: Some("ca.pem".into()), ..SecurityOptions::default() };
        assert!(matches!(options.read(), Err(Error::Usage(_))));
        let missing = SecurityOptions {
            ca: Some("/no/ca.pem".into()),
            certificate: Some("/no/cert.pem".into()),
            key: Some("/no/key.pem".into()),
            is_insecure: false,
        };
        assert!(missing.read().unwrap_err().to_string().contains("/no/ca.pem"));
    }
}
