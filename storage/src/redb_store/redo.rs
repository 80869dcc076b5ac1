//! The redo log: what was acknowledged and is not durable in redb yet.
//!
//! A durable commit of redb costs two syncs and the state of its allocator, whatever it carries. So most transactions
//! are made durable here, by one write and one sync of a file that is written from its beginning again and again, and
//! are committed to redb without durability, which only makes them visible. Once in a while a transaction is committed
//! durably; all before it are durable in redb with it, and the log begins anew.
//!
//! ```text
//! redb:  ===D - - - - - - - D - - -      D: a durable commit, with the mark of what the log holds from then on
//! log:      [1][2][3][4]...  [n+1][n+2]  at the beginning of the file again
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
use crate::row::Redone;

pub(super) use changes::Changes;
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
    /// Where the next frame goes.
    at: u64,
    length: u64,
    /// It begins anew before it is longer than this.
    max_bytes: u64,
    /// The salt of what stands in the file, and that of what will when it comes into use.
    salt: Salt,
    next_salt: Salt,
    /// Of the last frame, or of the durable commit behind it. Never the same twice under one salt.
    number: u64,
    /// Whether redb knows that this log may hold what it does not.
    in_use: bool,
}

impl Redo {
    /// Makes the changes of a transaction durable. False when they have to be made durable by redb: there are too many,
    /// the log is full, or redb does not know yet that there is a log.
    pub(super) fn write(&mut self, changes: &mut Changes) -> Result<bool, Unwritten> {
        let Some(frame) = changes.frame().filter(|_| self.in_use) else { return Ok(false) };
        let end = self.at + frame::padded(frame.len()) as u64;
        if end > self.max_bytes {
            return Ok(false);
        }
        frame::seal(frame, &self.salt, self.number + 1);
        self.put(self.at, frame)?;
        (self.at, self.number) = (end, self.number + 1);
        Ok(true)
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

    /// Begins anew, once that commit is durable.
    pub(super) fn begin_anew(&mut self, in_use: bool) {
        (self.at, self.in_use) = (HEAD_BYTES as u64, in_use);
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
