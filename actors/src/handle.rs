//! A handle of one session: what a host calls. It stays valid when the session's actor ends and is rebuilt.

use std::path::PathBuf;
use std::sync::Arc;

use highwater_protocol::message::{
    CompactReply, ContextReply, NextContext, OpenCalls, Receipt, Reply, Request, Status,
};
use highwater_protocol::tokens::Usage;
use highwater_protocol::{
    Budget, CallNumber, CallRef, Checkpoint, Entry, Error, Format, Kind, Outcome, PassId,
    Resolution, Seq, SessionId,
};
use highwater_storage::export::Exported;
use ractor::{ActorRef, MessagingErr};
use tokio::sync::oneshot;

use crate::admission::admit;
use crate::export;
use crate::fork;
use crate::highwater::shut_down;
use crate::history::{History, PastCall};
use crate::house::House;
use crate::notices::Notices;
use crate::registry::{RegistryMessage, Slot, Wanted};
use crate::session::{Answer, SessionMessage};

/// One session. Cheap to clone; all clones are the same session. Dropping handles does not end the session.
///
/// Dropping the future of a call withdraws nothing that has reached the session: it is done, and only the answer is lost.
/// While the call still waited for its place in the queue, or for the session to be read, nothing is done. Appends are
/// idempotent, so asking again is safe.
#[derive(Clone)]
pub struct SessionHandle {
    slot: Arc<Slot>,
    registry: ActorRef<RegistryMessage>,
    house: House,
}

impl SessionHandle {
    pub(crate) fn new(slot: Arc<Slot>, registry: ActorRef<RegistryMessage>, house: House) -> Self {
        Self { slot, registry, house }
    }

    /// Which session this is.
    pub fn session(&self) -> &SessionId {
        self.slot.session()
    }

    /// Appends entries, all or none. When it returns `Ok`, they are durable (L2) and have the numbers in the receipts.
    ///
    /// [`Kind::Conflict`] when an id is known with other content; [`Kind::TooLarge`] over a cap; [`Kind::Unknown`] when
    /// the commit failed and the entries may or may not be stored: append the same entries again. Waits while too many
    /// bytes are queued; never for a model.
    pub async fn append(&self, entries: Vec<Arc<Entry>>) -> Result<Vec<Receipt>, Error> {
        match self.ask(Request::Append { entries }).await? {
            Reply::Appended(receipts) => Ok(receipts),
            other => Err(unexpected(&other)),
        }
    }

    /// What the model shall see now. When it returns, everything that it shows is durable, and what was shown is final.
    /// Never waits for a model (V10).
    pub async fn context(&self, open_calls: OpenCalls) -> Result<ContextReply, Error> {
        match self.ask(Request::Context { open_calls }).await? {
            Reply::Context(context) => Ok(context),
            other => Err(unexpected(&other)),
        }
    }

