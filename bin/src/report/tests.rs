//! What the three renderings promise: true numbers, exact lines, and no foreign text that acts.

use super::models::{Rate, Standing};
use super::verdict::{Tone, verdict};
use super::words::{bytes, counted, escape, micros, millis, short, thousands};
use super::{
    Checks, Latency, Lossless, Marks, Mode, MovedBack, Pass, Provider, Quantiles, Report, Samples,
    Summarizer, Turn, Warning, html, text,
};

fn turn(number: u64, view_tokens: u64) -> Turn {
    Turn {
        number,
        view_tokens,
        whole_tokens: number * 1_000,
        append_us: 40,
        context_us: 90,
        ..Turn::default()
    }
}

fn pass(number: u64, outcome: &str) -> Pass {
    Pass {
        number,
        first_turn: 2,
        turns_served: 1,
        outcome: outcome.to_owned(),
        covered_entries: 5,
        ..Pass::default()
    }
}

fn report() -> Report {
    let mut turns = vec![turn(1, 800), turn(2, 1_400), turn(3, 900)];
    turns[1].during_pass = true;
    Report {
        file: "a.jsonl".to_owned(),
        marks: Marks { trigger_tokens: 1_000, landing_tokens: 500, hard_tokens: 1_500 },
        turns,
        passes: vec![pass(1, "spliced"), pass(2, "refused: too little gained")],
        lossless: Some(Lossless {
            ok: true,
            records: 9,
            bytes: 4_096,
            detail: "byte for byte".to_owned(),
        }),
        ..Report::default()
    }
}

fn is_said(report: &Report, sentence: &str) {
    let terminal = text::render(report, false);
    assert!(terminal.contains(sentence), "not in:\n{terminal}");
    assert!(html::page(report).contains(&escape(sentence)));
}

#[test]
fn quantiles_are_nearest_ranks() {
    let check = |samples: Vec<u64>, expected: [u64; 4]| {
        let q = Quantiles::of(samples);
        assert_eq!([q.count, q.p50_us, q.p99_us, q.max_us], expected);
    };
    check(vec![], [0, 0, 0, 0]);
    check(vec![7], [1, 7, 7, 7]);
    check(vec![4, 1, 3, 2], [4, 2, 4, 4]);
    check((1..=200).collect(), [200, 100, 198, 200]);
}

#[test]
fn numbers_are_written_as_people_read_them() {
    let check = |said: String, expected: &str| assert_eq!(said, expected);
    check(thousands(999), "999");
    check(thousands(1_234_567), "1,234,567");
    check(short(999), "999");
    check(short(31_500), "31.5k");
    check(short(214_300), "214k");
    check(short(999_600), "1M");
    check(bytes(31_500), "31.5 kB");
    check(bytes(2_000_000_000), "2 GB");
    check(micros(340), "340 \u{b5}s");
    check(micros(1_940), "1.9 ms");
    check(micros(999_700), "1 s");
    check(millis(125_000.0), "2 min 5 s");
    check(counted(1, "entry"), "1 entry");
    check(counted(1_200, "entry"), "1,200 entries");
    check(counted(2, "pass"), "2 passes");
    check(counted(0, "turn"), "0 turns");
}

#[test]
fn the_verdict_says_what_happened() {
    let sentence = "Of 3 turns, 1 was served while 2 compactions ran beside it; \
                    no call waited longer than 90 \u{b5}s.";
    is_said(&report(), sentence);

    let mut blocking = report();
    blocking.mode = Mode::Blocking;
    blocking.turns[2].waited_us = 3_100_000;
    let sentence = "Of 3 turns, 1 stood still for 2 compactions, 3.1 s in all; \
                    the longest wait was 3.1 s.";
    is_said(&blocking, sentence);

    let mut idle = report();
    idle.passes.clear();
    let sentence =
        "3 turns were served without any compaction; no call waited longer than 90 \u{b5}s.";
    is_said(&idle, sentence);

    let sentence = "The transcript holds no assistant turn, so there was nothing to play.";
    is_said(&Report::default(), sentence);
}

