//! The tables below the picture: passes, waiting times, checks, oddities, and how it was played.

mod models;

use super::words::{DASH, bytes, counted, escape, micros, millis, real, size, thousands};
use super::{Pass, Quantiles, Report};

/// All tables, as HTML sections.
pub(super) fn tables(report: &Report) -> String {
    [
        checks(report),
        waits(report),
        played(report),
        passes(report),
        models::summarizers(report),
        models::gate(report),
        settings(report),
        warnings(report),
    ]
    .concat()
}

fn section(title: &str, note: &str, class: &str, body: &str) -> String {
    format!(
        "<section class=\"{class}\"><h2>{title}</h2><p class=\"note\">{note}</p>{body}</section>\n"
    )
}

fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let is_figures: Vec<bool> = (0..titles.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).all(|cell| is_figure(cell)))
        .collect();
    let line = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&is_figures).map(|(cell, figure)| element(tag, cell, *figure));
        format!("<tr>{}</tr>", cells.collect::<Vec<_>>().concat())
    };
    let body = rows.iter().map(|row| line("td", &mut row.iter().map(String::as_str)));
    let body: Vec<String> = body.collect();
    format!(
        "<div class=\"scroll\"><table><thead>{}</thead><tbody>{}</tbody></table></div>",
        line("th", &mut titles.iter().copied()),
        body.concat()
    )
}

/// A cell, set to the right if its column holds figures.
fn element(tag: &str, content: &str, is_figure: bool) -> String {
    let class = if is_figure { " class=\"n\"" } else { "" };
    format!("<{tag}{class}>{content}</{tag}>")
}

/// A number, with or without units: they are short words.
fn is_figure(cell: &str) -> bool {
    let mut words = cell.split(' ');
    let is_number =
        words.next().is_some_and(|word| word.starts_with(|sign: char| sign.is_ascii_digit()));
    cell == DASH || (is_number && words.all(|word| word.chars().count() <= 3))
}

fn checks(report: &Report) -> String {
    let breaches = &report.checks.breaches;
    if breaches.is_empty() {
        return String::new();
    }
    let items: Vec<String> =
        breaches.iter().map(|breach| format!("<li>{}</li>", escape(breach))).collect();
    let note =
        format!("{} checked against the promises.", counted(report.checks.contexts, "context"));
    let list = format!("<ul>{}</ul>", items.concat());
    section("Broken promises", &note, "wide bad", &list)
}

fn waits(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .latency
        .named()
        .into_iter()
        .chain([("wait for a model slot", report.permit_waits)])
        .map(|(label, quantiles)| wait_row(label, quantiles))
        .collect();
    let note = "Each call is answered once its bytes are durable. \
                Waiting for a model slot is the model provider's time, not the session's.";
    let titles = ["call", "calls", "half within", "99% within", "longest"];
    section("Waiting times", note, "half", &table(&titles, &rows))
}

fn wait_row(label: &str, quantiles: Quantiles) -> Vec<String> {
    let time = |us: u64| match quantiles.count {
        0 => DASH.to_owned(),
        _ => micros(us),
    };
    vec![
        label.to_owned(),
        thousands(quantiles.count),
        time(quantiles.p50_us),
        time(quantiles.p99_us),
        time(quantiles.max_us),
    ]
}

fn passes(report: &Report) -> String {
    if report.passes.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = report.passes.iter().map(pass_row).collect();
    let titles = [
        "pass",
        "outcome",
        "started",
        "took",
        "from turn",
        "turns beside",
        "entries covered",
        "view before",
        "view after",
        "written by",
        "cut moved back",
    ];
    let note = "A pass summarizes the oldest part of the view and splices the summary in. \
                Its cut moves back where it would part what belongs together.";
    section("Passes", note, "wide passes", &table(&titles, &rows))
}

