//! What became of the calls at the provider, and what is promised of waits, as this run has it.

use super::super::super::report::Report;
use super::{facts, named};
use crate::report::words::{DASH, counted, micros, millis, real, thousands};

/// Passes, calls and permits.
pub(super) fn calls(report: &Report) -> String {
    let tally = report.provider;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let passes = report.passes.iter();
    let mut rows: Vec<(String, String)> =
        passes.map(|(outcome, count)| (format!("passes {outcome}"), thousands(*count))).collect();
    rows.extend(named([
        ("spliced with words that no model wrote", thousands(report.compared.quoted)),
        ("calls of the provider", thousands(tally.calls)),
        ("refused over a limit that is known (429)", thousands(tally.refused_by_limits)),
        ("refused by chance (429)", thousands(tally.refused_by_chance)),
        ("failed by chance", thousands(tally.failed)),
        ("calls at once at most", thousands(tally.peak_in_flight)),
        ("slots in use, of all and all along", percent(tally.utilisation)),
    ]));
    if let Some(share) = tally.utilisation_while_waiting {
        let waited = millis(real(tally.waiting_us) / 1e3);
        let value = format!("{}, in {waited}", percent(share));
        rows.push(("of those for turns or passes that waited".to_owned(), value));
    }
    for (class, wait) in &report.gate.longest_wait_us {
        let granted = report.gate.granted.get(class).copied().unwrap_or(0);
        if granted > 0 {
            let value = format!("{}, of {}", micros(*wait), counted(granted, "permit"));
            rows.push((format!("longest wait for a permit, {class}"), value));
        }
    }
    facts("Passes and provider", &rows)
}

/// Calls beside passes and without, and turns beside the reserved share.
pub(super) fn promises(report: &Report) -> String {
    let ratios = report.p99_ratio;
    let ratio = |ratio: Option<f64>| {
        let value = |ratio| format!("{ratio:.2} times as long during a pass as otherwise");
        ratio.map_or(DASH.to_owned(), value)
    };
    let mut rows = named([
        ("append, 99% within", ratio(ratios.append)),
        ("context, 99% within", ratio(ratios.context)),
        ("next context, 99% within", ratio(ratios.next_context)),
    ]);
    rows.extend(arms(report));
    rows.extend(share(report));
    if let Some(withheld) = report.withheld {
        let value = format!(
            "{}, in {}, {} of them beside a pass of their session",
            withheld.longest_us().map_or(DASH.to_owned(), micros),
            counted(withheld.calls, "call"),
            thousands(withheld.beside_passes),
        );
        rows.push(("longest wait of a session's call for a model".to_owned(), value));
    }
    facts("What passes cost others", &rows)
}

/// Agents with passes against agents without.
fn arms(report: &Report) -> Vec<(String, String)> {
    let Some(arms) = report.arms else { return Vec::new() };
    let pairs = [
        ("calls", Some(arms.both)),
        ("appends", arms.append),
        ("contexts", arms.context),
        ("next contexts", arms.next_context),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, pair)| pair.map(|pair| (name, pair)));
    pairs
        .map(|(name, pair)| {
            let value = format!(
                "{:.2}: {} with, {} without, in {} and {}",
                pair.p99_ratio,
                micros(pair.passes.p99_us),
                micros(pair.no_passes.p99_us),
                thousands(pair.passes.calls),
                counted(pair.no_passes.calls, "call")
            );
            let name =
                format!("99% of {name} of agents with passes against without, at equal view size");
            (name, value)
        })
        .collect()
}

/// Turns beside a provider of the reserved share alone.
fn share(report: &Report) -> Vec<(String, String)> {
    let Some(shared) = report.shared else { return Vec::new() };
    let mut rows = named([
        (
            "turns granted later than at the reserved share alone",
            format!("{} of {}", thousands(shared.later), thousands(shared.turns)),
        ),
        (
            "turns that waited",
            format!(
                "{}; {} at the reserved share alone",
                thousands(shared.waited),
                thousands(shared.waited_alone)
            ),
        ),
    ]);
    if shared.unseen > 0 {
        let name = "calls whose end was not heard of, so that turns were not compared";
        rows.push((name.to_owned(), thousands(shared.unseen)));
    }
    if let Some(us) = shared.starved_us {
        let name = "time in which turns waited and had less than their share of the slots";
        rows.push((name.to_owned(), micros(us)));
    }
    rows
}
