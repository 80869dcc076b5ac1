//! One agent: what it has said, what it knows, and what it does next.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::message::{OpenCalls, Request};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{
    Block, Budget, CallEnd, CallNumber, CallRef, Entry, Format, LogPos, PassId, Resolution, Seq,
    SeqRange, SessionId, TokenCount, Usage,
};

use crate::oracle::{Breach, Oracle};
use crate::talk::Talk;
use highwater_tests::dice::Dice;

/// What an agent does.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// Asks its session for something.
    Ask(Request),
    /// Reads its history.
    Read(SeqRange, usize),
    /// Asks what a call was answered with.
    Call(CallNumber),
}

/// An agent with a session of its own.
pub(crate) struct Agent {
    pub(crate) session: SessionId,
    pub(crate) config: SessionConfig,
    pub(crate) oracle: Oracle,
    talk: Talk,
    given: Vec<Arc<Entry>>,
    /// The contexts that it was answered, by the numbers of their calls.
    pub(crate) seen: BTreeMap<CallNumber, Vec<Block>>,
}

#[derive(Clone, Copy)]
enum Deed {
    Append,
    NextContext,
    Context,
    ContextOrCalls,
    Compact,
    Settled,
    Cancel,
    Rewind,
    Edit,
    Clear,
    Pin,
    Resolve,
    Track,
    Checkpoint,
    ReportUsage,
    Switch,
    Status,
    Close,
    Read,
    Call,
    Again,
    Forge,
    RetryUnknown,
}

const DEEDS: [(u64, Deed); 23] = [
    (250, Deed::Append),
    (90, Deed::NextContext),
    (120, Deed::Context),
    (40, Deed::ContextOrCalls),
    (50, Deed::Compact),
    (20, Deed::Settled),
    (12, Deed::Cancel),
    (18, Deed::Rewind),
    (45, Deed::Edit),
    (5, Deed::Clear),
    (45, Deed::Pin),
    (50, Deed::Resolve),
    (20, Deed::Track),
    (15, Deed::Checkpoint),
    (60, Deed::ReportUsage),
    (10, Deed::Switch),
    (50, Deed::Status),
    (8, Deed::Close),
    (20, Deed::Read),
    (25, Deed::Call),
    (15, Deed::Again),
    (6, Deed::Forge),
    (40, Deed::RetryUnknown),
];

const BUDGETS: [(u64, u64, u64); 4] =
    [(1_100, 512, 1_600), (2_000, 1_000, 4_000), (3_000, 900, 3_600), (5_000, 1_500, 9_000)];

fn budget(dice: &mut Dice) -> Budget {
    let (trigger, landing, hard) = BUDGETS[dice.index(BUDGETS.len())];
    Budget::new(TokenCount(trigger), TokenCount(landing), TokenCount(hard)).expect("rising marks")
}

