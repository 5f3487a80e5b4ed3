//! `telemetry-hub open`: a link that signs one browser in, once, within ten minutes.

use super::{Data, Outcome, print};
use crate::clock::Clock;
use crate::http::auth;

/// Flags of `open`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// Where browsers reach the hub
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    hub: String,
}

pub(super) async fn run(args: Args) -> Outcome {
    let store = args.data.open()?;
    let page = args.hub.trim_end_matches('/');
    let link = match auth::mint_setup_token(&store).await? {
        Some(token) => format!("{page}/#setup={token}"),
        None => format!("{page}/#login={}", auth::mint_login_code(&store, Clock.wall()).await?),
    };
    store.close().await?;
    print(link);
    Ok(())
}
