//! A host that plays: appends, asks for contexts, and holds every context that it gets against the oracle and the rules.

use std::sync::Arc;

use highwater::history::Order;
use highwater::summarize::Summarizer;
use highwater::{Highwater, SessionHandle, Told};
use highwater_protocol::message::{CompactReply, ContextReply, Notice, OpenCalls, Receipt};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{
    Budget, Context, Entry, Error, Format, Outcome, PassId, Seq, SeqRange, SessionId,
};

use crate::branch::Branch;
use crate::oracle::{Oracle, RenderedBlock, blocks_of};
use crate::{notation, rules, world};

/// A host of one session.
pub struct Host {
    /// The session.
    pub session: SessionHandle,
    /// All that was appended.
    pub entries: Vec<Arc<Entry>>,
    branch: Branch,
    oracle: Oracle,
    config: SessionConfig,
}

impl Host {
    /// Opens a session.
    pub async fn open(house: &Highwater, name: &str, config: SessionConfig) -> Self {
        let session = house.open(world::named(name), config).await.expect("the session opens");
        let (entries, branch, oracle) = (Vec::new(), Branch::default(), Oracle::default());
        Self { session, entries, branch, oracle, config }
    }

    /// A house in memory with one session in it.
    pub async fn alone(summarizer: impl Summarizer, config: SessionConfig) -> (Highwater, Self) {
        let house = world::in_memory(summarizer).await;
        let host = Self::open(&house, "s", config).await;
        (house, host)
    }

    /// Goes on with the same session in another house; what the oracle knows comes along.
    pub async fn move_to(&mut self, house: &Highwater) {
        let session = house.open(self.session.session().clone(), self.config).await;
        self.session = session.expect("the session opens again");
    }

    /// Lets go of the session: its house may be closed, and its store opened by another.
    pub fn leave(self) -> Away {
        let Self { session, entries, branch, oracle, config } = self;
        Away { name: session.session().clone(), entries, branch, oracle, config }
    }

    /// Appends entries in the notation and the session's format.
    pub async fn append(&mut self, text: &str) -> Vec<Receipt> {
        self.give(notation::entries_in(self.config.format, text)).await
    }

    /// Appends entries.
    pub async fn give(&mut self, entries: Vec<Arc<Entry>>) -> Vec<Receipt> {
        let receipts = self.session.append(entries.clone()).await.expect("the append is stored");
        let new = entries.into_iter().zip(&receipts).filter(|(_, receipt)| !receipt.known);
        self.entries.extend(new.map(|(entry, _)| entry));
        receipts
    }

    /// Takes everything behind an entry off the live branch.
    pub async fn rewind(&mut self, to: Seq) -> bool {
        self.branch.knows(&self.entries);
        let changed = self.session.rewind(to).await.expect("it can be rewound to there");
        self.branch.rewound(to.0);
        changed
    }

    /// Leaves nothing but the instructions.
    pub async fn clear(&mut self) -> bool {
        self.branch.knows(&self.entries);
        let changed = self.session.clear().await.expect("it is cleared");
        if changed {
            self.branch.cleared();
        }
        changed
    }

    /// Supersedes an entry by one of the notation. The number of the new one, or why it is refused.
    pub async fn edit(&mut self, place: Seq, line: &str) -> Result<Seq, Error> {
        self.branch.knows(&self.entries);
        let entry = notation::entries_in(self.config.format, line).remove(0);
        let receipt = self.session.edit(place, Arc::clone(&entry)).await?;
        self.entries.push(entry);
        self.branch.edited(&self.entries);
        Ok(receipt.seq)
    }

    /// Goes on with another model.
    pub async fn switch(&mut self, budget: Budget, format: Format) -> bool {
        let changed = self.session.switch(budget, format).await.expect("it is switched");
        self.config = SessionConfig { budget, format, ..self.config };
        changed
    }

    /// The next context, with stand-ins, held against everything.
    pub async fn context(&mut self) -> Context {
        match self.ask(OpenCalls::StandIn).await {
            ContextReply::Ready(context) => context,
            other => panic!("no context: {other:?}"),
        }
    }

