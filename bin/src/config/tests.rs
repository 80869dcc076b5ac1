//! Whole files: what is read from them, and what is told of the wrong ones.

mod mistakes;
mod schema;

use std::path::Path;

use highwater::model::Protocol;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Format, TokenCount};

use super::environment::Environment;
use super::layer::Table;
use super::mistake::ConfigError;
use super::settings::{KeySource, Settings};
use super::{presets, read_text};

/// What a file and an environment are.
fn read(text: &str, variables: &[(&str, &str)]) -> Result<(Table, Settings), ConfigError> {
    let environment = Environment::of(variables);
    read_text(text, Path::new("/etc/highwater"), &environment)
        .map_err(|mistakes| ConfigError::new("f.toml", mistakes))
}

#[track_caller]
fn settings(text: &str, variables: &[(&str, &str)]) -> Settings {
    match read(text, variables) {
        Ok((_, settings)) => settings,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let settings = settings("", &[]);
    assert!(settings.providers.is_empty() && settings.summarizers.is_empty());
    assert_eq!(settings.retry, highwater_protocol::retry::Backoff::default());
}

#[test]
fn every_preset_is_enough_for_a_provider() {
    let budget = Budget::of_window(TokenCount(100_000)).expect("it is large enough");
    let for_models = SessionConfig::new(budget, Format::Anthropic).pass_deadline / 5 * 4;
    for name in presets::names() {
        let text = format!("[providers.x]\npreset = '{name}'\n");
        let settings = settings(&text, &[]);
        let provider = &settings.providers["x"];
        assert!(provider.base_url.starts_with("http"), "{name}");
        assert!(provider.limits.check().is_ok(), "{name}");
        assert!(provider.read_timeout < for_models, "{name}: a silent call says why it failed");
        let local = provider.base_url.contains("127.0.0.1");
        let of_openai = provider.protocol == Protocol::OpenAiResponses;
        assert_eq!(of_openai, name == "openai");
        assert_eq!(local && name != "litellm", provider.key == KeySource::Nowhere, "{name}");
        assert_eq!(provider.limits.slots == 1, provider.limits.reserve_percent == 0, "{name}");
    }
}

#[test]
fn the_environment_is_over_the_file_and_that_over_the_preset_and_that_over_defaults() {
    let text = "[providers.my-team]\npreset = 'anthropic'\nslots = 6\n\
                requests_per_minute = 70\n[providers.my-team.models.m]\nslots = 2\n";
    let variables =
        [("HIGHWATER__PROVIDERS__MY_TEAM__SLOTS", "12"), ("HIGHWATER__RETRY__ATTEMPTS", "9")];
    let settings = settings(text, &variables);
    let provider = &settings.providers["my-team"];
    assert_eq!(provider.limits.slots, 12, "environment over file");
    let requests = provider.limits.requests.expect("a rate");
    assert_eq!((requests.each_minute(), requests.at_once()), (70, 63), "file over preset");
    assert_eq!(provider.limits.input_tokens.expect("a rate").each_minute(), 500_000, "preset");
    assert_eq!(provider.limits.reserve_percent, 25, "default");
    let model = provider.models["m"].limits.expect("the model has limits");
    assert_eq!((model.slots, model.reserve_percent, model.requests), (2, 25, None));
    assert_eq!(provider.models["m"].window_tokens, Some(200_000), "the account's");
    assert_eq!(settings.retry.attempts, 9);
}

#[test]
fn a_key_has_one_place_and_the_users_is_instead_of_the_presets() {
    let key = |more: &str| {
        let text = format!("[providers.x]\npreset = 'anthropic'\n{more}");
        settings(&text, &[]).providers["x"].key.clone()
    };
    assert_eq!(key(""), KeySource::Variable("ANTHROPIC_API_KEY".to_owned()));
    assert_eq!(key("api_key_env = 'MINE'"), KeySource::Variable("MINE".to_owned()));
    assert_eq!(key("api_key_file = '/run/key'"), KeySource::File("/run/key".into()));
    assert_eq!(key("api_key_file = './key'"), KeySource::File("/etc/highwater/./key".into()));
    assert_eq!(key("api_key_env = ''"), KeySource::Nowhere);
    assert_eq!(key("api_key_env = ''\napi_key_file = '/k'"), KeySource::File("/k".into()));
    for header in ["Authorization", "x-api-key", "Api-Key"] {
        assert_eq!(key(&format!("headers.{header} = 'x'")), KeySource::Nowhere, "{header}");
    }
    assert_eq!(key("headers.x-team = 'x'"), KeySource::Variable("ANTHROPIC_API_KEY".to_owned()));
    let both = key("headers.authorization = 'x'\napi_key_env = 'MINE'");
    assert_eq!(both, KeySource::Variable("MINE".to_owned()));
}

#[test]
fn a_list_in_a_variable_has_commas() {
    let text =
        "[providers.a]\npreset='anthropic'\n[providers.l]\npreset='ollama'\nwindow_tokens=8192";
    let list = [("HIGHWATER__SUMMARIZER__MODELS", "a/claude-haiku-4-5, l/qwen3:8b")];
    let settings = settings(text, &list);
    let order = settings.summarizers.iter();
    let order: Vec<_> =
        order.map(|each| (&*each.provider, &*each.model, each.window_tokens)).collect();
    assert_eq!(order, [("a", "claude-haiku-4-5", 200_000), ("l", "qwen3:8b", 8_192)]);
}
