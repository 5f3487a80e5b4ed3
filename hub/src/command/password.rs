//! `telemetry-hub password reset`: for people who forgot their password and can read the hub's data directory.

use clap::Subcommand;

use super::data::Data;
use super::outcome::{Failure, Outcome};
use super::{data, setup, user};
use crate::clock::Clock;
use crate::links;
use crate::model::user::User;
use crate::store::Store;

/// What to do with a password.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Delete a password, sign its user out everywhere, and print links to set another. API tokens stay valid
    Reset {
        #[command(flatten)]
        data: Data,
        /// User, by name or id; required when there are several users
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Turn the second factor off as well
        #[arg(long)]
        second_factor: bool,
    },
}

pub(super) async fn run(action: Action) -> Outcome {
    let Action::Reset { data, user, second_factor } = action;
    let dir = data.of_a_hub()?;
    let store = data::open(&dir)?;
    let whose = whose(&store, user).await?;
    let now = Clock.wall();
    if let (Some(user), true) = (&whose, second_factor) {
        store.turn_off_second_factor(user.id).await?;
    }
    let is_only = store.users().await?.len() < 2;
    let path = match whose {
        Some(user) if !is_only => {
            let (path, invite) = links::invite(now)?;
            store.reset_user(user.id, Some(invite), now).await?;
            path
        }
        only => {
            if let Some(user) = only {
                store.reset_user(user.id, None, now).await?;
            }
            format!("/#setup={}", setup::token(&store, &dir).await?.unwrap_or_default())
        }
    };
    store.close().await?;
    let asleep = if is_only {
        "The password is reset. Once the hub runs, `telemetry-hub open` prints a link to set another.".to_owned()
    } else {
        format!("The password is reset. Once the hub runs, the link that sets another is its address and {path}")
    };
    let title = "The password is reset and its user is signed out everywhere. Set another:";
    user::print_links(&dir, &path, title, &asleep);
    Ok(())
}

/// Whose password is meant: that of the only user where nobody is named; nobody's where there is none yet.
async fn whose(store: &Store, named: Option<String>) -> Result<Option<User>, Failure> {
    if let Some(named) = named {
        return user::find(store, &named).await.map(Some);
    }
    let mut users = store.users().await?;
    if users.len() > 1 {
        let names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
        return Err(Failure::Use(format!(
            "this hub has several users: say whose with --user NAME ({})",
            names.join(", ")
        )));
    }
    Ok(users.pop())
}
