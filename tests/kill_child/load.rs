//! The load: several sessions at once append, ask for contexts, compact all the time, and rewind now and then. Whatever
//! is acknowledged is said at once.

use std::path::Path;
use std::sync::LazyLock;

use async_trait::async_trait;
use highwater::summarize::{Completion, Extractive, SummarizeError, Summarizer, SummaryRequest};
use highwater::{Highwater, Notices, Told};
use highwater_protocol::message::Notice;
use highwater_protocol::{Kind, Seq, TokenCount};
use highwater_tests::acks::{Ack, Deed};
use highwater_tests::dice::Dice;
use highwater_tests::world::{self, Environment};
use highwater_tests::{generate, host};
use tokio::sync::watch;

use crate::say;

const SESSIONS: [&str; 4] = ["a", "b", "c", "d"];

/// A summary is finished when so much more was acknowledged: the process dies beside passes as well as between them.
const BESIDE: u64 = 24;

/// How much was acknowledged.
static ACKNOWLEDGED: LazyLock<watch::Sender<u64>> = LazyLock::new(watch::Sender::default);

/// Takes its time, by what happens beside it.
struct Beside;

#[async_trait]
impl Summarizer for Beside {
    fn name(&self) -> &str {
        Extractive.name()
    }

    fn window(&self) -> TokenCount {
        Extractive.window()
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        let mut told = ACKNOWLEDGED.subscribe();
        let until = *told.borrow() + BESIDE;
        told.wait_for(|told| *told >= until).await.expect("it is never dropped");
        Extractive.summarize(request).await
    }
}

/// Runs until it is killed or nobody listens any more.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(dir: &Path, seed: u64) {
    let house = world::house(world::redb(dir), Environment::Threaded, Beside).await;
    let mut sessions = tokio::task::JoinSet::new();
    for (at, name) in (1..).zip(SESSIONS) {
        sessions.spawn(live(house.clone(), name, seed.wrapping_mul(31).wrapping_add(at)));
    }
    sessions.join_next().await;
}

fn acknowledged(session: &str, deed: Deed) -> bool {
    ACKNOWLEDGED.send_modify(|told| *told += 1);
    say(&Ack { session: session.to_owned(), deed }.line())
}

async fn live(house: Highwater, name: &'static str, seed: u64) {
    let session = house.open(world::named(name), world::automatic()).await;
    let session = session.expect("the session opens");
    tokio::spawn(listen(name, session.notices()));
    let mut dice = Dice::new(seed);
    let mut next = session.status().await.expect("the session answers").head.0 + 1;
    loop {
        let many = dice.within(1, 3);
        let entries = (next..next + many).map(generate::numbered).collect();
        let receipts = session.append(entries).await.expect("the append is stored");
        for receipt in receipts {
            let id = receipt.id.as_str().to_owned();
            if !acknowledged(name, Deed::Appended(receipt.seq.0, id)) {
                return;
            }
        }
        next += many;
        if dice.percent(50) {
            let context = host::context(&session).await;
            acknowledged(name, Deed::answered(&context));
        }
        if dice.below(16) == 0 {
            let to = (next - 1).saturating_sub(dice.within(1, 9));
            match session.rewind(Seq(to)).await {
                Ok(true) => drop(acknowledged(name, Deed::Rewound(to))),
                Ok(false) => {}
                // That entry was taken off before.
                Err(error) => assert_eq!(error.kind(), Kind::Invalid, "{error}"),
            }
        }
    }
}

async fn listen(name: &'static str, mut notices: Notices) {
    while let Some(told) = notices.next().await {
        if let Told::Notice(Notice::Spliced { pass, .. }) = told {
            acknowledged(name, Deed::Spliced(pass.0));
        }
    }
}
