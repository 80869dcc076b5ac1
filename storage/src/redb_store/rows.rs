//! Rows that lie above those of a file: what was put and removed since, in memory, by key.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::tables::{Failure, Order, Read, Table, Visited};

/// What a key has now; [`None`] for one that was removed.
type Value = Option<Arc<[u8]>>;

/// Changed rows of all tables. A clone is a snapshot that costs the same however many there are.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    tables: [RedBlackTreeMapSync<Arc<[u8]>, Value>; Table::ALL.len()],
}

impl Default for Rows {
    fn default() -> Self {
        Self { tables: std::array::from_fn(|_| RedBlackTreeMapSync::new_sync()) }
    }
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.iter().all(RedBlackTreeMapSync::is_empty)
    }

    /// A key was put with a value, or removed.
    pub(super) fn set(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        self.tables[table as usize].insert_mut(key.into(), value.map(Into::into));
    }

    /// Takes rows that were changed later.
    pub(super) fn take_all(&mut self, later: &Self) {
        for (rows, later) in self.tables.iter_mut().zip(&later.tables) {
            for (key, value) in later {
                rows.insert_mut(Arc::clone(key), value.clone());
            }
        }
    }

    /// Each row: of which table, its key, and what it has now.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        Table::ALL.into_iter().flat_map(|table| {
            let rows = self.tables[table as usize].iter();
            rows.map(move |(key, value)| (table, &**key, value.as_deref()))
        })
    }

    /// The rows of a table with keys from `from` up to but not including `to`.
    fn range<'r>(
        &'r self,
        table: Table,
        from: &'r [u8],
        to: &'r [u8],
        order: Order,
    ) -> impl Iterator<Item = (&'r [u8], Option<&'r [u8]>)> {
        let keys = (Bound::Included(from), Bound::Excluded(to));
        let rows = order.of(self.tables[table as usize].range::<[u8], _>(keys));
        rows.map(|(key, value)| (&**key, value.as_deref()))
    }
}

/// Tables with changed rows above them.
#[derive(Clone, Copy)]
pub(super) struct Over<'r, R> {
    pub(super) above: &'r Rows,
    pub(super) below: &'r R,
}

impl<R: Read> Read for Over<'_, R> {
    fn get<T>(
        &self,
        table: Table,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Failure> {
        match self.above.tables[table as usize].get(key) {
            Some(value) => Ok(value.as_deref().map(read)),
            None => self.below.get(table, key, read),
        }
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        mut visit: impl FnMut(&[u8], &[u8]) -> Visited,
    ) -> Result<(), Failure> {
        if from >= to {
            return Ok(());
        }
        let mut above = self.above.range(table, from, to, order).peekable();
        let mut hand = |key: &[u8], value: Option<&[u8]>| {
            value.map_or(Ok(ControlFlow::Continue(())), |value| visit(key, value))
        };
        let mut is_over = false;
        self.below.scan(table, from, to, order, |key, value| {
            let comes_first = |above: &[u8]| match order {
                Order::Rising => above < key,
                Order::Falling => above > key,
            };
            while let Some((first, row)) = above.next_if(|(above, _)| comes_first(above)) {
                if hand(first, row)?.is_break() {
                    is_over = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            let row = above.next_if(|(above, _)| *above == key).map_or(Some(value), |(_, row)| row);
            let flow = hand(key, row)?;
            is_over = flow.is_break();
            Ok(flow)
        })?;
        if is_over {
            return Ok(());
        }
        for (key, row) in above {
            if hand(key, row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;

    impl Read for () {
        fn get<T>(
            &self,
            _: Table,
            _: &[u8],
            _: impl FnOnce(&[u8]) -> T,
        ) -> Result<Option<T>, Failure> {
            Ok(None)
        }

        fn scan(
            &self,
            _: Table,
            _: &[u8],
            _: &[u8],
            _: Order,
            _: impl FnMut(&[u8], &[u8]) -> Visited,
        ) -> Result<(), Failure> {
            Ok(())
        }
    }

    fn changes() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
        proptest::collection::vec((0..12_u8, proptest::option::of(any::<u8>())), 0..20)
    }

    fn rows(changes: &[(u8, Option<u8>)]) -> Rows {
        let mut rows = Rows::default();
        for (key, value) in changes {
            rows.set(Table::Log, &[*key], value.as_ref().map(std::slice::from_ref));
        }
        rows
    }

    /// The first rows of a range.
    fn scanned(tables: &impl Read, keys: Range<u8>, order: Order, most: usize) -> Vec<(u8, u8)> {
        let mut found = Vec::new();
        let visit = |key: &[u8], value: &[u8]| {
            found.push((key[0], value[0]));
            let is_enough = found.len() == most;
            Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        tables.scan(Table::Log, &[keys.start], &[keys.end], order, visit).unwrap();
        found
    }

    proptest! {
        #[test]
        fn layers_of_changes_read_as_one_table_in_which_they_were_made(
            first in changes(), then in changes(), last in changes(),
            from in 0..12_u8, to in 0..13_u8, most in 1..14_usize, is_rising in any::<bool>(),
        ) {
            let mut model = BTreeMap::new();
            for (key, value) in [&first, &then, &last].into_iter().flatten() {
                match value {
                    Some(value) => model.insert(*key, *value),
                    None => model.remove(key),
                };
            }
            let (first, mut then, last) = (rows(&first), rows(&then), rows(&last));
            let bottom = Over { above: &first, below: &() };
            let layered = Over { above: &last, below: &Over { above: &then, below: &bottom } };
            let order = if is_rising { Order::Rising } else { Order::Falling };
            let found = scanned(&layered, from..to, order, most);
            let mut expected: Vec<_> =
                model.iter().filter(|(key, _)| (from..to).contains(key)).map(|(k, v)| (*k, *v)).collect();
            if !is_rising {
                expected.reverse();
            }
            expected.truncate(most);
            prop_assert_eq!(&found, &expected);
            for key in 0..12 {
                let got = layered.get(Table::Log, &[key], |value| value[0]).unwrap();
                prop_assert_eq!(got, model.get(&key).copied());
                prop_assert_eq!(layered.get(Table::Ids, &[key], |_| ()).unwrap(), None);
            }
            then.take_all(&last);
            let merged = Over { above: &then, below: &bottom };
            prop_assert_eq!(scanned(&merged, from..to, order, most), expected);
        }
    }
}