/// A report whose summaries models were to write, and who wrote that of each pass.
fn written(authors: &[&str]) -> Report {
    let passes = (1..).zip(authors).map(|(number, author)| {
        let author = (*author).to_owned();
        Pass { author, ..pass(number, "spliced") }
    });
    let writer = |name: &str, why: Option<&str>| Summarizer {
        name: name.to_owned(),
        asked: 3,
        failed: u64::from(why.is_some()),
        first_failure: why.map(str::to_owned),
        ..Summarizer::default()
    };
    let summarizers = vec![writer("acme/small", None), writer("acme/large", Some("no key."))];
    Report { passes: passes.collect(), summarizers, ..report() }
}

#[test]
fn what_models_left_to_quoting_is_said_first() {
    let none = written(&["extractive", "extractive"]);
    is_said(&none, "No summary was written by acme/small or acme/large: no key.");
    assert_eq!(verdict(&none).0, Tone::Plain);
    let mut silent = none;
    silent.summarizers.truncate(1);
    is_said(&silent, "No summary was written by acme/small: 3 given up: the hard mark was near");
    let some = written(&["acme/small", "extractive", "acme/small+extractive"]);
    is_said(&some, "Of 3 summaries, 1 was quoted from the transcript, 1 in part.");
    let all = written(&["acme/small", "acme/large"]);
    assert_eq!(verdict(&all).0, Tone::Good);
    let mut simulated = written(&["extractive"]);
    simulated.settings.summary_ms = Some(150);
    assert_eq!(verdict(&simulated).0, Tone::Good);
}

#[test]
fn how_limits_stood_at_the_end_is_told_of_accounts_and_of_models_that_differ() {
    let key = |model: Option<&str>| Standing {
        model: model.map(str::to_owned),
        slots: 8,
        ..Standing::default()
    };
    let rate = Rate { quantity: "input tokens", per_minute: 100_000, left: 41_000 };
    let account = Standing {
        paused_ms: Some(8_000.0),
        paused_because: Some("rate limited"),
        rates: vec![rate],
        ..key(None)
    };
    let broken = Standing {
        slots: 2,
        broken_ms: Some(30_000.0),
        broken_because: Some("it failed too often in a row"),
        ..key(Some("small"))
    };
    let same = Standing { model: Some("same".to_owned()), ..account.clone() };
    let keys = vec![account, broken, same];
    let mut report = report();
    report.providers = vec![Provider { name: "acme".to_owned(), keys, ..Provider::default() }];
    is_said(&report, "8 slots, 100k input tokens a minute");
    is_said(&report, "41k input tokens");
    is_said(&report, "paused 8 s: rate limited");
    is_said(&report, "2 slots");
    is_said(&report, "left alone 30 s: it failed too often in a row");
    assert!(!text::render(&report, false).contains("  same "));
}

#[test]
fn a_broken_promise_comes_first() {
    let mut broken = report();
    broken.checks = Checks { contexts: 3, breaches: vec!["turn 2 lost a result".to_owned()] };
    is_said(&broken, "A promise was broken 1 time in 3 contexts.");
    is_said(&broken, "turn 2 lost a result");

    let mut lossy = report();
    lossy.lossless.as_mut().unwrap().ok = false;
    is_said(&lossy, "The store does not give the original transcript back.");
}

#[test]
fn lossless_is_a_line_of_its_own() {
    let has = |report: &Report, line: &str| {
        [true, false].map(|colour| text::render(report, colour).lines().any(|found| found == line))
    };
    let mut checked = report();
    assert_eq!(has(&checked, "lossless: yes"), [true, true]);
    checked.lossless.as_mut().unwrap().ok = false;
    assert_eq!(has(&checked, "lossless: no"), [true, true]);
    checked.lossless = None;
    assert!(!text::render(&checked, false).contains("lossless"));
}

