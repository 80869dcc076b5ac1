//! The oracle of one session: reads what became durable, holds it against what was asked for, and holds every answer and
//! every notice against what is durable. It shares data types with the product and nothing else.
//!
//! ```text
//! asked --> asks --+                          +--> answers, contexts, notices are held against it
//!                  +--> each durable record --+
//! the naive fold --+      must be asked for and legal, then it is folded in
//! ```

mod answers;
mod expect;
mod fold;
mod marks;
mod notices;
mod passes;
mod shown;
mod usage;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use highwater_protocol::message::Request;

use highwater_protocol::{
    Budget, CallRef, Entry, Format, LogPos, Outcome, Record, Seq, TokenCount,
};

pub(crate) use answers::Ask;
use answers::Stand;
use expect::Verdict;
pub(crate) use fold::Fold;
use notices::Told;
use passes::{Flight, Owed};
use shown::{Expected, Last};

/// What was promised and not kept.
pub(crate) type Breach = String;

/// All that is known of one session.
#[expect(clippy::struct_excessive_bools, reason = "a naive list of what is so")]
#[derive(Default)]
pub(crate) struct Oracle {
    log: Vec<Record>,
    fold: Fold,
    /// By id: the number, and the entry as it was asked for.
    /// The number, the place and the entry of each id.
    ids: BTreeMap<String, (u64, u64, Arc<Entry>)>,
    /// By number, from the first.
    entries: Vec<Arc<Entry>>,
    opened: Option<(Format, Budget)>,
    /// Settings that somebody asked for.
    asked_settings: Vec<(Format, Budget)>,
    asks: Vec<Ask>,
    flight: Option<Flight>,
    last_cut: Seq,
    outcomes: Vec<Outcome>,
    owed: Option<Owed>,
    covered_elided: bool,
    /// The hard mark when the last pass was spliced.
    spliced_under: TokenCount,
    calls: u64,
    reports: usage::Reports,
    /// Contexts whose answers have not come, by number.
    expected: BTreeMap<u64, Expected>,
    /// Contexts that were received, by number; also those that its parent received before it was forked.
    received: BTreeMap<u64, Last>,
    resets: u64,
    to_tell: VecDeque<Told>,
    is_lossy: bool,
    is_closing: bool,
    has_restarted: bool,
    is_copied: bool,
}

impl Oracle {
    /// The position of the next record.
    pub(crate) fn next(&self) -> LogPos {
        LogPos(self.log.len() as u64)
    }

    /// What the log says now.
    pub(crate) fn model(&self) -> &Fold {
        &self.fold
    }

    /// The settings that are durable.
    pub(crate) fn settings(&self) -> Option<(Format, Budget)> {
        self.opened
    }

    /// All entries that are durable, by number.
    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// How many contexts were answered.
    pub(crate) fn called(&self) -> u64 {
        self.calls
    }

    /// Whether a pass is in flight, or somebody waits for something.
    pub(crate) fn is_busy(&self) -> bool {
        self.flight.is_some() || self.asks.iter().any(|ask| ask.stand == Stand::Waiting)
    }

    /// How many passes have ended.
    pub(crate) fn passes(&self) -> u64 {
        self.outcomes.len() as u64 + u64::from(self.flight.is_some())
    }

    /// Entries read back from a number on, as of when so many were durable (L2, L6, L7).
    pub(crate) fn reads_back(
        &self,
        from: u64,
        until: u64,
        page: &[(Seq, Arc<Entry>)],
        ends: bool,
    ) -> Result<(), Breach> {
        for (expected, (seq, entry)) in (from..).zip(page) {
            let known = usize::try_from(expected - 1).ok().and_then(|at| self.entries.get(at));
            if seq.0 != expected
                || known.is_none_or(|known| {
                    known.id() != entry.id() || known.source() != entry.source()
                })
            {
                return Err(format!(
                    "L2: the history has {} as {seq}, not what was stored as #{expected}",
                    entry.id()
                ));
            }
        }
        let read = from + page.len() as u64;
        if ends && read < until {
            return Err(format!(
                "L2: the history ends before #{read}, it should have #{}",
                until - 1
            ));
        }
        Ok(())
    }

