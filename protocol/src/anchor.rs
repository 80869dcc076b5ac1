//! An anchor: the fold of a log up to a position as plain data, for recovery to start from instead of the beginning.
//! It is derived data. Entries, summaries and resolutions are not in it, but where they stand in the log.

mod texts;

use std::time::Duration;

use crate::branch::{Branch, Rewinds};
use crate::budget::Budget;
use crate::entry::Format;
use crate::ids::{CallNumber, Digest, PassId};
use crate::pass::Outcome;
use crate::position::{LogPos, Seq, SeqRange};
use crate::record::CallRef;
use crate::register::FactKind;
use crate::resolution::CallEnd;
use crate::time::Timestamp;
use crate::tokens::TokenCount;
pub(crate) use texts::{Splice, Texts};

/// The fold of a log up to a position, which knows of no rewind behind it. Made by [`crate::session::State::anchor`],
/// and turned into a state again by [`Anchor::restore`]. May be dropped at any time: the log says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The next position to fold.
    pub at: LogPos,
    /// What contexts are rendered in.
    pub format: Format,
    /// The marks.
    pub budget: Budget,
    /// The last entry ever numbered.
    pub head: Seq,
    /// The entries that are not on the live branch, as ranges that rise and do not touch.
    pub dead: Vec<SeqRange>,
    /// The rewinds of the log that still matter: where each stands, and the last entry that it left. Both rise.
    pub rewinds: Vec<(LogPos, Seq)>,
    /// The last answered context.
    pub call: CallNumber,
    /// The last pass that was started.
    pub pass: PassId,
    /// The pass that was started and has not ended, and when it was started.
    pub unfinished: Option<(PassId, Timestamp)>,
    /// How the last passes ended, oldest first.
    pub outcomes: Vec<(PassId, Outcome)>,
    /// How long the last passes took that were spliced, oldest first.
    pub durations: Vec<Duration>,
    /// Announced resets so far.
    pub resets: u64,
    /// The calls that are under way, in order.
    pub under_way: Vec<CallUnderWay>,
    /// The open tasks and what they say, in order of their names.
    pub tasks: Vec<(Box<str>, Box<str>)>,
    /// What providers reported.
    pub reports: ReportsAnchor,
    /// What the model sees.
    pub view: ViewAnchor,
}

/// What providers reported of a session's calls, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportsAnchor {
    /// The models that were reported, the last one last, and the shares that their last reports said.
    pub learned: Vec<(Box<str>, Vec<u64>)>,
    /// The answered contexts whose usage was not reported yet, and their estimated sizes.
    pub awaited: Vec<(CallNumber, TokenCount)>,
}

/// A call that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallUnderWay {
    /// Which.
    pub call: CallRef,
    /// How it stands.
    pub kind: FactKind,
    /// The tool, cut to what a fact takes.
    pub tool: Box<str>,
    /// What is known of it, cut to what a fact takes.
    pub detail: Box<str>,
}

/// A view as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewAnchor {
    /// The last entry that an answered context knew of.
    pub frozen: Seq,
    /// The last of the instructions that lead.
    pub instructions_end: Seq,
    /// The first entry of what each summary stands for, and the position of the splice that holds it.
    pub summaries: Vec<(Seq, LogPos)>,
    /// The position of the splice whose facts are told behind the last summary.
    pub register: Option<LogPos>,
    /// The groups, in order of their first entries.
    pub groups: Vec<GroupAnchor>,
    /// The legal boundaries within what is frozen, in order.
    pub boundaries: Vec<Seq>,
    /// The group whose message may go on.
    pub message: Option<Seq>,
    /// The group whose reasoning waits for what it belongs to.
    pub reasoning: Option<Seq>,
    /// The digest chain at the end of the view. What is restored has the same, or is refused.
    pub digest: Digest,
    /// The size of everything shown. What is restored has the same, or is refused.
    pub tokens: TokenCount,
}

/// A group as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupAnchor {
    /// Its entries, in order.
    pub members: Vec<MemberAnchor>,
    /// What is known of its calls, in the order in which its entries make them.
    pub calls: Vec<CallAnchor>,
    /// Its entries that are pinned.
    pub pins: Vec<Seq>,
    /// Whether it is shown as a placeholder.
    pub elided: bool,
}

/// An entry as a member of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberAnchor {
    /// Its number.
    pub seq: Seq,
    /// The position of the record that holds what it says.
    pub at: LogPos,
    /// Whether its results are shown as placeholders.
    pub results_elided: bool,
}

/// What is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallAnchor {
    /// The id that it is shown with, if its own is taken.
    pub alias: Option<Box<str>>,
    /// What stands as its result.
    pub result: CallResult,
    /// How the host said that it stands after it was shown without a result.
    pub known: Option<CallEnd>,
    /// How often the host has said how it stands.
    pub resolved: u32,
}

/// What stands as the result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// Nothing yet.
    Open,
    /// The part with this index of an entry of the group.
    Answered(Seq, u32),
    /// The text that a context shows when no result has come.
    StandIn,
    /// What the host said, in the record at this position.
    Resolved(LogPos),
}

impl Anchor {
    /// The next position to fold.
    pub fn at(&self) -> LogPos {
        self.at
    }

    /// The last entry of the live branch.
    pub fn tip(&self) -> Seq {
        Branch::restored(self.head, &self.dead).map_or(Seq::ZERO, |branch| branch.tip())
    }

    /// The positions of the records that [`Anchor::restore`] needs, rising: those that hold what the view shows.
    pub fn positions(&self) -> Vec<LogPos> {
        let mut positions = Vec::new();
        for group in &self.view.groups {
            positions.extend(group.members.iter().map(|member| member.at));
            positions.extend(group.calls.iter().filter_map(|call| match call.result {
                CallResult::Resolved(at) => Some(at),
                _ => None,
            }));
        }
        positions.extend(self.view.summaries.iter().map(|(_, at)| *at));
        positions.extend(self.view.register);
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// Whether a fold of a log with these rewinds may start here: none from here on goes back to before the last entry
    /// that the anchor knows of. A rewind undoes what was done while an entry behind its aim was the last one; of a log
    /// up to here that is undone already unless the aim lies before the last entry.
    pub fn holds_for(&self, rewinds: &Rewinds) -> bool {
        rewinds.lowest_from(self.at).is_none_or(|to| self.tip() <= to)
    }
}
