//! A hundred thousand grants to holders that finish, crash, hang, are killed, and go away: the slots are never exceeded,
//! and none is lost (G1).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use highwater_protocol::limit::{Amounts, ByClass, Class, Ending, Key, Limits, Report};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::{sleep, timeout};

use super::gate;
use crate::env::Draws;
use crate::gate::{Gate, Permit, PermitRequest};

const GRANTS: u64 = 100_000;
const HOLDERS: u64 = 60;
const SLOTS: u32 = 7;

/// Calls under way at the provider, counted by those who make them.
#[derive(Clone, Default)]
struct Provider {
    calls: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
    granted: Arc<AtomicU64>,
}

/// A call under way. It ends when it is dropped, which is before its permit goes back.
struct Call(Provider);

impl Provider {
    fn call(&self) -> Call {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(calls, Ordering::Relaxed);
        self.granted.fetch_add(1, Ordering::Relaxed);
        Call(self.clone())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a holder does with its permit.
#[derive(Debug)]
enum Deed {
    Finish(u64),
    Crash(u64),
    /// Its permit is in a place that nobody ever drops.
    Leak(u64),
    Hang,
}

/// Somebody who calls models, one at a time, for as long as it lives.
struct Holder(Gate, Provider);

impl Actor for Holder {
    type Msg = (PermitRequest, Deed);
    type State = ();
    type Arguments = ();

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        (): (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        (wish, deed): Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // A permit that always comes back by itself needs nobody to watch, and takes no detour where nobody waits.
        let is_sure = matches!(deed, Deed::Finish(_) | Deed::Crash(_));
        let holder = (!is_sure).then(|| myself.get_cell());
        let wish = PermitRequest { holder, ..wish };
        let permit: Permit = self.0.acquire(wish).await?;
        let call = self.1.call();
        match deed {
            Deed::Finish(millis) => {
                sleep(Duration::from_millis(millis)).await;
                drop(call);
                permit.finish(Report::of(Ending::Answered));
            }
            Deed::Crash(millis) => {
                sleep(Duration::from_millis(millis)).await;
                return Err("it crashes, and drops what it holds".into());
            }
            Deed::Leak(millis) => {
                sleep(Duration::from_millis(millis)).await;
                drop(call);
                std::mem::forget(permit);
                return Err("it crashes, and its permit is nowhere".into());
            }
            Deed::Hang => std::future::pending().await,
        }
        Ok(())
    }
}

fn class(draws: &mut Draws) -> Class {
    match draws.next() % 4 {
        0 => Class::Compaction { fill: u8::try_from(draws.next() % 101).expect("a percentage") },
        1 => Class::Background,
        _ => Class::Turn,
    }
}

/// One caller after another in one place, until there were enough grants.
async fn place(gate: Gate, provider: Provider, mut draws: Draws) {
    while provider.granted.load(Ordering::Relaxed) < GRANTS {
        let (holder, end) = Actor::spawn(None, Holder(gate.clone(), provider.clone()), ())
            .await
            .expect("it starts");
        let calls = draws.next() % 40;
        for _ in 0..calls {
            let wish = PermitRequest::new(Key::of("acme"), class(&mut draws), Amounts::default());
            let millis = draws.next() % 300;
            let deed = match draws.next() % 20 {
                0 => Deed::Crash(millis),
                1 => Deed::Hang,
                2 => Deed::Leak(millis),
                _ => Deed::Finish(millis),
            };
            // One that has crashed takes nothing any more.
            drop(holder.cast((wish, deed)));
        }
        // One that waits, or hangs, is killed sooner or later.
        let patience = Duration::from_millis(draws.next() % 30_000);
        if timeout(patience, holder.drain_and_wait(None)).await.is_err() {
            holder.kill();
        }
        drop(end.await);
        if draws.next().is_multiple_of(3) {
            let wish = PermitRequest::new(Key::of("acme"), class(&mut draws), Amounts::default());
            let impatient = Duration::from_millis(draws.next() % 50);
            drop(timeout(impatient, gate.acquire(wish)).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_never_exceed_the_slots_and_all_are_granted() {
    let gate = gate(Limits::slots(2)).await;
    let provider = Provider::default();
    let callers = (0..6).map(|_| {
        let (gate, provider) = (gate.clone(), provider.clone());
        tokio::spawn(async move {
            for number in 0..3_000 {
                let wish = PermitRequest::new(Key::of("acme"), Class::Turn, Amounts::default());
                let permit = gate.acquire(wish).await.expect("it waits for its turn");
                let call = provider.call();
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
                drop(call);
                permit.finish(Report::of(Ending::Answered));
            }
        })
    });
    // Whoever is forgotten waits for ever: far longer than all of it takes on any machine is a failure, and no hang.
    for caller in callers.collect::<Vec<_>>() {
        timeout(Duration::from_mins(1), caller)
            .await
            .expect("nobody is forgotten")
            .expect("no panic");
    }
    assert!(provider.most.load(Ordering::Relaxed) <= 2);
    // Ends that somebody waited for went by messages.
    let status = gate.status_of("acme").await.expect("it answers");
    assert_eq!((status.held(), status.waiting), (ByClass::default(), ByClass::default()));
    assert_eq!(status.tally.granted.iter().map(|(_, granted)| granted).sum::<u64>(), 18_000);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_grants_to_unruly_holders_leak_none() {
    let gate = gate(Limits::slots(SLOTS).reserve(30)).await;
    let provider = Provider::default();
    let mut draws = Draws::new(2_026);
    let places: Vec<_> = (0..HOLDERS)
        .map(|_| tokio::spawn(place(gate.clone(), provider.clone(), Draws::new(draws.next()))))
        .collect();
    for place in places {
        place.await.expect("no panic");
    }
    sleep(Duration::from_secs(1)).await;
    let status = gate.status_of("acme").await.expect("it answers");
    assert_eq!((status.held(), status.waiting), (ByClass::default(), ByClass::default()));
    let granted: u64 = status.tally.granted.iter().map(|(_, granted)| granted).sum();
    assert!(granted >= GRANTS, "{granted}");
    assert!(status.tally.lost > 1_000, "{} were lost with their holders", status.tally.lost);
    let most = provider.most.load(Ordering::Relaxed);
    assert_eq!(most, SLOTS, "they were all used, and no more");
}