    /// Asks for a context; if there is one, holds it against everything.
    pub async fn ask(&mut self, open_calls: OpenCalls) -> ContextReply {
        let reply = self.session.context(open_calls).await.expect("the session answers");
        if let ContextReply::Ready(context) = &reply {
            if let Err(difference) = self.oracle.saw(context.resets, blocks_of(context).into_iter())
            {
                panic!("{difference}");
            }
            self.branch.knows(&self.entries);
            rules::hold(context, &self.entries, &self.branch, self.config.budget.hard());
        }
        reply
    }

    /// The blocks of the next context.
    pub async fn blocks(&mut self) -> Vec<RenderedBlock> {
        blocks_of(&self.context().await)
    }

    /// Appends `count` messages of the user, each followed by a context, of `words` words each.
    pub async fn chat(&mut self, name: &str, count: usize, words: usize) {
        for number in 0..count {
            self.append(&format!("u{name}-{number}: message {number} of {name} ~{words}")).await;
            self.context().await;
        }
    }

    /// Chats until the session has started a pass by itself.
    pub async fn chat_until_a_pass_starts(&mut self) -> PassId {
        for _ in 0..100 {
            let name = format!("until{}", self.entries.len());
            self.chat(&name, 1, 60).await;
            if let Some(pass) = self.pass().await {
                return pass;
            }
        }
        panic!("no pass was started");
    }

    /// Starts a pass that must start.
    pub async fn compact(&self, up_to: Option<Seq>) -> PassId {
        match self.session.compact(up_to, None).await.expect("the session answers") {
            CompactReply::Started(pass) => pass,
            other => panic!("no pass was started: {other:?}"),
        }
    }

    /// Waits for the end of a pass.
    pub async fn settled(&self, pass: PassId) -> Outcome {
        self.session.settled(pass).await.expect("the outcome is kept")
    }

    /// The pass in flight.
    pub async fn pass(&self) -> Option<PassId> {
        self.session.status().await.expect("the session answers").pass.map(|pass| pass.pass)
    }

    /// What the standing summary covers.
    pub async fn covered(&self) -> Option<SeqRange> {
        self.session.status().await.expect("the session answers").covered
    }

    /// Requires that the history has every entry with its original bytes, in order.
    pub async fn require_whole_history(&self) {
        let mut found: Vec<(Seq, Arc<Entry>)> = Vec::new();
        let mut rest = Some(SeqRange::new(Seq::FIRST, Seq(u64::MAX)));
        while let Some(range) = rest {
            let page = self.session.history().page(range, Order::OldestFirst, 4_096).await;
            let page = page.expect("the history is readable");
            assert_eq!(page.gaps, [], "nothing is missing");
            found.extend(page.entries);
            rest = page.rest;
        }
        assert_eq!(found.len(), self.entries.len(), "every entry is in the history");
        for ((number, appended), (seq, read)) in (1_u64..).zip(&self.entries).zip(found) {
            assert_eq!(seq.0, number, "the history is dense");
            assert_eq!(read.id(), appended.id(), "entry {seq}");
            assert!(read.source() == appended.source(), "the bytes of entry {seq} are the same");
        }
    }

    /// How many contexts were held against the oracle.
    pub fn contexts(&self) -> u64 {
        self.oracle.contexts()
    }
}

/// A host between two houses: what it knows, and no handle.
pub struct Away {
    name: SessionId,
    entries: Vec<Arc<Entry>>,
    branch: Branch,
    oracle: Oracle,
    config: SessionConfig,
}

impl Away {
    /// Goes on in a house.
    pub async fn enter(self, house: &Highwater) -> Host {
        let Self { name, entries, branch, oracle, config } = self;
        let session = house.open(name, config).await.expect("the session opens again");
        Host { session, entries, branch, oracle, config }
    }
}

/// A context of a session that nobody plays, with stand-ins: whole for its provider, and held against nothing else.
pub async fn context(session: &SessionHandle) -> Context {
    match session.context(OpenCalls::StandIn).await.expect("the session answers") {
        ContextReply::Ready(context) => {
            assert_eq!(rules::pairs_whole(context.format, &context.body()), None);
            context
        }
        other => panic!("no context: {other:?}"),
    }
}

/// All notices that are there already.
pub fn drain(notices: &mut highwater::Notices) -> Vec<Notice> {
    std::iter::from_fn(|| notices.try_next())
        .map(|told| match told {
            Told::Notice(notice) => notice,
            Told::Missed(count) => panic!("{count} notices were missed"),
        })
        .collect()
}
