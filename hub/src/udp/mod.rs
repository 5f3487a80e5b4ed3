//! The UDP shell: drives one [`Endpoint`] by one socket, and the discovery responder by others.
//!
//! Nothing is decided here. What the endpoint wants stored goes out only with a channel permit, so a full pipeline leaves
//! batches where they are and the endpoint drops datagrams before they change anything: no acknowledgement, the device
//! repeats. At the end the shell stops reading, lets the pipeline run dry, and sends the last acknowledgements.

pub mod discovery;
pub mod socket;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ingest::Outcome;
use crate::model::reading::Batch;
use crate::proto::Moment;
use crate::proto::command::Command;
use crate::proto::endpoint::Endpoint;
use crate::proto::event::Event;
use socket::{Inbox, Socket};

/// Handshakes worked off between two looks at the socket: 1.6 ms, so that data never waits longer for them.
const HANDSHAKES_A_TURN: usize = 4;
/// How long the last acknowledgements may take at the end.
const LINGER: Duration = Duration::from_secs(5);

/// What the shell works with.
pub struct Driver {
    /// The protocol.
    pub endpoint: Endpoint,
    /// Its socket.
    pub socket: Socket,
    /// To the pipeline.
    pub batches: mpsc::Sender<Batch>,
    /// To the registrar.
    pub events: mpsc::Sender<Event>,
    /// From the pipeline.
    pub outcomes: mpsc::Receiver<Outcome>,
    /// From the rest of the hub.
    pub commands: mpsc::Receiver<Command>,
    /// Time.
    pub clock: Clock,
}

impl Driver {
    /// Runs until told to stop and the pipeline is dry.
    ///
    /// # Errors
    /// The socket failed.
    pub async fn run(mut self, stop: CancellationToken) -> std::io::Result<()> {
        let mut inbox = Inbox::new();
        loop {
            self.drain();
            self.send_all().await?;
            let blocked = self.endpoint.has_batches();
            let handshakes = self.endpoint.has_handshakes();
            let deadline = self.endpoint.poll_timeout();
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.linger().await,
                Some(outcome) = self.outcomes.recv() => self.settle(outcome),
                Some(command) = self.commands.recv() => self.endpoint.handle_command(self.moment(), command),
                received = self.socket.receive(&mut inbox) => {
                    received?;
                    let moment = self.moment();
                    for (from, datagram) in inbox.datagrams() {
                        self.endpoint.handle_input(moment, from, datagram);
                    }
                    self.endpoint.handle_handshakes(moment, HANDSHAKES_A_TURN);
                }
                () = std::future::ready(()), if handshakes => {
                    self.endpoint.handle_handshakes(self.moment(), HANDSHAKES_A_TURN);
                }
                Ok(permit) = self.batches.reserve(), if blocked => {
                    if let Some(batch) = self.endpoint.poll_batch() {
                        permit.send(batch);
                    }
                }
                () = self.clock.sleep_until(Some(deadline)) => self.endpoint.handle_timeout(self.moment()),
            }
            // A busy socket is always ready; time passes all the same.
            if self.clock.now() >= deadline {
                self.endpoint.handle_timeout(self.moment());
            }
        }
    }

    /// Hands on what the endpoint wants done, as far as there is room.
    fn drain(&mut self) {
        while let Ok(permit) = self.batches.try_reserve() {
            let Some(batch) = self.endpoint.poll_batch() else { break };
            permit.send(batch);
        }
        while let Ok(permit) = self.events.try_reserve() {
            let Some(event) = self.endpoint.poll_event() else { break };
            permit.send(event);
        }
        self.endpoint.set_congested(self.batches.capacity() < self.batches.max_capacity() / 2);
    }

    async fn send_all(&mut self) -> std::io::Result<()> {
        let moment = self.moment();
        while let Some((to, datagram)) = self.endpoint.poll_transmit(moment) {
            self.socket.send(to, &datagram).await?;
        }
        Ok(())
    }

    fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Committed(batches) => self.endpoint.handle_committed(&batches),
            Outcome::Refused(batches) => self.endpoint.handle_refused(&batches),
        }
    }

    /// Stops reading; closes the way to the pipeline; acknowledges what it still commits.
    async fn linger(mut self) -> std::io::Result<()> {
        while let Some(batch) = self.endpoint.poll_batch() {
            if self.batches.send(batch).await.is_err() {
                break;
            }
        }
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.batches, closed));
        let deadline = self.clock.now() + LINGER;
        loop {
            tokio::select! {
                outcome = self.outcomes.recv() => match outcome {
                    Some(outcome) => self.settle(outcome),
                    None => break,
                },
                () = self.clock.sleep_until(Some(deadline)) => break,
            }
        }
        self.send_all().await
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }
}
