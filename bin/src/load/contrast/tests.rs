//! What is compared, what decides, and what is said beside it.

use serde_json::json;

use super::row::{Basis, Figure, WORSE_BEYOND};
use super::*;

fn row(values: (f64, f64), rests_on: (f64, f64), basis: Basis) -> Row {
    let figure = |value, rests_on| Some(Figure { value, rests_on });
    Row {
        name: "x",
        before: figure(values.0, rests_on.0),
        after: figure(values.1, rests_on.1),
        basis,
        told: |number| format!("{number}"),
        more_is_better: false,
        worse_beyond: WORSE_BEYOND,
    }
}

/// A report in which everything was measured over so many calls, steps, passes and entries.
fn report(count: u64, waiting_us: u64) -> Value {
    let spread = json!({"count": count, "p50_us": 100, "p99_us": 100});
    let arms = json!({"during_pass": spread, "without_pass": spread});
    json!({
        "scenario": {"name": "s", "agents": 1}, "seed": 1, "behaviour": "a", "interrupted": false, "elapsed_ms": 10_000,
        "counts": {"steps": count, "entries": count},
        "latency": {
            "append_made": arms, "context_made": arms, "next_context_made": arms,
            "turn_permit": spread, "pass": spread, "splice": spread
        },
        "arms": {"both": {"p99_ratio": 1.0, "passes": {"calls": count}, "no_passes": {"calls": count}}},
        "provider": {
            "refused_by_limits": 0, "utilisation_while_waiting": 0.9, "waiting_us": waiting_us
        },
        "shared": {"unseen": 0, "later": 0}, "withheld": {"waited": 0},
        "memory": {"process_peak_bytes": 1_000_000},
        "store": {
            "before_bytes": 1_000_000, "after_bytes": 8_000_000, "syncs": 500, "encoded_bytes": 900_000, "payload_bytes": 300_000
        },
        "cpu_us": 600_000, "house_cpu_us": 300_000, "broken": 0
    })
}

/// The report with one number in another place of its own.
fn with(report: &Value, path: &str, value: impl Into<Value>) -> Value {
    let mut report = report.clone();
    *report.pointer_mut(path).expect("it is there") = value.into();
    report
}

fn worse(before: &Value, after: &Value) -> Vec<&'static str> {
    let rows = figures::rows(before, after);
    rows.iter().filter(|row| row.is_worse()).map(|row| row.name).collect()
}

/// Every path that one figure alone is of, with a value that is much worse.
fn spoiled(report: &Value) -> Vec<Value> {
    let spoiled = [
        ("/latency/append_made/during_pass/p99_us", json!(900)),
        ("/latency/append_made/without_pass/p99_us", json!(900)),
        ("/latency/context_made/during_pass/p99_us", json!(900)),
        ("/latency/context_made/without_pass/p99_us", json!(900)),
        ("/latency/next_context_made/during_pass/p99_us", json!(900)),
        ("/latency/next_context_made/without_pass/p99_us", json!(900)),
        ("/latency/turn_permit/p99_us", json!(900)),
        ("/arms/both/p99_ratio", json!(9.0)),
        ("/latency/splice/p99_us", json!(900)),
        ("/latency/pass/p50_us", json!(900)),
        ("/elapsed_ms", json!(90_000)),
        ("/provider/utilisation_while_waiting", json!(0.1)),
        ("/memory/process_peak_bytes", json!(9_000_000)),
        ("/store/after_bytes", json!(72_000_000)),
        ("/store/encoded_bytes", json!(9_000_000)),
        ("/store/syncs", json!(4_500)),
        ("/cpu_us", json!(5_400_000)),
        ("/house_cpu_us", json!(5_400_000)),
    ];
    spoiled.into_iter().map(|(path, value)| with(report, path, value)).collect()
}

#[test]
fn what_is_a_quarter_larger_became_worse_unless_more_is_better() {
    for (before, after, more_is_better, worse) in [
        (100.0, 120.0, false, false),
        (100.0, 130.0, false, true),
        (100.0, 50.0, false, false),
        (100.0, 85.0, true, false),
        (100.0, 70.0, true, true),
        (0.0, 0.0, false, false),
        (0.0, 1.0, false, true),
        (0.0, 1.0, true, false),
    ] {
        let row = row((before, after), (1e3, 1e3), Basis::Samples("calls"));
        let row = Row { more_is_better, ..row };
        assert_eq!(row.is_worse(), worse, "{}", row.line());
    }
    let missing = Row { after: None, ..row((1.0, 1.0), (1e3, 1e3), Basis::Samples("calls")) };
    assert!(!missing.is_worse() && missing.line().ends_with('\u{2013}'));
}

