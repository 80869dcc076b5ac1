//! Whether two reports are of one scenario: of the same numbers, wherever their files were and whatever they were called.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::{Error, Kind};
use serde_json::Value;

use crate::report::words::plain;

/// Differences that are told one by one.
const MOST_TOLD: usize = 10;

/// Refuses scenarios that differ in more than their names, and says in what.
pub(super) fn same(before: &Value, after: &Value) -> Result<(), Error> {
    let differences = differences(before, after);
    if differences.is_empty() {
        return Ok(());
    }
    let mut lines = vec!["the reports are of different scenarios:".to_owned()];
    lines.extend(differences.iter().take(MOST_TOLD).map(|difference| format!("  {difference}")));
    if differences.len() > MOST_TOLD {
        lines.push(format!("  and {} more", differences.len() - MOST_TOLD));
    }
    Err(Error::new(Kind::Invalid, lines.join("\n")))
}

/// What differs, a sentence each.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (values(before), values(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differences = keys.into_iter().filter_map(|key| {
        let (old, new) = (before.get(key).copied(), after.get(key).copied());
        // A flag that is off may be left out.
        let is_flag = [old, new].into_iter().flatten().all(Value::is_boolean);
        let off = is_flag.then_some(&Value::Bool(false));
        let (old, new) = (old.or(off), new.or(off));
        (old != new).then(|| plain(&format!("{key}: {} before, {} after", told(old), told(new))))
    });
    differences.collect()
}

fn told(value: Option<&Value>) -> String {
    value.map_or("absent".to_owned(), Value::to_string)
}

/// All values by their keys, the keys of sections before them. The name is none.
fn values(scenario: &Value) -> BTreeMap<String, &Value> {
    let mut values = BTreeMap::new();
    collect(scenario, "", &mut values);
    values.remove("name");
    values
}

fn collect<'a>(value: &'a Value, path: &str, values: &mut BTreeMap<String, &'a Value>) {
    let Some(section) = value.as_object() else {
        values.insert(path.to_owned(), value);
        return;
    };
    for (key, value) in section {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        collect(value, &path, values);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(before: &Value, after: &Value) -> String {
        same(before, after).expect_err("they differ").to_string()
    }

    #[test]
    fn scenarios_are_the_same_if_all_their_numbers_are() {
        let before = json!({"name": "a", "agents": 1, "provider": {"slots": 2}});
        let mut after = json!({"name": "./a.toml", "agents": 1, "provider": {"slots": 2}});
        assert!(same(&before, &after).is_ok());
        after["provider"]["over_http"] = false.into();
        assert!(same(&before, &after).is_ok() && same(&after, &before).is_ok());
        after["provider"]["over_http"] = true.into();
        let first = "the reports are of different scenarios:\n  provider.over_http: ";
        assert_eq!(refused(&before, &after), format!("{first}false before, true after"));
        assert_eq!(refused(&after, &before), format!("{first}true before, false after"));
    }

    #[test]
    fn each_difference_is_told_with_both_values() {
        let before = json!({"agents": 1, "until": {"turns": 6}, "x": 1});
        let after = json!({"agents": 2, "until": {"duration_secs": 5}, "x": 1});
        let told = refused(&before, &after);
        let lines: Vec<&str> = told.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "  agents: 1 before, 2 after",
                "  until.duration_secs: absent before, 5 after",
                "  until.turns: 6 before, absent after"
            ]
        );
    }

    #[test]
    fn ten_differences_are_told_and_the_others_counted() {
        let numbers = |from: u64, count: u64| -> Value {
            (0..count).map(|key| (format!("k{key}"), Value::from(from + key))).collect()
        };
        let told = refused(&numbers(0, 10), &numbers(1, 10));
        assert_eq!((told.lines().count(), told.contains("more")), (11, false), "{told}");
        let told = refused(&numbers(0, 13), &numbers(1, 13));
        assert!(told.lines().count() == 12 && told.ends_with("\n  and 3 more"), "{told}");
    }
}
