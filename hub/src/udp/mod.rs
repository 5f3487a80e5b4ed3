//! The UDP shell: runs one [`Endpoint`] on one socket, and the discovery responder on others.
//!
//! It decides nothing. A batch leaves the endpoint only with a permit of the pipeline's channel. While the pipeline is
//! full, batches stay in the endpoint, which then drops datagrams before they change anything: they are not
//! acknowledged, and the devices send them again. At the end the shell stops reading, waits until the pipeline is
//! empty, and sends the last acknowledgements.

pub(crate) mod discovery;
pub(crate) mod socket;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ingest::Receipt;
use crate::ingest::queue::Entrance;
use crate::pressure::{Gauge, Pressure};
use crate::proto::Moment;
use crate::proto::command::Command;
use crate::proto::endpoint::{Endpoint, MAX_BATCHES};
use crate::proto::event::Event;
use socket::{Inbox, Socket};

/// Handshakes that are handled between two looks at the socket: 1.6 ms, so that data never waits longer for them.
const HANDSHAKES_A_TURN: usize = 4;
/// While every receive call fills the inbox, data may still be waiting in the socket: only every so many such calls in a row one
/// handshake (0.4 ms) is let through.
const FULL_LOOKS: u32 = 8;
/// How long the last acknowledgements may take at the end.
const LINGER: Duration = Duration::from_secs(5);

/// What the shell works with.
pub(crate) struct Driver {
    pub endpoint: Endpoint,
    pub socket: Socket,
    pub batches: Entrance,
    pub events: mpsc::Sender<Event>,
    pub receipts: mpsc::Receiver<Receipt>,
    /// From the rest of the hub.
    pub commands: mpsc::Receiver<Command>,
    /// What is given up at the moment: measured here, where the way to the disk begins.
    pub pressure: Arc<Pressure>,
    pub clock: Clock,
}

