//! The figures as tables: how long everything took, what happened, the provider, the machine, and breaches.

use super::super::metrics::Spread;
use super::super::report::Report;
use crate::report::words::{DASH, bytes, escape, micros, millis, real, thousands};

/// All tables.
pub(super) fn all(report: &Report) -> String {
    [breaches(report), waits(report), happened(report), machine(report)].concat()
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
        ("splice, from the last answer of a model", latency.splice),
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
    let time = |us: u64| if spread.count == 0 { DASH.to_owned() } else { micros(us) };
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
    let (counts, tally) = (report.counts, report.provider);
    let mut rows: Vec<(String, String)> = [
        ("sessions", counts.sessions),
        ("turns", counts.turns),
        ("steps of the model", counts.steps),
        ("entries", counts.entries),
        ("contexts", counts.contexts),
        ("children", counts.children),
        ("rewinds", counts.rewinds),
        ("forks", counts.forks),
        ("clears", counts.clears),
        ("pauses", counts.idles),
        ("contexts that could not be made to fit", counts.too_large),
        ("calls of the provider", tally.calls),
        ("refused over a limit that is known", tally.refused_by_limits),
        ("refused or failed by chance", tally.refused_by_chance + tally.failed),
        ("calls at once", tally.peak_in_flight),
    ]
    .map(|(name, count)| (name.to_owned(), thousands(count)))
    .to_vec();
    if let Some(shared) = report.shared {
        let value = format!("{} of {}", thousands(shared.later), thousands(shared.turns));
        rows.push(("turns granted later than at the reserved share alone".to_owned(), value));
    }
    if let Some(arms) = report.arms {
        let pair = arms.both;
        let value = format!(
            "{:.2}: {} with, {} without, in {} and {} calls",
            pair.p99_ratio,
            micros(pair.passes.p99_us),
            micros(pair.no_passes.p99_us),
            thousands(pair.passes.calls),
            thousands(pair.no_passes.calls)
        );
        rows.push((
            "99% of calls with passes against without, at equal view size".to_owned(),
            value,
        ));
    }
    if let Some(withheld) = report.withheld {
        let value = format!(
            "{}, in {} calls, {} of them beside a pass of their session",
            withheld.longest_us().map_or(DASH.to_owned(), micros),
            thousands(withheld.calls),
            thousands(withheld.beside_passes),
        );
        rows.push(("longest wait of a session's call for a model".to_owned(), value));
    }
    if let Some(killed) = report.killed {
        let count = thousands(killed.entries);
        rows.push(("entries acknowledged before the kill".to_owned(), count));
        let count = thousands(killed.resumed);
        rows.push(("sessions that went on behind it".to_owned(), count));
    }
    let passes = report.passes.iter();
    rows.extend(passes.map(|(outcome, count)| (format!("passes {outcome}"), thousands(*count))));
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
    let rows = [
        ("memory of the process at most", bytes(memory.process_peak_bytes)),
        ("held by live sessions at most", bytes(memory.sessions_peak_bytes)),
        ("which may hold", bytes(memory.budget_bytes)),
        ("live sessions at most", thousands(memory.live_sessions_peak)),
        ("sessions read from the store", thousands(memory.activations)),
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
    ];
    facts("Machine", &rows.map(|(name, value)| (name.to_owned(), value)))
}