impl Agent {
    pub(crate) fn new(name: &str, dice: &mut Dice) -> Self {
        let format = if dice.percent(65) { Format::Anthropic } else { Format::OpenAiChat };
        let mut config = SessionConfig::new(budget(dice), format);
        config.automatic = dice.percent(80);
        // Some hold next to nothing in memory and read texts again whenever they need them (L5).
        config.resident_bytes = [0, 30_000, config.resident_bytes][dice.index(3)];
        Self {
            session: SessionId::parse(name).expect("a legal name"),
            config,
            oracle: Oracle::default(),
            talk: Talk::new(format),
            given: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Another agent, that goes on from where this one's session was forked: it says other things under the same ids.
    pub(crate) fn forked(&self, name: &str, at: LogPos, dice: &mut Dice) -> Result<Self, Breach> {
        let mut config = self.config;
        config.resident_bytes = [0, 30_000, config.resident_bytes][dice.index(3)];
        let oracle = self.oracle.forked(at)?;
        let called = oracle.called();
        let seen = self.seen.iter().filter(|(call, _)| call.0 <= called);
        Ok(Self {
            session: SessionId::parse(name).expect("a legal name"),
            config,
            seen: seen.map(|(call, blocks)| (*call, blocks.clone())).collect(),
            oracle,
            talk: self.talk.clone(),
            given: self.given.clone(),
        })
    }

    /// The settings that it opens its session with: as the log has them, now and then with other marks.
    pub(crate) fn settings(&mut self, dice: &mut Dice) -> SessionConfig {
        if let Some((format, known)) = self.oracle.settings() {
            (self.config.format, self.config.budget) = (format, known);
            if dice.percent(10) {
                self.config.budget = budget(dice);
            }
        }
        self.oracle.opens(self.config.format, self.config.budget);
        self.config
    }

    /// What it does next.
    pub(crate) fn next(&mut self, dice: &mut Dice) -> Move {
        let request = match dice.weighted(&DEEDS) {
            Deed::Append => self.append(dice),
            Deed::Context => Request::Context { open_calls: OpenCalls::StandIn },
            Deed::ContextOrCalls => Request::Context { open_calls: OpenCalls::Refuse },
            Deed::NextContext => self.next_context(dice),
            Deed::Compact => {
                let up_to = dice.percent(50).then(|| self.some_seq(dice));
                let focus = dice.percent(10).then(|| "the ferry".into());
                Request::Compact { up_to, focus }
            }
            Deed::Settled => {
                let known = self.oracle.passes() + u64::from(dice.percent(10));
                Request::Settled {
                    pass: PassId(dice.within(known.saturating_sub(3).max(1), known.max(1))),
                }
            }
            Deed::Cancel => Request::Cancel,
            Deed::Rewind => Request::Rewind { to: self.rewind_target(dice) },
            Deed::Edit => self.edit(dice),
            Deed::Clear => Request::Clear,
            Deed::Pin => Request::Pin { seq: self.shown_seq(dice), pinned: dice.percent(55) },
            Deed::Resolve => self.resolve(dice),
            Deed::Track => {
                let text = dice.percent(60).then(|| format!("text {}", dice.below(3)).into());
                Request::Track { task: format!("task {}", dice.below(4)).into(), text }
            }
            Deed::Switch => {
                let format =
                    self.oracle.settings().map_or(self.config.format, |(format, _)| format);
                let other = if format == Format::Anthropic {
                    Format::OpenAiChat
                } else {
                    Format::Anthropic
                };
                let format = if dice.percent(40) { other } else { format };
                Request::Switch { budget: budget(dice), format }
            }
            Deed::Status => Request::Status,
            Deed::Checkpoint => Request::Checkpoint,
            Deed::ReportUsage => self.report(dice),
            Deed::Call => {
                return Move::Call(CallNumber(dice.below(self.oracle.called() + 2)));
            }
            Deed::Close => Request::Close,
            Deed::Read => {
                let from = self.some_seq(dice).0.max(1);
                let range = SeqRange::new(Seq(from), Seq(from + dice.below(60)));
                return Move::Read(range, dice.index(3_000) + 1);
            }
            Deed::Again => match dice.pick(&self.given) {
                Some(entry) => Request::Append { entries: vec![Arc::clone(entry)] },
                None => self.append(dice),
            },
            Deed::Forge => match dice.pick(&self.given) {
                Some(entry) => {
                    let entries = vec![self.talk.entry(dice), Talk::forged(entry)];
                    Request::Append { entries }
                }
                None => self.append(dice),
            },
            Deed::RetryUnknown => {
                let unknown = self.oracle.unknown();
                dice.pick(&unknown).cloned().unwrap_or_else(|| self.append(dice))
            }
        };
        Move::Ask(request)
    }

    fn append(&mut self, dice: &mut Dice) -> Request {
        Request::Append { entries: self.entries(dice) }
    }

    fn next_context(&mut self, dice: &mut Dice) -> Request {
        let entries = self.entries(dice);
        let open_calls = if dice.percent(70) { OpenCalls::StandIn } else { OpenCalls::Refuse };
        Request::NextContext { entries, open_calls }
    }

    fn entries(&mut self, dice: &mut Dice) -> Vec<Arc<Entry>> {
        let count = if dice.percent(70) { 1 } else { dice.within(2, 6) };
        let entries: Vec<_> = (0..count).map(|_| self.talk.entry(dice)).collect();
        self.given.extend(entries.iter().cloned());
        entries
    }

    fn some_seq(&self, dice: &mut Dice) -> Seq {
        Seq(dice.below(self.oracle.model().head() + 2))
    }

    /// An entry that stands in the view, or with little chance any.
    fn shown_seq(&self, dice: &mut Dice) -> Seq {
        let shown: Vec<u64> = self.oracle.model().shown.keys().copied().collect();
        match dice.pick(&shown) {
            Some(seq) if dice.percent(88) => Seq(*seq),
            _ => self.some_seq(dice),
        }
    }

    /// Mostly near the end of the live branch.
    fn rewind_target(&self, dice: &mut Dice) -> Seq {
        let model = self.oracle.model();
        let live: Vec<u64> = (0..=model.head()).filter(|seq| model.is_live(*seq)).collect();
        let near = &live[live.len().saturating_sub(12)..];
        match dice.below(10) {
            0 => self.some_seq(dice),
            1 | 2 => Seq(*dice.pick(&live).expect("zero is always live")),
            _ => Seq(*dice.pick(near).expect("zero is always live")),
        }
    }

    fn edit(&mut self, dice: &mut Dice) -> Request {
        let place = self.shown_seq(dice);
        let standing =
            self.oracle.model().shown.get(&place.0).map(|place| Arc::clone(&place.entry));
        let entry = match standing {
            Some(standing) if dice.percent(90) => self.talk.reworded(&standing, dice),
            _ => self.talk.entry(dice),
        };
        Request::Edit { place, entry }
    }

    /// Mostly of one of the last contexts, and of the size that providers count where ours is estimated.
    fn report(&self, dice: &mut Dice) -> Request {
        let last = self.oracle.called() + 1;
        let call = if dice.percent(80) {
            last.saturating_sub(dice.below(6))
        } else {
            dice.below(last + 1)
        };
        let model = format!("model-{}", dice.below(3)).into();
        let usage = Usage {
            input: TokenCount(dice.below(4_000)),
            cached: TokenCount(dice.below(100)),
            output: TokenCount(dice.below(100)),
        };
        Request::ReportUsage { call: CallNumber(call), model, usage }
    }

    fn resolve(&self, dice: &mut Dice) -> Request {
        let model = self.oracle.model();
        let mut calls: Vec<CallRef> = model.open_calls();
        if calls.is_empty() || dice.percent(30) {
            calls.extend(model.under_way.iter().map(|pending| pending.call.clone()));
            calls.extend(model.calls.iter().map(|call| call.at.clone()));
        }
        let unknown = || CallRef { seq: Seq(1), id: "never made".into() };
        let call = dice.pick(&calls).cloned().unwrap_or_else(unknown);
        let ends = [
            CallEnd::Result,
            CallEnd::Failed,
            CallEnd::Abandoned,
            CallEnd::RunningChild,
            CallEnd::AwaitingApproval,
        ];
        let end = ends[dice.index(ends.len())];
        let detail = format!("detail {}", dice.below(1_000));
        let resolution = Resolution::new(end, &detail).expect("a short detail");
        Request::Resolve { call, resolution }
    }
}
