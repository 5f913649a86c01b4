//! `storygen models`: the built-in models, and where they are.

use crate::base::diagnostic::nearest;
use crate::cli::args::tend::{ModelsArgs, ModelsCommand};
use crate::cli::context::{Context, Manner};
use crate::cli::error::CliError;
use crate::provider::local::builtin::derive;
use crate::provider::weights::catalog::{ALL, LOCAL, find};
use crate::provider::weights::{Model, PullPolicy, Weights};
use crate::report::size::size;
use crate::report::table::table;
use serde_json::json;
use std::path::PathBuf;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &ModelsArgs) -> Result<u8, CliError> {
    context.sink(Manner::default());
    let weights = Weights::new(context.world.clone(), PullPolicy::Pull, context.on_pull());
    match &args.command {
        ModelsCommand::List { json } => list(context, &weights, *json),
        ModelsCommand::Pull { names, json } => {
            let mut places = Vec::new();
            for model in named(names)? {
                let derive = derive().filter(|_| model.name == LOCAL.name);
                let dir = weights.pull(model, derive.as_ref()).map_err(CliError::Failure)?;
                places.push((model.name, dir));
            }
            context.answer(&told(&places, *json));
            Ok(0)
        }
        ModelsCommand::Path { name, json } => {
            let mut places = Vec::new();
            for model in named(&name.iter().cloned().collect::<Vec<_>>())? {
                let Some(dir) = weights.installed(model) else {
                    let state = if weights.damaged(model).is_some() { "damaged" } else { "not here" };
                    return Err(CliError::Usage {
                        message: format!("the model `{}` is {state}", model.name),
                        hint: Some(format!("Run `storygen models pull {}`.", model.name)),
                    });
                };
                places.push((model.name, dir));
            }
            match places.as_slice() {
                [(_, dir)] if name.is_some() && !json => context.answer(&format!("{}\n", dir.display())),
                places => context.answer(&told(places, *json)),
            }
            Ok(0)
        }
    }
}

fn list(context: &Context, weights: &Weights, json: bool) -> Result<u8, CliError> {
    let all = weights.list();
    if json {
        let models = all.iter().map(|model| {
            json!({
                "name": model.name,
                "title": model.title,
                "licence": model.licence,
                "download_bytes": model.download_bytes,
                "installed": model.installed.as_ref().map(|place| place.dir.display().to_string()),
                "damaged": model.damaged.as_ref().map(|dir| dir.display().to_string()),
                "checked": "sizes",
                "source": model.source,
            })
        });
        context.answer(&format!("{:#}\n", json!({ "version": 1, "models": models.collect::<Vec<_>>() })));
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|model| {
            let place = match (&model.installed, &model.damaged) {
                (Some(place), _) => format!("{} in {}", size(place.bytes), place.dir.display()),
                (None, Some(dir)) => format!("damaged in {}", dir.display()),
                (None, None) => format!("not here; {} from {}", size(model.download_bytes), model.source),
            };
            vec![model.name.to_owned(), model.title.to_owned(), model.licence.to_owned(), place]
        })
        .collect();
    let here = all.iter().any(|model| model.installed.is_some() || model.damaged.is_some());
    let note = "Only sizes were looked at: `storygen models pull` checks every byte and replaces what is damaged.\n";
    context.answer(&format!("{}{}", table(&rows), if here { note } else { "" }));
    Ok(0)
}

/// Tells where models are.
fn told(places: &[(&str, PathBuf)], json: bool) -> String {
    if json {
        let models: Vec<_> =
            places.iter().map(|(name, dir)| json!({ "name": name, "installed": dir.display().to_string() })).collect();
        return format!("{:#}\n", json!({ "version": 1, "models": models }));
    }
    places.iter().map(|(name, dir)| format!("{name} is in {}\n", dir.display())).collect()
}

/// Returns the models with these names; without names, all.
fn named(names: &[String]) -> Result<Vec<&'static Model>, CliError> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    names
        .iter()
        .map(|name| {
            find(name).ok_or_else(|| CliError::Usage {
                message: format!("there is no model `{name}`"),
                hint: Some(match nearest(name, ALL.iter().map(|model| model.name)) {
                    Some(near) => format!("Did you mean `{near}`?"),
                    None => "`storygen models list` shows them.".to_owned(),
                }),
            })
        })
        .collect()
}
