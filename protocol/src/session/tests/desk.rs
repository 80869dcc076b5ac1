//! The desk that the scripts are played at: a session, and a disk that keeps what it writes.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entry::{Entry, Format};
use crate::ids::{EntryId, PassId, RequestId, SessionId};
use crate::message::{ContextReply, Notice, OpenCalls, Reply, Request};
use crate::position::LogPos;
use crate::segment::Context;
use crate::session::tests::residency::watch;
use crate::session::{Command, Event, Known, Replay, Session, SessionConfig, State};
use crate::{Budget, Error, Outcome, Record, Shown, Summary, Timestamp, TokenCount};

/// A session, and a disk that keeps what it writes.
pub(super) struct Desk {
    pub(super) session: Session,
    pub(super) log: Vec<Record>,
    pub(super) requests: u64,
    pub(super) now: Timestamp,
    /// Every command so far, if it is kept.
    pub(super) told: Option<Vec<String>>,
    /// Whether what the session holds in memory is counted after each step.
    pub(super) watched: bool,
}

pub(super) fn config() -> SessionConfig {
    let budget = Budget::new(TokenCount(2_000), TokenCount(1_000), TokenCount(4_000));
    SessionConfig::new(budget.expect("rising marks"), Format::Anthropic)
}

/// Marks so low that passes and elisions happen in short plays.
pub(super) fn low_marks() -> SessionConfig {
    let budget = Budget::new(TokenCount(700), TokenCount(512), TokenCount(900));
    SessionConfig { budget: budget.expect("rising marks"), ..config() }
}

pub(super) fn id(name: &str) -> EntryId {
    EntryId::parse(name).expect("a legal id")
}

pub(super) fn says(name: &str, words: usize) -> Arc<Entry> {
    let text = format!("{name} {}", "word ".repeat(words));
    Arc::new(Entry::user(id(name), &text).expect("a small entry"))
}

pub(super) fn json(name: &str, json: &str) -> Arc<Entry> {
    Arc::new(Entry::from_json(id(name), Format::Anthropic, json).expect("a legal message"))
}

