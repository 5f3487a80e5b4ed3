//! Of what each part that a handler takes by `State` is made.
//!
//! With `state` and `mod`, which puts the router together, this is the only file that names the whole state (`tests/house`).
//! So the arguments of a handler say what it can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use jiff::tz::TimeZone;

use super::devices::fleet::Fleet;
use super::doors::rules::Rulings;
use super::files::export::Exports;
use super::gate::history::History;
use super::health::Counts;
use super::hub::heartbeat::Sender;
use super::hub::overview::Overview;
use super::hub::retention::Keeping;
use super::install::Packer;
use super::intake::inlet::Inlet;
use super::keys::Keys;
use super::live::feed::Feed;
use super::names::Names;
use super::rules::rulebook::Rulebook;
use super::serve::Reception;
use super::shares::rooms::Rooms;
use super::state::{Acknowledged, AppState, Doors, Endpoint, Ongoing, RulesChanged};
use super::webhooks::echo::Echoing;
use super::webhooks::recipients::Recipients;
use crate::clock::Clock;
use crate::delivery::payload::Teller;
use crate::door::prometheus::Said;
use crate::live::Bus;
use crate::model::HubId;
use crate::presence::Presence;
use crate::store::Store;
use crate::tls::Tls;
use crate::zones;

impl FromRef<AppState> for Store {
    fn from_ref(app: &AppState) -> Self {
        app.wiring.store.clone()
    }
}

impl FromRef<AppState> for Clock {
    fn from_ref(app: &AppState) -> Self {
        app.wiring.clock
    }
}

impl FromRef<AppState> for Bus {
    fn from_ref(app: &AppState) -> Self {
        app.wiring.bus.clone()
    }
}

impl FromRef<AppState> for Arc<Said> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.own.said)
    }
}

impl FromRef<AppState> for Arc<Presence> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.wiring.presence)
    }
}

impl FromRef<AppState> for HubId {
    fn from_ref(app: &AppState) -> Self {
        app.wiring.info.id
    }
}

impl FromRef<AppState> for Option<Arc<Tls>> {
    fn from_ref(app: &AppState) -> Self {
        app.wiring.tls.clone()
    }
}

impl FromRef<AppState> for Endpoint {
    fn from_ref(app: &AppState) -> Self {
        Self(app.wiring.commands.clone())
    }
}

impl FromRef<AppState> for RulesChanged {
    fn from_ref(app: &AppState) -> Self {
        Self(Arc::clone(&app.wiring.rules_changed))
    }
}

impl FromRef<AppState> for Acknowledged {
    fn from_ref(app: &AppState) -> Self {
        Self(Arc::clone(&app.wiring.acknowledged))
    }
}

impl FromRef<AppState> for History {
    fn from_ref(app: &AppState) -> Self {
        Self(Arc::clone(&app.wiring.pressure))
    }
}

impl FromRef<AppState> for Arc<Keys> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.own.keys)
    }
}

impl FromRef<AppState> for Arc<Names> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.own.names)
    }
}

impl FromRef<AppState> for Arc<Rooms> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.own.rooms)
    }
}

impl FromRef<AppState> for Ongoing {
    fn from_ref(app: &AppState) -> Self {
        app.own.ongoing.clone()
    }
}

impl FromRef<AppState> for Fleet {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            clock: FromRef::from_ref(app),
            presence: FromRef::from_ref(app),
            bus: FromRef::from_ref(app),
            endpoint: FromRef::from_ref(app),
            parted: app.wiring.parted.clone(),
            rules_changed: FromRef::from_ref(app),
            replacing: Arc::clone(&app.own.replacing),
            tasks: app.own.ongoing.tasks.clone(),
        }
    }
}

impl FromRef<AppState> for Rulebook {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            clock: FromRef::from_ref(app),
            learning: Arc::clone(&app.wiring.learning),
            rules_changed: FromRef::from_ref(app),
        }
    }
}

impl FromRef<AppState> for Recipients {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            clock: FromRef::from_ref(app),
            policy: app.wiring.webhook_policy.clone(),
            rules_changed: FromRef::from_ref(app),
        }
    }
}

