//! The one durable thing: a SQLite file in WAL mode with `synchronous=FULL`, one writer thread, many readers.
//!
//! Promises:
//!
//! - [`Store::commit`] returns only after the batches, the receive windows, the alert changes and the deliveries they
//!   caused are on disk, in one transaction. A power cut after that cannot take them back.
//! - A batch is stored once, however often it is committed: the writer keeps each device's committed receive window.
//! - Reads never wait for the writer, and never see half a commit.
//! - [`Store::catalog`] and the head change only after the commit that changes them.
//!
//! `Store` is a struct, not a trait: there is one engine. The trait belongs to the day a second one lands, and the
//! methods below, grouped by noun in the files beside this one, are its outline. SQL appears nowhere else in the hub.
