//! A group: the atomic unit of cut, chunk, tail and elision (V2). Entries hang together by a shared message id, by a
//! call and its result, or by reasoning that belongs to what follows it.

mod anchored;
mod decided;
mod naming;
mod residency;
mod telling;

#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use crate::block::Unit;
use crate::elide;
use crate::entry::{Format, Message, Role};
use crate::format;
use crate::ids::Digest;
use crate::outline::{Kind, Said};
use crate::position::{LogPos, Seq};
use crate::record::CallRef;
use crate::resolution::{CallEnd, Resolution};
use crate::segment::{Segment, Shown};
use crate::tokens::{self, TokenCount};
pub(crate) use decided::CallShown;
use telling::Whole;

/// One entry as a member of its group.
#[derive(Clone, Debug)]
pub struct Member {
    /// The entry's number.
    pub seq: Seq,
    /// The position of the record in the session's log that holds what it says.
    pub at: LogPos,
    pub(crate) said: Said,
    results_elided: bool,
}

impl Member {
    /// What it says, if that is in memory: it may have left it once its record was durable.
    pub fn message(&self) -> Option<&Arc<Message>> {
        self.said.whole()
    }

    /// The hash of what it says (L3, V3).
    pub fn digest(&self) -> Digest {
        self.said.digest()
    }
}

/// A call within a group and what is known of its result.
#[derive(Clone, Debug)]
struct Call {
    seq: Seq,
    id: Box<str>,
    /// The id that it is shown with, if its own is taken.
    alias: Option<Box<str>>,
    name: Box<str>,
    state: CallState,
    /// How the host said that it stands after it was shown: what was shown is final, what is known of it is not.
    known: Option<CallEnd>,
    /// How often the host has said how it stands: each time counts as a change (V3).
    resolved: u32,
}

