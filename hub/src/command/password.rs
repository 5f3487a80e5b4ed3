//! `telemetry-hub password reset`: for whoever forgot it, and has the hub's data directory.

use clap::Subcommand;

use super::{Data, Outcome, banner, data, print, setup};
use crate::http::auth;
use crate::reach;
use crate::running::Running;

/// What to do with the password.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Forget the admin password, sign every browser out, and print links to set another. API tokens stay valid
    Reset {
        #[command(flatten)]
        data: Data,
    },
}

pub(super) async fn run(action: Action) -> Outcome {
    let Action::Reset { data } = action;
    let dir = data.of_a_hub()?;
    let store = data::open(&dir)?;
    store.put_setting_and_end_sessions(auth::ADMIN_PASSWORD, Vec::new(), None).await?;
    let token = setup::token(&store, &dir).await?.unwrap_or_default();
    store.close().await?;
    let Some(running) = Running::of(&dir) else {
        print("The password is reset. Once the hub runs, `telemetry-hub open` prints a link to set another.");
        return Ok(());
    };
    let links: Vec<String> = reach::links(running.http, reach::hostname().as_deref())
        .iter()
        .map(|link| format!("{link}/#setup={token}"))
        .collect();
    print(banner::boxed(
        "The password is reset and every browser is signed out. Set another:",
        &links,
        super::serve::note(&links),
    ));
    Ok(())
}
