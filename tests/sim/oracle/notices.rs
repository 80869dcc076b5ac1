//! What a session tells unasked: each thing once, in order, and only once it is durable (L2, V4, V11).

use highwater_protocol::message::Notice;
use highwater_protocol::{Format, Outcome, PassId, Record, Seq, TokenCount};

use super::{Breach, Oracle};

/// Something that a record has the session tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Started(PassId, Seq),
    Ended(PassId, Outcome),
    Elided(usize, usize),
    Rewound(Seq),
    Edited(Seq, Seq),
    Cleared,
    Switched(Format),
    Restored(Seq),
}

impl Oracle {
    pub(super) fn tells(&self, record: &Record) -> Option<Told> {
        Some(match record {
            Record::PassStarted { pass, cut, .. } => Told::Started(*pass, *cut),
            Record::Spliced { pass, .. } => Told::Ended(*pass, Outcome::Spliced),
            Record::PassEnded { pass, outcome, .. } => Told::Ended(*pass, outcome.clone()),
            Record::Elided { results, groups, .. } => Told::Elided(results.len(), groups.len()),
            Record::Rewound { to, .. } => Told::Rewound(*to),
            Record::Edited { place, seq, .. } => Told::Edited(*place, *seq),
            Record::Cleared { .. } => Told::Cleared,
            Record::Opened { format, .. } => {
                let known = self.opened?.0;
                return (known != *format).then_some(Told::Switched(*format));
            }
            Record::Pinned { seq, pinned: true, .. } if self.restores(seq.0) => {
                Told::Restored(*seq)
            }
            _ => return None,
        })
    }

    /// A notice has come. All that is durable was taken in before.
    pub(crate) fn told(&mut self, notice: &Notice) -> Result<(), Breach> {
        let told = match notice {
            Notice::PassStarted { pass, covers, .. } => Told::Started(*pass, covers.last()),
            Notice::Spliced { pass, before, after, .. } => {
                self.check_size(*pass, *before, *after)?;
                Told::Ended(*pass, Outcome::Spliced)
            }
            Notice::PassEnded { pass, outcome } => Told::Ended(*pass, outcome.clone()),
            Notice::Elided { results, groups, .. } => Told::Elided(*results, *groups),
            Notice::Rewound { to } => Told::Rewound(*to),
            Notice::Edited { place, seq } => Told::Edited(*place, *seq),
            Notice::Cleared => Told::Cleared,
            Notice::Switched { format } => Told::Switched(*format),
            Notice::Restored { seq } => Told::Restored(*seq),
            Notice::Failed(_) => {
                self.lost_its_actor();
                return Ok(());
            }
            Notice::PassProgressed(_) | Notice::Overhead { .. } => return Ok(()),
        };
        while let Some(next) = self.to_tell.pop_front() {
            if next == told {
                return Ok(());
            }
            if !self.is_lossy {
                return Err(format!("L2: {told:?} is told where {next:?} was to be told"));
            }
        }
        Err(format!("L2: {told:?} is told and not durable, or told twice"))
    }

    /// Nothing is under way: all that is durable has been told, but for what an actor took with it.
    pub(crate) fn told_all(&mut self) -> Result<(), Breach> {
        if std::mem::take(&mut self.is_lossy) {
            self.to_tell.clear();
        }
        match self.to_tell.front() {
            Some(next) => Err(format!("L2: {next:?} is durable and was not told")),
            None => Ok(()),
        }
    }

    fn check_size(
        &self,
        pass: PassId,
        before: TokenCount,
        after: TokenCount,
    ) -> Result<(), Breach> {
        let is_last = self.outcomes.len() as u64 == pass.0;
        if is_last { self.check_gain(before, after) } else { Ok(()) }
    }
}
