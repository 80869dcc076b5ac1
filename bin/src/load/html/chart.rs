//! A plot over time, drawn by hand as SVG, so that its colours follow the reader's theme: areas, lines, one axis.

use crate::report::words::{millis, real};

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 66.0;
/// Names of horizontal lines stand beyond it.
const RIGHT: f64 = 1052.0;
const TOP: f64 = 10.0;
/// Room for the times below.
const FOOT: f64 = 28.0;
/// Values at the axis come no closer, or one would stand in another.
const VALUES_APART: f64 = 30.0;
/// Times below come no closer.
const TIMES_APART: f64 = 160.0;

/// Points of one line: time, value.
pub(super) type Points = Vec<(u64, u64)>;

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From zero up.
    Linear,
    /// Powers of ten; nothing is drawn of what is zero.
    Logarithmic,
}

/// What is drawn.
pub(super) struct Plot {
    /// How high it is.
    pub(super) height: f64,
    pub(super) label: &'static str,
    pub(super) scale: Scale,
    /// How a value is written at the axis.
    pub(super) tick: fn(u64) -> String,
    /// Stretches of time that are shaded, from and to.
    pub(super) shaded: Vec<(u64, u64)>,
    /// Areas by class, drawn from the floor up, the larger first.
    pub(super) areas: Vec<(&'static str, Points)>,
    /// Lines by class.
    pub(super) lines: Vec<(&'static str, Points)>,
    /// Horizontal lines by class, name and value.
    pub(super) marks: Vec<(&'static str, &'static str, u64)>,
}

/// The frame that everything stands in.
#[derive(Clone, Copy)]
struct Frame {
    scale: Scale,
    low: f64,
    high: f64,
    end_ms: u64,
    bottom: f64,
}

impl Plot {
    /// The whole plot, from the start of the run to `end_ms`.
    pub(super) fn draw(&self, end_ms: u64) -> String {
        let drawn = self.areas.iter().chain(&self.lines).flat_map(|(_, points)| points);
        let marked = self.marks.iter().map(|(_, _, value)| *value);
        let values = drawn.map(|(_, value)| *value).chain(marked).filter(|value| *value > 0);
        let most = values.clone().max().unwrap_or(1);
        let ticks = match self.scale {
            Scale::Linear => steps(most, self.height - TOP, VALUES_APART),
            Scale::Logarithmic => decades(values.min().unwrap_or(1), most),
        };
        let height = |value: u64| self.scale.height(value);
        let top = ticks.last().copied().unwrap_or(1).max(most);
        let frame = Frame {
            scale: self.scale,
            low: ticks.first().copied().map_or(0.0, height),
            high: height(top),
            end_ms: end_ms.max(1),
            bottom: self.height,
        };
        let mut parts = vec![format!(
            "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">",
            self.height + FOOT,
            self.label
        )];
        parts.extend(self.shaded.iter().map(|(from, to)| frame.shade(*from, *to)));
        parts.extend(ticks.iter().map(|value| self.grid(frame, *value)));
        parts.extend(self.areas.iter().map(|(class, points)| frame.area(class, points)));
        parts.extend(self.marks.iter().map(|(class, name, value)| frame.mark(class, name, *value)));
        parts.extend(self.lines.iter().map(|(class, points)| frame.line(class, points)));
        parts.push(frame.time_axis());
        parts.push("</svg>".to_owned());
        parts.join("\n")
    }

    fn grid(&self, frame: Frame, value: u64) -> String {
        let y = frame.y(value);
        format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            (self.tick)(value)
        )
    }
}

impl Scale {
    fn height(self, value: u64) -> f64 {
        match self {
            Self::Linear => real(value),
            Self::Logarithmic => real(value.max(1)).log10(),
        }
    }
}

impl Frame {
    fn x(self, at_ms: u64) -> f64 {
        LEFT + (RIGHT - LEFT) * real(at_ms.min(self.end_ms)) / real(self.end_ms)
    }

    fn y(self, value: u64) -> f64 {
        let share = (self.scale.height(value) - self.low) / (self.high - self.low).max(1e-9);
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - TOP)
    }

