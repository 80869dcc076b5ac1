//! What a configuration may be, and somebody should know all the same.

use highwater_protocol::limit::{Limits, Quantity};

use crate::config::environment::Environment;
use crate::config::settings::{KeySource, KeyState, Provider, Settings, Summarizer};
use crate::report::words::thousands;

/// One sentence each, in the order of the providers.
pub(super) fn of(settings: &Settings, environment: &Environment) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, provider) in &settings.providers {
        if let (Some(place), KeyState::Missing(why)) =
            (provider.key.place(), provider.key.state(environment))
        {
            warnings.push(format!("providers.{name}: the key is not in {place}: {why}"));
        }
        if provider.key != KeySource::Nowhere && goes_out_open(&provider.base_url) {
            warnings.push(format!(
                "providers.{name}: the key would go to another machine unencrypted; use https"
            ));
        }
    }
    for summarizer in &settings.summarizers {
        warnings.extend(never_granted(summarizer, settings.providers.get(&summarizer.provider)));
    }
    warnings
}

/// Whether it is plain HTTP to another machine.
fn goes_out_open(base_url: &str) -> bool {
    let Some(rest) = base_url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    !(matches!(host, "localhost" | "[::1]" | "[:") || host.starts_with("127."))
}

/// A call that fills the window and is larger than what is ever granted beside turns would be refused each time (G5).
fn never_granted(summarizer: &Summarizer, provider: Option<&Provider>) -> Option<String> {
    let Summarizer { provider: name, model, window_tokens } = summarizer;
    let provider = provider?;
    let of_the_model = provider.models.get(model).and_then(|model| model.limits.as_ref());
    let all = std::iter::once(&provider.limits).chain(of_the_model);
    let at_once = |limits: &Limits| {
        let input = limits.largest_beside_turns(Quantity::InputTokens);
        input.into_iter().chain(limits.largest_beside_turns(Quantity::Tokens)).min()
    };
    let most = all.filter_map(at_once).min().filter(|most| most < window_tokens)?;
    Some(format!(
        "summarizer {name}/{model}: its window is {} tokens, and at most {} are granted at once beside turns, so that \
         larger calls are never made; raise the rate or its burst, or lower `window_tokens`",
        thousands(*window_tokens),
        thousands(most)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_out_open_only_over_plain_http_to_elsewhere() {
        for (url, open) in [
            ("https://api.example.com", false),
            ("http://127.0.0.1:4000/v1", false),
            ("http://localhost/v1", false),
            ("http://localhost:4000", false),
            ("http://[::1]:4000", false),
            ("http://[::1]", false),
            ("http://127.example.com", false),
            ("http://10.0.0.1:4000", true),
            ("http://localhost.example.com", true),
        ] {
            assert_eq!(goes_out_open(url), open, "{url}");
        }
    }
}
