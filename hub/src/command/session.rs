//! `telemetry-hub session`: lists and ends the sessions of browsers. A running hub closes the live connections of an
//! ended session within a moment.

use clap::Subcommand;

use super::arguments::number;
use super::data::Data;
use super::outcome::Outcome;
use super::table::Table;
use super::{out, shown};
use crate::clock::Clock;

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the browsers that are signed in
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Sign browsers out
    #[command(group(clap::ArgGroup::new("which").required(true).args(["id", "all"])))]
    End {
        #[command(flatten)]
        data: Data,
        /// Number or id as listed
        id: Option<String>,
        /// Sign out every browser
        #[arg(long)]
        all: bool,
    },
}

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::List { data } => list(data).await,
        Action::End { data, id, .. } => {
            let id = id.map(|id| number(&id, "ses_")).transpose()?;
            let store = data.open()?;
            match id {
                Some(id) => store.end_session(id, None).await?,
                None => store.end_sessions(None, None).await?,
            }
            store.close().await?;
            Ok(())
        }
    }
}

async fn list(data: Data) -> Outcome {
    let (store, now) = (data.open()?, Clock.wall());
    let mut table = Table::new(["ID", "USER", "SIGNED IN", "LAST USED", "ENDS", "ADDRESS", "BROWSER"]);
    for session in store.sessions(now).await? {
        table.row([
            format!("ses_{}", session.id),
            shown::name(&session.user_name),
            shown::moment(session.created_at),
            shown::ago(session.used_at, now),
            shown::moment(session.ends_at),
            session.address,
            shown::name(&session.browser),
        ]);
    }
    store.close().await?;
    out::write(&table.text());
    Ok(())
}
