//! Splits what is asked: one request for each section of the first input, or one for all of it.

use super::settings::Split;
use crate::base::failure::{Cause, Failure};
use crate::data::markdown::Outline;
use crate::kind::fault::SettingFault;
use crate::kind::input;
use crate::provider::chat::ChatWarning;
use crate::storyfile::scope::{Scope, ScopeFile, is_named_by_user};
use std::borrow::Cow;

/// What one request is about.
pub struct Section<'a> {
    /// The job's, with the section in the place of the first input.
    pub scope: Cow<'a, Scope>,
    /// `section 2 of 5`; empty for all of it.
    pub name: String,
    /// Where it begins in the first input, in bytes.
    start: usize,
}

/// Returns what the requests of a job are about, in order; never nothing.
pub fn sections(scope: &Scope, split: Option<Split>) -> Result<Vec<Section<'_>>, Failure> {
    match split {
        None => Ok(vec![Section { scope: Cow::Borrowed(scope), name: String::new(), start: 0 }]),
        Some(Split::Heading) => by_heading(scope),
    }
}

/// Joins the replies to sections: a blank line between them.
pub fn joined(mut replies: Vec<String>) -> String {
    match replies.len() {
        1 => replies.remove(0),
        _ => replies.iter().map(|reply| reply.trim()).collect::<Vec<_>>().join("\n\n") + "\n",
    }
}

pub fn nothing_to_split() -> SettingFault {
    SettingFault::setting("split", "a `split` has no input: there is nothing to split")
        .hint("Name the text under `inputs:`.")
}

fn by_heading(scope: &Scope) -> Result<Vec<Section<'_>>, Failure> {
    let place = scope.inputs.iter().position(|file| is_named_by_user(&file.role)).ok_or_else(nothing_to_split)?;
    let file = &scope.inputs[place];
    let outline = Outline::of(input::text(file)?);
    let pieces = outline.pieces();
    if pieces.is_empty() {
        return Err(Failure::new(Cause::Validation, format!("`{}` has no text to split", file.path)));
    }
    let count = pieces.len();
    let section = |(index, (start, piece)): (usize, (usize, &str))| {
        let mut scope = scope.clone();
        let content = Some(format!("{piece}\n").into_bytes().into());
        scope.inputs[place] = ScopeFile { content, parsed: None, ..scope.inputs[place].clone() };
        Section { scope: Cow::Owned(scope), name: format!("section {} of {count}", index + 1), start }
    };
    Ok(pieces.into_iter().enumerate().map(section).collect())
}

impl Section<'_> {
    /// Says of a failure which section it is about.
    pub fn failed(&self, failure: Failure) -> Failure {
        match self.name.as_str() {
            "" => failure,
            name => Failure { message: format!("{name}: {}", failure.message), ..failure },
        }
    }

    /// Returns a warning with its place in the whole.
    pub fn placed(&self, warning: ChatWarning) -> ChatWarning {
        let start = u32::try_from(self.start).unwrap_or(u32::MAX);
        let at = warning.at.map(|(from, to)| (from.saturating_add(start), to.saturating_add(start)));
        ChatWarning { at, ..warning }
    }
}
