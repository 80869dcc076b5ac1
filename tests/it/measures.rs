//! The measures themselves: the oracle and the rules see what is wrong, and say where.

use highwater_protocol::Format;
use highwater_tests::oracle::Oracle;
use highwater_tests::rules;

/// Shows contexts of blocks `role bytes`, one after another; tells what is said of the last one.
fn last_of(contexts: &[(u64, &[(&str, &str)])]) -> Option<(u64, usize, Option<usize>)> {
    let mut oracle = Oracle::default();
    let mut said = None;
    for (resets, blocks) in contexts {
        let blocks = blocks.iter().map(|(role, bytes)| ((*role).to_owned(), (*bytes).to_owned()));
        said = oracle.saw(*resets, blocks).err();
    }
    said.map(|difference| (difference.context, difference.block, difference.byte))
}

#[test]
fn the_oracle_says_which_block_and_which_byte_differs() {
    let first: &[(&str, &str)] = &[("user", "one"), ("model", "two")];
    for (resets, second, expected) in [
        (0, &[("user", "one"), ("model", "two"), ("user", "three")][..], None),
        (0, &[("user", "one"), ("model", "two ")], Some((2, 1, Some(3)))),
        (0, &[("user", "one"), ("model", "tWo")], Some((2, 1, Some(1)))),
        (0, &[("user", "one"), ("user", "two")], Some((2, 1, None))),
        (0, &[("user", "one")], Some((2, 1, Some(0)))),
        (0, &[], Some((2, 0, Some(0)))),
        (1, &[("user", "another")], None),
    ] {
        assert_eq!(last_of(&[(0, first), (resets, second)]), expected, "{second:?}");
    }
    let third: &[(&str, &str)] = &[("user", "one")];
    assert_eq!(last_of(&[(0, first), (1, third), (1, first)]), None, "longer again is fine");
    assert_eq!(last_of(&[(0, first), (1, third), (1, &[])]), Some((3, 0, Some(0))));
}

#[test]
fn the_rules_see_calls_and_results_that_stand_apart() {
    let call = r#"{"type":"tool_use","id":"c"}"#;
    let result = r#"{"type":"tool_result","tool_use_id":"c"}"#;
    let text = r#"{"type":"text","text":"t"}"#;
    let body = |messages: &[(&str, &str)]| {
        let messages = messages
            .iter()
            .map(|(role, blocks)| format!("{{\"role\":\"{role}\",\"content\":[{blocks}]}}"));
        format!("{{\"messages\":[{}]}}", messages.collect::<Vec<_>>().join(","))
    };
    for (messages, whole) in [
        (vec![("assistant", call), ("user", result)], true),
        (vec![("assistant", call)], false),
        (vec![("user", result)], false),
        (vec![("assistant", call), ("user", text), ("user", result)], false),
        (vec![("assistant", call), ("assistant", call), ("user", result)], false),
        (vec![("assistant", call), ("user", result), ("user", result)], false),
    ] {
        let breach = rules::pairs_whole(Format::Anthropic, &body(&messages));
        assert_eq!(breach.is_none(), whole, "{messages:?}: {breach:?}");
    }
}