    /// What is known of a fork of the session that was left at a position: all before it, and nobody waits (L9).
    pub(crate) fn forked(&self, at: LogPos) -> Result<Self, Breach> {
        let asked_settings = self.asked_settings.clone();
        let mut child = Self { is_copied: true, asked_settings, ..Self::default() };
        let end = usize::try_from(at.0).unwrap_or(usize::MAX);
        let Some(shared) = self.log.get(..end) else {
            return Err(format!("L9: a fork at {at} of a log that ends at {}", self.next()));
        };
        shared.iter().try_for_each(|record| child.take(record))?;
        (child.is_copied, child.owed) = (false, None);
        // What they showed is shown by the fork too (P1).
        let received = self.received.range(..=child.calls);
        child.received = received.map(|(call, last)| (*call, last.clone())).collect();
        // Its own rewind or change may be what the fork left behind: the pass ends with the fork.
        if let Some(flight) = &mut child.flight {
            flight.forked();
        }
        child.crash();
        Ok(child)
    }

    /// Holds what is read of a fork against the log that it was forked from, up to where it was (L9).
    pub(crate) fn shares(&self, found: &[(LogPos, Record)]) -> Result<(), Breach> {
        let shared = (0..).map(LogPos).zip(&self.log);
        let same =
            shared.zip(found).all(|((at, record), (there, other))| at == *there && record == other);
        if same && found.len() == self.log.len() {
            return Ok(());
        }
        Err(format!(
            "L9: a fork holds {} records that are not the {} of its parent",
            found.len(),
            self.log.len()
        ))
    }

    /// Where an entry stands in the log.
    pub(crate) fn position(&self, wanted: Seq) -> Option<LogPos> {
        let stands = |record: &Record| matches!(record, Record::Appended { seq, .. } | Record::Edited { seq, .. } if *seq == wanted);
        self.log.iter().position(stands).map(|at| LogPos(at as u64))
    }

    /// Somebody opens the session with these settings.
    pub(crate) fn opens(&mut self, format: Format, budget: Budget) {
        self.asked_settings.push((format, budget));
    }

    /// The process ends here: what was asked for and is not durable never will be, and nobody is told of the rest.
    pub(crate) fn crash(&mut self) {
        self.asks.clear();
        self.expected.clear();
        (self.is_lossy, self.has_restarted, self.is_closing) = (true, true, false);
    }

    /// The whole house is being closed, or goes on.
    pub(crate) fn closing(&mut self, is_closing: bool) {
        self.is_closing = is_closing;
    }

    /// An actor has died: it told nothing any more, and its pass has ended with it.
    pub(crate) fn lost_its_actor(&mut self) {
        (self.is_lossy, self.has_restarted) = (true, true);
    }

    /// Takes in the next durable record.
    pub(crate) fn take(&mut self, record: &Record) -> Result<(), Breach> {
        if let Some(owed) = self.owed.take().filter(|_| !self.is_copied) {
            owed.check(record)?;
        }
        self.owed = self.owes(record);
        if !self.is_copied {
            self.attribute(record)?;
        }
        self.fly(record)?;
        if let Record::Spliced { pieces, .. } = record {
            self.spliced_under = self.hard();
            self.covered_elided = pieces.iter().any(|piece| self.hides_elided(&piece.covers));
        }
        let tells = self.tells(record);
        self.to_tell.extend(tells);
        self.resets += u64::from(self.is_reset(record));
        self.log.push(record.clone());
        self.fold_in(record);
        self.note(record)
    }

    /// After all records that are durable: whatever was appended together is there together.
    pub(crate) fn taken(&self) -> Result<(), Breach> {
        for ask in self.asks.iter().filter(|ask| ask.is_fresh) {
            let entries = ask.request.appends();
            let known = entries.iter().filter(|entry| self.has(entry));
            let known = known.count();
            if known != entries.len() && known > 0 {
                return Err(format!(
                    "L2: {known} of {} entries of one append are durable",
                    entries.len()
                ));
            }
        }
        Ok(())
    }

    /// Whether an entry is stored as it is.
    fn has(&self, entry: &Entry) -> bool {
        self.ids.get(entry.id().as_str()).is_some_and(|(_, _, known)| **known == *entry)
    }

