//! The figures as tables: how long everything took, what happened, the provider, the machine, and breaches.

mod provider;

use super::super::metrics::Spread;
use super::super::report::Report;
use crate::report::words::{DASH, bytes, counted, escape, micros, millis, real, thousands};

/// All tables.
pub(super) fn all(report: &Report) -> String {
    [
        breaches(report),
        waits(report),
        happened(report),
        provider::calls(report),
        machine(report),
        provider::promises(report),
    ]
    .concat()
}

fn breaches(report: &Report) -> String {
    if report.broken == 0 {
        return String::new();
    }
    let items = report.breaches.iter().map(|breach| format!("<li>{}</li>", escape(breach)));
    format!(
        "<section class=\"wide bad\"><h2>Broken promises</h2><ul>{}</ul></section>",
        items.collect::<Vec<_>>().concat()
    )
}

fn waits(report: &Report) -> String {
    let latency = &report.latency;
    let rows = [
        ("append, during a pass", latency.append.during_pass),
        ("append, otherwise", latency.append.without_pass),
        ("context, during a pass", latency.context.during_pass),
        ("context, otherwise", latency.context.without_pass),
        ("next context, during a pass", latency.next_context.during_pass),
        ("next context, otherwise", latency.next_context.without_pass),
        ("permit of a turn", latency.turn_permit),
        ("permit of a pass", latency.compaction_permit),
        ("pass", latency.pass),
        ("splice, behind a model", latency.splice),
        ("append, during a pass, from when it was made", latency.append_made.during_pass),
        ("append, otherwise, from when it was made", latency.append_made.without_pass),
        ("context, during a pass, from when it was made", latency.context_made.during_pass),
        ("context, otherwise, from when it was made", latency.context_made.without_pass),
        (
            "next context, during a pass, from when it was made",
            latency.next_context_made.during_pass,
        ),
        ("next context, otherwise, from when it was made", latency.next_context_made.without_pass),
    ];
    let rows = rows.map(|(name, spread)| row(name, spread));
    format!(
        "<section class=\"wide\"><h2>How long everything took</h2>\
         <p class=\"note\">from when it was due, unless it says otherwise</p><div class=\"scroll\"><table>\
         <thead><tr><th></th><th class=\"n\">times</th><th class=\"n\">half within</th><th class=\"n\">99% within</th>\
         <th class=\"n\">99.9%</th><th class=\"n\">longest</th></tr></thead><tbody>{}</tbody></table></div></section>",
        rows.concat()
    )
}

fn row(name: &str, spread: Spread) -> String {
    let time = |us: u64| spread.told(us);
    let cells = [
        thousands(spread.count),
        time(spread.p50_us),
        time(spread.p99_us),
        time(spread.p999_us),
        time(spread.max_us),
    ];
    let cells = cells.map(|cell| format!("<td class=\"n\">{cell}</td>"));
    format!("<tr><td>{name}</td>{}</tr>", cells.concat())
}

/// Rows of which there is always one.
fn named<const N: usize>(rows: [(&str, String); N]) -> Vec<(String, String)> {
    rows.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn facts(title: &str, rows: &[(String, String)]) -> String {
    let rows = rows.iter().map(|(name, value)| {
        format!("<tr><td>{}</td><td>{}</td></tr>", escape(name), escape(value))
    });
    format!(
        "<section><h2>{title}</h2><table class=\"facts\"><tbody>{}</tbody></table></section>",
        rows.collect::<Vec<_>>().concat()
    )
}

fn happened(report: &Report) -> String {
    let counts = report.counts;
    let mut rows = named([
        ("sessions", thousands(counts.sessions)),
        ("turns", thousands(counts.turns)),
        ("steps of the model", thousands(counts.steps)),
        ("entries", thousands(counts.entries)),
        ("said in all entries", bytes(counts.entry_bytes)),
        ("said in the largest session", bytes(counts.largest_session_bytes)),
        ("contexts", thousands(counts.contexts)),
        ("largest view", counted(counts.largest_view_tokens, "token")),
        ("children", thousands(counts.children)),
        ("rewinds", thousands(counts.rewinds)),
        ("forks", thousands(counts.forks)),
        ("clears", thousands(counts.clears)),
        ("pauses", thousands(counts.idles)),
        ("contexts that could not be made to fit", thousands(counts.too_large)),
        ("calls of turns that were made again", thousands(counts.retries)),
    ]);
    if let Some(killed) = report.killed {
        rows.extend(named([
            ("entries acknowledged before the kill", thousands(killed.entries)),
            ("sessions that went on behind it", thousands(killed.resumed)),
        ]));
    }
    facts("What happened", &rows)
}

fn machine(report: &Report) -> String {
    let (memory, store) = (report.memory, report.store);
    let each_second =
        |count: u64| format!("{}, {:.0} each second", thousands(count), report.each_second(count));
    let processor = |us: Option<u64>| {
        us.map_or(DASH.to_owned(), |us| {
            let each = micros(us / report.counts.steps.max(1));
            format!("{}, {each} for each step", millis(real(us) / 1e3))
        })
    };
    let rows = named([
        ("memory of the process at most", bytes(memory.process_peak_bytes)),
        ("held by live sessions at most", bytes(memory.sessions_peak_bytes)),
        ("which may hold", bytes(memory.budget_bytes)),
        ("live sessions at most", thousands(memory.live_sessions_peak)),
        ("sessions that came into memory, new ones included", thousands(memory.activations)),
        ("ended for want of use or room", thousands(memory.passivations)),
        ("texts given up", thousands(memory.evictions)),
        ("pages read", thousands(memory.page_reads)),
        (
            "store before and after",
            format!("{}, {}", bytes(store.before_bytes), bytes(store.after_bytes)),
        ),
        ("commits", each_second(store.commits)),
        ("syncs of the disk", each_second(store.syncs)),
        ("time on processors, agents included", processor(report.cpu_us)),
        ("of it the house", processor(report.house_cpu_us)),
    ]);
    facts("Machine", &rows)
}
