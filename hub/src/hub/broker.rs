//! The broker of MQTT as the door takes it: with its password, and what is trusted.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use wire::HubId;

use crate::config::Config;
use crate::door::mqtt::Broker;

/// The broker of a configuration, if it has one.
///
/// # Errors
/// A file that cannot be read; the text names the flag.
pub(super) fn of(config: &Config, id: HubId) -> anyhow::Result<Option<Broker>> {
    let Some(url) = &config.mqtt else { return Ok(None) };
    let password = match (&config.mqtt_password_file, &config.mqtt_password) {
        (Some(path), _) => Some(secret(path)?),
        (None, password) => password.clone(),
    };
    let tls = url.tls.then(|| trust(config.mqtt_ca.as_deref())).transpose()?;
    anyhow::ensure!(
        url.tls || config.mqtt_ca.is_none(),
        "mqtt_ca: this is used by TLS alone: write mqtts:// before the name of the broker, or leave the file out"
    );
    let topics = if config.mqtt_topics.is_empty() { vec!["#".to_owned()] } else { config.mqtt_topics.clone() };
    // The start of an id is enough to tell hubs apart, and some brokers take 23 characters.
    let mark: String = id.to_string().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    Ok(Some(Broker {
        host: url.host.clone(),
        port: url.port,
        tls,
        // A broker takes no password without a user.
        user: url.user.clone().or_else(|| password.is_some().then(String::new)),
        password,
        topics,
        publish: config.mqtt_publish.clone(),
        client: format!("hub-{mark}"),
    }))
}

fn secret(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("--mqtt-password-file {}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn trust(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let config = match ca {
        None => builder.with_platform_verifier().context("--mqtt: what this machine trusts cannot be read")?,
        Some(path) => {
            let named = || format!("--mqtt-ca {}", path.display());
            let pem = fs::read(path).with_context(named)?;
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.with_context(named)?).with_context(named)?;
            }
            anyhow::ensure!(!roots.is_empty(), "{}: there is no certificate in this file", named());
            builder.with_root_certificates(roots)
        }
    };
    Ok(Arc::new(config.with_no_client_auth()))
}
