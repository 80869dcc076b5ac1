//! The life of passes as the records tell it: one at a time, one outcome each, and no splice over what was changed
//! (V1, V2, V3, V6, V7, V11, V12, V13).

use highwater_protocol::{
    Abandoned, Fact, FactKind, LogPos, Outcome, PassId, Record, Refused, Replacement, Seq,
    TokenCount,
};

use super::fold::{Fold, Place, UnderWay};
use super::{Breach, Oracle};

/// Stands in every answer of a model that is no summary.
const BAD: &str = "not-a-summary";

/// The pass in flight.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) pass: PassId,
    pub(crate) cut: Seq,
    /// Something at or below its cut has changed.
    is_stale: bool,
    /// By a rewind: between that and giving the pass up the process may end.
    is_rewound: bool,
}

impl Flight {
    /// The log was left here: whatever was to come next stands in another.
    pub(super) fn forked(&mut self) {
        self.is_stale = false;
    }
}

impl Oracle {
    /// What a record means to the pass in flight. Called before the record is folded in.
    pub(super) fn fly(&mut self, record: &Record) -> Result<(), Breach> {
        if let Some(flight) =
            self.flight.as_ref().filter(|flight| flight.is_stale && !self.is_copied)
        {
            let is_given_up = match record {
                Record::PassEnded { outcome: Outcome::Abandoned(why), .. } => {
                    *why == Abandoned::Changed || *why == Abandoned::Restarted && flight.is_rewound
                }
                _ => false,
            };
            if !is_given_up {
                let pass = flight.pass;
                return Err(format!("V7: {pass} was not given up at once when its cover changed"));
            }
        }
        match record {
            Record::PassStarted { pass, cut, .. } => self.started(*pass, *cut),
            Record::Spliced { pass, cut, pieces, facts, .. } => {
                let flight = self.landed(*pass)?;
                if flight.cut != *cut {
                    return Err(format!(
                        "V3: {pass} started up to {}, it ends at {cut}",
                        flight.cut
                    ));
                }
                self.outcomes.push(Outcome::Spliced);
                self.check_facts(facts)?;
                self.check_pieces(*cut, pieces)
            }
            Record::PassEnded { pass, outcome, .. } => {
                let flight = self.landed(*pass)?;
                self.outcomes.push(outcome.clone());
                self.ended(&flight, outcome)
            }
            Record::Rewound { to, .. } => match self.flight.as_ref().filter(|f| f.cut > *to) {
                Some(flight) => {
                    Err(format!("V7: a rewind to {to} leaves {} in flight", flight.pass))
                }
                None => Ok(()),
            },
            Record::Cleared { .. } => match &self.flight {
                Some(flight) => Err(format!("V7: a clear leaves {} in flight", flight.pass)),
                None => Ok(()),
            },
            Record::Edited { place, entry, .. } => {
                let standing = self.fold.shown.get(&place.0);
                let same =
                    |standing: &Place| standing.entry.message().digest == entry.message().digest;
                if !standing.is_some_and(same) {
                    self.touch(*place);
                }
                Ok(())
            }
            Record::Pinned { seq, .. } => {
                self.touch(*seq);
                Ok(())
            }
            Record::Resolved { call, .. } => {
                if self.fold.calls.iter().any(|known| known.at == *call) {
                    self.touch(call.seq);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Why the pass that has just ended was given up must be what comes next, or came last.
    pub(super) fn owes(&self, record: &Record) -> Option<Owed> {
        let Record::PassEnded { outcome: Outcome::Abandoned(why), .. } = record else {
            return None;
        };
        match why {
            Abandoned::Rewound => Some(Owed::Rewind { below: self.last_cut }),
            Abandoned::Cleared => Some(Owed::Clear),
            _ => None,
        }
    }

    /// Whether a pass has started behind a position of the log.
    pub(super) fn has_started_since(&self, position: LogPos) -> bool {
        let behind = usize::try_from(position.0).map_or(&[][..], |at| &self.log[at..]);
        behind.iter().any(|record| matches!(record, Record::PassStarted { .. }))
    }

    /// A rewind has made the fold anew: what it undid may have been at or below the cut of the pass in flight.
    pub(super) fn refolded(&mut self, before: &Fold) {
        let fold = &self.fold;
        if let Some(flight) = &mut self.flight {
            let is_changed = before.covered_part(flight.cut) != fold.covered_part(flight.cut);
            flight.is_stale |= is_changed || legal_cut(fold, flight.cut).is_err();
            flight.is_rewound = true;
        }
    }

    fn touch(&mut self, seq: Seq) {
        if let Some(flight) = self.flight.as_mut().filter(|flight| seq <= flight.cut) {
            flight.is_stale = true;
        }
    }

    fn started(&mut self, pass: PassId, cut: Seq) -> Result<(), Breach> {
        if let Some(flight) = &self.flight {
            return Err(format!("V6: {pass} starts while {} is in flight", flight.pass));
        }
        if pass.0 != self.outcomes.len() as u64 + 1 {
            return Err(format!("V11: {pass} starts behind {} ends", self.outcomes.len()));
        }
        legal_cut(&self.fold, cut)?;
        self.last_cut = cut;
        self.flight = Some(Flight { pass, cut, is_stale: false, is_rewound: false });
        Ok(())
    }

    fn landed(&mut self, pass: PassId) -> Result<Flight, Breach> {
        match self.flight.take() {
            Some(flight) if flight.pass == pass => Ok(flight),
            other => Err(format!("V11: {pass} ends, but in flight is {other:?}")),
        }
    }

    fn ended(&self, flight: &Flight, outcome: &Outcome) -> Result<(), Breach> {
        let is_explained = match outcome {
            Outcome::Refused(Refused::NotSmaller) => true,
            Outcome::Abandoned(Abandoned::Changed) => flight.is_stale || flight.is_rewound,
            Outcome::Abandoned(Abandoned::Cancelled) => self.was_asked("cancel"),
            Outcome::Abandoned(Abandoned::Closed) => self.is_closing || self.was_asked("close"),
            Outcome::Abandoned(Abandoned::Restarted) => self.has_restarted,
            Outcome::Abandoned(Abandoned::Rewound) => self.was_asked("rewind"),
            Outcome::Abandoned(Abandoned::Cleared) => self.was_asked("clear"),
            _ => false,
        };
        // What a fork shares with its parent was held against what its parent was asked for.
        if is_explained || self.is_copied {
            return Ok(());
        }
        Err(format!("V7: {} ended as {outcome}, which nothing explains", flight.pass))
    }

    fn check_pieces(&self, cut: Seq, pieces: &[Replacement]) -> Result<(), Breach> {
        let fold = &self.fold;
        legal_cut(fold, cut)?;
        if pieces.is_empty() {
            return Err("V11: a splice of nothing".to_owned());
        }
        for (at, Replacement { covers, summary }) in pieces.iter().enumerate() {
            if summary.text.trim().is_empty() || summary.text.contains(BAD) {
                return Err(format!("V12: the summary says {:?}", summary.text));
            }
            if covers.is_empty() || covers.last() > cut {
                return Err(format!("V1: {covers} are covered by a pass up to {cut}"));
            }
            let twice = pieces[..at].iter().any(|before| {
                covers.ranges().iter().any(|range| {
                    (range.start.0..range.end.0).any(|seq| before.covers.contains(Seq(seq)))
                })
            });
            if twice {
                return Err(format!("V1: two summaries of one pass stand for some of {covers}"));
            }
            for seq in covers.ranges().iter().flat_map(|range| range.start.0..range.end.0) {
                let Some(place) = fold.shown.get(&seq) else { continue };
                if place.is_instruction || fold.is_pinned(place.group) {
                    return Err(format!("V13: #{seq} is covered, which has to stay as it is"));
                }
                if let Some((other, _)) =
                    fold.members(place.group).find(|(other, _)| !covers.contains(Seq(*other)))
                {
                    return Err(format!("V2: #{seq} is covered without #{other} of its group"));
                }
            }
            for standing in &fold.summaries {
                let mut all = standing.ranges().iter().flat_map(|range| range.start.0..range.end.0);
                let first = covers.contains(standing.first());
                if all.any(|seq| covers.contains(Seq(seq)) != first) {
                    return Err(format!("V1: {covers} tear the summary of {standing}"));
                }
            }
        }
        Ok(())
    }

    fn check_facts(&self, facts: &[Fact]) -> Result<(), Breach> {
        let fold = &self.fold;
        let calls = fold.under_way.iter().map(|UnderWay { call, kind, tool, detail }| {
            let name = format!("{tool} (call {:?} of entry {})", call.id, call.seq);
            (*kind, name, detail.clone())
        });
        let tasks =
            fold.tasks.iter().map(|(name, text)| (FactKind::Task, name.clone(), text.clone()));
        let wanted: Vec<_> = tasks.chain(calls.collect::<Vec<_>>().into_iter().rev()).collect();
        let told = |fact: &Fact| (fact.kind, fact.name.to_string(), fact.text.to_string());
        let mut found: Vec<_> = facts.iter().map(told).collect();
        let left_out = found.pop_if(|(kind, ..)| *kind == FactKind::LeftOut);
        found.reverse();
        let missing = wanted.len().saturating_sub(found.len());
        let is_counted = match &left_out {
            Some((_, name, _)) => missing > 0 && *name == format!("{missing} others"),
            None => missing == 0,
        };
        if is_counted && wanted.starts_with(&found) {
            Ok(())
        } else {
            Err(format!("V8: the facts are {facts:?}, the log says {wanted:?}"))
        }
    }

    /// V4 of a splice as it was told.
    pub(super) fn check_gain(&self, before: TokenCount, after: TokenCount) -> Result<(), Breach> {
        let hard = self.spliced_under;
        // What is left of a run of elided groups is told by a placeholder of its own, which no splice counts.
        let told_anew = TokenCount(32);
        let elided = self.fold.shown.values().any(|place| place.is_elided);
        let fits = after <= hard || elided && after < before + told_anew;
        if after < before || (self.covered_elided || elided) && fits {
            return Ok(());
        }
        Err(format!(
            "V4: a splice makes the view larger, from {before} to {after}; elided: {}, the hard mark is {hard}",
            self.covered_elided
        ))
    }
}

/// What the next record has to be.
#[derive(Clone, Debug)]
pub(crate) enum Owed {
    Rewind { below: Seq },
    Clear,
}

impl Owed {
    pub(super) fn check(&self, record: &Record) -> Result<(), Breach> {
        let is_paid = match (self, record) {
            (Self::Rewind { below }, Record::Rewound { to, .. }) => to < below,
            (Self::Clear, Record::Cleared { .. }) => true,
            _ => false,
        };
        if is_paid {
            Ok(())
        } else {
            Err(format!("V7: a pass was given up for {self:?}, and then came {}", record.name()))
        }
    }
}

/// V2: no group that a summary may stand for lies on both sides of a cut, and none before it is open.
fn legal_cut(fold: &Fold, cut: Seq) -> Result<(), Breach> {
    let pinned = |seq: u64| {
        fold.shown
            .get(&seq)
            .is_some_and(|place| place.is_instruction || fold.is_pinned(place.group))
    };
    for group in fold.groups().into_iter().filter(|group| !pinned(*group)) {
        let last = fold.members(group).last().map_or(group, |(seq, _)| seq);
        if group <= cut.0 && cut.0 < last {
            return Err(format!("V2: a cut at {cut} tears the group from #{group} to #{last}"));
        }
    }
    match fold.open_ends(cut).into_iter().find(|seq| !pinned(*seq)) {
        Some(seq) => Err(format!("V2: a cut at {cut} is behind #{seq}, which may go on")),
        None => Ok(()),
    }
}
