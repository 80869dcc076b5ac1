//! Memory in bytes (L5): sessions that are idle, or whose room others need, end and come back, and nobody notices but the
//! gauges.

use std::sync::Arc;
use std::time::Duration;

use highwater::Highwater;
use highwater::env::{Inline, RuntimeClock};
use highwater_protocol::{Entry, EntryId, Seq, SeqRange, Timestamp};
use highwater_storage::{Fault, FaultyStore, MemoryStore};
use highwater_tests::generate;
use highwater_tests::host::Host;
use highwater_tests::world::{self, Environment};

const IDLE: Duration = Duration::from_mins(1);

async fn small(budget: u64, environment: Environment) -> Highwater {
    let builder = Highwater::builder(MemoryStore::new())
        .summarizer(world::gist(1))
        .resident_bytes(budget)
        .passivate_after(IDLE);
    let builder = match environment {
        Environment::Inline => {
            builder.executor(Inline).clock(RuntimeClock::starting_at(Timestamp(1_000_000)))
        }
        Environment::Threaded => builder,
    };
    builder.start().await.expect("a house")
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_ends_and_comes_back_with_the_next_call() {
    let house = small(u64::MAX, Environment::Inline).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    let mut notices = host.session.notices();
    host.append("u1: one\na2: two\nu3: three").await;
    host.context().await;
    assert_eq!(house.gauges().live_sessions, 1);
    tokio::time::sleep(IDLE / 2).await;
    host.append("u4: four").await;
    tokio::time::sleep(IDLE * 3 / 4).await;
    assert_eq!(house.gauges().live_sessions, 1, "it was used in between");
    tokio::time::sleep(IDLE * 2).await;
    let gauges = house.gauges();
    assert_eq!((gauges.live_sessions, gauges.passivations), (0, 1), "{gauges:?}");
    assert_eq!(gauges.resident_bytes, 0);
    host.append("a5: five").await;
    host.context().await;
    let gauges = house.gauges();
    assert_eq!((gauges.live_sessions, gauges.activations), (1, 2), "{gauges:?}");
    assert!(notices.try_next().is_none(), "nobody is told, since nothing happened");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn each_life_of_an_idle_session_may_store_one_batch() {
    let house = small(u64::MAX, Environment::Inline).await;
    let host = Host::open(&house, "s", world::by_wish()).await;
    for number in 1..=4 {
        let id = EntryId::parse(&format!("e{number}")).expect("a legal id");
        let entry = Entry::user(id, "the same words").expect("a small entry");
        let stored = host.session.append(vec![Arc::new(entry)]).await.expect("it is stored");
        assert_eq!(stored[0].seq.0, number);
        // A timer that finds the session used once looks again a whole interval later.
        tokio::time::sleep(IDLE * 3).await;
        assert_eq!(house.gauges().passivations, number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_pass_in_flight_is_not_idle() {
    let house = Highwater::builder(MemoryStore::new())
        .summarizer(world::gist(600))
        .executor(Inline)
        .clock(RuntimeClock::starting_at(Timestamp(1_000_000)))
        .passivate_after(IDLE)
        .start()
        .await
        .expect("a house");
    let mut host = Host::open(&house, "s", world::automatic()).await;
    for n in 1..=12 {
        host.append(&format!("u{n}: so many words ~200")).await;
        host.context().await;
    }
    tokio::time::sleep(IDLE * 5).await;
    assert_eq!(house.gauges().passivations, 0, "its pass runs");
    tokio::time::sleep(IDLE * 10).await;
    assert_eq!(house.gauges().passivations, 1, "its pass has ended");
    assert!(host.covered().await.is_some(), "the summary is there");
}

#[tokio::test(start_paused = true)]
async fn sessions_that_were_used_longest_ago_make_room_for_others() {
    let house = small(400_000, Environment::Inline).await;
    let mut hosts = Vec::new();
    for number in 0..40 {
        let mut host = Host::open(&house, &format!("s{number}"), world::by_wish()).await;
        for n in 1..=6 {
            host.append(&format!("u{n}: so many words ~250")).await;
        }
        host.context().await;
        hosts.push(host);
        let gauges = house.gauges();
        assert!(gauges.resident_bytes <= gauges.budget_bytes, "{gauges:?}");
    }
    let gauges = house.gauges();
    assert!(gauges.passivations > 10 && gauges.live_sessions < 30, "{gauges:?}");
    // The last ones are those that are there still.
    let before = house.gauges().activations;
    for host in hosts.iter_mut().rev().take(3) {
        host.append("u7: seven").await;
    }
    assert_eq!(house.gauges().activations, before);
    for host in &mut hosts[..3] {
        host.append("u7: seven").await;
        host.context().await;
        host.require_whole_history().await;
    }
    assert_eq!(house.gauges().activations, before + 3);
}

#[tokio::test]
async fn calls_from_many_tasks_meet_ends_and_beginnings_and_none_is_lost() {
    // So little room that each step of one session has another give up.
    let house = small(1, Environment::Threaded).await;
    let mut tasks = Vec::new();
    for task in 0..8_u64 {
        let house = house.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..60_u64 {
                let name = format!("s{}", (task + round) % 4);
                let session = house.open(world::named(&name), world::by_wish()).await;
                let session = session.expect("it opens");
                let entry = generate::numbered(1 + task * 1_000 + round);
                let stored = session.append(vec![entry.clone()]).await.expect("it is stored");
                assert!(!stored[0].known, "each entry is appended once");
                let again = session.append(vec![entry]).await.expect("it is known");
                assert!(again[0].known && again[0].seq == stored[0].seq);
            }
        }));
    }
    for task in tasks {
        task.await.expect("no task fails");
    }
    let gauges = house.gauges();
    // How many is a matter of how the threads fall; in paused time others of these tests say.
    assert!(gauges.passivations > 0, "{gauges:?}");
    let mut entries = 0;
    for number in 0..4 {
        let name = world::named(&format!("s{number}"));
        let session = house.open(name, world::by_wish()).await.expect("it opens");
        entries += session.status().await.expect("an answer").head.0;
    }
    assert_eq!(entries, 8 * 60);
    house.close().await.expect("it closes");
}

#[tokio::test(start_paused = true)]
async fn opening_one_session_from_many_places_yields_one_actor() {
    let house = small(u64::MAX, Environment::Inline).await;
    let opened: Vec<_> = (0..20)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move { house.open(world::named("s"), world::by_wish()).await })
        })
        .collect();
    for handle in opened {
        let session = handle.await.expect("no task fails").expect("it opens");
        assert_eq!(session.status().await.expect("an answer").head, Seq::ZERO);
    }
    assert_eq!(house.gauges().activations, 1);
}

