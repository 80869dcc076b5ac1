//! What a run plays: how many agents, what they do how often, and what the provider allows. Shipped scenarios, or files.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use highwater_protocol::limit::{Limits, Quantity, Rate};
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, Sections};

/// The scenarios that come with the program: name and text.
const SHIPPED: [(&str, &str); 8] = [
    ("smoke", include_str!("scenarios/smoke.toml")),
    ("chat-1k", include_str!("scenarios/chat-1k.toml")),
    ("fleet-10k", include_str!("scenarios/fleet-10k.toml")),
    ("saturated", include_str!("scenarios/saturated.toml")),
    ("flaky", include_str!("scenarios/flaky.toml")),
    ("busy", include_str!("scenarios/busy.toml")),
    ("giant", include_str!("scenarios/giant.toml")),
    ("restart", include_str!("scenarios/restart.toml")),
];

/// The largest count of anything: a slip of the finger is told, and memory stays bounded.
const MOST: u64 = 1_000_000;

/// Rates beyond this are not counted exactly any more.
const MOST_PER_MINUTE: u64 = u32::MAX as u64;

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Until {
    /// When each agent has played so many turns.
    Turns(u64),
    /// After so many seconds.
    DurationSecs(u64),
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Scenario {
    /// What it is called.
    pub(super) name: String,
    /// Agents at once, children and forks not counted.
    pub(super) agents: u64,
    /// When the run ends.
    pub(super) until: Until,
    /// The shortest session, in turns, of agents that play for a time.
    pub(super) turns_at_least: u64,
    /// The model's window; the marks are 60 %, 30 % and 90 % of it.
    pub(super) window_tokens: u64,
    /// Whether the process is killed half way.
    pub(super) kill: bool,
    /// Agents begin evenly within this.
    pub(super) start_within_ms: u64,
    /// How many times faster than people agents' users think.
    pub(super) think_speed: u64,
    /// The longest that they think, after that.
    pub(super) think_at_most_ms: u64,
    /// How many steps all agents together make each second, however many they are: neither users nor tools take other
    /// times then. As many as come, if zero.
    pub(super) steps_each_second: u64,
    /// Of a hundred agents, how many hand over what was said to the model together with the wish for the next context; the
    /// others append it and ask then.
    pub(super) together_percent: u64,
    /// How long a tool takes.
    pub(super) tool_ms: u64,
    /// How many times larger than real ones texts are.
    pub(super) size_times: u64,
    /// The largest text that anybody says.
    pub(super) largest_bytes: u64,
    /// Of a thousand steps with calls, how many wait for a child.
    pub(super) child_per_mille: u64,
    /// Of a thousand turns, how many are followed by a rewind.
    pub(super) rewind_per_mille: u64,
    /// Of a thousand turns, how many are followed by a fork, which lives on beside its parent.
    pub(super) fork_per_mille: u64,
    /// Of a thousand turns, how many are followed by a clear.
    pub(super) clear_per_mille: u64,
    /// Of a thousand turns, how many are followed by an idle period.
    pub(super) idle_per_mille: u64,
    /// How long that is.
    pub(super) idle_ms: u64,
    /// Sessions that the store knows before agents begin, by whom they are shared out evenly: each agent comes back to its
    /// own first.
    pub(super) known: u64,
    /// The shortest history of such a session.
    pub(super) history_least_bytes: u64,
    /// The longest one.
    pub(super) history_most_bytes: u64,
    /// After how long sessions that lie idle are ended; as the house does it by itself, if zero.
    pub(super) passivate_after_ms: u64,
    /// What all live sessions may hold together; as much as the house lets them by itself, if zero.
    pub(super) resident_mib: u64,
    /// What the store may keep of its file in memory; as much as it does by itself, if zero.
    pub(super) cache_mib: u64,
    /// How long agents with and agents without passes play in turns; all at once and with passes, if zero.
    pub(super) slice_ms: u64,
    /// Whether each turn is held against the same turns at a provider of the reserved share alone: the gate then tells of
    /// each call, which costs a little.
    pub(super) compare_turns: bool,
    /// The provider.
    pub(super) provider: Allowed,
}

/// What the simulated provider allows, and how well it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Allowed {
    /// Calls at once.
    pub(super) slots: u64,
    /// The share of everything that the gate keeps for turns.
    pub(super) reserve_percent: u64,
    /// Requests each minute.
    pub(super) requests_per_minute: u64,
    /// Tokens each minute, of prompts and answers.
    pub(super) tokens_per_minute: u64,
    /// How many times faster than real ones its answers are.
    pub(super) speed: u64,
    /// Of a thousand calls, how many are refused as if a limit were reached.
    pub(super) refused_per_mille: u64,
    /// Of a thousand calls, how many fail.
    pub(super) failed_per_mille: u64,
    /// How long it answers passes before it withholds its answers to them for a while; never, if zero.
    pub(super) withhold_every_ms: u64,
    /// For how long it withholds them.
    pub(super) withhold_ms: u64,
    /// Whether it is a process of its own, which is reached over HTTP.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) over_http: bool,
}

impl Allowed {
    /// The same as the gate is told it.
    pub(super) fn limits(&self) -> Limits {
        let slots = u32::try_from(self.slots).unwrap_or(u32::MAX);
        let reserve = u8::try_from(self.reserve_percent).unwrap_or(u8::MAX);
        Limits::slots(slots)
            .reserve(reserve)
            .with(Quantity::Requests, Rate::per_minute(self.requests_per_minute))
            .with(Quantity::Tokens, Rate::per_minute(self.tokens_per_minute))
    }

