//! Decides which certificates a command trusts: those of the system, that of a hub on this machine (by its data
//! directory), or only those of the file in `--ca`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::outcome::Failure;
use crate::tls::authority;

/// By the authorities in `only`, a PEM file, where there is one; else by those of the system and of the hubs in `own`.
pub(super) fn config(only: Option<&Path>, own: &[PathBuf]) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    if let Some(path) = only {
        return Ok(builder.with_root_certificates(roots(read(path)?)).with_no_client_auth());
    }
    let own: Vec<_> = own.iter().filter_map(|data| of_file(&authority::certificate_in(data)).ok()).flatten().collect();
    // A machine without root certificates can still ask a hub of its own, and any by http.
    Ok(match Verifier::new_with_extra_roots(own.clone(), provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        Err(_) => builder.with_root_certificates(roots(own)).with_no_client_auth(),
    })
}

fn roots(authorities: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
    roots
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let wrong = |text: &str| Failure::Use(format!("--ca {}: {text}", path.display()));
    let found = of_file(path).map_err(|text| wrong(&text))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in this file: a hub with `--tls auto` has its own at /ca.crt"));
    }
    Ok(found)
}

fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// What to say of a certificate that is not believed, if that is why nobody was reached.
pub(super) fn untrusted(base: &str, error: &anyhow::Error) -> Option<String> {
    let why = error.root_cause().to_string();
    let why = why.strip_prefix("invalid peer certificate: ")?;
    Some(format!(
        "the certificate of {base} is not trusted ({why}): name the authority that made it (flag `--ca FILE`); that of a hub with \
         `--tls auto` is at /ca.crt, and its SHA-256 on the hub's page and terminal"
    ))
}
