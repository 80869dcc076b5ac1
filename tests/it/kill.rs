//! A process killed in the middle of appends, contexts, splices and rewinds of several sessions: everything that it
//! acknowledged is there, once, in order (L1, L2, V5, P2). `HIGHWATER_KILLS` sets how often; it is 20 unless given.

mod ledger;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use highwater::Highwater;
use highwater_protocol::Seq;
use highwater_protocol::message::CompactReply;
use highwater_storage::Store;
use highwater_tests::dice::Dice;
use highwater_tests::host::{self, Host};
use highwater_tests::world::{self, Environment};
use highwater_tests::{generate, rules, stored};

use ledger::{Account, Totals};

/// A directory is given to so many processes, one after another.
const LIVES: u64 = 10;

fn kills() -> u64 {
    let wanted = std::env::var("HIGHWATER_KILLS").ok();
    wanted.map_or(20, |kills| kills.parse().expect("HIGHWATER_KILLS is a number"))
}

fn child(what: &str, dir: &Path, seed: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_kill_child"))
        .args([what, dir.to_str().expect("a path in UTF-8"), &seed.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts")
}

/// Kills a process when it has said so many bytes. Tells all that it said until its death.
fn killed_after(mut child: Child, bytes: usize) -> String {
    let mut said = vec![0; bytes];
    let mut out = child.stdout.take().expect("it is piped");
    out.read_exact(&mut said).expect("it lives until it is killed");
    child.kill().expect("it can be killed");
    out.read_to_end(&mut said).expect("the rest of what it said");
    let status = child.wait().expect("it ended");
    let panicked = status.code() == Some(101);
    assert!(!status.success() && !panicked, "it was killed, it did not end by itself: {status}");
    String::from_utf8(said).expect("text")
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_once_and_in_order() {
    let (mut dice, mut totals) = (Dice::new(0x5eed), Totals::default());
    while totals.kills < kills() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut accounts = BTreeMap::new();
        for _ in 0..LIVES.min(kills() - totals.kills) {
            totals.kills += 1;
            // Now and then it dies before it says anything.
            let bytes = if dice.below(8) == 0 { 0 } else { dice.below(9_000) };
            let child = child("load", dir.path(), dice.below(1 << 30));
            let bytes = usize::try_from(bytes).expect("a small number");
            ledger::read(&killed_after(child, bytes), &mut accounts, &mut totals);
            check(dir.path(), &mut accounts, &mut totals).await;
        }
    }
    println!("{totals:?}");
    let each = totals.kills.max(1);
    assert!(totals.appended > 20 * each && totals.answered > 5 * each, "{totals:?}");
    assert!(totals.spliced > each && totals.rewound > each, "{totals:?}");
    assert!(totals.unfinished > 0 && totals.same_bytes > 0, "{totals:?}");
}

/// Opens the store again, and requires everything that was acknowledged and that all sessions go on.
async fn check(dir: &Path, accounts: &mut BTreeMap<String, Account>, totals: &mut Totals) {
    let store = world::redb(dir);
    let known = store.sessions(None, 100).expect("the sessions are listed");
    let known: Vec<String> = known.iter().map(|info| info.session.as_str().to_owned()).collect();
    assert!(accounts.keys().all(|told| known.contains(told)), "{known:?}");
    let mut found = BTreeMap::new();
    for name in known {
        let account = accounts.entry(name.clone()).or_default();
        found.insert(name.clone(), ledger::keeps(account, &stored::log(&store, &name)));
    }
    drop(store);

    let house = world::house(world::redb(dir), Environment::Threaded, world::gist(0)).await;
    for (name, found) in &found {
        totals.same_bytes += u64::from(session_goes_on(&house, name, found, &accounts[name]).await);
    }
    house.close().await.expect("it closes");

    let store = world::redb(dir);
    for (name, found) in &found {
        let log = stored::log(&store, name);
        if let Some(pass) = found.unfinished {
            ledger::was_abandoned(&log, pass);
            totals.unfinished += 1;
        }
        ledger::keeps(&accounts[name], &log);
    }
}

/// Whether its context could be held against the last one of the process that was killed.
async fn session_goes_on(
    house: &Highwater,
    name: &str,
    found: &ledger::Found,
    account: &Account,
) -> bool {
    let mut host = Host::open(house, name, world::automatic()).await;
    host.entries = (1..=found.entries).map(generate::numbered).collect();
    host.require_whole_history().await;
    let context = host::context(&host.session).await;
    rules::hold(&context, &host.entries, &found.branch, world::budget().hard());
    let same = ledger::goes_on(account, &context);

    match host.session.compact(None, None).await.expect("the session answers") {
        CompactReply::Started(pass) | CompactReply::AlreadyRunning(pass) => {
            assert!(found.unfinished.is_none_or(|unfinished| pass.0 > unfinished));
            host.settled(pass).await;
        }
        CompactReply::NothingToDo => {}
    }
    let again = found.entries.saturating_sub(2).max(1)..=found.entries + 1;
    let receipts = host.give(again.clone().map(generate::numbered).collect()).await;
    for (receipt, number) in receipts.iter().zip(again) {
        let known = number <= found.entries;
        assert_eq!((receipt.seq, receipt.known), (Seq(number), known), "never twice, and on");
    }
    same
}

#[test]
fn a_process_killed_while_it_creates_or_opens_a_store_leaves_one_that_opens() {
    let (mut dice, mut told) = (Dice::new(0xb1a5), 0);
    for _ in 0..kills() {
        let dir = tempfile::tempdir().expect("a directory");
        let bytes = usize::try_from(dice.below(24)).expect("a small number");
        let said = killed_after(child("open", dir.path(), 0), bytes);
        let mut opened: BTreeMap<u64, u64> = BTreeMap::new();
        for number in said[..said.rfind('\n').map_or(0, |end| end)].lines() {
            *opened.entry(number.parse().expect("a number")).or_default() += 1;
            told += 1;
        }
        // The store behind the last one that was told is the one that may be half made.
        for number in 0..=opened.len() as u64 {
            let store = world::redb(&dir.path().join(number.to_string()));
            let epoch = stored::epoch(&store, "s");
            let times = opened.get(&number).copied().unwrap_or_default();
            assert!((times..=2).contains(&epoch), "{times} openings were told, {epoch} are there");
        }
    }
    println!("{told} openings were told");
    assert!(told > kills(), "{told}");
}
