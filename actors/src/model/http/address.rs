//! Where requests go, and what must not be told of it: the URL that is made from a base URL, the host that errors name,
//! and the secrets that are masked in every text that comes back (S3).

#[cfg(test)]
mod tests;

use std::fmt::Display;

use highwater_protocol::{Error, Kind};
use reqwest::Url;
use zeroize::Zeroizing;

use crate::model::{Endpoint, OutputLimit, Protocol, is_loopback, looks_secret};

/// Where Azure's resources are, behind their names.
const AZURE: [&str; 4] = [
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
    // The government's, of all kinds.
    ".azure.us",
];

/// Where the requests of an endpoint go.
pub(super) struct Address {
    /// Query included.
    pub(super) url: Url,
    /// The host, with its port where that is a special one.
    host: String,
    model: String,
    secrets: Secrets,
}

impl Address {
    /// The address of an endpoint. [`Kind::Invalid`] when its base URL is none, or holds what belongs elsewhere.
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, Error> {
        let invalid = |why: String| Error::new(Kind::Invalid, why);
        // The URL itself is not told: there may be a key in it.
        let mut url = Url::parse(endpoint.base_url.trim())
            .map_err(|error| invalid(format!("the base URL cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("the base URL must begin with http:// or https://".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let why =
                "the base URL holds a name or a password: put them into the header authorization";
            return Err(invalid(why.to_owned()));
        }
        let name = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let path = path_of(endpoint.protocol, url.path()).map_err(invalid)?;
        url.set_path(&path);
        url.set_fragment(None);
        let secrets = Secrets::of(endpoint, &url);
        Ok(Self { url, host, model: endpoint.model.clone(), secrets })
    }

    /// Whether it is on this machine, which no proxy reaches.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(self.url.host_str().unwrap_or_default())
    }

    /// Whether it is Azure's, where keys go into another header.
    pub(super) fn is_azure(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        AZURE.iter().any(|domain| host.ends_with(domain))
    }

    /// The name of the parameter for the most that may be answered.
    pub(super) fn output_limit(&self, protocol: Protocol, limit: OutputLimit) -> &'static str {
        let host = self.url.host_str().unwrap_or_default();
        let is_openais =
            host == "api.openai.com" || host.ends_with(".api.openai.com") || self.is_azure();
        let completion = match limit {
            OutputLimit::ByHost => is_openais,
            OutputLimit::MaxTokens => false,
            OutputLimit::MaxCompletionTokens => true,
        };
        match protocol {
            Protocol::OpenAiChat if completion => "max_completion_tokens",
            Protocol::AnthropicMessages | Protocol::OpenAiChat => "max_tokens",
            Protocol::OpenAiResponses => "max_output_tokens",
        }
    }

    /// A sentence of an error: who it is about, and what happened, masked.
    pub(super) fn says(&self, what: impl Display) -> String {
        self.mask(&format!("{}, model {}: {what}", self.host, self.model))
    }

    /// A text without the secrets that it may repeat.
    pub(super) fn mask(&self, text: &str) -> String {
        self.secrets.mask(text)
    }

    /// The same of a text that was cut off, perhaps within a secret: as much is missing at its end as one may be long.
    pub(super) fn mask_cut(&self, text: &str) -> String {
        let mut masked = self.secrets.mask(text);
        let end = masked.len().saturating_sub(self.secrets.longest());
        masked.truncate(masked.floor_char_boundary(end));
        masked
    }
}

/// The path of requests, by the rules that [`Endpoint`] documents.
fn path_of(protocol: Protocol, base: &str) -> Result<String, String> {
    let base = base.trim_end_matches('/');
    let ends = |protocol: &Protocol| base.ends_with(protocol.path());
    if ends(&protocol) {
        return Ok(base.to_owned());
    }
    if let Some(other) = Protocol::ALL.iter().find(|other| ends(other)) {
        let (other, own) = (other.name(), protocol.name());
        return Err(format!(
            "the base URL is one of the protocol {other}, and the protocol is {own}"
        ));
    }
    let last = base.rsplit('/').next().unwrap_or_default();
    let number = last.strip_prefix('v').unwrap_or_default();
    let is_version = number.starts_with(|sign: char| sign.is_ascii_digit());
    let version = if is_version { "" } else { "/v1" };
    Ok(format!("{base}{version}{}", protocol.path()))
}

/// The shortest value beside the key that is taken for a credential: masking a `1` or an `on` would hide what happened.
const SECRET_BYTES: usize = 4;

/// Texts that are masked, the longest first.
struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    fn of(endpoint: &Endpoint, url: &Url) -> Self {
        let mut found: Vec<String> = Vec::new();
        for (_, value) in endpoint.headers.iter().filter(|(name, _)| looks_secret(name)) {
            found.push(value.trim().to_owned());
            // Of `Bearer KEY` the key alone is a secret too; schemes are shorter.
            found
                .extend(value.split_whitespace().filter(|word| word.len() >= 8).map(str::to_owned));
        }
        for pair in url.query().unwrap_or_default().split('&') {
            if let Some((name, value)) = pair.split_once('=')
                && looks_secret(name)
            {
                found.push(value.to_owned());
            }
        }
        found.extend(
            url.query_pairs().filter(|(name, _)| looks_secret(name)).map(|(_, it)| it.into_owned()),
        );
        found.retain(|text| text.len() >= SECRET_BYTES);
        found.extend(endpoint.key.iter().map(|key| key.reveal().to_owned()));
        // As JSON may write them: some write `\/` for each slash.
        let escaped = |text: &String| {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            let escaped = quoted.trim_matches('"').to_owned();
            [escaped.replace('/', "\\/"), escaped]
        };
        found.extend(found.iter().flat_map(escaped).collect::<Vec<_>>());
        found.sort_by_key(|text| std::cmp::Reverse(text.len()));
        found.dedup();
        Self(found.into_iter().map(Zeroizing::new).collect())
    }

    fn longest(&self) -> usize {
        self.0.first().map_or(0, |longest| longest.len())
    }

    fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.0 {
            if masked.contains(secret.as_str()) {
                masked = masked.replace(secret.as_str(), "***");
            }
        }
        masked
    }
}
