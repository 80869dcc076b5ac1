//! The power fails: what was synced is there, and of what was not any part is, in any order, the last write torn at any
//! byte. At every sync and every few writes of a workload, and once more right after the store was opened again.

use std::sync::Arc;

use highwater_storage::{RedbStore, Store, StoreError};

use crate::dice::Dice;
use crate::disk::{Disk, Image, Op, Part, apply};
use crate::workload::{self, Held, Step};

/// Every so many writes there is a power cut in the middle of one.
const WRITES: usize = 3;
const SEED: u64 = 1;

/// What a disk kept of the writes since its last sync.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Nothing,
    /// All of them, the last one torn.
    Torn,
    /// Some of them, the last one torn.
    Some,
    /// Some of them, the last one torn, in another order.
    Reordered,
}

const KEPT: [Kept; 5] = [Kept::Nothing, Kept::Torn, Kept::Some, Kept::Some, Kept::Reordered];

/// One life of a store: the disk that it found, what was done to it, what was to be done, and what it held after each
/// step.
struct Life {
    found: Image,
    trace: Vec<Op>,
    steps: Vec<Step>,
    course: Vec<Held>,
}

impl Life {
    /// Opens the store on a disk that holds `start`, takes the steps, and closes it.
    fn lived(found: Image, start: Held, steps: Vec<Step>) -> Self {
        let disk = Disk::of(found.clone());
        let store = Arc::new(workload::open(&disk).expect("the store opens"));
        disk.answered(0);
        let course = workload::course(start, &steps);
        assert_eq!(workload::held(&store).expect("it is readable"), course[0]);
        let all = Arc::new((steps.clone(), course.clone()));
        let taking = |store: &Arc<RedbStore>, disk: &Disk| {
            let (store, disk, all) = (Arc::clone(store), disk.clone(), Arc::clone(&all));
            move |at: usize| {
                let (steps, course) = &*all;
                workload::take(&store, &steps[at], &course[at], &course[at + 1])
                    .expect("the disk is sound");
                disk.answered(at + 1);
            }
        };
        let mut at = 0;
        while at < steps.len() {
            // Now and then small steps come while the log is written down.
            let beside = steps[at..].iter().take(2).take_while(|step| step.is_small()).count();
            if beside > 0 && store.is_behind() {
                let takes = taking(&store, &disk);
                disk.interrupt_at(1 + at % 7, move || (at..at + beside).for_each(takes));
                store.write_behind().expect("the disk is sound");
                at += if disk.go_on() { 0 } else { beside };
            } else {
                taking(&store, &disk)(at);
                at += 1;
            }
        }
        drop(store);
        Self { found, trace: disk.take_trace(), steps, course }
    }

    /// How many steps were answered before a point of the trace; `None` while the store was being opened.
    fn answered(&self, cut: usize) -> Option<usize> {
        self.trace[..cut].iter().rev().find_map(|op| match op {
            Op::Answered(steps) => Some(*steps),
            _ => None,
        })
    }

    /// What is on the disk when the power fails after this many deeds. Each file has its syncs.
    fn image(&self, cut: usize, kept: Kept, dice: &mut Dice) -> Image {
        let trace = &self.trace[..cut];
        let synced = [Part::Store, Part::Redo]
            .map(|part| trace.iter().rposition(|op| *op == Op::Sync(part)).unwrap_or(0));
        let is_synced = |at: usize, op: &Op| match op {
            Op::Write { part, .. } | Op::SetLen(part, _) => at < synced[*part as usize],
            Op::Sync(_) | Op::Answered(_) => true,
        };
        let mut image = self.found.clone();
        let mut pending = Vec::new();
        for (at, op) in trace.iter().enumerate() {
            if is_synced(at, op) {
                apply(&mut image, op);
            } else {
                pending.push(op.clone());
            }
        }
        if let Some(Op::Write { data, .. }) = pending.last_mut() {
            data.truncate(dice.below(data.len() + 1));
        }
        match kept {
            Kept::Nothing => pending.clear(),
            Kept::Torn => {}
            Kept::Some | Kept::Reordered => pending.retain(|_| dice.coin()),
        }
        if matches!(kept, Kept::Reordered) {
            for at in (1..pending.len()).rev() {
                pending.swap(at, dice.below(at + 1));
            }
        }
        for op in &pending {
            apply(&mut image, op);
        }
        image
    }

