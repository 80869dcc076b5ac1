//! What cases stand on: stores with one session each, grown beforehand at full speed, and what is read from them. All
//! on one thread, in paused time and with fixed seeds, so that every run does the same.

use std::future::Future;
use std::path::{Path, PathBuf};

use highwater::summarize::Extractive;
use highwater::{Highwater, SessionHandle};
use highwater_protocol::message::{Reply, Request};
use highwater_protocol::session::{Command, Event, Replay, Session, SessionConfig, State};
use highwater_protocol::{RequestId, Rewinds, SessionId, Timestamp, caps};
use highwater_storage::{PageLimit, RedbStore, Store, decode_anchor};
use highwater_tests::grown;
use highwater_tests::world::{self, Environment};
use tokio::runtime::{Builder, Runtime};

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp(2_000_000);

/// The session of every store.
pub(crate) fn name() -> SessionId {
    world::named("s")
}

/// Passes by wish alone, so that none begins while something else is counted.
pub(crate) fn config() -> SessionConfig {
    SessionConfig { automatic: false, ..grown::config() }
}

/// A runtime of one thread, whose time stands still.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime")
}

/// A store whose session has so many entries, and was closed as its last pass had landed.
pub(crate) fn grow(dir: &Path, entries: u64) {
    std::fs::create_dir_all(dir).expect("a directory");
    runtime().block_on(async {
        let house = house(dir).await;
        let session = house.open(name(), grown::config()).await.expect("it opens");
        grown::grow(&session, entries).await;
        grown::land(&session).await;
        drop(session);
        house.close().await.expect("it closes");
    });
}

async fn house(dir: &Path) -> Highwater {
    world::house(world::redb(dir), Environment::Inline, Extractive).await
}

/// A copy of a store that is closed.
pub(crate) fn copy(from: &Path, to: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&to).expect("a directory");
    for file in std::fs::read_dir(from).expect("a directory") {
        let file = file.expect("readable");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("there is room");
    }
    to
}

/// A running house with the session of a store, and a thread for all of it.
pub(crate) struct Running {
    runtime: Runtime,
    house: Highwater,
    pub(crate) session: SessionHandle,
}

impl Running {
    pub(crate) fn over(dir: &Path) -> Self {
        let runtime = runtime();
        let (house, session) = runtime.block_on(async {
            let house = house(dir).await;
            let session = house.open(name(), config()).await.expect("it opens");
            grown::context(&session).await;
            (house, session)
        });
        Self { runtime, house, session }
    }

    /// Runs until something is done, with all actors on this thread.
    pub(crate) fn wait<T>(&self, done: impl Future<Output = T>) -> T {
        self.runtime.block_on(done)
    }

    pub(crate) fn close(self) {
        let Self { runtime, house, session } = self;
        drop(session);
        runtime.block_on(house.close()).expect("it closes");
    }
}

/// The session of a store, read as an opening reads it.
fn replay(store: &RedbStore) -> Replay {
    let lease = store.open_session(&name()).expect("it opens");
    let anchors = store.anchors(&name(), lease.head).expect("readable");
    let mut replay = match anchors.first() {
        None => Replay::new().indexed(lease.indexed),
        Some(at) => {
            let anchor = store.anchor(&name(), *at).expect("readable").expect("it is there");
            let anchor = decode_anchor(&anchor).expect("an anchor");
            let records = store.read_at(&name(), &anchor.positions()).expect("readable");
            let state = anchor.restore(&records, &Rewinds::default()).expect("it fits");
            Replay::resuming(state, lease.indexed)
        }
    };
    while replay.next() < lease.head {
        let limit = PageLimit { bytes: caps::PAGE_BYTES };
        let page = store.read(&name(), replay.next(), limit).expect("readable");
        for (at, record) in &page.records {
            replay.apply(*at, record).expect("it fits");
        }
    }
    replay
}

/// The fold of a store's session.
pub(crate) fn state(dir: &Path) -> State {
    replay(&world::redb(dir)).into_state()
}

/// A session without actors and disk: what it writes is durable at once, and no id that it asks for is known.
pub(crate) struct Desk {
    session: Session,
    requests: u64,
}

impl Desk {
    pub(crate) fn over(dir: &Path) -> Self {
        let session = replay(&world::redb(dir)).finish(name(), config(), NOW);
        Self { session: session.expect("it renders the same format"), requests: 0 }
    }

    /// Answers a request, with all that follows from it.
    pub(crate) fn ask(&mut self, body: Request) -> Reply {
        self.requests += 1;
        let request = RequestId(self.requests);
        let mut commands = self.session.step(NOW, Event::Request { request, body });
        let mut answer = None;
        while let Some(command) = commands.pop() {
            let event = match command {
                Command::Write { head, records } => {
                    Event::Durable { position: head.advance(records.len()) }
                }
                Command::Find { .. } => Event::Found { known: Ok(Vec::new()) },
                Command::Reply { reply, .. } => {
                    answer = Some(reply.expect("nothing is refused"));
                    continue;
                }
                other => panic!("nothing else follows: {other:?}"),
            };
            commands.extend(self.session.step(NOW, event));
        }
        answer.expect("every request is answered")
    }
}
