//! What is told from names alone: whether a host is this machine, and whether what stands under a name is a credential.

use std::net::IpAddr;

/// Whether a host, as it stands in a URL and without a port, is this machine: an address of loopback (`127.0.0.1`,
/// `[::1]`), `localhost`, or a name below it. No name is looked up.
pub fn is_loopback(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Parts of the names of headers and of parameters in a query whose values are credentials.
const SECRET_PARTS: [&str; 9] =
    ["auth", "key", "token", "secret", "cookie", "pass", "credential", "sig", "code"];

/// Whether the value of a header, or of a parameter in a query, is a credential by its name: then it is never shown
/// (S3). It rather says so of one that is none, such as `design`, than that it misses one.
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_address_and_by_name() {
        for host in [
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "::1",
            "::ffff:127.0.0.1",
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "localhost.",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "10.0.0.1", "0.0.0.0", "localhost.example", "notlocalhost", "fe80::1", "x.example"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn credentials_are_known_by_their_names() {
        for name in [
            "Authorization",
            "X-Api-Key",
            "access_token",
            "client-secret",
            "Cookie",
            "password",
            "passwd",
            "X-Amz-Credential",
            "sig",
            "X-Amz-Signature",
            "code",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["", "api-version", "anthropic-version", "user-agent", "x-team", "model"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
