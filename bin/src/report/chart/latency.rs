//! The lower plot: how long each turn's append, context and standstill took, on a logarithmic axis.

use super::super::words::{micros, real};
use super::super::{Report, Turn};
use super::{Columns, LATENCY, LEFT, RIGHT, scale};

pub(super) fn draw(report: &Report, columns: Columns) -> String {
    let times = report
        .turns
        .iter()
        .flat_map(|turn| [turn.append_us, turn.context_us, turn.waited_us])
        .filter(|us| *us > 0);
    let least = times.clone().min().unwrap_or(1);
    let decades = scale::decades(least, times.max().unwrap_or(1));
    let axis = Axis {
        low: decades.first().copied().map_or(0.0, logarithm),
        high: decades.last().copied().map_or(1.0, logarithm),
    };
    let mut parts: Vec<String> = decades.iter().map(|us| axis.line(*us)).collect();
    parts.push(stems(report, columns, axis));
    let sparse = if columns.turns > 300 { "dense" } else { "sparse" };
    for (class, pick) in [
        ("append", (|turn| turn.append_us) as fn(&Turn) -> u64),
        ("context", |turn| turn.context_us),
    ] {
        // A stroke of no length with round ends is a dot: one path holds them all.
        let dots: Vec<String> = (0..)
            .zip(&report.turns)
            .filter(|(_, turn)| pick(turn) > 0)
            .map(|(at, turn)| format!("M{:.1} {:.1}h0", columns.middle(at), axis.y(pick(turn))))
            .collect();
        parts.push(format!("<path class=\"dots {sparse} {class}\" d=\"{}\"/>", dots.concat()));
    }
    parts.join("\n")
}

#[derive(Clone, Copy)]
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn y(self, us: u64) -> f64 {
        LATENCY.y((logarithm(us) - self.low) / (self.high - self.low))
    }

    fn line(self, us: u64) -> String {
        let y = self.y(us);
        format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
            LEFT - 10.0,
            y + 4.0,
            micros(us)
        )
    }
}

fn logarithm(us: u64) -> f64 {
    real(us.max(1)).log10()
}

/// A standstill is drawn from the floor up, so that it cannot be overlooked.
fn stems(report: &Report, columns: Columns, axis: Axis) -> String {
    let stems: Vec<String> = (0..)
        .zip(&report.turns)
        .filter(|(_, turn)| turn.waited_us > 0)
        .map(|(at, turn)| {
            let x = columns.middle(at);
            format!("M{x:.1} {}V{:.1}", LATENCY.bottom, axis.y(turn.waited_us))
        })
        .collect();
    if stems.is_empty() {
        return String::new();
    }
    format!("<path class=\"stems\" d=\"{}\"/>", stems.concat())
}
