//! Reading a session's history back from its log, in pages (L5). What blocks here runs where blocking work may. Every read
//! of the store is a snapshot of its own, at most a page long, so that no reader keeps the file from reusing what is freed.

mod call;
mod page;
mod place;
mod reader;
mod stream;
mod walk;

use std::sync::Arc;

use highwater_protocol::{Entry, Role, Seq, SeqRange};

pub use call::{PastCall, Used, call};
pub use page::{count, find_last, read};
pub(crate) use place::position;
pub use reader::History;
pub use stream::{HistoryStream, Item};
pub use walk::walk;

/// Which end of a range is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From its first entry on.
    OldestFirst,
    /// From its last entry back.
    NewestFirst,
}

/// Some entries of a session, and where to read on.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// The entries with their numbers, in the order of reading.
    pub entries: Vec<(Seq, Arc<Entry>)>,
    /// Entries that cannot be read (L6), in the order of reading. None of them is in `entries`, and no number is shifted
    /// by them.
    pub gaps: Vec<Gap>,
    /// What of the range is not on this page; `None` when nothing is left of it, or of the session.
    pub rest: Option<SeqRange>,
}

/// Entries that are missing or damaged in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Their numbers. At the end of a damaged log it is not known how many there were: the range then ends with what was
    /// asked for.
    pub entries: SeqRange,
    /// What was found instead.
    pub why: Box<str>,
}

/// The entries that [`find_last`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Any.
    Any,
    /// What somebody says.
    Role(Role),
    /// Records that their source calls so: `assistant`, `progress`, ..
    Label(&'a str),
}

impl Wanted<'_> {
    fn is(self, entry: &Entry) -> bool {
        match self {
            Self::Any => true,
            Self::Role(role) => entry.message().role == role,
            Self::Label(label) => *entry.message().label == *label,
        }
    }
}
