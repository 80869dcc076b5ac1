//! The gate as its users see it: a handle that knows the accounts, their turnstiles and their actors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use highwater_protocol::limit::{Arbiter, Class, Limits, ProviderStatus, Report, Ticket, Wish};
use highwater_protocol::{Error, Kind, Moment};
use ractor::{Actor, ActorCell, ActorRef, ActorStatus};
use tokio::sync::{oneshot, watch};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout};

use super::{
    AccountActor, AccountArguments, Calls, GateMessage, Lease, Permit, PermitRequest, Pressure,
    Turnstile,
};
use crate::env::Draws;

/// The account that a house has without being told of any: summarizers that do not name another one use it, and so may a
/// host.
pub const HOUSE: &str = "house";

/// Asks for permits. Cheap to clone; all clones are one gate. The host's own turns go through it as well.
#[derive(Clone, Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    accounts: RwLock<BTreeMap<Box<str>, Arc<Account>>>,
    tickets: AtomicU64,
    began: Instant,
    seed: u64,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Account {
    limits: Limits,
    models: BTreeMap<Box<str>, Limits>,
    turnstile: Arc<Turnstile>,
    actor: ActorRef<GateMessage>,
}

impl Gate {
    /// A gate without accounts. `seed` is what the jitter of its pauses is drawn from. To be called within a tokio runtime.
    pub fn new(seed: u64) -> Self {
        let shared = Shared {
            accounts: RwLock::default(),
            tickets: AtomicU64::new(0),
            began: Instant::now(),
            seed,
            closed: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Makes an account known, with its limits and those of models in it that have their own. The same again changes
    /// nothing.
    ///
    /// [`Kind::Invalid`] says which limit is wrong; [`Kind::Conflict`] when the account is known with other limits;
    /// [`Kind::Closed`] when the house is shutting down.
    pub async fn register(
        &self,
        provider: &str,
        limits: Limits,
        models: BTreeMap<Box<str>, Limits>,
    ) -> Result<(), Error> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        if let Some(known) = self.known(provider) {
            return known.is_the_same(provider, limits, &models);
        }
        let own = models.iter().map(|(model, limits)| (&**model, *limits));
        let number = self.shared.tickets.fetch_add(1, Ordering::Relaxed);
        let (arbiter, draws) =
            (Arbiter::new(provider, limits, own)?, Draws::new(self.shared.seed ^ number));
        let turnstile = Arc::new(Turnstile::new(arbiter, self.shared.began, draws));
        let arguments =
            AccountArguments { provider: provider.into(), turnstile: Arc::clone(&turnstile) };
        let (actor, _) = Actor::spawn(None, AccountActor, arguments).await.map_err(|error| {
            Error::new(Kind::Internal, "the gate of an account could not be started").because(error)
        })?;
        let account = Account { limits, models, turnstile, actor };
        let mut accounts = self.shared.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if self.shared.closed.load(Ordering::Acquire) {
            account.actor.stop(None);
            return Err(closed());
        }
        if let Some(known) = accounts.get(provider) {
            // Somebody else was faster.
            account.actor.stop(None);
            return known.is_the_same(provider, account.limits, &account.models);
        }
        accounts.insert(provider.into(), Arc::new(account));
        Ok(())
    }

    /// Waits for the right to one model call. Dropping the future withdraws the wish, and costs nothing.
    ///
    /// [`Kind::NotFound`] for an account that is not known. [`Kind::TooLarge`] and [`Kind::Invalid`] for a wish that can
    /// never be granted: more tokens than are configured at once, a deadline in the past. [`Kind::Retry`] when there is no
    /// permit now: too many wait (its source says for how long), the deadline passed or comes before the end of a pause,
    /// the provider is left alone. [`Kind::Closed`] when the house is shutting down, or the holder has ended. The source
    /// is a [`Denied`](highwater_protocol::limit::Denied).
    pub async fn acquire(&self, request: PermitRequest) -> Result<Permit, Error> {
        // Whoever is granted at once, again and again, lets others run.
        consume_budget().await;
        let account = self.account(&request.key.provider)?;
        let (ticket, wish, holder) = self.wish(request, None);
        if holder.is_none()
            && let Some(permit) = account.pass(ticket, &wish)
        {
            return Ok(permit);
        }
        let (waiting, permit) = account.ask(ticket, wish, holder)?;
        let permit = permit.await;
        waiting.over();
        permit.map_err(|_| closed())?.map(Permit::taken)
    }

    /// The same for a call that becomes more urgent while it waits.
    pub(super) async fn acquire_urged(
        &self,
        request: PermitRequest,
        mut pressure: watch::Receiver<Pressure>,
    ) -> Result<Permit, Error> {
        let class = request.class;
        let account = self.account(&request.key.provider)?;
        let (ticket, wish, holder) = self.wish(request, None);
        let (waiting, mut permit) = account.ask(ticket, wish, holder)?;
        loop {
            tokio::select! {
                biased;
                permit = &mut permit => {
                    waiting.over();
                    return permit.map_err(|_| closed())?.map(Permit::taken);
                }
                Ok(()) = pressure.changed() => {
                    if let Class::Compaction { .. } = class {
                        let fill = pressure.borrow_and_update().fill;
                        waiting.urge(Class::Compaction { fill });
                    }
                }
            }
        }
    }

    /// The same for a holder whose end nobody notices: the permit lasts for `lasts`, unless it is renewed. One that lasts no
    /// time has run out when it is granted. Whoever drops the future when the lease is granted leaves it to run out.
    pub async fn lease(&self, request: PermitRequest, lasts: Duration) -> Result<Lease, Error> {
        let provider = request.key.provider.clone();
        let account = self.account(&provider)?;
        let (ticket, wish, holder) = self.wish(request, Some(lasts));
        let (waiting, permit) = account.ask(ticket, wish, holder)?;
        let permit = permit.await.map_err(|_| closed())?;
        waiting.over();
        Ok(Lease { provider, ticket: permit?.into_ticket() })
    }

    /// The holder of a lease is still there: it lasts for `lasts` from now. [`Kind::NotFound`] when it has run out: the call
    /// that is under way is one too many, and should be given up. [`Kind::Closed`] when the house has shut down.
    pub async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<(), Error> {
        let (reply, held) = oneshot::channel();
        let message = GateMessage::Renew { ticket: lease.ticket, lasts, reply };
        self.account(&lease.provider)?.actor.cast(message).map_err(|_| closed())?;
        if held.await.map_err(|_| closed())? {
            return Ok(());
        }
        let message = format!("a lease of {} that is to be renewed has run out", lease.provider);
        Err(Error::new(Kind::NotFound, message))
    }

    /// The call of a lease has ended. One that has run out has no effect. [`Kind::Closed`] when the house has shut down.
    pub fn release(&self, lease: &Lease, report: Report) -> Result<(), Error> {
        let account = self.account(&lease.provider)?;
        account.send(GateMessage::Finish { ticket: lease.ticket, report })
    }

    /// How all accounts stand, by their names. [`Kind::Closed`] when the house has shut down.
    pub async fn status(&self) -> Result<Vec<ProviderStatus>, Error> {
        let accounts: Vec<Arc<Account>> = {
            let accounts = self.shared.accounts.read().unwrap_or_else(PoisonError::into_inner);
            accounts.values().cloned().collect()
        };
        let mut all = Vec::with_capacity(accounts.len());
        for account in accounts {
            all.push(account.status().await?);
        }
        Ok(all)
    }

    /// How one account stands. [`Kind::NotFound`] when it is not known.
    pub async fn status_of(&self, provider: &str) -> Result<ProviderStatus, Error> {
        self.account(provider)?.status().await
    }

    /// Each call of an account that ends from now on, with its waits. [`Kind::NotFound`] when the account is not known,
    /// [`Kind::Closed`] when the house has shut down.
    pub async fn follow(&self, provider: &str) -> Result<Calls, Error> {
        let (reply, calls) = oneshot::channel();
        let message = GateMessage::Follow { reply };
        self.account(provider)?.actor.cast(message).map_err(|_| closed())?;
        calls.await.map_err(|_| closed())
    }

    /// Lets nobody in any more, tells those who wait, and waits up to `within` for the calls under way. Tells whether all
    /// of them ended.
    pub async fn close(&self, within: Duration) -> bool {
        let accounts: Vec<Arc<Account>> = {
            let accounts = self.shared.accounts.write().unwrap_or_else(PoisonError::into_inner);
            self.shared.closed.store(true, Ordering::Release);
            accounts.values().cloned().collect()
        };
        let mut idle = Vec::new();
        for account in &accounts {
            let (tell, told) = oneshot::channel();
            if account.send(GateMessage::Close { idle: tell }).is_ok() {
                idle.push(told);
            }
        }
        let all = async {
            for told in idle {
                // An actor that is gone holds nothing.
                drop(told.await);
            }
        };
        let ended = timeout(within, all).await.is_ok();
        for account in accounts {
            drop(account.actor.stop_and_wait(None, None).await);
        }
        ended
    }

    /// A random number.
    pub(super) fn draw(&self) -> u64 {
        let number = self.shared.tickets.fetch_add(1, Ordering::Relaxed);
        Draws::new(self.shared.seed ^ number).next()
    }

    fn known(&self, provider: &str) -> Option<Arc<Account>> {
        let accounts = self.shared.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(provider).cloned()
    }

    fn account(&self, provider: &str) -> Result<Arc<Account>, Error> {
        self.known(provider).ok_or_else(|| {
            let accounts = self.shared.accounts.read().unwrap_or_else(PoisonError::into_inner);
            let names: Vec<&str> = accounts.keys().map(|name| &**name).collect();
            let message = format!(
                "the gate knows no provider {provider}; register it first. Known: {}",
                names.join(", ")
            );
            Error::new(Kind::NotFound, message)
        })
    }

    fn wish(
        &self,
        request: PermitRequest,
        lasts: Option<Duration>,
    ) -> (Ticket, Wish, Option<ActorCell>) {
        let PermitRequest { key, class, amounts, deadline, manual, holder } = request;
        let ticket = Ticket(self.shared.tickets.fetch_add(1, Ordering::Relaxed));
        // A deadline before the clock began is its beginning: past in any case.
        let deadline = deadline.map(|at| Moment(at.saturating_duration_since(self.shared.began)));
        let wish = Wish { model: key.model, class, amounts, deadline, manual, lasts };
        (ticket, wish, holder)
    }
}

impl Account {
    /// Sends the actor what nobody overtakes.
    fn send(&self, message: GateMessage) -> Result<(), Error> {
        self.turnstile.send(&self.actor, message).then_some(()).ok_or_else(closed)
    }

