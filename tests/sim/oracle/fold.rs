//! The naive model of a session: what its log says, told once more in lists that are searched from end to end. Nothing
//! here is quick, and nothing here is the product's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use highwater_protocol::{
    CallEnd, CallRef, Entry, FactKind, PartKind, Record, Replacement, Resolution, Role, Seq,
    SeqSpans,
};

/// An entry that stands in the view as it was said.
#[expect(clippy::struct_excessive_bools, reason = "a naive list of what is so")]
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) entry: Arc<Entry>,
    /// The first entry of the group that it belongs to.
    pub(crate) group: u64,
    pub(crate) results_elided: bool,
    pub(crate) is_elided: bool,
    pub(crate) is_instruction: bool,
    pub(crate) is_pinned: bool,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallState {
    Open,
    Answered,
    StoodIn,
    Resolved(Resolution),
}

/// A call of an entry that stands in the view.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: CallRef,
    pub(crate) tool: String,
    pub(crate) state: CallState,
    /// What the host said of it after it was shown.
    pub(crate) known: Option<CallEnd>,
}

/// A call or a task that is still under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) call: CallRef,
    pub(crate) kind: FactKind,
    pub(crate) tool: String,
    pub(crate) detail: String,
}

/// What the log says now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    /// Whether each number is on the live branch, from the first.
    pub(crate) live: Vec<bool>,
    /// Numbers that have a place: appended, neither rewound nor cleared. Records that no model sees are among them.
    pub(crate) places: BTreeSet<u64>,
    pub(crate) shown: BTreeMap<u64, Place>,
    pub(crate) summaries: Vec<SeqSpans>,
    pub(crate) has_register: bool,
    pub(crate) calls: Vec<Call>,
    /// Calls that a result may still answer.
    waiting: Vec<CallRef>,
    /// The message that may go on, and an entry of it.
    speaking: Option<(String, u64)>,
    /// Reasoning that waits for what it belongs to.
    reasoning: Option<u64>,
    pub(crate) under_way: Vec<UnderWay>,
    pub(crate) tasks: BTreeMap<String, String>,
}

impl Fold {
    /// The last number.
    pub(crate) fn head(&self) -> u64 {
        self.live.len() as u64
    }

    /// The last number of the live branch.
    pub(crate) fn tip(&self) -> u64 {
        self.live.iter().rposition(|live| *live).map_or(0, |at| at as u64 + 1)
    }

    pub(crate) fn is_live(&self, seq: u64) -> bool {
        seq == 0
            || usize::try_from(seq - 1).is_ok_and(|at| self.live.get(at).copied().unwrap_or(false))
    }

    /// Whether a pinned entry is in the group.
    pub(crate) fn is_pinned(&self, group: u64) -> bool {
        self.members(group).any(|(_, place)| place.is_pinned)
    }

    pub(crate) fn members(&self, group: u64) -> impl Iterator<Item = (u64, &Place)> {
        self.shown
            .iter()
            .filter(move |(_, place)| place.group == group)
            .map(|(seq, place)| (*seq, place))
    }

    /// The first entries of all groups.
    pub(crate) fn groups(&self) -> Vec<u64> {
        let firsts = self.shown.iter().filter(|(seq, place)| **seq == place.group);
        firsts.map(|(seq, _)| *seq).collect()
    }

    /// The calls without a result, in order.
    pub(crate) fn open_calls(&self) -> Vec<CallRef> {
        let open = self.calls.iter().filter(|call| call.state == CallState::Open);
        let mut open: Vec<CallRef> = open.map(|call| call.at.clone()).collect();
        open.sort();
        open
    }

    /// Whether there is anything that a clear would take away.
    pub(crate) fn has_anything(&self) -> bool {
        self.shown.values().any(|place| !place.is_instruction)
            || !self.summaries.is_empty()
            || !self.under_way.is_empty()
            || !self.tasks.is_empty()
    }

    /// All that a pass up to `cut` has seen.
    pub(super) fn covered_part(&self, cut: Seq) -> impl PartialEq {
        let shown = self.shown.range(..=cut.0);
        let shown = shown.map(|(seq, place)| (*seq, place.entry.message().digest, place.is_pinned));
        let calls = self.calls.iter().filter(|call| call.at.seq <= cut);
        let decided = calls.filter_map(|call| match (&call.state, call.known) {
            (CallState::Resolved(resolution), known) => {
                Some((call.at.clone(), Some(resolution.clone()), known))
            }
            (_, Some(known)) => Some((call.at.clone(), None, Some(known))),
            _ => None,
        });
        let summaries = self.summaries.iter().filter(|covers| covers.first() <= cut);
        (
            shown.collect::<Vec<_>>(),
            decided.collect::<Vec<_>>(),
            summaries.cloned().collect::<Vec<_>>(),
        )
    }

