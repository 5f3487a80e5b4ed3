//! `/hub`: the hub's identity, how it is doing, and which devices may join. Beside it how long readings are kept, and its heartbeat.

pub(super) mod dto;
pub(super) mod heartbeat;
pub(super) mod overview;
pub(super) mod retention;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Json;
use axum::extract::State;

use crate::http::devices::dto as device;
use crate::http::devices::dto::Status;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayAdmin, MayRead};
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::http::state::{HubInfo, Join, Routes};
use crate::model::alert::AlertState;
use crate::model::when;
use crate::proto::command::Command;
use crate::reach;
use crate::settings;
use crate::zones::Rules;
use dto::{Addresses, DeviceCounts, Discovery, Hub, HubPatch, Join as JoinDto, JoinPatch, Storage, TimeZoneRules, Tls};
use overview::Overview;
use utoipa_axum::routes;

/// The hub itself.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(show, change))
        .routes(routes!(retention::show, retention::replace))
        .routes(routes!(retention::preview))
        .routes(routes!(heartbeat::show, heartbeat::replace))
        .routes(routes!(heartbeat::send))
}

/// Shortest and longest open window.
const WINDOW: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(15 * 60);

/// The hub: who it is and how it is doing.
#[utoipa::path(get, path = "/api/v1/hub", tag = "hub", responses((status = 200, body = Hub)))]
pub(super) async fn show(State(hub): State<Overview>, _: MayRead, _: Asked<Nothing>) -> Result<Json<Hub>, ApiError> {
    view(&hub).await.map(Json)
}

/// Changes who may join.
#[utoipa::path(patch, path = "/api/v1/hub", tag = "hub", request_body = HubPatch,
    responses((status = 200, body = Hub), (status = 400, body = Problem)))]
pub(super) async fn change(
    State(hub): State<Overview>,
    _: MayAdmin,
    Body(patch): Body<HubPatch>,
) -> Result<Json<Hub>, ApiError> {
    let Some(patch) = patch.join else {
        return Err(ApiError::invalid("join", "set `join`: nothing else can be changed here"));
    };
    let before = hub.join.get(hub.clock.now());
    let join = wanted(&patch, before, &hub).map_err(|error| error.within("join"))?;
    set_join(&hub, before, join).await?;
    view(&hub).await.map(Json)
}

async fn set_join(hub: &Overview, before: Join, join: Join) -> Result<(), ApiError> {
    if join.policy != before.policy {
        settings::save_policy(&hub.store, join.policy).await?;
    }
    if join.open_until != before.open_until {
        let (action, until) = match join.open_until {
            Some((_, until)) => ("join_window.opened", format!("until {}", when::moment(until))),
            None => ("join_window.closed", String::new()),
        };
        hub.store.note(action, until).await?;
    }
    hub.join.set(join);
    let open_until = join.open_until.map(|(end, _)| end);
    hub.endpoint.tell(Command::Policy { policy: join.policy, open_until }).await?;
    tracing::info!(
        policy = settings::policy_name(join.policy),
        open = open_until.is_some(),
        "the join policy was changed"
    );
    Ok(())
}

fn wanted(patch: &JoinPatch, before: Join, hub: &Overview) -> Result<Join, ApiError> {
    match (patch.policy, &patch.open_for) {
        (Some(policy), None) => Ok(Join { policy: policy.into(), open_until: None }),
        (None, Some(text)) => {
            let span = when::duration(text).map_err(|detail| ApiError::invalid("open_for", detail))?;
            if span.is_zero() {
                return Ok(Join { open_until: None, ..before });
            }
            if !WINDOW.contains(&span) {
                let detail = format!("`{text}` must be between 1m and 15m, or `0s` to close the window");
                return Err(ApiError::invalid("open_for", detail));
            }
            let wall = hub.clock.wall().plus(span.as_millis() as i64);
            Ok(Join { open_until: Some((hub.clock.now() + span, wall)), ..before })
        }
        _ => Err(ApiError::invalid("policy", "set either `policy` or `open_for`")),
    }
}

async fn view(hub: &Overview) -> Result<Hub, ApiError> {
    let now = hub.clock.wall();
    let alerts = hub.store.open_alerts().await?;
    let stats = hub.store.stats();
    let figures = (hub.figures)();
    let join = hub.join.get(hub.clock.now());
    let (devices, series) = count(hub);
    let info = &hub.info;
    Ok(Hub {
        id: info.id.to_string(),
        version: info.version.clone(),
        words: info.id.words().map(str::to_owned).to_vec(),
        started_at: when::moment(info.started_at),
        uptime_s: now.since(info.started_at).max(0) / 1000,
        udp_port: info.udp.port(),
        addresses: addresses(info, &reach::addresses()),
        join: JoinDto { policy: join.policy.into(), window_until: join.open_until.map(|(_, wall)| when::moment(wall)) },
        devices,
        devices_max: hub.store.limits().devices,
        series,
        series_max: hub.store.limits().series,
        readings_total: stats.readings_total,
        readings_per_s: figures.readings_per_s,
        ack_p99_ms: figures.ack_p99_ms,
        ws_clients: hub.sockets.count(),
        alerts_firing: alerts
            .iter()
            .filter(|alert| alert.state == AlertState::Firing && alert.unknown_since.is_none())
            .count(),
        discovery: Discovery { enabled: info.discovery, group: info.discovery_group.clone(), probes: figures.probes },
        agents: hub.agents.targets().iter().map(ToString::to_string).collect(),
        storage: Storage::of(&stats),
        degraded: hub.store.trouble().map(|trouble| trouble.to_string()),
        pressure: hub.pressure.level(),
        given_up: hub.pressure.given_up().map(str::to_owned).collect(),
        plain_http: hub.tls.is_none(),
        tls: hub.tls.as_deref().map(Tls::of),
        time_zone: info.time_zone.clone(),
        time_zone_rules: TimeZoneRules::of(Rules::in_use(), now),
    })
}

fn addresses(info: &HubInfo, own: &[IpAddr]) -> Addresses {
    let open = |listen: SocketAddr| -> Vec<String> {
        if !listen.ip().is_unspecified() {
            return if listen.ip().is_loopback() { Vec::new() } else { vec![listen.to_string()] };
        }
        let reached = own.iter().filter(|ip| ip.is_ipv4() || listen.is_ipv6());
        reached.map(|ip| SocketAddr::new(*ip, listen.port()).to_string()).collect()
    };
    Addresses { url: info.url.clone(), page: open(info.http), agents: open(info.udp) }
}

fn count(hub: &Overview) -> (DeviceCounts, usize) {
    let now = hub.clock.wall();
    let catalog = hub.store.catalog();
    let mut counts = DeviceCounts::default();
    for device in catalog.devices() {
        match device::status(device, &catalog, &hub.presence, now) {
            Status::Online => counts.online += 1,
            Status::Offline => counts.offline += 1,
            Status::Pending => counts.pending += 1,
            Status::Blocked => counts.blocked += 1,
        }
    }
    let waiting = hub.presence.read();
    counts.pending += waiting.pending.keys().filter(|id| catalog.device_by_id(**id).is_none()).count();
    (counts, catalog.series_count())
}
