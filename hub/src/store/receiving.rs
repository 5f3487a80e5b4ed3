//! The end of a channel at which a thread receives: it waits for what comes, or for a moment of its clock.

use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::clock::{Timepiece, unparks};

/// The end of a channel, and the clock by which its thread waits.
pub(super) struct Receiving<T> {
    from: mpsc::Receiver<T>,
    clock: Timepiece,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    Something,
    /// Nothing until the moment.
    Nothing,
    /// Nothing ever again: all senders are gone.
    TheEnd,
}

impl<T> Receiving<T> {
    pub(super) const fn new(from: mpsc::Receiver<T>, clock: Timepiece) -> Self {
        Self { from, clock }
    }

    /// Takes what is there, at most so many (not none); if nothing is there, waits for it until a moment.
    pub(super) fn receive(&mut self, into: &mut Vec<T>, most: usize, until: Option<Instant>) -> Came {
        let waker = unparks(std::thread::current());
        let mut context = Context::from_waker(&waker);
        loop {
            match self.from.poll_recv_many(&mut context, into, most) {
                Poll::Ready(0) => return Came::TheEnd,
                Poll::Ready(_) => return Came::Something,
                Poll::Pending if until.is_some_and(|until| self.clock.now() >= until) => return Came::Nothing,
                Poll::Pending => self.clock.park_until(until),
            }
        }
    }

    /// Takes the next, if one is there.
    pub(super) fn next(&mut self) -> Option<T> {
        self.from.try_recv().ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Hand;
    use crate::model::UnixMillis;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_there_is_taken_at_once_and_what_comes_ends_the_wait() {
        let (sender, from) = mpsc::channel(4);
        let mut receiving = Receiving::new(from, Timepiece::Machine);
        let mut got = Vec::new();
        (0..3).for_each(|number| sender.try_send(number).unwrap());
        assert_eq!(receiving.receive(&mut got, 2, None), Came::Something);
        assert_eq!((receiving.next(), receiving.next()), (Some(2), None));
        let sending = std::thread::spawn(move || sender.blocking_send(3).unwrap());
        assert_eq!(receiving.receive(&mut got, 2, None), Came::Something);
        sending.join().unwrap();
        assert_eq!((receiving.receive(&mut got, 2, None), got), (Came::TheEnd, vec![0, 1, 3]));
    }

    #[test]
    fn nobody_waits_longer_than_the_clock_says() {
        let (_sender, from) = mpsc::channel::<()>(4);
        let hand = Hand::at(UnixMillis(0));
        let clock = Timepiece::ByHand(hand.clone());
        let until = clock.now() + SECOND;
        let mut receiving = Receiving::new(from, clock);
        let waiting = std::thread::spawn(move || {
            let came = receiving.receive(&mut Vec::new(), 1, Some(until));
            (came, receiving.receive(&mut Vec::new(), 1, Some(until)))
        });
        while hand.awaited().is_none() {
            std::thread::yield_now();
        }
        hand.advance(SECOND);
        assert_eq!(waiting.join().unwrap(), (Came::Nothing, Came::Nothing));
    }
}