    /// Entries at or below `cut` that a later one may join.
    pub(super) fn open_ends(&self, cut: Seq) -> Vec<u64> {
        let calls = self.open_calls().into_iter().map(|call| call.seq.0);
        let speaking = self.speaking.iter().map(|(_, seq)| *seq);
        let ends = calls.chain(speaking).chain(self.reasoning);
        ends.filter(|seq| *seq <= cut.0).collect()
    }

    /// Takes in a record. `limit` is the lowest entry that a later rewind goes back to.
    pub(crate) fn take(&mut self, record: &Record, limit: u64) {
        let survives = self.tip() <= limit;
        match record {
            Record::Appended { seq, entry, .. } => {
                self.live.push(true);
                if seq.0 <= limit {
                    self.append(seq.0, entry);
                }
            }
            Record::Edited { place, entry, .. } => {
                self.live.push(true);
                if place.0 <= limit
                    && let Some(place) = self.shown.get_mut(&place.0)
                {
                    place.entry = Arc::clone(entry);
                }
            }
            Record::Spliced { cut, pieces, facts, .. } if cut.0 <= limit => {
                self.splice(pieces);
                self.has_register = !facts.is_empty();
            }
            Record::Rewound { to, .. } => {
                for (seq, live) in (1_u64..).zip(&mut self.live) {
                    *live = *live && seq <= to.0;
                }
            }
            Record::Answered { stand_ins, .. } if survives => self.freeze(stand_ins),
            Record::Elided { results, groups, .. } if survives => self.elide(results, groups),
            Record::Pinned { seq, pinned, .. } if survives => self.pin(seq.0, *pinned),
            Record::Resolved { call, resolution, .. } if survives => self.resolve(call, resolution),
            Record::Tracked { task, text, .. } if survives => {
                match text {
                    Some(text) => self.tasks.insert(task.to_string(), text.to_string()),
                    None => self.tasks.remove(&**task),
                };
            }
            Record::Cleared { .. } if survives => self.clear(),
            _ => {}
        }
    }

    fn append(&mut self, seq: u64, entry: &Arc<Entry>) {
        self.places.insert(seq);
        let message = entry.message();
        if message.role == Role::Record {
            return;
        }
        let (calls, results) = (calls_of(entry), results_of(entry));
        let leads =
            self.summaries.is_empty() && self.shown.values().all(|place| place.is_instruction);
        let is_instruction =
            leads && message.role == Role::System && calls.is_empty() && results.is_empty();
        let place = Place {
            entry: Arc::clone(entry),
            group: seq,
            results_elided: false,
            is_elided: false,
            is_instruction,
            is_pinned: false,
        };
        self.shown.insert(seq, place);
        let reasoned = self.reasoning.take();
        if message.role == Role::Assistant {
            self.tie(reasoned, seq);
            let spoke = self.speaking.take();
            let id = message.message_id.as_deref();
            let same = spoke.filter(|(known, _)| Some(known.as_str()) == id);
            self.tie(same.map(|(_, before)| before), seq);
            self.speaking = id.map(|id| (id.to_owned(), seq));
        }
        for id in results {
            let Some(at) = self.waiting.iter().rposition(|call| *call.id == *id) else {
                self.answered_late(&id);
                continue;
            };
            let call = self.waiting.remove(at);
            self.tie(Some(call.seq.0), seq);
            if let Some(known) = self.open_call(&call) {
                known.state = CallState::Answered;
            }
        }
        for (id, tool) in calls {
            let at = CallRef { seq: Seq(seq), id: id.into() };
            self.waiting.push(at.clone());
            self.calls.push(Call { at, tool, state: CallState::Open, known: None });
        }
        let parts = &message.parts;
        let reasons = |kind: &PartKind| matches!(kind, PartKind::Reasoning { .. });
        let only_reasons = !parts.is_empty() && parts.iter().all(|part| reasons(&part.kind));
        if message.role == Role::Assistant && message.message_id.is_none() && only_reasons {
            self.reasoning = Some(seq);
        }
    }

    /// Two entries hang together from now on, and all that hangs together with them.
    fn tie(&mut self, one: Option<u64>, other: u64) {
        let Some(one) = one else { return };
        let (one, other) = (self.shown[&one].group, self.shown[&other].group);
        let first = one.min(other);
        for place in self.shown.values_mut() {
            if place.group == one || place.group == other {
                place.group = first;
            }
        }
    }

