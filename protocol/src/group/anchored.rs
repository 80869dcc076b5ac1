//! A group as plain data and back (an anchor's part of it).

use std::sync::Arc;

use crate::anchor::{CallAnchor, CallResult, GroupAnchor, MemberAnchor, Texts};
use crate::outline::Said;
use crate::record::CallRef;
use crate::tokens::TokenCount;

use super::{Call, CallState, Elision, Group, Member};

impl Group {
    /// The group without what its entries say.
    pub(crate) fn anchor(&self) -> GroupAnchor {
        let member = |member: &Member| MemberAnchor {
            seq: member.seq,
            at: member.at,
            results_elided: member.results_elided,
        };
        GroupAnchor {
            members: self.members.iter().map(member).collect(),
            calls: self.calls.iter().map(Call::anchor).collect(),
            pins: self.pins.clone(),
            elided: self.is_elided(),
        }
    }

    /// The group that an anchor describes, shown whole: which runs are elided is seen in the whole view. Why it cannot
    /// be, when the anchor and the log do not fit.
    pub(crate) fn restored(anchor: &GroupAnchor, texts: &Texts<'_>) -> Result<Self, Box<str>> {
        let Some(first) = anchor.members.first() else {
            return Err("a group without entries".into());
        };
        let mut members = Vec::with_capacity(anchor.members.len());
        for MemberAnchor { seq, at, results_elided } in anchor.members.iter().copied() {
            let message = Arc::clone(texts.message(at, seq)?);
            members.push(Member { seq, at, said: Said::Whole(message), results_elided });
        }
        let rise = members.is_sorted_by(|one, next| one.seq < next.seq);
        if !rise || !anchor.pins.iter().all(|pin| members.iter().any(|m| m.seq == *pin)) {
            return Err(format!("the entries of group {} are not in order", first.seq).into());
        }
        let mut group = Self {
            calls: calls(&members, &anchor.calls, texts)?,
            said_tokens: members.iter().map(|member| member.said.tokens()).sum(),
            said_bytes: members.iter().map(|member| member.said.bytes()).sum(),
            members,
            pins: anchor.pins.clone(),
            elision: Elision::None,
            tokens: TokenCount::ZERO,
            held: 0,
            segment: None,
        };
        group.recount();
        group.weigh();
        Ok(group)
    }
}

impl Call {
    fn anchor(&self) -> CallAnchor {
        let result = match &self.state {
            CallState::Open => CallResult::Open,
            CallState::Answered(seq, part) => {
                let part = u32::try_from(*part).expect("an entry's parts are capped far below");
                CallResult::Answered(*seq, part)
            }
            CallState::StandIn => CallResult::StandIn,
            CallState::Resolved(_, at) => CallResult::Resolved(*at),
        };
        let (alias, known, resolved) = (self.alias.clone(), self.known, self.resolved);
        CallAnchor { alias, result, known, resolved }
    }
}

fn calls(
    members: &[Member],
    anchors: &[CallAnchor],
    texts: &Texts<'_>,
) -> Result<Vec<Call>, Box<str>> {
    let made = members
        .iter()
        .flat_map(|member| member.said.calls().map(|(id, name)| Call::new(member.seq, id, name)));
    let mut calls: Vec<Call> = made.collect();
    if calls.len() != anchors.len() {
        let (known, made) = (anchors.len(), calls.len());
        return Err(format!("{known} calls of a group that makes {made}").into());
    }
    for (call, anchor) in calls.iter_mut().zip(anchors) {
        call.alias.clone_from(&anchor.alias);
        (call.known, call.resolved) = (anchor.known, anchor.resolved);
        call.state = match anchor.result {
            CallResult::Open => CallState::Open,
            CallResult::StandIn => CallState::StandIn,
            CallResult::Resolved(at) => {
                let of = CallRef { seq: call.seq, id: call.id.clone() };
                CallState::Resolved(texts.resolution(at, &of)?.clone(), at)
            }
            CallResult::Answered(seq, part) => {
                let part = usize::try_from(part).unwrap_or(usize::MAX);
                let answers =
                    |said: &Said| said.sketches().nth(part).is_some_and(|it| it.is_result());
                if !members.iter().any(|member| member.seq == seq && answers(&member.said)) {
                    let (id, by) = (&call.id, call.seq);
                    return Err(format!("no result of call {id:?} of entry {by}").into());
                }
                CallState::Answered(seq, part)
            }
        };
    }
    Ok(calls)
}
