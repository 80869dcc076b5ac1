//! Carrying out a session's commands: all of one event before the next. Synchronous.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::message::{Notice, Reply, Request};
use highwater_protocol::session::{Command, Event, PassJob, Session, SessionConfig};
use highwater_protocol::{Budget, Error, Format, LogPos, PassId, Record, RequestId};
use highwater_storage::{BatchId, Lease, SessionBatch};
use ractor::{ActorId, ActorRef, ActorRuntime};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::messages::Answer;
use super::retiring::IdleTimer;
use super::upkeep::{Upkeep, size};
use super::{SessionArguments, SessionMessage, asking};
use crate::compactor::{Begin, CompactorActor, CompactorArguments};
use crate::gate::Pressure;
use crate::house::House;
use crate::journal::JournalMessage;
use crate::registry::{RegistryMessage, Slot};
use crate::residency::Account;

/// What surrounds the state machine of one session.
pub(crate) struct Shell {
    pub(super) house: House,
    pub(super) session: Session,
    pub(super) lease: Lease,
    pub(super) slot: Arc<Slot>,
    pub(super) account: Account,
    pub(super) registry: ActorRef<RegistryMessage>,
    pub(super) upkeep: Upkeep,
    pub(super) idle_timer: Option<IdleTimer>,
    pub(super) batch: BatchId,
    answers: BTreeMap<RequestId, Answer>,
    /// What was asked to be switched to.
    switches: BTreeMap<RequestId, (Budget, Format)>,
    next_request: u64,
    compactor: Option<Compactor>,
}

/// The compactor of the pass in flight, and the timer of its deadline.
struct Compactor {
    pass: PassId,
    actor: ActorRef<Begin>,
    pressure: watch::Sender<Pressure>,
    deadline: AbortHandle,
}

impl Drop for Compactor {
    fn drop(&mut self) {
        self.deadline.abort();
    }
}

impl Shell {
    pub(super) fn new(myself: &ActorRef<SessionMessage>, arguments: SessionArguments) -> Self {
        let SessionArguments { house, session, lease, batch, upkeep, slot, account, registry } =
            arguments;
        let mut shell = Self {
            house,
            session,
            lease,
            slot,
            account,
            registry,
            upkeep,
            idle_timer: None,
            batch,
            answers: BTreeMap::new(),
            switches: BTreeMap::new(),
            next_request: 0,
            compactor: None,
        };
        shell.watch(myself);
        shell.weigh();
        shell
    }

    /// How many requests it has taken.
    pub(super) fn taken(&self) -> u64 {
        self.next_request
    }

    /// Gives a request its number and keeps its answer's way back.
    pub(super) fn admit(&mut self, body: Request, mut answer: Answer) -> Event {
        answer.see();
        let request = RequestId(self.next_request);
        self.next_request += 1;
        match &body {
            Request::Switch { budget, format } => {
                self.switches.insert(request, (*budget, *format));
            }
            Request::Settled { .. } => answer.leave_queue(),
            _ => {}
        }
        self.answers.insert(request, answer);
        self.account.touch();
        Event::Request { request, body }
    }

    /// The pass that an actor compacts for, if it is the one in flight.
    pub(super) fn compacting(&self, actor: ActorId) -> Option<PassId> {
        let compactor = self.compactor.as_ref()?;
        (compactor.actor.get_id() == actor).then_some(compactor.pass)
    }

