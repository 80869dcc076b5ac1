//! How permits and wishes end: dropped, finished, with their holder, by their lease, with the gate.

use std::time::Duration;

use highwater_protocol::limit::{
    Amounts, ByClass, Class, ClassKind, Ending, Limits, Quantity, Rate, Report,
};
use highwater_protocol::{Error, Kind};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use super::{gate, turn};
use crate::gate::{Errand, Gate, Permit, PermitRequest, Pressure};

/// An actor that does nothing.
pub(super) struct Idle;

impl Actor for Idle {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// An actor that reports how a call went, and ends at once.
struct Reporting;

impl Actor for Reporting {
    type Msg = (Permit, Report);
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
        (permit, report): Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        permit.finish(report);
        myself.stop(None);
        Ok(())
    }
}

async fn idle() -> ActorRef<()> {
    Actor::spawn(None, Idle, ()).await.expect("it starts").0
}

async fn turns(gate: &Gate) -> u32 {
    gate.status_of("acme").await.expect("it answers").held().of(ClassKind::Turn)
}

#[tokio::test(start_paused = true)]
async fn the_permits_and_wishes_of_a_holder_that_is_killed_end_with_it() {
    let gate = gate(Limits::slots(2)).await;
    let holder = idle().await;
    let of_holder = || PermitRequest { holder: Some(holder.get_cell()), ..turn() };
    let held = gate.acquire(of_holder()).await.expect("a permit");
    // Its guard lives on in somebody else's hands.
    let other = gate.acquire(turn()).await.expect("a permit");
    let waiting = tokio::spawn({
        let (gate, wish) = (gate.clone(), of_holder());
        async move { gate.acquire(wish).await }
    });
    yield_now().await;
    holder.kill();
    let denied = waiting.await.expect("no panic").map(drop);
    assert_eq!(denied.map_err(|error: Error| error.kind()), Err(Kind::Closed));
    assert_eq!(turns(&gate).await, 1, "the other one's");
    assert_eq!(gate.status_of("acme").await.expect("it answers").tally.lost, 1);
    drop(held);
    assert_eq!(turns(&gate).await, 1, "what has ended ends once");
    let third = timeout(Duration::from_secs(1), gate.acquire(turn())).await;
    third.expect("there is a slot").expect("a permit");
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn what_a_holder_reported_before_it_ended_counts() {
    let rate = Rate::per_minute(1_000);
    let gate = gate(Limits::slots(2).with(Quantity::InputTokens, rate)).await;
    let (holder, end) = Actor::spawn(None, Reporting, ()).await.expect("it starts");
    let amounts = Amounts::new(900, 0);
    let wish = PermitRequest { holder: Some(holder.get_cell()), amounts, ..turn() };
    let permit = gate.acquire(wish).await.expect("a permit");
    let report = Report::answered(Amounts::new(100, 0));
    holder.cast((permit, report)).expect("it is there");
    end.await.expect("it ends");
    let status = gate.status_of("acme").await.expect("it answers");
    assert_eq!((status.tally.lost, status.keys[0].rates[0].left), (0, 800));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_gone_before_it_asks_gets_nothing_that_stays() {
    let gate = gate(Limits::slots(1)).await;
    let holder = idle().await;
    holder.stop_and_wait(None, None).await.expect("it stops");
    let late = PermitRequest { holder: Some(holder.get_cell()), ..turn() };
    gate.acquire(late).await.expect_err("nobody is there to hold it");
    assert_eq!(turns(&gate).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_nobody_took_costs_nothing() {
    let rate = Rate::per_minute(1).burst(2);
    let gate = gate(Limits::slots(9).with(Quantity::Requests, rate)).await;
    let holder = idle().await;
    for _ in 0..50 {
        // Granted, and dropped before it is looked at.
        let watched = PermitRequest { holder: Some(holder.get_cell()), ..turn() };
        let mut wish = Box::pin(gate.acquire(watched));
        let first = futures_poll(&mut wish).await;
        assert!(first.is_none(), "the gate has not answered yet");
        sleep(Duration::from_millis(1)).await;
        drop(wish);
    }
    for _ in 0..2 {
        timeout(Duration::from_secs(1), gate.acquire(turn()))
            .await
            .expect("both are there")
            .expect("a permit");
    }
}

#[tokio::test(start_paused = true)]
async fn who_finds_nobody_waiting_is_granted_at_once_and_who_waits_is_told_when_it_ends() {
    let gate = gate(Limits::slots(1)).await;
    let mut wish = Box::pin(gate.acquire(turn()));
    let permit = futures_poll(&mut wish).await.expect("at once").expect("a permit");
    let mut next = Box::pin(gate.acquire(turn()));
    assert!(futures_poll(&mut next).await.is_none(), "the slot is taken");
    assert_eq!(turns(&gate).await, 1);
    permit.finish(Report::of(Ending::Answered));
    let next = timeout(Duration::from_secs(1), next).await.expect("it is told");
    assert_eq!(next.expect("a permit").waited(), Duration::ZERO);
    assert_eq!(turns(&gate).await, 0);
    assert!(gate.close(Duration::from_secs(1)).await);
    let refused = futures_poll(&mut Box::pin(gate.acquire(turn()))).await.expect("at once");
    assert_eq!(refused.map(drop).map_err(|error| error.kind()), Err(Kind::Closed));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_call_that_tells_that_there_will_be_none_is_told_at_once() {
    let gate = gate(Limits::slots(1)).await;
    let permit = gate.acquire(turn()).await.expect("a permit");
    let mut waits = Box::pin(gate.acquire(turn()));
    assert!(futures_poll(&mut waits).await.is_none(), "the slot is taken");
    yield_now().await;
    permit.finish(Report::of(Ending::Spent));
    let denied = timeout(Duration::from_secs(1), waits).await.expect("nothing is waited for");
    assert_eq!(denied.map(drop).map_err(|error| error.kind()), Err(Kind::Retry));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_a_refusal_a_wish_or_the_end_that_is_on_its_way() {
    let gate = gate(Limits::slots(2)).await;
    let _calls = gate.follow("acme").await.expect("the account is known");
    let permit = gate.acquire(turn()).await.expect("a permit");
    let pause = Some(Duration::from_secs(30));
    permit.finish(Report::of(Ending::RateLimited { retry_after: pause }));
    let mut next = Box::pin(gate.acquire(turn()));
    assert!(futures_poll(&mut next).await.is_none(), "G4: the refusal is not known yet");
    let began = Instant::now();
    next.await.expect("a permit");
    assert!(began.elapsed() >= Duration::from_secs(30), "{:?}", began.elapsed());
    let closing = gate.close(Duration::from_secs(1));
    let late = async { gate.acquire(turn()).await.map(drop).map_err(|error| error.kind()) };
    let (ended, late) = tokio::join!(closing, late);
    assert_eq!((ended, late), (true, Err(Kind::Closed)));
}

/// Polls once.
async fn futures_poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_lease_lasts_as_long_as_it_is_renewed() {
    let gate = gate(Limits::slots(1)).await;
    let ten = Duration::from_secs(10);
    let lease = gate.lease(turn(), ten).await.expect("a lease");
    for _ in 0..5 {
        sleep(Duration::from_secs(9)).await;
        gate.renew(&lease, ten).await.expect("it is held");
    }
    let asked = Instant::now();
    let next = gate.acquire(turn()).await.expect("when the lease has run out");
    assert_eq!(asked.elapsed(), ten);
    let error = gate.renew(&lease, ten).await.expect_err("it has run out");
    assert_eq!(error.kind(), Kind::NotFound);
    gate.release(&lease, Report::of(Ending::Answered)).expect("without effect");
    assert_eq!(turns(&gate).await, 1);
    drop(next);
    let lease = gate.lease(turn(), ten).await.expect("a lease");
    gate.release(&lease, Report::of(Ending::Answered)).expect("the gate is there");
    assert_eq!(turns(&gate).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_closes_waits_for_calls_and_tells_who_waits() {
    let gate = gate(Limits::slots(1)).await;
    let held = gate.acquire(turn()).await.expect("a permit");
    let waiting = tokio::spawn({
        let gate = gate.clone();
        async move { gate.acquire(turn()).await.map(drop) }
    });
    yield_now().await;
    let call = tokio::spawn(async move {
        sleep(Duration::from_secs(4)).await;
        held.finish(Report::of(Ending::Answered));
    });
    let began = Instant::now();
    assert!(gate.close(Duration::from_secs(10)).await, "the call ended in time");
    assert_eq!(began.elapsed(), Duration::from_secs(4));
    call.await.expect("no panic");
    let denied = waiting.await.expect("no panic").expect_err("it was told");
    assert_eq!(denied.kind(), Kind::Closed);
    assert_eq!(gate.acquire(turn()).await.expect_err("it is closed").kind(), Kind::Closed);
    let late = gate.register("late", Limits::slots(1), std::collections::BTreeMap::new()).await;
    assert_eq!(late.expect_err("it is closed").kind(), Kind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_closes_does_not_wait_for_ever() {
    let gate = gate(Limits::slots(1)).await;
    let held: Permit = gate.acquire(turn()).await.expect("a permit");
    let began = Instant::now();
    assert!(!gate.close(Duration::from_secs(10)).await);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_becomes_urgent_while_it_waits_goes_ahead() {
    let gate = gate(Limits::slots(1)).await;
    let held = gate.acquire(turn()).await.expect("a permit");
    let mut senders = Vec::new();
    let mut passes = Vec::new();
    for _ in 0..3 {
        let (press, pressed) = tokio::sync::watch::channel(Pressure { fill: 10, hurried: false });
        let errand = Errand::of_pass(gate.clone(), pressed, None);
        senders.push(press);
        let key = turn().key;
        passes.push(tokio::spawn(async move { errand.permit(key, Amounts::default()).await }));
        yield_now().await;
    }
    senders[2].send_replace(Pressure { fill: 90, hurried: false });
    sleep(Duration::from_millis(1)).await;
    drop(held);
    let permit = passes.remove(2).await.expect("no panic").expect("a permit");
    assert_eq!(permit.class(), Class::Compaction { fill: 90 });
    let held = gate.status_of("acme").await.expect("it answers").held();
    let mut one = ByClass::default();
    *one.of_mut(ClassKind::Compaction) = 1;
    assert_eq!(held, one);
}
