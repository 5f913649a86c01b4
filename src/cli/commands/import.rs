//! `storygen import`: turns another tool's pipeline into a Storyfile.

use crate::base::diagnostic::Severity;
use crate::cli::args::tend::ImportArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::import::{Beside, Fate, import, render};
use crate::kind::registry::Registry;
use crate::storyfile::load::{Draft, Given, draft};
use crate::world::disk::Sort;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &ImportArgs) -> Result<u8, CliError> {
    let disk = &context.world.disk;
    let place = context.dir.join(&args.source);
    let bytes = disk.read(&place).map_err(|error| CliError::Usage {
        message: format!("`{}` cannot be read: {error}", args.source.display()),
        hint: None,
    })?;
    let target = args.output.as_ref().map(|output| context.dir.join(output));
    if let Some(target) = target.as_ref().filter(|target| !args.force && disk.stat(target).is_ok()) {
        return Err(CliError::Usage {
            message: format!("`{}` is there already, and nothing was written", target.display()),
            hint: Some("Name another file, or write over it with `--force`.".to_owned()),
        });
    }
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = place.parent().unwrap_or(&context.dir).to_owned();
    let beside = Beside {
        is_folder: &|path| disk.stat_following(&folder.join(path)).is_ok_and(|stat| stat.sort == Sort::Dir),
        read: &|path| disk.read(&folder.join(path)).ok(),
    };
    let imported = import(&name, &bytes, &beside).map_err(|message| CliError::Usage {
        message,
        hint: Some("`storygen import` reads orchestration files and `dvc.yaml`.".to_owned()),
    })?;
    match &target {
        Some(target) => {
            disk.write(target, imported.text.as_bytes()).map_err(|error| CliError::write(target, &error))?
        }
        None => context.answer(&imported.text),
    }
    context.say(render(&imported.report).trim_end());
    let left = imported.report.iter().filter(|note| note.fate == Fate::Left).count();
    let all = imported.report.len();
    context.say(&format!("{all} fields: {} imported, {left} to look at (marked `!`)", all - left));
    check(context, &imported.text);
    Ok(0)
}

/// Says at once what a `validate` of the result will say.
fn check(context: &Context, text: &str) {
    let env = |name: &str| context.world.env.get(name).map(str::to_owned);
    let given = Given::alone("Storyfile.yaml", &env);
    let Draft { faults, .. } = draft(text, &Registry::builtin(), &given);
    for fault in faults.iter().filter(|fault| fault.severity == Severity::Error) {
        let line = fault.span.map_or(1, |span| span.line_column(text).0);
        context.say(&format!("line {line} of the Storyfile is not right yet: {} [{}]", fault.message, fault.code));
    }
}
