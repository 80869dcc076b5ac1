//! What no reading of a session shows: rows that belong to no session, and payloads against what refers to them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use highwater_protocol::Digest;

use super::blobs::{each_frame, each_row};
use super::sessions::{COUNTER_KEY, name_of};
use crate::record;
use crate::row::{BlobRow, Counter, Row, SessionRow};
use crate::tables::{END, Failure, Order, Read, Table, key, position};

/// The rows of sessions, and which rows of the other tables they account for.
#[derive(Default)]
struct Owners {
    /// Where the rows of a number end.
    ends: BTreeMap<u64, u64>,
    /// Whether the row of a session cannot be read, so that its rows seem to be nobody's.
    unreadable: bool,
}

/// What is wrong with rows that no reading of a session comes across.
pub(crate) fn strays(tables: &impl Read) -> Result<Vec<String>, Failure> {
    let (owners, mut found) = (owners(tables)?, Vec::new());
    let newest = owners.ends.last_key_value().map(|(number, _)| *number);
    match (tables.get(Table::Meta, COUNTER_KEY, Counter::decoded)?, newest) {
        (Some(Err(error)), _) => {
            found.push(format!("the row that counts sessions is damaged: {error}; no session can be added"));
        }
        (Some(Ok(Counter(next))), Some(newest)) if next > newest => {}
        (_, None) => {}
        _ => found.push(
            "the row that counts sessions is missing or too low: a new session would be mixed with another; add none"
                .to_owned(),
        ),
    }
    for table in [Table::Log, Table::Segments, Table::Ids, Table::Anchors] {
        let mut next = Some(0);
        while let Some(number) = next {
            let Some(at) = first_of(tables, table, number, 0)? else {
                break;
            };
            next = at.0.checked_add(1);
            found.extend(owners.judge(tables, table, at)?);
        }
    }
    Ok(found)
}

impl Owners {
    /// What is wrong with the rows of a number in a table, of which the first is given.
    fn judge(
        &self,
        tables: &impl Read,
        table: Table,
        (number, first): (u64, u64),
    ) -> Result<Option<String>, Failure> {
        let name = table.name();
        let Some(end) = self.ends.get(&number) else {
            let whose =
                if self.unreadable { "no session whose row can be read" } else { "no session" };
            // The keys of ids hold no position.
            let from =
                if table == Table::Ids { String::new() } else { format!(" from @{first} on") };
            return Ok(Some(format!(
                "the table {name} has rows{from} under the number {number}, which belong to {whose}"
            )));
        };
        // An anchor stands at the end of what it is the fold of.
        let behind = match table {
            Table::Ids => return Ok(None),
            Table::Anchors => end + 1,
            _ => *end,
        };
        let stray = first_of(tables, table, number, behind)?.filter(|stray| stray.0 == number);
        Ok(stray.map(|(_, at)| {
            format!("the table {name} has a row at @{at} under the number {number}, whose log ends at @{end}")
        }))
    }
}

fn owners(tables: &impl Read) -> Result<Owners, Failure> {
    let mut owners = Owners::default();
    tables.scan(Table::Sessions, &[], &END, Order::Rising, |_, row| {
        match SessionRow::decoded(row) {
            Ok(row) => {
                for (number, end) in row.owned() {
                    let known = owners.ends.entry(number).or_default();
                    *known = end.max(*known);
                }
            }
            Err(_) => owners.unreadable = true,
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(owners)
}

/// Number and position of the first row of a table at or behind a key.
fn first_of(
    tables: &impl Read,
    table: Table,
    number: u64,
    at: u64,
) -> Result<Option<(u64, u64)>, Failure> {
    let mut first = None;
    tables.scan(table, &key(number, at), &END, Order::Rising, |key, _| {
        let number = key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        first = Some((number, position(key)));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(first)
}

/// The name of a row of the table of sessions, if it is not one that a session can have.
pub(crate) fn illegal_names(tables: &impl Read) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    tables.scan(Table::Sessions, &[], &END, Order::Rising, |name, _| {
        if let Err(why) = name_of(name) {
            found.push(format!("the table of sessions holds a name that is not legal: {why}"));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Payloads, and how many entries refer to each.
#[derive(Default)]
pub(crate) struct References {
    there: BTreeMap<Digest, u64>,
    missing: BTreeMap<Digest, u64>,
    damaged: BTreeMap<Digest, String>,
}

/// A payload that cannot be read.
pub(crate) struct Lost {
    pub(crate) digest: Digest,
    pub(crate) why: String,
    pub(crate) entries: u64,
}

impl References {
    /// Verifies payloads from a key on, for about `bytes` of their rows. Where to go on, if that was not all.
    pub(crate) fn verify(
        &mut self,
        tables: &impl Read,
        from: &[u8],
        bytes: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        each_row(tables, Table::Blobs, from, bytes, |key, row| {
            let digest = Digest(key.try_into().unwrap_or_default());
            self.there.insert(digest, 0);
            if let Err(error) = BlobRow::decode(row, &digest) {
                self.damaged.insert(digest, error.to_string());
            }
        })
    }

    /// Counts what the rows of a table refer to, from a key on, once all payloads are known.
    pub(crate) fn count(
        &mut self,
        tables: &impl Read,
        table: Table,
        from: &[u8],
        bytes: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        each_frame(tables, table, from, bytes, |frame| {
            // What is damaged is found by whoever reads the session.
            let head = frame.and_then(record::entry_head);
            for digest in head.iter().flatten().flat_map(|head| &head.payloads) {
                match self.there.get_mut(digest) {
                    Some(entries) => *entries += 1,
                    None => *self.missing.entry(*digest).or_default() += 1,
                }
            }
        })
    }

    /// How many payloads no readable record refers to.
    pub(crate) fn unreferenced(&self) -> u64 {
        self.there.values().filter(|entries| **entries == 0).count() as u64
    }

    /// How many payloads are there.
    pub(crate) fn len(&self) -> u64 {
        self.there.len() as u64
    }

    /// Those that cannot be read.
    pub(crate) fn lost(&self) -> Vec<Lost> {
        let damaged = self.damaged.iter().map(|(digest, why)| {
            let entries = self.there.get(digest).copied().unwrap_or(0);
            Lost { digest: *digest, why: format!("it is damaged: {why}"), entries }
        });
        let missing = self.missing.iter().map(|(digest, entries)| Lost {
            digest: *digest,
            why: "it is missing".to_owned(),
            entries: *entries,
        });
        damaged.chain(missing).collect()
    }
}
