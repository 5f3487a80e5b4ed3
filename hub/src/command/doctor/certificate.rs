//! Checks the certificate of the running hub: reports files that the hub could not read again, and prints the SHA-256
//! to compare when its authority is installed.

use std::path::Path;

use serde::Deserialize;

use super::findings::Findings;
use crate::command::remote::Link;
use crate::running::Running;

#[derive(Deserialize)]
struct Hub {
    tls: Option<Tls>,
}

#[derive(Deserialize)]
struct Tls {
    expires_at: String,
    fingerprint: Option<String>,
    problem: Option<String>,
}

pub(super) async fn look_at_certificate(data: &Path, running: &Running, findings: &mut Findings) {
    let asked = async {
        let link = Link::here(data.to_owned(), running).await?;
        let text = link.text("/hub", &[]).await?;
        link.read::<Hub>(&text)
    };
    let Ok(Hub { tls: Some(tls) }) = asked.await else {
        return findings.told("the hub does not say how its certificate is");
    };
    match tls.problem {
        Some(problem) => {
            findings.bad(problem, "put a certificate and its key in place; the hub reads them again by itself")
        }
        None => findings.good(format_args!("the certificate is valid until {}", tls.expires_at)),
    }
    if let Some(fingerprint) = tls.fingerprint {
        findings.told(format_args!("SHA-256 of the hub's own authority, /ca.crt on its page: {fingerprint}"));
    }
}
