//! What a user gives beside the Storyfile: values of params, in words and in a file.

use crate::cli::args::given::GivenArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::Found;
use crate::provider::weights::{PullEvent, PullPolicy};
use crate::world::World;
use std::path::Path;
use std::sync::Arc;

/// What a user gives, read and ready.
pub struct Inputs {
    pub world: World,
    pub params: Vec<(String, String)>,
    /// The file of `--params`: its name as it was typed, and its text.
    pub params_file: Option<(String, String)>,
    /// Profiles, left to right.
    pub profiles: Vec<String>,
    pub pull: PullPolicy,
    pub on_pull: Arc<dyn Fn(PullEvent) + Send + Sync>,
}

impl Inputs {
    /// Returns what a command gives that makes nothing and so needs no model.
    pub fn of(context: &Context, _found: &Found, given: &GivenArgs) -> Result<Inputs, CliError> {
        let params_file = given.params_file.as_deref().map(|name| params_file(context, name)).transpose()?;
        let world = context.world.clone();
        let params = given.params.clone();
        let profiles = profiles(&given.profiles, world.env.get("STORYGEN_PROFILE"));
        Ok(Inputs { world, params, params_file, profiles, pull: PullPolicy::Pull, on_pull: Arc::new(|_| {}) })
    }

    /// Returns all of it that shapes a plan, as words.
    pub fn words(&self) -> Vec<&str> {
        let mut words = vec!["params"];
        words.extend(self.params.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        words.push("profiles");
        words.extend(self.profiles.iter().map(String::as_str));
        words.push("params file");
        words.extend(self.params_file.iter().map(|(_, text)| text.as_str()));
        words
    }
}

/// Returns the profiles that the command line names, else those that the environment does.
fn profiles(line: &[String], environment: Option<&str>) -> Vec<String> {
    let environment = environment.filter(|_| line.is_empty()).map(str::to_owned);
    let names = line.iter().chain(&environment).flat_map(|names| names.split(',')).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Longest file of params, in bytes.
const BYTES_MAX: u64 = 32 << 20;

fn params_file(context: &Context, name: &Path) -> Result<(String, String), CliError> {
    let place = context.dir.join(name);
    let shown = name.display().to_string();
    let refuse = |message: String, hint: &str| CliError::Usage { message, hint: Some(hint.to_owned()) };
    let disk = &context.world.disk;
    if disk.stat_following(&place).is_ok_and(|stat| stat.size > BYTES_MAX) {
        return Err(CliError::TooLarge { path: place });
    }
    let bytes = disk.read(&place).map_err(|error| {
        refuse(
            format!("failed to read the params file `{shown}`: {error}"),
            "Name a YAML or JSON file: `--params FILE`.",
        )
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|error| CliError::NotText { path: place, at: error.utf8_error().valid_up_to() })?;
    Ok((shown, text))
}
