//! The endpoint against devices made of `wire` alone, in time moved by hand.

mod attacks;
mod batches;
mod joining;
mod limits;
mod scene;

use std::net::SocketAddr;

use wire::batch::{BatchBuilder, MAX_BODY};
use wire::handshake::{Initiator, JoinToken as TokenText, NO_PSK, Offer, Verdict};
use wire::ledger::Report;
use wire::message::{self, Ack, Health, Hello, Message};
use wire::seal::Transport;
use wire::{KeyPair, Lane, Reading, SensorKind, SensorNo, SensorSpec, UnixMillis};

use scene::{FakeDevice, Scene, device_at, hello, spec, token};

use super::super::session::STRANGER_TTL;
use super::*;
use crate::model::device::{Introduction, Labels, NewDevice};
