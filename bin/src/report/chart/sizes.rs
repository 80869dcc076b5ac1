//! The upper plot: the view as a line over an area, the whole transcript as a faint line, the marks.

use super::super::words::{real, short, size};
use super::super::{Report, Turn};
use super::{Columns, LEFT, RIGHT, SIZES, scale};

/// Mark labels need this much height each.
const LABEL_HEIGHT: f64 = 17.0;

pub(super) fn draw(report: &Report, columns: Columns) -> String {
    let top = top(report);
    let path = |pick: fn(&Turn) -> u64| {
        let points: Vec<String> = (0..)
            .zip(&report.turns)
            .map(|(at, turn)| {
                let y = height_of(pick(turn), top);
                format!("{:.1},{y:.1}", columns.middle(at))
            })
            .collect();
        points.join(" ")
    };
    let view = path(|turn| turn.view_tokens);
    let whole = path(|turn| turn.whole_tokens);
    let (first, last) = (columns.middle(0), columns.middle(columns.turns.saturating_sub(1)));
    let floor = SIZES.bottom;
    let mut parts = vec![grid(top)];
    parts.push(format!(
        "<g clip-path=\"url(#plot)\">\
         <polyline class=\"whole\" points=\"{whole}\"/>\
         <polygon class=\"area\" points=\"{first:.1},{floor} {view} {last:.1},{floor}\"/>"
    ));
    parts.push(marks(report, top));
    parts.push(format!("<polyline class=\"view\" points=\"{view}\"/></g>"));
    if let [only] = report.turns.as_slice() {
        let y = height_of(only.view_tokens, top);
        parts.push(format!("<circle class=\"view\" cx=\"{first:.1}\" cy=\"{y:.1}\" r=\"4\"/>"));
    }
    parts.push(mark_labels(report, top));
    parts.push(whole_label(report, columns, top));
    parts.join("\n")
}

/// The token count at the top of the plot.
fn top(report: &Report) -> u64 {
    let view = report.largest_view().map_or(0, |turn| turn.view_tokens);
    let own = view.max(report.marks.hard_tokens).max(1);
    let whole = report.whole_tokens();
    if whole <= own + own / 2 { own.max(whole) + own / 16 } else { own + own / 8 }
}

fn grid(top: u64) -> String {
    let step = scale::nice_step(top, 6);
    let lines: Vec<String> = (0..=top / step)
        .map(|at| {
            let y = height_of(at * step, top);
            format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 10.0,
                y + 4.0,
                short(at * step)
            )
        })
        .collect();
    lines.concat()
}

fn height_of(tokens: u64, top: u64) -> f64 {
    SIZES.y(real(tokens) / real(top))
}

fn marks(report: &Report, top: u64) -> String {
    report.marks.named()
        .map(|(name, tokens)| {
            let y = height_of(tokens, top);
            format!(
                "<line class=\"mark {name}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            )
        })
        .concat()
}

/// The names of the marks, right of the plot, moved down where two would overlap.
fn mark_labels(report: &Report, top: u64) -> String {
    let mut free = SIZES.top;
    report
        .marks
        .named()
        .map(|(name, tokens)| {
            let y = (height_of(tokens, top) + 4.0).max(free);
            free = y + LABEL_HEIGHT;
            format!(
                "<text class=\"label {name}\" x=\"{}\" y=\"{y:.1}\">{name} {}</text>",
                RIGHT + 10.0,
                short(tokens)
            )
        })
        .concat()
}

/// Says where the whole transcript leaves the plot, and how large it becomes.
fn whole_label(report: &Report, columns: Columns, top: u64) -> String {
    let Some(at) = report.turns.iter().position(|turn| turn.whole_tokens > top) else {
        return String::new();
    };
    let x = columns.edge(size(at));
    let (class, dx) = if x < f64::midpoint(LEFT, RIGHT) {
        ("whole-label", 8.0)
    } else {
        ("whole-label end", -14.0)
    };
    format!(
        "<text class=\"{class}\" x=\"{:.1}\" y=\"{}\">the whole transcript goes on up to {} \u{2197}</text>",
        x + dx,
        SIZES.top + 13.0,
        short(report.whole_tokens())
    )
}