pub(super) fn calls(name: &str, call: &str) -> Arc<Entry> {
    let block = format!(r#"{{"type":"tool_use","id":"{call}","name":"ls","input":{{}}}}"#);
    json(name, &format!(r#"{{"role":"assistant","content":[{block}]}}"#))
}

pub(super) fn answers(name: &str, call: &str) -> Arc<Entry> {
    let block =
        format!(r#"{{"type":"tool_result","tool_use_id":"{call}","content":"out {call}"}}"#);
    json(name, &format!(r#"{{"role":"user","content":[{block}]}}"#))
}

pub(super) fn answers_at_length(name: &str, call: &str, words: usize) -> Arc<Entry> {
    let content = "out ".repeat(words);
    let block = format!(r#"{{"type":"tool_result","tool_use_id":"{call}","content":"{content}"}}"#);
    json(name, &format!(r#"{{"role":"user","content":[{block}]}}"#))
}

pub(super) fn thinks(name: &str) -> Arc<Entry> {
    let block = format!(r#"{{"type":"thinking","thinking":"{name}","signature":"s"}}"#);
    json(name, &format!(r#"{{"role":"assistant","content":[{block}]}}"#))
}

pub(super) fn summary(words: usize) -> Summary {
    Summary { text: "gist ".repeat(words).into(), author: "test".into() }
}

impl Desk {
    pub(super) fn new(config: SessionConfig) -> Self {
        let id = SessionId::parse("s").expect("a legal name");
        let session = Replay::new().finish(id, config, Timestamp(0)).expect("an empty log");
        Self {
            session,
            log: Vec::new(),
            requests: 0,
            now: Timestamp(0),
            told: None,
            watched: false,
        }
    }

    /// One event; what is written is durable before the next one.
    pub(super) fn step(&mut self, event: Event) -> Vec<Command> {
        self.now = Timestamp(self.now.0 + 1);
        let mut all = Vec::new();
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut commands = self.session.step(self.now, event);
            if self.watched {
                watch(&self.session);
            }
            if let Some(told) = &mut self.told {
                told.extend(commands.iter().map(|command| format!("{command:#?}")));
            }
            events.extend(commands.iter_mut().filter_map(|command| self.does(command)));
            all.append(&mut commands);
        }
        all
    }

    /// What the shell does, and what comes of it.
    fn does(&mut self, command: &mut Command) -> Option<Event> {
        let end = LogPos(self.log.len() as u64);
        Some(match command {
            Command::Write { head, records } => {
                assert_eq!(*head, end, "writes go to the end");
                self.log.append(records);
                Event::Durable { position: LogPos(self.log.len() as u64) }
            }
            Command::Refold { rewinds, end: asked } => {
                assert_eq!(*asked, end, "all is durable");
                let replay = Replay::knowing(rewinds.clone())
                    .indexed(self.session.state.indexed())
                    .within(self.session.config.resident_bytes);
                let state = Box::new(self.folded(replay));
                Event::Refolded { state: Ok(state) }
            }
            Command::Find { ids } => Event::Found { known: Ok(self.found(ids)) },
            Command::Fetch { positions } => {
                assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
                let entries = positions.iter().map(|at| (*at, self.entry(*at))).collect();
                Event::Fetched { entries: Ok(entries) }
            }
            _ => return None,
        })
    }

    fn entry(&self, at: LogPos) -> Arc<Entry> {
        match &self.log[usize::try_from(at.0).expect("small")] {
            Record::Appended { entry, .. } | Record::Edited { entry, .. } => Arc::clone(entry),
            other => panic!("no entry at {at}: {other:?}"),
        }
    }

    /// What the store's index knows of these ids: all that stand before where the session says.
    pub(super) fn found(&self, ids: &[EntryId]) -> Vec<(EntryId, Known)> {
        let indexed = usize::try_from(self.session.state.indexed().0).expect("small");
        let known = self.log[..indexed].iter().filter_map(|record| {
            let (seq, place, entry) = match record {
                Record::Appended { seq, entry, .. } => (*seq, *seq, entry),
                Record::Edited { seq, place, entry, .. } => (*seq, *place, entry),
                _ => return None,
            };
            let known = Known { seq, place, digest: entry.message().digest };
            ids.contains(entry.id()).then(|| (entry.id().clone(), known))
        });
        known.collect()
    }

    /// The fold of what is on the disk.
    pub(super) fn folded(&self, replay: Replay) -> State {
        self.read(replay).into_state()
    }

    pub(super) fn read(&self, mut replay: Replay) -> Replay {
        loop {
            for at in usize::try_from(replay.next().0).expect("a small number")..self.log.len() {
                replay.apply(LogPos(at as u64), &self.log[at]).expect("the log folds");
            }
            let Some(rewinds) = replay.starts_over() else { return replay };
            replay = Replay::knowing(rewinds);
        }
    }

    pub(super) fn ask(&mut self, body: Request) -> (Vec<Command>, Result<Reply, Error>) {
        self.requests += 1;
        let asked = RequestId(self.requests);
        let mut commands = self.step(Event::Request { request: asked, body });
        let at = commands.iter().position(
            |command| matches!(command, Command::Reply { request, .. } if *request == asked),
        );
        let at = at.expect("the request is answered");
        let Command::Reply { reply, .. } = commands.remove(at) else { unreachable!() };
        (commands, reply)
    }

    pub(super) fn append(&mut self, entries: &[Arc<Entry>]) -> Vec<Command> {
        let (commands, reply) = self.ask(Request::Append { entries: entries.to_vec() });
        assert!(matches!(reply, Ok(Reply::Appended(_))), "{reply:?}");
        commands
    }

    pub(super) fn context(&mut self) -> Context {
        let (_, reply) = self.ask(Request::Context { open_calls: OpenCalls::StandIn });
        match reply {
            Ok(Reply::Context(ContextReply::Ready(context))) => context,
            other => panic!("no context: {other:?}"),
        }
    }

    /// A wish for a context, whatever is answered.
    pub(super) fn context_or_refusal(&mut self) {
        let (_, reply) = self.ask(Request::Context { open_calls: OpenCalls::StandIn });
        assert!(matches!(reply, Ok(Reply::Context(_))), "{reply:?}");
    }

    pub(super) fn recovered(&self) -> Session {
        let id = self.session.id().clone();
        self.read(Replay::new())
            .finish(id, self.session.config(), Timestamp(99))
            .expect("the log is whole")
    }

    /// Fills the view past the trigger; returns the pass that starts.
    pub(super) fn fill(&mut self) -> PassId {
        for number in 0..40 {
            let name = format!("fill-{}-{number}", self.log.len());
            let commands = self.append(&[says(&name, 60)]);
            self.context();
            if let Some(pass) = started(&commands) {
                return pass;
            }
        }
        panic!("no pass started");
    }
}

pub(super) fn started(commands: &[Command]) -> Option<PassId> {
    commands.iter().find_map(|command| match command {
        Command::StartPass(job) => Some(job.pass),
        _ => None,
    })
}

pub(super) fn outcome(commands: &[Command]) -> Option<Outcome> {
    commands.iter().find_map(|command| match command {
        Command::Notify(Notice::Spliced { .. }) => Some(Outcome::Spliced),
        Command::Notify(Notice::PassEnded { outcome, .. }) => Some(outcome.clone()),
        _ => None,
    })
}

/// The marks of the entries that a context shows verbatim, and the ends of what its summaries cover, in order.
pub(super) fn shown(context: &Context) -> String {
    let told = context.segments.iter().map(|segment| match &segment.shown {
        Shown::Entries(entries) => {
            let numbers: Vec<String> = entries.iter().map(|seq| seq.0.to_string()).collect();
            numbers.join("+")
        }
        Shown::Elided(entries) => format!("({})", entries[0].0),
        Shown::Summary(covers) => {
            let ranges = covers.ranges().iter().map(|r| format!("{}-{}", r.start.0, r.last().0));
            format!("<{}>", ranges.collect::<Vec<_>>().join(","))
        }
        Shown::Register => "{..}".to_owned(),
    });
    told.collect::<Vec<_>>().join(" ")
}
