//! What is done to the stores of these tests, and what must then be in them. All that these tests know of the `Store`
//! trait is in this file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use highwater_protocol::{
    Entry, EntryId, LogPos, Outcome, PassId, Record, Seq, SessionId, Timestamp,
};
use highwater_storage::{
    Appended, BatchId, Epoch, Fork, PageLimit, RedbOptions, RedbStore, SessionBatch, Store,
    StoreError,
};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableHandle};

use crate::disk::{Disk, Image, Part};

/// What a store holds: the epoch and the log of each session.
pub(crate) type Held = BTreeMap<String, (u64, Vec<Record>)>;

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Open(&'static str),
    /// Records of these sizes for each of these sessions, in one commit.
    Append(Vec<(&'static str, Vec<usize>)>),
    /// A batch that was sent before, by whoever owns its session now.
    Resend(Vec<SessionBatch>),
    /// A session that begins with so many records of another.
    Fork(&'static str, usize, &'static str),
    /// All of a session is sealed, as far as it fills stretches.
    Seal(&'static str),
    /// The fold of a session up to its end.
    Anchor(&'static str),
    /// Payloads that nobody refers to are stored, and all such removed.
    Sweep,
}

impl Step {
    /// Whether it finds room in a log that is half full.
    pub(crate) fn is_small(&self) -> bool {
        let Self::Append(parts) = self else { return false };
        parts.iter().flat_map(|(_, sizes)| sizes).sum::<usize>() < 2_000
    }
}

/// So small a redo log is often full.
const REDO_BYTES: u64 = 24 << 10;

/// Opens the store on a disk, or creates it there. Nearly everything fits the cache.
pub(crate) fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    opened(disk, 1 << 20)
}

/// Opens the store with a cache so small that pages are read again and again, and written before their commit.
pub(crate) fn open_with_little_memory(disk: &Disk) -> Result<RedbStore, StoreError> {
    opened(disk, 16 << 10)
}

fn opened(disk: &Disk, cache_bytes: usize) -> Result<RedbStore, StoreError> {
    over(disk, RedbOptions { cache_bytes, redo_bytes: REDO_BYTES, create: true })
}

pub(crate) fn over(disk: &Disk, options: RedbOptions) -> Result<RedbStore, StoreError> {
    RedbStore::over(disk.file(Part::Store), disk.file(Part::Redo), options)
}

/// A store that takes steps and is not closed: its disk is as a crash would leave it.
pub(crate) struct Life {
    pub(crate) disk: Disk,
    pub(crate) store: RedbStore,
    held: Held,
}

impl Life {
    /// Opens what is on a disk, which holds this.
    pub(crate) fn new(disk: Disk, held: Held) -> Self {
        Self::with_a_log_of(REDO_BYTES, disk, held)
    }

    pub(crate) fn with_a_log_of(redo_bytes: u64, disk: Disk, held: Held) -> Self {
        let store = over(&disk, RedbOptions { cache_bytes: 1 << 20, redo_bytes, create: true });
        Self { store: store.expect("it opens"), disk, held }
    }

    /// Takes a step; what is held then.
    pub(crate) fn takes(&mut self, step: &Step) -> &Held {
        let after = after(&self.held, step);
        take(&self.store, step, &self.held, &after).expect("the disk is sound");
        self.held = after;
        &self.held
    }
}

/// All rows of a closed store, but for what it says of its redo log.
pub(crate) fn rows(disk: &Disk) -> BTreeMap<(String, Vec<u8>), Vec<u8>> {
    let database = Database::builder().create_with_backend(disk.file(Part::Store));
    let transaction = database.expect("it is closed").begin_read().expect("a snapshot");
    let mut rows = BTreeMap::new();
    for handle in transaction.list_tables().expect("readable") {
        let name = handle.name().to_owned();
        let table: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(&name);
        for row in transaction.open_table(table).expect("it is there").iter().expect("readable") {
            let (key, value) = row.expect("readable");
            rows.insert((name.clone(), key.value().to_vec()), value.value().to_vec());
        }
    }
    rows.retain(|(_, key), _| key != b"redo");
    rows
}

/// How often redb tells of its progress when it opens this and has to walk over it.
pub(crate) fn repairs(image: &Image) -> usize {
    let told = Arc::new(AtomicUsize::new(0));
    let telling = Arc::clone(&told);
    let mut builder = Database::builder();
    builder.set_repair_callback(move |_| {
        telling.fetch_add(1, Ordering::Relaxed);
    });
    let disk = Disk::of(image.clone());
    drop(builder.create_with_backend(disk.file(Part::Store)).expect("it opens"));
    told.load(Ordering::Relaxed)
}

pub(crate) fn id(name: &str) -> SessionId {
    SessionId::parse(name).expect("a legal name")
}

/// The record that stands at a position of a session's log: another one at each. One of some thousand bytes is an entry,
/// whose bytes are the same wherever there is one of its size.
pub(crate) fn record(session: &str, at: usize, bytes: usize) -> Record {
    let number = at as u64 + 1;
    if !(1_000..20_000).contains(&bytes) {
        let outcome = Outcome::Failed(text(&format!("{session} {at} "), bytes).into());
        return Record::PassEnded { at: Timestamp(1), pass: PassId(number), outcome };
    }
    let id = EntryId::parse(&format!("{session}-{at}")).expect("a legal id");
    let entry = Entry::user(id, &text("", bytes)).expect("an entry below the cap");
    Record::Appended { at: Timestamp(1), seq: Seq(number), entry: Arc::new(entry) }
}

fn text(begins: &str, bytes: usize) -> String {
    let (mut text, mut mixed) = (begins.to_owned(), bytes as u64);
    while text.len() < bytes {
        mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        write!(text, "{mixed:x}").expect("a string takes everything");
    }
    text.truncate(bytes.max(8));
    text
}

/// The batches of a step, sent to a store that holds this.
pub(crate) fn batches(held: &Held, step: &Step) -> Vec<SessionBatch> {
    match step {
        Step::Open(_) | Step::Fork(..) | Step::Seal(_) | Step::Anchor(_) | Step::Sweep => {
            Vec::new()
        }
        Step::Append(parts) => parts.iter().map(|(name, sizes)| batch(held, name, sizes)).collect(),
        Step::Resend(batches) => {
            let owned = |batch: &SessionBatch| {
                let epoch = Epoch(held[batch.session.as_str()].0);
                SessionBatch { epoch, ..batch.clone() }
            };
            batches.iter().map(owned).collect()
        }
    }
}

fn batch(held: &Held, name: &str, sizes: &[usize]) -> SessionBatch {
    let (epoch, log) = &held[name];
    let records = (log.len()..).zip(sizes).map(|(at, bytes)| record(name, at, *bytes)).collect();
    let end = log.len() as u64;
    SessionBatch {
        session: id(name),
        epoch: Epoch(*epoch),
        head: LogPos(end),
        batch: BatchId(end + 1),
        records,
    }
}

/// What a store holds after a step.
pub(crate) fn after(held: &Held, step: &Step) -> Held {
    let mut held = held.clone();
    if let Step::Open(name) = step {
        held.entry((*name).to_owned()).or_default().0 += 1;
    }
    if let Step::Fork(parent, at, child) = step {
        let log = held[*parent].1[..*at].to_vec();
        held.entry((*child).to_owned()).or_insert((0, log));
    }
    for batch in batches(&held, step) {
        let (_, log) = held.get_mut(batch.session.as_str()).expect("it is open");
        // One that is sent again may be there already.
        if log.len() as u64 == batch.head.0 {
            log.extend(batch.records);
        }
    }
    held
}

/// What a store holds before the first of these steps, and after each.
pub(crate) fn course(start: Held, steps: &[Step]) -> Vec<Held> {
    let mut course = vec![start];
    for step in steps {
        course.push(after(course.last().expect("it has a start"), step));
    }
    course
}

/// Takes a step from one state to the next, and requires the answers that belong to it.
pub(crate) fn take(
    store: &RedbStore,
    step: &Step,
    from: &Held,
    to: &Held,
) -> Result<(), StoreError> {
    let head = |name: &str| LogPos(to[name].1.len() as u64);
    match step {
        Step::Open(name) => {
            let lease = store.open_session(&id(name))?;
            assert_eq!((lease.epoch.0, lease.head), (to[*name].0, head(name)), "{name}");
        }
        Step::Append(_) | Step::Resend(_) => {
            let batches = batches(from, step);
            let answers = store.append(&batches)?;
            let stored = |batch: &SessionBatch| Appended::Stored(head(batch.session.as_str()));
            assert_eq!(answers, batches.iter().map(stored).collect::<Vec<_>>(), "{step:?}");
            // Now and then nobody has time for it, and a later step does it first. What is stored is stored, however it ends.
            if batches.first().is_some_and(|batch| batch.batch.0.is_multiple_of(2)) {
                drop(store.write_behind());
            }
        }
        Step::Fork(parent, at, child) => {
            let fork = Fork { parent: id(parent), at: LogPos(*at as u64), child: id(child) };
            assert_eq!(store.fork(&fork)?.head, head(child), "{step:?}");
        }
        Step::Seal(name) => {
            let sealed = store.seal(&id(name), head(name))?;
            assert!(sealed.below <= head(name), "{step:?}");
        }
        Step::Anchor(name) => store.put_anchor(&id(name), head(name), &anchor(head(name)))?,
        Step::Sweep => {
            store.put_blobs(&[&[7; 9_000], text("nobody's", 700).as_bytes()], Timestamp(5))?;
            store.sweep_blobs(Timestamp(6))?;
        }
    }
    Ok(())
}

/// What stands in the place of a fold: the position says it all.
fn anchor(at: LogPos) -> Vec<u8> {
    at.0.to_le_bytes().repeat(300)
}

/// All that a store holds, read page by page.
pub(crate) fn held(store: &RedbStore) -> Result<Held, StoreError> {
    let mut held = Held::new();
    for info in store.sessions(None, 100)? {
        let log = log(store, info.session.as_str())?;
        assert_eq!(log.len() as u64, info.head.0, "{}: the log ends at its head", info.session);
        for at in store.anchors(&info.session, info.head)? {
            let found = store.anchor(&info.session, at)?;
            assert!(found.is_none_or(|found| found == anchor(at)), "the anchor at {at}");
        }
        held.insert(info.session.as_str().to_owned(), (info.epoch.0, log));
    }
    Ok(held)
}

/// A session's log, read page by page.
pub(crate) fn log(store: &RedbStore, name: &str) -> Result<Vec<Record>, StoreError> {
    let (mut log, mut next) = (Vec::new(), Some(LogPos(0)));
    while let Some(from) = next {
        let page = store.read(&id(name), from, PageLimit { bytes: 64 << 10 })?;
        for (at, record) in page.records {
            assert_eq!(at.0, log.len() as u64, "{name}: positions are dense");
            log.push(record);
        }
        next = page.next;
    }
    Ok(log)
}

/// Openings, records of many sizes, several sessions in a commit, retries, and owners that follow each other; forks, and
/// what is done behind a session's back.
pub(crate) fn script(rounds: usize) -> Vec<Step> {
    let mut steps = vec![Step::Open("a"), Step::Open("b"), Step::Open("c")];
    for round in 0..rounds {
        let several = vec![("a", vec![40]), ("b", vec![900, 10]), ("c", vec![5_000])];
        steps.push(Step::Append(vec![("a", vec![100 + round])]));
        steps.push(Step::Append(several));
        if round % 3 == 1 {
            steps.push(Step::Append(vec![("b", vec![120_000 + round]), ("a", vec![20])]));
        }
        let known = course(Held::new(), &steps);
        let sent = batches(&known[known.len() - 2], steps.last().expect("just pushed"));
        steps.push(Step::Resend(sent));
        if round % 2 == 1 {
            steps.push(Step::Open(["b", "a", "c"][round % 3]));
        }
        steps.push(Step::Append(vec![("c", vec![30; 12]), ("a", vec![4_000, 9_000])]));
        steps.push(
            [Step::Seal("b"), Step::Anchor("a"), Step::Sweep, Step::Seal("a")][round % 4].clone(),
        );
        if round == rounds / 2 {
            steps.extend([Step::Fork("b", 2, "e"), Step::Anchor("b"), Step::Open("e")]);
            steps.push(Step::Append(vec![("e", vec![3_000, 30]), ("a", vec![3_000])]));
            steps.push(Step::Open("d"));
            steps.push(Step::Append(vec![("d", vec![300_000]), ("b", vec![1])]));
        }
    }
    steps
}
