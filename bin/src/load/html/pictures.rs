//! The four pictures: how long calls took, slots in use, memory, and the views of some agents.

use highwater_protocol::{Budget, TokenCount};

use super::super::pulse::Sample;
use super::super::report::Report;
use super::chart::{Plot, Points, Scale};
use crate::report::words::{bytes, micros, short};

/// All of them, each with its heading.
pub(super) fn all(report: &Report) -> String {
    if report.samples.is_empty() {
        return String::new();
    }
    [calls(report), slots(report), memory(report), views(report)].concat()
}

fn points(report: &Report, pick: impl Fn(&Sample) -> u64) -> Points {
    report.samples.iter().map(|sample| (sample.at_ms, pick(sample))).collect()
}

fn figure(title: &str, note: &str, legend: &[(&str, &str, &str)], plots: &[String]) -> String {
    let legend = legend.iter().map(|(kind, class, name)| {
        format!("<li><span class=\"{kind} {class}\"></span>{name}</li>")
    });
    format!(
        "<figure><h2>{title}</h2><p class=\"note\">{note}</p><ul class=\"legend\">{}</ul>{}</figure>\n",
        legend.collect::<Vec<_>>().concat(),
        plots.concat(),
    )
}

/// Stretches during which passes were in flight: around each look that saw one, half way to the looks beside it.
fn passes(samples: &[Sample]) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = Vec::new();
    for (at, sample) in samples.iter().enumerate().filter(|(_, one)| one.passes_in_flight > 0) {
        let half_way =
            |other: Option<&Sample>| u64::midpoint(other.unwrap_or(sample).at_ms, sample.at_ms);
        let from = half_way(at.checked_sub(1).and_then(|before| samples.get(before)));
        let to = half_way(samples.get(at + 1));
        match all.last_mut().filter(|(_, end)| *end == from) {
            Some((_, end)) => *end = to,
            None => all.push((from, to)),
        }
    }
    all
}

/// How many passes there were is a plot of its own below, since they are counted and not timed.
fn calls(report: &Report) -> String {
    let times = Plot {
        height: 190.0,
        label: "How long appends and contexts took, over time",
        scale: Scale::Logarithmic,
        tick: micros,
        shaded: passes(&report.samples),
        areas: Vec::new(),
        lines: vec![
            ("append", points(report, |sample| sample.append_p99_us)),
            ("context", points(report, |sample| sample.context_p99_us)),
        ],
        marks: Vec::new(),
    };
    let passes = Plot {
        height: 70.0,
        label: "Passes in flight, over time",
        scale: Scale::Linear,
        tick: short,
        shaded: Vec::new(),
        areas: vec![("passes", points(report, |sample| sample.passes_in_flight))],
        lines: Vec::new(),
        marks: Vec::new(),
    };
    let end_ms = report.elapsed_ms;
    figure(
        "Waiting time",
        "99 of 100 calls since the last look were answered within, from when they were due; shaded while \
         passes were in flight; below, how many",
        &[
            ("line", "append", "append"),
            ("line", "context", "context, with entries or without"),
            ("box", "band", "while passes were in flight"),
            ("box", "passes", "passes in flight"),
        ],
        &[times.draw(end_ms), passes.draw(end_ms)],
    )
}

fn slots(report: &Report) -> String {
    let plot = Plot {
        height: 190.0,
        label: "Slots in use by class, over time",
        scale: Scale::Linear,
        tick: short,
        shaded: Vec::new(),
        areas: vec![
            ("compactions", points(report, |sample| sample.turn_slots + sample.compaction_slots)),
            ("turns", points(report, |sample| sample.turn_slots)),
        ],
        lines: Vec::new(),
        marks: vec![("hard", "allowed", report.scenario.provider.slots)],
    };
    let waiting = Plot {
        height: 70.0,
        label: "Turns and passes that wait for a permit, over time",
        scale: Scale::Linear,
        tick: short,
        shaded: Vec::new(),
        areas: Vec::new(),
        lines: vec![
            ("compactions", points(report, |sample| sample.compactions_waiting)),
            ("turns", points(report, |sample| sample.turns_waiting)),
        ],
        marks: Vec::new(),
    };
    figure(
        "Slots of the provider",
        "calls under way by class, one above the other; the dashed line is what the provider allows; \
         below, the turns and calls of passes that wait for a permit",
        &[
            ("box", "turns", "turns"),
            ("box", "compactions", "passes"),
            ("line", "turns", "turns that wait"),
            ("line", "compactions", "passes that wait"),
        ],
        &[plot.draw(report.elapsed_ms), waiting.draw(report.elapsed_ms)],
    )
}

fn memory(report: &Report) -> String {
    let plot = Plot {
        height: 190.0,
        label: "Memory, over time",
        scale: Scale::Linear,
        tick: bytes,
        shaded: Vec::new(),
        areas: vec![("turns", points(report, |sample| sample.sessions_bytes))],
        lines: vec![("soft", points(report, |sample| sample.process_bytes))],
        marks: Vec::new(),
    };
    figure(
        "Memory",
        "of the whole process, agents and provider included, and what live sessions hold of it",
        &[("line", "soft", "process"), ("box", "turns", "live sessions")],
        &[plot.draw(report.elapsed_ms)],
    )
}

fn views(report: &Report) -> String {
    const CLASSES: [&str; 4] = ["a0", "a1", "a2", "a3"];
    let line = |views: &Vec<super::super::metrics::View>| {
        views.iter().map(|view| (view.at_ms, view.tokens)).collect::<Points>()
    };
    let lines = CLASSES.into_iter().zip(report.views.iter().map(line));
    let lines: Vec<(&str, Points)> = lines.filter(|(_, points)| !points.is_empty()).collect();
    let marks = Budget::of_window(TokenCount(report.scenario.window_tokens)).map(|budget| {
        let named =
            [("hard", budget.hard()), ("trigger", budget.trigger()), ("landing", budget.landing())];
        named.map(|(name, tokens)| (name, name, tokens.0)).to_vec()
    });
    let legend: Vec<(&str, &str, &str)> = lines
        .iter()
        .zip(["first agent", "second", "third", "fourth"])
        .map(|((class, _), name)| ("line", *class, name))
        .collect();
    let plot = Plot {
        height: 190.0,
        label: "Views of some agents, over time",
        scale: Scale::Linear,
        tick: short,
        shaded: Vec::new(),
        areas: Vec::new(),
        lines,
        marks: marks.unwrap_or_default(),
    };
    figure(
        "Views of some agents",
        "tokens of each answered context: they fall where a summary was spliced, and where another session began",
        &legend,
        &[plot.draw(report.elapsed_ms)],
    )
}