    /// One event and all that follows from it.
    pub(super) fn step(&mut self, myself: &ActorRef<SessionMessage>, event: Event) {
        if let Event::PassDone { pass, .. } | Event::PassFailed { pass, .. } = &event {
            self.compactor.take_if(|compactor| compactor.pass == *pass);
        }
        if let Event::Indexed { below } = &event {
            self.lease.indexed = self.lease.indexed.max(*below);
        }
        let now = self.house.clock.now();
        for command in self.session.step(now, event) {
            match command {
                Command::Write { head, records } => self.write(myself, head, records),
                Command::Reply { request, reply } => self.reply(request, reply),
                Command::Notify(notice) => self.notify(notice),
                Command::Refold { rewinds, end } => asking::refold(self, myself, rewinds, end),
                Command::Find { ids } => {
                    self.house.questions.ask(&self.house, &self.lease.session, ids, myself);
                }
                Command::Fetch { positions } => asking::fetch(self, myself, positions),
                Command::StartPass(job) => self.start_pass(myself, job),
                Command::PressPass { pass, fill, hurried } => {
                    self.press_pass(pass, Pressure { fill, hurried });
                }
                Command::KillPass(pass) => self.kill_pass(pass),
                Command::Discard(removed) => {
                    self.house.executor.read(Box::new(move || drop(removed)));
                }
                Command::Stop => self.end(myself),
            }
        }
        self.keep_up(myself);
        self.weigh();
    }

    fn write(&mut self, myself: &ActorRef<SessionMessage>, head: LogPos, records: Vec<Record>) {
        self.batch = BatchId(self.batch.0 + 1);
        self.upkeep.wrote(records.len(), records.iter().map(size).sum());
        let batch = SessionBatch {
            session: self.lease.session.clone(),
            epoch: self.lease.epoch,
            head,
            batch: self.batch,
            records,
        };
        let message = JournalMessage::Append { batch, session: myself.clone() };
        if self.house.journal.cast(message).is_err() {
            // Nobody acknowledges anything any more; the callers learn it when this actor ends.
            tracing::error!(session = %self.lease.session, "the journal is gone");
            myself.stop(None);
        }
    }

    fn reply(&mut self, request: RequestId, reply: Result<Reply, Error>) {
        // It stays so whether or not its caller still waits: the next actor begins with what is durable.
        if let Some((budget, format)) = self.switches.remove(&request).filter(|_| reply.is_ok()) {
            let config = SessionConfig { budget, format, ..self.slot.config() };
            self.slot.configure(self.house.configs.shared(config));
        }
        if let Some(answer) = self.answers.remove(&request) {
            answer.tell(reply);
        }
    }

    fn notify(&self, notice: Notice) {
        match &notice {
            Notice::PassEnded { pass, outcome } => {
                tracing::info!(session = %self.lease.session, %pass, %outcome, "session.pass ended");
            }
            Notice::Failed(error) => {
                tracing::error!(session = %self.lease.session, %error, "session failed");
            }
            _ => {}
        }
        self.slot.notices().tell(notice);
    }

    fn start_pass(&mut self, myself: &ActorRef<SessionMessage>, job: PassJob) {
        let (pass, deadline) = (job.pass, job.deadline);
        let (pressure, pressed) = watch::channel(Pressure { fill: job.fill, hurried: false });
        let arguments = CompactorArguments {
            job,
            pressed,
            desk: self.house.desk.clone(),
            session: myself.clone(),
            of: self.lease.session.clone(),
        };
        let spawned =
            ActorRuntime::spawn_linked_instant(None, CompactorActor, arguments, myself.get_cell());
        match spawned {
            Ok((actor, _)) => {
                let overdue = move || SessionMessage::Event(Event::PassOverdue { pass });
                let deadline = myself.send_after(deadline, overdue).abort_handle();
                self.compactor = Some(Compactor { pass, actor, pressure, deadline });
            }
            Err(error) => {
                let why = format!("no compactor could be started: {error}").into();
                let failed = SessionMessage::Event(Event::PassFailed { pass, why });
                // The actor is alive: it is handling a message.
                drop(myself.cast(failed));
            }
        }
    }

    fn press_pass(&self, pass: PassId, pressure: Pressure) {
        if let Some(compactor) = self.compactor.as_ref().filter(|compactor| compactor.pass == pass)
        {
            compactor.pressure.send_replace(pressure);
        }
    }

    fn kill_pass(&mut self, pass: PassId) {
        if let Some(compactor) = self.compactor.take_if(|compactor| compactor.pass == pass) {
            compactor.actor.kill();
        }
    }
}
