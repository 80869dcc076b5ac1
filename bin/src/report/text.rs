//! The report for the terminal: calm, aligned, each number with the few words that explain it.

mod models;
mod spark;

use super::verdict::{Tone, verdict};
use super::words::{DASH, bytes, counted, micros, millis, plain, real, size, thousands};
use super::{Mode, Quantiles, Report};

/// The few colours, or none of them.
#[derive(Clone, Copy)]
struct Palette {
    colour: bool,
}

impl Palette {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn blue(self, text: &str) -> String {
        self.paint("34", text)
    }

    /// A label, a value, and what the value means.
    fn row(self, label: &str, value: &str, meaning: &str) -> String {
        format!("  {label:<26}{value:>12}   {}", self.faint(meaning)).trim_end().to_owned()
    }
}

/// The whole report as lines for a terminal; with ANSI colours if `colour` is set.
pub(crate) fn render(report: &Report, colour: bool) -> String {
    let palette = Palette { colour };
    let sections = [
        head(report, palette),
        spark::view(report, palette),
        turns(report, palette),
        waits(report, palette),
        passes(report, palette),
        models::models(report, palette),
        checks(report, palette),
        warnings(report, palette),
    ];
    let mut text = String::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in section {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn head(report: &Report, palette: Palette) -> Vec<String> {
    let (tone, sentence) = verdict(report);
    let sentence = match tone {
        Tone::Good => palette.good(&sentence),
        Tone::Plain => palette.strong(&sentence),
        Tone::Bad => palette.bad(&sentence),
    };
    let settings = &report.settings;
    let how = format!(
        "{}, session {}; {}; a turn takes {}, {}, {}x speed, {}",
        plain(&report.format),
        plain(&report.session),
        report.mode.described(),
        millis(real(settings.turn_ms)),
        summaries(report),
        settings.speed,
        counted(u64::from(settings.slots), "model slot"),
    );
    vec![palette.strong(&plain(&report.file)), palette.faint(&how), String::new(), sentence]
}

/// Who writes summaries, and how long a simulated one takes.
fn summaries(report: &Report) -> String {
    if let Some(ms) = report.settings.summary_ms {
        return format!("a summary {}", millis(real(ms)));
    }
    let names = report.summarizers.iter().map(|summarizer| plain(&summarizer.name));
    format!("summaries by {}", names.collect::<Vec<_>>().join(", then "))
}

fn turns(report: &Report, palette: Palette) -> Vec<String> {
    let row = |label: &str, value: String, meaning: &str| palette.row(label, &value, meaning);
    let entries = format!(
        "in the transcript, {} of them seen by the model",
        thousands(report.visible_entries)
    );
    let store = format!("from a transcript of {}", bytes(report.raw_bytes));
    let slots = format!(
        "longest wait for a model slot, over {}",
        counted(report.permit_waits.count, "turn")
    );
    let mut lines = vec![
        palette.strong("Turns"),
        row("turns", thousands(size(report.turns.len())), "served"),
        row(
            "during a pass",
            thousands(size(report.turns_during_passes())),
            "served while a compaction was running",
        ),
        row("entries", thousands(report.entries), &entries),
    ];
    if let Some(refused) = &report.refused {
        lines.push(row("not served", thousands(refused.turns), &refused.first));
    }
    if report.resumed_entries > 0 {
        lines.push(row(
            "resumed",
            thousands(report.resumed_entries),
            "entries were stored already when the replay began",
        ));
    }
    lines.push(row("store", bytes(report.store_bytes), &store));
    lines.push(row("slot", time(report.permit_waits, |q| q.max_us), &slots));
    let elapsed = millis(real(report.elapsed_ms));
    lines.push(row("replayed in", elapsed, "wall clock"));
    lines
}

fn time(quantiles: Quantiles, pick: fn(&Quantiles) -> u64) -> String {
    if quantiles.count == 0 { DASH.to_owned() } else { micros(pick(&quantiles)) }
}

fn waits(report: &Report, palette: Palette) -> Vec<String> {
    let titles = format!(
        "  {:<26}{:>12}{:>12}{:>12}{:>12}",
        "", "calls", "half within", "99% within", "longest"
    );
    let mut lines =
        vec![palette.strong("How long a call kept the agent waiting"), palette.faint(&titles)];
    for (label, quantiles) in report.latency.named() {
        lines.push(format!(
            "  {label:<26}{:>12}{:>12}{:>12}{:>12}",
            thousands(quantiles.count),
            time(quantiles, |q| q.p50_us),
            time(quantiles, |q| q.p99_us),
            time(quantiles, |q| q.max_us),
        ));
    }
    let stalls = report.turns.iter().map(|turn| turn.waited_us);
    if report.mode == Mode::Blocking {
        let longest = micros(stalls.clone().max().unwrap_or(0));
        let meaning = format!("longest standstill for a pass, {} in all", micros(stalls.sum()));
        lines.push(palette.row("standing still", &longest, &meaning));
    }
    lines
}

fn passes(report: &Report, palette: Palette) -> Vec<String> {
    let mut lines = vec![palette.strong("Passes")];
    if report.passes.is_empty() {
        lines.push(palette.row("none", "", "the view never asked for one"));
    }
    for (outcome, count) in report.passes_by_outcome() {
        let of_this = report.passes.iter().filter(|pass| pass.kind() == outcome);
        let covered = of_this.map(|pass| pass.covered_entries).max().unwrap_or(0);
        let meaning = if outcome == "spliced" {
            format!("in the end, a summary stands for {}", counted(covered, "entry"))
        } else {
            "changed nothing".to_owned()
        };
        lines.push(palette.row(&plain(outcome), &thousands(count), &meaning));
    }
    for (author, count) in report.passes_by_author() {
        lines.push(palette.row("written by", &thousands(count), &plain(author)));
    }
    for (why, count) in report.moved_back_by_reason() {
        let meaning = format!("cut earlier, to keep whole: {}", plain(why));
        lines.push(palette.row("moved back", &thousands(count), &meaning));
    }
    let meaning = "times the view was cut down at the hard mark, without waiting for a pass";
    lines.push(palette.row("resets", &thousands(report.resets), meaning));
    lines
}

fn checks(report: &Report, palette: Palette) -> Vec<String> {
    let breaches = &report.checks.breaches;
    let broken = thousands(size(breaches.len()));
    let broken = format!("{broken:>12}");
    let broken = if breaches.is_empty() { palette.good(&broken) } else { palette.bad(&broken) };
    let meaning =
        format!("broken promises in {}", counted(report.checks.contexts, "checked context"));
    let mut lines = vec![
        palette.strong("Checks"),
        format!("  {:<26}{broken}   {}", "breaches", palette.faint(&meaning)),
    ];
    for breach in breaches {
        lines.push(palette.bad(&format!("  ! {}", plain(breach))));
    }
    if let Some(lossless) = &report.lossless {
        let answer = if lossless.ok { "yes" } else { "no" };
        let meaning = format!(
            "{} and {} compared: {}",
            counted(lossless.records, "record"),
            bytes(lossless.bytes),
            plain(&lossless.detail)
        );
        lines.push(format!("lossless: {answer}"));
        let meaning = format!("  {meaning}");
        lines.push(if lossless.ok { palette.faint(&meaning) } else { palette.bad(&meaning) });
    }
    lines
}

fn warnings(report: &Report, palette: Palette) -> Vec<String> {
    if report.warnings.is_empty() {
        return Vec::new();
    }
    let title = palette.strong("Oddities of the transcript");
    let mut lines = vec![format!("{title} {}", palette.faint("(carried, not an error)"))];
    for warning in &report.warnings {
        let first = format!("first: {}", plain(&warning.first));
        lines.push(palette.row(&plain(&warning.kind), &thousands(warning.count), &first));
    }
    lines
}
