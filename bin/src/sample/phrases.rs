//! How the agent talks: sentences to choose from, each used with the part that is being moved.

pub(super) const LOOK: &[&str] = &[
    "Let me look at how it is stored today and who reads it.",
    "Before I touch anything I want to see the store, its schema file and every caller.",
    "I start with the current code and its callers.",
    "First the facts: the store, the tests, and where it is used.",
];
pub(super) const DATA: &[&str] = &[
    "Now a sample of the real data, from the copy.",
    "The code says one thing; let me see what the file says.",
    "A look at the file itself, because the format was never written down.",
];
pub(super) const SCHEMA: &[&str] = &[
    "That is enough to write the table down.",
    "I write the migration now, with the decision in its first line so that nobody has to guess.",
    "The table follows the fields one to one; the constraint is new.",
];
pub(super) const SWITCH: &[&str] = &[
    "Now the repository class, behind the same interface, so that callers do not change.",
    "The callers keep their interface; only what is behind it changes.",
    "I swap the implementation and leave the old store in place until the comparison is green.",
];
pub(super) const FAILED: &[&str] = &[
    "One failure, and it is a real one. Let me find out why before changing anything.",
    "That is not flaky: the assertion names a concrete row. I want the cause, not a retry.",
    "It fails for a reason that the flat file had been hiding.",
];
pub(super) const PASSED: &[&str] = &[
    "Green. Now everything, because others read this table too.",
    "That test passes now. The whole suite next.",
    "Fixed. I run all the tests to see that nothing else leaned on the old behaviour.",
];
pub(super) const COMPARE: &[&str] = &[
    "Counts and checksums, old against new.",
    "Last check: both sides must print the same timetable.",
    "I compare the two stores row by row before I commit.",
];
