//! Telling a group in the order in which a provider must see it: each message of the model whole, its results right
//! behind it, then what the user says beside them.

use crate::block::{Answer, Block, Unit};
use crate::elide;
use crate::entry::{Format, Message, PartKind, Role};
use crate::format;
use crate::outline::Sketch;
use crate::position::Seq;

use super::naming::named;
use super::{Call, CallState, Group, STAND_IN};

/// A group whose entries are all in memory. Only this can be told: an outline has no texts.
pub(super) struct Whole<'a> {
    group: &'a Group,
    members: Vec<Spoken<'a>>,
}

/// What one entry says.
#[derive(Clone, Copy)]
struct Spoken<'a> {
    seq: Seq,
    message: &'a Message,
    results_elided: bool,
}

impl<'a> Whole<'a> {
    pub(super) fn of(group: &'a Group) -> Option<Self> {
        let members = group.members.iter().map(|member| {
            let (seq, results_elided) = (member.seq, member.results_elided);
            Some(Spoken { seq, message: &**member.message()?, results_elided })
        });
        Some(Self { group, members: members.collect::<Option<_>>()? })
    }

    pub(super) fn render(&self, format: Format) -> Vec<Block> {
        let mut units = Vec::new();
        let mut told: Vec<Option<&str>> = Vec::new();
        for member in &self.members {
            if !speaks_as_model(member.message) {
                continue;
            }
            let id = member.message.message_id.as_deref();
            if id.is_some() && told.contains(&id) {
                continue;
            }
            told.push(id);
            self.say_assistant(member, &mut units);
        }
        for member in &self.members {
            self.say_rest(member, &mut units);
        }
        format::render(format, &units)
    }

    /// One message of the model, gathered from all entries that share its id, and the results of its calls.
    fn say_assistant(&self, first: &Spoken<'a>, units: &mut Vec<Unit<'a>>) {
        let id = first.message.message_id.as_deref();
        let belongs = |member: &&Spoken<'a>| {
            member.seq == first.seq
                || id.is_some()
                    && speaks_as_model(member.message)
                    && member.message.message_id.as_deref() == id
        };
        let spoken = |member: &Spoken<'a>| self.group.spoken(member.seq, member.message);
        let parts = self.members.iter().filter(belongs).flat_map(spoken).collect();
        units.push(Unit::Say { role: Role::Assistant, parts });
        for member in self.members.iter().filter(belongs) {
            let calls = self.group.calls.iter().filter(|call| call.seq == member.seq);
            units.extend(
                calls.map(|call| Unit::Result { call: call.shown_id(), answer: self.shown(call) }),
            );
        }
    }

    fn shown(&self, call: &'a Call) -> Answer<'a> {
        let (seq, part) = match &call.state {
            CallState::Answered(seq, part) => (*seq, *part),
            CallState::Resolved(resolution, _) => return Answer::Text(resolution.text()),
            CallState::Open | CallState::StandIn => return Answer::Text(STAND_IN.to_owned()),
        };
        let answering = self.members.iter().find(|member| member.seq == seq);
        let answering = answering.expect("an answered call's result is a member of its group");
        let part = &answering.message.parts[part];
        if answering.results_elided {
            Answer::Text(elide::result_placeholder(seq, &call.name, &Sketch::of(part)))
        } else {
            Answer::Given(named(part, Some(call)))
        }
    }

    /// What is left of an entry once the model's words and the paired results are told: the user's and the host's
    /// words, and results that answer no open call, quoted.
    fn say_rest(&self, member: &Spoken<'a>, units: &mut Vec<Unit<'a>>) {
        let Spoken { seq, message, results_elided } = *member;
        for (index, part) in message.parts.iter().enumerate() {
            let PartKind::ToolResult { call, text, .. } = &part.kind else {
                continue;
            };
            if !self.group.calls.iter().any(|c| c.state == CallState::Answered(seq, index)) {
                let text = if results_elided {
                    elide::result_placeholder(seq, call, &Sketch::of(part))
                } else {
                    format!(
                        "[result of an earlier tool call {call:?} that is not open any more]\n{text}"
                    )
                };
                units.push(Unit::Note { text });
            }
        }
        if !speaks_as_model(message) {
            let parts: Vec<_> = self.group.spoken(seq, message).collect();
            if !parts.is_empty() {
                units.push(Unit::Say { role: message.role, parts });
            }
        }
    }
}

/// Whoever calls tools is shown as the model: no provider takes calls from anybody else.
fn speaks_as_model(message: &Message) -> bool {
    message.role == Role::Assistant || message.calls().next().is_some()
}
