//! Many sessions that are opened at once: few commits, a few readings at a time, and none fails for another's fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Error, Format, Kind, LogPos, SessionId, TokenCount};
use highwater_storage::{Access, MemoryStore, Shared, Store, StoreError};

use super::super::opening::{OPENED_AT_ONCE, READ_AT_ONCE};
use super::{Kept, Unwell};
use crate::{Highwater, SessionHandle};

async fn opened(house: &Highwater, count: usize) -> Vec<Result<SessionHandle, Error>> {
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let opens = (0..count).map(|number| {
        let (house, name) = (house.clone(), SessionId::parse(&format!("s{number}")));
        tokio::spawn(async move { house.open(name.expect("a legal name"), config).await })
    });
    let opens: Vec<_> = opens.collect();
    let mut handles = Vec::new();
    for open in opens {
        handles.push(open.await.expect("it does not panic"));
    }
    handles
}

#[tokio::test]
async fn a_few_sessions_are_read_at_once_however_many_are_wanted() {
    let kept = Kept::default();
    let builder = Highwater::builder(MemoryStore::new()).executor(kept.clone());
    let house = builder.start().await.expect("a house");
    let opens = tokio::spawn(async move { opened(&house, 100).await });
    let mut most = 0;
    while !opens.is_finished() {
        most = most.max(kept.work().await);
    }
    assert_eq!(most, READ_AT_ONCE);
    assert!(opens.await.expect("it does not panic").iter().all(Result::is_ok));
}

#[tokio::test]
async fn those_that_wait_are_opened_in_one_commit() {
    let (kept, store) = (Kept::default(), Arc::new(MemoryStore::new()));
    let builder = Highwater::builder(Shared(Arc::clone(&store))).executor(kept.clone());
    let house = builder.start().await.expect("a house");
    let opens = tokio::spawn(async move { opened(&house, OPENED_AT_ONCE + 10).await });
    while !opens.is_finished() {
        kept.work().await;
    }
    assert!(opens.await.expect("it does not panic").iter().all(Result::is_ok));
    // The first one, those that came while it was opened, and those beyond what one commit takes.
    let commits = store.usage().expect("it is known").commits;
    assert!((2..=3).contains(&commits), "{commits}");
}

#[tokio::test]
async fn one_that_cannot_be_opened_fails_alone() {
    let kept = Kept::default();
    let openings = AtomicUsize::new(0);
    // The first opening is of one alone. The others are 19: of their halves of 10, 5, 3, 2 and 1 the first has the bad one.
    let store = Unwell(MemoryStore::new(), move |access| {
        if access != Access::Open || !(1..=6).contains(&openings.fetch_add(1, Ordering::Relaxed)) {
            return Ok(());
        }
        let session = SessionId::parse("s1").expect("a legal name");
        let (at, until, why) = (LogPos(0), LogPos(1), "burnt".to_owned());
        Err(StoreError::Damaged { session, at, until, why })
    });
    let house = Highwater::builder(store).executor(kept.clone()).start().await.expect("a house");
    let opens = tokio::spawn(async move { opened(&house, 20).await });
    while !opens.is_finished() {
        kept.work().await;
    }
    let opened = opens.await.expect("it does not panic");
    let failed: Vec<_> = opened.iter().filter_map(|open| open.as_ref().err()).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].kind(), Kind::Corrupt);
}

#[tokio::test]
async fn work_that_is_dropped_before_it_ran_fails_those_who_wait_for_it_and_hangs_nobody() {
    // First goes the raising of epochs, then the readings.
    for done_before in [0, 1] {
        let kept = Kept::default();
        let builder = Highwater::builder(MemoryStore::new()).executor(kept.clone());
        let house = builder.start().await.expect("a house");
        let open = || {
            let house = house.clone();
            tokio::spawn(async move { opened(&house, READ_AT_ONCE).await })
        };
        let refused = open();
        // The first of them is raised alone.
        for _ in 0..2 * done_before {
            kept.work().await;
        }
        kept.refuse().await;
        for _ in 0..10 {
            kept.work().await;
        }
        assert!(refused.is_finished(), "somebody waits for work that is gone");
        let refused = refused.await.expect("it does not panic");
        let errors: Vec<_> = refused.iter().filter_map(|open| open.as_ref().err()).collect();
        assert!(!errors.is_empty() && errors.iter().all(|error| error.kind() == Kind::Retry));
        let again = open();
        for _ in 0..10 {
            kept.work().await;
        }
        assert!(again.is_finished(), "what was refused is in the way of others");
        assert!(again.await.expect("it does not panic").iter().all(Result::is_ok));
    }
}
