//! Finds the user's own preferences.

use crate::base::sources::Sources;
use crate::cli::error::CliError;
use crate::cli::record::settings;
use crate::storyfile::preferences::{Preferences, read};
use crate::world::World;
use std::io;

/// Reads `settings.yaml` in the user's settings; without one, what is usual holds.
pub fn preferences(world: &World) -> Result<Preferences, CliError> {
    let Ok(folder) = settings(|name| world.env.get(name)) else { return Ok(Preferences::default()) };
    let path = folder.join("settings.yaml");
    let bytes = match world.disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Preferences::default()),
        Err(error) => {
            return Err(CliError::Usage {
                message: format!("failed to read your settings in `{}`: {error}", path.display()),
                hint: None,
            });
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let (preferences, faults) = read(&text);
    if faults.is_empty() {
        return Ok(preferences);
    }
    Err(CliError::Faults { sources: Sources::new(path.to_string_lossy(), &text), faults })
}
