//! What the host decides about the entries of a group: pins, edits, how a call stands. All of it counts in the digest
//! chain (V3).

use std::fmt::Write;
use std::sync::Arc;

use crate::entry::Message;
use crate::ids::Digest;
use crate::outline::{Said, Sketch};
use crate::position::{LogPos, Seq};
use crate::record::CallRef;
use crate::resolution::{CallEnd, Resolution};

use super::{Call, CallState, Elision, Group};

/// A call as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallView<'a> {
    pub(crate) tool: &'a str,
    pub(crate) shown: CallShown,
}

/// What is shown as the result of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallShown {
    /// Nothing yet.
    Open,
    /// Its result.
    Answered,
    /// A stand-in or what the host said, and how it said that the call stands since that was shown.
    Without(Option<CallEnd>),
}

impl Group {
    /// Resolves a call that is open, or not shown yet as it was resolved before; of one that was shown without its
    /// result notes how it stands. `None` when the group makes no such call, or it has its result.
    pub(crate) fn resolve(
        &mut self,
        call: &CallRef,
        resolution: &Resolution,
        at: LogPos,
        is_shown: bool,
    ) -> Option<()> {
        let index = self.position(call)?;
        let known = &mut self.calls[index];
        known.resolved += 1;
        match known.state {
            CallState::Answered(..) => return None,
            CallState::StandIn | CallState::Resolved(..) if is_shown => {
                known.known = Some(resolution.end());
            }
            _ => known.state = CallState::Resolved(resolution.clone(), at),
        }
        self.weigh();
        self.recount();
        Some(())
    }

    /// The call of that entry and id: of several, one that is open comes first.
    fn position(&self, call: &CallRef) -> Option<usize> {
        let same = |known: &Call| known.seq == call.seq && known.id == call.id;
        let is_open = |known: &Call| same(known) && known.state == CallState::Open;
        self.calls.iter().position(is_open).or_else(|| self.calls.iter().position(same))
    }

    /// Whether a call of that entry and id was resolved in the same words.
    pub(crate) fn is_resolved_so(&self, call: &CallRef, resolution: &Resolution) -> bool {
        let mut same =
            self.calls.iter().filter(|known| known.seq == call.seq && known.id == call.id);
        same.any(
            |known| matches!(&known.state, CallState::Resolved(known, _) if known == resolution),
        )
    }

    /// The call of that entry and id.
    pub(crate) fn call(&self, call: &CallRef) -> Option<CallView<'_>> {
        let known = &self.calls[self.position(call)?];
        Some(CallView {
            tool: &known.name,
            shown: match &known.state {
                CallState::Open => CallShown::Open,
                CallState::Answered(..) => CallShown::Answered,
                CallState::StandIn | CallState::Resolved(..) => CallShown::Without(known.known),
            },
        })
    }

    /// Pins an entry or sets it free; a pinned group is shown as it was said. Whether what is shown has changed.
    pub(crate) fn pin(&mut self, seq: Seq, pinned: bool) -> bool {
        self.pins.retain(|pin| *pin != seq);
        self.pins.extend(pinned.then_some(seq));
        self.weigh();
        if !pinned {
            return false;
        }
        let was_elided =
            self.is_elided() || self.members.iter().any(|member| member.results_elided);
        if was_elided {
            self.elision = Elision::None;
            self.members.iter_mut().for_each(|member| member.results_elided = false);
            self.recount();
        }
        was_elided
    }

    /// Whether this entry is pinned.
    pub(crate) fn has_pin(&self, seq: Seq) -> bool {
        self.pins.contains(&seq)
    }

    /// Has an entry say something else. The caller has checked that it hangs together with the same others.
    pub(crate) fn edit(&mut self, seq: Seq, at: LogPos, message: &Arc<Message>) {
        let Some(member) = self.members.iter_mut().find(|member| member.seq == seq) else {
            return;
        };
        member.at = at;
        let before = std::mem::replace(&mut member.said, Said::Whole(Arc::clone(message)));
        for call in &mut self.calls {
            if let CallState::Answered(by, part) = &mut call.state
                && *by == seq
            {
                let nth = before.sketches().take(*part).filter(Sketch::is_result).count();
                let mut results =
                    message.parts.iter().enumerate().filter(|(_, part)| part.is_result());
                *part = results.nth(nth).map_or(*part, |(index, _)| index);
            }
        }
        self.said_tokens = self.members.iter().map(|member| member.said.tokens()).sum();
        self.said_bytes = self.members.iter().map(|member| member.said.bytes()).sum();
        self.weigh();
        self.recount();
    }

    /// What an entry of the group counts as in the digest chain: its content, and what was decided about it (V3).
    pub(crate) fn content(&self, seq: Seq) -> Digest {
        let Some(member) = self.members.iter().find(|member| member.seq == seq) else {
            return Digest::ZERO;
        };
        let mut decided = String::new();
        if self.pins.contains(&seq) {
            decided.push_str("pinned;");
        }
        for call in self.calls.iter().filter(|call| call.seq == seq) {
            if let CallState::Resolved(resolution, _) = &call.state {
                write!(decided, "{:?} {resolution:?};", call.id)
                    .expect("a string takes everything");
            }
            if call.resolved > 0 {
                write!(decided, "{:?} {} {:?};", call.id, call.resolved, call.known)
                    .expect("a string takes everything");
            }
        }
        if decided.is_empty() {
            return member.digest();
        }
        Digest::of_parts(&[&member.digest().0, decided.as_bytes()])
    }
}
