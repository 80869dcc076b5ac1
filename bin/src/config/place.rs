//! Finding the file, and reading it with a cap.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::mistake::ConfigError;

/// The name of the file where nobody says another.
const NAME: &str = "highwater.toml";

/// The largest file that is read: a hundred times what a hundred providers with ten models each need.
const MAX_BYTES: u64 = 1 << 20;

/// A file and what it says.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The file that holds: the one that was asked for, the one that `HIGHWATER_CONFIG` names, the one of this directory,
/// or the user's. The first two have to be there; without any, nothing is set.
pub(super) fn find(
    asked: Option<&Path>,
    environment: &Environment,
) -> Result<Option<Found>, ConfigError> {
    if let Some(path) = asked {
        return read(path.to_owned()).map(Some);
    }
    if let Some(path) = environment.get("HIGHWATER_CONFIG") {
        return read(path.into()).map(Some).map_err(|mut error| {
            error.file.push_str(" (named by $HIGHWATER_CONFIG)");
            error
        });
    }
    let here = Some(PathBuf::from(NAME));
    let of_the_user = directory(environment).map(|dir| dir.join("highwater").join(NAME));
    let found =
        [here, of_the_user].into_iter().flatten().find(|path| path.symlink_metadata().is_ok());
    found.map(read).transpose()
}

/// Where the user's configurations are. A relative directory is none, as the specification of these variables says.
fn directory(environment: &Environment) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}

fn read(path: PathBuf) -> Result<Found, ConfigError> {
    let name = path.display().to_string();
    let unreadable = |why: &dyn std::fmt::Display| ConfigError::unreadable(&name, why.to_string());
    let metadata = path.metadata().map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return Err(unreadable(&"is a directory, not a configuration"));
    }
    if !metadata.is_file() {
        // Opening a pipe waits for who writes into it.
        return Err(unreadable(&"is not a plain file"));
    }
    let file = std::fs::File::open(&path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(&format!(
            "is over {MAX_BYTES} bytes large, which no configuration is"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        unreadable(&format!("line {line} is not UTF-8"))
    })?;
    Ok(Found { path, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_directory_is_where_the_variables_say() {
        for (variables, wanted) in [
            (&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")][..], Some("/x")),
            (&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")], Some("/h/.config")),
            (&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")], Some("/h/.config")),
            (&[("HOME", "")], None),
            (&[], None),
        ] {
            assert_eq!(directory(&Environment::of(variables)), wanted.map(PathBuf::from));
        }
    }
}
