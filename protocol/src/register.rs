//! The register: what is still under way, as facts that travel beside the prose of summaries (V8): calls that were shown
//! without a result, children that run, approvals that are waited for, tasks that the host tracks.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::caps;
use crate::record::CallRef;
use crate::resolution::CallEnd;

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
}

impl FactKind {
    fn heading(self) -> &'static str {
        match self {
            Self::NoResult => "call without a result",
            Self::RunningChild => "running child",
            Self::AwaitingApproval => "awaiting approval",
            Self::Task => "open task",
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
        let pending = Pending { kind: FactKind::NoResult, tool: tool.into(), detail: "".into() };
        self.calls.insert(call.clone(), pending);
    }

    /// The host has said how a call stands.
    pub(crate) fn resolved(&mut self, call: &CallRef, tool: &str, end: CallEnd, detail: &str) {
        let kind = match end {
            CallEnd::RunningChild => FactKind::RunningChild,
            CallEnd::AwaitingApproval => FactKind::AwaitingApproval,
            CallEnd::Result | CallEnd::Failed | CallEnd::Abandoned => {
                self.calls.remove(call);
                return;
            }
        };
        let end = detail.floor_char_boundary(caps::MAX_TASK_BYTES);
        let pending = Pending { kind, tool: tool.into(), detail: detail[..end].into() };
        self.calls.insert(call.clone(), pending);
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

    /// The facts that a splice writes down: of those under way the newest calls, and all tasks.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let left_out = self.calls.len().saturating_sub(caps::MAX_FACTS);
        let calls = self.calls.iter().skip(left_out).map(|(call, pending)| Fact {
            kind: pending.kind,
            name: format!("{} (call {:?} of entry {})", pending.tool, call.id, call.seq).into(),
            text: pending.detail.clone(),
        });
        let tasks = self.tasks.iter().map(|(name, text)| Fact {
            kind: FactKind::Task,
            name: name.clone(),
            text: text.clone(),
        });
        calls.chain(tasks).collect()
    }
}

/// The note that tells the facts; `None` when there are none. The same facts give the same bytes for ever (P2).
pub(crate) fn note(facts: &[Fact]) -> Option<String> {
    if facts.is_empty() {
        return None;
    }
    let mut note =
        "[register: still under way when the conversation before this was summarized]".to_owned();
    for Fact { kind, name, text } in facts {
        let colon = if text.is_empty() { "" } else { ": " };
        write!(note, "\n- {}: {name}{colon}{text}", kind.heading())
            .expect("a string takes everything");
    }
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
        assert_eq!(note(&register.facts()).as_deref(), Some(expected));
        register.resolved(&call(2, "t1"), "ls", CallEnd::Abandoned, "");
        register.answered_late("t2");
        register.answered_late("t3");
        register.track("ship", None);
        assert_eq!(note(&register.facts()), None);
    }

    #[test]
    fn a_late_result_ends_the_nearest_call_of_its_id() {
        let mut register = Register::default();
        register.stood_in(&call(2, "t"), "first");
        register.stood_in(&call(9, "t"), "second");
        register.answered_late("other");
        register.answered_late("t");
        let left: Vec<_> = register.facts().into_iter().map(|fact| fact.name).collect();
        assert_eq!(left, ["first (call \"t\" of entry #2)".into()]);
    }

    #[test]
    fn the_newest_calls_are_told_and_long_words_are_cut() {
        let mut register = Register::default();
        for seq in 1..=caps::MAX_FACTS as u64 + 5 {
            register.resolved(&call(seq, "t"), "ls", CallEnd::RunningChild, &"\u{e9}".repeat(400));
        }
        let facts = register.facts();
        assert_eq!(facts.len(), caps::MAX_FACTS);
        assert!(facts[0].name.contains("entry #6"), "{}", facts[0].name);
        assert!(facts.iter().all(|fact| fact.text.len() <= caps::MAX_TASK_BYTES));
    }
}
