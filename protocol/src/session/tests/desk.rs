//! The desk that the scripts are played at: a session, and a disk that keeps what it writes.

use std::sync::Arc;

use crate::entry::{Entry, Format};
use crate::ids::{EntryId, PassId, RequestId, SessionId};
use crate::message::{ContextReply, Notice, OpenCalls, Reply, Request};
use crate::position::LogPos;
use crate::segment::Context;
use crate::session::{Command, Event, Replay, Session, SessionConfig, State};
use crate::{Budget, Error, Outcome, Record, Shown, Summary, Timestamp, TokenCount};

/// A session, and a disk that keeps what it writes.
pub(super) struct Desk {
    pub(super) session: Session,
    pub(super) log: Vec<Record>,
    pub(super) requests: u64,
    pub(super) now: Timestamp,
    /// Every command so far, if it is kept.
    pub(super) told: Option<Vec<String>>,
}

pub(super) fn config() -> SessionConfig {
    let budget = Budget::new(TokenCount(2_000), TokenCount(1_000), TokenCount(4_000));
    SessionConfig::new(budget.expect("rising marks"), Format::Anthropic)
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
        Self { session, log: Vec::new(), requests: 0, now: Timestamp(0), told: None }
    }

    /// One event; what is written is durable before the next one.
    pub(super) fn step(&mut self, event: Event) -> Vec<Command> {
        self.now = Timestamp(self.now.0 + 1);
        let mut all = Vec::new();
        let mut commands = self.session.step(self.now, event);
        loop {
            let mut next = None;
            for command in &mut commands {
                match command {
                    Command::Write { head, records } => {
                        assert_eq!(*head, LogPos(self.log.len() as u64), "writes go to the end");
                        self.log.append(records);
                        next = Some(Event::Durable { position: LogPos(self.log.len() as u64) });
                    }
                    Command::Refold { rewinds, end } => {
                        assert_eq!(*end, LogPos(self.log.len() as u64), "all is durable");
                        let state = Box::new(self.folded(Replay::knowing(rewinds.clone())));
                        next = Some(Event::Refolded { state: Ok(state) });
                    }
                    _ => {}
                }
            }
            if let Some(told) = &mut self.told {
                told.extend(commands.iter().map(|command| format!("{command:#?}")));
            }
            all.append(&mut commands);
            let Some(event) = next else { return all };
            commands = self.session.step(self.now, event);
        }
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
