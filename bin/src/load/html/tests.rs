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
