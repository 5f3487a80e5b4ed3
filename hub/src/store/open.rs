//! Opening: the engine, what lives in memory, and the two threads.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::cap::Cap;
use super::catalog::webhooks;
use super::engine::{Engine, Role, Writes};
use super::handle::{Inner, Store};
use super::memory::Memory;
use super::readers::Readers;
use super::rebuild::rebuild;
use super::sqlite::open::{Opening, is_in};
use super::windows::Unsaved;
use super::write::writer;
use super::{Config, Result, SecretKey, maker, secret};
use crate::model::limits::Limits;

impl Store {
    /// Opens or makes the database in `config.dir`, migrates it, rebuilds what lives in memory, starts the writer.
    ///
    /// # Errors
    /// Anything wrong with the directory or the file; [`Error::Locked`](super::Error::Locked) when another hub has it.
    pub fn open(config: &Config, secret_key: &SecretKey) -> Result<Self> {
        secret::private_dir(&config.dir)?;
        let mut opening = Opening::of_hub(&config.dir, secret_key, config.clock.clone())?;
        let prepared = match prepare(config, Role::Owner, &mut opening) {
            Err(error) if opening.sets_aside(&error, secret_key)? => prepare(config, Role::Owner, &mut opening),
            prepared => prepared,
        };
        start(config, secret_key, Role::Owner, prepared?, opening.keep())
    }

    /// Whether there is a database in a directory, or one that was set aside.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        is_in(dir)
    }

    /// Opens the database beside a running hub, for commands that manage access. Nothing of the head is read, so `latest`
    /// knows nothing; the hub learns of writes by [`Store::changed_elsewhere`].
    ///
    /// # Errors
    /// Anything wrong with the directory or the file.
    pub fn open_beside(config: &Config, secret_key: &SecretKey) -> Result<Self> {
        secret::private_dir(&config.dir)?;
        // What `recover` brings back was there before.
        let config = &Config { limits: Limits::NONE, ..config.clone() };
        let mut opening = Opening::beside_hub(&config.dir, config.clock.clone());
        let prepared = prepare(config, Role::Beside, &mut opening)?;
        start(config, secret_key, Role::Beside, prepared, opening.keep())
    }
}

/// An open database and what it says, before anybody works with it.
struct Prepared {
    engine: Arc<dyn Engine>,
    writes: Box<dyn Writes>,
    memory: Arc<Memory>,
    unsaved: Unsaved,
}

fn prepare(config: &Config, role: Role, opening: &mut Opening) -> Result<Prepared> {
    let cap = Cap::of(config.max_bytes);
    let (engine, writes) = opening.connect(cap)?;
    let memory = Arc::new(Memory::new(engine.clone(), cap, config.limits, config.retention.clone()));
    let tx = writes.tx();
    tx.load_catalog(&mut memory.catalog_mut())?;
    let unsaved = match role {
        Role::Owner => {
            *memory.windows_mut() = tx.windows()?;
            rebuild(tx, &memory)?
        }
        Role::Beside => Unsaved::new(),
    };
    memory.counters.journal_rows.store(tx.journal_rows()?, Ordering::Relaxed);
    if let Some(checked) = opening.checked()? {
        memory.set_checked(checked);
    }
    Ok(Prepared { engine, writes, memory, unsaved })
}

fn start(
    config: &Config,
    key: &SecretKey,
    role: Role,
    Prepared { engine, writes, memory, unsaved }: Prepared,
    keep: impl Send + 'static,
) -> Result<Store> {
    webhooks::seal_plain(writes.tx(), key)?;
    let readers = Readers::open(&*engine, config.readers)?;
    let desk = engine.reader()?;
    let seen = desk.ask().writes_beside()?;
    let (inbox, writer) = writer::spawn((writes, unsaved), (memory.clone(), config.clock.clone()), role, keep)?;
    let maker = match role {
        Role::Owner => Some(maker::spawn(engine.reader()?, (memory.clone(), config.clock.clone()), &inbox)?),
        Role::Beside => None,
    };
    let inner = Inner {
        engine,
        memory,
        readers,
        inbox: Mutex::new(Some(inbox)),
        writer: Mutex::new(Some(writer)),
        maker: Mutex::new(maker),
        desk: Mutex::new((desk, seen)),
        key: key.clone(),
        actor: config.actor.clone(),
        clock: config.clock.clone(),
    };
    Ok(Store { inner: Arc::new(inner) })
}
