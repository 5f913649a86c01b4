//! `storygen build --estimate`: what a build would pay, asking nobody; and the question before a build that would pay much.

use crate::cli::args::build::BuildArgs;
use crate::cli::ask::asked_line;
use crate::cli::commands::batch::each_window;
use crate::cli::commands::build::set_budgets;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::preferences::preferences;
use crate::cli::rows::Stories;
use crate::cli::session::{Found, open_project};
use crate::cli::survey::Survey;
use crate::engine::bill::{Bill, Fit};
use crate::engine::estimate::estimate;
use crate::engine::judge::Project;
use crate::engine::open::{Access, Opened};
use crate::engine::plan::{Plan, foresee};
use crate::engine::select::Wish;
use crate::report::bill::{json, question, text};
use crate::storyfile::preferences::Confirm;
use std::io::{self, BufRead, IsTerminal, Write};

/// Says what a build would pay.
pub fn run(context: &Context, found: &Found, wish: &Wish, inputs: &Inputs, args: &BuildArgs) -> Result<u8, CliError> {
    let mut opened = open_project(found, inputs, Access::Read)?;
    context.warn(&opened.sources, &opened.warnings);
    let mut bill = Bill::default();
    let fits = add(context, args, &mut opened, wish, &mut bill)?;
    answer(context, args, &bill, fits);
    Ok(0)
}

/// Says what a build of all rows would pay.
pub fn rows(
    context: &Context,
    args: &BuildArgs,
    stories: &Stories,
    survey: &Survey,
    wish: &Wish,
) -> Result<u8, CliError> {
    let (mut bill, mut fits) = (Bill::default(), Vec::new());
    let any_wrong = each_window(context, args, stories, survey, wish, &mut |opened, wish| {
        fits = add(context, args, opened, wish, &mut bill)?;
        Ok(())
    })?;
    answer(context, args, &bill, fits);
    Ok(if any_wrong { 2 } else { 0 })
}

/// Adds what a build would pay, and returns how the budgets stand against all.
fn add(
    context: &Context,
    args: &BuildArgs,
    opened: &mut Opened,
    wish: &Wish,
    bill: &mut Bill,
) -> Result<Vec<Fit>, CliError> {
    let (selection, plan) = foresee(&mut opened.project, wish)?;
    set_budgets(context, args, &opened.project, &selection)?;
    estimate(&opened.project, &plan, bill)?;
    Ok(bill.fits(opened.project.providers.ledger.standings()))
}

fn answer(context: &Context, args: &BuildArgs, bill: &Bill, fits: Vec<Fit>) {
    match args.json {
        true => context.answer(&json(bill, &fits)),
        false => context.answer(&context.look_out().spell(&text(bill, &fits))),
    }
}

/// Asks before a build that would pay much; fails with [`CliError::Declined`] if it is not wanted.
pub fn consent(context: &Context, args: &BuildArgs, project: &Project, plan: &Plan) -> Result<(), CliError> {
    if !asks(args) || project.providers.apis.is_empty() {
        return Ok(());
    }
    let mut bill = Bill::default();
    estimate(project, plan, &mut bill)?;
    decide(&bill, preferences(&context.world)?.confirm)
}

/// The same before a build of all rows.
pub fn consent_to_rows(
    context: &Context,
    args: &BuildArgs,
    stories: &Stories,
    survey: &Survey,
    wish: &Wish,
) -> Result<(), CliError> {
    if !asks(args) {
        return Ok(());
    }
    let mut bill = Bill::default();
    each_window(context, args, stories, survey, wish, &mut |opened, wish| {
        if !opened.project.providers.apis.is_empty() {
            let (_, plan) = foresee(&mut opened.project, wish)?;
            estimate(&opened.project, &plan, &mut bill)?;
        }
        Ok(())
    })?;
    decide(&bill, preferences(&context.world)?.confirm)
}

/// Tells whether there is anything to pay and anybody to ask, who has not answered on the command line.
fn asks(args: &BuildArgs) -> bool {
    !args.yes && !args.offline && io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn decide(bill: &Bill, confirm: Confirm) -> Result<(), CliError> {
    if !bill.is_large(confirm) {
        return Ok(());
    }
    match is_wanted(bill, &mut io::stdin().lock(), &mut io::stderr().lock())? {
        true => Ok(()),
        false => Err(CliError::Declined),
    }
}

/// Asks until the answer is one; none at all is a no.
fn is_wanted(bill: &Bill, from: &mut dyn BufRead, to: &mut dyn Write) -> Result<bool, CliError> {
    loop {
        let line = asked_line(&question(bill), from, to)?;
        if line.is_empty() {
            let _ = writeln!(to);
        }
        match String::from_utf8_lossy(&line).trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(lines: &str) -> (bool, usize) {
        let mut said = Vec::new();
        let is_wanted = is_wanted(&Bill::default(), &mut lines.as_bytes(), &mut said).unwrap();
        (is_wanted, String::from_utf8(said).unwrap().matches("Go on? [y/N] ").count())
    }

    #[test]
    fn only_a_yes_goes_on() {
        assert_eq!(answered("y\n"), (true, 1));
        assert_eq!(answered(" YES \n"), (true, 1));
        for no in ["", "\n", "n\n", "No\n"] {
            assert_eq!(answered(no), (false, 1), "{no:?}");
        }
        assert_eq!(answered("what\nyes\n"), (true, 2));
        assert_eq!(answered("what"), (false, 2));
    }
}
