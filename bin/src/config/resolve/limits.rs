//! The limits of an account or of one of its models.

use highwater_protocol::limit::{Limits, Quantity, Rate};

use super::whole;
use crate::config::layer::{self, Table};
use crate::config::mistake::Mistake;
use crate::config::schema::{Kind, RATES, ROOT};

/// Whether a table has a limit at all.
pub(super) fn has_any(table: &Table) -> bool {
    names().any(|name| table.contains_key(name))
}

fn names() -> impl Iterator<Item = &'static str> {
    let rates = RATES.iter().flat_map(|(rate, burst)| [*rate, *burst]);
    ["slots", "reserve_percent"].into_iter().chain(rates)
}

/// The limits that a table sets. A model that does not say how many slots it has may use its account's.
pub(super) fn resolve(
    table: &Table,
    at: &str,
    account: Option<&Limits>,
    found: &mut Vec<Mistake>,
) -> Option<Limits> {
    for (rate, burst) in RATES {
        if table.contains_key(burst) && !table.contains_key(rate) {
            let message = format!(
                "{at}: `{burst}` is there without `{rate}`; a burst is of a rate, set both or none"
            );
            found.push(Mistake::new(layer::from(&table[burst]), message));
        }
    }
    if !names().all(|name| !table.contains_key(name) || in_range(table, name)) {
        // Which of them is wrong has been told already.
        return None;
    }
    let small = |name: &str| whole(table, name).and_then(|number| u32::try_from(number).ok());
    let slots = small("slots").or(account.map(|account| account.slots))?;
    let reserve = small("reserve_percent").and_then(|percent| u8::try_from(percent).ok());
    // A reserve that nobody asked for does not take the only slot.
    let inherited = account.map_or(0, |account| account.reserve_percent);
    let reserve = reserve.unwrap_or(if slots == 1 { 0 } else { inherited });
    let quantities = Quantity::ALL.into_iter().zip(RATES);
    let limits =
        quantities.fold(Limits::slots(slots).reserve(reserve), |limits, (quantity, names)| {
            let (Some(per_minute), Some(burst)) = (whole(table, names.0), whole(table, names.1))
            else {
                return limits;
            };
            limits.with(quantity, Rate::per_minute(per_minute).burst(burst))
        });
    if let Err(error) = limits.check() {
        let set = names().filter_map(|name| table.get(name)).filter_map(layer::from);
        found.push(Mistake::new(set.min(), format!("{at}: {error}")));
        return None;
    }
    Some(limits)
}

fn in_range(table: &Table, name: &str) -> bool {
    let section = ROOT.below("providers").expect("the schema has it").section;
    match section.field(name).map(|field| &field.kind) {
        Some(Kind::Whole { least, most, .. }) => {
            whole(table, name).is_some_and(|number| (*least..=*most).contains(&number))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quantities_are_in_the_same_order() {
        let of = ["requests", "tokens", "input tokens", "output tokens"];
        for ((quantity, (rate, _)), name) in Quantity::ALL.into_iter().zip(RATES).zip(of) {
            assert_eq!(quantity.to_string(), name);
            assert_eq!(rate.trim_end_matches("_per_minute").replace('_', " "), name);
        }
    }
}