impl Call {
    fn new(seq: Seq, id: &str, name: &str) -> Self {
        Self {
            seq,
            id: id.into(),
            alias: None,
            name: name.into(),
            state: CallState::Open,
            known: None,
            resolved: 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum CallState {
    Open,
    /// Answered by the part at this index of the entry with this number.
    Answered(Seq, usize),
    StandIn,
    /// Resolved by the host, in the record at this position.
    Resolved(Resolution, LogPos),
}

/// Whether and how a whole group is shown as a placeholder. Neighbouring elided groups share one, so that the
/// placeholders of a long session do not fill its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elision {
    /// It is not.
    None,
    /// It begins a run of elided groups of so many entries, up to `last`, and tells them all.
    Run {
        /// Entries of the run.
        entries: usize,
        /// The last of them.
        last: Seq,
    },
    /// It stands in a run that an earlier group tells.
    Within,
}

/// Entries that no cut may separate, in order of their numbers. Never empty.
#[derive(Clone, Debug)]
pub struct Group {
    members: Vec<Member>,
    calls: Vec<Call>,
    /// The members that are pinned (V13).
    pins: Vec<Seq>,
    elision: Elision,
    tokens: TokenCount,
    said_tokens: TokenCount,
    said_bytes: usize,
    /// The bytes of memory that its entries and calls take.
    held: usize,
    segment: Option<Rendered>,
}

/// The group as it is shown, and the bytes of memory that this takes.
#[derive(Clone, Debug)]
struct Rendered {
    segment: Arc<Segment>,
    bytes: usize,
}

/// The text that stands for a result that had not come when the context was answered (V8).
pub const STAND_IN: &str = "[no result was recorded for this call when this context was made; the call may still be running]";

impl Group {
    pub(crate) fn new(seq: Seq, at: LogPos, message: Arc<Message>) -> Self {
        let calls = message.calls().map(|(id, name)| Call::new(seq, id, name)).collect();
        let (tokens, bytes) = (message.tokens(), message.bytes());
        let members = vec![Member { seq, at, said: Said::Whole(message), results_elided: false }];
        let mut group = Self {
            members,
            calls,
            pins: Vec::new(),
            elision: Elision::None,
            tokens,
            said_tokens: tokens,
            said_bytes: bytes,
            held: 0,
            segment: None,
        };
        group.weigh();
        group
    }

    /// The first entry of the group.
    pub fn first(&self) -> Seq {
        self.members[0].seq
    }

    /// The last entry of the group. Entries of other groups may stand between the two.
    pub fn last(&self) -> Seq {
        self.members[self.members.len() - 1].seq
    }

    /// The entries of the group.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What an entry of the group says, whole or in outline.
    pub(crate) fn said(&self, seq: Seq) -> Option<&Said> {
        self.members.iter().find(|member| member.seq == seq).map(|member| &member.said)
    }

    /// Has the group rendered anew when it is shown next.
    pub(crate) fn forget_rendering(&mut self) {
        self.segment = None;
    }

    /// Whether every call of the group has a result or a stand-in.
    pub fn is_closed(&self) -> bool {
        self.calls.iter().all(|call| call.state != CallState::Open)
    }

    /// Whether the group is shown as one placeholder.
    pub fn is_elided(&self) -> bool {
        self.elision != Elision::None
    }

    /// Whether the group is told by the placeholder of a group before it.
    pub(crate) fn is_told_before(&self) -> bool {
        self.elision == Elision::Within
    }

    /// The size of what is shown of the group.
    pub fn tokens(&self) -> TokenCount {
        self.tokens
    }

    /// The size of the group as it was said, whatever is elided of it.
    pub fn said_tokens(&self) -> TokenCount {
        self.said_tokens
    }

    /// The size in bytes of the group as it was said.
    pub fn said_bytes(&self) -> usize {
        self.said_bytes
    }

    /// Whether one of its entries is pinned, so that the whole group stays verbatim (V13).
    pub fn is_pinned(&self) -> bool {
        !self.pins.is_empty()
    }

    /// The calls that have no result yet.
    pub fn open_calls(&self) -> impl Iterator<Item = CallRef> {
        self.calls
            .iter()
            .filter(|call| call.state == CallState::Open)
            .map(|call| CallRef { seq: call.seq, id: call.id.clone() })
    }

    /// Whether the group holds a message of the user. Words beside a result are the host's: a reminder, a notice.
    pub fn has_user_words(&self) -> bool {
        self.members.iter().map(|member| &member.said).any(|said| {
            said.role() == Role::User
                && said.results().next().is_none()
                && said.sketches().any(|part| matches!(part.kind, Kind::Text | Kind::Media))
        })
    }

    /// Takes over the entries of a later group that turned out to hang together with this one.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.members.extend(other.members);
        self.members.sort_by_key(|member| member.seq);
        self.calls.extend(other.calls);
        self.calls.sort_by_key(|call| call.seq);
        self.pins.extend(other.pins);
        self.tokens += other.tokens;
        self.said_tokens += other.said_tokens;
        self.said_bytes += other.said_bytes;
        self.held += other.held;
        self.segment = None;
    }

    /// Ties the result at `part` of entry `seq` to the call that it answers.
    pub(crate) fn answer(&mut self, call: &CallRef, seq: Seq, part: usize) {
        if let Some(known) = self.call_mut(call) {
            known.state = CallState::Answered(seq, part);
        }
    }

    /// Freezes a stand-in as the result of a call. False when the group has no such open call.
    pub(crate) fn stand_in(&mut self, call: &CallRef) -> bool {
        let Some(known) = self.call_mut(call) else {
            return false;
        };
        if known.state != CallState::Open {
            return false;
        }
        known.state = CallState::StandIn;
        self.tokens += stand_in_tokens();
        self.segment = None;
        true
    }

    fn call_mut(&mut self, call: &CallRef) -> Option<&mut Call> {
        self.calls.iter_mut().find(|known| {
            known.seq == call.seq && known.id == call.id && known.state == CallState::Open
        })
    }

    /// Shows the results in entry `seq` as placeholders.
    pub(crate) fn elide_results(&mut self, seq: Seq) -> bool {
        let Some(member) = self.members.iter_mut().find(|member| member.seq == seq) else {
            return false;
        };
        member.results_elided = true;
        self.recount();
        true
    }

    /// Shows the whole group as a placeholder, or as nothing behind the placeholder of the run that it stands in.
    pub(crate) fn elide_whole(&mut self, elision: Elision) {
        self.elision = elision;
        self.recount();
    }

    /// The results of entry `seq` are shown as placeholders already.
    pub(crate) fn results_elided(&self, seq: Seq) -> bool {
        self.members.iter().any(|member| member.seq == seq && member.results_elided)
    }

    fn recount(&mut self) {
        self.segment = None;
        if let Some(note) = self.placeholder() {
            self.tokens = match note.as_str() {
                "" => TokenCount::ZERO,
                note => tokens::estimate(note) + tokens::BLOCK_OVERHEAD_TOKENS,
            };
            return;
        }
        let said: TokenCount = self.members.iter().map(member_tokens).sum();
        self.tokens = said + self.calls.iter().map(instead_tokens).sum();
    }

    /// The text that stands for an elided group; empty within a run that another group tells.
    fn placeholder(&self) -> Option<String> {
        match self.elision {
            Elision::None => None,
            Elision::Run { entries, last } => {
                Some(elide::run_placeholder(self.first(), last, entries))
            }
            Elision::Within => Some(String::new()),
        }
    }

    /// The group's blocks, if they are rendered.
    pub(crate) fn rendered(&self) -> Option<&Arc<Segment>> {
        self.segment.as_ref().map(|rendered| &rendered.segment)
    }

    /// The group's rendered blocks; rendered once, the same bytes for ever after (P1, P2). `None` when that takes texts
    /// that have left memory.
    pub(crate) fn segment(&mut self, format: Format) -> Option<Arc<Segment>> {
        if let Some(segment) = self.rendered() {
            return Some(Arc::clone(segment));
        }
        let entries: Vec<Seq> = self.members.iter().map(|member| member.seq).collect();
        let (shown, blocks) = match self.placeholder() {
            Some(text) => (Shown::Elided(entries), format::render(format, &[Unit::Note { text }])),
            None => (Shown::Entries(entries), Whole::of(self)?.render(format)),
        };
        let segment = Arc::new(Segment { shown, blocks, tokens: self.tokens });
        let bytes = segment.weight();
        self.segment = Some(Rendered { segment: Arc::clone(&segment), bytes });
        Some(segment)
    }
}

/// The size of what stands in the place of a call's result.
fn instead_tokens(call: &Call) -> TokenCount {
    match &call.state {
        CallState::Open | CallState::Answered(..) => TokenCount::ZERO,
        CallState::StandIn => stand_in_tokens(),
        CallState::Resolved(resolution, _) => {
            tokens::estimate(&resolution.text()) + tokens::BLOCK_OVERHEAD_TOKENS
        }
    }
}

fn member_tokens(member: &Member) -> TokenCount {
    if !member.results_elided {
        return member.said.tokens();
    }
    member.said.sketches().map(|part| elide::shown_result_tokens(&part)).sum()
}

/// The size of a stand-in result. Every context asks for it, so it is counted once.
pub(crate) fn stand_in_tokens() -> TokenCount {
    static SIZE: LazyLock<TokenCount> =
        LazyLock::new(|| tokens::estimate(STAND_IN) + tokens::BLOCK_OVERHEAD_TOKENS);
    *SIZE
}
