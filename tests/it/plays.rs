//! Generated plays through a whole house with small marks: passes, elisions and stand-ins come as they come, every context
//! is held against the oracle and the rules, and a second house over the same log answers with the same bytes (P2).

use std::sync::Arc;
use std::time::Duration;

use highwater::summarize::{Scripted, Step as Does};
use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Format, TokenCount};
use highwater_storage::MemoryStore;
use highwater_tests::generate::{self, Step};
use highwater_tests::host::Host;
use highwater_tests::notation;
use highwater_tests::oracle::blocks_of;
use highwater_tests::world::{self, Environment, Shared};
use proptest::collection::vec;
use proptest::prelude::*;

/// What the summarizer does, call after call.
fn script() -> impl Strategy<Value = Vec<Does>> {
    let does = prop_oneof![
        4 => (0_u64..8).prop_map(|after| world::says(after, "The gist of it.")),
        1 => Just(world::says(2, "")),
        1 => Just(Does::Fail { after: Duration::from_secs(1), why: "no".to_owned() }),
        1 => Just(Does::Panic),
        1 => Just(Does::Hang),
        1 => Just(Does::TooLong { after: Duration::ZERO }),
        1 => Just(Does::CutOff { after: Duration::from_secs(3), text: "The gi".to_owned() }),
    ];
    vec(does, 1..4)
}

fn config(format: Format) -> SessionConfig {
    let budget = Budget::new(TokenCount(900), TokenCount(600), TokenCount(1_500));
    SessionConfig::new(budget.expect("rising marks"), format)
}

async fn play(format: Format, choices: &[u8], script: Vec<Does>) {
    let store = Arc::new(MemoryStore::new());
    let shared = || Shared(Arc::clone(&store));
    let house = world::house(shared(), Environment::Inline, Scripted::new(script)).await;
    let mut host = Host::open(&house, "s", config(format)).await;
    for step in generate::play(format, choices) {
        match step {
            Step::Append(line) => {
                host.give(notation::entries_in(format, &line)).await;
            }
            Step::Answer => {
                host.ask(OpenCalls::StandIn).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    host.require_whole_history().await;
    let last = host.ask(OpenCalls::StandIn).await;
    house.close().await.expect("it closes");
    let second = world::house(shared(), Environment::Inline, world::gist(1)).await;
    host.move_to(&second).await;
    let again = host.ask(OpenCalls::StandIn).await;
    match (last, again) {
        (ContextReply::Ready(one), ContextReply::Ready(other)) if one.resets == other.resets => {
            assert_eq!(blocks_of(&one), blocks_of(&other));
        }
        (ContextReply::Ready(one), ContextReply::Ready(other)) => {
            assert!(other.resets > one.resets, "a pass was spliced in between");
        }
        (ContextReply::TooLarge(one), ContextReply::TooLarge(other)) => assert_eq!(one, other),
        (one, other) => panic!("{one:?}, and then {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_play_keeps_its_promises(
        anthropic in any::<bool>(), choices in vec(any::<u8>(), 1..120), script in script()
    ) {
        let format = if anthropic { Format::Anthropic } else { Format::OpenAiChat };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(play(format, &choices, script));
    }
}
