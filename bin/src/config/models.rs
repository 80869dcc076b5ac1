//! What a house is built with: the models that the settings name as clients behind the gate, and their accounts.

use std::collections::BTreeMap;

use highwater::model::{ApiKey, Endpoint, GatedModel, HttpClient};
use highwater_protocol::limit::{Key, Limits};
use highwater_protocol::{Error, Kind, TokenCount};

use super::resolve::summarizers;
use super::settings::{KeySource, Provider, Settings, Summarizer};

/// An account's limits, and those of its models that have their own.
type Account = (Limits, BTreeMap<Box<str>, Limits>);

/// Models, and the accounts that they are of.
pub(crate) struct Models {
    pub(crate) accounts: BTreeMap<String, Account>,
    /// In the order in which they are asked.
    pub(crate) models: Vec<GatedModel>,
}

impl Settings {
    /// The models that are asked for, each as `PROVIDER` or `PROVIDER/MODEL`: a provider alone stands for its models in
    /// the list of summarizers, or for its only one. [`Kind::Invalid`] says which name is wrong.
    pub(crate) fn asked(&self, wanted: &[String]) -> Result<Vec<Summarizer>, Error> {
        let mut found: Vec<Summarizer> = Vec::new();
        for name in wanted {
            let of = self.wanted(name);
            for model in of.map_err(|why| invalid(&format!("--provider {name}: {why}")))? {
                if !found.iter().any(|known| known.is_same(&model)) {
                    found.push(model);
                }
            }
        }
        Ok(found)
    }

    /// Clients of these models. Nothing is sent. Blocks while keys are read; [`Kind::Invalid`] says which is not where
    /// the settings say.
    pub(crate) fn models(&self, asked: &[Summarizer]) -> Result<Models, Error> {
        let models = asked.iter().map(|model| self.model(model)).collect::<Result<_, _>>()?;
        let accounts = asked.iter().map(|model| {
            let account = self.providers[&model.provider].account();
            (model.provider.clone(), account)
        });
        Ok(Models { accounts: accounts.collect(), models })
    }

    fn wanted(&self, name: &str) -> Result<Vec<Summarizer>, String> {
        if let Some((provider, model)) = name.split_once('/') {
            return summarizers::named(provider, model, &self.providers).map(|model| vec![model]);
        }
        let provider = summarizers::provider(name, &self.providers)?;
        let listed = self.summarizers.iter().filter(|model| model.provider == name);
        let listed: Vec<Summarizer> = listed.cloned().collect();
        if !listed.is_empty() {
            return Ok(listed);
        }
        let mut known = provider.models.keys();
        match (known.next(), known.next()) {
            (Some(only), None) => {
                summarizers::named(name, only, &self.providers).map(|model| vec![model])
            }
            _ => Err(format!(
                "which of its models? Name one, as in `--provider {name}/MODEL`, or list it in `summarizer.models`"
            )),
        }
    }

    fn model(&self, wanted: &Summarizer) -> Result<GatedModel, Error> {
        let Summarizer { provider: name, model, window_tokens } = wanted;
        let at = |error: Error| {
            Error::new(Kind::Invalid, format!("providers.{name}: {}", error.message()))
        };
        let endpoint = self.providers[name].endpoint(model).map_err(at)?;
        let client = HttpClient::new(endpoint).map_err(at)?;
        let key = Key::with_model(name, model);
        Ok(GatedModel::new(client, key, TokenCount(*window_tokens)).retrying(self.retry))
    }
}

impl Provider {
    fn account(&self) -> Account {
        let own = self.models.iter().filter_map(|(name, model)| {
            let limits = model.limits?;
            Some((name.as_str().into(), limits))
        });
        (self.limits, own.collect())
    }

    fn endpoint(&self, model: &str) -> Result<Endpoint, Error> {
        let own = self.models.get(model);
        Ok(Endpoint {
            key: self.key.read()?,
            headers: self.headers.clone(),
            stream: self.stream,
            output_limit: self.output_limit,
            parameters: own.map_or(&self.parameters, |own| &own.parameters).clone(),
            connect_timeout: self.connect_timeout,
            read_timeout: self.read_timeout,
            ..Endpoint::new(self.protocol, &self.base_url, model)
        })
    }
}

impl KeySource {
    fn read(&self) -> Result<Option<ApiKey>, Error> {
        match self {
            Self::Nowhere => Ok(None),
            Self::Variable(name) => ApiKey::from_env(name).map(Some),
            Self::File(path) => ApiKey::from_file(path).map(Some),
        }
    }
}

fn invalid(why: &str) -> Error {
    Error::new(Kind::Invalid, why)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Environment;
    use crate::config::read_text;

    const FILE: &str = r#"
[providers.local]
preset = "ollama"
window_tokens = 8192
[providers.local.parameters]
reasoning_effort = "none"
seed = 7
[providers.local.models.tiny]
slots = 2
parameters = { reasoning_effort = "low" }
[providers.team]
preset = "litellm"
window_tokens = 100000
headers = { x-team = "a" }
[summarizer]
models = ["team/small", "local/tiny", "team/smaller"]
"#;

    fn settings() -> Settings {
        let read = read_text(FILE, Path::new(""), &Environment::default());
        let Ok((_, settings)) = read else { panic!("a legal file") };
        settings
    }

    fn names(wanted: &[&str]) -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let found = wanted.iter().map(|name| settings().wanted(name).expect("they are there"));
        found.flatten().map(|model| format!("{}/{}", model.provider, model.model)).collect()
    }

    #[test]
    fn a_provider_stands_for_its_models_in_the_list_or_for_its_only_one() {
        assert_eq!(names(&["team"]), ["team/small", "team/smaller"]);
        assert_eq!(names(&["local"]), ["local/tiny"]);
        assert_eq!(names(&["local/other", "team/org/name"]), ["local/other", "team/org/name"]);
    }

    #[test]
    fn each_model_is_taken_once_with_its_account_and_its_limits() {
        let wanted = ["local/tiny".to_owned(), "local".to_owned()];
        let asked = settings().asked(&wanted).expect("they are there");
        let Models { accounts, models } = settings().models(&asked).expect("no key is needed");
        assert_eq!(models.iter().map(GatedModel::name).collect::<Vec<_>>(), ["local/tiny"]);
        let (_, own) = &accounts["local"];
        assert_eq!(own["tiny"].slots, 2);
    }

    #[test]
    fn parameters_of_a_model_lie_over_its_providers() {
        let sent = |model: &str| {
            let endpoint = settings().providers["local"].endpoint(model).expect("no key is needed");
            serde_json::Value::from(endpoint.parameters)
        };
        assert_eq!(sent("tiny"), serde_json::json!({ "reasoning_effort": "low", "seed": 7 }));
        assert_eq!(sent("other"), serde_json::json!({ "reasoning_effort": "none", "seed": 7 }));
    }

    #[test]
    fn wrong_names_and_missing_keys_are_told() {
        let mut settings = settings();
        settings.summarizers.clear();
        settings.providers.get_mut("team").expect("it is there").key =
            KeySource::Variable("HIGHWATER_TEST_NOT_SET".to_owned());
        for (wanted, expected) in [
            ("tema/small", "did you mean `team`?"),
            ("team", "--provider team/MODEL"),
            (
                "team/small",
                "providers.team: the environment variable HIGHWATER_TEST_NOT_SET is not set",
            ),
        ] {
            let asked = settings.asked(&[wanted.to_owned()]);
            let Err(error) = asked.and_then(|asked| settings.models(&asked)) else {
                panic!("{wanted}")
            };
            assert_eq!(error.kind(), Kind::Invalid);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
