//! Tests of call ids that models reuse or leave empty: a provider takes each once.

use super::*;
use crate::session::tests::desk::*;

/// The ids of calls and of results in a context, in order.
fn ids(context: &crate::Context) -> Vec<String> {
    let body = context.body();
    let ids = body.split("\"id\":\"").skip(1).map(|rest| format!("call {}", until_quote(rest)));
    let results = ["\"tool_use_id\":\"", "\"tool_call_id\":\""];
    let results = results.iter().flat_map(|mark| body.split(mark).skip(1));
    ids.chain(results.map(|rest| format!("result {}", until_quote(rest)))).collect()
}

fn until_quote(text: &str) -> &str {
    text.split('"').next().unwrap_or_default()
}

#[test]
fn a_reused_call_id_is_shown_as_another_one_with_its_own_result() {
    let mut desk = Desk::new(SessionConfig { automatic: false, ..config() });
    desk.append(&[calls("a", "t1"), answers("b", "t1"), calls("c", "t1"), answers("d", "t1")]);
    assert_eq!(ids(&desk.context()), ["call t1", "call t1_3", "result t1", "result t1_3"]);
    desk.append(&[calls("e", "t1_5"), answers("f", "t1_5"), calls("g", ""), answers("h", "")]);
    let named = ids(&desk.context());
    assert_eq!(named[2..4], ["call t1_5", "call call_7"]);
    assert_eq!(named[6..], ["result t1_5", "result call_7"]);
    let twice = r#"{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"ls","input":{}},{"type":"tool_use","id":"x","name":"ls","input":{"b":2}}]}"#;
    desk.append(&[json("i", twice), answers("j", "x"), answers("k", "x")]);
    let named = ids(&desk.context());
    assert_eq!(named[4..6], ["call x", "call x_9"]);
    assert_eq!(named[10..], ["result x", "result x_9"]);
}

#[test]
fn an_id_whose_calls_are_covered_is_free_again_and_what_was_shown_stays() {
    let mut desk = Desk::new(SessionConfig { automatic: false, ..config() });
    desk.append(&[says("q", 90), calls("a", "t1"), answers("b", "t1")]);
    desk.append(&[calls("c", "t1"), answers("d", "t1"), says("more", 3)]);
    let body = Request::Compact { up_to: Some(Seq(3)), focus: None };
    let pass = started(&desk.ask(body).0).expect("a pass starts");
    desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
    assert_eq!(ids(&desk.context()), ["call t1_4", "result t1_4"], "what was named stays so");
    desk.append(&[calls("e", "t1"), answers("f", "t1")]);
    assert_eq!(ids(&desk.context()), ["call t1_4", "call t1", "result t1_4", "result t1"]);
}

#[test]
fn a_call_under_another_id_keeps_the_rest_of_its_bytes() {
    let mut desk = Desk::new(SessionConfig { format: Format::OpenAiChat, ..config() });
    let call = |id: &str| {
        let function = r#"{"name":"ls","arguments":"{}"}"#;
        format!(
            r#"{{"role":"assistant","content":null,"tool_calls":[{{"extra":{{"k":1}},"id":"{id}","type":"function","function":{function}}}]}}"#
        )
    };
    let result = r#"{"role":"tool","tool_call_id":"t","content":"out"}"#;
    let entry = |name: &str, json: &str| {
        Arc::new(crate::Entry::from_json(id(name), Format::OpenAiChat, json).expect("legal"))
    };
    desk.append(&[
        entry("a", &call("t")),
        entry("b", result),
        entry("c", &call("t")),
        entry("d", result),
    ]);
    let body = desk.context().body();
    assert!(body.contains(r#"{"extra":{"k":1},"id":"t_3","type":"function""#), "{body}");
    assert!(body.contains(r#""tool_call_id":"t_3","content":"out""#), "{body}");
}