    /// Appends entries and tells what the model shall see then, as [`SessionHandle::append`] and
    /// [`SessionHandle::context`] do one behind the other. It is the cheaper way to go on with a turn, with what the user
    /// said or with the results of all calls: one message, and one commit unless texts have to be read back into memory.
    ///
    /// When the entries are refused, no context is answered or recorded. When a text cannot be read back for the context, or
    /// it cannot be stored behind the entries, [`NextContext::context`] says so: they are appended and durable all the same.
    pub async fn next_context(
        &self,
        entries: Vec<Arc<Entry>>,
        open_calls: OpenCalls,
    ) -> Result<NextContext, Error> {
        match self.ask(Request::NextContext { entries, open_calls }).await? {
            Reply::NextContext(next) => Ok(next),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a pass that covers entries up to `up_to`, or up to the mark that lands the view. Returns when the start is
    /// durable; the pass goes on beside everything else, see [`SessionHandle::settled`]. `focus` says what the summary
    /// shall keep above all.
    ///
    /// [`Kind::TooLarge`] for a focus over [`caps::MAX_FOCUS_BYTES`](highwater_protocol::caps::MAX_FOCUS_BYTES).
    pub async fn compact(
        &self,
        up_to: Option<Seq>,
        focus: Option<&str>,
    ) -> Result<CompactReply, Error> {
        let focus = focus.map(Into::into);
        match self.ask(Request::Compact { up_to, focus }).await? {
            Reply::Compact(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until a pass has ended and its record is durable, and tells how. [`Kind::NotFound`] when that is so long
    /// ago that the session does not keep it any more; [`Kind::Retry`] when
    /// [`caps::WAITING_FOR_A_PASS`](highwater_protocol::caps::WAITING_FOR_A_PASS) wait for it already.
    pub async fn settled(&self, pass: PassId) -> Result<Outcome, Error> {
        match self.ask(Request::Settled { pass }).await? {
            Reply::Settled(outcome) => Ok(outcome),
            other => Err(unexpected(&other)),
        }
    }

    /// Abandons the pass in flight; its late result is dropped. Tells which pass it was, if there was one.
    pub async fn cancel(&self) -> Result<Option<PassId>, Error> {
        match self.ask(Request::Cancel).await? {
            Reply::Cancelled(pass) => Ok(pass),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes everything behind `to` off the live branch (V14): summaries that reach behind it give way to the newest that
    /// does not, pins and calls stand as they stood when `to` was the last entry; what stands at or before it in the place
    /// of another entry stays. The entries stay readable in the history, and their numbers are not used again. Durable when it returns; false when nothing stood behind.
    /// Abandons a pass that covers more. The next calls wait until the log is read anew.
    ///
    /// [`Kind::Invalid`] when `to` is not on the live branch.
    pub async fn rewind(&self, to: Seq) -> Result<bool, Error> {
        self.change(Request::Rewind { to }).await
    }

    /// Supersedes the entry at `place` (V14), which stays readable in the history. Durable when it returns. Abandons a
    /// pass that covers it.
    ///
    /// [`Kind::Invalid`] when the entry is not in the view, or `entry` has another speaker, message id, calls or results:
    /// rewind to before it instead. [`Kind::Conflict`] when the id of `entry` is known with other content.
    pub async fn edit(&self, place: Seq, entry: Arc<Entry>) -> Result<Receipt, Error> {
        match self.ask(Request::Edit { place, entry }).await? {
            Reply::Edited(receipt) => Ok(receipt),
            other => Err(unexpected(&other)),
        }
    }

    /// Leaves nothing in the view but the instructions that lead the session. Durable when it returns; false when there
    /// was nothing else. Abandons the pass in flight. A rewind to before it brings everything back.
    pub async fn clear(&self) -> Result<bool, Error> {
        self.change(Request::Clear).await
    }

    /// Goes on with another model: other marks, another format. Durable when it returns. The next context is rendered
    /// anew, and elided first if the new hard mark asks for it.
    pub async fn switch(&self, budget: Budget, format: Format) -> Result<bool, Error> {
        self.change(Request::Switch { budget, format }).await
    }

    /// Pins an entry, so that its group stays verbatim through every splice and elision (V13), or sets it free. Durable
    /// when it returns; false when it stood so already. Abandons a pass that covers it.
    ///
    /// [`Kind::Invalid`] when the entry is not in the view.
    pub async fn pin(&self, seq: Seq, pinned: bool) -> Result<bool, Error> {
        self.change(Request::Pin { seq, pinned }).await
    }

    /// Says how a call stands whose result has not come (V8): it is not open any more, and a result that comes later is
    /// quoted text. Durable when it returns; false when it stood so already.
    ///
    /// [`Kind::NotFound`] for a call that is neither open nor under way; [`Kind::Invalid`] when it has its result, or
    /// was shown without it and is to get one now: append that as an entry.
    pub async fn resolve(&self, call: CallRef, resolution: Resolution) -> Result<bool, Error> {
        self.change(Request::Resolve { call, resolution }).await
    }

    /// Tracks an open task, or with `None` ends it: what is open is told beside every summary made from now on. Durable
    /// when it returns; false when it stood so already.
    ///
    /// [`Kind::TooLarge`] over the caps of [`caps`](highwater_protocol::caps).
    pub async fn track(&self, task: &str, text: Option<&str>) -> Result<bool, Error> {
        self.change(Request::Track { task: task.into(), text: text.map(Into::into) }).await
    }

    /// Takes what a provider reported for the context `call`: the session's marks are held against sizes corrected by it
    /// from then on. An exact count of the context is reported the same way. Durable when it returns; false when the usage of
    /// that context was reported before, or the context is not one of the last
    /// [`caps::REPORTABLE_CALLS`](highwater_protocol::caps::REPORTABLE_CALLS).
    ///
    /// [`Kind::Invalid`] for a context that was never answered; [`Kind::TooLarge`] for a model's name over
    /// [`caps::MAX_MODEL_BYTES`](highwater_protocol::caps::MAX_MODEL_BYTES).
    pub async fn report_usage(
        &self,
        call: CallNumber,
        model: &str,
        usage: Usage,
    ) -> Result<bool, Error> {
        self.change(Request::ReportUsage { call, model: model.into(), usage }).await
    }

    /// Marks what stands now, at a cost that does not depend on how long the session is. Durable when it returns, with
    /// everything that it stands for. Nothing that contexts show changes, and a pass in flight goes on.
    pub async fn checkpoint(&self) -> Result<Checkpoint, Error> {
        match self.ask(Request::Checkpoint).await? {
            Reply::Checkpoint(checkpoint) => Ok(checkpoint),
            other => Err(unexpected(&other)),
        }
    }

    /// Writes what is new of the session since the newest export in `dir`, or since `since`, up to a checkpoint. Runs
    /// beside everything else; durable when it returns. See [`export`](highwater_storage::export::export()).
    ///
    /// [`Kind::NotFound`] when one of the checkpoints is not there; [`Kind::Conflict`] when `dir` holds another history of
    /// a session of this name; [`Kind::Corrupt`] when the export in it that is to be gone on from is damaged.
    pub async fn export(
        &self,
        checkpoint: Checkpoint,
        since: Option<Checkpoint>,
        dir: impl Into<PathBuf>,
    ) -> Result<Exported, Error> {
        export::export(&self.house, self.session().clone(), checkpoint, since, dir.into()).await
    }

    async fn change(&self, request: Request) -> Result<bool, Error> {
        match self.ask(request).await? {
            Reply::Changed(changed) => Ok(changed),
            other => Err(unexpected(&other)),
        }
    }

    /// How the session stands.
    pub async fn status(&self) -> Result<Status, Error> {
        match self.ask(Request::Status).await? {
            Reply::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Abandons the pass in flight, makes everything durable, and ends the session's actor. The next call on any handle
    /// opens it again.
    pub async fn close(&self) -> Result<(), Error> {
        match self.ask_of(Request::Close).await? {
            // An actor that has ended already needs no waiting for.
            (Reply::Closed, Some(actor)) => drop(actor.wait(None).await),
            (other, _) => return Err(unexpected(&other)),
        }
        Ok(())
    }

    /// The durable history: every entry, whatever was compacted (L7).
    pub fn history(&self) -> History {
        History::new(self.session().clone(), self.house.clone())
    }

    /// The context that a call was answered with, byte for byte (P8), and what it took; see [`History::call`].
    pub async fn call(&self, call: CallNumber) -> Result<PastCall, Error> {
        self.history().call(call).await
    }

    /// A new session that begins with the log of this one as it stood when `at` was its last entry, or as it is durable
    /// now (L9). It costs the same however long that is, and needs no live session on either side; a pass in flight goes on
    /// here and is none of the child's. Durable when it returns. Open it with [`crate::Highwater::open`].
    ///
    /// [`Kind::NotFound`] when `at` is no entry of this session; [`Kind::Invalid`] when `child` is another session already;
    /// [`Kind::Corrupt`] when a record before it cannot be read and is not sealed yet: fork at an entry before that one.
    pub async fn fork(&self, at: Option<Seq>, child: &SessionId) -> Result<(), Error> {
        fork::fork(&self.house, self.session(), at, child).await
    }

    /// What the session tells from now on.
    pub fn notices(&self) -> Notices {
        self.slot.subscribe()
    }

    /// Makes sure that the session's actor is alive.
    pub(crate) async fn activate(&self) -> Result<ActorRef<SessionMessage>, Error> {
        self.want(None).await
    }

    async fn ask(&self, body: Request) -> Result<Reply, Error> {
        self.ask_of(body).await.map(|(reply, _)| reply)
    }

    /// What is answered; when the session is to end, by which actor. Nobody else keeps the actor alive while it waits: a
    /// request that came too late into its mailbox is forgotten with it.
    async fn ask_of(
        &self,
        body: Request,
    ) -> Result<(Reply, Option<ActorRef<SessionMessage>>), Error> {
        let bytes = match &body {
            Request::Edit { entry, .. } => entry.source().len(),
            Request::Compact { focus: Some(focus), .. } => focus.len(),
            Request::Track { task, text } => {
                task.len() + text.as_ref().map_or(0, |text| text.len())
            }
            Request::Resolve { resolution, .. } => resolution.detail().len(),
            Request::ReportUsage { model, .. } => model.len(),
            other => other.appends().iter().map(|entry| entry.source().len()).sum(),
        };
        let name = body.name();
        loop {
            let queued = self.slot.enqueue();
            let admission = admit(queued.budget(), &self.house.queue, bytes).await?;
            let (answer, answered) = Answer::new(admission.within(queued));
            let message = SessionMessage::Request { body: body.clone(), answer };
            let actor = self.deliver(message).await?;
            let actor = matches!(body, Request::Close).then_some(actor);
            match answered.await {
                Ok(Some(answer)) => return answer.map(|reply| (reply, actor)),
                // The actor ended before it looked at the request: it goes to the next one.
                Ok(None) => {}
                Err(_) => return Err(self.forgotten(name)),
            }
        }
    }

    /// Puts a message into the mailbox of the session's actor, which is made if there is none; tells which actor it is.
    async fn deliver(
        &self,
        mut message: SessionMessage,
    ) -> Result<ActorRef<SessionMessage>, Error> {
        if let Some(actor) = self.slot.actor() {
            match actor.cast(message) {
                Ok(()) => return Ok(actor),
                // It has ended since: nothing of the message was seen.
                Err(MessagingErr::SendErr(back)) => message = back,
                Err(_) => return Err(shut_down()),
            }
        }
        self.want(Some(message)).await
    }

    async fn want(
        &self,
        message: Option<SessionMessage>,
    ) -> Result<ActorRef<SessionMessage>, Error> {
        let (reply, actor) = oneshot::channel();
        let wanted = Wanted { message, reply };
        let message = RegistryMessage::Open { session: self.session().clone(), wanted };
        self.registry.cast(message).map_err(|_| shut_down())?;
        actor.await.map_err(|_| shut_down())?
    }

    /// The actor ended with the request in its mailbox or in hand.
    fn forgotten(&self, name: &str) -> Error {
        let session = self.session();
        let message = format!(
            "session {session} ended before it answered {name}: what was asked may or may not have \
             happened; ask again"
        );
        Error::new(Kind::Unknown, message)
    }
}

fn unexpected(reply: &Reply) -> Error {
    Error::new(Kind::Internal, format!("a request was answered with {reply:?}"))
}
