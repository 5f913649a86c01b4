//! Writes over what YAML cannot read, so that one report holds the other faults of the file too. No byte moves.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::syntax::{self, MISSING_QUOTES};
use crate::storyfile::tree::Node;

/// How often a whole value or line is written over before the reading ends after all.
const ROUGH_MAX: usize = 20;

/// What was written over in one file.
#[derive(Default)]
pub struct Mending {
    /// Faults of the syntax, in the order in which they were met.
    pub faults: Vec<Diagnostic>,
    /// What stands there is not what was meant: other faults about it mean nothing.
    pub over: Vec<Span>,
    /// Of those, whole values and lines. What they declare is lost.
    rough: Vec<Span>,
}

/// What became of a fault of the syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its place was written over; the text can be read again.
    Mended,
    /// Nothing helps.
    Final,
    /// It only follows from what was written over last.
    Echo,
}

impl Mending {
    /// Tries to write over the place of `fault`.
    pub fn mend(&mut self, text: &mut String, fault: &Diagnostic) -> Outcome {
        let Some(span) = fault.span else { return Outcome::Final };
        if self.is_echo(text, fault, span) {
            return Outcome::Echo;
        }
        let sign = fault.label == MISSING_QUOTES || matches!(fault.code, "S002" | "S004");
        let over = match fault.code {
            _ if sign && span.start < span.end => fill(text, span, "x"),
            "S016" => {
                let span = tabs(text, span);
                fill(text, span, " ")
            }
            "S001" | "S005" | "S006" if self.rough.len() < ROUGH_MAX => match value(text, span.start as usize) {
                Some(span) => fill(text, span, "x"),
                None => {
                    let span = line(text, span.start as usize);
                    fill(text, span, " ")
                }
            },
            _ => return Outcome::Final,
        };
        if !sign {
            self.rough.push(over);
        }
        // The value that is now missing seems to stand where the line before it ends.
        let before = text[..over.start as usize].trim_end().len().saturating_sub(1) as u32;
        self.over.push(if fault.code == "S016" { Span::new(before.min(over.start), over.end) } else { over });
        Outcome::Mended
    }

    /// A mistake goes on in the lines below it: what is met there next says nothing new.
    fn is_echo(&self, text: &str, fault: &Diagnostic, span: Span) -> bool {
        let Some(last) = self.rough.last() else { return false };
        let between = text.get(last.end as usize..span.start as usize).unwrap_or("");
        let lines = between.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
        let alias = fault.code == "S002" && text[span.start as usize..].starts_with('*');
        fault.code != "S016" && (lines <= 1 || alias)
    }

    /// Widens what was written over to the stage in which it stands: what was declared there is lost. `None` if more
    /// than stages are damaged.
    pub fn settle(mut self, root: &Node) -> Option<Mending> {
        let stages = root.get("stages").map_or(&[][..], |node| node.entries());
        for rough in &self.rough {
            let next = stages.partition_point(|entry| entry.key_span.start <= rough.start);
            let stage = &stages[next.checked_sub(1)?];
            let end = match stages.get(next) {
                Some(next) => next.key_span.start,
                None => after(root, stage.key_span.start)?,
            };
            if rough.start >= end {
                return None;
            }
            self.over.push(Span::new(stage.key_span.start, end));
        }
        Some(self)
    }

    /// Tells whether something that stages declare may be lost.
    pub fn is_rough(&self) -> bool {
        !self.rough.is_empty()
    }
}

/// Returns where the key after the one before `at` starts, or the end of the file.
fn after(root: &Node, at: u32) -> Option<u32> {
    let next = root.entries().iter().map(|entry| entry.key_span.start).filter(|&start| start > at).min();
    Some(next.unwrap_or(u32::MAX))
}

fn fill(text: &mut String, span: Span, with: &str) -> Span {
    text.replace_range(span.start as usize..span.end as usize, &with.repeat((span.end - span.start) as usize));
    span
}

/// Returns the value in the line of `at`: what follows its first `: ` or its `- `.
fn value(text: &str, at: usize) -> Option<Span> {
    let line = line(text, at);
    let (start, end) = (line.start as usize, line.end as usize);
    let words = &text[start..end];
    let indentation = words.len() - words.trim_start().len();
    let from = if words.trim_start().starts_with("- ") {
        indentation + 2
    } else {
        let colon = words.match_indices(": ").map(|(at, _)| at).find(|&at| syntax::is_outside_quotes(words, at))?;
        colon + 2
    };
    let from = start + from + (words[from..].len() - words[from..].trim_start().len());
    (from < end && from <= at).then(|| Span::new(from as u32, end as u32))
}

/// Returns the line of `at`, without its break.
fn line(text: &str, at: usize) -> Span {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    Span::new(start as u32, (start + text[start..end].trim_end().len()).max(start) as u32)
}

/// Returns the lines from the one at `span` on that tabs indent.
fn tabs(text: &str, span: Span) -> Span {
    let first = line(text, span.start as usize);
    let mut end = first.end;
    for next in text[first.start as usize..].split_inclusive('\n').scan(first.start, |at, line| {
        *at += line.len() as u32;
        Some((*at, line))
    }) {
        let (after, line) = next;
        let indentation = &line[..line.len() - line.trim_start().len()];
        if !indentation.contains('\t') {
            break;
        }
        end = after - (line.len() - line.trim_end().len()) as u32;
    }
    Span::new(first.start, end.max(first.end))
}
