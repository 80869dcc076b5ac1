//! What a configuration may be, and somebody should know all the same.

use highwater::model::{is_loopback, looks_secret};
use highwater_protocol::limit::{Limits, Quantity};

use crate::config::environment::Environment;
use crate::config::settings::{KeySource, KeyState, Provider, Settings, Summarizer};
use crate::config::texts::{is_credential, shown_url};
use crate::report::words::thousands;

/// One sentence each, in the order of the providers.
pub(super) fn of(settings: &Settings, environment: &Environment) -> Vec<String> {
    about(settings.providers.iter(), &settings.summarizers, settings, environment)
}

/// The same of some models and their providers alone.
pub(in crate::config) fn of_models(
    models: &[Summarizer],
    settings: &Settings,
    environment: &Environment,
) -> Vec<String> {
    let is_meant = |name: &str| models.iter().any(|model| model.provider == name);
    let providers = settings.providers.iter().filter(|(name, _)| is_meant(name));
    about(providers, models, settings, environment)
}

fn about<'a>(
    providers: impl Iterator<Item = (&'a String, &'a Provider)>,
    models: &[Summarizer],
    settings: &Settings,
    environment: &Environment,
) -> Vec<String> {
    let of_providers =
        providers.flat_map(|(name, provider)| of_provider(name, provider, environment));
    let of_models = models
        .iter()
        .filter_map(|model| never_granted(model, settings.providers.get(&model.provider)));
    of_providers.chain(of_models).collect()
}

fn of_provider(name: &str, provider: &Provider, environment: &Environment) -> Vec<String> {
    let mut warnings = Vec::new();
    if let (Some(place), KeyState::Missing(why)) =
        (provider.key.place(), provider.key.state(environment))
    {
        warnings.push(format!("providers.{name}: the key is not in {place}: {why}"));
    }
    if goes_out_open(&provider.base_url) {
        warnings.extend(credentials(provider).into_iter().map(|what| {
            format!("providers.{name}: {what} would go to another machine unencrypted; use https")
        }));
    }
    warnings
}

/// What a provider is told that others must not hear.
fn credentials(provider: &Provider) -> Vec<String> {
    let key = (provider.key != KeySource::Nowhere).then(|| "the key".to_owned());
    let headers = provider.headers.iter();
    let headers = headers.filter(|(name, text)| looks_secret(name) || is_credential(text));
    let headers = headers.map(|(name, _)| format!("the header `{name}`"));
    let of_the_query = shown_url(&provider.base_url) != provider.base_url;
    let query = of_the_query.then(|| "the credential in `base_url`".to_owned());
    key.into_iter().chain(headers).chain(query).collect()
}

/// Whether it is plain HTTP to another machine.
fn goes_out_open(base_url: &str) -> bool {
    let Some(rest) = base_url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        // The colons of an address in brackets are its own.
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    !is_loopback(host)
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
            ("http://127.0.0.1:4000?x=/", false),
            ("http://127.example.com", true),
            ("http://[fd00::1]:4000", true),
            ("http://example.com?x=127.0.0.1", true),
            ("http://10.0.0.1:4000", true),
            ("http://localhost.example.com", true),
        ] {
            assert_eq!(goes_out_open(url), open, "{url}");
        }
    }
}
