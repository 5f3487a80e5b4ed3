//! `device-agent run`: measures this machine and sends the readings to the hub.

use device_agent::agent::Agent;
use device_agent::clock;
use device_agent::input::Input;
use device_agent::sampler::Schedule;
use device_agent::sensor::Host;
use lexopt::{Arg, Parser};

use super::failure::{Failure, print};
use super::options::{Common, text};
use super::runtime::{on_one_thread, stopped};

const HELP: &str = "\
Measures this machine and streams the readings to the hub.

Usage: device-agent run [options]

  --hub HOST[:PORT]    The hub's address (port 5770 if left out); without it, the hub is found by multicast, broadcast, or
                       the names telemetry-hub and telemetry-hub.local
  --hub-words WORDS    The six words that the hub shows: the device joins this hub and no other that answers
  --join-token TOKEN   Lets the device join without approval on the hub's page (thj1_...)
  --state DIR          Folder for the identity and for unsent readings
                       (default: /var/lib/device-agent if it can be written, else ~/.local/state/device-agent)
  --name NAME          Name to show (default: the host name)
  --label KEY=VALUE    A label of the device; may be repeated
  --interval TIME      Time between samples (default: 1s)
  --config FILE        TOML file (default: /etc/device-agent.toml if it exists)
  --log-format FORMAT  text or json
  --help               This text

Every option is also a variable (DEVICE_AGENT_HUB, DEVICE_AGENT_JOIN_TOKEN, DEVICE_AGENT_LABELS=k=v,k=v ...) and a key
of the file (hub, hub_words, join_token, state, name, interval, [labels], [sensors] root, skip, include). Flags win over variables, variables
over the file. DEVICE_AGENT_LOG=debug logs more. On SIGTERM it writes unacknowledged readings to disk and exits with 0.

Measured without configuration: processors, memory, load, uptime, disks, network, temperatures (hwmon, thermal zones,
1-Wire), industrial I/O, batteries. Sensors that are plugged in or removed while it runs are noticed. A sensor that fails is
listed by `device-agent status` and on the hub until it works again; a 1-Wire thermometer that was taken away is listed for a
day. [sensors] skip = [\"temp.chip.3\"] leaves out sensors that are broken or not wanted. Network cards and mounts of
containers and virtual machines are left out; [sensors] include = [\"net.docker0.*\"] adds some of them. A device has
at most 256 sensors; one that was not seen for a day is replaced by a new one.

At most 256 KiB of a file, a command's output or a datagram are read: further lines are counted as lost, longer JSON is
refused. Commands run with LC_ALL=C. If two sources give the same name, the second one gets eight hexadecimal digits behind
it, and `device-agent status` says so. More settings of the file; tables in double brackets may be repeated:

  [discovery]
  names = [\"telemetry-hub\", \"telemetry-hub.local\"]  # looked up where no hub is given; [] for none

  [spool]                             # readings stored while the hub is away
  policy = \"drop-oldest\"              # what is dropped when full: drop-oldest, drop-newest, or thin (peaks stay)
  disk_mib = 64
  keep_for = \"7d\"                     # older readings are dropped, and counted

  [[file]]                            # a number in a file; JSON with format = \"json\" or a pointer
  name = \"tank.level\"
  path = \"/run/tank.json\"
  pointer = \"/level\"                  # RFC 6901; without it, every number in the JSON, named by its keys
  unit = \"m\"                          # UCUM-like code
  kind = \"gauge\"                      # gauge, counter or state
  scale = 0.001
  interval = \"5s\"

  [[exec]]                            # what a command prints; name, unit, kind, scale, interval, pointer as above
  name = \"ups\"
  command = [\"/usr/local/bin/ups\", \"--json\"]
  format = \"json\"                     # number, json or influx
  timeout = \"10s\"

  [[listen]]                          # Influx line protocol from other programs of this machine
  udp = \"127.0.0.1:8089\"              # or: unix = \"/run/device-agent/in.sock\"
  prefix = \"lab\"
  precision = \"ns\"                    # of timestamps: ns, us, ms or s

  [[sensor]]                          # how often sensors are reported; the first table that matches applies
  name = \"temp.*\"
  deadband = 0.5                      # smaller changes are not reported ...
  max_interval = \"5m\"                 # ... but at least this often
  min_interval = \"10s\"                # and never more often; unit and kind can be set too
";

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') => common.help = true,
            Arg::Long("interval") => common.layer.interval = Some(text(&mut parser)?),
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
    let settings = common.settle()?;
    let host = Host::new(&settings.sensor_root, settings.skip.clone()).including(settings.include.clone());
    let input = Input::host(host, Schedule::new(settings.interval, clock::now().mono));
    on_one_thread(async {
        let stopped = stopped();
        let agent = Agent::open(settings, input).map_err(|error| Failure::Failed(error.to_string()))?;
        agent.run(stopped).await.map(|_| ()).map_err(|error| Failure::Failed(error.to_string()))
    })?
}
