//! Compaction as a tool of the agent: the definition that the model gets, and what becomes of its calls.

use highwater::tool::{self, ToolAnswer};
use highwater_protocol::{Format, Outcome, PassId};
use highwater_tests::host::Host;
use highwater_tests::world;
use serde_json::Value;

async fn called(host: &Host, arguments: &str) -> ToolAnswer {
    host.session.call_compaction_tool(arguments).await.expect("the session answers")
}

#[tokio::test(start_paused = true)]
async fn an_agent_calls_for_compaction_and_goes_on_while_it_runs() {
    let house = world::in_memory(world::gist(5)).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    assert!(!called(&host, "").await.is_error);
    host.chat("a", 12, 60).await;
    let call = format!("a@m call c1 {}", tool::NAME);
    host.append(&call).await;
    let started = called(&host, r#"{"focus":"the ferry times","up_to":8}"#).await;
    assert!(!started.is_error && started.text.contains("pass 1 has started"), "{started:?}");
    let again = called(&host, "{}").await;
    assert!(again.text.contains("pass 1 is running already"), "{again:?}");
    host.append(&format!("r c1: {}", started.text)).await;
    host.context().await;
    assert_eq!(host.settled(PassId(1)).await, Outcome::Spliced);
    assert_eq!(host.covered().await.map(|covers| covers.last().0), Some(8));
    host.context().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_model_gets_wrong_is_told_to_the_model() {
    let house = world::in_memory(world::gist(5)).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    host.chat("a", 12, 60).await;
    let long = format!(r#"{{"focus":"{}"}}"#, "x".repeat(3_000));
    for wrong in
        ["{", r#"{"up_to":-1}"#, r#"{"up_to":"all"}"#, r#"{"until":3}"#, "[1]", long.as_str()]
    {
        let answer = called(&host, wrong).await;
        assert!(answer.is_error && !answer.text.is_empty(), "{wrong}: {answer:?}");
    }
    assert_eq!(host.pass().await, None, "none of them has started a pass");
}

#[test]
fn each_format_gets_its_own_definition_with_the_same_schema() {
    let anthropic = tool::definition(Format::Anthropic);
    let openai = tool::definition(Format::OpenAiChat);
    let function = &openai["function"];
    assert_eq!(
        (&anthropic["name"], &function["name"]),
        (&Value::from(tool::NAME), &Value::from(tool::NAME))
    );
    assert_eq!(anthropic["input_schema"], function["parameters"]);
    assert_eq!(anthropic["input_schema"]["additionalProperties"], Value::from(false));
    assert_eq!(openai["type"], "function");
}
