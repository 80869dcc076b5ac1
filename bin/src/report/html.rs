//! The report as one page that needs nothing else: no network, no script, light or dark, fit to print.

use super::Report;
use super::chart::chart;
use super::style::STYLE;
use super::tables::{outcome_class, tables};
use super::verdict::{Tone, verdict};
use super::words::{DASH, bytes, counted, escape, micros, millis, real, short, size, thousands};

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let (tone, sentence) = verdict(report);
    let tone = match tone {
        Tone::Good => "good",
        Tone::Plain => "plain",
        Tone::Bad => "bad",
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>Replay of {file}</title><style>{STYLE}</style></head>\n<body><main>\
         <header><p class=\"eyebrow\">highwater replay</p><h1 class=\"{tone}\">{sentence}</h1>\
         <p class=\"source\"><strong>{file}</strong> {format} \u{b7} session {session} \u{b7} {mode}\
         </p></header>\n{tiles}{figure}<div class=\"grid-2\">{tables}</div>\
         </main></body></html>\n",
        file = escape(&report.file),
        sentence = escape(&sentence),
        format = escape(&report.format),
        session = escape(&report.session),
        mode = report.mode.described(),
        tiles = tiles(report),
        figure = figure(report),
        tables = tables(report),
    )
}

struct Tile {
    class: &'static str,
    value: String,
    label: &'static str,
    note: String,
}

fn tiles(report: &Report) -> String {
    let tiles: Vec<String> = [
        during_tile(report),
        wait_tile(report),
        view_tile(report),
        pass_tile(report),
        slot_tile(report),
        lossless_tile(report),
    ]
    .into_iter()
    .map(|tile| {
        format!(
            "<div class=\"tile {}\"><dt>{}</dt><dd class=\"value\">{}</dd><dd>{}</dd></div>",
            tile.class,
            tile.label,
            tile.value,
            escape(&tile.note)
        )
    })
    .collect();
    format!("<dl class=\"tiles\">{}</dl>\n", tiles.concat())
}

fn during_tile(report: &Report) -> Tile {
    let turns = size(report.turns.len());
    Tile {
        class: "",
        value: thousands(size(report.turns_during_passes())),
        label: "turns during passes",
        note: format!("of {}, served while a pass ran", counted(turns, "turn")),
    }
}

fn wait_tile(report: &Report) -> Tile {
    let waited: u64 = report.turns.iter().map(|turn| turn.waited_us).sum();
    let note = if waited > 0 {
        format!("{} of standing still in all", micros(waited))
    } else {
        "of any append or context".to_owned()
    };
    Tile {
        class: if waited > 0 { "warn" } else { "" },
        value: micros(report.longest_wait_us()),
        label: "longest wait",
        note,
    }
}

fn view_tile(report: &Report) -> Tile {
    let note = format!(
        "tokens; hard mark {}, whole transcript {}",
        short(report.marks.hard_tokens),
        short(report.whole_tokens())
    );
    let largest = report.largest_view().map(|turn| turn.view_tokens);
    let over = largest.is_some_and(|tokens| tokens > report.marks.hard_tokens);
    Tile {
        class: if over { "bad" } else { "" },
        value: largest.map_or(DASH.to_owned(), short),
        label: "largest view",
        note,
    }
}

fn pass_tile(report: &Report) -> Tile {
    let mut notes: Vec<String> = report
        .passes_by_outcome()
        .into_iter()
        .map(|(outcome, count)| format!("{} {outcome}", thousands(count)))
        .collect();
    notes.push(counted(report.resets, "reset"));
    for (why, count) in report.moved_back_by_reason() {
        notes.push(format!("{} moved back ({why})", thousands(count)));
    }
    Tile {
        class: "",
        value: thousands(size(report.passes.len())),
        label: "passes",
        note: notes.join(", "),
    }
}

fn slot_tile(report: &Report) -> Tile {
    let waits = report.permit_waits;
    let (value, note) = match waits.count {
        0 => (DASH.to_owned(), "no turn asked for one".to_owned()),
        _ => (micros(waits.p99_us), format!("99% within; longest {}", micros(waits.max_us))),
    };
    Tile { class: "", value, label: "wait for a model slot", note }
}

fn lossless_tile(report: &Report) -> Tile {
    let (class, value, note) = match &report.lossless {
        None => ("", DASH.to_owned(), "not checked".to_owned()),
        Some(check) => {
            let compared = format!(
                "{}, {}: {}",
                counted(check.records, "record"),
                bytes(check.bytes),
                check.detail
            );
            if check.ok {
                ("good", "yes".to_owned(), compared)
            } else {
                ("bad", "no".to_owned(), compared)
            }
        }
    };
    Tile { class, value, label: "lossless", note }
}

fn figure(report: &Report) -> String {
    let chart = chart(report);
    if chart.is_empty() {
        return String::new();
    }
    let settings = &report.settings;
    let summary = match settings.summary_ms {
        Some(ms) => format!("a summary {}", millis(real(ms))),
        None => "a summary as long as its model does".to_owned(),
    };
    let caption = format!(
        "A turn takes the simulated model {}, {summary}. Point at a turn or at a pass to read its numbers.",
        millis(real(settings.turn_ms)),
    );
    format!("<figure>{}{chart}<figcaption>{caption}</figcaption></figure>\n", legend(report))
}

fn legend(report: &Report) -> String {
    let mut keys = vec![
        ("line view".to_owned(), "view".to_owned()),
        ("line whole".to_owned(), "whole transcript".to_owned()),
    ];
    for outcome in report.passes_by_outcome().into_keys() {
        let class = format!("box {}", outcome_class(outcome));
        keys.push((class, format!("pass {}", escape(outcome))));
    }
    keys.push(("dot append".to_owned(), "append".to_owned()));
    keys.push(("dot context".to_owned(), "context".to_owned()));
    if report.turns.iter().any(|turn| turn.waited_us > 0) {
        keys.push(("dot waited".to_owned(), "standing still for a pass".to_owned()));
    }
    let keys: Vec<String> = keys
        .into_iter()
        .map(|(class, name)| format!("<li><span class=\"{class}\"></span>{name}</li>"))
        .collect();
    format!("<ul class=\"legend\">{}</ul>", keys.concat())
}
