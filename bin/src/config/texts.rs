//! What texts of the configuration must look like. Strict where a secret could stand in the wrong place: what is not
//! surely a name or an address is refused without being repeated.

use std::path::Path;

pub(super) const BASE_URL: &str = "an address such as \"https://api.example.com/v1\", without user, password, fragment, and keys in its query";
pub(super) const VARIABLE: &str = "the name of an environment variable in capitals such as \"ANTHROPIC_API_KEY\", \
                                   or \"\" where no key is sent; the key itself is that variable's value and does not \
                                   stand here";
pub(super) const PATH: &str =
    "a path that begins with /, ./ or ../; the key itself does not stand here";
pub(super) const MODEL: &str = "\"PROVIDER/MODEL\"";

/// The longest text that is read as a name, an address or a header.
const MAX_TEXT_BYTES: usize = 8_192;

/// `http` or `https`, a host, a path, and a query of parameters that are no credentials.
pub(super) fn is_base_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    let host = host.is_some_and(|host| !host.is_empty() && !host.starts_with(':'));
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let open =
        !query.split('&').any(|parameter| looks_secret(parameter.split('=').next().unwrap_or("")));
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'@' | b'#' | b'"' | b'\\');
    host && open && text.len() <= MAX_TEXT_BYTES && text.bytes().all(plain)
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
    !text.is_empty() && text.len() <= 256 && !text.contains(|c: char| c.is_control())
}

/// Why this cannot be a header of one's own.
pub(super) fn header_fault(name: &str, text: &str) -> Option<&'static str> {
    const TAKEN: [&str; 6] =
        ["connection", "content-length", "content-type", "host", "te", "transfer-encoding"];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let visible = |b: u8| b == b'\t' || (b' '..=b'~').contains(&b);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(token) {
        Some("is no name of a header")
    } else if TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        Some("is set by the client itself")
    } else if text.len() > MAX_TEXT_BYTES || !text.bytes().all(visible) {
        Some("must be a text of at most 8192 printable ASCII characters")
    } else {
        None
    }
}

/// Whether what stands under this name may be a credential, and is not printed.
pub(super) fn looks_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = ["auth", "key", "token", "secret", "cookie", "password", "passwd", "credential"];
    words.iter().any(|word| name.contains(word))
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
            &[
                "",
                "https://",
                "https:///v1",
                "http://:80",
                "ftp://x",
                "api.anthropic.com",
                "https://u:p@x",
                "https://x?key=1",
                "https://x#1",
                "https://x y",
                "https://x\n",
            ],
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
    fn names_that_look_like_credentials_are_known() {
        for name in ["Authorization", "x-api-key", "X-Auth-Token", "cookie", "client-secret"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["x-team", "anthropic-version", "http-referer"] {
            assert!(!looks_secret(name), "{name}");
        }
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

    #[test]
    fn headers_are_what_may_be_sent() {
        assert_eq!(header_fault("x-team", "a b"), None);
        for (name, text) in [("x team", "a"), ("", "a"), ("Host", "a"), ("x", "a\r\ny: b")] {
            assert!(header_fault(name, text).is_some(), "{name}");
        }
    }
}
