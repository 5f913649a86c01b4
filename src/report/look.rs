//! How words look on a screen: which signs may be used, and whether in colour.

use crate::world::env::Environment;
use anstyle::{AnsiColor, Style};

/// The looks that a place to write to supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub signs: Signs,
    pub colour: Colour,
}

/// Which signs the screen can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    Unicode,
    Ascii,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Plain,
    Ansi,
}

/// What the person said about colour (`--color`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Where the words go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Terminal,
    /// A file, a pipe, a log.
    Elsewhere,
}

/// What a line is about; decides its sign and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Started,
    Done,
    Fresh,
    Restored,
    Failed,
    Again,
    Blocked,
    Skipped,
    Waiting,
    Edited,
    Stopped,
    Pulling,
    Warning,
    /// Beside the point: hints, output, counts.
    Quiet,
}

impl Look {
    /// No colour and no sign beyond ASCII: fits everywhere.
    pub const PLAIN: Look = Look { signs: Signs::Ascii, colour: Colour::Plain };

    /// Decides by the command line, the environment and the place.
    ///
    /// Colour: `--color`, else `NO_COLOR` (any value that is not empty) forbids it, `CLICOLOR_FORCE` (not `0`) demands
    /// it, and a terminal gets it unless `CLICOLOR=0` or `TERM=dumb`. Signs: ASCII unless the locale says UTF-8.
    pub fn of(environment: &Environment, choice: ColourChoice, place: Place) -> Look {
        let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let dumb = set("TERM") == Some("dumb");
        let wanted = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto if set("NO_COLOR").is_some() => false,
            ColourChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColourChoice::Auto => place == Place::Terminal && !dumb && set("CLICOLOR") != Some("0"),
        };
        let locale = set("LC_ALL").or(set("LC_CTYPE")).or(set("LANG")).unwrap_or("C").to_lowercase();
        let speaks_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Look {
            signs: if speaks_utf8 && !dumb { Signs::Unicode } else { Signs::Ascii },
            colour: if wanted { Colour::Ansi } else { Colour::Plain },
        }
    }

    /// Returns the sign of `tone`, painted.
    pub fn sign(&self, tone: Tone) -> String {
        let (unicode, ascii) = tone.signs();
        self.paint(tone, if self.signs == Signs::Unicode { unicode } else { ascii })
    }

    /// Returns `text` in the colour of `tone`.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = tone.style();
        match self.colour {
            Colour::Plain => text.to_owned(),
            Colour::Ansi if style == Style::new() || text.is_empty() => text.to_owned(),
            Colour::Ansi => format!("{}{text}{}", style.render(), style.render_reset()),
        }
    }

    /// Returns `text` with our own signs written in ASCII where the screen has no others. Other letters stay: they are
    /// the user's names and words.
    pub fn spell(&self, text: &str) -> String {
        match self.signs {
            Signs::Unicode => text.to_owned(),
            Signs::Ascii => text.replace('→', "->").replace('·', "-").replace('…', "...").replace(['“', '”'], "\""),
        }
    }
}

impl Tone {
    fn signs(self) -> (&'static str, &'static str) {
        match self {
            Tone::Started => ("▶", ">"),
            Tone::Done => ("✓", "+"),
            Tone::Fresh => ("=", "="),
            Tone::Restored => ("↺", "<"),
            Tone::Failed => ("✗", "x"),
            Tone::Again => ("↻", "~"),
            Tone::Blocked => ("◌", "o"),
            Tone::Skipped => ("–", "-"),
            Tone::Waiting => ("⏸", "?"),
            Tone::Edited => ("✎", "e"),
            Tone::Stopped => ("■", "#"),
            Tone::Pulling => ("↓", "v"),
            Tone::Warning => ("!", "!"),
            Tone::Quiet => (" ", " "),
        }
    }

    fn style(self) -> Style {
        let colour = match self {
            Tone::Started | Tone::Restored | Tone::Pulling => AnsiColor::Cyan,
            Tone::Done => AnsiColor::Green,
            Tone::Failed => return Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Tone::Again | Tone::Waiting | Tone::Warning | Tone::Stopped => AnsiColor::Yellow,
            Tone::Edited => AnsiColor::Magenta,
            Tone::Fresh | Tone::Blocked | Tone::Skipped | Tone::Quiet => return Style::new().dimmed(),
        };
        Style::new().fg_color(Some(colour.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn look(vars: &[(&str, &str)], choice: ColourChoice, place: Place) -> Look {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Look::of(&Environment::with(vars, PathBuf::new()), choice, place)
    }

    #[test]
    fn colour_follows_the_conventions() {
        let colour = |vars: &[(&str, &str)], choice, place| look(vars, choice, place).colour == Colour::Ansi;
        use {ColourChoice::*, Place::*};
        assert!(colour(&[], Auto, Terminal));
        assert!(!colour(&[], Auto, Elsewhere));
        assert!(!colour(&[("NO_COLOR", "1")], Auto, Terminal));
        assert!(colour(&[("NO_COLOR", "")], Auto, Terminal));
        assert!(colour(&[("NO_COLOR", "1")], Always, Elsewhere));
        assert!(!colour(&[("CLICOLOR_FORCE", "1")], Never, Terminal));
        assert!(colour(&[("CLICOLOR_FORCE", "1")], Auto, Elsewhere));
        assert!(!colour(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Auto, Terminal));
        assert!(!colour(&[("CLICOLOR", "0")], Auto, Terminal));
        assert!(!colour(&[("TERM", "dumb")], Auto, Terminal));
    }

    #[test]
    fn signs_follow_the_locale() {
        let signs = |vars: &[(&str, &str)]| look(vars, ColourChoice::Auto, Place::Terminal).signs;
        assert_eq!(signs(&[("LANG", "de_DE.UTF-8")]), Signs::Unicode);
        assert_eq!(signs(&[("LANG", "C.utf8")]), Signs::Unicode);
        assert_eq!(signs(&[]), Signs::Ascii);
        assert_eq!(signs(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")]), Signs::Ascii);
        assert_eq!(signs(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "")]), Signs::Unicode);
        assert_eq!(signs(&[("LANG", "en_US.UTF-8"), ("TERM", "dumb")]), Signs::Ascii);
    }

    #[test]
    fn colour_is_always_switched_off_again() {
        let look = Look { signs: Signs::Unicode, colour: Colour::Ansi };
        assert_eq!(look.sign(Tone::Done), "\u{1b}[32m✓\u{1b}[0m");
        assert_eq!(Look::PLAIN.sign(Tone::Done), "+");
        assert_eq!(Look::PLAIN.spell("`a` → `ü` · …"), "`a` -> `ü` - ...");
    }
}
