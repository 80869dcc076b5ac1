//! A small picture of the view's size over the turns, drawn with block characters between the marks.

use super::super::words::{short, size, thousands};
use super::super::{Report, Turn};
use super::Palette;

const ROWS: u64 = 8;
const COLUMNS: usize = 64;
const LABEL: usize = 14;
/// Blocks from empty to full in eighths of a cell.
const BLOCKS: [char; 9] = [
    ' ', '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
    '\u{2588}',
];

/// The picture with its heading; empty if there is no turn.
pub(super) fn view(report: &Report, palette: Palette) -> Vec<String> {
    let Some(largest) = report.largest_view() else {
        return Vec::new();
    };
    let columns = columns(&report.turns);
    let top = largest.view_tokens.max(report.marks.hard_tokens).max(1);
    let row_of = |tokens: u64| (tokens * ROWS).div_ceil(top).saturating_sub(1);
    let mut lines = vec![format!(
        "{} {}",
        palette.strong("View size, in tokens"),
        palette.faint("(what the model is sent at each turn)")
    )];
    for row in (0..ROWS).rev() {
        let label = report
            .marks
            .named()
            .into_iter()
            .find(|(_, tokens)| *tokens > 0 && row_of(*tokens) == row)
            .map(|(name, tokens)| format!("{name} {}", short(tokens)));
        let cells: String = columns.iter().map(|turns| cell(turns, row, top)).collect();
        let axis = if label.is_some() { '\u{2524}' } else { '\u{2502}' };
        let label = palette.faint(&format!("{:>LABEL$} {axis}", label.unwrap_or_default()));
        lines.push(format!("{label}{}", palette.blue(&cells)));
    }
    lines.push(lane(&columns, palette));
    let sizes = format!(
        "{:>LABEL$}  largest {} at turn {}; the whole transcript would be {}",
        "",
        short(largest.view_tokens),
        thousands(largest.number),
        short(report.whole_tokens())
    );
    lines.push(palette.faint(&sizes));
    lines
}

/// The turns behind each column; no column is empty.
fn columns(turns: &[Turn]) -> Vec<&[Turn]> {
    let count = turns.len().min(COLUMNS);
    (0..count)
        .map(|column| &turns[column * turns.len() / count..(column + 1) * turns.len() / count])
        .collect()
}

fn cell(turns: &[Turn], row: u64, top: u64) -> char {
    let tokens = turns.iter().map(|turn| turn.view_tokens).max().unwrap_or(0);
    let eighths = (tokens * ROWS * 8).div_ceil(top);
    let filled = eighths.saturating_sub(row * 8).min(8);
    BLOCKS[usize::try_from(filled).unwrap_or(0)]
}

/// A line under the picture that is thick where a pass was running.
fn lane(columns: &[&[Turn]], palette: Palette) -> String {
    let signs: String = columns
        .iter()
        .map(
            |turns| {
                if turns.iter().any(|turn| turn.during_pass) { '\u{2501}' } else { '\u{2500}' }
            },
        )
        .collect();
    let busy = columns.iter().any(|turns| turns.iter().any(|turn| turn.during_pass));
    let note = if busy { " thick: a pass ran beside" } else { "" };
    let turns: usize = columns.iter().map(|turns| turns.len()).sum();
    let label = format!("1 to {}", thousands(size(turns)));
    palette.faint(&format!("{label:>LABEL$} \u{2514}{signs}{note}"))
}