    fn fold_in(&mut self, record: &Record) {
        if !matches!(record, Record::Rewound { .. }) {
            self.fold.take(record, u64::MAX);
            return;
        }
        // The lowest entry that each record's later rewinds go back to.
        let mut limits = vec![u64::MAX; self.log.len()];
        let mut lowest = u64::MAX;
        for (at, record) in self.log.iter().enumerate().rev() {
            limits[at] = lowest;
            if let Record::Rewound { to, .. } = record {
                lowest = lowest.min(to.0);
            }
        }
        let mut fold = Fold::default();
        for (record, limit) in self.log.iter().zip(limits) {
            fold.take(record, limit);
        }
        let before = std::mem::replace(&mut self.fold, fold);
        self.refolded(&before);
    }

    /// What a record says beyond the view.
    fn note(&mut self, record: &Record) -> Result<(), Breach> {
        match record {
            Record::Opened { format, budget, .. } => self.opened = Some((*format, *budget)),
            Record::Appended { seq, entry, .. } | Record::Edited { seq, entry, .. } => {
                self.entries.push(Arc::clone(entry));
                if seq.0 != self.entries.len() as u64 {
                    return Err(format!("L1: {seq} follows {} entries", self.entries.len() - 1));
                }
                let place = if let Record::Edited { place, .. } = record { place } else { seq };
                let stands = (seq.0, place.0, Arc::clone(entry));
                let known = self.ids.insert(entry.id().to_string(), stands);
                if known.is_some() {
                    return Err(format!("L3: {} is stored twice", entry.id()));
                }
            }
            Record::Answered { call, .. } => {
                self.calls += 1;
                if call.0 != self.calls {
                    return Err(format!("P8: context {} follows {}", call.0, self.calls - 1));
                }
                let hard = self.hard();
                self.expected.insert(call.0, Expected::of(&self.fold, hard, self.resets));
                self.reports.await_report(*call);
            }
            Record::Rewound { .. } => self.reports.rewind(),
            Record::Used { call, model, estimated, usage, .. } => {
                self.reports.take(*call, model, *estimated, *usage)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The hard mark as estimated sizes meet it.
    fn hard(&self) -> TokenCount {
        let hard = self.opened.map_or(TokenCount::ZERO, |(_, budget)| budget.hard());
        self.reports.mark(hard)
    }

    fn is_reset(&self, record: &Record) -> bool {
        match record {
            Record::Spliced { .. }
            | Record::Elided { .. }
            | Record::Rewound { .. }
            | Record::Edited { .. }
            | Record::Cleared { .. } => true,
            Record::Opened { format, .. } => self.opened.is_some_and(|(known, _)| known != *format),
            Record::Pinned { seq, pinned, .. } => *pinned && self.restores(seq.0),
            _ => false,
        }
    }

    /// Whether a pin shows something as it was said again.
    fn restores(&self, seq: u64) -> bool {
        let group = self.fold.shown.get(&seq).map_or(seq, |place| place.group);
        self.fold.members(group).any(|(_, place)| place.is_elided || place.results_elided)
    }

    fn hides_elided(&self, covers: &highwater_protocol::SeqSpans) -> bool {
        let mut shown = self.fold.shown.iter().filter(|(seq, _)| covers.contains(Seq(**seq)));
        shown.any(|(_, place)| place.is_elided || place.results_elided)
    }

    /// Every record must have been asked for, and be legal where it stands; the rest is the session's own.
    fn attribute(&mut self, record: &Record) -> Result<(), Breach> {
        match record {
            Record::Opened { format, budget, .. } => {
                if !self.asked_settings.contains(&(*format, *budget)) {
                    return Err(format!(
                        "L4: opened with {format:?} and {budget:?}, which nobody asked for"
                    ));
                }
                self.settle_record(&Request::Switch { budget: *budget, format: *format }, false)
            }
            Record::Appended { entry, .. } => self.was_given(entry),
            Record::Edited { place, entry, .. } => {
                self.settle_record(&Request::Edit { place: *place, entry: Arc::clone(entry) }, true)
            }
            Record::Answered { position, stand_ins, .. } => self.answered(*position, stand_ins),
            Record::Elided { results, groups, .. } => self.elided(results, groups),
            Record::Pinned { seq, pinned, .. } => {
                self.settle_record(&Request::Pin { seq: *seq, pinned: *pinned }, true)
            }
            Record::Resolved { call, resolution, .. } => {
                let (call, resolution) = (call.clone(), resolution.clone());
                self.settle_record(&Request::Resolve { call, resolution }, true)
            }
            Record::Tracked { task, text, .. } => {
                let (task, text) = (task.clone(), text.clone());
                self.settle_record(&Request::Track { task, text }, true)
            }
            Record::Rewound { to, .. } => self.settle_record(&Request::Rewind { to: *to }, true),
            Record::Cleared { .. } => self.settle_record(&Request::Clear, true),
            Record::Checkpointed { seq, .. } => self.marks(*seq),
            Record::PassStarted { .. } | Record::Spliced { .. } | Record::PassEnded { .. } => {
                Ok(())
            }
            Record::Used { call, model, usage, .. } => {
                let (call, model, usage) = (*call, model.clone(), *usage);
                self.settle_record(&Request::ReportUsage { call, model, usage }, true)
            }
        }
    }

    fn was_given(&self, entry: &Arc<Entry>) -> Result<(), Breach> {
        let given = self
            .asks
            .iter()
            .filter(|ask| ask.stand != Stand::Refused)
            .any(|ask| ask.request.appends().contains(entry));
        if given {
            Ok(())
        } else {
            Err(format!("L6: {} is stored, which nobody waits for", entry.id()))
        }
    }

    fn answered(&self, position: Seq, stand_ins: &[CallRef]) -> Result<(), Breach> {
        let waits = |ask: &&Ask| {
            let asks = matches!(ask.request, Request::Context { .. } | Request::NextContext { .. });
            ask.stand != Stand::Refused && asks
        };
        if !self.asks.iter().any(|ask| waits(&ask)) {
            return Err("L6: a context was answered that nobody asked for".to_owned());
        }
        if position.0 != self.fold.head() {
            return Err(format!(
                "P8: a context knows of {position}, the log ends at #{}",
                self.fold.head()
            ));
        }
        let mut found = stand_ins.to_vec();
        found.sort();
        let open = self.fold.open_calls();
        if found == open {
            return Ok(());
        }
        Err(format!("V8: stand-ins for {found:?}, open are {open:?}"))
    }

    fn elided(&self, results: &[Seq], groups: &[Seq]) -> Result<(), Breach> {
        let fold = &self.fold;
        for seq in results.iter().chain(groups) {
            let Some(place) = fold.shown.get(&seq.0) else {
                return Err(format!("V10: {seq} is elided and not in the view"));
            };
            if place.is_instruction || fold.is_pinned(place.group) {
                return Err(format!("V13: {seq} is elided, which has to stay as it is"));
            }
            let open = fold.open_calls();
            if fold.members(place.group).any(|(seq, _)| open.iter().any(|call| call.seq.0 == seq)) {
                return Err(format!("V10: {seq} is elided while a call of its group is open"));
            }
        }
        Ok(())
    }

    /// Ties a record of a change to whoever asked for it.
    fn settle_record(&mut self, request: &Request, is_needed: bool) -> Result<(), Breach> {
        let verdict = self.verdict(request);
        let at = self.next();
        let same =
            |ask: &&mut Ask| ask.recorded.is_none() && answers::is_same(&ask.request, request);
        let unanswered = self.asks.iter().position(|ask| {
            ask.stand == Stand::Waiting
                && ask.recorded.is_none()
                && answers::is_same(&ask.request, request)
        });
        let ask = match unanswered {
            Some(at) => self.asks.get_mut(at),
            None => {
                self.asks.iter_mut().filter(|ask| ask.stand == Stand::Unknown).find(|ask| same(ask))
            }
        };
        match ask {
            Some(ask) => ask.recorded = Some(at),
            None if is_needed => {
                return Err(format!("L6: {} is stored, which nobody waits for", request.name()));
            }
            None => return Ok(()),
        }
        match verdict {
            None | Some(Verdict::Ok(true)) => Ok(()),
            Some(other) => Err(format!("V14: {request:?} was done, the model says {other:?}")),
        }
    }
}
