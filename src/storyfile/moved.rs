//! What was read of a text that lies behind others: the same, with its places among all of them.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::parse::Parsed;
use crate::storyfile::tree::{Content, Entry, Node};
use std::collections::HashMap;
use std::sync::Arc;

impl Parsed {
    /// Returns the same for a text that starts at byte `by` among others.
    pub fn moved(self, by: u32) -> Parsed {
        let span = |span: Span| Span::new(span.start + by, span.end + by);
        let fault = |fault: Diagnostic| Diagnostic {
            span: fault.span.map(span),
            related: fault.related.into_iter().map(|(at, words)| (span(at), words)).collect(),
            ..fault
        };
        Parsed {
            root: self.root.map(|root| moved(&root, by, &mut HashMap::new())),
            faults: self.faults.into_iter().map(fault).collect(),
            damaged: self.damaged.into_iter().map(span).collect(),
            reading: self.reading,
        }
    }
}

/// Returns a tree whose text starts at byte `by` among others. What aliases share stays shared, by `known`.
fn moved(node: &Arc<Node>, by: u32, known: &mut HashMap<*const Node, Arc<Node>>) -> Arc<Node> {
    if let Some(done) = known.get(&Arc::as_ptr(node)) {
        return Arc::clone(done);
    }
    let span = |span: Span| Span::new(span.start + by, span.end + by);
    let value = match &node.value {
        Content::Scalar(scalar) => Content::Scalar(scalar.clone()),
        Content::Seq(items) => Content::Seq(items.iter().map(|item| moved(item, by, known)).collect()),
        Content::Map(entries) => Content::Map(
            entries
                .iter()
                .map(|entry| Entry {
                    key: entry.key.clone(),
                    key_span: span(entry.key_span),
                    value: moved(&entry.value, by, known),
                })
                .collect(),
        ),
    };
    let done = Arc::new(Node { value, span: span(node.span), size: node.size, height: node.height });
    known.insert(Arc::as_ptr(node), Arc::clone(&done));
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::parse::parse;

    #[test]
    fn every_place_moves_and_what_is_shared_stays_shared() {
        let text = "x-a: &a [one]\nb: *a\nc: *a\nb: 1\n";
        let (here, there) = (parse(text), parse(text).moved(100));
        let span = |parsed: &Parsed| parsed.root.as_ref().unwrap().get("b").unwrap().span;
        assert_eq!(span(&there), Span::new(span(&here).start + 100, span(&here).end + 100));
        let root = there.root.unwrap();
        assert!(Arc::ptr_eq(root.get("b").unwrap(), root.get("c").unwrap()));
        let (here, there) = (&here.faults[0], &there.faults[0]);
        assert_eq!(there.span.unwrap().start, here.span.unwrap().start + 100);
        assert_eq!(there.related[0].0.start, here.related[0].0.start + 100);
    }
}
