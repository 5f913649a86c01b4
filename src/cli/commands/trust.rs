//! `storygen trust`: who may be told this repo's keys, in the user's own record.

use crate::base::address::Address;
use crate::cli::args::tend::TrustArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::record::{Record, Removed};
use crate::cli::session::{Found, find, read_draft};
use crate::engine::disclosure::disclosures;
use crate::kind::registry::Registry;
use crate::provider::trust::Disclosure;
use crate::storyfile::load::Draft;
use serde_json::json;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &TrustArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let record = Record::of(&context.world, &found.root)?;
    match (&args.host, &args.remove) {
        (_, Some(host)) => remove(context, &record, &named(host)?)?,
        (Some(host), None) => add(context, args, &found, &record, &named(host)?)?,
        (None, None) => list(context, args, &record.trusted()?),
    }
    Ok(0)
}

/// Returns the host that somebody typed, as disclosures name it.
fn named(typed: &str) -> Result<String, CliError> {
    let whole = if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") };
    match Address::parse(&whole) {
        Err(fault) => Err(CliError::Usage {
            message: format!("`{typed}` names no host: {fault}"),
            hint: Some("Name it as `base_url` does: `storygen trust gateway.example`.".to_owned()),
        }),
        Ok(address) if address.is_loopback() => {
            Err(CliError::usage(format!("`{typed}` is this machine, which needs no trust")))
        }
        Ok(address) => Ok(address.server()),
    }
}

fn add(context: &Context, args: &TrustArgs, found: &Found, record: &Record<'_>, host: &str) -> Result<(), CliError> {
    let told = told(context, args, found)?;
    let mut variables = told.iter().filter(|one| one.host == host).flat_map(|one| one.variables.clone()).peekable();
    if variables.peek().is_none() {
        let hosts: Vec<String> = told.iter().map(|one| format!("`{}`", one.host)).collect();
        let hint = match hosts.as_slice() {
            [] => "It sends keys to nobody but their vendors and this machine: there is nothing to trust.".to_owned(),
            hosts => format!("It sends keys to {}.", hosts.join(", ")),
        };
        return Err(CliError::Usage { message: format!("this Storyfile sends no key to `{host}`"), hint: Some(hint) });
    }
    let disclosure = Disclosure { host: host.to_owned(), variables: variables.collect() };
    record.add(&disclosure)?;
    context.say(&format!("{host} is trusted with {} in this repo", disclosure.names()));
    Ok(())
}

/// Returns what the Storyfile's providers would be told, whatever else may be wrong with it.
fn told(context: &Context, args: &TrustArgs, found: &Found) -> Result<Vec<Disclosure>, CliError> {
    let inputs = Inputs::of(context, found, &args.given)?;
    let Draft { story, faults, sources, .. } = read_draft(found, &Registry::builtin(), &inputs)?;
    let Some(story) = story else { return Err(CliError::Faults { sources, faults }) };
    let mut told: Vec<Disclosure> = disclosures(&story).into_iter().map(|one| one.disclosure).collect();
    told.sort();
    told.dedup();
    Ok(told)
}

fn remove(context: &Context, record: &Record<'_>, host: &str) -> Result<(), CliError> {
    match record.remove(host)? {
        Removed::Host => context.say(&format!("{host} is trusted no more in this repo")),
        Removed::Nothing => {
            return Err(CliError::Usage {
                message: format!("`{host}` is not trusted in this repo"),
                hint: Some("`storygen trust` lists who is.".to_owned()),
            });
        }
    }
    Ok(())
}

fn list(context: &Context, args: &TrustArgs, trusted: &[Disclosure]) {
    if args.json {
        let host = |one: &Disclosure| json!({ "host": one.host, "variables": one.variables });
        let hosts: Vec<_> = trusted.iter().map(host).collect();
        context.answer(&format!("{:#}\n", json!({ "version": 1, "trusted": hosts })));
        return;
    }
    if trusted.is_empty() {
        context.say("nobody is trusted here but vendors with their own keys, and this machine");
        return;
    }
    let lines: String = trusted.iter().map(|one| format!("{} with {}\n", one.host, one.names())).collect();
    context.answer(&lines);
}