#[tokio::test(start_paused = true)]
async fn upkeep_that_fails_costs_nothing_and_is_tried_again() {
    let faults = (1..=3).map(|nth| Fault::WriteBusy { nth });
    let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new()), faults));
    let shared = world::Shared(store);
    let house = world::house(shared, Environment::Inline, world::gist(1)).await;
    let mut host = Host::open(&house, "s", world::automatic()).await;
    for n in 1..=400 {
        host.append(&format!("u{n}: so many words ~400")).await;
        host.context().await;
    }
    host.session.close().await.expect("it closes");
    host.require_whole_history().await;
    let before = house.gauges().page_reads;
    host.append("u401: one more").await;
    assert!(house.gauges().page_reads - before < 20, "it starts at an anchor");
    host.context().await;
}

#[tokio::test(start_paused = true)]
async fn sessions_that_have_ended_leave_no_task_and_no_timer_behind() {
    let house = small(1, Environment::Inline).await;
    let visited = async |rounds: u64| {
        for round in 0..rounds {
            let name = world::named(&format!("s{}", round % 20));
            let session = house.open(name, world::by_wish()).await.expect("it opens");
            session.append(vec![generate::numbered(round)]).await.expect("it is stored");
            tokio::task::yield_now().await;
        }
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    };
    let few = visited(100).await;
    let many = visited(1_000).await;
    assert!(house.gauges().passivations > 500, "{:?}", house.gauges());
    assert!(many <= few + 40, "{few} tasks after some visits, {many} after many");
}

#[tokio::test(start_paused = true)]
async fn many_short_lives_are_never_folded_from_the_beginning() {
    let house = small(u64::MAX, Environment::Inline).await;
    let mut host = Host::open(&house, "s", world::automatic()).await;
    let mut reads = Vec::new();
    for life in 0..60 {
        for n in 1..=4 {
            host.append(&format!("u{}: so many words ~400", life * 4 + n)).await;
            host.context().await;
        }
        tokio::time::sleep(IDLE * 3).await;
        assert_eq!(house.gauges().live_sessions, 0);
        let before = house.gauges().page_reads;
        host.context().await;
        reads.push(house.gauges().page_reads - before);
        tokio::time::sleep(IDLE * 3).await;
    }
    let history = house.history(world::named("s"));
    let all = SeqRange::new(Seq(1), Seq(1_000));
    assert_eq!(history.count(all).await.expect("an answer"), 60 * 4, "nothing was lost on the way");
    assert!(reads.iter().all(|reads| *reads <= 8), "{reads:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pass_in_flight_above_the_budget_is_waited_for_without_a_storm() {
    let house = Highwater::builder(MemoryStore::new())
        .summarizer(world::gist(50))
        .executor(Inline)
        .clock(RuntimeClock::starting_at(Timestamp(1_000_000)))
        .resident_bytes(1)
        .start()
        .await
        .expect("a house");
    let mut host = Host::open(&house, "s", world::automatic()).await;
    for n in 1..=12 {
        host.append(&format!("u{n}: so many words ~200")).await;
        host.context().await;
    }
    let status = host.session.status().await.expect("an answer");
    let pass = status.pass.expect("a pass is in flight").pass;
    let outcome = host.session.settled(pass).await.expect("it ends");
    assert_eq!(outcome, highwater_protocol::Outcome::Spliced);
    assert!(house.gauges().evictions > 0, "{:?}", house.gauges());
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn closing_a_session_that_is_idle_is_followed_by_calls_like_any_other() {
    let house = small(u64::MAX, Environment::Inline).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    for n in 1..=50 {
        tokio::time::sleep(IDLE * 3).await;
        host.session.close().await.expect("it closes");
        host.append(&format!("u{n}: more")).await;
    }
    host.require_whole_history().await;
}
