//! The summary of a configuration that is right, for people and for programs.

use std::time::Duration;

use highwater_protocol::limit::{Limits, Quantity};
use serde_json::{Map, Value, json};

use crate::config::Loaded;
use crate::config::environment::Environment;
use crate::config::examine::join;
use crate::config::settings::{KeyState, Provider};
use crate::config::texts::shown_url;
use crate::report::words::{counted, thousands};

pub(super) fn text(loaded: &Loaded, warnings: &[String], environment: &Environment) -> String {
    let settings = &loaded.settings;
    let mut text = format!("{}: fine\n", loaded.name());
    if settings.providers.is_empty() {
        text.push_str("no providers\n");
    }
    for (name, provider) in &settings.providers {
        provider_text(&mut text, name, provider, environment);
    }
    let order = settings.summarizers.iter().map(|each| {
        let window = thousands(each.window_tokens);
        format!("{}/{} (window of {window} tokens), then ", each.provider, each.model)
    });
    let order: String = order.collect();
    line(&mut text, &format!("summaries: {order}quoted from the transcript"));
    let retry = &settings.retry;
    let tries = counted(u64::from(retry.attempts), "time");
    let (base, cap) = (ms(retry.base), ms(retry.cap));
    let waits = format!("with waits of up to {base} ms at first and {cap} ms at last");
    line(&mut text, &format!("calls: tried up to {tries}, {waits}"));
    for warning in warnings {
        line(&mut text, &format!("warning: {warning}"));
    }
    text.trim_end().to_owned()
}

fn provider_text(text: &mut String, name: &str, provider: &Provider, environment: &Environment) {
    let key = match (provider.key.place(), provider.key.state(environment)) {
        (Some(place), KeyState::Missing(_)) => format!("key in {place}: missing"),
        (Some(place), _) => format!("key in {place}: present"),
        (None, _) => "no key".to_owned(),
    };
    let protocol = provider.protocol.name();
    line(text, &format!("provider {name}: {protocol} at {}, {key}", shown_url(&provider.base_url)));
    line(text, &format!("  {}", limits_text(&provider.limits)));
    if !provider.parameters.is_empty() {
        line(text, &format!("  parameters: {}", names(&provider.parameters)));
    }
    for (model, known) in &provider.models {
        let window = known.window_tokens.map_or("not known".to_owned(), thousands);
        let limits = known.limits.as_ref().map(limits_text);
        let beside = limits.map(|limits| format!("; beside the account's, {limits}"));
        let own = known.parameters != provider.parameters;
        let own = own.then(|| format!("; parameters {}", names(&known.parameters)));
        let (beside, own) = (beside.unwrap_or_default(), own.unwrap_or_default());
        line(text, &format!("  {model}: window {window}{beside}{own}"));
    }
}

/// The names alone, since what is sent for one may be a secret.
fn names(parameters: &Map<String, Value>) -> String {
    parameters.keys().map(|name| join("", name)).collect::<Vec<_>>().join(", ")
}

fn limits_text(limits: &Limits) -> String {
    let slots = counted(u64::from(limits.slots), "slot");
    let rates = Quantity::ALL.into_iter().filter_map(|quantity| {
        let rate = limits.rate(quantity)?;
        Some(format!("{} {quantity}", thousands(rate.each_minute())))
    });
    let rates: Vec<_> = rates.collect();
    let rates =
        if rates.is_empty() { "no rates".to_owned() } else { rates.join(", ") + " a minute" };
    format!("{slots}, {} % of all for turns; {rates}", limits.reserve_percent)
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

pub(in crate::config) fn json(
    loaded: &Loaded,
    warnings: &[String],
    environment: &Environment,
) -> Value {
    let settings = &loaded.settings;
    let providers = settings.providers.iter();
    let providers = providers.map(|(name, provider)| provider_json(name, provider, environment));
    let summarizers = settings.summarizers.iter().map(|each| {
        json!({
            "provider": each.provider,
            "model": each.model,
            "window_tokens": each.window_tokens,
        })
    });
    json!({
        "ok": true,
        "file": loaded.file,
        "providers": providers.collect::<Vec<_>>(),
        "summarizers": summarizers.collect::<Vec<_>>(),
        "retry": {
            "attempts": settings.retry.attempts,
            "base_ms": ms(settings.retry.base),
            "cap_ms": ms(settings.retry.cap),
        },
        "warnings": warnings,
    })
}

fn provider_json(name: &str, provider: &Provider, environment: &Environment) -> Value {
    let (state, why) = match provider.key.state(environment) {
        KeyState::NotNeeded => ("not needed", None),
        KeyState::Present => ("present", None),
        KeyState::Missing(why) => ("missing", Some(why)),
    };
    let models = provider.models.iter().map(|(model, known)| {
        let limits = known.limits.as_ref().map(limits_json);
        json!({
            "model": model,
            "parameters": known.parameters.keys().collect::<Vec<_>>(),
            "window_tokens": known.window_tokens,
            "limits": limits,
        })
    });
    json!({
        "name": name,
        "protocol": provider.protocol.name(),
        "base_url": shown_url(&provider.base_url),
        "key": { "place": provider.key.place(), "state": state, "why": why },
        "headers": provider.headers.keys().collect::<Vec<_>>(),
        "stream": provider.stream,
        "connect_timeout_ms": ms(provider.connect_timeout),
        "read_timeout_ms": ms(provider.read_timeout),
        "output_limit": provider.output_limit.name(),
        "parameters": provider.parameters.keys().collect::<Vec<_>>(),
        "window_tokens": provider.window_tokens,
        "limits": limits_json(&provider.limits),
        "models": models.collect::<Vec<_>>(),
    })
}

fn limits_json(limits: &Limits) -> Value {
    let rate = |quantity| {
        let rate = limits.rate(quantity)?;
        Some(json!({ "per_minute": rate.each_minute(), "burst": rate.at_once() }))
    };
    json!({
        "slots": limits.slots,
        "reserve_percent": limits.reserve_percent,
        "requests": rate(Quantity::Requests),
        "tokens": rate(Quantity::Tokens),
        "input_tokens": rate(Quantity::InputTokens),
        "output_tokens": rate(Quantity::OutputTokens),
    })
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
