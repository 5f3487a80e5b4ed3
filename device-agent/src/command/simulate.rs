//! `device-agent simulate`: sends what a fleet of devices would send.

use std::time::Duration;

use device_agent::config::{check_host_port, with_port};
use device_agent::fleet::{Fleet, History, Plan};
use device_agent::netem::Conditions;
use device_agent::quantity;
use device_agent::random::Random;
use lexopt::{Arg, Parser};
use wire::SensorNo;

use super::failure::{Failure, print};
use super::options::{Common, checked, number, text};
use super::runtime::{on_one_thread, stopped};

const HELP: &str = "\
Sends what a fleet of devices would send: real keys and sessions, made-up readings. Prints one line of JSON at the end.

Usage: device-agent simulate --hub HOST[:PORT] [options]

  --hub HOST[:PORT]   The hub (port 5770 if left out)
  --join-token TOKEN  Lets the devices join; it needs as many uses as there are devices
  --devices N         Number of devices (default: 10)
  --sensors S         Sensors per device (default: 10)
  --interval TIME|max Time between rounds (default: 1s); max sends as fast as the hub acknowledges
  --batch N           Readings per batch with --interval max (default: 100)
  --in-flight N       Unacknowledged batches per device (default: 64)
  --duration TIME     How long to run (default: until SIGINT or SIGTERM)
  --seed K            Same seed, same readings and same network (default: random)
  --name NAME         Start of the devices' names (default: sim)
  --label KEY=VALUE   A label of every device; may be repeated
  --history TIME      Send readings of this long before the start first: those of the last hour as often as live ones, of the
                      last hours four a minute, older ones one a minute
  --fault             Let one device get hot for some hours of that history
  --loss 5%  --duplicate 1%  --reorder 1%
                      Share of packets that are lost, duplicated or late, in each direction
  --skew TIME         Clocks are wrong by up to this much, fast or slow
  --reboot 1/h        How often each device reboots; its unsent readings survive
  --log-format, --help: as for `device-agent run`

The line holds the numbers of readings sent, acked and dropped, and the time and traffic it took. Exit code 1 unless every reading sent was
acknowledged or counted as dropped.
";

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    let mut conditions = Conditions::default();
    let (mut devices, mut sensors, mut batch, mut in_flight) = (10_u16, 10_u16, 100_usize, 64_u32);
    let (mut interval, mut duration) = (Some(Duration::from_secs(1)), None);
    let (mut seed, mut skew, mut reboots) = (None, Duration::ZERO, 0.0);
    let (mut history, mut fault) = (Duration::ZERO, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') => common.help = true,
            Arg::Long("devices") => devices = checked("--devices", &text(&mut parser)?, at_least_one)?,
            Arg::Long("sensors") => sensors = checked("--sensors", &text(&mut parser)?, sensor_count)?,
            Arg::Long("batch") => batch = checked("--batch", &text(&mut parser)?, at_least_one)?.into(),
            Arg::Long("in-flight") => in_flight = checked("--in-flight", &text(&mut parser)?, at_least_one)?.into(),
            Arg::Long("interval") => interval = checked("--interval", &text(&mut parser)?, interval_or_max)?,
            Arg::Long("duration") => duration = Some(checked("--duration", &text(&mut parser)?, quantity::duration)?),
            Arg::Long("seed") => seed = Some(checked("--seed", &text(&mut parser)?, number)?),
            Arg::Long("loss") => conditions.loss = checked("--loss", &text(&mut parser)?, quantity::share)?,
            Arg::Long("duplicate") => {
                conditions.duplicate = checked("--duplicate", &text(&mut parser)?, quantity::share)?
            }
            Arg::Long("reorder") => conditions.reorder = checked("--reorder", &text(&mut parser)?, quantity::share)?,
            Arg::Long("skew") => skew = checked("--skew", &text(&mut parser)?, quantity::duration)?,
            Arg::Long("reboot") => reboots = checked("--reboot", &text(&mut parser)?, quantity::rate)?,
            Arg::Long("history") => history = checked("--history", &text(&mut parser)?, quantity::duration)?,
            Arg::Long("fault") => fault = true,
            Arg::Long(option @ ("hub" | "join-token" | "name" | "label" | "log-format" | "help")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    if common.help {
        return print(HELP);
    }
    common.start_log()?;
    let hub = common
        .layer
        .hub
        .ok_or_else(|| Failure::Usage("--hub HOST is missing: simulate does not search for a hub".to_owned()))?;
    let hub = with_port(&hub);
    checked("--hub", &hub, check_host_port)?;
    let token = match common.layer.join_token {
        Some(token) => {
            Some(checked("--join-token", &token, |token| token.parse().map_err(|error| format!("{error}")))?)
        }
        None => None,
    };
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let seed = match seed {
        Some(seed) => seed,
        None => Random::from_system().map_err(|error| failed(&error))?.bits(),
    };
    let outcome = on_one_thread(async {
        let address = tokio::net::lookup_host(&hub).await.ok().and_then(|mut found| found.next());
        let hub = address.ok_or_else(|| Failure::Failed(format!("cannot find {hub}")))?;
        let name = common.layer.name.unwrap_or_else(|| "sim".to_owned());
        let plan = Plan {
            hub,
            token,
            devices,
            sensors,
            interval,
            batch,
            in_flight,
            duration,
            seed,
            name,
            labels: common.layer.labels.into_iter().collect(),
            history: (history > Duration::ZERO).then_some(History { span: history, fault }),
            conditions,
            skew,
            reboots,
        };
        let stopped = stopped();
        let fleet = Fleet::open(plan).await.map_err(|error| failed(&error))?;
        let (devices, sensors) = (quantity::of(devices.into(), "device"), quantity::of(sensors.into(), "sensor"));
        tracing::info!(seed, "{devices} with {sensors} each, seed {seed}");
        fleet.run(stopped).await.map_err(|error| failed(&error))
    })??;
    let line = serde_json::to_string(&outcome).map_err(|error| failed(&error))?;
    print(&format!("{line}\n"))?;
    match outcome.sent.checked_sub(outcome.acked + outcome.dropped) {
        Some(0) => Ok(()),
        missing => Err(Failure::Failed(format!(
            "{} not acknowledged by the hub",
            quantity::of(missing.unwrap_or(0), "reading")
        ))),
    }
}

fn at_least_one(text: &str) -> Result<u16, String> {
    number(text).ok().filter(|count| *count > 0).ok_or_else(|| format!("'{text}' is not a number from 1 to 65535"))
}

fn sensor_count(text: &str) -> Result<u16, String> {
    at_least_one(text)
        .ok()
        .filter(|count| *count <= SensorNo::LIMIT)
        .ok_or_else(|| format!("'{text}' is not a number from 1 to {}", SensorNo::LIMIT))
}

fn interval_or_max(text: &str) -> Result<Option<Duration>, String> {
    if text == "max" {
        return Ok(None);
    }
    quantity::duration(text).and_then(|interval| match interval {
        Duration::ZERO => Err("must be longer than 0; max sends as fast as possible".to_owned()),
        interval => Ok(Some(interval)),
    })
}
