//! `storygen providers`: who does the paid work of this Storyfile, and whether they are well. Looks only.

use crate::base::diagnostic::nearest;
use crate::cli::args::services::{ProvidersArgs, ProvidersCommand};
use crate::cli::clearance::recall;
use crate::cli::commands::build::runtime;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{Found, find, load_story, providers};
use crate::kind::registry::Registry;
use crate::provider::checkup::{Health, check};
use crate::provider::weights::catalog::{LOCAL, LOCAL_VOICE};
use crate::provider::weights::{Model, PullPolicy, Weights};
use crate::report::services::{Checked, Row, list, list_json, told, told_json};
use crate::storyfile::service::Provider;
use crate::storyfile::story::{Story, Work};
use std::collections::BTreeSet;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &ProvidersArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let given = match &args.command {
        None => &args.given,
        Some(ProvidersCommand::Check { given, .. }) => given,
    };
    let inputs = Inputs::of(context, &found, given)?;
    let story = load_story(&found, &Registry::builtin(), &inputs)?.story;
    match &args.command {
        None => {
            let rows = rows(&story, &story.providers.keys().cloned().collect::<Vec<_>>());
            context.answer(&if args.json { list_json(&rows) } else { list(&rows) });
            Ok(0)
        }
        Some(ProvidersCommand::Check { names, json, .. }) => {
            let checked = checked(context, &found, &inputs, &story, &named(&story, names)?)?;
            context.answer(&if *json { told_json(&checked) } else { told(&checked) });
            Ok(u8::from(checked.iter().any(|one| !one.health.is_well())))
        }
    }
}

/// Returns the providers with these names; without names, those that are declared or at work.
fn named(story: &Story, names: &[String]) -> Result<Vec<String>, CliError> {
    let unknown = names.iter().find(|name| !story.providers.contains_key(*name));
    if let Some(name) = unknown {
        return Err(CliError::Usage {
            message: format!("there is no provider `{name}`"),
            hint: Some(match nearest(name, story.providers.keys().map(String::as_str)) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "`storygen providers` shows them.".to_owned(),
            }),
        });
    }
    Ok(if names.is_empty() { story.providers.keys().cloned().collect() } else { names.to_vec() })
}

fn rows(story: &Story, names: &[String]) -> Vec<Row> {
    let row = |name: &String| Row {
        name: name.clone(),
        provider: story.providers[name].clone(),
        stages: stages(story, name).into_iter().collect(),
    };
    names.iter().map(row).collect()
}

/// Returns the stages that a provider works for, or may stand in at.
fn stages(story: &Story, name: &str) -> BTreeSet<String> {
    let asks = |chosen: &String| {
        let stands_in =
            || story.providers.get(chosen).is_some_and(|one| one.fallback().iter().any(|other| other == name));
        chosen == name || stands_in()
    };
    let mut stages = BTreeSet::new();
    for action in &story.actions {
        let work = match &action.work {
            Work::Fan { draft: Some(draft), .. } => &draft.work,
            work => work,
        };
        if let Work::Kind { providers, .. } = work
            && providers.values().any(asks)
        {
            stages.insert(action.stage.to_string());
        }
    }
    stages
}

fn checked(
    context: &Context,
    found: &Found,
    inputs: &Inputs,
    story: &Story,
    names: &[String],
) -> Result<Vec<Checked>, CliError> {
    let joined = providers(found, inputs, story);
    recall(context, &found.root, &joined.trust)?;
    let weights = Weights::new(context.world.clone(), PullPolicy::NoPull("providers check"), context.on_pull());
    let (runtime, today) = (runtime()?, context.world.clock.now().to_string());
    let mut all = Vec::new();
    for row in rows(story, names) {
        let health = match (&row.provider, joined.apis.get(&row.name)) {
            (Provider::Service(service), Some(api)) => runtime.block_on(check(api, service)),
            _ => Health::default(),
        };
        let model = match &row.provider {
            Provider::Local => Some(&LOCAL),
            Provider::LocalVoice => Some(&LOCAL_VOICE),
            _ => None,
        };
        let is_installed = model.map(|model: &Model| weights.installed(model).is_some());
        all.push(Checked { row, health, is_installed, today: today.clone() });
    }
    Ok(all)
}
