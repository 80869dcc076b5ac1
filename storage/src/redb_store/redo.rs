//! The redo log: what was acknowledged and is not durable in redb yet.
//!
//! A durable commit of redb costs two syncs and the state of its allocator, whatever it carries. So most transactions
//! are made durable here, by one write and one sync of a file whose blocks are used again and again, and are committed
//! to redb without durability, which only makes them visible. Once in a while a transaction is committed durably; all
//! before it are durable in redb with it, and the log begins anew.
//!
//! ```text
//! redb:  ===D - - - - - - - D - - -      D: a durable commit, with the mark of the last frame before it
//! log:      [1][2][3][4]...  [n+1][n+2]  at the beginning of the file again
//! ```
//!
//! After a crash redb stands at its last durable commit, and the frames behind its mark are done once more. They hold
//! the rows as they were written, so that doing them twice is doing them once.

mod changes;
mod frame;
mod recovery;

use std::io;

use redb::StorageBackend;

use super::place::Place;
use crate::row::Redone;

pub(super) use changes::{Changes, Noting};
use frame::Link;
pub(super) use recovery::{MARK_KEY, recovered, require_unused};

/// The file grows by doubling, from this on.
const LEAST_BYTES: u64 = 64 << 10;

/// Why a frame was not written.
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
    /// The last frame.
    number: u64,
    link: Link,
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
        let link = frame::seal(frame, self.number + 1, &self.link);
        self.grow(end).map_err(Unwritten::NotStored)?;
        self.place.write(self.at, frame).map_err(Unwritten::NotStored)?;
        self.place.sync_data().map_err(Unwritten::Unknown)?;
        (self.at, self.number, self.link) = (end, self.number + 1, link);
        Ok(true)
    }

    fn grow(&mut self, end: u64) -> io::Result<()> {
        if end <= self.length {
            return Ok(());
        }
        let length = end.max(LEAST_BYTES).next_power_of_two();
        self.place.set_len(length)?;
        self.length = length;
        Ok(())
    }

    /// What a durable commit of redb says of this log: all frames up to the last are in it.
    pub(super) fn mark(&self, in_use: bool) -> Redone {
        Redone { number: self.number, link: self.link, in_use }
    }

    /// Begins anew, once that is durable.
    pub(super) fn begin_anew(&mut self) {
        (self.at, self.in_use) = (0, true);
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
