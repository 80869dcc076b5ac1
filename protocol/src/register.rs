//! The register: what is still under way, as facts that travel beside the prose of summaries (V8): calls that were shown
//! without a result, children that run, approvals that are waited for, tasks that the host tracks.

use std::collections::BTreeMap;

use crate::anchor::CallUnderWay;
use crate::caps;
use crate::record::CallRef;
use crate::resolution::{CallEnd, Resolution};
use crate::tokens::{self, TokenCount};

/// One fact of the register, as a splice writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What kind of thing is under way.
    pub kind: FactKind,
    /// Which: a call's tool, entry and id; a task's name.
    pub name: Box<str>,
    /// What is known of it.
    pub text: Box<str>,
}

/// What kind of thing is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// A call was shown without a result, and none has come since.
    NoResult,
    /// A child works on a call.
    RunningChild,
    /// A call waits for somebody's approval.
    AwaitingApproval,
    /// A task that the host tracks.
    Task,
    /// Others, for which there was no room.
    LeftOut,
}

impl FactKind {
    fn heading(self) -> &'static str {
        match self {
            Self::NoResult => "call without a result",
            Self::RunningChild => "running child",
            Self::AwaitingApproval => "awaiting approval",
            Self::Task => "open task",
            Self::LeftOut => "left out for room",
        }
    }
}

#[derive(Clone, Debug)]
struct Pending {
    kind: FactKind,
    tool: Box<str>,
    detail: Box<str>,
}

/// What is under way now. A part of the fold (L4).
#[derive(Clone, Debug, Default)]
pub(crate) struct Register {
    calls: BTreeMap<CallRef, Pending>,
    tasks: BTreeMap<Box<str>, Box<str>>,
}

impl Register {
    /// A call was shown with a stand-in.
    pub(crate) fn stood_in(&mut self, call: &CallRef, tool: &str) {
        self.begin(call, FactKind::NoResult, tool, "");
    }

    /// The host has said how a call stands.
    pub(crate) fn resolved(&mut self, call: &CallRef, tool: &str, end: CallEnd, detail: &str) {
        let Some(kind) = pending_kind(end) else {
            self.calls.remove(call);
            return;
        };
        self.begin(call, kind, tool, detail);
    }

    fn begin(&mut self, call: &CallRef, kind: FactKind, tool: &str, detail: &str) {
        let (tool, detail) =
            (cut(tool, caps::MAX_FACT_NAME_BYTES), cut(detail, caps::MAX_TASK_BYTES));
        self.calls.insert(call.clone(), Pending { kind, tool: tool.into(), detail: detail.into() });
        if self.calls.len() > caps::MAX_CALLS_UNDER_WAY {
            self.calls.pop_first();
        }
    }

    /// The calls under way, in order.
    pub(crate) fn under_way(&self) -> Vec<CallUnderWay> {
        let one = |(call, pending): (&CallRef, &Pending)| {
            let Pending { kind, tool, detail } = pending.clone();
            CallUnderWay { call: call.clone(), kind, tool, detail }
        };
        self.calls.iter().map(one).collect()
    }

    /// The tasks and what they say, in order of their names.
    pub(crate) fn open_tasks(&self) -> Vec<(Box<str>, Box<str>)> {
        self.tasks.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }

    /// The bytes of memory that it takes. Both lists are short: they are capped.
    pub(crate) fn weight(&self) -> usize {
        let one = size_of::<(CallRef, Pending)>();
        let mut bytes =
            self.calls.len() * one + self.tasks.len() * size_of::<(Box<str>, Box<str>)>();
        for (call, pending) in &self.calls {
            bytes += call.id.len() + pending.tool.len() + pending.detail.len();
        }
        for (name, text) in &self.tasks {
            bytes += name.len() + text.len();
        }
        bytes
    }

    /// A register of these calls and tasks.
    pub(crate) fn restored(calls: &[CallUnderWay], tasks: &[(Box<str>, Box<str>)]) -> Self {
        let pending = |one: &CallUnderWay| {
            let CallUnderWay { call, kind, tool, detail } = one.clone();
            (call, Pending { kind, tool, detail })
        };
        Self { calls: calls.iter().map(pending).collect(), tasks: tasks.iter().cloned().collect() }
    }

    /// Whether a call is known to stand just so.
    pub(crate) fn stands_so(&self, call: &CallRef, resolution: &Resolution) -> bool {
        let detail = cut(resolution.detail(), caps::MAX_TASK_BYTES);
        self.calls.get(call).is_some_and(|pending| {
            pending_kind(resolution.end()) == Some(pending.kind) && *pending.detail == *detail
        })
    }

    /// A result has come that answers no open call: whatever of that id is nearest before it is not under way any more.
    pub(crate) fn answered_late(&mut self, id: &str) {
        let known = self.calls.keys().rev().find(|call| &*call.id == id).cloned();
        if let Some(call) = known {
            self.calls.remove(&call);
        }
    }

    /// The tool of a call that is under way.
    pub(crate) fn tool(&self, call: &CallRef) -> Option<&str> {
        self.calls.get(call).map(|pending| &*pending.tool)
    }

    /// Begins, changes or, with `None`, ends a task.
    pub(crate) fn track(&mut self, task: &str, text: Option<&str>) {
        match text {
            Some(text) => self.tasks.insert(task.into(), text.into()),
            None => self.tasks.remove(task),
        };
    }

