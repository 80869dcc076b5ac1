//! Any sequence of requests: the running session, a fold of its log and a naive account of what must be shown agree
//! after each one (V1, V13, V14, L4, P2).

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::record::CallRef;
use crate::resolution::{CallEnd, Resolution};
use crate::session::tests::desk::*;
use crate::{Context, Group, Shown};

/// What must be shown: places, pins, and how both stood when an entry was the last one.
#[derive(Clone, Debug, Default)]
struct Account {
    head: u64,
    now: Standing,
    then: BTreeMap<u64, Standing>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Standing {
    tip: u64,
    /// The last of the instructions that lead.
    instructions: u64,
    places: BTreeSet<u64>,
    pins: BTreeSet<u64>,
}

impl Account {
    fn appended(&mut self, message: &crate::Message) {
        let leads = self.now.places.last().copied().unwrap_or(0) == self.now.instructions;
        if leads && message.role == crate::Role::System {
            self.now.instructions = self.head + 1;
        }
        self.numbered(message.is_visible());
    }

    fn numbered(&mut self, stands: bool) {
        self.head += 1;
        self.now.tip = self.head;
        if stands {
            self.now.places.insert(self.head);
        }
        self.keep();
    }

    fn keep(&mut self) {
        self.then.insert(self.now.tip, self.now.clone());
    }

    fn rewound(&mut self, to: u64) {
        self.now = self.then.get(&to).cloned().unwrap_or_default();
        self.then.split_off(&(to + 1));
    }
}

pub(super) struct Play {
    pub(super) desk: Desk,
    account: Account,
    calls: Vec<(u64, String)>,
    named: u64,
    /// The pass that was left running, and the number of its stretches.
    running: Option<(PassId, usize)>,
}

impl Play {
    pub(super) fn new(config: SessionConfig) -> Self {
        let desk = Desk::new(SessionConfig { automatic: false, ..config });
        let (account, calls) = (Account::default(), Vec::new());
        Self { desk, account, calls, named: 0, running: None }
    }

    /// Goes on at another desk.
    pub(super) fn at(&self, desk: Desk) -> Self {
        let (account, calls) = (self.account.clone(), self.calls.clone());
        Self { desk, account, calls, named: self.named, running: self.running }
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("n{}", self.named)
    }

    fn append(&mut self, entry: &Arc<crate::Entry>) {
        self.desk.append(&[Arc::clone(entry)]);
        self.account.appended(entry.message());
    }

    /// A place of the session: mostly one that is shown.
    fn place(&self, detail: u64) -> Seq {
        let places: Vec<u64> = self.account.now.places.iter().copied().collect();
        match places.get(usize::try_from(detail).expect("small") % places.len().max(1)) {
            Some(place) if !detail.is_multiple_of(7) => Seq(*place),
            _ => Seq(detail % (self.account.head + 2)),
        }
    }

