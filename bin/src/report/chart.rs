//! The picture: the view's size between its marks, and below it how long each turn's calls took.
//! Drawn as SVG by hand, because colours must follow the reader's light or dark theme through CSS classes and every
//! band and turn carries a `<title>` tooltip; a charting library writes fixed colours and no titles.

mod latency;
mod scale;
mod sizes;

use super::tables::outcome_class;
use super::words::{counted, escape, micros, millis, real, short, size, thousands};
use super::{Pass, Report, Turn};

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 1024.0;
const SIZES: Band = Band { top: 62.0, bottom: 392.0 };
const LATENCY: Band = Band { top: 446.0, bottom: 616.0 };
/// Where the passes are numbered, above the sizes.
const LANE: Band = Band { top: 34.0, bottom: 50.0 };
const HEIGHT: f64 = 664.0;
/// More tooltips than this would be narrower than a pointer.
const MAX_TOOLTIPS: usize = 300;

/// A vertical stretch of the picture.
#[derive(Clone, Copy)]
struct Band {
    top: f64,
    bottom: f64,
}

impl Band {
    fn height(self) -> f64 {
        self.bottom - self.top
    }

    /// The height at which a share of the band is below.
    fn y(self, share: f64) -> f64 {
        self.bottom - share * self.height()
    }
}

/// The horizontal axis: one column per turn.
#[derive(Clone, Copy)]
struct Columns {
    turns: u64,
}

impl Columns {
    /// The left edge of the column at `index`, which is the right edge of the one before.
    fn edge(self, index: u64) -> f64 {
        let share = real(index.min(self.turns)) / real(self.turns.max(1));
        LEFT + share * (RIGHT - LEFT)
    }

    fn middle(self, index: u64) -> f64 {
        f64::midpoint(self.edge(index), self.edge(index + 1))
    }
}

/// The whole picture as one `<svg>`; empty if there is no turn.
pub(super) fn chart(report: &Report) -> String {
    if report.turns.is_empty() {
        return String::new();
    }
    let columns = Columns { turns: size(report.turns.len()) };
    let mut parts = vec![format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"View size and waiting times by turn\">\
         <defs><clipPath id=\"plot\"><rect x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\
         </clipPath></defs>",
        SIZES.top,
        RIGHT - LEFT,
        SIZES.height()
    )];
    let heading = |y: f64, title: &str, note: &str| {
        format!(
            "<text x=\"{LEFT}\" y=\"{y}\" class=\"title\">{title}\
             <tspan class=\"soft\" dx=\"8\">{note}</tspan></text>"
        )
    };
    parts.push(heading(18.0, "View size", "tokens sent at each turn"));
    parts.push(heading(LATENCY.top - 16.0, "Waiting time", "per turn, logarithmic"));
    parts.extend(report.passes.iter().map(|pass| band(pass, columns)));
    parts.push(sizes::draw(report, columns));
    parts.push(latency::draw(report, columns));
    parts.push(turn_axis(columns));
    parts.push(tooltips(report, columns));
    parts.extend(report.passes.iter().map(|pass| pill(pass, columns)));
    parts.push("</svg>".to_owned());
    parts.join("\n")
}

fn span(pass: &Pass, columns: Columns) -> (f64, f64) {
    let first = pass.first_turn.saturating_sub(1);
    let start = columns.edge(first);
    let end = columns.edge(first.saturating_add(pass.turns_served));
    (start, (end - start).max(3.0))
}

/// The translucent band of a pass over both plots.
fn band(pass: &Pass, columns: Columns) -> String {
    let (x, width) = span(pass, columns);
    [SIZES, LATENCY]
        .map(|plot| {
            format!(
                "<rect class=\"band {}\" x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\"/>",
                outcome_class(pass.kind()),
                plot.top,
                plot.height()
            )
        })
        .concat()
}

