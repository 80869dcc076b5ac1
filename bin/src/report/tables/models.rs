//! Who wrote the summaries, and what the gate saw of providers, as tables.

use super::{DASH, Report, escape, micros, section, table, thousands, wait_row};
use crate::report::models::{Provider, Standing};

/// The summarizers: their answers, and why they failed.
pub(super) fn summarizers(report: &Report) -> String {
    if report.summarizers.is_empty() {
        return String::new();
    }
    let rows = report.summarizers.iter().map(|summarizer| {
        let mut row = wait_row(&escape(&summarizer.name), summarizer.answered);
        let reasons = summarizer.reasons().into_iter().map(|(_, why)| escape(why));
        let reasons = reasons.collect::<Vec<_>>().join("; at last ");
        let given_up = summarizer.given_up_because();
        let given_up = if given_up.is_empty() { DASH.to_owned() } else { given_up };
        row.extend([
            thousands(summarizer.failed),
            given_up,
            if reasons.is_empty() { DASH.to_owned() } else { reasons },
        ]);
        row
    });
    let titles = [
        "summarizer",
        "answers",
        "half within",
        "99% within",
        "longest",
        "failed",
        "given up",
        "failed because",
    ];
    let note = "Asked in this order: the next one where the one before fails, and at last the one that quotes. \
                Waiting for a slot is included.";
    section("Summarizers", note, "wide", &table(&titles, &rows.collect::<Vec<_>>()))
}

/// The gate: a row for each account and each of its models.
pub(super) fn gate(report: &Report) -> String {
    if report.providers.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = report
        .providers
        .iter()
        .flat_map(|provider| {
            let keys = provider.keys.iter().enumerate();
            keys.map(
                |(at, key)| if at == 0 { account(provider, key) } else { model(provider, key) },
            )
        })
        .collect();
    let titles = [
        "account",
        "limits",
        "left at the end",
        "turns",
        "longest wait",
        "compaction",
        "longest wait",
        "turned away",
        "stopped at the end",
    ];
    let note = "Permits that the gate granted. Limits are ceilings from the settings, or what the provider said of \
                them; a model's hold beside its account's.";
    section("Gate", note, "wide", &table(&titles, &rows))
}

fn account(provider: &Provider, key: &Standing) -> Vec<String> {
    let mut row = vec![escape(&provider.name), key.limits(), left(key)];
    for class in ["turn", "compaction"] {
        let granted = provider.granted.get(class).copied().unwrap_or(0);
        let wait = provider.longest_wait_us.get(class).copied().filter(|_| granted > 0);
        row.extend([thousands(granted), wait.map_or_else(|| DASH.to_owned(), micros)]);
    }
    let trouble = provider.trouble();
    row.push(if trouble.is_empty() { "none".to_owned() } else { trouble });
    row.push(stops(key));
    row
}

fn model(provider: &Provider, key: &Standing) -> Vec<String> {
    let name = key.model.as_deref().unwrap_or_default();
    let mut row = vec![escape(&format!("{}/{name}", provider.name)), key.limits(), left(key)];
    row.extend([const { DASH }; 5].map(str::to_owned));
    row.push(stops(key));
    row
}

fn left(key: &Standing) -> String {
    key.left().unwrap_or_else(|| DASH.to_owned())
}

/// Why nothing was granted at the end, and for how long.
fn stops(key: &Standing) -> String {
    let stops = key.stops();
    if stops.is_empty() { DASH.to_owned() } else { stops.join("; ") }
}
