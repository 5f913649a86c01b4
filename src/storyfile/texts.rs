//! The texts that one load reads: the Storyfile, and what is given beside it, each parsed into a tree.

use crate::base::diagnostic::Diagnostic;
use crate::base::sources::Sources;
use crate::base::span::Span;
use crate::storyfile::load::Given;
use crate::storyfile::parse::{Parsed, Reading, parse};
use crate::storyfile::tree::Node;
use std::sync::Arc;

/// All that was read, before anyone asks what it means.
pub struct Texts {
    pub sources: Sources,
    /// The Storyfile. Without it there is at least one error among the faults.
    pub root: Option<Arc<Node>>,
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
    let is_remark = |line: &str| line.trim_start().starts_with('#') || line.trim().is_empty();
    let params_file = given.params_file.as_ref().and_then(|(name, text)| {
        // Nothing is given: that is no fault, as it is in a Storyfile.
        if text.lines().all(is_remark) {
            return None;
        }
        let start = sources.add(name.as_str(), text);
        let mut parsed = parse(text).moved(start);
        faults.append(&mut parsed.faults);
        damaged.append(&mut parsed.damaged);
        reading = reading.and(parsed.reading);
        parsed.root
    });
    Texts { sources, root, params_file, faults, damaged, reading }
}