    /// Opens what a power cut left and requires all that was acknowledged, and of what was not, all or nothing. Tells
    /// what is there, and how many steps had been answered; `None` when the store had not been created yet.
    fn reopened(&self, cut: usize, image: &Image, told: &str) -> Option<(usize, Held)> {
        let answered = self.answered(cut);
        let store = match workload::open(&Disk::of(image.clone())) {
            Ok(store) => store,
            Err(StoreError::Foreign { .. }) if answered.is_none() && self.found[0].is_empty() => {
                return None;
            }
            Err(error) => panic!("{told}: it does not open: {error}"),
        };
        let held = workload::held(&store).unwrap_or_else(|error| panic!("{told}: {error}"));
        let steps = answered.unwrap_or(0);
        let next = if answered.is_none() { 0 } else { steps + 1 };
        let legal = [Some(&self.course[steps]), self.course.get(next)];
        assert!(
            legal.contains(&Some(&held)),
            "{told}: after {steps} steps it holds {:?}",
            sizes(&held)
        );
        Some((steps, held))
    }

    /// The life after this one: whoever waited for an answer sends the same again, and more.
    fn next(&self, image: Image, steps: usize, held: Held) -> Self {
        let names = ["a", "b", "c", "d"].into_iter().filter(|name| held.contains_key(*name));
        let mut todo: Vec<Step> = names.map(Step::Open).collect();
        if let Some(step) = self.steps.get(steps) {
            todo.push(Step::Resend(workload::batches(&self.course[steps], step)));
        }
        if held.contains_key("b") {
            todo.push(Step::Append(vec![("a", vec![7_000, 7]), ("b", vec![70])]));
        }
        todo.retain(|step| !matches!(step, Step::Resend(batches) if batches.is_empty()));
        Self::lived(image, held, todo)
    }

    /// The points at which the power may fail: before and after each sync, and in the middle of every few writes.
    fn cuts(&self) -> Vec<usize> {
        let mut writes = 0;
        let mut cuts = Vec::new();
        for (at, op) in self.trace.iter().enumerate() {
            match op {
                Op::Sync(_) => cuts.extend([at, at + 1]),
                Op::Write { .. } => {
                    writes += 1;
                    if writes % WRITES == 0 {
                        cuts.push(at + 1);
                    }
                }
                Op::SetLen(..) => cuts.push(at + 1),
                Op::Answered(_) => {}
            }
        }
        cuts
    }
}

fn sizes(held: &Held) -> Vec<(&str, u64, usize)> {
    held.iter().map(|(name, (epoch, log))| (name.as_str(), *epoch, log.len())).collect()
}

#[derive(Debug, Default)]
struct Explored {
    cuts: usize,
    second: usize,
    in_flight_kept: usize,
}

fn explore(life: &Life, seed: u64) -> Explored {
    let mut dice = Dice::new(seed);
    let mut explored = Explored::default();
    for cut in life.cuts() {
        for (variant, kept) in KEPT.into_iter().enumerate() {
            let told = format!("seed {seed}, cut {cut}, {kept:?} {variant}");
            let image = life.image(cut, kept, &mut dice);
            explored.cuts += 1;
            let Some((steps, held)) = life.reopened(cut, &image, &told) else { continue };
            explored.in_flight_kept += usize::from(held != life.course[steps]);
            let second = life.next(image, steps, held);
            let cuts = second.cuts();
            let cut = cuts[dice.below(cuts.len())];
            let image = second.image(cut, KEPT[dice.below(KEPT.len())], &mut dice);
            second.reopened(cut, &image, &format!("{told}, then cut {cut}"));
            explored.second += 1;
        }
    }
    explored
}

#[test]
fn no_power_cut_loses_doubles_or_tears_what_was_acknowledged() {
    let life = Life::lived(Image::default(), Held::new(), workload::script(7));
    let of = |part| life.trace.iter().filter(|op| **op == Op::Sync(part)).count();
    let (store, redo) = (of(Part::Store), of(Part::Redo));
    assert!(store > 15 && redo > 30, "both make things durable: {store} and {redo}");
    let syncs = store + redo;
    let writes = life.trace.iter().filter(|op| matches!(op, Op::Write { .. })).count();
    assert!(syncs > 40 && writes > 200, "{syncs} syncs, {writes} writes");
    let explored = explore(&life, SEED);
    println!("{syncs} syncs, {writes} writes: {explored:?}");
    assert!(explored.cuts >= KEPT.len() * (2 * syncs + writes / WRITES), "{explored:?}");
    assert!(explored.second > explored.cuts * 9 / 10, "{explored:?}");
    assert!(explored.in_flight_kept > 0, "{explored:?}");
}