#[test]
fn counts_are_grouped_by_outcome_and_reason() {
    let mut report = report();
    report.passes.push(pass(3, "spliced"));
    report.passes[2].moved_back = Some(MovedBack { entries: 4, why: "an open call".to_owned() });
    let outcomes: Vec<_> = report.passes_by_outcome().into_iter().collect();
    assert_eq!(outcomes, [("refused", 1), ("spliced", 2)]);
    let moved: Vec<_> = report.moved_back_by_reason().into_iter().collect();
    assert_eq!(moved, [("an open call", 1)]);
}

#[test]
fn the_longest_wait_also_counts_calls_outside_of_turns() {
    let mut report = report();
    assert_eq!(report.longest_wait_us(), 90);
    report.latency =
        Latency::from(Samples { append_during_us: vec![5, 700], ..Samples::default() });
    assert_eq!(report.longest_wait_us(), 700);
}

#[test]
fn colours_appear_only_when_asked_for() {
    assert!(text::render(&report(), true).contains('\u{1b}'));
    assert!(!text::render(&report(), false).contains('\u{1b}'));
}

#[test]
fn foreign_text_neither_steers_the_terminal_nor_the_page() {
    let evil = "\u{1b}[2J<script>\"&'\n\u{202e}\u{2066}\u{200f}";
    let mut report = report();
    report.file = evil.to_owned();
    report.session = evil.to_owned();
    report.format = evil.to_owned();
    report.checks.breaches = vec![evil.to_owned()];
    report.passes[0].outcome = evil.to_owned();
    report.passes[1].moved_back = Some(MovedBack { entries: 1, why: evil.to_owned() });
    report.passes[0].author = evil.to_owned();
    let (name, first_failure) = (evil.to_owned(), Some(evil.to_owned()));
    report.summarizers = vec![Summarizer { name, first_failure, ..Summarizer::default() }];
    let keys = vec![Standing { model: Some(evil.to_owned()), ..Standing::default() }];
    let account = Provider { name: evil.to_owned(), keys, ..Provider::default() };
    let acts = |text: &str| text.contains(['\u{1b}', '\u{202e}', '\u{2066}', '\u{200f}']);
    assert!(!acts(&account.line()));
    report.providers = vec![account];
    report.warnings = vec![Warning { kind: evil.to_owned(), count: 1, first: evil.to_owned() }];
    assert!(!acts(&text::render(&report, false)));
    let page = html::page(&report);
    assert!(!acts(&page));
    assert!(!page.contains("<script"));
}

#[test]
fn the_page_needs_nothing_else() {
    let page = html::page(&report());
    for outside in ["http:", "https:", "src=", "href=", "@import"] {
        assert!(!page.contains(outside), "the page refers to {outside}");
    }
}

#[test]
fn the_picture_has_a_band_and_a_story_for_each_pass() {
    let page = html::page(&report());
    assert_eq!(page.matches("class=\"pill ").count(), 2);
    assert!(page.contains("<title>Pass 2: refused: too little gained after"));
    assert!(!html::page(&Report::default()).contains("<svg"));
}

#[test]
fn coordinates_stay_finite_whatever_the_numbers() {
    let mut extreme = report();
    extreme.marks = Marks::default();
    extreme.turns[0].view_tokens = u64::from(u32::MAX);
    extreme.turns[1].context_us = u64::MAX;
    extreme.passes[0].first_turn = u64::MAX;
    for report in [extreme, Report { turns: vec![turn(1, 0)], ..Report::default() }] {
        let page = html::page(&report);
        assert!(!page.contains("NaN") && !page.contains("inf\""), "{page}");
    }
}

#[test]
fn json_carries_units_in_its_names() {
    let value: serde_json::Value = serde_json::from_str(&report().to_json()).unwrap();
    assert_eq!(value["mode"], "beside");
    assert_eq!(value["turns"][1]["view_tokens"], 1_400);
    assert_eq!(value["latency"]["append"]["during"]["p99_us"], 0);
}
