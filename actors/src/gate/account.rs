//! The actor of one account: waits, grants, and notices holders that end.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::from_fn;
use std::sync::Arc;

use highwater_protocol::limit::{Arbiter, Denied, Grant, Ticket, Wish};
use highwater_protocol::{Error, Moment};
use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, ActorStatus, SupervisionEvent,
};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::following::Followers;
use super::{GateMessage, Permit, Policy, Turnstile};

pub(crate) struct AccountActor;

pub(crate) struct AccountArguments {
    pub(crate) provider: Box<str>,
    pub(crate) turnstile: Arc<Turnstile>,
}

pub(crate) struct AccountState {
    provider: Box<str>,
    turnstile: Arc<Turnstile>,
    waiting: BTreeMap<Ticket, Waiting>,
    /// Permits and wishes of holders whose end is noticed.
    holders: BTreeMap<ActorId, (ActorCell, BTreeSet<Ticket>)>,
    held_by: BTreeMap<Ticket, ActorId>,
    alarm: Option<(Moment, AbortHandle)>,
    followers: Followers,
    closing: Vec<oneshot::Sender<()>>,
}

struct Waiting {
    wish: Wish,
    reply: oneshot::Sender<Result<Permit, Error>>,
}

impl Actor for AccountActor {
    type Msg = GateMessage;
    type State = AccountState;
    type Arguments = AccountArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<GateMessage>,
        arguments: AccountArguments,
    ) -> Result<AccountState, ActorProcessingErr> {
        let AccountArguments { provider, turnstile } = arguments;
        Ok(AccountState {
            provider,
            turnstile,
            waiting: BTreeMap::new(),
            holders: BTreeMap::new(),
            held_by: BTreeMap::new(),
            alarm: None,
            followers: Followers::default(),
            closing: Vec::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<GateMessage>,
        message: GateMessage,
        state: &mut AccountState,
    ) -> Result<(), ActorProcessingErr> {
        let turnstile = Arc::clone(&state.turnstile);
        let (now, mut policy) = turnstile.enter();
        policy.arrived(&message);
        state.take((now, &mut policy), &myself, message);
        state.settle((now, &mut policy.arbiter), &myself);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<GateMessage>,
        event: SupervisionEvent,
        _state: &mut AccountState,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorTerminated(actor, ..)
        | SupervisionEvent::ActorFailed(actor, _) = event
        {
            // Ends are told before messages are read: what the holder said last is in the queue still.
            drop(myself.cast(GateMessage::HolderEnded { holder: actor.get_id() }));
        }
        Ok(())
    }
}

impl AccountState {
    fn take(
        &mut self,
        (now, policy): (Moment, &mut Policy),
        myself: &ActorRef<GateMessage>,
        message: GateMessage,
    ) {
        let arbiter = &mut policy.arbiter;
        match message {
            GateMessage::Acquire { ticket, wish, holder, reply } => {
                if let Err(denied) = arbiter.request(now, ticket, wish.clone()) {
                    self.deny(reply, &wish, denied);
                    return;
                }
                self.waiting.insert(ticket, Waiting { wish, reply });
                if let Some(holder) = holder {
                    self.watch((now, arbiter), myself, ticket, &holder);
                }
            }
            GateMessage::Urge { ticket, class } => {
                if let Some(waiting) = self.waiting.get_mut(&ticket) {
                    waiting.wish.class = class;
                    arbiter.urge(ticket, class);
                }
            }
            GateMessage::Withdraw { ticket } => {
                if !arbiter.withdraw(ticket) {
                    arbiter.unused(now, ticket);
                }
                self.forget(myself, ticket);
            }
            GateMessage::Finish { ticket, report } => {
                policy.finish(now, ticket, &report);
                self.forget(myself, ticket);
            }
            GateMessage::Renew { ticket, lasts, reply } => {
                // Whoever asked and went away asks again, or lets the permit go.
                reply.send(arbiter.renew(now, ticket, lasts)).ok();
            }
            GateMessage::Status { reply } => {
                reply.send(arbiter.status(now)).ok();
            }
            GateMessage::Follow { reply } => {
                // Whoever asked and went away follows nothing.
                reply.send(self.followers.join(arbiter)).ok();
            }
            GateMessage::HolderEnded { holder } => self.holder_ended((now, arbiter), holder),
            GateMessage::Wake => self.alarm = None,
            GateMessage::Close { idle } => {
                arbiter.close();
                self.closing.push(idle);
            }
        }
    }

    /// Grants what can be granted, tells who gets nothing, and sets the alarm for what comes by itself.
    fn settle(&mut self, (now, arbiter): (Moment, &mut Arbiter), myself: &ActorRef<GateMessage>) {
        let tickets: Vec<Ticket> = from_fn(|| {
            let grant = arbiter.grant(now)?;
            let ticket = grant.ticket;
            // Somebody who went away is skipped at no cost.
            self.hand_over((now, arbiter), myself, grant);
            Some(ticket)
        })
        .collect();
        tracing::trace!(provider = %self.provider, granted = tickets.len(), "gate.grant");
        for (ticket, denied) in arbiter.denied() {
            if let Some(Waiting { wish, reply }) = self.waiting.remove(&ticket) {
                self.deny(reply, &wish, denied);
            }
            self.forget(myself, ticket);
        }
        self.followers.tell(arbiter);
        if arbiter.is_idle() {
            for idle in self.closing.drain(..) {
                idle.send(()).ok();
            }
        }
        self.set_alarm((now, arbiter), myself);
    }

    fn hand_over(
        &mut self,
        (now, arbiter): (Moment, &mut Arbiter),
        myself: &ActorRef<GateMessage>,
        Grant { ticket, waited }: Grant,
    ) {
        let Some(Waiting { wish, reply }) = self.waiting.remove(&ticket) else {
            return;
        };
        if reply.is_closed() {
            arbiter.unused(now, ticket);
            self.forget(myself, ticket);
            return;
        }
        let at = (Arc::clone(&self.turnstile), myself.clone());
        let is_watched = self.held_by.contains_key(&ticket);
        let permit = Permit::new(at, (ticket, wish.class), waited, is_watched);
        // One that goes away at this moment leaves the permit in the channel, or has it dropped here: it comes back as not
        // used, by a message.
        drop(reply.send(Ok(permit)));
    }

    fn deny(&self, reply: oneshot::Sender<Result<Permit, Error>>, wish: &Wish, denied: Denied) {
        let place = match &wish.model {
            Some(model) => format!("{}/{model}", self.provider),
            None => self.provider.to_string(),
        };
        tracing::debug!(place, class = %wish.class.kind(), why = %denied, "gate.denied");
        // Nobody may be there any more to be told.
        reply.send(Err(denied.into_error(&place))).ok();
    }

    fn set_alarm(&mut self, (now, arbiter): (Moment, &Arbiter), myself: &ActorRef<GateMessage>) {
        let wakes = arbiter.wakes(now);
        if wakes == self.alarm.as_ref().map(|(at, _)| *at) {
            return;
        }
        if let Some((_, alarm)) = self.alarm.take() {
            alarm.abort();
        }
        self.alarm = wakes.map(|at| {
            let alarm = myself.send_after(at.since(now), || GateMessage::Wake);
            (at, alarm.abort_handle())
        });
    }

    fn watch(
        &mut self,
        (now, arbiter): (Moment, &mut Arbiter),
        myself: &ActorRef<GateMessage>,
        ticket: Ticket,
        holder: &ActorCell,
    ) {
        let id = holder.get_id();
        let (_, tickets) = self.holders.entry(id).or_insert_with(|| {
            myself.get_cell().monitor(holder.clone());
            (holder.clone(), BTreeSet::new())
        });
        tickets.insert(ticket);
        self.held_by.insert(ticket, id);
        // One that ended before it was watched says nothing any more.
        if holder.get_status() >= ActorStatus::Stopping {
            self.holder_ended((now, arbiter), id);
        }
    }

    fn holder_ended(&mut self, (now, arbiter): (Moment, &mut Arbiter), holder: ActorId) {
        let Some((_, tickets)) = self.holders.remove(&holder) else {
            return;
        };
        for ticket in tickets {
            self.held_by.remove(&ticket);
            self.waiting.remove(&ticket);
            if !arbiter.withdraw(ticket) {
                arbiter.lost(now, ticket);
            }
        }
    }

    /// A ticket is not in use any more: its holder need not be watched for it.
    fn forget(&mut self, myself: &ActorRef<GateMessage>, ticket: Ticket) {
        self.waiting.remove(&ticket);
        let Some(id) = self.held_by.remove(&ticket) else {
            return;
        };
        if let Some((holder, tickets)) = self.holders.get_mut(&id) {
            tickets.remove(&ticket);
            if tickets.is_empty() {
                myself.get_cell().unmonitor(holder.clone());
                self.holders.remove(&id);
            }
        }
    }
}
