//! First step of a start: the ports, what is on disk, and who this hub is. The ports come before the disk, so that a start that
//! cannot be leaves no data directory behind.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;
use wire::{HubId, KeyPair};

use super::binding::{LinePorts, Open, Ports};
use super::{broker, encryption};
use crate::clock::Clock;
use crate::config::Config;
use crate::door::mqtt::Broker;
use crate::model::topic_rule::TopicRules;
use crate::proto::command::JoinPolicy;
use crate::settings::topic_rules;
use crate::store::{self, SecretKey, Store};
use crate::tls::{Keeper, Tls};
use crate::udp::socket::Socket;
use crate::zones::Rules;
use crate::{access, identity, settings};

/// What a hub needs of the machine before any of its parts exists.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) clock: Clock,
    /// The hash of the token in `--admin-token-file`.
    pub(super) admin_token: Option<[u8; 32]>,
    pub(super) store: Store,
    pub(super) keys: KeyPair,
    pub(super) id: HubId,
    /// Which devices may join: by the configuration, otherwise as a person chose last.
    pub(super) join: JoinPolicy,
    pub(super) listener: TcpListener,
    pub(super) socket: Socket,
    pub(super) line: LinePorts,
    /// The broker of MQTT, if there is one.
    pub(super) broker: Option<Broker>,
    /// What people say of topics of MQTT.
    pub(super) topic_rules: TopicRules,
    pub(super) http: SocketAddr,
    pub(super) udp: SocketAddr,
    pub(super) tls: Option<(Tls, Keeper)>,
}

impl Opened {
    /// Opens everything.
    ///
    /// # Errors
    /// An address that is taken, a data directory that is in use or cannot be written, a damaged key.
    pub(super) async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let admin_token = admin_token(&config)?;
        let ports = Ports::take(&config)?;
        let files = encryption::of_files(&config, clock)?;
        let store = open_store(&config).await?;
        let keys = identity::load_or_create(&store).await?;
        let id = HubId::of(&keys.public);
        let join = config.join.or(settings::saved_policy(&store).await?).unwrap_or(JoinPolicy::Click);
        let topic_rules = topic_rules::saved(&store).await?;
        let broker = broker::of(&config, id)?;
        // Nobody is let in before the store is open: there would be nothing to answer from.
        let Open { http: listener, udp: socket, line } = ports.open()?;
        let http = listener.local_addr()?;
        let udp = SocketAddr::new(config.udp.ip(), socket.port()?);
        warn_about_buffer(&socket);
        warn_about_zones(clock);
        let tls = encryption::of_authority(&config, id, clock)?.or(files);
        Ok(Self {
            config,
            clock,
            admin_token,
            store,
            keys,
            id,
            join,
            listener,
            socket,
            line,
            broker,
            topic_rules,
            http,
            udp,
            tls,
        })
    }
}

/// The store, with how long readings are kept: by the configuration, else as a person chose last.
async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let secret_key = SecretKey::load_or_create(&config.data)?;
    let store_config = store::Config {
        dir: config.data.clone(),
        max_bytes: config.max_size,
        retention: config.keep.clone().unwrap_or_default(),
        limits: config.limits,
        ..Default::default()
    };
    let store = Store::open(&store_config, &secret_key)?;
    if let (None, Some(saved)) = (&config.keep, settings::saved_retention(&store).await?) {
        store.set_retention(saved);
    }
    Ok(store)
}

fn warn_about_zones(clock: Clock) {
    if let Some(warning) = Rules::in_use().warning(clock.wall()) {
        tracing::warn!("{warning}");
    }
}

fn warn_about_buffer(socket: &Socket) {
    let (granted, wanted) = (socket.receive_buffer(), Socket::wanted_buffer());
    if granted < wanted {
        tracing::warn!(
            granted,
            "the kernel grants {} KiB of UDP receive buffer; for bursts of a large fleet: sysctl -w net.core.rmem_max={wanted}",
            granted / 1_024,
        );
    }
}

fn admin_token(config: &Config) -> anyhow::Result<Option<[u8; 32]>> {
    let Some(path) = &config.admin_token_file else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("--admin-token-file {}", path.display()))?;
    let text = text.trim();
    anyhow::ensure!(text.len() >= 16, "--admin-token-file {}: a token has at least 16 characters", path.display());
    Ok(Some(access::sha256(text.as_bytes())))
}
