//! Whose behalf a model is called on: a turn, a pass, or anything else, and what that means at the gate.

use highwater_protocol::limit::{Amounts, Class, Key};
use highwater_protocol::{Error, PassId, SessionId};
use ractor::ActorCell;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Gate, Permit, PermitRequest};

/// How urgent a pass is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// How full the session's view is, in percent of its hard mark.
    pub fill: u8,
    /// Whether the pass is to wait for no model any more.
    pub hurried: bool,
}

/// Something for which models are called, perhaps several times. Each call takes a permit of its own.
#[derive(Clone, Debug)]
pub struct Errand {
    gate: Gate,
    class: Class,
    /// How urgent the pass is that it is of.
    pressure: Option<watch::Receiver<Pressure>>,
    deadline: Option<Instant>,
    manual: bool,
    holder: Option<ActorCell>,
    pass: Option<(SessionId, PassId)>,
}

impl Errand {
    /// An errand of a class, without a deadline.
    pub fn new(gate: Gate, class: Class) -> Self {
        let (manual, pressure, holder) = (false, None, None);
        Self { gate, class, pressure, deadline: None, manual, holder, pass: None }
    }

    /// An errand of a pass, whose class follows how full the view is.
    pub(crate) fn of_pass(
        gate: Gate,
        pressure: watch::Receiver<Pressure>,
        holder: Option<ActorCell>,
    ) -> Self {
        let class = Class::Compaction { fill: pressure.borrow().fill };
        let (manual, pressure) = (false, Some(pressure));
        Self { gate, class, pressure, deadline: None, manual, holder, pass: None }
    }

    /// The same with a moment after which no call is begun and nobody is waited for.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The same as asked for by a person: it passes an open breaker.
    #[must_use]
    pub fn by_hand(mut self, manual: bool) -> Self {
        self.manual = manual;
        self
    }

    /// The same on behalf of this pass.
    #[must_use]
    pub fn on_behalf(mut self, session: SessionId, pass: PassId) -> Self {
        self.pass = Some((session, pass));
        self
    }

    /// The pass that it is of, if it is of one: for logs and figures.
    pub fn pass(&self) -> Option<(&SessionId, PassId)> {
        self.pass.as_ref().map(|(session, pass)| (session, *pass))
    }

    /// The moment after which no call is begun.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for the right to one call that takes this. See [`Gate::acquire`].
    pub async fn permit(&self, key: Key, amounts: Amounts) -> Result<Permit, Error> {
        let (deadline, manual, holder) = (self.deadline, self.manual, self.holder.clone());
        let mut request =
            PermitRequest { key, class: self.class, amounts, deadline, manual, holder };
        let Some(pressure) = &self.pressure else {
            return self.gate.acquire(request).await;
        };
        request.class = Class::Compaction { fill: pressure.borrow().fill };
        self.gate.acquire_urged(request, pressure.clone()).await
    }

    /// A random number for the waits between calls.
    pub(crate) fn draw(&self) -> u64 {
        self.gate.draw()
    }
}