    fn says(&mut self, kind: u64, detail: u64) {
        let name = self.name();
        let words = usize::try_from(detail * 5).expect("small");
        let entry = match kind {
            0 => says(&name, words),
            1 => json(
                &name,
                &format!(r#"{{"role":"system","content":"{}"}}"#, "rule ".repeat(words)),
            ),
            2 => json(
                &name,
                &format!(r#"{{"role":"assistant","id":"m{}","content":"part"}}"#, detail % 3),
            ),
            3 if detail.is_multiple_of(3) => thinks(&name),
            3 => Arc::new(crate::Entry::opaque(id(&name), name.as_bytes().into()).expect("small")),
            4 => {
                let call = format!("c{}", detail % 6);
                self.calls.push((self.account.head + 1, call.clone()));
                calls(&name, &call)
            }
            _ if detail.is_multiple_of(4) => {
                answers_at_length(&name, &format!("c{}", detail % 6), 600)
            }
            _ => answers(&name, &format!("c{}", detail % 6)),
        };
        self.append(&entry);
    }

    fn compacts(&mut self, detail: u64) {
        let up_to = Some(self.place(detail));
        let (commands, _) = self.desk.ask(Request::Compact { up_to, focus: None });
        let job = commands.iter().find_map(|command| match command {
            Command::StartPass(job) => Some((job.pass, job.stretches.len())),
            _ => None,
        });
        self.running = job.or(self.running);
        if !detail.is_multiple_of(5)
            && let Some(outcome) = job.and_then(|_| self.summarizes())
        {
            let sizes = [
                Outcome::Spliced,
                Outcome::Refused(Refused::NotSmaller),
                Outcome::Refused(Refused::OverCap),
            ];
            assert!(sizes.contains(&outcome), "{outcome}");
        }
    }

    /// The summaries of the pass that runs come, if it still does.
    fn summarizes(&mut self) -> Option<Outcome> {
        let (pass, stretches) = self.running.take()?;
        let summaries = vec![summary(3); stretches];
        outcome(&self.desk.step(Event::PassDone { pass, summaries }))
    }

    fn rewinds(&mut self, to: Seq) {
        let is_live =
            to.0 == 0 || self.account.then.contains_key(&to.0) && to.0 <= self.account.now.tip;
        let (_, reply) = self.desk.ask(Request::Rewind { to });
        match reply {
            Ok(Reply::Changed(changed)) => {
                assert!(is_live, "to {to} of {:?}", self.account);
                assert_eq!(changed, to.0 != self.account.now.tip);
                if changed {
                    self.account.rewound(to.0);
                }
            }
            other => assert!(!is_live, "to {to} of {:?}: {other:?}", self.account),
        }
    }

    pub(super) fn step(&mut self, choice: u16) {
        let (kind, detail) = (u64::from(choice % 16), u64::from(choice / 16 % 64));
        match kind {
            0..=5 => self.says(kind, detail),
            6 => self.says(0, detail),
            7 => self.desk.context_or_refusal(),
            8 => self.compacts(detail),
            9 => {
                let (place, name) = (self.place(detail), self.name());
                let (_, reply) = self.desk.ask(Request::Edit { place, entry: says(&name, 4) });
                if reply.is_ok() {
                    self.account.numbered(false);
                }
            }
            10 => self.rewinds(self.place(detail)),
            11 => self.turns(detail),
            12 | 13 => {
                let (seq, pinned) = (self.place(detail), kind == 12);
                if matches!(self.desk.ask(Request::Pin { seq, pinned }).1, Ok(Reply::Changed(true)))
                {
                    let pins = &mut self.account.now.pins;
                    assert!(if pinned { pins.insert(seq.0) } else { pins.remove(&seq.0) });
                    self.account.keep();
                }
            }
            14 => {
                let ends = [CallEnd::Result, CallEnd::Abandoned, CallEnd::RunningChild];
                let at = usize::try_from(detail).expect("small");
                if let Some((seq, id)) = self.calls.get(at % self.calls.len().max(1)) {
                    let call = CallRef { seq: Seq(*seq), id: id.as_str().into() };
                    let resolution = Resolution::new(ends[at % 3], "as told").expect("short");
                    drop(self.desk.ask(Request::Resolve { call, resolution }));
                }
            }
            15 if detail % 4 == 3 => self.says_again(detail),
            _ => {
                let text = (detail % 2 == 0).then(|| "to do".into());
                drop(
                    self.desk.ask(Request::Track { task: format!("t{}", detail % 3).into(), text }),
                );
            }
        }
    }

    /// An entry is appended once more, or another under its id.
    fn says_again(&mut self, detail: u64) {
        let entries: Vec<Arc<crate::Entry>> = self.desk.log.iter().filter_map(appended).collect();
        let Some(known) =
            entries.get(usize::try_from(detail).expect("small") % entries.len().max(1))
        else {
            return;
        };
        if detail % 8 == 3 {
            self.desk.append(&[Arc::clone(known)]);
        } else {
            let other = says(known.id().as_str(), 99);
            let (_, reply) = self.desk.ask(Request::Append { entries: vec![other] });
            assert_eq!(reply.expect_err("it says something else").kind(), crate::Kind::Conflict);
        }
    }

    /// What is asked for seldom: a clear, another format, and what becomes of a pass that was left running.
    fn turns(&mut self, detail: u64) {
        match detail % 4 {
            0 => {
                if matches!(self.desk.ask(Request::Clear).1, Ok(Reply::Changed(true))) {
                    let end = self.account.now.instructions;
                    self.account.now.places.retain(|place| *place <= end);
                    self.account.now.pins.retain(|place| *place <= end);
                    self.account.keep();
                }
            }
            1 => {
                let format = [Format::Anthropic, Format::OpenAiChat][usize::from(detail % 8 == 1)];
                let budget = self.desk.session.config().budget;
                drop(self.desk.ask(Request::Switch { budget, format }));
            }
            2 => drop(self.desk.ask(Request::Cancel)),
            _ => drop(self.summarizes()),
        }
    }

    fn holds(&mut self) {
        let mut recovered = self.desk.recovered();
        let live = self.desk.session.state.view_mut();
        let segments = live.segments().expect("all is in memory");
        let (digest, tokens) = (live.digest(), live.tokens());
        let again = recovered.state.view_mut();
        assert_eq!(again.segments().as_ref(), Some(&segments), "recovery shows the same");
        assert_eq!(
            (again.digest(), again.tokens(), again.open_calls()),
            (digest, tokens, live.open_calls())
        );
        assert_eq!(recovered.state.facts(), self.desk.session.state.facts());
        let counted: crate::TokenCount = segments.iter().map(|segment| segment.tokens).sum();
        assert_eq!(counted, tokens, "the sizes add up");
        let mut shown: Vec<u64> = Vec::new();
        for segment in &segments {
            match &segment.shown {
                Shown::Entries(entries) | Shown::Elided(entries) => {
                    shown.extend(entries.iter().map(|seq| seq.0));
                }
                Shown::Summary(covers) => {
                    let all = covers.ranges().iter().flat_map(|range| range.start.0..range.end.0);
                    shown.extend(all.filter(|seq| self.account.now.places.contains(seq)));
                }
                Shown::Register => {}
            }
        }
        shown.sort_unstable();
        assert_eq!(shown, self.account.now.places.iter().copied().collect::<Vec<_>>(), "V1");
        let view = self.desk.session.state.view();
        let pinned: BTreeSet<u64> = view
            .groups()
            .flat_map(|group: &Group| group.members().iter().map(move |member| (group, member.seq)))
            .filter(|(group, seq)| group.has_pin(*seq))
            .map(|(_, seq)| seq.0)
            .collect();
        assert_eq!(pinned, self.account.now.pins, "V13");
    }
}

fn appended(record: &crate::Record) -> Option<Arc<crate::Entry>> {
    match record {
        crate::Record::Appended { entry, .. } => Some(Arc::clone(entry)),
        _ => None,
    }
}

/// The next context and the one of a session that was recovered just before it, byte for byte (P2).
fn contexts_agree(desk: &mut Desk) {
    let mut twin = Desk {
        session: desk.recovered(),
        log: desk.log.clone(),
        ..Desk::new(desk.session.config())
    };
    let (one, other): (Context, Context) = (desk.context(), twin.context());
    assert_eq!(one.body(), other.body());
    assert_eq!((one.digest, one.resets), (other.digest, other.resets));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_log_says_what_is_shown(choices in vec(any::<u16>(), 1..60)) {
        let mut play = Play::new(config());
        for choice in choices {
            play.step(choice);
            play.holds();
        }
        contexts_agree(&mut play.desk);
    }
}
