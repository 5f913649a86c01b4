//! What every command has at hand: the world, where it was called, and how to speak.

use crate::base::diagnostic::Diagnostic;
use crate::base::sources::Sources;
use crate::cli::answer::Answers;
use crate::cli::args::build::{BuildArgs, ProgressArg};
use crate::cli::error::CliError;
use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::provider::weights::PullEvent;
use crate::report::diagnostic::Color;
use crate::report::look::{Colour, ColourChoice, Look, Place};
use crate::report::plain::Plain;
use crate::report::progress::Live;
use crate::report::summary::up_to_date;
use crate::report::talk::Level;
use crate::world::World;
use crate::world::disk::Append;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The frame of one command.
#[derive(Clone)]
pub struct Context {
    pub world: World,
    /// The folder that the command works from (`-C`).
    pub dir: PathBuf,
    /// `-f`.
    pub file: Option<PathBuf>,
    pub colour: ColourChoice,
    /// Standard output.
    pub answers: Answers,
    /// Where pulls of models are told, once a sink is there.
    told: Arc<OnceLock<Arc<dyn Sink>>>,
}

/// How a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    pub level: Level,
    pub progress: ProgressArg,
}

impl From<&BuildArgs> for Manner {
    fn from(args: &BuildArgs) -> Manner {
        let level = match (args.quiet, args.verbose) {
            (true, _) => Level::Quiet,
            (false, 0) => Level::Normal,
            (false, _) => Level::Verbose,
        };
        Manner { level, progress: args.progress }
    }
}

impl Context {
    pub fn new(world: World, dir: PathBuf, file: Option<PathBuf>, colour: ColourChoice) -> Context {
        Context { world, dir, file, colour, answers: Answers::default(), told: Arc::new(OnceLock::new()) }
    }

    /// Returns the same frame in a world whose environment knows more.
    pub fn within(&self, world: &World) -> Context {
        Context { world: world.clone(), ..self.clone() }
    }

    /// Prints a command's answer.
    pub fn answer(&self, text: &str) {
        self.answers.give(text);
    }

    /// Prints talk.
    pub fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Prints the warnings about a Storyfile.
    pub fn warn(&self, sources: &Sources, warnings: &[Diagnostic]) {
        if !warnings.is_empty() {
            let text = crate::report::diagnostic::render(warnings, sources, self.diagnostic_colour());
            self.say(text.trim_end());
        }
    }

    pub fn diagnostic_colour(&self) -> Color {
        match self.look_err().colour {
            Colour::Ansi => Color::Always,
            Colour::Plain => Color::Never,
        }
    }

    /// Returns how words look on standard output.
    pub fn look_out(&self) -> Look {
        Look::of(&self.world.env, self.colour, place(io::stdout().is_terminal()))
    }

    /// Returns how words look on standard error.
    pub fn look_err(&self) -> Look {
        Look::of(&self.world.env, self.colour, place(io::stderr().is_terminal()))
    }

    /// Says in one line that nothing is to be done.
    pub fn up_to_date(&self, actions: usize, edited: usize, skipped: usize, manner: Manner) {
        if manner.level == Level::Quiet {
            return;
        }
        let edits = match edited {
            0 => String::new(),
            1 => "; 1 output holds your edit".to_owned(),
            more => format!("; {more} outputs hold your edits"),
        };
        self.say(&format!("{}{edits}", up_to_date(actions, skipped)));
    }

    /// Returns the sink that shows a run to the person.
    pub fn sink(&self, manner: Manner) -> Arc<dyn Sink> {
        let look = self.look_err();
        let live = match manner.progress {
            ProgressArg::Live => true,
            ProgressArg::Plain => false,
            ProgressArg::Auto => {
                io::stderr().is_terminal()
                    && manner.level != Level::Quiet
                    && self.world.env.get("CI").is_none()
                    && self.world.env.get("TERM") != Some("dumb")
            }
        };
        let sink: Arc<dyn Sink> = if live {
            Arc::new(Live::new(look, manner.level))
        } else {
            Arc::new(Plain::new(Box::new(io::stderr()), look, manner.level))
        };
        let _ = self.told.set(sink.clone());
        sink
    }

    /// Returns a listener to pulls that passes them on to the run's sink.
    pub fn on_pull(&self) -> Arc<dyn Fn(PullEvent) + Send + Sync> {
        let told = self.told.clone();
        Arc::new(move |event| {
            if let (Some(sink), Some(event)) = (told.get(), pulled(event)) {
                sink.send(&event);
            }
        })
    }

    /// Opens a new file for writing, in the place of an older one.
    pub fn writer(&self, place: &Path) -> Result<Box<dyn Write + Send>, CliError> {
        let open = || {
            let mut file = self.world.disk.append(place)?;
            // A pipe or a terminal has no size, and cannot be cut.
            if file.size()? > 0 {
                file.truncate(0)?;
            }
            Ok(file)
        };
        let file = open().map_err(|error: io::Error| CliError::write(place, &error))?;
        Ok(Box::new(Appending(Mutex::new(file))))
    }
}

fn place(is_terminal: bool) -> Place {
    if is_terminal { Place::Terminal } else { Place::Elsewhere }
}

fn pulled(event: PullEvent) -> Option<Event> {
    Some(match event {
        PullEvent::Started { model, from, bytes, licence, .. } => {
            Event::ModelPullStarted { model: model.into(), from, bytes, licence: licence.into() }
        }
        PullEvent::Progress { model, done, total } => Event::ModelPullAdvanced { model: model.into(), done, total },
        PullEvent::Installed { model, dir } => {
            Event::ModelInstalled { model: model.into(), place: dir.display().to_string() }
        }
        PullEvent::Waiting { model, holder } => Event::Warned {
            action: None,
            message: format!("the model `{model}` is being pulled by {holder}: waiting for it"),
        },
        PullEvent::Damaged { model, what } => {
            Event::Warned { action: None, message: format!("the model `{model}` is damaged and pulled anew: {what}") }
        }
        PullEvent::Skipped { .. } | PullEvent::Verifying { .. } | PullEvent::Deriving { .. } => return None,
    })
}

/// An appended file as a writer.
struct Appending(Mutex<Box<dyn Append>>);

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).append(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
