//! What did call N see (P8)? And forks (L9): sessions that begin with another's log.

use std::sync::Arc;

use highwater::history::PastCall;
use highwater_protocol::message::CompactReply;
use highwater_protocol::tokens::Usage;
use highwater_protocol::{CallNumber, Context, Format, Kind, Outcome, Seq, SeqRange, TokenCount};
use highwater_storage::MemoryStore;
use highwater_tests::host::{Host, context};
use highwater_tests::world::{self, Environment, Shared};

/// What was answered, to be held against what is answered later.
#[derive(Default)]
struct Kept(Vec<(CallNumber, String, u64)>);

impl Kept {
    fn keep(&mut self, context: &Context) {
        self.0.push((context.call, context.body(), context.resets));
    }

    async fn check(&self, host: &Host) {
        assert!(!self.0.is_empty());
        for (call, body, resets) in &self.0 {
            let PastCall { context: again, used } =
                host.session.call(*call).await.expect("it was answered");
            let input = used.map(|used| (used.model, used.usage.input));
            let reported = (call.0 % 3 == 0).then(|| ("a-model".into(), TokenCount(100 + call.0)));
            assert_eq!(input, reported, "call {}", call.0);
            assert_eq!((again.call, again.resets), (*call, *resets));
            assert_eq!(again.body(), *body, "call {}", call.0);
        }
    }
}

/// Reports the usage of those calls whose number three divides, if that was not done yet.
async fn report_each_third(host: &Host, kept: &Kept) {
    for (call, _, _) in kept.0.iter().filter(|(call, _, _)| call.0 % 3 == 0) {
        let usage = Usage { input: TokenCount(100 + call.0), ..Usage::default() };
        host.session.report_usage(*call, "a-model", usage).await.expect("it answers");
    }
}

async fn compacted(host: &Host) -> Outcome {
    let CompactReply::Started(pass) = host.session.compact(None, None).await.expect("an answer")
    else {
        panic!("there is enough to compact");
    };
    host.session.settled(pass).await.expect("it ends")
}

#[tokio::test(start_paused = true)]
async fn each_call_is_rendered_again_behind_splices_changes_rewinds_and_restarts() {
    let store = Arc::new(MemoryStore::new());
    let house = world::house(Shared(store.clone()), Environment::Inline, world::gist(1)).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    let mut kept = Kept::default();
    for round in 0..4_u64 {
        for turn in 0..6 {
            let n = 1 + round * 40 + turn * 4;
            let (call, result) = (n + 1, n + 2);
            let turn = format!(
                "u{n}: go on ~150\na{call} call c{n} ls: I look.\nr{result} c{n}: here ~200"
            );
            host.append(&turn).await;
            kept.keep(&context(&host.session).await);
            report_each_third(&host, &kept).await;
        }
        match round {
            0 => assert_eq!(compacted(&host).await, Outcome::Spliced),
            // Beside a pin there may be too little to gain.
            2 => drop(compacted(&host).await),
            1 => {
                host.session.pin(Seq(2 + 18), true).await.expect("it is pinned");
                kept.keep(&context(&host.session).await);
                host.session.rewind(Seq(24)).await.expect("it is rewound");
                kept.keep(&context(&host.session).await);
            }
            _ => {
                host.session
                    .switch(world::automatic().budget, Format::OpenAiChat)
                    .await
                    .expect("ok");
                kept.keep(&context(&host.session).await);
                host.session.clear().await.expect("it is cleared");
                kept.keep(&context(&host.session).await);
            }
        }
        report_each_third(&host, &kept).await;
        kept.check(&host).await;
    }
    house.close().await.expect("it closes");
    let house = world::house(Shared(store), Environment::Inline, world::gist(1)).await;
    let config = highwater_protocol::session::SessionConfig {
        format: Format::OpenAiChat,
        ..world::by_wish()
    };
    let host = Host::open(&house, "s", config).await;
    kept.check(&host).await;
    let last = kept.0.last().expect("many were kept").0;
    for unknown in [CallNumber(0), CallNumber(last.0 + 1), CallNumber(u64::MAX)] {
        let refused = host.session.call(unknown).await.expect_err("it was never answered");
        assert_eq!(refused.kind(), Kind::NotFound, "{unknown:?}");
        let known = format!("its calls are 1 to {}", last.0);
        assert!(refused.to_string().contains(&known), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fork_goes_its_own_way_with_a_pass_in_flight_on_either_side() {
    let house = world::in_memory(world::gist(60)).await;
    let mut host = Host::open(&house, "parent", world::by_wish()).await;
    for n in 1..=12 {
        host.append(&format!("u{n}: so many words ~100")).await;
    }
    let before = context(&host.session).await;
    let CompactReply::Started(pass) = host.session.compact(None, None).await.expect("an answer")
    else {
        panic!("there is enough to compact");
    };
    // While the parent's pass runs.
    let child = world::named("child");
    host.session.fork(None, &child).await.expect("it is forked");
    let forked = Host::open(&house, "child", world::by_wish()).await;
    assert_eq!(
        context(&forked.session).await.body(),
        before.body(),
        "it begins where the parent stands"
    );
    let CompactReply::Started(own) = forked.session.compact(None, None).await.expect("an answer")
    else {
        panic!("the parent's pass is none of the child's");
    };
    let early = world::named("early");
    host.session.fork(Some(Seq(5)), &early).await.expect("it is forked");
    assert_eq!(host.session.settled(pass).await.expect("it ends"), Outcome::Spliced);
    assert_eq!(forked.session.settled(own).await.expect("it ends"), Outcome::Spliced);
    assert_eq!(host.covered().await, forked.covered().await);
    let early = Host::open(&house, "early", world::by_wish()).await;
    let status = early.session.status().await.expect("an answer");
    assert_eq!((status.head, status.covered), (Seq(5), None));
    // Appends of one side are not the other's, and a known entry is known on both.
    host.append("u13: of the parent").await;
    let again = forked.session.append(vec![host.entries[0].clone()]).await.expect("stored");
    assert!(again[0].known && again[0].seq == Seq(1));
    let new = forked.session.append(vec![host.entries[12].clone()]).await.expect("stored");
    assert!(!new[0].known && new[0].seq == Seq(13));
    let all = SeqRange::new(Seq(1), Seq(u64::MAX));
    assert_eq!(early.session.history().count(all).await.expect("an answer"), 5);
    for (parent, at, kind) in
        [("parent", Some(Seq(99)), Kind::NotFound), ("parent", None, Kind::Invalid)]
    {
        let session = house.open(world::named(parent), world::by_wish()).await.expect("it opens");
        let refused = session.fork(at, &child).await.expect_err("it is not legal");
        assert_eq!(refused.kind(), kind, "{refused}");
    }
    host.session.fork(Some(Seq::ZERO), &world::named("empty")).await.expect("it is forked");
    let empty = Host::open(&house, "empty", world::by_wish()).await;
    assert_eq!(empty.session.status().await.expect("an answer").head, Seq::ZERO);
}
