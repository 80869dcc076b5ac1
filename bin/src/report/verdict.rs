//! The one sentence that a report opens with.

use super::words::{counted, micros, plain, size, thousands};
use super::{Mode, Report, Summarizer};

/// The author of what is quoted from the transcript.
const QUOTES: &str = "extractive";

/// How the sentence is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Everything held.
    Good,
    /// Nothing happened that could be judged, the turns stood still as asked, or the models did not write what they
    /// were asked for.
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
    let refused = report.refused.as_ref().map(|refused| {
        let turns = counted(refused.turns, "turn");
        format!("{turns} {} too large for the window and not served.", were(refused.turns))
    });
    let more: Vec<String> = quoted(report).into_iter().chain(refused).collect();
    if more.is_empty() {
        return (tone, sentence);
    }
    (Tone::Plain, format!("{sentence} {}", more.join(" ")))
}

/// What the models that should write the summaries left to quoting.
fn quoted(report: &Report) -> Option<String> {
    if report.settings.summary_ms.is_some() || report.summarizers.is_empty() {
        return None;
    }
    let authors = report.passes_by_author();
    let all: u64 = authors.values().sum();
    let whole = authors.get(QUOTES).copied().unwrap_or(0);
    let by_both = authors.iter().filter(|(author, _)| author.split('+').any(|by| by == QUOTES));
    let in_part = by_both.map(|(_, count)| count).sum::<u64>() - whole;
    if all > 0 && whole == all {
        return Some(unwritten(&report.summarizers));
    }
    let in_part_too = match (whole, in_part) {
        (0, 0) => return None,
        (_, 0) => String::new(),
        _ => format!(", {} in part", thousands(in_part)),
    };
    let of = counted(all, "summary");
    Some(format!(
        "Of {of}, {} {} quoted from the transcript{in_part_too}.",
        thousands(whole),
        were(whole)
    ))
}

/// No model wrote a summary, and what the first one says of it.
fn unwritten(summarizers: &[Summarizer]) -> String {
    let names: Vec<String> = summarizers.iter().map(|each| plain(&each.name)).collect();
    let names = names.join(" or ");
    let why = summarizers.iter().find_map(|each| each.first_failure.as_deref());
    let given_up = summarizers.iter().map(Summarizer::given_up_because);
    let given_up = given_up.filter(|why| !why.is_empty()).collect::<Vec<_>>().join(", ");
    let why = match why {
        Some(why) => plain(why.trim_end_matches('.')),
        None if given_up.is_empty() => "no call was made".to_owned(),
        None => given_up,
    };
    format!("No summary was written by {names}: {why}.")
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
