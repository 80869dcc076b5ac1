//! What the page promises: it stands alone, shows every picture, and puts a broken promise first.

use super::super::metrics::{Metrics, View};
use super::super::provider::Tally;
use super::super::pulse::Sample;
use super::super::report::{Compared, GateFigures, Memory, Ratios, Report, StoreFigures};
use super::super::scenario::Scenario;
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
        interrupted: false,
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
        compared: Compared { sessions: 2, entries: 40 },
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