fn pass_row(pass: &Pass) -> Vec<String> {
    let moved = pass.moved_back.as_ref().map_or_else(
        || DASH.to_owned(),
        |moved| {
            let entries = counted(moved.entries, "entry");
            format!("{entries}: {}", escape(&moved.why))
        },
    );
    let outcome = format!(
        "<span class=\"dot {}\"></span>{}",
        outcome_class(pass.kind()),
        escape(&pass.outcome)
    );
    vec![
        thousands(pass.number),
        outcome,
        millis(pass.started_ms),
        millis(pass.ended_ms - pass.started_ms),
        thousands(pass.first_turn),
        thousands(pass.turns_served),
        thousands(pass.covered_entries),
        size_or_dash(pass.before_tokens),
        size_or_dash(pass.after_tokens),
        if pass.author.is_empty() { DASH.to_owned() } else { escape(&pass.author) },
        moved,
    ]
}

/// A view size; a pass that was not spliced has none.
fn size_or_dash(tokens: u64) -> String {
    if tokens == 0 { "\u{2013}".to_owned() } else { thousands(tokens) }
}

/// The colour class of an outcome, shared by the bands, the legend and the table.
pub(super) fn outcome_class(kind: &str) -> &'static str {
    match kind.to_ascii_lowercase().as_str() {
        "spliced" => "spliced",
        "refused" => "refused",
        "failed" => "failed",
        _ => "other",
    }
}

fn warnings(report: &Report) -> String {
    if report.warnings.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = report
        .warnings
        .iter()
        .map(|warning| {
            vec![
                escape(&warning.kind),
                thousands(warning.count),
                format!("<code>{}</code>", escape(&warning.first)),
            ]
        })
        .collect();
    let note = "What is unusual in the transcript. It was carried, and is not an error.";
    let titles = ["oddity", "count", "first seen"];
    section("Oddities", note, "half", &table(&titles, &rows))
}

fn settings(report: &Report) -> String {
    let settings = &report.settings;
    let marks = report.marks;
    let rows = [
        ("mode", report.mode.described().to_owned()),
        ("a turn takes", millis(real(settings.turn_ms))),
        (
            "a summary takes",
            settings
                .summary_ms
                .map_or("as long as its model does".to_owned(), |ms| millis(real(ms))),
        ),
        ("speed", format!("{}x", settings.speed)),
        ("model slots", settings.slots.to_string()),
        ("hard mark", counted(marks.hard_tokens, "token")),
        ("trigger mark", counted(marks.trigger_tokens, "token")),
        ("landing mark", counted(marks.landing_tokens, "token")),
    ];
    let note = "How the transcript was played. Times are the simulated model's, before speed.";
    section("Settings", note, "half facts", &facts(rows))
}

fn played(report: &Report) -> String {
    let refused = report.refused.as_ref();
    let refused = refused.map(|refused| format!("{}; first {}", refused.turns, refused.first));
    let rows = [
        ("turns", thousands(size(report.turns.len()))),
        ("turns not served", refused.unwrap_or_else(|| "none".to_owned())),
        ("entries", entries(report)),
        ("transcript", bytes(report.raw_bytes)),
        ("store", bytes(report.store_bytes)),
        ("contexts checked", thousands(report.checks.contexts)),
        ("replayed in", millis(real(report.elapsed_ms))),
    ];
    let note = "What was played, and what it became on disk.";
    section("Transcript and store", note, "half facts", &facts(rows))
}

fn facts<const N: usize>(rows: [(&str, String); N]) -> String {
    let rows = rows.map(|(label, value)| vec![label.to_owned(), value]);
    table(&["", ""], &rows)
}

fn entries(report: &Report) -> String {
    let entries = thousands(report.entries);
    let visible = thousands(report.visible_entries);
    match report.resumed_entries {
        0 => format!("{entries}, {visible} seen by the model"),
        resumed => {
            format!("{entries}, {visible} seen by the model, {} stored before", thousands(resumed))
        }
    }
}
