//! `device-agent simulate`: sends what a fleet of devices would send.

use std::net::SocketAddr;
use std::time::Duration;

use device_agent::config::{check_host_port, with_port};
use device_agent::fleet::{Fleet, History, Plan};
use device_agent::netem::Conditions;
use device_agent::quantity;
use device_agent::random::Random;
use lexopt::{Arg, Parser};
use wire::SensorNo;
use wire::handshake::JoinToken;

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

/// What the options say of the fleet.
struct Options {
    common: Common,
    conditions: Conditions,
    devices: u16,
    sensors: u16,
    batch: usize,
    in_flight: u32,
    interval: Option<Duration>,
    duration: Option<Duration>,
    seed: Option<u64>,
    skew: Duration,
    reboots: f64,
    history: Duration,
    fault: bool,
}

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let options = Options::read(&mut parser)?;
    if options.common.help {
        return print(HELP);
    }
    options.common.start_log()?;
    let (hub, token) = (options.hub()?, options.token()?);
    let seed = match options.seed {
        Some(seed) => seed,
        None => Random::from_system().map_err(|error| failed(&error))?.bits(),
    };
    let throughput = on_one_thread(async {
        let address = tokio::net::lookup_host(&hub).await.ok().and_then(|mut found| found.next());
        let hub = address.ok_or_else(|| Failure::Failed(format!("cannot find {hub}")))?;
        let (devices, sensors) = (options.devices, options.sensors);
        let stopped = stopped();
        let fleet = Fleet::open(options.plan(hub, token, seed)).await.map_err(|error| failed(&error))?;
        let (devices, sensors) = (quantity::of(devices.into(), "device"), quantity::of(sensors.into(), "sensor"));
        tracing::info!(seed, "{devices} with {sensors} each, seed {seed}");
        fleet.run(stopped).await.map_err(|error| failed(&error))
    })??;
    let line = serde_json::to_string(&throughput).map_err(|error| failed(&error))?;
    print(&format!("{line}\n"))?;
    match throughput.sent.checked_sub(throughput.acked + throughput.dropped) {
        Some(0) => Ok(()),
        missing => Err(Failure::Failed(format!(
            "{} not acknowledged by the hub",
            quantity::of(missing.unwrap_or(0), "reading")
        ))),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

impl Options {
    /// Reads them; what is left out is as the help says.
    fn read(parser: &mut Parser) -> Result<Self, Failure> {
        let mut options = Self {
            common: Common::default(),
            conditions: Conditions::default(),
            devices: 10,
            sensors: 10,
            batch: 100,
            in_flight: 64,
            interval: Some(Duration::from_secs(1)),
            duration: None,
            seed: None,
            skew: Duration::ZERO,
            reboots: 0.0,
            history: Duration::ZERO,
            fault: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Short('h') => options.common.help = true,
                Arg::Long(option @ ("hub" | "join-token" | "name" | "label" | "log-format" | "help")) => {
                    let option = option.to_owned();
                    options.common.take(&option, parser)?;
                }
                Arg::Long(option) => {
                    let option = option.to_owned();
                    options.take(&option, parser)?;
                }
                other @ (Arg::Short(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// Takes one option that only this command has.
    fn take(&mut self, option: &str, parser: &mut Parser) -> Result<(), Failure> {
        match option {
            "devices" => self.devices = checked("--devices", &text(parser)?, at_least_one)?,
            "sensors" => self.sensors = checked("--sensors", &text(parser)?, sensor_count)?,
            "batch" => self.batch = checked("--batch", &text(parser)?, at_least_one)?.into(),
            "in-flight" => self.in_flight = checked("--in-flight", &text(parser)?, at_least_one)?.into(),
            "interval" => self.interval = checked("--interval", &text(parser)?, interval_or_max)?,
            "duration" => self.duration = Some(checked("--duration", &text(parser)?, quantity::duration)?),
            "seed" => self.seed = Some(checked("--seed", &text(parser)?, number)?),
            "loss" => self.conditions.loss = checked("--loss", &text(parser)?, quantity::share)?,
            "duplicate" => self.conditions.duplicate = checked("--duplicate", &text(parser)?, quantity::share)?,
            "reorder" => self.conditions.reorder = checked("--reorder", &text(parser)?, quantity::share)?,
            "skew" => self.skew = checked("--skew", &text(parser)?, quantity::duration)?,
            "reboot" => self.reboots = checked("--reboot", &text(parser)?, quantity::rate)?,
            "history" => self.history = checked("--history", &text(parser)?, quantity::duration)?,
            "fault" => self.fault = true,
            other => return Err(Arg::Long(other).unexpected().into()),
        }
        Ok(())
    }

    /// The hub with its port.
    fn hub(&self) -> Result<String, Failure> {
        let missing = || Failure::Usage("--hub HOST is missing: simulate does not search for a hub".to_owned());
        let hub = with_port(self.common.layer.hub.as_deref().ok_or_else(missing)?);
        checked("--hub", &hub, check_host_port)?;
        Ok(hub)
    }

    fn token(&self) -> Result<Option<JoinToken>, Failure> {
        let parse = |token: &str| token.parse().map_err(|error| format!("{error}"));
        self.common.layer.join_token.as_ref().map(|token| checked("--join-token", token, parse)).transpose()
    }

    fn plan(self, hub: SocketAddr, token: Option<JoinToken>, seed: u64) -> Plan {
        Plan {
            hub,
            token,
            devices: self.devices,
            sensors: self.sensors,
            interval: self.interval,
            batch: self.batch,
            in_flight: self.in_flight,
            duration: self.duration,
            seed,
            name: self.common.layer.name.unwrap_or_else(|| "sim".to_owned()),
            labels: self.common.layer.labels.into_iter().collect(),
            history: (self.history > Duration::ZERO).then_some(History { span: self.history, fault: self.fault }),
            conditions: self.conditions,
            skew: self.skew,
            reboots: self.reboots,
        }
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