#[test]
fn what_rests_on_little_is_marked_and_not_worse() {
    for (basis, rests_on, mark) in [
        (Basis::Samples("calls"), (1_000.0, 1_000.0), "  worse"),
        (Basis::Samples("calls"), (999.0, 1e6), "  few calls"),
        (Basis::Samples("calls"), (1e6, 999.0), "  few calls"),
        (Basis::Samples("passes"), (30.0, 30.0), "  few passes"),
        (Basis::Waiting, (1e6, 1e6), "  worse"),
        (Basis::Waiting, (1e6, 999_999.0), "  short waits"),
        (Basis::Waiting, (999_999.0, 1e6), "  short waits"),
        (Basis::Breaches, (1.0, 1.0), "  worse"),
    ] {
        let row = row((1.0, 9.0), rests_on, basis);
        assert!(row.line().ends_with(mark), "{}", row.line());
        assert_eq!(row.is_worse(), mark == "  worse", "{}", row.line());
        assert_eq!(row.rests_on_little(), mark != "  worse", "{}", row.line());
    }
}

#[test]
fn one_breach_more_is_worse_however_many_there_were() {
    for count in [0.0, 4.0, 1e6] {
        assert!(row((count, count + 1.0), (1.0, 1.0), Basis::Breaches).is_worse());
        assert!(!row((count + 1.0, count), (1.0, 1.0), Basis::Breaches).is_worse());
    }
}

#[test]
fn every_figure_decides_in_a_long_run_and_only_breaches_in_a_short_one() {
    let (long, short) = (report(1_000, 1_000_000), report(999, 999_999));
    assert_eq!(spoiled(&long).iter().map(|after| worse(&long, after).len()).sum::<usize>(), 18);
    for (long_spoiled, short_spoiled) in spoiled(&long).iter().zip(spoiled(&short)) {
        assert_eq!(worse(&long, long_spoiled).len(), 1);
        assert_eq!(worse(&short, &short_spoiled), [""; 0]);
        assert_eq!(worse(&long, &short_spoiled), [""; 0]);
    }
    for path in ["/broken", "/provider/refused_by_limits", "/withheld/waited", "/shared/later"] {
        assert_eq!(worse(&short, &with(&short, path, 1)).len(), 1, "{path}");
    }
    let unseen = with(&with(&short, "/shared/later", 1), "/shared/unseen", 1);
    assert_eq!(worse(&short, &unseen), [""; 0], "nothing was compared");
}

#[test]
fn a_file_that_doubled_is_as_large_as_before() {
    let before = report(1_000, 0);
    assert_eq!(worse(&before, &with(&before, "/store/after_bytes", 16_000_000)), [""; 0]);
    let after = with(&before, "/store/after_bytes", 24_000_000);
    assert_eq!(worse(&before, &after), ["store growth, for each entry"]);
}

#[test]
fn what_was_measured_no_time_is_no_figure() {
    let none = with(&report(1_000, 0), "/latency/pass", json!({"count": 0, "p50_us": 0}));
    let rows = figures::rows(&none, &report(1_000, 0));
    let pass = rows.iter().find(|row| row.name == "pass, half within").expect("a row");
    assert!(pass.before.is_none() && !pass.is_worse(), "{}", pass.line());
}

#[test]
fn a_report_holds_figures() {
    assert!(is_report(&report(1, 1)));
    assert!(is_report(&json!({"scenario": {}, "latency": {}, "broken": 0})));
    for none in [
        json!({}),
        json!({"scenario": {}, "latency": {}}),
        json!({"scenario": {}, "latency": {}, "broken": "no"}),
        json!({"scenario": {}, "broken": 0}),
    ] {
        assert!(!is_report(&none), "{none}");
    }
}

#[test]
fn other_seeds_other_behaviour_and_interrupted_runs_are_noted() {
    let noted = |before: &Value, after: &Value| {
        notes((Path::new("a.json"), before), (Path::new("b.json"), after))
    };
    let whole = report(1, 1);
    assert_eq!(noted(&whole, &whole), [""; 0]);
    let drawn_anew = "note: the seeds are 1 and 2: texts, sizes and times were drawn anew";
    assert_eq!(noted(&whole, &with(&whole, "/seed", 2)), [drawn_anew]);
    let part = with(&whole, "/interrupted", true);
    let otherwise = "note: agents' doings were drawn from other numbers (--behaviour)";
    assert_eq!(noted(&whole, &with(&whole, "/behaviour", "b")), [otherwise]);
    let of = |file| format!("note: {file} is of a run that was interrupted: it tells of a part");
    assert_eq!(noted(&whole, &part), [of("b.json")]);
    assert_eq!(noted(&part, &part), [of("a.json"), of("b.json")]);
}

#[test]
fn the_outcome_says_how_many_figures_do_not_count() {
    let told = |worse, on_little| outcome(worse, on_little).join(" ");
    assert_eq!(told(0, 0), "Nothing became worse.");
    assert_eq!(told(1, 0), "1 figure became worse.");
    assert!(told(2, 1).starts_with("2 figures became worse. 1 figure rests on fewer than 1,000"));
    assert!(told(0, 18).starts_with("Nothing became worse. 18 figures rest on fewer"));
}
