//! `device-agent replay`: sends a recorded series from a CSV file.

use std::path::PathBuf;

use device_agent::agent::Agent;
use device_agent::clock;
use device_agent::input::Input;
use device_agent::quantity;
use device_agent::sensor::replay;
use lexopt::{Arg, Parser};
use wire::SensorSpec;

use super::failure::{Failure, print};
use super::options::{Common, checked, text};
use super::runtime::{on_one_thread, stopped};

const HELP: &str = "\
Sends a recorded series with its own times, and ends when the hub has all of it on disk. Readings whose times are current (within
10 s) count as live, as if measured: alerts fire. Older ones count as received late.

Usage: device-agent replay FILE.csv --sensor NAME [options]

  --sensor NAME            Name of the sensor the readings belong to
  --timestamp-column NAME  Column of the times (default: timestamp); UTC unless they say otherwise
  --value-column NAME      Column of the values (default: value)
  --speed FACTORx|max      How much faster than recorded (default: max)

  --hub, --join-token, --state, --name, --label, --config, --log-format, --help: as for `device-agent run`.
  A state folder serves one agent at a time: beside a running one, name another with --state.
";

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    let (mut file, mut sensor, mut speed) = (None::<PathBuf>, None::<String>, None);
    let (mut timestamps, mut values) = ("timestamp".to_owned(), "value".to_owned());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') => common.help = true,
            Arg::Value(path) if file.is_none() => file = Some(path.into()),
            Arg::Long("sensor") => sensor = Some(text(&mut parser)?),
            Arg::Long("timestamp-column") => timestamps = text(&mut parser)?,
            Arg::Long("value-column") => values = text(&mut parser)?,
            Arg::Long("speed") => speed = checked("--speed", &text(&mut parser)?, quantity::speed)?,
            Arg::Long(option) => {
                let option = option.to_owned();
                if !common.take(&option, &mut parser)? {
                    return Err(Arg::Long(&option).unexpected().into());
                }
            }
            other @ (Arg::Short(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    if common.help {
        return print(HELP);
    }
    let file =
        file.ok_or_else(|| Failure::Usage("name a CSV file: device-agent replay FILE.csv --sensor NAME".to_owned()))?;
    let sensor = sensor.ok_or_else(|| Failure::Usage("--sensor NAME is missing".to_owned()))?;
    if sensor.is_empty() || sensor.len() > SensorSpec::NAME_LIMIT || wire::text::unseen(&sensor).is_some() {
        return Err(Failure::Usage(format!(
            "--sensor: 1 to {} bytes without invisible or control characters",
            SensorSpec::NAME_LIMIT
        )));
    }
    let series = replay::read(&file, &timestamps, &values).map_err(Failure::Usage)?;
    let settings = common.settle()?;
    let readings = series.len();
    let input = Input::Recording { sensor, series, position: 0, speed, since: clock::now().mono };
    let ended = on_one_thread(async {
        let stopped = stopped();
        let agent = Agent::open(settings, input).map_err(|error| Failure::Failed(error.to_string()))?;
        agent.run(stopped).await.map_err(|error| Failure::Failed(error.to_string()))
    })??;
    let taken = ended.played.map_or(0, |(taken, _)| taken);
    if taken < readings {
        let unsent = if ended.kept == 0 {
            "all of them stored by the hub"
        } else {
            "the last ones are kept until the next start"
        };
        tracing::warn!(taken, readings, "replay stopped: {taken} of {readings} readings were sent, {unsent}");
    } else {
        tracing::info!(readings, "replay ended: {} on the hub", quantity::of(readings as u64, "reading"));
    }
    Ok(())
}
