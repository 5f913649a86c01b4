//! The terminal: arguments in, an answer and an exit code out. The only room that knows both.

pub mod args;
pub mod commands;
pub mod context;
pub mod error;
pub mod init;
mod logging;
pub mod session;
pub mod views;

use crate::cli::args::Command;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::world::World;
use crate::world::reaper;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs one command line, the program's name first, and returns its exit code.
pub fn run(args: Vec<OsString>, world: World) -> ExitCode {
    if args.get(1).is_some_and(|first| first == reaper::ARGUMENT) {
        let lock = args.get(2).map(PathBuf::from).unwrap_or_default();
        reaper::live(&lock, io::stdin().lock(), io::stdout());
        return ExitCode::SUCCESS;
    }
    let args = match args::parse(args) {
        Ok(args) => args,
        Err(stop) => {
            let print: &mut dyn Write = if stop.exit == 0 { &mut io::stdout() } else { &mut io::stderr() };
            let _ = print.write_all(stop.text.as_bytes());
            return ExitCode::from(stop.exit);
        }
    };
    logging::start(&args, &world);
    let dir = world.env.current_dir.join(args.directory.clone().unwrap_or_default());
    let context = Context::new(world, dir, args.file.clone(), args.color.into());
    match command(&context, &args.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&context, &error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn command(context: &Context, command: &Command) -> Result<u8, CliError> {
    match command {
        Command::Build(args) => commands::build::run(context, args),
        Command::Status(args) => commands::status::run(context, args),
        Command::Why(args) => commands::status::why(context, args),
        Command::Accept(args) => commands::accept::run(context, args),
        Command::Clean(args) => commands::clean::run(context, args),
        Command::Graph(args) => commands::graph::run(context, args),
        Command::Validate(args) => commands::validate::run(context, args),
        Command::Log(args) => commands::log::run(context, args),
        Command::Eject(args) => commands::eject::run(context, args),
        Command::Models(args) => commands::models::run(context, args),
        Command::Init(args) => commands::init::run(context, args),
        Command::Completions(args) => commands::completions::run(context, args),
        Command::Unknown(_) => Err(CliError::usage("no such command")),
    }
}

/// Says what went wrong and what to do.
fn complain(context: &Context, error: &CliError) {
    if let CliError::Faults { file, text, faults } = error {
        let rendered = crate::report::diagnostic::render(faults, file, text, context.diagnostic_colour());
        context.say(rendered.trim_end());
        return;
    }
    let (message, hint) = error.words();
    context.say(&format!("error: {message}"));
    if let Some(hint) = hint {
        context.say(&format!("  {hint}"));
    }
}