/// The pass itself above its band, with its number if there is room.
fn pill(pass: &Pass, columns: Columns) -> String {
    let (x, width) = span(pass, columns);
    let number = thousands(pass.number);
    let label = if width < 8.0 * real(size(number.len())) + 2.0 {
        String::new()
    } else {
        format!(
            "<text class=\"number\" x=\"{:.1}\" y=\"{}\">{number}</text>",
            x + width / 2.0,
            LANE.bottom - 4.0
        )
    };
    format!(
        "<g><title>{}</title><rect class=\"pill {}\" x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" \
         height=\"{}\" rx=\"3\"/>{label}</g>",
        escape(&story(pass)),
        outcome_class(pass.kind()),
        LANE.top,
        LANE.height()
    )
}

/// A pass in one sentence, for its tooltip.
fn story(pass: &Pass) -> String {
    let head = format!(
        "Pass {}: {} after {}, {} served beside it",
        thousands(pass.number),
        pass.outcome,
        millis(pass.ended_ms - pass.started_ms),
        counted(pass.turns_served, "turn"),
    );
    if pass.covered_entries == 0 || pass.after_tokens == 0 {
        return head;
    }
    format!(
        "{head}; {} covered, view {} to {}",
        counted(pass.covered_entries, "entry"),
        short(pass.before_tokens),
        short(pass.after_tokens)
    )
}

fn turn_axis(columns: Columns) -> String {
    let step = scale::nice_step(columns.turns, 10);
    let mut numbers: Vec<u64> = (1..=columns.turns / step).map(|at| at * step).collect();
    if numbers.first() != Some(&1) {
        numbers.insert(0, 1);
    }
    let ticks: Vec<String> = numbers
        .iter()
        .map(|number| {
            format!(
                "<text class=\"tick mid\" x=\"{:.1}\" y=\"{}\">{}</text>",
                columns.middle(number - 1),
                LATENCY.bottom + 19.0,
                thousands(*number)
            )
        })
        .collect();
    format!(
        "{}<text class=\"tick mid soft\" x=\"{}\" y=\"{}\">turn</text>",
        ticks.concat(),
        f64::midpoint(LEFT, RIGHT),
        LATENCY.bottom + 39.0
    )
}

/// Invisible columns over both plots that tell their numbers when pointed at.
fn tooltips(report: &Report, columns: Columns) -> String {
    let width = report.turns.len().div_ceil(MAX_TOOLTIPS);
    let mut first = 0;
    let mut rects = Vec::new();
    for turns in report.turns.chunks(width) {
        let last = first + size(turns.len());
        let (x, end) = (columns.edge(first), columns.edge(last));
        rects.push(format!(
            "<rect class=\"hit\" x=\"{x:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\">\
             <title>{}</title></rect>",
            SIZES.top,
            end - x,
            LATENCY.bottom - SIZES.top,
            tooltip(turns)
        ));
        first = last;
    }
    rects.concat()
}

fn tooltip(turns: &[Turn]) -> String {
    let most = |pick: fn(&Turn) -> u64| turns.iter().map(pick).max().unwrap_or(0);
    let (first, last) =
        (turns.first().map_or(0, |turn| turn.number), turns.last().map_or(0, |turn| turn.number));
    let name = if first == last {
        format!("Turn {}", thousands(first))
    } else {
        format!("Turns {} to {}, at most", thousands(first), thousands(last))
    };
    let mut lines = vec![
        name,
        format!(
            "view {} of {} tokens",
            thousands(most(|turn| turn.view_tokens)),
            thousands(most(|turn| turn.whole_tokens)),
        ),
        format!(
            "append {}, context {}",
            micros(most(|turn| turn.append_us)),
            micros(most(|turn| turn.context_us)),
        ),
    ];
    let waited = most(|turn| turn.waited_us);
    if waited > 0 {
        lines.push(format!("stood still for {}", micros(waited)));
    }
    if turns.iter().any(|turn| turn.during_pass) {
        lines.push("served while a pass ran".to_owned());
    }
    lines.join("\n")
}
