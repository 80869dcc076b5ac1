//! The gate as a host sees it: turns never wait behind compaction (G2), and nothing leaks a slot (G1).

use std::time::Duration;

use highwater::{HOUSE, PermitRequest};
use highwater_protocol::limit::{Amounts, ByClass, Class, ClassKind, Key};
use highwater_tests::host::Host;
use highwater_tests::world;
use tokio::time::{Instant, timeout};

fn wish(class: Class) -> PermitRequest {
    PermitRequest::new(Key::of(HOUSE), class, Amounts::default())
}

#[tokio::test(start_paused = true)]
async fn a_turn_never_waits_behind_compaction() {
    let (house, mut host) = Host::alone(world::gist(500), world::by_wish()).await;
    let mut other = Host::open(&house, "other", world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    other.chat("fill", 20, 60).await;
    let passes = (host.compact(None).await, other.compact(None).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = world::gate(&house).await;
    let compaction = ClassKind::Compaction;
    let both = (status.held().of(compaction), status.waiting.of(compaction));
    assert_eq!(both, (1, 1), "both want a slot");
    for _ in 0..50 {
        let asked = Instant::now();
        let permit = world::turn(&house).await;
        assert_eq!(asked.elapsed(), Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(permit);
    }
    host.settled(passes.0).await;
    other.settled(passes.1).await;
    assert_eq!(world::gate(&house).await.held(), ByClass::default());
}

#[tokio::test(start_paused = true)]
async fn permits_never_exceed_the_slots() {
    let house = world::in_memory(world::gist(1)).await;
    let one = world::turn(&house).await;
    let two = world::turn(&house).await;
    let third = timeout(Duration::from_mins(1), house.gate().acquire(wish(Class::Turn))).await;
    assert!(third.is_err(), "two slots, three wishes");
    drop(one);
    let third = world::turn(&house).await;
    assert_eq!(third.class(), Class::Turn);
    assert_eq!(world::gate(&house).await.held().of(ClassKind::Turn), 2);
    drop((two, third));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_wish_that_is_dropped_leaks_no_slot() {
    let house = world::in_memory(world::gist(1)).await;
    for class in [Class::Turn, Class::Compaction { fill: 50 }, Class::Background] {
        for round in 0..20 {
            let held = world::turn(&house).await;
            let also_held = world::turn(&house).await;
            let waiting = timeout(Duration::from_secs(1), house.gate().acquire(wish(class))).await;
            assert!(waiting.is_err(), "round {round}: nothing is free");
            drop((held, also_held));
        }
    }
    for class in [Class::Turn, Class::Background] {
        let permit = timeout(Duration::from_secs(1), house.gate().acquire(wish(class))).await;
        permit.expect("the slots are free").expect("a permit");
    }
    let status = world::gate(&house).await;
    assert_eq!((status.held(), status.waiting), Default::default());
}