    /// A permit at once, if nobody waits.
    fn pass(&self, ticket: Ticket, wish: &Wish) -> Option<Permit> {
        // Whoever closes the account or ends it with an error lets nobody in any more.
        if self.actor.get_status() >= ActorStatus::Draining {
            return None;
        }
        let grant = self.turnstile.pass(ticket, wish)?;
        let at = (Arc::clone(&self.turnstile), self.actor.clone());
        Some(Permit::new(at, (ticket, wish.class), grant.waited, false).taken())
    }

    fn ask(
        &self,
        ticket: Ticket,
        wish: Wish,
        holder: Option<ActorCell>,
    ) -> Result<(Waiting, oneshot::Receiver<Result<Permit, Error>>), Error> {
        let (reply, permit) = oneshot::channel();
        let message = GateMessage::Acquire { ticket, wish, holder, reply };
        self.send(message)?;
        Ok((Waiting { actor: Some(self.actor.clone()), ticket }, permit))
    }

    async fn status(&self) -> Result<ProviderStatus, Error> {
        let (reply, status) = oneshot::channel();
        self.actor.cast(GateMessage::Status { reply }).map_err(|_| closed())?;
        status.await.map_err(|_| closed())
    }

    fn is_the_same(
        &self,
        provider: &str,
        limits: Limits,
        models: &BTreeMap<Box<str>, Limits>,
    ) -> Result<(), Error> {
        if self.limits == limits && self.models == *models {
            return Ok(());
        }
        let message = format!(
            "the gate knows {provider} with other limits; what is under way would be counted wrong: close and start \
             again, or choose another name"
        );
        Err(Error::new(Kind::Conflict, message))
    }
}

/// Withdraws a wish that nobody waits for any more.
struct Waiting {
    actor: Option<ActorRef<GateMessage>>,
    ticket: Ticket,
}

impl Waiting {
    /// There is an answer.
    fn over(mut self) {
        self.actor = None;
    }

    fn urge(&self, class: Class) {
        if let Some(actor) = &self.actor {
            drop(actor.cast(GateMessage::Urge { ticket: self.ticket, class }));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(actor) = self.actor.take() {
            drop(actor.cast(GateMessage::Withdraw { ticket: self.ticket }));
        }
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the gate is closed: the house is shutting down")
}
