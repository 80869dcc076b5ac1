//! What texts of the configuration must look like. Strict where a secret could stand in the wrong place: what is not
//! surely a name or an address is refused without being repeated.

use std::path::Path;

use highwater::model::looks_secret;

pub(super) const BASE_URL: &str =
    "an address such as \"https://api.example.com/v1\", of ASCII signs and without a fragment";
pub(super) const VARIABLE: &str = "the name of an environment variable in capitals such as \"ANTHROPIC_API_KEY\", \
                                   or \"\" where no key is sent; the key itself is that variable's value and does not \
                                   stand here";
pub(super) const PATH: &str =
    "a path that begins with /, ./ or ../; the key itself does not stand here";
pub(super) const MODEL: &str = "\"PROVIDER/MODEL\"";

/// What stands instead of a secret.
pub(super) const MASK: &str = "***";

/// The longest text that is read as an address or a path.
const MAX_TEXT_BYTES: usize = 8_192;

/// What may be shown as an address, but for the credentials in its query. Whether requests can be sent there is for the
/// library's client to say.
pub(super) fn is_base_url(text: &str) -> bool {
    let known = text.starts_with("https://") || text.starts_with("http://");
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'\\');
    known && text.len() <= MAX_TEXT_BYTES && text.bytes().all(plain)
}

/// An address as it is printed: of its query, only what is no credential.
pub(super) fn shown_url(url: &str) -> String {
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let shown = query.split('&').map(|parameter| match parameter.split_once('=') {
        // What a name with escaped signs says is not looked at.
        Some((name, _)) if looks_secret(name) || name.contains('%') => format!("{name}={MASK}"),
        Some(_) => parameter.to_owned(),
        None => MASK.to_owned(),
    });
    format!("{before}?{}", shown.collect::<Vec<_>>().join("&"))
}

/// A name of an environment variable, in capitals: keys of providers have small letters or dashes. None at all is said
/// by an empty one.
pub(super) fn is_variable(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let known = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let begins = text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    begins && text.len() <= 128 && text.bytes().all(known)
}

/// A path that cannot be taken for a key.
pub(super) fn is_path(text: &str) -> bool {
    let relative = text.starts_with("./") || text.starts_with("../");
    let plain = !text.contains(|c: char| c.is_control());
    (relative || Path::new(text).is_absolute()) && plain && text.len() <= MAX_TEXT_BYTES
}

/// `PROVIDER/MODEL`; a model's name may have further slashes.
pub(super) fn is_model(text: &str) -> bool {
    text.split_once('/').is_some_and(|(provider, model)| is_name(provider) && is_model_name(model))
}

/// The name of a provider: short, and told apart in the environment.
pub(super) fn is_name(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 64 && text.starts_with(edge) && text.ends_with(edge) && text.bytes().all(inside)
}

/// The name of a model: whatever the provider calls it.
pub(super) fn is_model_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 256 && !text.contains(|c: char| c.is_control())
}

/// Whether a text says of itself that it is a credential.
pub(super) fn is_credential(text: &str) -> bool {
    let scheme = text.split(' ').next().unwrap_or_default().to_lowercase();
    text.contains(' ') && ["bearer", "basic", "digest", "token"].contains(&scheme.as_str())
}

/// How a user's name is written in an environment variable, in small letters: each stretch of what is neither a letter
/// nor a digit is one underscore.
pub(super) fn folded(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fits: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        let (all, none) =
            (good.iter().find(|text| !fits(text)), bad.iter().find(|text| fits(text)));
        assert_eq!((all, none), (None, None));
    }

    #[test]
    fn texts_are_what_they_say_and_never_a_key() {
        check(
            is_base_url,
            &[
                "https://api.anthropic.com",
                "http://[::1]:8080/v1",
                "http://127.0.0.1:4000/a/b/",
                "https://x.example/openai/chat/completions?api-version=1",
            ],
            &["", "ftp://x", "api.anthropic.com", "https://x#1", "https://x y", "https://x\n"],
        );
        check(
            is_variable,
            &["ANTHROPIC_API_KEY", "_K2", ""],
            &["2K", "sk-ant-api03-x", "gsk_abC1", "ghp_x", "A B", "KEY="],
        );
        check(is_path, &["/run/secrets/key", "./key", "../key"], &["", "key", "sk-a/b", "/a\nb"]);
        check(
            is_model,
            &["a/b", "my-team/anthropic/claude-haiku-4-5", "local/qwen3:8b"],
            &["", "a", "/b", "a/", "-a/b", "a b/c", "a/b\n"],
        );
    }

    #[test]
    fn credentials_in_a_query_are_not_shown() {
        for (url, shown) in [
            ("https://x/v1", "https://x/v1"),
            ("https://x/v1?api-version=1", "https://x/v1?api-version=1"),
            ("https://x?sig=a%2Fb&v=1&key=c=d", "https://x?sig=***&v=1&key=***"),
            ("https://x?a&s%69g=b", "https://x?***&s%69g=***"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }

    #[test]
    fn texts_that_begin_like_credentials_are_known() {
        assert!(is_credential("Bearer x") && is_credential("basic eDp5"));
        assert!(!is_credential("team a") && !is_credential("basic"));
    }

    #[test]
    fn names_are_folded_for_the_environment() {
        for (name, wanted) in [
            ("my-team", "my_team"),
            ("Claude-Haiku-4.5", "claude_haiku_4_5"),
            ("meta--llama/3.1:8b", "meta_llama_3_1_8b"),
            ("x", "x"),
        ] {
            assert_eq!(folded(name), wanted);
        }
    }
}
