//! `telemetry-hub open`: prints links that sign one browser in, once, within ten minutes.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::data::Data;
use super::data::{self, asleep};
use super::out::print;
use super::outcome::{Failure, Outcome};
use super::remote::page;
use super::setup;
use crate::clock::Clock;
use crate::links;
use crate::reach;
use crate::running::Running;

/// How long to wait for a hub on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Flags of `open`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// Where browsers reach the hub [default: every address of this machine]
    #[arg(long, value_name = "URL")]
    hub: Option<String>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let dir = args.data.of_a_hub()?;
    let pages = match args.hub {
        Some(hub) => vec![page(&hub)],
        None => match Running::of(&dir).filter(|running| answers(running.http)) {
            Some(running) => running.links(),
            None => return Err(Failure::Run(anyhow::anyhow!(asleep(&dir)))),
        },
    };
    let store = data::open(&dir)?;
    let path = match setup::token(&store, &dir).await? {
        Some(token) => format!("/#setup={token}"),
        None => format!("/#login={}", links::mint_login_code(&store, Clock.wall()).await?),
    };
    store.close().await?;
    for page in pages {
        print(format_args!("{page}{path}"));
    }
    Ok(())
}

/// Whether somebody listens there.
pub(super) fn answers(http: SocketAddr) -> bool {
    TcpStream::connect_timeout(&reach::here(http), PATIENCE).is_ok()
}
