//! The tables of a store as redb keeps them: one redb table each, keys and values as bytes.

use std::cell::OnceCell;
use std::fmt;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, Table as RedbTable, TableDefinition, TableError,
    WriteTransaction,
};

use super::rows::{Over, Rows};
use crate::tables::{Failure, Order, Read, Table, Visited, Write};

type Bytes = &'static [u8];

fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// The tables in a snapshot, each opened when it is needed. One that was never written is not there, which is the same as
/// empty.
pub(super) struct Snapshot {
    transaction: ReadTransaction,
    tables: [OnceCell<Option<ReadOnlyTable<Bytes, Bytes>>>; Table::ALL.len()],
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn of(transaction: ReadTransaction) -> Self {
        Self { transaction, tables: [const { OnceCell::new() }; Table::ALL.len()] }
    }

    fn table(&self, table: Table) -> Result<Option<&ReadOnlyTable<Bytes, Bytes>>, Failure> {
        let cell = &self.tables[table as usize];
        if let Some(opened) = cell.get() {
            return Ok(opened.as_ref());
        }
        let opened = match self.transaction.open_table(definition(table)) {
            Ok(opened) => Some(opened),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(Failure::Broken(Box::new(redb::Error::from(error)))),
        };
        Ok(cell.get_or_init(|| opened).as_ref())
    }
}

impl Read for Snapshot {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        self.table(table)?.map_or(Ok(None), |table| get(table, key, read))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        self.table(table)?.map_or(Ok(()), |table| scan(table, from..to, order, visit))
    }
}

/// The tables in a transaction of redb, each opened, or created, when it is needed.
pub(super) struct Opened<'t> {
    transaction: &'t WriteTransaction,
    tables: [Option<RedbTable<'t, Bytes, Bytes>>; Table::ALL.len()],
}

impl<'t> Opened<'t> {
    pub(super) fn of(transaction: &'t WriteTransaction) -> Self {
        Self { transaction, tables: [const { None }; Table::ALL.len()] }
    }

    /// Puts rows as they were changed.
    pub(super) fn put_all(&mut self, rows: &Rows) -> Result<(), redb::Error> {
        rows.iter().try_for_each(|(table, key, value)| self.put(table, key, value))
    }

    /// Puts a value in the place of what the key had, or removes the key.
    pub(super) fn put(
        &mut self,
        table: Table,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), redb::Error> {
        let opened = match &mut self.tables[table as usize] {
            Some(opened) => opened,
            none => none.insert(self.transaction.open_table(definition(table))?),
        };
        match value {
            Some(value) => opened.insert(key, value)?,
            None => opened.remove(key)?,
        };
        Ok(())
    }
}

/// The tables in a transaction that is under way: what it has changed so far lies above all others.
pub(super) struct Changing<'r> {
    changes: Rows,
    below: Over<'r, Over<'r, Snapshot>>,
}

impl<'r> Changing<'r> {
    /// Tables that begin as these with the rows above them.
    pub(super) fn over(above: &'r Rows, below: &'r Over<'r, Snapshot>) -> Self {
        Self { changes: Rows::default(), below: Over { above, below } }
    }

    /// What changed.
    pub(super) fn changes(self) -> Rows {
        self.changes
    }

    fn now(&self) -> Over<'_, Over<'r, Over<'r, Snapshot>>> {
        Over { above: &self.changes, below: &self.below }
    }
}

impl Read for Changing<'_> {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        self.now().get(table, key, read)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        self.now().scan(table, from, to, order, visit)
    }
}

impl Write for Changing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.changes.set(table, key, Some(value));
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), Failure> {
        self.changes.set(table, key, None);
        Ok(())
    }
}

fn get<T>(
    table: &impl ReadableTable<Bytes, Bytes>,
    key: &[u8],
    read: impl FnOnce(&[u8]) -> T,
) -> Result<Option<T>, Failure> {
    let value = table.get(key).map_err(broken)?;
    Ok(value.map(|value| read(value.value())))
}

fn scan(
    table: &impl ReadableTable<Bytes, Bytes>,
    keys: std::ops::Range<&[u8]>,
    order: Order,
    mut visit: impl FnMut(&[u8], &[u8]) -> Visited,
) -> Result<(), Failure> {
    if keys.start >= keys.end {
        return Ok(());
    }
    for row in order.of(table.range(keys).map_err(broken)?) {
        let (key, value) = row.map_err(broken)?;
        if visit(key.value(), value.value())?.is_break() {
            break;
        }
    }
    Ok(())
}

fn broken(error: redb::StorageError) -> Failure {
    Failure::Broken(Box::new(redb::Error::from(error)))
}
