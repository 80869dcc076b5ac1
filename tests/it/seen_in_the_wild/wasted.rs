//! Appends and contexts beside a pass never waste it, however many there are.

use std::time::Duration;

use highwater::summarize::Scripted;
use highwater_protocol::message::Notice;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Format, Outcome, TokenCount};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;

/// Large marks, so that nothing but the appends happens beside a pass.
fn config() -> SessionConfig {
    let budget = Budget::new(TokenCount(4_000), TokenCount(1_500), TokenCount(60_000));
    SessionConfig::new(budget.expect("rising marks"), Format::Anthropic)
}

#[tokio::test(start_paused = true)]
async fn with_ten_appends_for_each_chunk_every_one_of_thirty_passes_is_spliced() {
    const CHUNK: Duration = Duration::from_secs(10);
    let chunked = Scripted::new([world::says(CHUNK.as_secs(), "A part of it.")]);
    let calls = chunked.calls();
    let (_house, mut host) = Host::alone(chunked.with_window(TokenCount(2_048)), config()).await;
    let mut notices = host.session.notices();
    let (mut spliced, mut appends) = (0, 0);
    for number in 0..6_000 {
        if spliced == 30 {
            break;
        }
        host.append(&format!("u{number}a: ask {number} ~15")).await;
        host.context().await;
        if host.pass().await.is_some() {
            appends += 1;
        }
        // Ten of these go into the time of one call.
        tokio::time::sleep(CHUNK / 10).await;
        for notice in drain(&mut notices) {
            match notice {
                Notice::Spliced { .. } => spliced += 1,
                Notice::PassEnded { outcome, .. } => panic!("a pass was wasted: {outcome}"),
                Notice::Elided { .. } => panic!("the hard mark is far away"),
                _ => {}
            }
        }
    }
    assert_eq!(spliced, 30);
    let calls = calls.count();
    assert!(calls >= 3 * spliced, "{calls} calls in {spliced} passes");
    // The append that started a pass came before its first call.
    assert!(appends + spliced >= 10 * calls, "{appends} appends beside {calls} calls");
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_appends_of_every_kind_beside_each_pass_waste_none() {
    let config = SessionConfig { automatic: false, ..config() };
    let (_house, mut host) = Host::alone(world::gist(60), config).await;
    host.chat("fill", 40, 60).await;
    for round in 0..12 {
        let pass = host.compact(None).await;
        for number in 0..10 {
            let id = format!("{round}x{number}");
            host.append(&format!("u{id}: ask ~10\nt{id}@m{id}: think\na{id}@m{id} call c{id} ls"))
                .await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            host.append(&format!("r{id} c{id}: out ~30\nx{id}: a record")).await;
            host.context().await;
            assert_eq!(host.pass().await, Some(pass), "round {round}, {number}");
        }
        assert_eq!(host.settled(pass).await, Outcome::Spliced, "round {round}");
    }
    host.require_whole_history().await;
}
