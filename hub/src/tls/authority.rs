//! `--tls auto`: a certificate authority that the hub makes at its first start, and the certificate that it issues to
//! the hub.
//!
//! Both are in `tls` in the data directory, for its owner only. A person who installs `ca.crt` trusts this hub from
//! then on: a new certificate is issued when the hub gets names or addresses that it lacks, and long before it expires,
//! without asking anybody. A stolen key of the authority is of little use: its certificate says (name constraints, RFC
//! 5280, 4.2.1.10) that it is only for names of private networks and those that the operator gave, so no browser
//! accepts it for other sites. Addresses are not constrained, because those of a machine change. A name that the
//! constraints do not cover needs a new authority.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::names::Names;
use super::pair::{Pair, chain, life};
use super::shown::{Public, Shown, moment};
use crate::clock::Clock;
use crate::durable;
use crate::model::UnixMillis;

/// Time between two checks of the machine's addresses.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(10);

const DAY_MS: i64 = 86_400_000;
/// Life of the authority, about ten years: people have to install it that seldom.
const AUTHORITY_MS: i64 = 3_650 * DAY_MS;
/// Life of a certificate: browsers refuse those of more than 398 days.
const LEAF_MS: i64 = 365 * DAY_MS;
/// A certificate is renewed when it has no more than this to live.
const RENEW_MS: i64 = 30 * DAY_MS;
/// Certificates are valid from a day ago, for browsers whose clocks are slow.
const SLOW_CLOCK_MS: i64 = DAY_MS;
/// A clock before this was never set: 2024-01-01, before the first release.
const SET_FROM: UnixMillis = UnixMillis(1_704_067_200_000);

/// Ends of names that nobody has in public, because they are reserved (RFC 2606, 6761, 6762, 8375) or never given away: each
/// authority may be for those.
const PRIVATE: [&str; 11] = [
    "localhost",
    "localdomain",
    "local",
    "lan",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "private",
    "test",
    "example",
];

/// What the hub's certificate is to be for.
pub struct Wanted {
    /// The data directory.
    pub data: PathBuf,
    /// By which people know the hub in the list of what they trust.
    pub hub: String,
    /// Its names and addresses at the moment.
    pub names: Box<dyn Fn() -> Names + Send>,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("data", &self.data).field("hub", &self.hub).finish_non_exhaustive()
    }
}

/// The authority's certificate in a data directory, whether it is there or not.
#[must_use]
pub(crate) fn certificate_in(data: &Path) -> PathBuf {
    data.join("tls/ca.crt")
}

/// SHA-256 of a certificate as browsers and phones show it: `AB:CD:...`.
#[must_use]
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = crate::access::sha256(certificate);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// A certificate that was made, as files too.
struct Made {
    pair: Pair,
    certificate: String,
    key: String,
}

/// The authority, able to make certificates.
#[derive(Debug)]
pub(super) struct Authority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    public: Arc<RwLock<Public>>,
}

impl Authority {
    /// The one in the data directory, made if there is none, and a certificate of it.
    pub(super) fn open(wanted: &Wanted, clock: Clock) -> anyhow::Result<(Self, Pair)> {
        let folder = wanted.data.join("tls");
        private_folder(&folder).with_context(|| format!("making {}", folder.display()))?;
        let (names, now) = ((wanted.names)(), clock.wall().max(SET_FROM));
        let mut authority = match Self::load(wanted)? {
            Some(authority) => authority,
            None => {
                let made = Self::make(wanted, &names, now)?;
                made.keep(wanted).with_context(|| format!("writing into {}", folder.display()))?;
                made
            }
        };
        let pair = match stored(&folder).filter(|pair| authority.fits(pair, &names, now)) {
            Some(pair) => pair,
            None => authority.issue(wanted, &names, now)?,
        };
        Ok((authority, pair))
    }

    pub(super) fn public(&self) -> Arc<RwLock<Public>> {
        Arc::clone(&self.public)
    }

