//! The tables of a store as redb keeps them: one redb table each, keys and values as bytes.

use std::cell::OnceCell;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, Table as RedbTable, TableDefinition, TableError,
    WriteTransaction,
};

use super::redo::Changes;
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

/// The tables in a transaction, each opened, or created, when it is needed; and what changed in them.
pub(super) struct Changing<'t> {
    transaction: &'t WriteTransaction,
    tables: [OnceCell<RedbTable<'t, Bytes, Bytes>>; Table::ALL.len()],
    changes: Changes,
}

impl<'t> Changing<'t> {
    pub(super) fn of(transaction: &'t WriteTransaction) -> Self {
        let tables = [const { OnceCell::new() }; Table::ALL.len()];
        Self { transaction, tables, changes: Changes::default() }
    }

    /// What changed.
    pub(super) fn changes(self) -> Changes {
        self.changes
    }

    fn table(&self, table: Table) -> Result<&RedbTable<'t, Bytes, Bytes>, Failure> {
        let cell = &self.tables[table as usize];
        if let Some(opened) = cell.get() {
            return Ok(opened);
        }
        let opened = self.transaction.open_table(definition(table));
        let opened = opened.map_err(|error| Failure::Broken(Box::new(redb::Error::from(error))))?;
        Ok(cell.get_or_init(|| opened))
    }

    fn table_mut(&mut self, table: Table) -> Result<&mut RedbTable<'t, Bytes, Bytes>, Failure> {
        self.table(table)?;
        Ok(self.tables[table as usize].get_mut().expect("it was just opened"))
    }
}

impl Read for Changing<'_> {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        get(self.table(table)?, key, read)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        scan(self.table(table)?, from..to, order, visit)
    }
}

impl Write for Changing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.table_mut(table)?.insert(key, value).map_err(broken)?;
        self.changes.note(table, key, Some(value));
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), Failure> {
        self.table_mut(table)?.remove(key).map_err(broken)?;
        self.changes.note(table, key, None);
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
    let mut rows = table.range(keys).map_err(broken)?;
    let mut next = || match order {
        Order::Rising => rows.next(),
        Order::Falling => rows.next_back(),
    };
    while let Some(row) = next() {
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
