//! What an action reads: the digest of each input, or why one that is required cannot be had.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::engine::error::EngineError;
use crate::engine::judge::{Course, Project, Settled};
use crate::engine::workflow::{Bound, TEMPLATE_ROLE, What};
use crate::storyfile::story::Presence;
use crate::world::disk::Sort;

impl Project {
    /// Tells whether an input is there now: an optional one may not be. One that cannot be looked at is not left out: who
    /// reads it tells.
    pub fn is_present(&self, input: &Bound) -> bool {
        match &input.what {
            _ if self.is_left_out(input) => false,
            What::File(path) | What::Tree(path) => !matches!(self.workspace.stat(path), Ok(None)),
            What::Part(path, part) => !matches!(self.workspace.part(path, part), Ok(Ok(None))),
            What::Verdict(_) => true,
        }
    }

    /// Returns the digests of all inputs in order, or why one that is required cannot be had.
    pub(super) fn digests(
        &mut self,
        action: usize,
        course: &Course<'_>,
    ) -> Result<Result<Vec<Option<Digest>>, Failure>, EngineError> {
        let inputs = self.workflow.nodes[action].inputs.clone();
        let mut digests = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let digest = match &input.what {
                _ if self.is_left_out(input) => None,
                What::Verdict(maker) => match &course.settled[*maker] {
                    Some(Settled::Right { verdict }) => Some(verdict.unwrap_or(Digest::of(b""))),
                    _ => self.known_verdict(*maker),
                },
                What::Part(path, part) => {
                    let foreseen = course.foreseen.get(path);
                    if let (None, Some(failure)) = (foreseen, self.turned(input)?) {
                        return Ok(Err(failure));
                    }
                    match self.part_digest(action, input, (path, part), foreseen)? {
                        Ok(digest) => digest,
                        Err(failure) => return Ok(Err(failure)),
                    }
                }
                What::File(path) | What::Tree(path) => match course.foreseen.get(path) {
                    Some(digest) => Some(*digest),
                    None => {
                        if let Some(failure) = self.turned(input)? {
                            return Ok(Err(failure));
                        }
                        match self.workspace.digest(path) {
                            Err(error) if error.is_no_content() => return Ok(Err(unreadable(input, &error))),
                            digest => digest?,
                        }
                    }
                },
            };
            if digest.is_none() && input.presence == Presence::Required && !self.is_left_out(input) {
                return Ok(Err(self.missing(input)));
            }
            digests.push(digest);
        }
        Ok(Ok(digests))
    }

    /// Returns the failed maker of an input that is not there.
    pub(super) fn lacking(&self, action: usize, digests: &[Option<Digest>], course: &Course<'_>) -> Option<usize> {
        let inputs = self.workflow.nodes[action].inputs.iter().zip(digests);
        let mut makers =
            inputs.filter(|(_, digest)| digest.is_none()).flat_map(|(input, _)| input.makers.iter().copied());
        makers.find(|&maker| course.settled[maker] == Some(Settled::Wrong))
    }

    /// Says that an input is a folder where the file means a file, or the other way round: when the project was opened
    /// it was not.
    pub fn turned(&self, input: &Bound) -> Result<Option<Failure>, EngineError> {
        let (path, wanted) = match &input.what {
            What::File(path) | What::Part(path, _) => (path, Sort::File),
            What::Tree(path) => (path, Sort::Dir),
            What::Verdict(_) => return Ok(None),
        };
        let stands = self.workspace.stat(path)?.map(|stat| stat.sort);
        Ok(match (wanted, stands) {
            (Sort::File, Some(Sort::Dir)) => Some("a folder, and it should be a file"),
            (Sort::Dir, Some(Sort::File)) => Some("a file, and it should be a folder"),
            _ => None,
        }
        .map(|what| {
            let failure = Failure::new(Cause::Setup, format!("input `{}` is {what}", input.what_text()));
            failure.hint("Put back what was there, or write the input as what it is now.")
        }))
    }

    pub(super) fn missing(&self, input: &Bound) -> Failure {
        if let What::Part(path, part) = &input.what
            && let Some(failure) = self.missing_part(path, part)
        {
            return failure;
        }
        let failure = Failure::new(Cause::Output, format!("input `{}` is not there", input.what_text()));
        match input.makers.first() {
            Some(&maker) => {
                let id = &self.workflow.nodes[maker].action.id;
                failure.hint(format!("Stage `{id}` makes it: build that first."))
            }
            None if input.role.starts_with(TEMPLATE_ROLE) => {
                failure.hint("A template includes it: make the file, or correct the template.")
            }
            None => failure.hint("It was there when the build was planned."),
        }
    }
}

fn unreadable(input: &Bound, error: &EngineError) -> Failure {
    Failure::new(Cause::Setup, format!("input `{}` cannot be read: {error}", input.what_text()))
        .hint("Remove what is no file, or name the files that the stage reads.")
}