    /// How long it answers passes, and for how long it then withholds its answers; `None` if it never does.
    pub(super) fn withholds(&self) -> Option<(Duration, Duration)> {
        let spans = [self.withhold_every_ms, self.withhold_ms].map(Duration::from_millis);
        (self.withhold_every_ms > 0).then_some((spans[0], spans[1]))
    }

    /// A real time as this provider takes it.
    pub(super) fn paced(&self, real_ms: u64) -> Duration {
        Duration::from_micros(real_ms.saturating_mul(1_000) / self.speed)
    }
}

impl Scenario {
    /// The shipped ones: name, and what each is for.
    pub(super) fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
        let purpose = |text: &'static str| text.lines().next().unwrap_or_default();
        SHIPPED.into_iter().map(move |(name, text)| (name, purpose(text).trim_start_matches("# ")))
    }

    /// A shipped one by its name, or that of a file.
    pub(super) fn load(name: &str) -> Result<Self, ConfigError> {
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Self::read(name, text);
        }
        let text = std::fs::read_to_string(Path::new(name)).map_err(|error| {
            let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
            let why = format!(
                "is neither a scenario that comes with the program ({}) nor a file that can be read: {error}",
                names.join(", ")
            );
            Sections::unreadable(name, &why)
        })?;
        Self::read(name, &text)
    }

    /// All agents: two arms have as many each.
    pub(super) fn population(&self) -> u64 {
        if self.slice_ms > 0 { 2 * self.agents } else { self.agents }
    }

    /// Which of an agent's sessions are known before it begins: those with smaller numbers.
    pub(super) fn known_of(&self, agent: u64) -> u64 {
        let agents = self.population();
        self.known / agents + u64::from(agent < self.known % agents)
    }

    /// Reads a file's text.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, ConfigError> {
        let mut file = Sections::read(name, text)?;
        let turns = file.number("agents", "turns", 1..=MOST);
        let duration = file.number("agents", "duration_secs", 1..=MOST);
        let until = match (turns, duration) {
            (Some(turns), None) => Until::Turns(turns),
            (None, Some(secs)) => Until::DurationSecs(secs),
            _ => {
                file.refuse("needs either `turns` or `duration_secs` in [agents]".to_owned());
                Until::Turns(1)
            }
        };
        let mut agents = |key, range, default| number(&mut file, "agents", key, range, default);
        let scenario = Self {
            name: name.to_owned(),
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
            history_least_bytes: agents("history_least_bytes", 0..=MOST, Some(0)),
            history_most_bytes: agents("history_most_bytes", 0..=MOST, Some(0)),
            passivate_after_ms: agents("passivate_after_ms", 0..=MOST, Some(0)),
            resident_mib: agents("resident_mib", 0..=MOST, Some(0)),
            cache_mib: agents("cache_mib", 0..=MOST, Some(0)),
            slice_ms: agents("slice_ms", 0..=MOST, Some(0)),
            compare_turns: agents("compare_turns", 0..=1, Some(1)) == 1,
            provider: allowed(&mut file),
        };
        if scenario.kill && scenario.known > 0 {
            let why =
                "`kill` and `known` do not go together: agents could not tell their last sessions";
            file.refuse(why.to_owned());
        }
        if let Err(error) = scenario.provider.limits().check() {
            file.refuse(error.to_string());
        }
        file.finish()?;
        Ok(scenario)
    }
}

fn allowed(file: &mut Sections) -> Allowed {
    let mut get = |key, range, default| number(file, "provider", key, range, default);
    Allowed {
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
    }
}

/// A number that must be said unless there is a default.
fn number(
    file: &mut Sections,
    section: &'static str,
    key: &'static str,
    range: RangeInclusive<u64>,
    default: Option<u64>,
) -> u64 {
    let low = *range.start();
    let before = file.mistakes();
    let said = file.number(section, key, range).or(default);
    if said.is_none() && file.mistakes() == before {
        file.refuse(format!("needs `{key}` in [{section}]"));
    }
    said.unwrap_or(low.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_scenario_is_legal_and_says_what_it_is_for() {
        for (name, purpose) in Scenario::shipped() {
            let scenario = Scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name, name);
            assert!(purpose.len() > 20 && !purpose.starts_with('['), "{purpose}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_what_was_meant() {
        let smoke = SHIPPED[0].1;
        for (from, to, why) in [
            ("slots = 6", "slotz = 6", "unknown key `slotz`; did you mean `slots`?"),
            ("slots = 6", "", "needs `slots` in [provider]"),
            ("turns = 6", "turns = 0", "`turns` is 0; it may be 1 to 1000000"),
            ("turns = 6", "", "needs either `turns` or `duration_secs` in [agents]"),
            ("slots = 6", "slots = 1", "leave none for compaction"),
            ("[provider]", "[providers]", "unknown section `providers`; did you mean `provider`?"),
        ] {
            let error = Scenario::read("s.toml", &smoke.replace(from, to)).expect_err(to);
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = Scenario::load("smok").expect_err("there is none").to_string();
        assert!(
            error.contains("smoke, chat-1k, fleet-10k, saturated, flaky, busy, giant, restart"),
            "{error}"
        );
    }
}
