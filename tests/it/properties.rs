//! Properties of cut and splice over generated transcripts, against a naive reading of the same transcript (V1, V2, V3).

mod naive;

use highwater_protocol::cut::{self, Cut};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::splice::{self, Effect, Proposal};
use highwater_protocol::{Fact, Format, Group, PassId, Refused, Seq, Summary, View};
use highwater_tests::generate::{self, Step, mark};
use highwater_tests::log::{Log, pieces};
use highwater_tests::{rules, world};
use naive::Naive;
use proptest::collection::vec;
use proptest::prelude::*;

fn gist() -> Summary {
    Summary { text: "The gist.".into(), author: "test".into() }
}

fn config(format: Format) -> SessionConfig {
    SessionConfig { format, ..world::by_wish() }
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Anthropic), Just(Format::OpenAiChat)]
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..60)
}

fn head(log: &Log) -> u64 {
    log.state.view().head().0
}

/// V1 of a view: each visible entry stands in exactly one group, or is covered, and no group is torn by the cover.
fn shown_once(log: &Log) -> Result<(), TestCaseError> {
    let view = log.state.view();
    let mut times = vec![0_u32; log.entries.len()];
    let mut show = |seq: Seq| {
        let at = usize::try_from(seq.0 - 1).expect("a small number");
        times[at] += 1;
    };
    view.groups().flat_map(Group::members).for_each(|member| show(member.seq));
    let covered = view.covered().map_or(1..1, |covers| covers.start.0..covers.end.0);
    covered.clone().map(Seq).for_each(show);
    for (entry, (seq, times)) in log.entries.iter().zip((1..).zip(times)) {
        if entry.message().is_visible() {
            prop_assert_eq!(times, 1, "entry {} is shown {} times", seq, times);
        }
    }
    Ok(())
}

/// V1, V2 and the marks of what the model would be sent.
fn context_holds(log: &Log) -> Result<(), TestCaseError> {
    let context = log.context();
    if let Some(breach) = rules::shown_once(&context, &log.entries, |_| true) {
        return Err(TestCaseError::fail(breach));
    }
    let body = context.body();
    if let Some(breach) = rules::pairs_whole(context.format, &body) {
        return Err(TestCaseError::fail(format!("{breach} in {body}")));
    }
    if context.resets != log.state.resets() {
        return Ok(()); // Elided at the hard mark: what is said is not shown any more.
    }
    let covered = log.state.view().covered();
    for (seq, entry) in (1..).zip(&log.entries) {
        let said = String::from_utf8_lossy(entry.source()).contains(&mark(seq));
        let hidden = covered.is_some_and(|covers| covers.contains(Seq(seq)));
        let reasons = entry.id().as_str().starts_with('t') && context.format == Format::OpenAiChat;
        let expected = usize::from(said && !hidden && !reasons);
        prop_assert_eq!(body.matches(&mark(seq)).count(), expected, "{} in {}", mark(seq), body);
    }
    Ok(())
}

/// Plans at a mark, compares with the naive reading, and splices if there is a cut.
fn plan_and_splice(log: &mut Log, steps: &[Step], up_to: Seq) -> Result<(), TestCaseError> {
    let expected = Naive::of(&log.entries, steps).largest_cut(up_to.0);
    let before = log.state.view().covered();
    let expected = expected.filter(|cut| before.is_none_or(|covers| *cut > covers.last().0));
    let cut = cut::plan(log.state.view(), up_to);
    prop_assert_eq!(cut.as_ref().map(|cut| cut.covers().last().0), expected, "up to {}", up_to);
    let Some(cut) = cut else { return Ok(()) };
    prop_assert!(cut.covers().last() <= up_to, "never forward");
    let tokens = log.state.view().tokens();
    let pass = log.state.last_pass().next();
    match check(log.state.view(), &log.state.facts(), pass, &cut) {
        Ok(effect) => {
            log.splice(&cut, &gist());
            prop_assert_eq!(effect.before, tokens);
            prop_assert_eq!(effect.after, log.state.view().tokens());
            prop_assert!(effect.after < effect.before, "a splice makes the view smaller");
        }
        Err(why) => prop_assert_eq!(why, Refused::NotSmaller, "of what was just planned"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_keeps_every_entry_once_and_every_group_whole(
        format in format(), first in choices(), second in choices(), marks in any::<[u8; 2]>()
    ) {
        let steps = generate::play(format, &[first.clone(), second].concat());
        let mut log = Log::new(config(format));
        for (played, mark) in [0, first.len(), steps.len()].windows(2).zip(marks) {
            log.play(&steps[played[0]..played[1]]);
            let up_to = Seq(u64::from(mark) % (head(&log) + 2));
            plan_and_splice(&mut log, &steps[..played[1]], up_to)?;
            shown_once(&log)?;
        }
        context_holds(&log)?;
    }

    #[test]
    fn appends_behind_a_cut_never_change_what_becomes_of_it(
        before in choices(), behind in choices(), up_to in any::<u8>()
    ) {
        let steps = generate::play(Format::Anthropic, &[before.clone(), behind].concat());
        let mut log = Log::of(config(Format::Anthropic), &steps[..before.len()]);
        let Some(cut) = cut::plan(log.state.view(), Seq(u64::from(up_to) % (head(&log) + 1))) else {
            return Ok(());
        };
        let verdict = |view: &View| checked(view, &cut);
        let planned = verdict(log.state.view());
        for step in &steps[before.len()..] {
            log.play(std::slice::from_ref(step));
            prop_assert_eq!(verdict(log.state.view()), planned, "after {:?}", step);
        }
    }

    #[test]
    fn an_edit_makes_a_pass_stale_exactly_when_it_is_covered(
        choices in choices(), up_to in any::<u8>(), edited in any::<prop::sample::Index>()
    ) {
        let steps = generate::play(Format::Anthropic, &choices);
        let log = Log::of(config(Format::Anthropic), &steps);
        let Some(cut) = cut::plan(log.state.view(), Seq(u64::from(up_to) % (head(&log) + 1))) else {
            return Ok(());
        };
        let planned = checked(log.state.view(), &cut);
        let seq = edited.index(log.entries.len()) as u64 + 1;
        let edit = |step: &Step| match step {
            Step::Append(line) => Step::Append(line.replace(&mark(seq), "<edit>")),
            Step::Answer => Step::Answer,
        };
        let other = Log::of(config(Format::Anthropic), &steps.iter().map(edit).collect::<Vec<_>>());
        let changed = steps.iter().any(|step| edit(step) != *step);
        let verdict = checked(other.state.view(), &cut);
        if changed && seq <= cut.covers().last().0 {
            prop_assert_eq!(verdict, Err(Refused::Stale), "entry {} is covered", seq);
        } else {
            prop_assert_eq!(verdict, planned, "entry {} is not covered", seq);
        }
    }
}

/// The verdict on a splice, without the sizes of what lies behind it.
fn checked(view: &View, cut: &Cut) -> Result<u64, Refused> {
    let effect = check(view, &[], PassId(1), cut)?;
    Ok(effect.before.0 - effect.after.0)
}

fn check(view: &View, facts: &[Fact], pass: PassId, cut: &Cut) -> Result<Effect, Refused> {
    let (digest, pieces) = (cut.digest(), pieces(cut, &gist()));
    let cut = cut.covers().last();
    let proposal = Proposal { pass, cut, digest: &digest, pieces: &pieces, facts };
    splice::check(view, &world::budget(), &proposal)
}
