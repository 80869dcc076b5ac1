//! The world around one session: a log that keeps what is stored, what is under way outside of the session, and who waits
//! for an answer. The session itself is the real one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use highwater_protocol::message::{Notice, Reply};
use highwater_protocol::session::{Command, Event, Replay, Session, SessionConfig, State};
use highwater_protocol::{
    Digest, Entry, Error, Kind, LogPos, PassId, Record, RequestId, Rewinds, SessionId, Timestamp,
};

use crate::alphabet::{self, Answer, Ask, Move};
use crate::scenario::Scenario;

/// Time stands still, so that states that differ in nothing else are one.
const NOW: Timestamp = Timestamp(0);

/// Why an exploration ends: what is broken.
pub(crate) type Breach = String;

/// A request that has no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    /// Where the log of what was decided ended when it was asked.
    pub(crate) seen: LogPos,
    pub(crate) entry: Arc<Entry>,
    pub(crate) pass: PassId,
}

/// A compactor and its timer. Either may still be heard of after it was killed.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) pass: PassId,
    caps: Vec<u64>,
    pub(crate) answer: Option<Answer>,
    overdue: bool,
    killed: bool,
}

/// What a move brought about, to be judged.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) replies: Vec<(Asked, Result<Reply, Error>)>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) commands: usize,
}

/// A session and what surrounds it.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    pub(crate) session: Session,
    /// What is stored.
    pub(crate) log: Vec<Record>,
    /// What has been sent to the journal and not been answered.
    pub(crate) in_flight: Option<Vec<Record>>,
    refold: Option<(Rewinds, LogPos)>,
    pub(crate) sources: Vec<Source>,
    pub(crate) open: BTreeMap<u64, Asked>,
    last: Option<Arc<Entry>>,
    asked: usize,
    made: u64,
    crashes: usize,
    failures: usize,
    /// It was opened and nothing has happened to it yet.
    pub(crate) is_fresh: bool,
}

impl<'a> World<'a> {
    /// A session that is opened from the scenario's log.
    pub(crate) fn new(scenario: &'a Scenario) -> Result<Self, Breach> {
        let log = scenario.log.clone();
        Ok(Self {
            scenario,
            session: opened(scenario.config, &log)?,
            log,
            in_flight: None,
            refold: None,
            sources: Vec::new(),
            open: BTreeMap::new(),
            last: None,
            asked: 0,
            made: 0,
            crashes: 0,
            failures: 0,
            is_fresh: true,
        })
    }

    /// Everything that can happen next.
    pub(crate) fn moves(&self) -> Vec<Move> {
        use highwater_protocol::session::CommitFailure::{NotStored, Unknown};
        let mut moves = Vec::new();
        let may_fail = self.failures < self.scenario.bounds.failures;
        if self.in_flight.is_some() {
            moves.push(Move::Stored);
            if may_fail {
                let ways = [(Unknown, true), (Unknown, false), (NotStored, false)];
                moves.extend(ways.map(|(told, stored)| Move::CommitFails(told, stored)));
            }
        }
        if self.refold.is_some() {
            moves.push(Move::Refolded);
            moves.extend(may_fail.then_some(Move::RefoldFails));
        }
        for source in &self.sources {
            if source.answer.is_none() {
                let answers = [Answer::Good, Answer::Bad, Answer::Fails];
                moves.extend(answers.map(|answer| Move::Answer(source.pass, answer)));
            }
            moves.extend((!source.overdue).then_some(Move::Overdue(source.pass)));
        }
        if self.crashes < self.scenario.bounds.crashes {
            moves.push(Move::Crash(false));
            moves.extend(self.in_flight.as_ref().map(|_| Move::Crash(true)));
        }
        if self.asked < self.scenario.bounds.requests {
            moves.extend(self.scenario.asks.iter().copied().map(Move::Ask));
        }
        moves
    }

    /// Whether a move comes from a compactor or a timer of a pass that has ended, so that nothing may follow from it.
    pub(crate) fn is_late(&self, next: Move) -> bool {
        let (Move::Answer(pass, _) | Move::Overdue(pass)) = next else {
            return false;
        };
        !self.is_held() && self.session.state().unfinished_pass() != Some(pass)
    }

    /// Whether the session waits for its fold to be made anew.
    pub(crate) fn is_held(&self) -> bool {
        self.session.state().is_behind()
    }

    /// Whether only hosts, deadlines and accidents can make anything happen.
    pub(crate) fn is_quiet(&self) -> bool {
        let unfinished = self.session.state().unfinished_pass();
        let is_awaited =
            |source: &Source| source.answer.is_none() && Some(source.pass) == unfinished;
        self.in_flight.is_none() && self.refold.is_none() && !self.sources.iter().any(is_awaited)
    }

    /// What is stored and what is on its way.
    pub(crate) fn sent(&self) -> Vec<Record> {
        self.log.iter().chain(self.in_flight.iter().flatten()).cloned().collect()
    }

