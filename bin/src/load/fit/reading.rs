//! Reading one transcript's entries as turns of a person and steps of a model.

use std::collections::BTreeMap;

use highwater_protocol::{Dialect, Entry, Message, PartKind, Role};
use serde::Deserialize;

use super::super::behaviour::{Behaviour, Measure};

/// A step that takes longer is a machine that slept, or a person who was asked.
const LONGEST_STEP_MS: u64 = 10 * 60 * 1_000;

/// A longer pause is a night, not a thought.
const LONGEST_THOUGHT_MS: u64 = 60 * 60 * 1_000;

/// What was seen, eight bytes for each.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<Measure, Vec<u64>>);

impl Samples {
    /// Takes in those of another transcript.
    pub(super) fn add(&mut self, more: Self) {
        for (measure, samples) in more.0 {
            self.0.entry(measure).or_default().extend(samples);
        }
    }

    /// Their distributions.
    pub(super) fn into_behaviour(self) -> Behaviour {
        Behaviour::of(self.0)
    }

    fn saw(&mut self, measure: Measure, value: usize) {
        self.0.entry(measure).or_default().push(value as u64);
    }

    /// A time between two moments, unless it is none or too long.
    fn took(&mut self, measure: Measure, from: Option<i64>, to: Option<i64>, longest_ms: u64) {
        let span = from.zip(to).and_then(|(from, to)| u64::try_from(to - from).ok());
        if let Some(ms) = span.filter(|ms| *ms <= longest_ms) {
            self.0.entry(measure).or_default().push(ms);
        }
    }
}

/// One session as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Session {
    turns: usize,
    /// Steps since the user spoke.
    steps: usize,
    step: Option<Step>,
    /// When the last entry was written.
    last_ms: Option<i64>,
}

/// A message of the model, which may come as several entries.
#[derive(Debug)]
struct Step {
    message_id: Option<Box<str>>,
    text_bytes: usize,
    calls: usize,
    asked_ms: Option<i64>,
    answered_ms: Option<i64>,
}

impl Session {
    /// The next entry.
    pub(super) fn entry(&mut self, entry: &Entry, samples: &mut Samples) {
        let message = entry.message();
        if !message.is_visible() || message.role == Role::System {
            return;
        }
        let at_ms = written_ms(entry);
        if message.role == Role::Assistant {
            self.speaks(message, at_ms, samples);
        } else {
            self.is_told(message, at_ms, samples);
        }
        self.last_ms = at_ms.or(self.last_ms);
    }

    /// Nothing more comes.
    pub(super) fn end(mut self, samples: &mut Samples) {
        self.end_step(samples);
        if self.turns > 0 && self.steps > 0 {
            samples.saw(Measure::StepsPerTurn, self.steps);
        }
        if self.turns > 0 {
            samples.saw(Measure::TurnsPerSession, self.turns);
        }
    }

    fn speaks(&mut self, message: &Message, at_ms: Option<i64>, samples: &mut Samples) {
        let goes_on = self
            .step
            .as_ref()
            .is_some_and(|step| step.message_id.is_some() && step.message_id == message.message_id);
        if !goes_on {
            self.end_step(samples);
        }
        let asked_ms = self.last_ms;
        let step = self.step.get_or_insert_with(|| Step {
            message_id: message.message_id.clone(),
            text_bytes: 0,
            calls: 0,
            asked_ms,
            answered_ms: None,
        });
        step.answered_ms = at_ms.or(step.answered_ms);
        for part in &message.parts {
            match &part.kind {
                PartKind::Text { text } => step.text_bytes += text.len(),
                PartKind::ToolCall { arguments, .. } => {
                    step.calls += 1;
                    samples.saw(Measure::ArgumentBytes, arguments.len());
                }
                _ => {}
            }
        }
    }

    /// Results come back, or the user speaks.
    fn is_told(&mut self, message: &Message, at_ms: Option<i64>, samples: &mut Samples) {
        let (mut answers, mut text_bytes) = (false, 0);
        for part in &message.parts {
            match &part.kind {
                PartKind::ToolResult { text, .. } => {
                    answers = true;
                    samples.saw(Measure::ResultBytes, text.len());
                }
                PartKind::Text { text } => text_bytes += text.len(),
                _ => {}
            }
        }
        if answers || text_bytes == 0 {
            return;
        }
        self.end_step(samples);
        samples.saw(Measure::UserTextBytes, text_bytes);
        if self.turns == 0 || self.steps > 0 {
            if self.turns > 0 {
                samples.saw(Measure::StepsPerTurn, self.steps);
                samples.took(Measure::ThinkMs, self.last_ms, at_ms, LONGEST_THOUGHT_MS);
            }
            self.turns += 1;
            self.steps = 0;
        }
    }

    fn end_step(&mut self, samples: &mut Samples) {
        let Some(step) = self.step.take() else { return };
        self.steps += 1;
        samples.saw(Measure::ModelTextBytes, step.text_bytes);
        samples.saw(Measure::CallsPerStep, step.calls);
        samples.took(Measure::ModelMs, step.asked_ms, step.answered_ms, LONGEST_STEP_MS);
    }
}

/// When a record was written, where its format says so.
fn written_ms(entry: &Entry) -> Option<i64> {
    #[derive(Deserialize)]
    struct Stamped<'a> {
        #[serde(borrow)]
        timestamp: Option<&'a str>,
    }
    if entry.dialect() != Dialect::ClaudeCode {
        return None;
    }
    let record = entry.source().get(entry.json())?;
    let stamped: Stamped<'_> = serde_json::from_slice(record).ok()?;
    epoch_ms(stamped.timestamp?)
}

/// Milliseconds since the epoch of `2025-11-29T10:07:05.123Z`.
fn epoch_ms(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    let mut date = date.split('-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.split(':').map(number);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let millis = number(format!("{fraction:0<3}").get(..3)?)?;
    // Days from a date of the civil calendar, years counted from March (Howard Hinnant, "chrono-compatible low-level date
    // algorithms").
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_moments() {
        for (stamp, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:30:01.5Z", Some(951_827_401_500)),
            ("2025-11-29T10:07:05.123456Z", Some(1_764_410_825_123)),
            ("2025-11-29", None),
            ("yesterday", None),
            ("2025-11-29T10:07:05.\u{e9}\u{e9}Z", None),
        ] {
            assert_eq!(epoch_ms(stamp), expected, "{stamp}");
        }
    }
}
