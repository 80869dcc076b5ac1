//! The records that an anchor leaves in the log, found again by their positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::entry::Message;
use crate::ids::PassId;
use crate::position::{LogPos, Seq};
use crate::record::{CallRef, EntryOf, Record, Replacement};
use crate::register::Fact;
use crate::resolution::Resolution;

/// Records by their positions.
#[derive(Debug)]
pub(crate) struct Texts<'a> {
    records: BTreeMap<LogPos, &'a Record>,
}

/// The summaries of a splice, and what was still under way then.
pub(crate) struct Splice<'a> {
    pub(crate) pass: PassId,
    pub(crate) pieces: &'a [Replacement],
    pub(crate) facts: &'a [Fact],
}

impl<'a> Texts<'a> {
    pub(crate) fn of(records: &'a [(LogPos, Record)]) -> Self {
        Self { records: records.iter().map(|(at, record)| (*at, record)).collect() }
    }

    /// What the entry in this place says.
    pub(crate) fn message(&self, at: LogPos, place: Seq) -> Result<&'a Arc<Message>, Box<str>> {
        let found = self.records.get(&at).and_then(|record| record.entry());
        let Some(EntryOf { entry, .. }) = found.filter(|found| found.place == place) else {
            return Err(self.lacks(at, &format!("what entry {place} says")));
        };
        if !entry.message().is_visible() {
            return Err(format!("the entry at {at} is one that no model sees").into());
        }
        Ok(entry.message())
    }

    /// How a call stands.
    pub(crate) fn resolution(&self, at: LogPos, of: &CallRef) -> Result<&'a Resolution, Box<str>> {
        match self.records.get(&at) {
            Some(Record::Resolved { call, resolution, .. }) if call == of => Ok(resolution),
            _ => Err(self.lacks(at, "how a call stands")),
        }
    }

    /// A splice.
    pub(crate) fn splice(&self, at: LogPos) -> Result<Splice<'a>, Box<str>> {
        match self.records.get(&at) {
            Some(Record::Spliced { pass, pieces, facts, .. }) => {
                Ok(Splice { pass: *pass, pieces, facts })
            }
            _ => Err(self.lacks(at, "summaries")),
        }
    }

    fn lacks(&self, at: LogPos, what: &str) -> Box<str> {
        let found = self.records.get(&at).map_or("nothing", |record| record.name());
        format!("{at} is to hold {what}, and {found:?} was found").into()
    }
}
