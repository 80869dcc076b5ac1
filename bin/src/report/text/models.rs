//! Who wrote the summaries, and what the gate saw of providers.

use crate::report::models::Provider;

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
        let meaning = format!("permits; longest wait: {waits}");
        lines.push(palette.row(&format!("account {}", plain(&provider.name)), &permits, &meaning));
        let trouble = provider.trouble();
        if !trouble.is_empty() {
            lines.push(palette.bad(&format!("  ! {trouble}")));
        }
        lines.extend(keys(provider, palette));
    }
    if !lines.is_empty() {
        lines.insert(0, palette.strong("Models"));
    }
    lines
}

/// How the limits of an account stood at the end, and those of its models that differ from it.
fn keys(provider: &Provider, palette: Palette) -> Vec<String> {
    let Some((account, models)) = provider.keys.split_first() else { return Vec::new() };
    let mut lines = Vec::new();
    for key in std::iter::once(account).chain(models.iter().filter(|key| key.differs(account))) {
        let whose = key.model.as_deref().map_or("all its models".to_owned(), plain);
        let left = key.left().map_or(String::new(), |left| format!("; left at the end: {left}"));
        let meaning = format!("{}{left}", key.limits());
        lines.push(palette.row(&format!("  {whose}"), "", &meaning));
        for stop in key.stops() {
            lines.push(palette.bad(&format!("  ! {whose}: {stop}")));
        }
    }
    lines
}
