//! The groups of an anchor's view, each kind of fact about them in a list of its own.

use highwater_protocol::anchor::{CallAnchor, CallResult, GroupAnchor, MemberAnchor};
use highwater_protocol::{CallEnd, LogPos, Seq};
use serde::{Deserialize, Serialize};

use super::super::code::Coded;
use super::{differences, sums};
use crate::codec::DecodeError;

/// What stands as the result of a call. Persisted: a number is never changed and never reused.
mod result {
    pub(super) const OPEN: u8 = 1;
    pub(super) const ANSWERED: u8 = 2;
    pub(super) const STAND_IN: u8 = 3;
    pub(super) const RESOLVED: u8 = 4;
}

#[derive(Serialize, Deserialize)]
pub(super) struct GroupsV1<'a> {
    /// Entries and calls of each group.
    pub(super) sizes: Vec<(u32, u32)>,
    /// The groups that are shown as placeholders, by their places in the list.
    pub(super) elided: Vec<u32>,
    /// The numbers of all entries, as differences.
    pub(super) seqs: Vec<u64>,
    /// Where each of them stands in the log, as differences.
    pub(super) positions: Vec<u64>,
    /// The entries whose results are shown as placeholders, by their places among all.
    pub(super) results_elided: Vec<u32>,
    /// Pinned entries, each with its group.
    pub(super) pins: Vec<(u32, u64)>,
    /// What stands as the result of each call.
    pub(super) results: Vec<u8>,
    /// The entries that answer, of those calls that are answered, as differences.
    pub(super) answers: Vec<u64>,
    /// The parts of these entries.
    pub(super) parts: Vec<u32>,
    /// Where it stands in the log how a call was resolved, as differences.
    pub(super) resolutions: Vec<u64>,
    /// The ids that calls are shown with, if not with their own.
    #[serde(borrow)]
    pub(super) aliases: Vec<(u32, &'a str)>,
    /// How calls stand that were shown without a result.
    pub(super) known: Vec<(u32, u8)>,
    /// How often the host has said how a call stands, if it has.
    pub(super) resolved: Vec<(u32, u32)>,
}

impl<'a> GroupsV1<'a> {
    pub(super) fn new(groups: &'a [GroupAnchor]) -> Self {
        let members = || groups.iter().flat_map(|group| &group.members);
        let calls = || numbered(groups.iter().flat_map(|group| &group.calls));
        let all = || groups.iter().flat_map(|group| &group.calls).map(|call| &call.result);
        let pinned = numbered(groups.iter());
        let elided = numbered(members()).filter(|(_, member)| member.results_elided);
        Self {
            sizes: groups
                .iter()
                .map(|it| (short(it.members.len()), short(it.calls.len())))
                .collect(),
            elided: numbered(groups.iter()).filter(|(_, it)| it.elided).map(|(at, _)| at).collect(),
            seqs: differences(members().map(|member| member.seq.0)),
            positions: differences(members().map(|member| member.at.0)),
            results_elided: elided.map(|(at, _)| at).collect(),
            pins: pinned.flat_map(|(at, it)| it.pins.iter().map(move |pin| (at, pin.0))).collect(),
            results: all().map(code).collect(),
            answers: differences(all().filter_map(|result| match result {
                CallResult::Answered(seq, _) => Some(seq.0),
                _ => None,
            })),
            parts: all()
                .filter_map(|result| match result {
                    CallResult::Answered(_, part) => Some(*part),
                    _ => None,
                })
                .collect(),
            resolutions: differences(all().filter_map(|result| match result {
                CallResult::Resolved(at) => Some(at.0),
                _ => None,
            })),
            aliases: calls().filter_map(|(at, it)| Some((at, it.alias.as_deref()?))).collect(),
            known: calls().filter_map(|(at, it)| Some((at, it.known?.code()))).collect(),
            resolved: calls().map(|(at, it)| (at, it.resolved)).filter(|it| it.1 > 0).collect(),
        }
    }

