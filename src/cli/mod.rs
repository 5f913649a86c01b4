//! The terminal: arguments in, an answer and an exit code out. The only room that knows both.

pub mod answer;
pub mod args;
mod ask;
mod clearance;
pub mod commands;
pub mod context;
pub mod error;
pub mod init;
pub mod inputs;
mod logging;
mod preferences;
mod record;
mod rows;
pub mod session;
mod survey;
mod table;
pub mod views;

use crate::cli::answer::Answers;
use crate::cli::args::Command;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::world::World;
use crate::world::{process, reaper};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs one command line, the program's name first, and returns its exit code.
pub fn run(args: Vec<OsString>, world: World) -> ExitCode {
    process::leave_no_core();
    if args.get(1).is_some_and(|first| first == reaper::ARGUMENT) {
        let lock = args.get(2).map(PathBuf::from).unwrap_or_default();
        reaper::live(&lock, io::stdin().lock(), io::stdout());
        return ExitCode::SUCCESS;
    }
    let as_json = args.iter().any(|word| word == "--json");
    let args = match args::parse(args) {
        Ok(args) => args,
        Err(stop) => return ExitCode::from(stopped(&stop, as_json)),
    };
    logging::start(&args, &world);
    let dir = world.env.current_dir.join(args.directory.clone().unwrap_or_default());
    let context = Context::new(world, dir, args.file.clone(), args.color.into());
    let code = command(&context, &args.command).unwrap_or_else(|error| {
        if wants_json(&args.command) {
            context.answer(&error.json());
        }
        complain(&context, &error);
        error.exit_code()
    });
    ExitCode::from(heard(&context.answers, code))
}

/// Says why there is no command to carry out, and returns the exit code.
fn stopped(stop: &args::Stop, as_json: bool) -> u8 {
    let answers = Answers::default();
    if stop.exit == 0 {
        answers.give(&stop.text);
    } else {
        let _ = io::stderr().write_all(stop.text.as_bytes());
        if as_json {
            let words = stop.text.trim_end().trim_start_matches("error: ");
            answers.give(&CliError::usage(words).json());
        }
    }
    heard(&answers, stop.exit)
}

/// Returns `code`, or that of a failed machine if the answer did not come through.
fn heard(answers: &Answers, code: u8) -> u8 {
    let Some(error) = answers.take_failure() else { return code };
    let _ = writeln!(io::stderr(), "error: failed to write to standard output: {error}");
    4
}

fn wants_json(command: &Command) -> bool {
    use args::look_up::GraphFormat;
    use args::services::ProvidersCommand;
    use args::tend::ModelsCommand;
    match command {
        Command::Build(args) => args.json,
        Command::Status(args) => args.json,
        Command::Why(args) => args.json,
        Command::Graph(args) => args.chosen() == GraphFormat::Json,
        Command::Validate(args) => args.json,
        Command::Log(args) => args.json,
        Command::Cost(args) => args.json,
        Command::Accept(args) => args.json,
        Command::Clean(args) => args.json,
        Command::Export(args) => args.json,
        Command::Trust(args) => args.json,
        Command::Providers(args) => match &args.command {
            None => args.json,
            Some(ProvidersCommand::Check { json, .. }) => *json,
        },
        Command::Models(args) => match &args.command {
            ModelsCommand::List { json } | ModelsCommand::Pull { json, .. } | ModelsCommand::Path { json, .. } => *json,
        },
        Command::Init(_)
        | Command::Eject(_)
        | Command::Import(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Unknown(_) => false,
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
        Command::Cost(args) => commands::cost::run(context, args),
        Command::Eject(args) => commands::eject::run(context, args),
        Command::Import(args) => commands::import::run(context, args),
        Command::Models(args) => commands::models::run(context, args),
        Command::Providers(args) => commands::providers::run(context, args),
        Command::Trust(args) => commands::trust::run(context, args),
        Command::Schema(_) => commands::schema::run(context),
        Command::Export(args) => commands::export::run(context, args),
        Command::Init(args) => commands::init::run(context, args),
        Command::Completions(args) => commands::completions::run(context, args),
        Command::Unknown(_) => Err(CliError::usage("no such command")),
    }
}

/// Says what went wrong and what to do.
fn complain(context: &Context, error: &CliError) {
    if let CliError::Faults { sources, faults } = error {
        let rendered = crate::report::diagnostic::render(faults, sources, context.diagnostic_colour());
        context.say(rendered.trim_end());
        return;
    }
    let (message, hint) = error.words();
    context.say(&format!("error: {message}"));
    if let Some(hint) = hint {
        context.say(&format!("  {hint}"));
    }
}
