//! A process for tests that need another one: to be killed under load, to hold a store, to run out of room.
//!
//! `kill_child WHAT DIR [SEED]`, where WHAT is a function below.

mod load;

use std::convert::Infallible;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use highwater::history::Order;
use highwater_protocol::{Seq, SeqRange};
use highwater_storage::{RedbOptions, RedbStore, Store, StoreError};
use highwater_tests::generate;
use highwater_tests::stored::{self, Writer};
use highwater_tests::world::{self, Environment};

fn main() {
    let mut args = std::env::args().skip(1);
    let what = args.next().expect("what to do");
    let dir = PathBuf::from(args.next().expect("the store's directory"));
    let seed = args.next().map_or(0, |seed| seed.parse().expect("a number"));
    match what.as_str() {
        "load" => load::run(&dir, seed),
        "open" => open(&dir),
        "hold" => hold(&dir),
        "fill" => fill(&dir),
        "house" => house(&dir),
        other => panic!("there is no {other:?}"),
    }
}

/// Where a child ends that is not refused: 40 MB.
const MANY: u64 = 2_000;

/// Says a line; false when nobody listens any more.
fn say(line: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Opens and closes stores, one after another, each twice, and says which of them were there.
fn open(dir: &Path) {
    for number in 0.. {
        let one = dir.join(number.to_string());
        for _ in 0..2 {
            let store = world::redb(&one);
            store.open_session(&world::named("s")).expect("it opens");
            drop(store);
            if !say(&number.to_string()) {
                return;
            }
        }
    }
}

/// Holds a store open until its standard input ends.
fn hold(dir: &Path) {
    let store = world::redb(dir);
    say("open");
    let ended = std::io::stdin().read_to_end(&mut Vec::new());
    drop(store);
    ended.expect("the input ends");
}

/// Appends until it is refused, says each number that was stored, and then why there are no more.
fn fill(dir: &Path) {
    let Err(error) = filled(dir);
    say(&format!("refused {error}"));
}

fn filled(dir: &Path) -> Result<Infallible, StoreError> {
    let store = RedbStore::open(dir, RedbOptions::default())?;
    let mut writer = Writer::open(&store, "s")?;
    for number in writer.head() + 1..MANY {
        writer.append(&store, vec![stored::appended(number, generate::long(number))])?;
        say(&number.to_string());
    }
    Err(StoreError::Invalid(format!("nobody refuses {MANY} entries")))
}

/// The same through a session of a house; then asks once more for everything, and says what came of it.
#[tokio::main(flavor = "current_thread")]
async fn house(dir: &Path) {
    let house = world::house(world::redb(dir), Environment::Threaded, world::gist(0)).await;
    let session = house.open(world::named("s"), world::by_wish()).await.expect("it opens");
    let mut stored = 0;
    let refused = loop {
        match session.append(vec![generate::long(stored + 1)]).await {
            Ok(receipts) => stored = receipts[0].seq.0,
            Err(error) => break error,
        }
        say(&stored.to_string());
        assert!(stored < MANY, "nobody refuses {MANY} entries");
    };
    say(&format!("refused {:?} {refused}", refused.kind()));
    let again = session.append(vec![generate::long(stored + 1)]).await;
    say(&format!("again {}", again.expect_err("writers are refused")));
    let all = SeqRange::inclusive(Seq(1), Seq(stored));
    match session.history().page(all, Order::OldestFirst, 1).await {
        Ok(page) => say(&format!("reads entry {}", page.entries[0].0.0)),
        Err(error) => say(&format!("reads {error}")),
    };
}
