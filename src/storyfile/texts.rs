//! The texts that one load reads: the Storyfile, and what is given beside it, each parsed into a tree.

use crate::base::diagnostic::Diagnostic;
use crate::base::sources::Sources;
use crate::base::span::Span;
use crate::storyfile::include::{Included, include};
use crate::storyfile::load::Given;
use crate::storyfile::parse::{Parsed, Reading, is_blank, parse};
use crate::storyfile::tree::Node;
use std::sync::Arc;

/// All that was read, before anyone asks what it means.
pub struct Texts {
    pub sources: Sources,
    /// The Storyfile, with the stages and params of the files that it includes. Without it there is at least one error among the faults.
    pub root: Option<Arc<Node>>,
    /// What is known of the included files.
    pub included: Included,
    /// The file of `--params`.
    pub params_file: Option<Arc<Node>>,
    pub faults: Vec<Diagnostic>,
    /// Text that is not what was meant, after an error about it.
    pub damaged: Vec<Span>,
    pub reading: Reading,
}

/// Reads the Storyfile's `text`, and the texts beside it.
pub fn read(text: &str, given: &Given) -> Texts {
    let mut sources = Sources::new(given.file, text);
    let Parsed { root, mut faults, mut damaged, mut reading } = parse(text);
    let (root, mut included) = match root {
        Some(root) => {
            let (root, included) = include(root, given.file, given.files, &mut sources);
            (Some(root), included)
        }
        None => (None, Included::default()),
    };
    faults.append(&mut included.faults);
    damaged.append(&mut included.damaged);
    reading = included.reading.map_or(reading, |of_included| reading.and(of_included));
    let params_file = given.params_file.as_ref().and_then(|(name, text)| {
        // Nothing is given: that is no fault, as it is in a Storyfile.
        if is_blank(text) {
            return None;
        }
        let start = sources.add(name.as_str(), text);
        let mut parsed = parse(text).moved(start);
        faults.append(&mut parsed.faults);
        damaged.append(&mut parsed.damaged);
        reading = reading.and(parsed.reading);
        parsed.root
    });
    Texts { sources, root, included, params_file, faults, damaged, reading }
}
