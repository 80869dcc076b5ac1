//! Scenarios as they are read: the shipped ones, names, and mistakes.

use super::*;

/// What is wrong with a shipped scenario when something in it is written in another way.
fn mistakes(from: &str, to: &str) -> String {
    let smoke = SHIPPED[0].1;
    assert!(smoke.contains(from), "{from}");
    Scenario::read("s.toml", &smoke.replace(from, to)).expect_err(to).to_string()
}

#[test]
fn every_shipped_scenario_is_legal_and_says_what_it_is_for() {
    for (name, purpose) in Scenario::shipped() {
        let scenario = Scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, name);
        assert!(purpose.len() > 20 && !purpose.starts_with('['), "{purpose}");
    }
}

#[test]
fn a_scenario_is_called_as_its_file_wherever_that_is() {
    for (file, name) in [
        ("sub.toml", "sub"),
        ("./sub.toml", "sub"),
        ("/a/b.c/sub.toml", "sub"),
        ("a/sub.v2.toml", "sub.v2"),
        ("sub", "sub"),
    ] {
        assert_eq!(Scenario::read(file, SHIPPED[0].1).expect("it is legal").name, name);
    }
}

#[test]
fn a_mistake_is_named_with_what_was_meant() {
    for (from, to, why) in [
        ("slots = 6", "slotz = 6", "unknown key `slotz`; did you mean `slots`?"),
        ("slots = 6", "", "needs `slots` in [provider]"),
        ("turns = 6", "turns = 0", "`turns` is 0; it may be 1 to 1000000"),
        ("turns = 6", "", "needs either `turns` or `duration_secs` in [agents]"),
        ("slots = 6", "slots = 1", "leave none for compaction"),
        ("[provider]", "[providers]", "unknown section `providers`; did you mean `provider`?"),
    ] {
        let error = mistakes(from, to);
        assert!(error.contains(why), "{error}");
    }
    let error = Scenario::load("smok").expect_err("there is none").to_string();
    assert!(
        error.contains("smoke, chat-1k, fleet-10k, saturated, flaky, busy, giant, restart"),
        "{error}"
    );
}

#[test]
fn a_mistake_brings_no_other_with_it() {
    for (from, to, only) in [
        ("slots = 6", "", "s.toml: needs `slots` in [provider]"),
        ("slots = 6", "slots = 0", "`slots` is 0; it may be 1 to 65536"),
        ("reserve_percent = 50", "reserve_percent = 99", "it may be 0 to 95"),
        ("turns = 6", "turns = 0", "`turns` is 0; it may be 1 to 1000000"),
        ("withhold_every_ms = 400", "withhold_every_ms = -1", "`withhold_every_ms` is -1; it may"),
        ("withhold_ms = 100", "withhold_ms = -1", "`withhold_ms` is -1; it may be"),
        ("count", "history_least_bytes = 9\nhistory_most_bytes = -1\ncount", "_bytes` is -1; it"),
    ] {
        let error = mistakes(from, to);
        assert!(error.contains(only) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn numbers_that_do_not_go_together_are_refused() {
    let both = "both `turns` and `duration_secs` are in [agents]; leave one of them out";
    let above = "`history_least_bytes` is 9, above `history_most_bytes`, 8";
    for (from, to, why) in [
        ("turns = 6", "turns = 6\nduration_secs = 5", both),
        ("count", "known = 5\nhistory_least_bytes = 9\nhistory_most_bytes = 8\ncount", above),
        ("count", "known = 5\nkill = 1\ncount", "`kill` and `known` do not go together"),
        ("withhold_every_ms = 400", "", "`withhold_ms` is there without `withhold_every_ms` in"),
        ("withhold_ms = 100", "", "`withhold_every_ms` is there without `withhold_ms` in"),
        ("withhold_ms = 100", "withhold_ms = 0", "`withhold_every_ms` is there without"),
    ] {
        let error = mistakes(from, to);
        assert!(error.starts_with("s.toml: ") && error.contains(why), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn what_is_left_out_of_several_numbers_follows_the_others() {
    let read = |from: &str, to: &str| {
        let text = SHIPPED[0].1.replace(from, to);
        Scenario::read("s.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let known = read("count", "known = 5\nhistory_least_bytes = 9\ncount");
    assert_eq!((known.history_least_bytes, known.history_most_bytes), (9, 9));
    let empty = read("count", "known = 5\ncount");
    assert_eq!((empty.history_least_bytes, empty.history_most_bytes), (0, 0));
    let never = read("withhold_every_ms = 400", "withhold_every_ms = 0");
    assert_eq!(never.provider.withholds(), None);
}

#[test]
fn of_a_file_that_is_no_scenario_ten_mistakes_are_told() {
    let text = "{\"a\": 1}\n".repeat(300);
    let error = Scenario::read("s.json", &text).expect_err("it is no TOML").to_string();
    assert_eq!(error.lines().count(), 12, "{error}");
    let last = error.lines().last().expect("a line");
    assert!(last.starts_with("  and ") && last.ends_with(" more"), "{error}");
}