impl FromRef<AppState> for Echoing {
    fn from_ref(app: &AppState) -> Self {
        Self { send: Arc::clone(&app.wiring.send_echo), kept: Arc::clone(&app.own.echoes) }
    }
}

impl FromRef<AppState> for Teller {
    fn from_ref(app: &AppState) -> Self {
        let info = &app.wiring.info;
        let zone = info.time_zone.as_deref().and_then(zones::named).unwrap_or(TimeZone::UTC);
        Self { url: info.url.clone(), zone, pictures: app.wiring.pictures.clone() }
    }
}

impl FromRef<AppState> for Exports {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            history: FromRef::from_ref(app),
            rooms: FromRef::from_ref(app),
            keys: FromRef::from_ref(app),
        }
    }
}

impl FromRef<AppState> for Inlet {
    fn from_ref(app: &AppState) -> Self {
        Self { way: app.wiring.way.clone(), rooms: FromRef::from_ref(app) }
    }
}

impl FromRef<AppState> for Feed {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            clock: FromRef::from_ref(app),
            keys: FromRef::from_ref(app),
            bus: FromRef::from_ref(app),
            presence: FromRef::from_ref(app),
            rooms: FromRef::from_ref(app),
            pressure: Arc::clone(&app.wiring.pressure),
            sockets: Arc::clone(&app.own.sockets),
            version: app.wiring.info.version.clone(),
            stuck: app.wiring.config.stuck,
            ongoing: app.own.ongoing.clone(),
            names: FromRef::from_ref(app),
        }
    }
}

impl FromRef<AppState> for Doors {
    fn from_ref(app: &AppState) -> Self {
        app.wiring.doors.clone()
    }
}

impl FromRef<AppState> for Rulings {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            rules: app.wiring.topic_rules.clone(),
            changing: Arc::clone(&app.own.ruling),
        }
    }
}

impl FromRef<AppState> for Overview {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            clock: FromRef::from_ref(app),
            presence: FromRef::from_ref(app),
            info: app.wiring.info.clone(),
            join: Arc::clone(&app.wiring.join),
            endpoint: FromRef::from_ref(app),
            figures: Arc::clone(&app.wiring.figures),
            sockets: Arc::clone(&app.own.sockets),
            agents: app.wiring.config.agents.clone(),
            pressure: Arc::clone(&app.wiring.pressure),
            tls: FromRef::from_ref(app),
        }
    }
}

impl FromRef<AppState> for Sender {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            policy: app.wiring.webhook_policy.clone(),
            pulse: Arc::clone(&app.wiring.pulse),
            wanted: Arc::clone(&app.wiring.heartbeat_wanted),
        }
    }
}

impl FromRef<AppState> for Keeping {
    fn from_ref(app: &AppState) -> Self {
        Self { store: FromRef::from_ref(app), configured: app.wiring.config.retention_configured }
    }
}

impl FromRef<AppState> for Packer {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: FromRef::from_ref(app),
            clock: FromRef::from_ref(app),
            names: FromRef::from_ref(app),
            udp: app.wiring.info.udp,
            tls: FromRef::from_ref(app),
            agents: app.wiring.config.agents.clone(),
            join: Arc::clone(&app.wiring.join),
            bad_links: Arc::clone(&app.own.bad_links),
            rooms: FromRef::from_ref(app),
        }
    }
}

impl FromRef<AppState> for Counts {
    fn from_ref(app: &AppState) -> Self {
        Self {
            keys: FromRef::from_ref(app),
            sockets: Arc::clone(&app.own.sockets),
            refused: Arc::clone(&app.own.refused),
            gave_way: Arc::clone(&app.own.gave_way),
            tls: FromRef::from_ref(app),
            metrics: Arc::clone(&app.wiring.metrics),
        }
    }
}

impl FromRef<AppState> for Reception {
    fn from_ref(app: &AppState) -> Self {
        Self {
            config: app.wiring.config.clone(),
            clock: FromRef::from_ref(app),
            tls: FromRef::from_ref(app),
            url: app.wiring.info.url.clone(),
            ongoing: FromRef::from_ref(app),
            refused: Arc::clone(&app.own.refused),
            gave_way: Arc::clone(&app.own.gave_way),
        }
    }
}
