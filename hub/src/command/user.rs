//! `telemetry-hub user`: the people who sign in; with a running hub, or before its first start. A running hub signs out
//! at once everybody who may no longer sign in.

use std::path::Path;

use clap::{Subcommand, ValueEnum};

use super::data::Data;
use super::out::print;
use super::outcome::{Failure, Outcome};
use super::table::Table;
use super::{banner, out, shown};
use crate::clock::Clock;
use crate::links;
use crate::model::text;
use crate::model::user::{self, User, UserChange, called};
use crate::running::Running;
use crate::store::Store;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the people who sign in
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Add a user, and print a link to choose a password within 24 hours
    Add {
        #[command(flatten)]
        data: Data,
        /// Name to sign in with
        name: String,
        /// What they may do
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Change the role of a user, who then has to sign in again
    Role {
        #[command(flatten)]
        data: Data,
        /// Name or id as listed
        user: String,
        /// What they may do
        #[arg(value_enum)]
        role: Role,
    },
    /// Sign a user out, and refuse them from now on
    Disable {
        #[command(flatten)]
        data: Data,
        /// Name or id as listed
        user: String,
    },
    /// Let a disabled user sign in again
    Enable {
        #[command(flatten)]
        data: Data,
        /// Name or id as listed
        user: String,
    },
    /// Sign a user out, and delete them
    Remove {
        #[command(flatten)]
        data: Data,
        /// Name or id as listed
        user: String,
    },
}

/// `--role`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// See everything, change nothing
    Viewer,
    /// See everything, acknowledge and silence alerts, change rules, add, name and block devices
    Operator,
    /// Everything, also users, tokens, webhooks and settings
    Admin,
}

impl From<Role> for user::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

pub(super) async fn run(action: Action) -> Outcome {
    let enable = |enabled| UserChange { enabled: Some(enabled), ..UserChange::default() };
    match action {
        Action::List { data } => list(data).await,
        Action::Add { data, name, role } => add(data, &name, role.into()).await,
        Action::Role { data, user, role } => {
            change(data, &user, UserChange { role: Some(role.into()), ..UserChange::default() }).await
        }
        Action::Disable { data, user } => change(data, &user, enable(false)).await,
        Action::Enable { data, user } => change(data, &user, enable(true)).await,
        Action::Remove { data, user } => {
            let store = data.open()?;
            store.delete_user(find(&store, &user).await?.id).await?;
            store.close().await?;
            Ok(())
        }
    }
}

async fn list(data: Data) -> Outcome {
    let (store, now) = (data.open()?, Clock.wall());
    let mut table = Table::new(["ID", "NAME", "ROLE", "STATE", "SECOND FACTOR", "LAST SEEN"]);
    for user in store.users().await? {
        let is_invited = user.invited_until.is_some_and(|until| until > now);
        let state = match (user.enabled, user.has_password) {
            (false, _) => "disabled",
            (true, true) => "active",
            (true, false) if is_invited => "invited",
            (true, false) => "no password",
        };
        table.row([
            format!("usr_{}", user.id),
            shown::name(&user.name),
            user.role.word().to_owned(),
            state.to_owned(),
            if user.second_factor { "on" } else { "off" }.to_owned(),
            user.seen_at.map_or_else(|| "never".to_owned(), |at| shown::ago(at, now)),
        ]);
    }
    store.close().await?;
    out::write(&table.text());
    Ok(())
}

async fn add(data: Data, name: &str, role: user::Role) -> Outcome {
    let name = text::person("name", name).map_err(|error| Failure::Use(error.to_string()))?;
    let (dir, now) = (data.of_a_hub()?, Clock.wall());
    let store = super::data::open(&dir)?;
    if store.passwords()? == 0 {
        let detail = "no admin password is set yet: run `telemetry-hub open` and set it first";
        return Err(Failure::Run(anyhow::anyhow!(detail)));
    }
    let (path, invite) = links::invite(now)?;
    let user = store.create_user(name, role, invite, now).await?;
    store.close().await?;
    let title = format!("{} is added. Give them this link; it works once, within 24 hours:", user.name);
    let asleep = format!("{} is added. Once the hub runs, their link is its address and {path}", user.name);
    print_links(&dir, &path, &title, &asleep);
    Ok(())
}

async fn change(data: Data, who: &str, change: UserChange) -> Outcome {
    let store = data.open()?;
    store.change_user(find(&store, who).await?.id, change, Clock.wall()).await?;
    store.close().await?;
    Ok(())
}

/// Somebody by name or id.
pub(super) async fn find(store: &Store, who: &str) -> Result<User, Failure> {
    let users = store.users().await?;
    let is_meant = |user: &&User| format!("usr_{}", user.id) == who || called(&user.name) == called(who);
    let names = || users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(", ");
    users.iter().find(is_meant).cloned().ok_or_else(|| Failure::Use(format!("there is no user '{who}' ({})", names())))
}

/// Prints a link at every address of the hub that runs; where none does, what to do instead.
pub(super) fn print_links(dir: &Path, path: &str, title: &str, asleep: &str) {
    let Some(running) = Running::of(dir) else { return print(asleep) };
    let pages = running.links();
    let links: Vec<String> = pages.iter().map(|page| format!("{page}{path}")).collect();
    print(banner::boxed(title, &links, banner::note(&links)));
}