impl Driver {
    /// Runs until told to stop and the pipeline is dry.
    ///
    /// # Errors
    /// The socket failed.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        self.serve(stop).await?;
        self.drain().await
    }

    /// Takes what comes until told to stop.
    async fn serve(&mut self, stop: CancellationToken) -> io::Result<()> {
        let mut inbox = Inbox::new();
        let mut gauge = Gauge::default();
        let mut full_looks = 0_u32;
        // A permit in it is held while the rest of the driver works.
        let batches = self.batches.clone();
        loop {
            // 1. To the pipeline before anything is sent: how full it is now decides the credit in the acknowledgements.
            self.hand_on(&mut gauge);
            // 2. Everything out before the wait: nobody would send it while the loop sleeps.
            self.send_all().await?;
            // 3. What is waited for, as the endpoint stands now.
            let (blocked, handshakes) = (self.endpoint.batches() > 0, self.endpoint.has_handshakes());
            let deadline = self.endpoint.poll_timeout();
            // 4. In this order: receipts and commands are few, and each makes room or says who is known; a busy socket is
            //    always ready, and would come before them for ever.
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(receipt) = self.receipts.recv() => settle(&mut self.endpoint, receipt),
                Some(command) = self.commands.recv() => self.endpoint.handle_command(self.moment(), command),
                received = self.socket.receive(&mut inbox) => {
                    received?;
                    full_looks = if inbox.is_full() { full_looks.wrapping_add(1) } else { 0 };
                    self.take_in(&inbox, &mut gauge, handshakes_after(full_looks));
                }
                // The socket is empty, so nobody's data waits for this.
                () = std::future::ready(()), if handshakes => {
                    self.endpoint.handle_handshakes(self.moment(), HANDSHAKES_A_TURN);
                }
                // The pipeline has room again, with nothing from outside to wake the loop for it.
                Some(permit) = batches.reserve(), if blocked => {
                    if let Some(batch) = self.endpoint.poll_batch() {
                        permit.send(batch);
                    }
                }
                () = self.clock.sleep_until(Some(deadline)) => {}
            }
            // 5. Whatever woke the loop: a busy socket is always ready, and time passes all the same.
            if self.clock.now() >= deadline {
                self.endpoint.handle_timeout(self.moment());
            }
        }
    }

    /// No more reading: the pipeline gets what is here, runs dry, and its last commits are acknowledged.
    async fn drain(mut self) -> io::Result<()> {
        while self.endpoint.batches() > 0 {
            tokio::select! {
                permit = self.batches.reserve() => {
                    let (Some(permit), Some(batch)) = (permit, self.endpoint.poll_batch()) else { break };
                    permit.send(batch);
                }
                // The pipeline cannot go on while nobody hears what became of the last.
                Some(receipt) = self.receipts.recv() => settle(&mut self.endpoint, receipt),
            }
        }
        let Self { mut endpoint, socket, batches, events, mut receipts, clock, .. } = self;
        // Nothing follows: the pipeline ends once it has committed what it holds, and the registrar with it.
        drop((batches, events));
        // Outcomes end with the pipeline, or are waited for no longer: devices that are not told repeat what they hold.
        let deadline = clock.now() + LINGER;
        loop {
            tokio::select! {
                receipt = receipts.recv() => match receipt {
                    Some(receipt) => settle(&mut endpoint, receipt),
                    None => break,
                },
                () = clock.sleep_until(Some(deadline)) => break,
            }
        }
        send_all(&mut endpoint, &socket, moment_of(clock)).await
    }

    /// Hands the datagrams of one receive call to the endpoint, and then so many handshakes.
    fn take_in(&mut self, inbox: &Inbox, gauge: &mut Gauge, handshakes: usize) {
        let moment = self.moment();
        for (from, datagram) in inbox.datagrams() {
            // One call may bring more than the endpoint has room for, while there is room behind it.
            if self.endpoint.batches() >= MAX_BATCHES / 2 {
                self.hand_on(gauge);
            }
            self.endpoint.handle_input(moment, from, datagram);
        }
        self.endpoint.handle_handshakes(moment, handshakes);
    }

    /// Hands on what the endpoint wants done, as far as there is room, and says how pressed the hub is by that.
    fn hand_on(&mut self, gauge: &mut Gauge) {
        let fill = hand_on(&mut self.endpoint, &self.batches, &self.events);
        self.pressure.set(gauge.observe(self.clock.now(), fill));
    }

    async fn send_all(&mut self) -> io::Result<()> {
        let moment = self.moment();
        send_all(&mut self.endpoint, &self.socket, moment).await
    }

    fn moment(&self) -> Moment {
        moment_of(self.clock)
    }
}

fn moment_of(clock: Clock) -> Moment {
    Moment { now: clock.now(), wall: clock.wall() }
}

/// Handshakes that have their turn after a receive call; `full_looks`: how many in a row filled the inbox.
const fn handshakes_after(full_looks: u32) -> usize {
    match full_looks % FULL_LOOKS {
        _ if full_looks == 0 => HANDSHAKES_A_TURN,
        0 => 1,
        _ => 0,
    }
}

/// Hands on what the endpoint wants done, as far as there is room. How full the way to the disk is, from 0 to 1.
fn hand_on(endpoint: &mut Endpoint, batches: &Entrance, events: &mpsc::Sender<Event>) -> f64 {
    while let Some(permit) = batches.try_reserve() {
        let Some(batch) = endpoint.poll_batch() else { break };
        permit.send(batch);
    }
    while let Ok(permit) = events.try_reserve() {
        let Some(event) = endpoint.poll_event() else { break };
        permit.send(event);
    }
    let fill = batches.fill();
    endpoint.set_congested(fill > 0.5);
    // Full is what has no room at its very beginning.
    if endpoint.batches() >= MAX_BATCHES { 1.0 } else { fill.min(0.99) }
}

async fn send_all(endpoint: &mut Endpoint, socket: &Socket, moment: Moment) -> io::Result<()> {
    while let Some((to, datagram)) = endpoint.poll_transmit(moment) {
        socket.send(to, &datagram).await?;
    }
    Ok(())
}

fn settle(endpoint: &mut Endpoint, receipt: Receipt) {
    match receipt {
        Receipt::Committed(batches) => endpoint.handle_committed(&batches),
        Receipt::Refused(batches) => endpoint.handle_refused(&batches),
    }
}