    /// Makes a certificate anew if the one in use lacks a name or will soon expire.
    pub(super) fn look(&mut self, wanted: &Wanted, shown: &Shown, clock: Clock) {
        let (names, now) = ((wanted.names)(), clock.wall().max(SET_FROM));
        let pair = shown.read(|current| current.pair.clone());
        if self.fits(&pair, &names, now) {
            return shown.well();
        }
        match self.issue(wanted, &names, now) {
            Ok(pair) => shown.show(pair),
            Err(error) => shown.trouble(format!("the hub's certificate could not be made anew: {error:#}")),
        }
    }

    fn load(wanted: &Wanted) -> anyhow::Result<Option<Self>> {
        let path = certificate_in(&wanted.data);
        let key = path.with_extension("key");
        let pem = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| path.display().to_string())?,
        };
        let remedy = || {
            format!(
                "bring it back from a copy, or remove {} and install the new authority everywhere",
                wanted.data.join("tls").display()
            )
        };
        let certificate = chain(pem.as_bytes()).ok().and_then(|chain| chain.into_iter().next());
        let certificate =
            certificate.with_context(|| format!("{}: there is no certificate in it: {}", path.display(), remedy()))?;
        let text = std::fs::read_to_string(&key).with_context(|| format!("{}: {}", key.display(), remedy()))?;
        let pair = KeyPair::from_pem(&text).with_context(|| format!("{}: {}", key.display(), remedy()))?;
        Ok(Some(Self::of(certificate, pem, pair)))
    }

    fn of(certificate: CertificateDer<'static>, pem: String, key: KeyPair) -> Self {
        let public = Public { pem, fingerprint: fingerprint(&certificate) };
        Self { certificate, key, public: Arc::new(RwLock::new(public)) }
    }

    fn make(wanted: &Wanted, names: &Names, now: UnixMillis) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = params(&wanted.hub);
        params.not_before = date(SET_FROM)?;
        params.not_after = date(now.plus(AUTHORITY_MS))?;
        let own = names.dns.iter().map(String::as_str);
        let permitted: std::collections::BTreeSet<&str> = PRIVATE.into_iter().chain(own).collect();
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted.into_iter().map(|name| GeneralSubtree::DnsName(name.to_owned())).collect(),
            excluded_subtrees: Vec::new(),
        });
        let made = params.self_signed(&key)?;
        Ok(Self::of(made.der().clone(), made.pem(), key))
    }

    fn keep(&self, wanted: &Wanted) -> std::io::Result<()> {
        let path = certificate_in(&wanted.data);
        // The key first: a certificate without its key would be taken for one that somebody lost.
        durable::replace(&path.with_extension("key"), self.key.serialize_pem().as_bytes())?;
        durable::replace(&path, self.told().pem.as_bytes())
    }

    fn told(&self) -> Public {
        self.public.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a certificate for these names, by another authority if this one may not or will soon expire.
    fn issue(&mut self, wanted: &Wanted, names: &Names, now: UnixMillis) -> anyhow::Result<Pair> {
        let mut made = self.sign(&wanted.hub, names, now)?;
        if !self.fits(&made.pair, names, now) {
            let other = Self::make(wanted, names, now)?;
            made = other.sign(&wanted.hub, names, now)?;
            anyhow::ensure!(other.fits(&made.pair, names, now), "no certificate can be for {}", all(names));
            other.keep(wanted)?;
            self.give_way_to(other, wanted);
        }
        let folder = wanted.data.join("tls");
        let kept = durable::replace(&folder.join("hub.key"), made.key.as_bytes())
            .and_then(|()| durable::replace(&folder.join("hub.crt"), made.certificate.as_bytes()));
        if let Err(error) = kept {
            // It is as good as any until the next start, which makes another.
            tracing::warn!(%error, "the hub's certificate could not be written into {}: {error}", folder.display());
        }
        let until = moment(made.pair.life.ends_at);
        tracing::info!(%until, "made a certificate for {}, valid until {until}", all(names));
        Ok(made.pair)
    }

    /// Browsers have to be told of another.
    fn give_way_to(&mut self, other: Self, wanted: &Wanted) {
        let told = other.told();
        tracing::warn!(
            fingerprint = %told.fingerprint,
            "the hub's own authority was made anew, for a name that it may not be for or because it would soon expire: \
             install {} in the browsers again",
            certificate_in(&wanted.data).display(),
        );
        *self.public.write().unwrap_or_else(PoisonError::into_inner) = told;
        (self.certificate, self.key) = (other.certificate, other.key);
    }

    fn sign(&self, hub: &str, names: &Names, now: UnixMillis) -> anyhow::Result<Made> {
        let key = KeyPair::generate()?;
        let end = EndEntityCert::try_from(&self.certificate).map(|certificate| life(&certificate).ends_at)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Telemetry hub");
        params.not_before = date(now.plus(-SLOW_CLOCK_MS).max(SET_FROM))?;
        params.not_after = date(now.plus(LEAF_MS).min(end))?;
        let dns = names.dns.iter().map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)));
        params.subject_alt_names = dns.collect::<Result<_, rcgen::Error>>()?;
        params.subject_alt_names.extend(names.addresses.iter().copied().map(SanType::IpAddress));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = self::params(hub);
        let made = params.signed_by(&key, &Issuer::from_params(&issuer, &self.key))?;
        // The authority along with it: a program can then be given the fingerprint alone.
        let (certificate, key) = (format!("{}{}", made.pem(), self.told().pem), key.serialize_pem());
        let pair = Pair::read(certificate.as_bytes(), key.as_bytes());
        let pair = pair.map_err(|wrong| anyhow::anyhow!("the certificate that was made is none: {wrong:?}"))?;
        Ok(Made { pair, certificate, key })
    }

    /// Whether a browser that trusts this authority takes the certificate for each of these names, and will for a while. One
    /// that has an address too many is as good.
    fn fits(&self, pair: &Pair, names: &Names, now: UnixMillis) -> bool {
        let (Some(leaf), Ok(anchor)) = (pair.leaf(), anchor_from_trusted_cert(&self.certificate)) else { return false };
        let Ok(leaf) = EndEntityCert::try_from(leaf) else { return false };
        // A clock of ours that goes wrong says nothing of theirs.
        let at = now.max(pair.life.starts_at);
        if pair.life.ends_at.since(at) < RENEW_MS {
            return false;
        }
        let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0.unsigned_abs()));
        let algorithms = ring::default_provider().signature_verification_algorithms;
        let anchors = [anchor];
        let is_signed = leaf.verify_for_usage(algorithms.all, &anchors, &[], at, KeyUsage::server_auth(), None, None);
        let has = |name: ServerName<'_>| leaf.verify_is_valid_for_subject_name(&name).is_ok();
        let mut dns: Vec<&String> = pair.dns.iter().collect();
        dns.sort();
        is_signed.is_ok()
            && dns.into_iter().eq(&names.dns)
            && names.addresses.iter().all(|address| has(ServerName::IpAddress((*address).into())))
    }
}

/// The certificate that was made before, if it is whole.
fn stored(folder: &Path) -> Option<Pair> {
    let read = |name| std::fs::read(folder.join(name)).ok();
    Pair::read(&read("hub.crt")?, &read("hub.key")?).ok()
}

/// How the authority is called. It stands in what people installed: whoever changes it makes all of them do so again.
fn params(hub: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Telemetry hub");
    params.distinguished_name.push(DnType::CommonName, format!("Telemetry hub {hub}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn date(at: UnixMillis) -> anyhow::Result<OffsetDateTime> {
    Ok(OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000))?)
}

fn all(names: &Names) -> String {
    let addresses = names.addresses.iter().map(ToString::to_string);
    names.dns.iter().cloned().chain(addresses).collect::<Vec<_>>().join(", ")
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}
