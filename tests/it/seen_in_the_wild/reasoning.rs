//! Reasoning and its signatures: kept byte for byte where it stays, never torn from what it belongs to, never sent again
//! from a summary.

use highwater_protocol::message::CompactReply;
use highwater_protocol::{Outcome, Seq};
use highwater_tests::host::Host;
use highwater_tests::{notation, world};

/// Turns that begin with signed reasoning; each signature and each word is its own.
async fn thought(host: &mut Host, turns: u64) {
    for turn in 0..turns {
        let json = format!(
            r#"{{"role":"assistant","id":"m{turn}","content":[{{"signature":"sig{turn}==","type":"thinking","thinking":"I  weigh {turn}\u00e9"}}]}}"#
        );
        let id = highwater_protocol::EntryId::parse(&format!("t{turn}")).expect("a legal id");
        let format = highwater_protocol::Format::Anthropic;
        let thinks = highwater_protocol::Entry::from_json(id, format, &json).expect("it is read");
        let mut entries = notation::entries(&format!("u{turn}: ask {turn} ~60"));
        entries.push(thinks.into());
        let rest = format!("a{turn}@m{turn} call c{turn} ls\nr{turn} c{turn}: out ~40");
        entries.extend(notation::entries(&rest));
        host.give(entries).await;
        host.context().await;
    }
}

/// The blocks with reasoning in them.
async fn reasoning(host: &mut Host) -> Vec<String> {
    let blocks = host.blocks().await.into_iter().map(|(_, block)| block);
    blocks.filter(|block| block.contains("\"thinking\"")).collect()
}

#[tokio::test(start_paused = true)]
async fn reasoning_in_what_stays_keeps_every_byte_through_passes_at_any_mark() {
    for mark in 1..=24 {
        let (_house, mut host) = Host::alone(world::gist(0), world::by_wish()).await;
        thought(&mut host, 6).await;
        let before = reasoning(&mut host).await;
        assert_eq!(before.len(), 6);
        for up_to in [mark, mark + 4] {
            let wish = host.session.compact(Some(Seq(up_to)), None).await.expect("it answers");
            if let CompactReply::Started(pass) = wish {
                assert_eq!(host.settled(pass).await, Outcome::Spliced);
            }
            let after = reasoning(&mut host).await;
            let gone = before.len() - after.len();
            assert_eq!(after, before[gone..], "up to {up_to}");
            let covered = host.covered().await.map_or(0, |covers| covers.last().0);
            assert_eq!(gone as u64, covered / 4, "a turn's reasoning goes with the turn");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_behind_reasoning_moves_back_to_before_it() {
    let (_house, mut host) = Host::alone(world::gist(0), world::by_wish()).await;
    thought(&mut host, 4).await;
    let pass = host.compact(Some(Seq(10))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert_eq!(host.covered().await.map(|covers| covers.last()), Some(Seq(9)));
    let blocks = host.blocks().await;
    assert!(blocks[1].1.contains("sig2==") && blocks[2].1.contains("tool_use"), "{blocks:?}");
}

#[tokio::test(start_paused = true)]
async fn the_newest_reasoning_stays_whatever_passes_start_by_themselves() {
    let (_house, mut host) = Host::alone(world::gist(0), world::automatic()).await;
    for round in 0..8 {
        thought_in_round(&mut host, round).await;
        let last = reasoning(&mut host).await.pop().expect("the newest turn stays");
        assert!(last.contains(&format!("in round {round}")), "{last}");
    }
    assert!(host.covered().await.is_some());
}

async fn thought_in_round(host: &mut Host, round: u64) {
    let turn = format!("t{round}@m{round}: in round {round}\na{round}@m{round}: fine ~300");
    host.append(&format!("u{round}: ask ~300\n{turn}")).await;
    host.context().await;
    while let Some(pass) = host.pass().await {
        assert_eq!(host.settled(pass).await, Outcome::Spliced);
    }
}