    /// What a later move can depend on, whatever has been used up of the bounds.
    pub(crate) fn core(&self) -> String {
        let Self { session, in_flight, refold, sources, open, last, .. } = self;
        let last = last.as_ref().map(|entry| entry.id());
        let batch = in_flight.as_ref().map(|batch| digest(batch).0);
        let mut text = format!("{session:?} {batch:?} {refold:?} {sources:?} {last:?}");
        for (request, Asked { ask, seen, entry, pass }) in open {
            write!(text, " {request} {ask:?} {seen:?} {} {pass:?}", entry.id())
                .expect("a string takes everything");
        }
        text
    }

    /// What tells this state from all others: its core, what is stored, and what is left of the bounds.
    pub(crate) fn key(&self, core: &str) -> Digest {
        let spent = (self.asked, self.made, self.crashes, self.failures);
        let log = digest(&self.log);
        Digest::of_parts(&[core.as_bytes(), &log.0, format!("{spent:?}").as_bytes()])
    }

    /// Makes a move.
    pub(crate) fn take(&mut self, next: Move) -> Result<Seen, Breach> {
        let mut seen = Seen::default();
        match next {
            Move::Ask(ask) => self.ask(ask, &mut seen)?,
            Move::Stored => {
                let batch = self.in_flight.take().ok_or("nothing is in flight")?;
                self.log.extend(batch);
                let position = LogPos(self.log.len() as u64);
                self.step(Event::Durable { position }, &mut seen)?;
            }
            Move::CommitFails(failure, stored) => {
                self.failures += 1;
                let batch = self.in_flight.take().ok_or("nothing is in flight")?;
                self.log.extend(batch.into_iter().filter(|_| stored));
                self.step(Event::CommitFailed { failure, why: "a fault".into() }, &mut seen)?;
            }
            Move::Refolded => {
                let (rewinds, end) = self.refold.take().ok_or("no fold is asked for")?;
                let read = usize::try_from(end.0).expect("a small number");
                let state = folded(&self.log[..read], Replay::knowing(rewinds))?.into_state();
                self.step(Event::Refolded { state: Ok(Box::new(state)) }, &mut seen)?;
            }
            Move::RefoldFails => {
                self.failures += 1;
                self.refold = None;
                let state = Err(Error::new(Kind::Storage, "a fault"));
                self.step(Event::Refolded { state }, &mut seen)?;
            }
            Move::Answer(pass, answer) => self.answer(pass, answer, &mut seen)?,
            Move::Overdue(pass) => {
                self.source(pass)?.overdue = true;
                self.step(Event::PassOverdue { pass }, &mut seen)?;
            }
            Move::Crash(stored) => {
                self.crashes += 1;
                let batch = self.in_flight.take().into_iter().flatten();
                self.log.extend(batch.filter(|_| stored));
                self.open.clear();
                self.reopen()?;
            }
        }
        Ok(seen)
    }

    fn ask(&mut self, ask: Ask, seen: &mut Seen) -> Result<(), Breach> {
        self.asked += 1;
        if ask.makes_an_entry() {
            self.last = Some(self.scenario.entry(ask, self.made));
            self.made += 1;
        }
        let entry = self.last.clone().unwrap_or_else(|| self.scenario.entry(Ask::Say, 0));
        let (log_end, pass) = (self.session.state().log_end(), self.session.state().last_pass());
        let request = (0..u64::MAX).find(|id| !self.open.contains_key(id));
        let request = request.expect("few wait");
        let body = ask.request(Arc::clone(&entry), pass);
        self.open.insert(request, Asked { ask, seen: log_end, entry, pass });
        self.step(Event::Request { request: RequestId(request), body }, seen)
    }

    fn answer(&mut self, pass: PassId, answer: Answer, seen: &mut Seen) -> Result<(), Breach> {
        let source = self.source(pass)?;
        source.answer = Some(answer);
        let event = match answer {
            Answer::Fails => Event::PassFailed { pass, why: "a fault".into() },
            _ => Event::PassDone { pass, summaries: answer.summaries(pass, &source.caps) },
        };
        self.step(event, seen)
    }

    fn source(&mut self, pass: PassId) -> Result<&mut Source, Breach> {
        let known = self.sources.iter_mut().find(|source| source.pass == pass);
        known.ok_or_else(|| format!("{pass} was never started here"))
    }

