//! What the page promises: it stands alone, shows every picture, and puts a broken promise first.

use super::super::metrics::{Arms, Metrics, Spread, View};
use super::super::provider::Tally;
use super::super::pulse::Sample;
use super::super::report::{Compared, GateFigures, Memory, Ratios, Report, StoreFigures};
use super::super::scenario::Scenario;
use super::super::share::Shared;
use super::super::text;
use super::page;

/// A report of a short run.
pub(in super::super) fn report() -> Report {
    let scenario = Scenario::load("smoke").expect("it is shipped");
    let sample = |at_ms| Sample { at_ms, append_p99_us: 900, turn_slots: 3, ..Sample::default() };
    Report {
        provider: Tally::default(),
        scenario,
        seed: 1,
        elapsed_ms: 2_000,
        behaviour: "0011223344556677".to_owned(),
        interrupted: false,
        began: true,
        counts: Metrics::new().counts(),
        latency: Metrics::new().latency(),
        p99_ratio: Ratios::default(),
        passes: [("spliced".to_owned(), 3)].into(),
        gate: GateFigures::default(),
        shared: None,
        withheld: None,
        arms: None,
        memory: Memory::default(),
        store: StoreFigures::default(),
        cpu_us: None,
        house_cpu_us: None,
        killed: None,
        compared: Compared { sessions: 2, entries: 40, quoted: 1 },
        broken: 0,
        breaches: Vec::new(),
        samples: vec![sample(0), sample(1_000), sample(2_000)],
        views: [vec![View { at_ms: 5, tokens: 700 }], Vec::new(), Vec::new(), Vec::new()],
    }
}

