//! `storygen init`: writes a small, complete, commented content repo.

use crate::cli::args::tend::InitArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::init::FILES;

/// Runs the command and returns its exit code. Files that are there already stay as they are.
pub fn run(context: &Context, args: &InitArgs) -> Result<u8, CliError> {
    let dir = args.dir.as_ref().map_or(context.dir.clone(), |dir| context.dir.join(dir));
    let disk = &context.world.disk;
    for name in crate::embed::NAMES {
        if disk.stat(&dir.join(name)).is_ok() {
            return Err(CliError::Usage {
                message: format!("`{}` is there already", dir.join(name).display()),
                hint: Some("`storygen init` begins a new story: name an empty folder.".to_owned()),
            });
        }
    }
    disk.create_dirs(&dir).map_err(|error| CliError::write(&dir, &error))?;
    for (path, text) in FILES {
        let place = dir.join(path);
        if disk.stat(&place).is_ok() {
            context.say(&format!("kept {path}: it was there already"));
            continue;
        }
        disk.write(&place, text.as_bytes()).map_err(|error| CliError::write(&place, &error))?;
        context.answer(&format!("wrote {path}\n"));
    }
    context.say("`storygen build` makes the story; `storygen status` says what it would do");
    Ok(0)
}
