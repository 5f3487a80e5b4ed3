//! The line protocol over UDP and TCP, as Telegraf's `socket_writer`, collectors and small boards send it.
//!
//! ```text
//!   udp: datagram ──▶ cut? ─┐
//!   tcp: bytes ──▶ frames ──┴─▶ parcels (bounded) ──▶ keeper: gathers what waits, one group at a time ──▶ on disk
//! ```
//!
//! Nobody is answered, so what a datagram brings is lost where there is no room for it, and that is counted. A connection is not read
//! while there is none, which its sender feels. The unit of timestamps is told by their size, as version 3 of InfluxDB does it.

mod cut;
mod frames;
mod keeper;
mod kernel;
mod parcel;
mod tcp;
mod udp;

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

use self::keeper::Keeper;
use self::parcel::parcels;
use super::allowed::Allowed;
use super::tally::{Dropped, Tally};
use crate::ingest::way::Way;

/// How often it is looked at what the kernel dropped, and whether the log is to be told.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the two count.
#[derive(Debug)]
pub(crate) struct Tallies {
    pub udp: Arc<Tally>,
    pub tcp: Arc<Tally>,
}

impl Default for Tallies {
    fn default() -> Self {
        let of = |door| Arc::new(Tally::of(door));
        Self { udp: of("line protocol over UDP"), tcp: of("line protocol over TCP") }
    }
}

/// What the doors work with.
#[derive(Clone)]
pub(crate) struct Doors {
    pub way: Way,
    pub tallies: Arc<Tallies>,
    /// Networks that they are open to.
    pub allow: Vec<IpNet>,
}

impl Doors {
    /// Takes datagrams until `stop`, then stores what came.
    ///
    /// # Errors
    /// The socket failed.
    pub(crate) async fn run_udp(self, socket: UdpSocket, stop: CancellationToken) -> std::io::Result<()> {
        let (sender, receiver) = parcels();
        let allowed = Allowed::of(&self.allow);
        say_so("UDP", socket.local_addr()?, &allowed);
        let keeper = Keeper::new(self.way, &self.tallies.udp, "line_udp", None);
        let taken = udp::run(&socket, &allowed, sender, &self.tallies.udp, stop);
        let mut dropped = 0;
        let look = || {
            let now = kernel::dropped(&socket);
            let more = now.saturating_sub(dropped);
            if more > 0 {
                dropped = now;
                let say = || "datagrams came faster than they were read".to_owned();
                self.tallies.udp.dropped(Dropped::Kernel, more as usize, say);
            }
        };
        let work = async { tokio::join!(taken, keeper.run(receiver)).0 };
        watched(&self.tallies.udp, look, work).await
    }

    /// Takes connections until `stop`, then stores what came.
    ///
    /// # Errors
    /// The listener failed.
    pub(crate) async fn run_tcp(self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let (sender, receiver) = parcels();
        let allowed = Allowed::of(&self.allow);
        say_so("TCP", listener.local_addr()?, &allowed);
        let keeper = Keeper::new(self.way, &self.tallies.tcp, "line_tcp", Some(stop.clone()));
        let taken = tcp::run(&listener, &allowed, sender, &self.tallies.tcp, stop);
        let work = async {
            tokio::join!(taken, keeper.run(receiver));
        };
        watched(&self.tallies.tcp, || {}, work).await;
        Ok(())
    }
}

/// Does the work of a door and tells the log in time, and at the end, what was dropped.
async fn watched<T>(tally: &Tally, mut look: impl FnMut(), work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        let done = tokio::time::timeout(LOOK_EVERY, &mut work).await;
        look();
        tally.say_the_rest(done.is_ok());
        if let Ok(done) = done {
            return done;
        }
    }
}

fn say_so(transport: &str, address: std::net::SocketAddr, allowed: &Allowed) {
    tracing::warn!(
        "line protocol over {transport} on {address} is unauthenticated: whoever can send from {allowed} (`--line-allow`) writes \
         readings of any device that has no agent for them"
    );
}