    fn step(&mut self, event: Event, seen: &mut Seen) -> Result<(), Breach> {
        self.is_fresh = false;
        let commands = self.session.step(NOW, event);
        let (mut stops, mut fetched) = (false, None);
        for command in commands {
            seen.commands += 1;
            if stops {
                return Err(format!("{command:?} comes behind a stop"));
            }
            match command {
                Command::Write { head, records } => self.write(head, records)?,
                Command::Reply { request, reply } => {
                    let asked = self.open.remove(&request.0);
                    let asked = asked.ok_or_else(|| format!("nobody waits for {reply:?}"))?;
                    seen.replies.push((asked, reply));
                }
                Command::Notify(notice) => seen.notices.push(notice),
                Command::Refold { rewinds, end } => {
                    if end != LogPos(self.log.len() as u64) || self.in_flight.is_some() {
                        return Err(format!("a fold up to {end} before all is durable"));
                    }
                    self.refold = Some((rewinds, end));
                }
                Command::StartPass(job) => {
                    if self.sources.iter().any(Source::is_running) {
                        return Err(format!("V6: {} starts beside another", job.pass));
                    }
                    let caps = job.stretches.iter().map(|stretch| stretch.cap.0).collect();
                    let (pass, answer) = (job.pass, None);
                    self.sources.push(Source { pass, caps, answer, overdue: false, killed: false });
                }
                Command::KillPass(pass) => self.source(pass)?.killed = true,
                Command::PressPass { .. } | Command::Discard(_) => {}
                Command::Fetch { positions } => fetched = Some(self.entries(&positions)?),
                Command::Find { .. } => return Err("no id is known to a store alone".to_owned()),
                Command::Stop => stops = true,
            }
        }
        match fetched {
            Some(entries) => self.step(Event::Fetched { entries: Ok(entries) }, seen),
            None if stops => self.stop(),
            None => Ok(()),
        }
    }

    /// What is stored at these positions. Reading takes no time here: what comes meanwhile is held, and the same.
    fn entries(&self, positions: &[LogPos]) -> Result<Vec<(LogPos, Arc<Entry>)>, Breach> {
        let entry = |at: &LogPos| match self.log.get(usize::try_from(at.0).unwrap_or(usize::MAX)) {
            Some(Record::Appended { entry, .. } | Record::Edited { entry, .. }) => {
                Ok((*at, Arc::clone(entry)))
            }
            other => Err(format!("L5: asked for an entry at {at}, where {other:?} is stored")),
        };
        positions.iter().map(entry).collect()
    }

    fn write(&mut self, head: LogPos, records: Vec<Record>) -> Result<(), Breach> {
        if self.in_flight.is_some() || head != LogPos(self.log.len() as u64) {
            return Err(format!("L8: a write at {head} beside another or not at the end"));
        }
        self.in_flight = Some(records);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Breach> {
        if let Some((_, asked)) = self.open.pop_first() {
            return Err(format!("the session stops and leaves {:?} without an answer", asked.ask));
        }
        if self.in_flight.is_some() || self.sources.iter().any(Source::is_running) {
            return Err("the session stops and leaves a batch or a compactor".to_owned());
        }
        self.reopen()
    }

    fn reopen(&mut self) -> Result<(), Breach> {
        self.session = opened(self.scenario.config, &self.log)?;
        self.refold = None;
        self.sources.clear();
        self.is_fresh = true;
        if self.session.state().unfinished_pass().is_some() {
            return Err("V11: a session is opened with an unfinished pass".to_owned());
        }
        Ok(())
    }
}

impl Source {
    fn is_running(&self) -> bool {
        !self.killed && self.answer.is_none()
    }
}

/// The digest of a log. Entries are made once, so that an id stands for its entry.
pub(crate) fn digest(log: &[Record]) -> Digest {
    let mut text = String::new();
    for record in log {
        let told = match record {
            Record::Appended { seq, entry, .. } => write!(text, "{seq} {};", entry.id()),
            Record::Edited { seq, place, entry, .. } => {
                write!(text, "{seq} {place} {};", entry.id())
            }
            other => write!(text, "{other:?};"),
        };
        told.expect("a string takes everything");
    }
    Digest::of(text.as_bytes())
}

/// The fold of a log.
pub(crate) fn folded(log: &[Record], mut replay: Replay) -> Result<Replay, Breach> {
    loop {
        let from = usize::try_from(replay.next().0).expect("a small number");
        for (at, record) in log.iter().enumerate().skip(from) {
            let folded = replay.apply(LogPos(at as u64), record);
            folded.map_err(|error| format!("L4: the log does not fold: {error}"))?;
        }
        let Some(rewinds) = replay.starts_over() else {
            return Ok(replay);
        };
        replay = Replay::knowing(rewinds);
    }
}

/// The state that a log says.
pub(crate) fn state_of(log: &[Record]) -> Result<State, Breach> {
    folded(log, Replay::new()).map(Replay::into_state)
}

fn opened(config: SessionConfig, log: &[Record]) -> Result<Session, Breach> {
    let id = SessionId::parse("s").expect("a legal name");
    let opened = folded(log, Replay::new())?.finish(id, config, NOW);
    opened.map_err(|error| format!("L4: the log does not open: {error}"))
}

/// The instructions' record and the records before it: what every scenario's log begins with.
pub(crate) fn beginning(config: SessionConfig) -> Vec<Record> {
    let SessionConfig { budget, format, .. } = config;
    let entry = alphabet::instructions();
    vec![
        Record::Opened { at: NOW, format, budget },
        Record::Appended { at: NOW, seq: highwater_protocol::Seq(1), entry },
    ]
}
