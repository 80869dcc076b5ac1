//! The tables of a store as redb keeps them: one redb table each, keys and values as bytes.

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, Table as RedbTable, TableDefinition, TableError,
    WriteTransaction,
};

use crate::tables::{Failure, Order, Read, Table, Visited, Write};

type Bytes = &'static [u8];

fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// The tables in a snapshot. One that was never written is not there, which is the same as empty.
pub(super) struct Snapshot {
    tables: [Option<ReadOnlyTable<Bytes, Bytes>>; Table::ALL.len()],
}

impl Snapshot {
    pub(super) fn of(transaction: &ReadTransaction) -> Result<Self, redb::Error> {
        let mut tables = [const { None }; Table::ALL.len()];
        for (table, open) in Table::ALL.into_iter().zip(&mut tables) {
            *open = match transaction.open_table(definition(table)) {
                Ok(opened) => Some(opened),
                Err(TableError::TableDoesNotExist(_)) => None,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Self { tables })
    }

    fn table(&self, table: Table) -> Option<&ReadOnlyTable<Bytes, Bytes>> {
        self.tables[table as usize].as_ref()
    }
}

impl Read for Snapshot {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        self.table(table).map_or(Ok(None), |table| get(table, key, read))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        self.table(table).map_or(Ok(()), |table| scan(table, from..to, order, visit))
    }
}

/// The tables in a transaction, each opened when it is needed.
pub(super) struct Changing<'t> {
    tables: [RedbTable<'t, Bytes, Bytes>; Table::ALL.len()],
}

impl<'t> Changing<'t> {
    pub(super) fn of(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let open = |table| transaction.open_table(definition(table));
        let [meta, sessions, log, segments, ids, blobs, anchors] = Table::ALL;
        Ok(Self {
            tables: [
                open(meta)?,
                open(sessions)?,
                open(log)?,
                open(segments)?,
                open(ids)?,
                open(blobs)?,
                open(anchors)?,
            ],
        })
    }
}

impl Read for Changing<'_> {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        get(&self.tables[table as usize], key, read)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        scan(&self.tables[table as usize], from..to, order, visit)
    }
}

impl Write for Changing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.tables[table as usize].insert(key, value).map_err(broken)?;
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), Failure> {
        self.tables[table as usize].remove(key).map_err(broken)?;
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
