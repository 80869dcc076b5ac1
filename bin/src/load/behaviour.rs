//! What agents do, as distributions: the shipped ones, which were fitted to real transcripts, or those of a file.

use std::collections::BTreeMap;
use std::fmt::Write;

use highwater_protocol::Digest;

use crate::config::{ConfigError, Sections};
use crate::sample::dice::Dice;

use super::distribution::{Distribution, SHARES};

/// The shipped numbers, as `highwater load fit` printed them.
const SHIPPED: &str = include_str!("behaviour.toml");

/// What is measured of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    /// The text of a user's message.
    UserTextBytes,
    /// The text that the model says in one step.
    ModelTextBytes,
    /// The tools that it calls in one step.
    CallsPerStep,
    /// The arguments of a call.
    ArgumentBytes,
    /// The result of a call.
    ResultBytes,
    /// Steps of the model from one message of the user to the next.
    StepsPerTurn,
    /// Turns of a session.
    TurnsPerSession,
    /// How long the model takes for a step.
    ModelMs,
    /// How long a person takes for a message.
    ThinkMs,
}

impl Measure {
    /// All of them, in the order of files.
    pub(super) const ALL: [Self; 9] = [
        Self::UserTextBytes,
        Self::ModelTextBytes,
        Self::CallsPerStep,
        Self::ArgumentBytes,
        Self::ResultBytes,
        Self::StepsPerTurn,
        Self::TurnsPerSession,
        Self::ModelMs,
        Self::ThinkMs,
    ];

    /// Its name in files, with its unit.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UserTextBytes => "user_text_bytes",
            Self::ModelTextBytes => "model_text_bytes",
            Self::CallsPerStep => "calls_per_step",
            Self::ArgumentBytes => "argument_bytes",
            Self::ResultBytes => "result_bytes",
            Self::StepsPerTurn => "steps_per_turn",
            Self::TurnsPerSession => "turns_per_session",
            Self::ModelMs => "model_ms",
            Self::ThinkMs => "think_ms",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::UserTextBytes => "a message of the user",
            Self::ModelTextBytes => "what the model says in one step, beside its calls",
            Self::CallsPerStep => "tools that the model calls in one step",
            Self::ArgumentBytes => "the arguments of a call",
            Self::ResultBytes => "the result of a call",
            Self::StepsPerTurn => "steps of the model from one message of the user to the next",
            Self::TurnsPerSession => "messages of the user in a session that the model answers",
            Self::ModelMs => "how long the model takes for a step",
            Self::ThinkMs => "how long a person takes for the next message",
        }
    }
}

/// The distributions that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Behaviour(BTreeMap<Measure, Distribution>);

impl Behaviour {
    /// Of these samples. What was never seen has no distribution.
    pub(super) fn of(samples: impl IntoIterator<Item = (Measure, Vec<u64>)>) -> Self {
        let each = samples.into_iter();
        Self(each.filter_map(|(of, samples)| Some((of, Distribution::of(samples)?))).collect())
    }

    /// Reads a file's text. `file` is what it is called in errors.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        let mut sections = Sections::read(file, text)?;
        let mut all = BTreeMap::new();
        for measure in Measure::ALL {
            let name = measure.name();
            let is_there = sections.has(name);
            let samples = sections.number(name, "samples", 1..=u64::MAX / 2);
            let found = SHARES.map(|(key, _)| sections.number(name, key, 0..=u64::MAX / 2));
            let quantiles = found.map(|each| each.unwrap_or(0));
            if !is_there {
                continue;
            }
            if samples.is_none() || found.contains(&None) {
                sections.refuse(format!("section `{name}` needs samples, min, p5, .. and max"));
            } else if !quantiles.is_sorted() {
                sections.refuse(format!("the quantiles of section `{name}` must rise"));
            }
            all.insert(measure, Distribution { samples: samples.unwrap_or(1), quantiles });
        }
        sections.finish()?;
        Ok(Self(all))
    }

    /// The shipped numbers.
    pub(super) fn shipped() -> Result<Self, ConfigError> {
        Self::read("the shipped behaviour", SHIPPED)
    }

    /// The same, and where it says nothing what stands below.
    pub(super) fn over(mut self, below: Self) -> Self {
        for (measure, distribution) in below.0 {
            self.0.entry(measure).or_insert(distribution);
        }
        self
    }

    /// The next value of a measure; none where nothing is known of it.
    pub(super) fn draw(&self, measure: Measure, dice: &mut Dice) -> u64 {
        self.0.get(&measure).map_or(0, |distribution| distribution.draw(dice))
    }

    /// The distributions by the names of what they are of.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &Distribution)> {
        self.0.iter().map(|(measure, distribution)| (measure.name(), distribution))
    }

    /// Tells it from another one.
    pub(super) fn digest(&self) -> String {
        Digest::of(self.to_toml().as_bytes()).to_string()
    }

    /// As the text of a file.
    pub(super) fn to_toml(&self) -> String {
        let mut text = String::new();
        for (measure, distribution) in &self.0 {
            let (name, meaning) = (measure.name(), measure.meaning());
            let samples = distribution.samples;
            let line = write!(text, "\n# {meaning}\n[{name}]\nsamples = {samples}\n");
            line.expect("a string takes everything");
            for ((key, _), quantile) in SHARES.iter().zip(distribution.quantiles) {
                writeln!(text, "{key} = {quantile}").expect("a string takes everything");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_numbers_are_complete_and_written_as_they_are_read() {
        let shipped = Behaviour::shipped().expect("they are legal");
        assert_eq!(shipped.0.len(), Measure::ALL.len());
        assert!(SHIPPED.ends_with(&shipped.to_toml()), "not as `load fit` writes them");
        let other = Behaviour::of([(Measure::ThinkMs, vec![1])]).over(shipped.clone());
        assert_ne!(other.digest(), shipped.digest());
    }

    #[test]
    fn a_file_with_a_mistake_is_refused() {
        for (text, why) in [
            ("[think_m]\nmin = 1", "unknown section `think_m`; did you mean `think_ms`?"),
            ("[think_ms]\nmin = 1", "section `think_ms` needs samples, min, p5, .. and max"),
            (
                "[think_ms]\nsamples=1\nmin=3\np5=2\np25=3\np50=3\np75=3\np90=3\np95=3\np99=3\nmax=3",
                "the quantiles of section `think_ms` must rise",
            ),
        ] {
            let error = Behaviour::read("b.toml", text).expect_err("a mistake").to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