#[test]
fn the_page_stands_alone_and_has_every_picture() {
    let page = page(&report());
    assert_eq!(page.matches("<svg").count(), 6);
    assert!(page.contains("Nothing was lost, doubled or reordered: 40 entries of 2 sessions"));
    for foreign in ["<script", "<link", "url(http", "src=\"http"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_broken_promise_comes_first_in_page_and_text() {
    let mut broken = report();
    broken.broken = 1;
    broken.breaches = vec!["session a: L2: entry 3 is <lost>".to_owned()];
    let page = page(&broken);
    assert!(page.contains("<h1 class=\"bad\">A promise was broken 1 time"), "{page}");
    assert!(page.contains("entry 3 is &lt;lost&gt;") && !page.contains("<lost>"));
    let text = text::render(&broken);
    assert!(
        text.lines().nth(2).is_some_and(|line| line.starts_with("A promise was broken 1 time"))
    );
}

#[test]
fn passes_are_shaded_behind_the_times_and_drawn_while_they_wait() {
    let svg = |report: &Report, nth: usize| {
        page(report).split("<svg").nth(nth).expect("a picture").to_owned()
    };
    let mut passing = report();
    assert!(!svg(&passing, 1).contains("class=\"band\""), "no pass was in flight");
    passing.samples[1].passes_in_flight = 2;
    passing.samples[2].compactions_waiting = 5;
    // From 500 ms to 1,500 ms of 2,000 ms, half way to the looks beside it.
    let band = "<rect class=\"band\" x=\"312.5\" y=\"10\" width=\"493.0\" height=\"180\"/>";
    assert!(svg(&passing, 1).contains(band), "{}", svg(&passing, 1));
    assert!(page(&passing).contains("while passes were in flight"));
    let waiting = "<polyline class=\"compactions\" points=\"66.0,70.0 559.0,70.0 1052.0,10.0\"/>";
    assert!(svg(&passing, 4).contains(waiting), "{}", svg(&passing, 4));
    passing.samples[2].passes_in_flight = 1;
    assert_eq!(svg(&passing, 1).matches("class=\"band\"").count(), 1, "two looks, one stretch");
}

#[test]
fn values_at_an_axis_do_not_stand_in_one_another_and_names_of_marks_stand_outside() {
    for most in 1..400 {
        let mut busy = report();
        busy.samples[1].passes_in_flight = most;
        busy.samples[1].turns_waiting = most;
        busy.samples[1].turn_slots = most;
        for svg in page(&busy).split("<svg").skip(1) {
            let ticks = svg.split("class=\"tick end\"").skip(1);
            let heights = ticks.map(|tick| {
                let y = tick.split("y=\"").nth(1).and_then(|rest| rest.split('"').next());
                y.and_then(|y| y.parse::<f64>().ok()).expect("a height")
            });
            let heights: Vec<f64> = heights.collect();
            let apart = heights.windows(2).all(|pair| pair[0] - pair[1] >= 16.0);
            assert!(heights.len() >= 2 && apart, "{most}: {heights:?}");
        }
    }
    let page = page(&report());
    assert_eq!(page.matches("class=\"label ").count(), 4);
    assert_eq!(page.matches(" x=\"1060\"").count(), 4, "right of where lines end");
}

/// That the page of this report has a row of this name and value.
fn has_row(report: &Report, name: &str, value: &str) {
    let page = page(report);
    let row = format!("<tr><td>{name}</td><td>{value}</td></tr>");
    assert!(page.contains(&row), "{row} is not in {page}");
}

#[test]
fn what_was_said_and_how_large_views_became_is_told() {
    let mut said = report();
    said.counts.entry_bytes = 31_500;
    said.counts.largest_session_bytes = 4_200;
    said.counts.largest_view_tokens = 6_789;
    said.memory.activations = 14;
    has_row(&said, "said in all entries", "31.5 kB");
    has_row(&said, "said in the largest session", "4.2 kB");
    has_row(&said, "largest view", "6,789 tokens");
    has_row(&said, "sessions that came into memory, new ones included", "14");
}

#[test]
fn refusals_over_limits_refusals_by_chance_and_failures_are_told_apart() {
    let mut unwell = report();
    unwell.provider =
        Tally { refused_by_limits: 2, refused_by_chance: 30, failed: 400, ..Tally::default() };
    has_row(&unwell, "refused over a limit that is known (429)", "2");
    has_row(&unwell, "refused by chance (429)", "30");
    has_row(&unwell, "failed by chance", "400");
}

#[test]
fn waits_and_slots_are_told_by_class_and_as_promised() {
    let mut waited = report();
    waited.provider.utilisation = 0.25;
    waited.provider.utilisation_while_waiting = Some(0.875);
    waited.provider.waiting_us = 3_000;
    waited.gate = GateFigures {
        granted: [("turn", 7), ("compaction", 3), ("background", 0)].into(),
        longest_wait_us: [("turn", 40), ("compaction", 5_000), ("background", 0)].into(),
        ..GateFigures::default()
    };
    waited.p99_ratio.context = Some(1.5);
    waited.shared = Some(Shared { starved_us: Some(17), ..Shared::default() });
    has_row(&waited, "slots in use, of all and all along", "25.0 %");
    has_row(&waited, "of those for turns or passes that waited", "87.5 %, in 3 ms");
    has_row(&waited, "longest wait for a permit, turn", "40 \u{b5}s, of 7 permits");
    has_row(&waited, "longest wait for a permit, compaction", "5 ms, of 3 permits");
    assert!(!page(&waited).contains("background</td>"), "it had no permit");
    has_row(&waited, "context, 99% within", "1.50 times as long during a pass as otherwise");
    has_row(&waited, "next context, 99% within", "\u{2013}");
    let starved = "time in which turns waited and had less than their share of the slots";
    has_row(&waited, starved, "17 \u{b5}s");
}

#[test]
fn the_context_of_the_tile_is_of_the_kind_that_was_asked_for() {
    let arms = |during, without| Arms {
        during_pass: Spread { count: during, p99_us: 70, ..Spread::default() },
        without_pass: Spread { count: without, p99_us: 60, ..Spread::default() },
    };
    let tile = |alone, next| {
        let mut asked = report();
        asked.latency.context = alone;
        asked.latency.next_context = next;
        let page = page(&asked);
        let tile = page.split("<dt>context during a pass</dt>").nth(1).expect("there is one");
        tile.split("</div>").next().expect("the first").to_owned()
    };
    let none = arms(0, 0);
    let told = tile(none, arms(9, 5));
    assert!(told.contains(">70 \u{b5}s<"), "{told}");
    assert!(told.contains("99% of 9 next contexts within; otherwise 60 \u{b5}s"), "{told}");
    assert!(tile(arms(3, 5), arms(2, 9)).contains("99% of 3 contexts within"));
    assert!(tile(none, arms(0, 5)).contains("otherwise 60 \u{b5}s"));
    assert!(tile(none, none).contains("99% of 0 contexts within; otherwise \u{2013}"));
}

#[test]
fn an_interrupted_run_says_so_beside_the_verdict() {
    let said = "</h1><p class=\"remark\">The run was interrupted";
    let mut stopped = report();
    assert!(!page(&stopped).contains(said));
    stopped.interrupted = true;
    assert!(page(&stopped).contains(said));
}
