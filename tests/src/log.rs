//! Logs made record by record, without actors: the fold of a session and the context that it would answer.

use std::sync::Arc;

use highwater_protocol::cut::Cut;
use highwater_protocol::message::{ContextReply, OpenCalls, Reply, Request};
use highwater_protocol::session::{Command, Event, Replay, SessionConfig, State};
use highwater_protocol::{
    Context, Entry, LogPos, Record, Replacement, RequestId, SeqSpans, SessionId, Summary, Timestamp,
};

use crate::generate::Step;
use crate::notation;

/// A log and its fold.
#[derive(Clone, Debug)]
pub struct Log {
    /// The fold.
    pub state: State,
    /// The records.
    pub records: Vec<Record>,
    /// All entries, in order.
    pub entries: Vec<Arc<Entry>>,
    config: SessionConfig,
}

impl Log {
    /// A log that was opened.
    pub fn new(config: SessionConfig) -> Self {
        let (state, records, entries) = (State::default(), Vec::new(), Vec::new());
        let mut log = Self { state, records, entries, config };
        log.write(Record::Opened {
            at: Timestamp(0),
            format: config.format,
            budget: config.budget,
        });
        log
    }

    /// A log of a whole play.
    pub fn of(config: SessionConfig, steps: &[Step]) -> Self {
        let mut log = Self::new(config);
        log.play(steps);
        log
    }

    /// Goes on with a play.
    pub fn play(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Append(line) => {
                    let entry = notation::entries_in(self.config.format, line).remove(0);
                    self.append(entry);
                }
                Step::Answer => self.answer(),
            }
        }
    }

    fn write(&mut self, record: Record) {
        self.state.apply(&record).expect("the record is legal");
        self.records.push(record);
    }

    fn append(&mut self, entry: Arc<Entry>) {
        let seq = self.state.view().head().next();
        self.entries.push(Arc::clone(&entry));
        self.write(Record::Appended { at: Timestamp(0), seq, entry });
    }

    /// A context is answered, with stand-ins for all open calls.
    fn answer(&mut self) {
        let view = self.state.view();
        let (position, digest, stand_ins) = (view.head(), view.digest(), view.open_calls());
        let call = self.state.last_call().next();
        self.write(Record::Answered { at: Timestamp(0), call, position, digest, stand_ins });
    }

    /// A pass over a cut, from its start to its splice.
    pub fn splice(&mut self, cut: &Cut, summary: &Summary) {
        let (pass, digest) = (self.state.last_pass().next(), cut.digest());
        let (at, up_to) = (Timestamp(0), cut.covers().last());
        self.write(Record::PassStarted { at, pass, cut: up_to, digest });
        let (pieces, facts) = (pieces(cut, summary), self.state.facts());
        self.write(Record::Spliced { at, pass, cut: up_to, digest, pieces, facts });
    }

    /// The context that a session with this log answers next.
    pub fn context(&self) -> Context {
        let mut replay = Replay::new();
        for (at, record) in self.records.iter().enumerate() {
            replay.apply(LogPos(at as u64), record).expect("the log folds");
        }
        let id = SessionId::parse("log").expect("a legal name");
        let session = replay.finish(id, self.config, Timestamp(1));
        let mut session = session.expect("the format is the log's");
        let body = Request::Context { open_calls: OpenCalls::StandIn };
        let mut commands =
            session.step(Timestamp(1), Event::Request { request: RequestId(1), body });
        let mut end = LogPos(self.records.len() as u64);
        while let Some(command) = commands.pop() {
            match command {
                Command::Write { records, .. } => {
                    end = end.advance(records.len());
                    let durable = Event::Durable { position: end };
                    commands.extend(session.step(Timestamp(1), durable));
                }
                Command::Reply {
                    reply: Ok(Reply::Context(ContextReply::Ready(context))), ..
                } => {
                    return context;
                }
                Command::Reply { reply, .. } => panic!("no context: {reply:?}"),
                _ => {}
            }
        }
        panic!("the session did not answer");
    }
}

/// The same summary for every piece of a cut.
pub fn pieces(cut: &Cut, summary: &Summary) -> Vec<Replacement> {
    let piece =
        |covers: &SeqSpans| Replacement { covers: covers.clone(), summary: summary.clone() };
    cut.pieces().map(piece).collect()
}