    fn open_call(&mut self, at: &CallRef) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.at == *at && call.state == CallState::Open)
    }

    fn answered_late(&mut self, id: &str) {
        let of_id = self.under_way.iter().filter(|pending| *pending.call.id == *id);
        if let Some(last) = of_id.map(|pending| pending.call.clone()).max() {
            self.under_way.retain(|pending| pending.call != last);
        }
    }

    fn note(&mut self, call: &CallRef, kind: FactKind, tool: &str, detail: &str) {
        self.under_way.retain(|pending| pending.call != *call);
        let (call, tool, detail) = (call.clone(), tool.to_owned(), detail.to_owned());
        self.under_way.push(UnderWay { call, kind, tool, detail });
        self.under_way.sort_by(|one, other| one.call.cmp(&other.call));
    }

    fn freeze(&mut self, stand_ins: &[CallRef]) {
        for at in stand_ins {
            let Some(call) = self.open_call(at) else { continue };
            call.state = CallState::StoodIn;
            let tool = call.tool.clone();
            self.note(at, FactKind::NoResult, &tool, "");
        }
        self.forget_ends();
    }

    fn forget_ends(&mut self) {
        self.waiting.clear();
        (self.speaking, self.reasoning) = (None, None);
    }

    fn elide(&mut self, results: &[Seq], groups: &[Seq]) {
        for (seq, place) in &mut self.shown {
            place.results_elided |= results.contains(&Seq(*seq));
            place.is_elided |= groups.contains(&Seq(place.group));
        }
    }

    fn pin(&mut self, seq: u64, pinned: bool) {
        let Some(place) = self.shown.get_mut(&seq) else { return };
        place.is_pinned = pinned;
        let group = place.group;
        if pinned {
            for place in self.shown.values_mut().filter(|place| place.group == group) {
                (place.results_elided, place.is_elided) = (false, false);
            }
        }
    }

    fn resolve(&mut self, at: &CallRef, resolution: &Resolution) {
        let known = self.calls.iter().find(|call| call.at == *at).map(|call| call.tool.clone());
        let told = self.under_way.iter().find(|pending| pending.call == *at);
        let Some(tool) = known.or_else(|| told.map(|pending| pending.tool.clone())) else { return };
        if let Some(call) = self.open_call(at) {
            call.state = CallState::Resolved(resolution.clone());
        } else if let Some(call) = self.calls.iter_mut().find(|call| call.at == *at) {
            call.known = Some(resolution.end);
        }
        self.waiting.retain(|call| call != at);
        match resolution.end {
            CallEnd::RunningChild => {
                self.note(at, FactKind::RunningChild, &tool, &resolution.detail);
            }
            CallEnd::AwaitingApproval => {
                self.note(at, FactKind::AwaitingApproval, &tool, &resolution.detail);
            }
            CallEnd::Result | CallEnd::Failed | CallEnd::Abandoned => {
                self.under_way.retain(|pending| pending.call != *at);
            }
        }
    }

    fn splice(&mut self, pieces: &[Replacement]) {
        for Replacement { covers, .. } in pieces {
            self.summaries.retain(|standing| !covers.contains(standing.first()));
            self.summaries.push(covers.clone());
            self.shown.retain(|seq, _| !covers.contains(Seq(*seq)));
        }
        self.summaries.sort_by_key(SeqSpans::first);
        self.drop_ends();
    }

    fn clear(&mut self) {
        self.shown.retain(|_, place| place.is_instruction);
        let last = self.shown.keys().next_back().copied().unwrap_or(0);
        self.places.retain(|seq| *seq <= last);
        self.summaries.clear();
        self.has_register = false;
        self.under_way.clear();
        self.tasks.clear();
        self.drop_ends();
        self.forget_ends();
    }

    /// What has left the view has no open ends.
    fn drop_ends(&mut self) {
        let shown = &self.shown;
        self.calls.retain(|call| shown.contains_key(&call.at.seq.0));
        self.waiting.retain(|call| shown.contains_key(&call.seq.0));
        self.speaking.take_if(|(_, seq)| !shown.contains_key(seq));
        self.reasoning.take_if(|seq| !shown.contains_key(seq));
    }
}

/// The ids and tools of the calls of an entry.
pub(crate) fn calls_of(entry: &Entry) -> Vec<(String, String)> {
    let parts = entry.message().parts.iter();
    let calls = parts.filter_map(|part| match &part.kind {
        PartKind::ToolCall { id, name, .. } => Some((id.to_string(), name.to_string())),
        _ => None,
    });
    calls.collect()
}

/// The ids that an entry answers.
pub(crate) fn results_of(entry: &Entry) -> Vec<String> {
    let parts = entry.message().parts.iter();
    let results = parts.filter_map(|part| match &part.kind {
        PartKind::ToolResult { call, .. } => Some(call.to_string()),
        _ => None,
    });
    results.collect()
}
