//! What a run plays: how many agents, what they do how often, and what the provider allows. Shipped scenarios, or files.

mod reading;
#[cfg(test)]
mod tests;

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
    /// What it is called: a file's name without directories and ending.
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
    /// The shortest history of such a session, behind the instructions.
    pub(super) history_least_bytes: u64,
    /// The longest one; never below the shortest.
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
}
