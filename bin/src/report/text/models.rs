//! Who wrote the summaries, and what the gate saw of providers.

use crate::report::models::Standing;

use super::{DASH, Palette, Report, micros, plain, thousands};

pub(super) fn models(report: &Report, palette: Palette) -> Vec<String> {
    let mut lines = Vec::new();
    for summarizer in &report.summarizers {
        let times = summarizer.answered;
        let took = if times.count == 0 {
            String::new()
        } else {
            format!("; half within {}, longest {}", micros(times.p50_us), micros(times.max_us))
        };
        let meaning = format!("{}{took}", summarizer.fate());
        let answered = thousands(summarizer.answered.count);
        lines.push(palette.row(&plain(&summarizer.name), &answered, &meaning));
        for (when, why) in summarizer.reasons() {
            lines.push(palette.bad(&format!("  ! {when}: {}", plain(why))));
        }
    }
    for provider in &report.providers {
        let permits = thousands(provider.granted.values().sum());
        let waits = provider
            .longest_wait_us
            .iter()
            .filter(|(class, _)| provider.granted.get(*class).is_some_and(|granted| *granted > 0));
        let waits: Vec<String> =
            waits.map(|(class, wait)| format!("{class} {}", micros(*wait))).collect();
        let waits = if waits.is_empty() { DASH.to_owned() } else { waits.join(", ") };
        let limits = provider.keys.first().map_or(String::new(), Standing::limits);
        let meaning = format!("permits; longest wait: {waits}; {limits}");
        lines.push(palette.row(&format!("account {}", plain(&provider.name)), &permits, &meaning));
        let trouble = provider.trouble();
        if !trouble.is_empty() {
            lines.push(palette.bad(&format!("  ! {trouble}")));
        }
    }
    if !lines.is_empty() {
        lines.insert(0, palette.strong("Models"));
    }
    lines
}
