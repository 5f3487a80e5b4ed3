//! `device-agent id`: prints this device's id and its six words.

use device_agent::identity::Identity;
use device_agent::status;
use device_agent::uplink::words_of;
use lexopt::{Arg, Parser};

use super::failure::{Failure, print};
use super::options::Common;

const HELP: &str = "\
Prints this device's id and its six words, and creates the identity if there is none.

Usage: device-agent id [--state DIR]
";

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => common.help = true,
            Arg::Long(option @ ("state" | "config")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    if common.help {
        return print(HELP);
    }
    let settings = common.settings()?;
    // A running agent holds the folder, and knows the answer.
    if let Ok(report) = status::ask(&settings.state) {
        return print(&format!("{}\n{}\n", report.id, report.words));
    }
    let identity = Identity::open(&settings.state).map_err(|error| Failure::Failed(error.to_string()))?;
    print(&format!("{}\n{}\n", identity.id(), words_of(&identity.keys().public)))
}
