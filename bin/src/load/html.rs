//! The report as one page that needs nothing else: a verdict, the figures, and four pictures over time.

mod chart;
mod pictures;
mod tables;

use super::metrics::{Arms, Spread};
use super::report::Report;
use super::text::{for_whoever_waited, remarks, verdict};
use crate::report::style::STYLE;
use crate::report::words::{bytes, counted, escape, millis, real, thousands};

/// What this page adds to the style of all reports.
const OWN: &str = "
polyline{stroke-width:1.8}
polyline.a0{stroke:var(--view)}polyline.a1{stroke:var(--append)}polyline.a2{stroke:var(--landing)}
polyline.a3{stroke:var(--waited)}
span.a0{color:var(--view)}span.a1{color:var(--append)}span.a2{color:var(--landing)}span.a3{color:var(--waited)}
polyline.append{stroke:var(--append)}polyline.context{stroke:var(--context)}polyline.soft{stroke:var(--soft);
stroke-width:1.2}
polyline.turns{stroke:var(--view)}polyline.compactions{stroke:var(--spliced)}
rect.band{fill:var(--spliced);opacity:.16}.legend span.box.band{background:var(--spliced);opacity:.25}
polygon.passes{fill:var(--spliced);opacity:.4}polygon.turns{fill:var(--view);opacity:.45}
polygon.compactions{fill:var(--spliced);opacity:.6}
.legend span.box.passes{background:var(--spliced);opacity:.5}.legend span.box.turns{background:var(--view)}
.legend span.box.compactions{background:var(--spliced)}
.legend span.line{background:none;height:0}
span.line.append{color:var(--append)}span.line.context{color:var(--context)}span.line.soft{color:var(--soft)}
.legend span.line.turns{color:var(--view)}.legend span.line.compactions{color:var(--spliced)}
.remark{margin:-2px 0 10px;color:var(--waited);font-weight:600}
svg polyline.soft{fill:none}
figure h2{margin:0 0 2px}
";

/// A remark beside the verdict.
fn paragraph(remark: &str) -> String {
    format!("<p class=\"remark\">{}</p>", escape(remark))
}

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let scenario = escape(&report.scenario.name);
    let tone = if report.broken > 0 { "bad" } else { "good" };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>Load: {scenario}</title><style>{STYLE}{OWN}</style></head>\n<body><main>\
         <header><p class=\"eyebrow\">highwater load</p><h1 class=\"{tone}\">{sentence}</h1>{remarks}\
         <p class=\"source\"><strong>{scenario}</strong> {agents} \u{b7} {slots} \u{b7} window {window} tokens \u{b7} \
         {elapsed} \u{b7} seed {seed}</p></header>\n{tiles}{pictures}<div class=\"grid-2\">{tables}</div>\
         </main></body></html>\n",
        sentence = escape(&verdict(report)),
        remarks = remarks(report).iter().map(|remark| paragraph(remark)).collect::<String>(),
        agents = counted(report.scenario.agents, "agent"),
        slots = counted(report.scenario.provider.slots, "slot"),
        window = thousands(report.scenario.window_tokens),
        elapsed = millis(real(report.elapsed_ms)),
        seed = report.seed,
        tiles = tiles(report),
        pictures = pictures::all(report),
        tables = tables::all(report),
    )
}

fn tiles(report: &Report) -> String {
    let (tally, counts) = (report.provider, report.counts);
    let in_use = tally.utilisation_while_waiting.unwrap_or(tally.utilisation);
    let in_use_note = match tally.utilisation_while_waiting {
        Some(_) => for_whoever_waited(report),
        None => "of all slots; hardly anybody waited".to_owned(),
    };
    let bad = |is_bad: bool| if is_bad { "bad" } else { "good" };
    let spliced = report.passes.get("spliced").copied().unwrap_or(0);
    let (context, context_note) = context(report);
    let all = [
        (
            bad(report.broken > 0),
            "broken promises",
            thousands(report.broken),
            format!(
                "{} compared, {} checked",
                counted(report.compared.entries, "entry"),
                counted(counts.contexts, "context")
            ),
        ),
        (
            "",
            "turns",
            thousands(counts.turns),
            format!(
                "{} of the model, {:.0} each second",
                counted(counts.steps, "step"),
                report.each_second(counts.steps)
            ),
        ),
        ("", "context during a pass", context, context_note),
        (
            "",
            "passes",
            thousands(report.passes.values().sum()),
            format!("{} spliced", thousands(spliced)),
        ),
        ("", "slots in use", format!("{:.0} %", in_use * 100.0), in_use_note),
        (
            "",
            "memory",
            bytes(report.memory.process_peak_bytes),
            format!("at most; {} held by sessions", bytes(report.memory.sessions_peak_bytes)),
        ),
    ];
    let tiles = all.map(|(class, label, value, note)| {
        format!(
            "<div class=\"tile {class}\"><dt>{label}</dt><dd class=\"value\">{value}</dd><dd>{}</dd></div>",
            escape(&note)
        )
    });
    format!("<dl class=\"tiles\">{}</dl>\n", tiles.concat())
}

/// How long contexts took beside passes, of the kind that was asked for more often: no histogram holds both kinds.
fn context(report: &Report) -> (String, String) {
    let (alone, next) = (report.latency.context, report.latency.next_context);
    let asked = |arms: Arms| (arms.during_pass.count, arms.without_pass.count);
    let (kind, arms) =
        if asked(next) > asked(alone) { ("next context", next) } else { ("context", alone) };
    let time = |spread: Spread| spread.told(spread.p99_us);
    let note = format!(
        "99% of {} within; otherwise {}",
        counted(arms.during_pass.count, kind),
        time(arms.without_pass)
    );
    (time(arms.during_pass), note)
}

#[cfg(test)]
mod tests;
