//! The gate as a host sees it: turns never wait behind compaction (G2), and nothing leaks a slot (G1).

use std::time::Duration;

use highwater_protocol::limit::Class;
use highwater_tests::host::Host;
use highwater_tests::world;
use tokio::time::{Instant, timeout};

#[tokio::test(start_paused = true)]
async fn a_turn_never_waits_behind_compaction() {
    let (house, mut host) = Host::alone(world::gist(500), world::by_wish()).await;
    let mut other = Host::open(&house, "other", world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    other.chat("fill", 20, 60).await;
    let passes = (host.compact(None).await, other.compact(None).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = house.gate().status().await.expect("it answers");
    assert_eq!((status.compactions, status.waiting_compactions), (1, 1), "both want a slot");
    for _ in 0..50 {
        let asked = Instant::now();
        let permit = house.gate().acquire(Class::Turn).await.expect("a permit");
        assert_eq!(asked.elapsed(), Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(permit);
    }
    host.settled(passes.0).await;
    other.settled(passes.1).await;
    let status = house.gate().status().await.expect("it answers");
    assert_eq!((status.turns, status.compactions), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn permits_never_exceed_the_slots() {
    let house = world::in_memory(world::gist(1)).await;
    let gate = house.gate();
    let one = gate.acquire(Class::Turn).await.expect("a permit");
    let two = gate.acquire(Class::Turn).await.expect("a permit");
    let third = timeout(Duration::from_mins(1), gate.acquire(Class::Turn)).await;
    assert!(third.is_err(), "two slots, three wishes");
    drop(one);
    let third = gate.acquire(Class::Turn).await.expect("a permit");
    assert_eq!(third.class(), Class::Turn);
    assert_eq!(gate.status().await.expect("it answers").turns, 2);
    drop((two, third));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_wish_that_is_dropped_leaks_no_slot() {
    let house = world::in_memory(world::gist(1)).await;
    let gate = house.gate();
    for class in [Class::Turn, Class::Compaction] {
        for round in 0..20 {
            let held = gate.acquire(Class::Turn).await.expect("a permit");
            let also_held = gate.acquire(Class::Turn).await.expect("a permit");
            let wish = timeout(Duration::from_secs(1), gate.acquire(class)).await;
            assert!(wish.is_err(), "round {round}: nothing is free");
            drop((held, also_held));
        }
    }
    let all = [Class::Turn, Class::Compaction];
    let mut permits = Vec::new();
    for class in all {
        let permit = timeout(Duration::from_secs(1), gate.acquire(class)).await;
        permits.push(permit.expect("the slots are free").expect("a permit"));
    }
    drop(permits);
    let status = gate.status().await.expect("it answers");
    assert_eq!((status.turns, status.compactions), (0, 0));
    assert_eq!((status.waiting_turns, status.waiting_compactions), (0, 0));
}
