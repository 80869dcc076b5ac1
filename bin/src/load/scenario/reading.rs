//! Reading a scenario: every mistake at once. What was not said legally is stood in for by a number that is, and no rule
//! over several numbers is held against that.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use super::{Allowed, Scenario, Until};
use crate::config::{ConfigError, Sections};

/// The largest count of anything: a slip of the finger is told, and memory stays bounded.
const MOST: u64 = 1_000_000;

/// Rates beyond this are not counted exactly any more.
const MOST_PER_MINUTE: u64 = u32::MAX as u64;

/// The numbers of a file.
struct Numbers {
    file: Sections,
    /// Keys whose number is not the file's, because that is wrong or missing.
    stood_in_for: BTreeSet<&'static str>,
}

impl Scenario {
    /// Reads a file's text.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        let sections = Sections::read(file, text)?;
        let mut numbers = Numbers { file: sections, stood_in_for: BTreeSet::new() };
        let until = until(&mut numbers);
        let mut agents = |key, range, default| numbers.number("agents", key, range, default);
        let history_least_bytes = agents("history_least_bytes", 0..=MOST, Some(0));
        let scenario = Self {
            name: name_of(file),
            agents: agents("count", 1..=MOST, None),
            until,
            turns_at_least: agents("turns_at_least", 1..=MOST, Some(1)),
            window_tokens: agents("window_tokens", 4_000..=10 * MOST, None),
            kill: agents("kill", 0..=1, Some(0)) == 1,
            start_within_ms: agents("start_within_ms", 0..=MOST, Some(0)),
            think_speed: agents("think_speed", 1..=MOST, Some(1)),
            think_at_most_ms: agents("think_at_most_ms", 0..=MOST, Some(MOST)),
            steps_each_second: agents("steps_each_second", 0..=MOST, Some(0)),
            together_percent: agents("together_percent", 0..=100, Some(50)),
            tool_ms: agents("tool_ms", 0..=MOST, Some(0)),
            size_times: agents("size_times", 1..=1_000, Some(1)),
            largest_bytes: agents("largest_bytes", 100..=MOST, Some(100_000)),
            child_per_mille: agents("child_per_mille", 0..=1_000, Some(0)),
            rewind_per_mille: agents("rewind_per_mille", 0..=1_000, Some(0)),
            fork_per_mille: agents("fork_per_mille", 0..=1_000, Some(0)),
            clear_per_mille: agents("clear_per_mille", 0..=1_000, Some(0)),
            idle_per_mille: agents("idle_per_mille", 0..=1_000, Some(0)),
            idle_ms: agents("idle_ms", 0..=MOST, Some(0)),
            known: agents("known", 0..=MOST, Some(0)),
            history_least_bytes,
            history_most_bytes: agents("history_most_bytes", 0..=MOST, Some(history_least_bytes)),
            passivate_after_ms: agents("passivate_after_ms", 0..=MOST, Some(0)),
            resident_mib: agents("resident_mib", 0..=MOST, Some(0)),
            cache_mib: agents("cache_mib", 0..=MOST, Some(0)),
            slice_ms: agents("slice_ms", 0..=MOST, Some(0)),
            compare_turns: agents("compare_turns", 0..=1, Some(1)) == 1,
            provider: allowed(&mut numbers),
        };
        numbers.check(&scenario);
        numbers.file.finish()?;
        Ok(scenario)
    }
}

/// What a scenario of this file is called, wherever the file is.
fn name_of(file: &str) -> String {
    Path::new(file).file_stem().map_or(file.into(), |stem| stem.to_string_lossy()).into_owned()
}

fn until(numbers: &mut Numbers) -> Until {
    let before = numbers.file.mistakes();
    let turns = numbers.file.number("agents", "turns", 1..=MOST);
    let duration = numbers.file.number("agents", "duration_secs", 1..=MOST);
    match (turns, duration) {
        (Some(turns), None) => return Until::Turns(turns),
        (None, Some(secs)) => return Until::DurationSecs(secs),
        (Some(_), Some(_)) => {
            let why = "both `turns` and `duration_secs` are in [agents]; leave one of them out";
            numbers.file.refuse(why.to_owned());
        }
        (None, None) if numbers.file.mistakes() == before => {
            let why = "needs either `turns` or `duration_secs` in [agents]";
            numbers.file.refuse(why.to_owned());
        }
        (None, None) => {}
    }
    Until::Turns(1)
}

fn allowed(numbers: &mut Numbers) -> Allowed {
    let mut get = |key, range, default| numbers.number("provider", key, range, default);
    let allowed = Allowed {
        slots: get("slots", 1..=65_536, None),
        reserve_percent: get("reserve_percent", 0..=95, Some(50)),
        requests_per_minute: get("requests_per_minute", 1..=MOST_PER_MINUTE, Some(MOST_PER_MINUTE)),
        tokens_per_minute: get("tokens_per_minute", 1..=MOST_PER_MINUTE, Some(MOST_PER_MINUTE)),
        speed: get("speed", 1..=MOST, Some(1)),
        refused_per_mille: get("refused_per_mille", 0..=500, Some(0)),
        failed_per_mille: get("failed_per_mille", 0..=500, Some(0)),
        withhold_every_ms: get("withhold_every_ms", 0..=MOST, Some(0)),
        withhold_ms: get("withhold_ms", 0..=MOST, Some(0)),
        over_http: get("over_http", 0..=1, Some(0)) == 1,
    };
    if numbers.are_said(&["slots", "reserve_percent"])
        && let Err(error) = allowed.limits().check()
    {
        numbers.file.refuse(error.to_string());
    }
    allowed
}

impl Numbers {
    /// A number that must be said unless there is a default.
    fn number(
        &mut self,
        section: &'static str,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: Option<u64>,
    ) -> u64 {
        let low = *range.start();
        let before = self.file.mistakes();
        let said = self.file.number(section, key, range);
        if said.or(default).is_none() && self.file.mistakes() == before {
            self.file.refuse(format!("needs `{key}` in [{section}]"));
        }
        if self.file.mistakes() > before {
            self.stood_in_for.insert(key);
        }
        said.or(default).unwrap_or(low.max(1))
    }

    /// Whether all of these are as the file says them, or their defaults.
    fn are_said(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.stood_in_for.contains(key))
    }

    /// What only several numbers together say.
    fn check(&mut self, scenario: &Scenario) {
        let Scenario { kill, known, history_least_bytes: least, history_most_bytes: most, .. } =
            *scenario;
        let Allowed { withhold_every_ms: every_ms, withhold_ms, .. } = scenario.provider;
        if kill && known > 0 {
            let why =
                "`kill` and `known` do not go together: agents could not tell their last sessions";
            self.file.refuse(why.to_owned());
        }
        if least > most && self.are_said(&["history_least_bytes", "history_most_bytes"]) {
            let why =
                format!("`history_least_bytes` is {least}, above `history_most_bytes`, {most}");
            self.file.refuse(why);
        }
        // A zero stands for never, and one that is said is meant.
        let never = every_ms == 0 && self.file.says("provider", "withhold_every_ms");
        if (every_ms > 0) != (withhold_ms > 0)
            && !never
            && self.are_said(&["withhold_every_ms", "withhold_ms"])
        {
            let (there, missing) = if every_ms > 0 {
                ("withhold_every_ms", "withhold_ms")
            } else {
                ("withhold_ms", "withhold_every_ms")
            };
            self.file.refuse(format!("`{there}` is there without `{missing}` in [provider]"));
        }
    }
}
