//! The redo log: what was acknowledged and is not durable in redb yet.
//!
//! A durable commit of redb costs two syncs and the state of its allocator, whatever it carries. So most transactions
//! are made durable here, by one write and one sync of a file whose frames follow each other in a ring. Their rows stay in
//! memory above redb's tables until the log is half full. Then all of them are written down in one durable transaction,
//! each row once however often it was changed, while frames go on being written to the other half.
//!
//! ```text
//! log:   [1][2][3][4][5][6] ...
//! redb:  D        D             D: a durable commit; its mark says that frames up to 3 are in it
//! ```
//!
//! After a crash redb stands at its last durable commit, and the frames that follow its mark are done once more. They
//! hold the rows as they were written, so that doing them twice is doing them once.

mod changes;
mod frame;
mod recovery;

use std::io;

use redb::StorageBackend;

use super::place::Place;
use super::rows::Rows;
use crate::row::Redone;

pub(super) use recovery::{MARK_KEY, recovered, require_unused};

/// Another one for each time that a log comes into use, and known to nobody else.
pub(super) type Salt = [u8; 16];

/// What the file begins with: this and the salt. Frames stand behind it.
const HEAD: [u8; 8] = *b"HwRedo1\n";
const HEAD_BYTES: usize = HEAD.len() + size_of::<Salt>();

/// The file grows by doubling, from this on.
const LEAST_BYTES: u64 = 64 << 10;

/// Why something was not written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// It is surely not in the file as a whole.
    NotStored(io::Error),
    /// It may be there.
    Unknown(io::Error),
}

/// The redo log of an open store.
#[derive(Debug)]
pub(super) struct Redo {
    place: Place,
    /// Where the next frame goes: so many bytes have been written or left out since the log came into use. In the ring it
    /// is the rest by the ring's size.
    at: u64,
    length: u64,
    /// The file gets no longer than this.
    max_bytes: u64,
    /// The salt of what stands in the file, and that of what will when it comes into use.
    salt: Salt,
    next_salt: Salt,
    /// Of the last frame, or of the commit behind it that redb made durable without one. Never the same twice under one salt.
    number: u64,
    /// Whether redb knows that this log may hold what it does not.
    in_use: bool,
    /// Where frames are made.
    frame: Vec<u8>,
}

impl Redo {
    /// Makes the changes of a transaction durable. What was written before `from` is in redb, and its room is free. False when
    /// they have to be made durable by redb: there are too many, the log is full, or redb does not know yet that there is one.
    pub(super) fn write(&mut self, rows: &Rows, from: u64) -> Result<bool, Unwritten> {
        let mut frame = std::mem::take(&mut self.frame);
        let written = self.write_as(&mut frame, rows, from);
        self.frame = frame;
        written
    }

    fn write_as(&mut self, frame: &mut Vec<u8>, rows: &Rows, from: u64) -> Result<bool, Unwritten> {
        if !self.in_use || !changes::write(rows, frame) {
            return Ok(false);
        }
        let bytes = frame::padded(frame.len()) as u64;
        let rest = self.ring() - self.at % self.ring();
        // A frame stands in one piece.
        let at = if bytes > rest { self.at + rest } else { self.at };
        if at + bytes - from > self.ring() {
            return Ok(false);
        }
        frame::seal(frame, &self.salt, self.number + 1);
        self.put(HEAD_BYTES as u64 + at % self.ring(), frame)?;
        (self.at, self.number) = (at + bytes, self.number + 1);
        Ok(true)
    }

    /// The bytes of the file in which frames stand. Frames begin at multiples of their alignment also in the second round.
    fn ring(&self) -> u64 {
        let bytes = self.max_bytes.saturating_sub(HEAD_BYTES as u64);
        (bytes - bytes % frame::ALIGNMENT as u64).max(frame::ALIGNMENT as u64)
    }

    /// What a durable commit of redb says of the log. One that comes into use gets its head before. Only what is
    /// written later follows it.
    pub(super) fn marked(&mut self, in_use: bool) -> Result<Redone, Unwritten> {
        if in_use && !self.in_use {
            self.salt = self.next_salt;
            let head = [&HEAD[..], &self.salt].concat();
            self.put(0, &head)?;
        }
        Ok(Redone { in_use, ..self.unused() })
    }

    /// What it says of one that nothing is written to.
    fn unused(&mut self) -> Redone {
        self.number += 1;
        Redone { salt: self.salt, number: self.number, in_use: false }
    }

    /// What redb says of it once it has all that was written so far. [`None`] when it need not be said yet.
    pub(super) fn mark_of_half(&self, from: u64) -> Option<Redone> {
        let is_due = self.in_use && self.at - from >= self.ring() / 2;
        is_due.then_some(Redone { salt: self.salt, number: self.number, in_use: true })
    }

    /// Where the next frame goes, at the earliest.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// That commit is durable.
    pub(super) fn is_marked(&mut self, in_use: bool) {
        self.in_use = in_use;
    }

    fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), Unwritten> {
        self.grow(at + bytes.len() as u64).map_err(Unwritten::NotStored)?;
        self.place.write(at, bytes).map_err(Unwritten::NotStored)?;
        self.place.sync_data().map_err(Unwritten::Unknown)
    }

    fn grow(&mut self, end: u64) -> io::Result<()> {
        if end <= self.length {
            return Ok(());
        }
        let doubled = end.max(LEAST_BYTES).next_power_of_two();
        let length = doubled.min(self.max_bytes).max(end);
        self.place.set_len(length)?;
        self.length = length;
        Ok(())
    }

    /// Whether redb has to be told that the log is not in use any more before it is closed.
    pub(super) fn in_use(&self) -> bool {
        self.in_use
    }

    /// Leaves nothing behind: all of it is durable in redb. What cannot be removed is known to be done.
    pub(super) fn clear(&self) {
        // There is nobody to tell, and it does no harm.
        let _ = self.place.set_len(0);
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}
