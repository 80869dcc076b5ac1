//! What somebody may have meant who mistyped a name.

/// The known name that is nearest, if it is near: a third of its letters may be wrong, or one, and more have to be
/// right than wrong.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let distances = known.into_iter().map(|name| {
        let distance = strsim::damerau_levenshtein(&typed, &name.to_lowercase());
        (distance, name)
    });
    let near = distances.filter(|(distance, name)| {
        let letters = name.chars().count();
        let longest = letters.max(typed.chars().count());
        *distance <= (letters / 3).max(1) && distance * 2 < longest
    });
    near.min().map(|(_, name)| name)
}

/// The same as the end of a sentence: empty, or `; did you mean ..?`.
pub(super) fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_suggested_and_what_is_not_is_not() {
        let known = ["slots", "stream", "preset", "requests_per_minute", "x", "vm"];
        for (typed, meant) in [
            ("slotz", Some("slots")),
            ("SLOTS", Some("slots")),
            ("pre_set", Some("preset")),
            ("request_per_minute", Some("requests_per_minute")),
            ("requests_minute", Some("requests_per_minute")),
            ("temperature", None),
            ("", None),
            ("y", None),
            ("xy", None),
            ("X", Some("x")),
            ("vn", None),
            ("vmm", Some("vm")),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
        assert_eq!(did_you_mean("slotz", known), "; did you mean `slots`?");
        assert_eq!(did_you_mean("q", known), "");
    }
}