    fn points(self, points: &Points) -> Vec<String> {
        let shown = |value: &u64| self.scale == Scale::Linear || *value > 0;
        let shown = points.iter().filter(|(_, value)| shown(value));
        shown.map(|(at, value)| format!("{:.1},{:.1}", self.x(*at), self.y(*value))).collect()
    }

    fn line(self, class: &str, points: &Points) -> String {
        format!("<polyline class=\"{class}\" points=\"{}\"/>", self.points(points).join(" "))
    }

    fn area(self, class: &str, points: &Points) -> String {
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
            return String::new();
        };
        let (first, last, floor) = (self.x(*first), self.x(*last), self.bottom);
        let points = self.points(points).join(" ");
        format!(
            "<polygon class=\"{class}\" points=\"{first:.1},{floor} {points} {last:.1},{floor}\"/>"
        )
    }

    fn shade(self, from: u64, to: u64) -> String {
        let (from, width) = (self.x(from), self.x(to) - self.x(from));
        format!(
            "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{}\"/>",
            self.bottom - TOP
        )
    }

    fn mark(self, class: &str, name: &str, value: u64) -> String {
        let y = self.y(value);
        format!(
            "<line class=\"mark {class}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"label {class}\" x=\"{}\" y=\"{:.1}\">{name}</text>",
            RIGHT + 8.0,
            y + 4.0
        )
    }

    fn time_axis(self) -> String {
        let ticks = steps(self.end_ms, RIGHT - LEFT, TIMES_APART)
            .into_iter()
            .filter(|at| *at <= self.end_ms);
        let ticks = ticks.map(|at| {
            let (x, y) = (self.x(at), self.bottom + 20.0);
            format!("<text class=\"tick mid\" x=\"{x:.1}\" y=\"{y}\">{}</text>", millis(real(at)))
        });
        ticks.collect::<Vec<_>>().concat()
    }
}

/// Round values from zero up to or just beyond the most, as many as come no closer than `apart` in so much room.
fn steps(most: u64, room: f64, apart: f64) -> Vec<u64> {
    let mut step: u64 = 1;
    while step < most && real(most.div_ceil(step)) * apart > room {
        // 1, 2, 5, 10, 20, ..
        let leads_with_two = step.to_string().starts_with('2');
        step = if leads_with_two { step / 2 * 5 } else { step.saturating_mul(2) };
    }
    (0..=most.div_ceil(step)).map(|count| count * step).collect()
}

/// Powers of ten around the least and the most.
fn decades(least: u64, most: u64) -> Vec<u64> {
    let mut all = vec![10_u64.pow(least.max(1).ilog10())];
    while let Some(last) = all.last().copied().filter(|last| *last < most || all.len() < 2) {
        all.push(last.saturating_mul(10));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_reach_around_what_is_drawn() {
        let steps = |most| steps(most, 180.0, 30.0);
        assert_eq!(steps(0), [0]);
        assert_eq!(steps(9), [0, 2, 4, 6, 8, 10]);
        assert_eq!(steps(1_300), [0, 500, 1_000, 1_500]);
        assert_eq!(steps(26_000), [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
        assert_eq!(decades(70, 4_000), [10, 100, 1_000, 10_000]);
        assert_eq!(decades(5, 5), [1, 10]);
    }

    #[test]
    fn a_low_plot_has_fewer_values_at_its_axis() {
        assert_eq!(steps(5, 60.0, 30.0), [0, 5]);
        assert_eq!(steps(9, 60.0, 30.0), [0, 5, 10]);
        assert_eq!(steps(9, 20.0, 30.0), [0, 10]);
    }

    #[test]
    fn a_logarithmic_line_leaves_out_what_is_zero() {
        let plot = Plot {
            height: 190.0,
            label: "x",
            scale: Scale::Logarithmic,
            tick: |value| value.to_string(),
            shaded: Vec::new(),
            areas: Vec::new(),
            lines: vec![("append", vec![(0, 10), (5, 0), (10, 100)])],
            marks: Vec::new(),
        };
        assert!(plot.draw(10).contains("points=\"66.0,190.0 1052.0,10.0\""), "{}", plot.draw(10));
    }
}
