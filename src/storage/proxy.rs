//! HTTP clients for the AWS SDK that honour the proxy settings of the environment.

use std::net::IpAddr;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The TLS provider used by the other dependencies; the default one would add a second.
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// Returns a client that uses the proxy of `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, except for the
/// hosts of `NO_PROXY` and link-local addresses.
pub(super) fn client() -> SharedHttpClient {
    let proxied = Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(TLS).build()
    });
    let direct = Builder::new().tls_provider(TLS).build_https();
    SharedHttpClient::new(Routes { proxied, direct })
}

/// Returns a connector with the same proxy settings, for requests made without the SDK.
pub(super) fn connector(settings: HttpConnectorSettings) -> Connector {
    let builder = Connector::builder().connector_settings(settings);
    builder.proxy_config(ProxyConfig::from_env()).tls_provider(TLS).build()
}

#[derive(Debug)]
struct Routes<T> {
    proxied: T,
    direct: T,
}

impl HttpClient for Routes<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Routes {
            proxied: self.proxied.http_connector(settings, components),
            direct: self.direct.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Routes<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = url::Url::parse(request.uri()).ok();
        let is_local = uri.as_ref().and_then(url::Url::host_str).is_some_and(is_link_local);
        if is_local { self.direct.call(request) } else { self.proxied.call(request) }
    }
}

/// Returns `true` for the addresses at which machines and containers obtain their credentials. Through
/// a proxy these addresses would reach another machine.
///
/// Source: AWS SDKs and Tools Reference Guide, IMDS and container credential providers.
fn is_link_local(host: &str) -> bool {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0xec2]
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_credential_endpoints_bypass_the_proxy() {
        for host in ["169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "[fd00:ec2::23]"] {
            assert!(is_link_local(host), "{host}");
        }
        for host in ["sts.amazonaws.com", "127.0.0.1", "10.0.0.1", "[::1]", "169.254.example"] {
            assert!(!is_link_local(host), "{host}");
        }
    }
}
