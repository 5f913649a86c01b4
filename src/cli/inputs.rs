//! What a user gives beside the Storyfile: values of params, in words and in a file; profiles; the file `.env`.

use crate::base::sources::Sources;
use crate::cli::args::given::GivenArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::Found;
use crate::cli::table::Table;
use crate::provider::weights::{PullEvent, PullPolicy};
use crate::storyfile::dotenv;
use crate::world::World;
use crate::world::disk::Sort;
use std::path::Path;
use std::sync::Arc;

/// Who may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Anyone,
    /// Nobody outside this machine: `--offline`.
    Here,
}

/// What a user gives, read and ready.
pub struct Inputs {
    /// The world, its environment with the variables of `.env`.
    pub world: World,
    pub params: Vec<(String, String)>,
    /// The file of `--params`: its name as it was typed, and its text.
    pub params_file: Option<(String, String)>,
    /// The table of `--batch`.
    pub batch: Option<Table>,
    /// Profiles, left to right.
    pub profiles: Vec<String>,
    pub pull: PullPolicy,
    pub reach: Reach,
    pub on_pull: Arc<dyn Fn(PullEvent) + Send + Sync>,
}

impl Inputs {
    /// Returns what a command gives that makes nothing and so needs no model.
    pub fn of(context: &Context, found: &Found, given: &GivenArgs) -> Result<Inputs, CliError> {
        let params_file = given.params_file.as_deref().map(|name| params_file(context, name)).transpose()?;
        let world = beside(&context.world, found)?;
        let params = given.params.clone();
        let profiles = profiles(&given.profiles, world.env.look_up("STORYGEN_PROFILE"));
        let batch = given.batch.as_deref().map(|name| Table::find(context, name)).transpose()?;
        Ok(Inputs {
            world,
            params,
            params_file,
            batch,
            profiles,
            pull: PullPolicy::Pull,
            reach: Reach::default(),
            on_pull: Arc::new(|_| {}),
        })
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

/// Returns the world with the variables of `.env`, if there is one.
fn beside(world: &World, found: &Found) -> Result<World, CliError> {
    let place = found.root.join(dotenv::FILE);
    // A folder of this name is somebody else's: Python's, nearly always.
    if !world.disk.stat_following(&place).is_ok_and(|stat| stat.sort == Sort::File) {
        return Ok(world.clone());
    }
    let values = dotenv::parse(&text(world, &place)?)
        .map_err(|faults| CliError::Faults { sources: Sources::new(dotenv::FILE, ""), faults })?;
    Ok(World { env: Arc::new(world.env.and_beside(values)), ..world.clone() })
}

/// Returns the profiles that the command line names, else those that the environment does.
fn profiles(line: &[String], environment: Option<&str>) -> Vec<String> {
    let environment = environment.filter(|_| line.is_empty()).map(str::to_owned);
    let names = line.iter().chain(&environment).flat_map(|names| names.split(',')).map(str::trim);
    let mut chosen: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        // Twice is once: where it was named last.
        chosen.retain(|known| known != name);
        chosen.push(name.to_owned());
    }
    chosen
}

/// Longest file that is read here, in bytes.
const BYTES_MAX: u64 = 32 << 20;

fn params_file(context: &Context, name: &Path) -> Result<(String, String), CliError> {
    let (place, shown) = (context.dir.join(name), name.display().to_string());
    let why = match context.world.disk.stat_following(&place) {
        Err(error) => error.to_string(),
        Ok(stat) if stat.sort == Sort::Dir => "it is a folder".to_owned(),
        Ok(_) => return Ok((shown, text(&context.world, &place)?)),
    };
    let message = format!("failed to read the params file `{shown}`: {why}");
    Err(CliError::Usage { message, hint: Some("Name a YAML or JSON file: `--params FILE`.".to_owned()) })
}

fn text(world: &World, place: &Path) -> Result<String, CliError> {
    if world.disk.stat_following(place).is_ok_and(|stat| stat.size > BYTES_MAX) {
        return Err(CliError::TooLarge { path: place.to_owned() });
    }
    let bytes = world.disk.read(place).map_err(|error| CliError::read(place, &error))?;
    String::from_utf8(bytes)
        .map_err(|error| CliError::NotText { path: place.to_owned(), at: error.utf8_error().valid_up_to() })
}
