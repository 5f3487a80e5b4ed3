//! Readers: read-only connections, a bounded queue in front of them, and a deadline on each query.
//!
//! A query runs on a thread that may wait for the disk, unless it is so short that waking that thread and being woken by it
//! would take longer than the query.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::engine::snapshot::Snapshot;
use super::engine::{Engine, Held, Reads, Stop};
use super::error::{Error, Result};

/// Queries that may wait for a reader: a page of a dashboard asks some twenty at once, three people look.
const WAITING: usize = 64;
/// Longest a query may run; a person has given up by then.
const DEADLINE: Duration = Duration::from_secs(10);

/// The pool. Cheap to clone.
#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Box<dyn Reads>>>>,
    count: usize,
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Readers {
    /// Opens `count` connections.
    pub(super) fn open(engine: &dyn Engine, count: usize) -> Result<Self> {
        let count = count.max(1);
        let idle = (0..count).map(|_| engine.reader()).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            count,
            permits: Arc::new(Semaphore::new(count)),
            waiting: Arc::default(),
        })
    }

    /// Runs `work` on a reader. A caller that goes away stops it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.take().await?.run(work).await
    }

    /// One reader, waited for if need be, and up to `most` in all if they are free: as many as there are cores, and none of the last
    /// half, which is for whoever comes next.
    pub(super) async fn lend(&self, most: usize) -> Result<Vec<Reader>> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut readers = vec![self.take().await?];
        while readers.len() < most.min(cores) && self.permits.available_permits() > self.count / 2 {
            let Ok(permit) = self.permits.clone().try_acquire_owned() else { break };
            readers.push(self.with(permit));
        }
        Ok(readers)
    }

    /// Readers at work, and queries that wait for one.
    pub(super) fn reads(&self) -> usize {
        self.count - self.permits.available_permits().min(self.count) + self.waiting.load(Ordering::Relaxed)
    }

    /// One reader, waited for if need be.
    pub(super) async fn take(&self) -> Result<Reader> {
        let permits = self.permits.clone();
        let permit = if let Ok(permit) = permits.clone().try_acquire_owned() {
            permit
        } else {
            let _place = Queued::take(&self.waiting)?;
            tokio::time::timeout(DEADLINE, permits.acquire_owned())
                .await
                .map_err(|_| Error::Busy("no reader became free"))?
                .map_err(|_| Error::Closed)?
        };
        Ok(self.with(permit))
    }

    fn with(&self, permit: OwnedSemaphorePermit) -> Reader {
        let conn = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Reader { conn, stopped: Arc::default(), idle: self.idle.clone(), _permit: permit }
    }
}

/// A place in the queue.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            return Err(Error::Busy("too many reads at once"));
        }
        Ok(place)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection on loan; goes back when dropped.
pub(super) struct Reader {
    conn: Option<Box<dyn Reads>>,
    stopped: Arc<AtomicBool>,
    idle: Arc<Mutex<Vec<Box<dyn Reads>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// Runs `work` on a thread that may wait for the disk. A caller that goes away stops it.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (handle, stopped) = (self.conn()?.stop(), self.stopped.clone());
        // The reader comes back with the result: it is not in the pool while `stop`, dropped first, may still interrupt it.
        let mut job = tokio::task::spawn_blocking(move || (work(&self), self));
        let stop = Deadline { handle, stopped };
        let finished = tokio::select! {
            finished = &mut job => finished,
            () = tokio::time::sleep(DEADLINE) => {
                stop.now();
                job.await
            }
        };
        stop.stopped.store(true, Ordering::Relaxed);
        let (outcome, _reader) = finished.map_err(|_| Error::Corrupt { what: "query result" })?;
        outcome
    }

    /// Like [`Reader::run`], but right here when the work is done in a fraction of a millisecond.
    pub(super) async fn run_here_if<T: Send + 'static>(
        self,
        is_short: bool,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if is_short { work(&self) } else { self.run(work).await }
    }

    /// Fails once the query is too late or unwanted: to be asked between statements.
    pub(super) fn go_on(&self) -> Result<()> {
        if self.stopped.load(Ordering::Relaxed) { Err(Error::Busy("the query took too long")) } else { Ok(()) }
    }

    /// What questions are put to, each answered as of its own moment.
    pub(super) fn ask(&self) -> Result<&dyn Snapshot> {
        Ok(self.conn()?.ask())
    }

    /// One moment: all questions put to it are answered as of the first.
    pub(super) fn snapshot(&self) -> Result<Moment<'_>> {
        let conn = self.conn()?;
        Ok(Moment { ask: conn.ask(), _held: conn.hold()? })
    }

    fn conn(&self) -> Result<&dyn Reads> {
        self.conn.as_deref().ok_or(Error::Closed)
    }
}

/// One moment of the database, as long as it is held.
pub(super) struct Moment<'a> {
    ask: &'a dyn Snapshot,
    _held: Box<dyn Held + 'a>,
}

impl<'a> Deref for Moment<'a> {
    type Target = dyn Snapshot + 'a;

    fn deref(&self) -> &Self::Target {
        self.ask
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}

/// Stops the query when the deadline passes or the caller goes away.
struct Deadline {
    handle: Box<dyn Stop>,
    stopped: Arc<AtomicBool>,
}

impl Deadline {
    fn now(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.handle.stop();
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if !self.stopped.swap(true, Ordering::Relaxed) {
            self.handle.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::path::Path;

    use futures_util::stream::FuturesUnordered;
    use futures_util::{FutureExt, StreamExt};
    use rusqlite::Connection;

    use super::*;
    use crate::store::sqlite::open::Sqlite;

    /// Of a database in which it takes for ever to count users, and no time to count silences.
    fn one_reader(dir: &Path) -> Readers {
        let file = dir.join("test.db");
        let made = "CREATE TABLE silence (id); CREATE VIEW user AS
            WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n";
        Connection::open(&file).unwrap().execute_batch(made).unwrap();
        Readers::open(&Sqlite::at(file), 1).unwrap()
    }

    async fn for_ever(readers: &Readers) -> Result<u32> {
        readers.run(|reader| reader.ask()?.user_count()).await
    }

    async fn at_once(readers: &Readers) -> Result<u64> {
        readers.run(|reader| reader.ask()?.silence_count()).await
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_frees_its_reader() {
        let dir = tempfile::tempdir().unwrap();
        let readers = one_reader(dir.path());
        let gone = tokio::time::timeout(Duration::from_millis(50), for_ever(&readers)).await;
        assert!(gone.is_err());
        let next = tokio::time::timeout(Duration::from_secs(5), at_once(&readers)).await;
        assert_eq!(next.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn beyond_the_queue_a_read_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let readers = one_reader(dir.path());
        // The only reader is out until all have asked: however quick an answer is, it frees no place.
        let busy = readers.take().await.unwrap();
        let mut asked: FuturesUnordered<_> = (0..WAITING + 2).map(|_| at_once(&readers)).collect();
        for _ in 0..2 {
            assert!(matches!(asked.next().await, Some(Err(Error::Busy(_)))));
        }
        assert!(asked.next().now_or_never().is_none());
        drop(busy);
        assert!(asked.all(|answer| ready(answer.is_ok())).await);
        assert_eq!(at_once(&readers).await.unwrap(), 0);
    }
}