    /// What a task says now.
    pub(crate) fn task(&self, task: &str) -> Option<&str> {
        self.tasks.get(task).map(|text| &**text)
    }

    /// How many tasks are open.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// The facts that a splice writes down, at most so large when they are told: tasks first, then the newest calls, and
    /// how many there was no room for. In the order of the entries, tasks last.
    pub(crate) fn facts(&self, room: TokenCount) -> Vec<Fact> {
        let calls = self.calls.iter().rev().map(|(call, pending)| {
            let id = cut(&call.id, caps::MAX_FACT_NAME_BYTES);
            let name = format!("{} (call {id:?} of entry {})", pending.tool, call.seq);
            Fact { kind: pending.kind, name: name.into(), text: pending.detail.clone() }
        });
        let tasks = self.tasks.iter().map(|(name, text)| Fact {
            kind: FactKind::Task,
            name: name.clone(),
            text: text.clone(),
        });
        let mut size = tokens::estimate(HEADING) + LEFT_OUT_TOKENS;
        let mut facts: Vec<Fact> = Vec::new();
        for fact in tasks.chain(calls) {
            size += tokens::estimate(&line(&fact));
            if size > room {
                break;
            }
            facts.push(fact);
        }
        facts.reverse();
        let left_out = self.tasks.len() + self.calls.len() - facts.len();
        if left_out > 0 {
            let name = format!("{left_out} others").into();
            facts.push(Fact { kind: FactKind::LeftOut, name, text: "".into() });
        }
        facts
    }
}

const HEADING: &str =
    "[register: still under way when the conversation before this was summarized]";

/// About what the line of those left out takes, and what estimates of lines miss of the whole.
const LEFT_OUT_TOKENS: TokenCount = TokenCount(16);

fn pending_kind(end: CallEnd) -> Option<FactKind> {
    match end {
        CallEnd::RunningChild => Some(FactKind::RunningChild),
        CallEnd::AwaitingApproval => Some(FactKind::AwaitingApproval),
        CallEnd::Result | CallEnd::Failed | CallEnd::Abandoned => None,
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn line(fact: &Fact) -> String {
    let colon = if fact.text.is_empty() { "" } else { ": " };
    format!("\n- {}: {}{colon}{}", fact.kind.heading(), fact.name, fact.text)
}

/// The note that tells the facts; `None` when there are none. The same facts give the same bytes for ever (P2).
pub(crate) fn note(facts: &[Fact]) -> Option<String> {
    if facts.is_empty() {
        return None;
    }
    let mut note = HEADING.to_owned();
    note.extend(facts.iter().map(line));
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Seq;

    fn call(seq: u64, id: &str) -> CallRef {
        CallRef { seq: Seq(seq), id: id.into() }
    }

    /// These words are frozen: they stand in contexts that were answered (P1, P2).
    #[test]
    fn what_is_under_way_is_told_in_fixed_words() {
        let mut register = Register::default();
        register.stood_in(&call(2, "t1"), "ls");
        register.resolved(&call(3, "t2"), "task", CallEnd::RunningChild, "child 7");
        register.resolved(&call(4, "t3"), "rm", CallEnd::AwaitingApproval, "");
        register.track("ship", Some("by Friday"));
        let expected = "[register: still under way when the conversation before this was summarized]\n\
            - call without a result: ls (call \"t1\" of entry #2)\n\
            - running child: task (call \"t2\" of entry #3): child 7\n\
            - awaiting approval: rm (call \"t3\" of entry #4)\n\
            - open task: ship: by Friday";
        assert_eq!(note(&register.facts(TokenCount(900))).as_deref(), Some(expected));
        register.resolved(&call(2, "t1"), "ls", CallEnd::Abandoned, "");
        register.answered_late("t2");
        register.answered_late("t3");
        register.track("ship", None);
        assert_eq!(note(&register.facts(TokenCount(900))), None);
    }

    #[test]
    fn a_late_result_ends_the_nearest_call_of_its_id() {
        let mut register = Register::default();
        register.stood_in(&call(2, "t"), "first");
        register.stood_in(&call(9, "t"), "second");
        register.answered_late("other");
        register.answered_late("t");
        let left: Vec<_> =
            register.facts(TokenCount(900)).into_iter().map(|fact| fact.name).collect();
        assert_eq!(left, ["first (call \"t\" of entry #2)".into()]);
    }

    #[test]
    fn what_is_told_stays_within_its_room_whatever_is_under_way() {
        let mut register = Register::default();
        register.track("ship", Some("by Friday"));
        for seq in 1..=400 {
            let (id, detail) = ("i".repeat(60_000), "\u{e9}".repeat(4_000));
            register.resolved(&call(seq, &id), &"tool".repeat(900), CallEnd::RunningChild, &detail);
        }
        assert_eq!(register.calls.len(), caps::MAX_CALLS_UNDER_WAY);
        for room in [200, 2_000, 20_000] {
            let facts = register.facts(TokenCount(room));
            let told = note(&facts).expect("there are facts");
            assert!(tokens::estimate(&told) <= TokenCount(room), "{room}: {told}");
            let kinds: Vec<FactKind> = facts.iter().rev().take(2).map(|fact| fact.kind).collect();
            assert_eq!(kinds, [FactKind::LeftOut, FactKind::Task]);
        }
        let facts = register.facts(TokenCount(2_000));
        assert!(facts[facts.len() - 3].name.contains("entry #400"), "the newest are told");
    }
}
