//! The one sentence that a report opens with.

use super::words::{counted, micros, size, thousands};
use super::{Mode, Report};

/// How the sentence is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Everything held.
    Good,
    /// Nothing happened that could be judged, or the turns stood still as asked.
    Plain,
    /// A promise was broken.
    Bad,
}

/// What the replay showed, in one sentence.
pub(crate) fn verdict(report: &Report) -> (Tone, String) {
    let breaches = report.checks.breaches.len();
    if breaches > 0 {
        let contexts = counted(report.checks.contexts, "context");
        let times = counted(size(breaches), "time");
        return (Tone::Bad, format!("A promise was broken {times} in {contexts}."));
    }
    if report.lossless.as_ref().is_some_and(|check| !check.ok) {
        let sentence = "The store does not give the original transcript back.";
        return (Tone::Bad, sentence.to_owned());
    }
    if report.turns.is_empty() && report.resumed_entries > 0 {
        let sentence = "Everything was stored already, so there was nothing left to play.";
        return (Tone::Plain, sentence.to_owned());
    }
    if report.turns.is_empty() {
        let sentence = "The transcript holds no assistant turn, so there was nothing to play.";
        return (Tone::Plain, sentence.to_owned());
    }
    let (tone, sentence) = match report.mode {
        _ if report.passes.is_empty() => (Tone::Good, without_passes(report)),
        Mode::Beside => (Tone::Good, beside(report)),
        Mode::Blocking => (Tone::Plain, blocking(report)),
    };
    let Some(refused) = &report.refused else { return (tone, sentence) };
    let turns = counted(refused.turns, "turn");
    let verb = were(refused.turns);
    (Tone::Plain, format!("{sentence} {turns} {verb} too large for the window and not served."))
}

fn without_passes(report: &Report) -> String {
    let turns = counted(size(report.turns.len()), "turn");
    let verb = were(size(report.turns.len()));
    let longest = micros(report.longest_wait_us());
    format!("{turns} {verb} served without any compaction; no call waited longer than {longest}.")
}

fn beside(report: &Report) -> String {
    let turns = counted(size(report.turns.len()), "turn");
    let passes = counted(size(report.passes.len()), "compaction");
    let longest = micros(report.longest_wait_us());
    let during = size(report.turns_during_passes());
    if during == 0 {
        return format!("{turns} and {passes} never met; no call waited longer than {longest}.");
    }
    let verb = were(during);
    let them = if during == 1 { "it" } else { "them" };
    format!(
        "Of {turns}, {} {verb} served while {passes} ran beside {them}; \
         no call waited longer than {longest}.",
        thousands(during)
    )
}

fn blocking(report: &Report) -> String {
    let stalled = report.turns.iter().filter(|turn| turn.waited_us > 0);
    let count = size(stalled.clone().count());
    let total = micros(stalled.map(|turn| turn.waited_us).sum());
    let turns = counted(size(report.turns.len()), "turn");
    let passes = counted(size(report.passes.len()), "compaction");
    let longest = micros(report.longest_wait_us());
    format!(
        "Of {turns}, {} stood still for {passes}, {total} in all; the longest wait was {longest}.",
        thousands(count)
    )
}

fn were(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}