    pub(super) fn groups(self) -> Result<Vec<GroupAnchor>, DecodeError> {
        let (mut members, mut calls) = (self.members()?.into_iter(), self.calls()?.into_iter());
        let mut groups = Vec::with_capacity(self.sizes.len());
        for (entries, made) in &self.sizes {
            let group = GroupAnchor {
                members: taken(&mut members, *entries)?,
                calls: taken(&mut calls, *made)?,
                pins: Vec::new(),
                elided: false,
            };
            groups.push(group);
        }
        if members.next().is_some() || calls.next().is_some() {
            return Err(misfit());
        }
        for at in &self.elided {
            at_mut(&mut groups, *at)?.elided = true;
        }
        for (at, pin) in &self.pins {
            at_mut(&mut groups, *at)?.pins.push(Seq(*pin));
        }
        Ok(groups)
    }

    fn members(&self) -> Result<Vec<MemberAnchor>, DecodeError> {
        if self.seqs.len() != self.positions.len() {
            return Err(misfit());
        }
        let both = sums(&self.seqs).zip(sums(&self.positions));
        let member =
            |(seq, at)| MemberAnchor { seq: Seq(seq), at: LogPos(at), results_elided: false };
        let mut members: Vec<MemberAnchor> = both.map(member).collect();
        for at in &self.results_elided {
            at_mut(&mut members, *at)?.results_elided = true;
        }
        Ok(members)
    }

    fn calls(&self) -> Result<Vec<CallAnchor>, DecodeError> {
        let mut answers = sums(&self.answers).zip(&self.parts);
        let mut resolutions = sums(&self.resolutions);
        let mut calls = Vec::with_capacity(self.results.len());
        for code in &self.results {
            let result = match *code {
                result::OPEN => CallResult::Open,
                result::STAND_IN => CallResult::StandIn,
                result::ANSWERED => {
                    let (seq, part) = answers.next().ok_or_else(misfit)?;
                    CallResult::Answered(Seq(seq), *part)
                }
                result::RESOLVED => {
                    CallResult::Resolved(LogPos(resolutions.next().ok_or_else(misfit)?))
                }
                code => return Err(DecodeError::Code { what: "result of a call", code }),
            };
            calls.push(CallAnchor { alias: None, result, known: None, resolved: 0 });
        }
        for (at, alias) in &self.aliases {
            at_mut(&mut calls, *at)?.alias = Some((*alias).into());
        }
        for (at, known) in &self.known {
            at_mut(&mut calls, *at)?.known = Some(CallEnd::from_code(*known)?);
        }
        for (at, resolved) in &self.resolved {
            at_mut(&mut calls, *at)?.resolved = *resolved;
        }
        Ok(calls)
    }
}

fn code(result: &CallResult) -> u8 {
    match result {
        CallResult::Open => result::OPEN,
        CallResult::Answered(..) => result::ANSWERED,
        CallResult::StandIn => result::STAND_IN,
        CallResult::Resolved(_) => result::RESOLVED,
    }
}

fn numbered<T>(items: impl Iterator<Item = T>) -> impl Iterator<Item = (u32, T)> {
    items.enumerate().map(|(at, item)| (short(at), item))
}

/// A list in a frame is shorter than its bytes, and those are capped.
fn short(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn taken<T>(items: &mut impl Iterator<Item = T>, count: u32) -> Result<Vec<T>, DecodeError> {
    let count = usize::try_from(count).map_err(|_| misfit())?;
    let taken: Vec<T> = items.take(count).collect();
    if taken.len() == count { Ok(taken) } else { Err(misfit()) }
}

fn at_mut<T>(items: &mut [T], at: u32) -> Result<&mut T, DecodeError> {
    usize::try_from(at).ok().and_then(|at| items.get_mut(at)).ok_or_else(misfit)
}

fn misfit() -> DecodeError {
    DecodeError::Value("the lists of an anchor do not fit each other".into())
}
