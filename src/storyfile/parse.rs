//! Text to tree, in one pass over the parser's events. Bounded: size, nodes, depth, expanded aliases.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::mend::{Mending, Outcome};
use crate::storyfile::syntax;
use crate::storyfile::tree::{Content, Entry, Node, Scalar, Style};
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Longest file, in bytes.
pub const BYTES_MAX: usize = 32 << 20;
/// Most nodes in a file, those that aliases stand for included.
const NODES_MAX: u64 = 4_000_000;
/// Nodes that aliases may add to any file; beyond it they are held to a multiple of what is written.
const ALIAS_NODES_FREE: u64 = 100_000;
const ALIAS_FACTOR_MAX: u64 = 20;
/// Most levels of maps and lists.
const DEPTH_MAX: u32 = 64;

/// How many mistakes are written over before the reading ends after all.
const MENDS_MAX: usize = 100;

/// What was read of a text.
pub struct Parsed {
    /// Without it there is at least one error among the faults.
    pub root: Option<Arc<Node>>,
    pub faults: Vec<Diagnostic>,
    /// Text that is not what was meant, after an error about it: other faults there mean nothing.
    pub damaged: Vec<Span>,
    pub reading: Reading,
}

/// Whether the tree holds all that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Whole,
    /// Values that YAML cannot read are missing in it: what they declare is unknown.
    Patched,
}

impl Reading {
    /// Returns what two texts together are.
    pub fn and(self, other: Reading) -> Reading {
        if self == Reading::Whole { other } else { self }
    }
}

/// Tells whether nothing but remarks stand in a text.
pub fn is_blank(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().all(|line| line.trim_start().starts_with('#') || line.trim().is_empty())
}

/// Parses `text`.
pub fn parse(text: &str) -> Parsed {
    if text.len() > BYTES_MAX {
        let fault = Diagnostic::error("S009", "the file is larger than 32 MiB", Span::default())
            .help("put long texts into files of their own and name them as inputs");
        return Parsed { root: None, faults: vec![fault], damaged: Vec::new(), reading: Reading::Whole };
    }
    // What YAML cannot read ends its reading. Where the mistake can be written over, the rest is read all the same, so
    // that one report holds every fault of the file.
    let (mut mended, mut mending) = (syntax::joined_surrogates(text), Mending::default());
    let (root, mut faults) = loop {
        let (root, mut faults) = read_once(&mended);
        let Some(fault) = faults.pop_if(|_| root.is_none()) else { break (root, faults) };
        let outcome = match mending.faults.len() < MENDS_MAX {
            true => mending.mend(&mut mended, &fault),
            false => Outcome::Echo,
        };
        match outcome {
            Outcome::Mended => mending.faults.push(fault),
            Outcome::Final => {
                faults.push(fault);
                break (None, faults);
            }
            Outcome::Echo => break (None, faults),
        }
    };
    faults.retain(|fault| !touches(fault, &mending.over));
    let mut damaged: Vec<Span> =
        faults.iter().filter(|fault| matches!(fault.code, "S003" | "S014")).filter_map(|fault| fault.span).collect();
    faults.append(&mut mending.faults);
    let reading = if mending.is_rough() { Reading::Patched } else { Reading::Whole };
    let settled = root.and_then(|root| mending.settle(&root).map(|mending| (root, mending.over)));
    let (root, over) = settled.unzip();
    damaged.extend(over.into_iter().flatten());
    Parsed { root, faults, damaged, reading }
}

/// Tells whether a fault is about text that was written over.
pub fn touches(fault: &Diagnostic, written_over: &[Span]) -> bool {
    let spans = fault.span.iter().chain(fault.related.iter().map(|(span, _)| span));
    spans.into_iter().any(|span| written_over.iter().any(|over| span.start < over.end && over.start < span.end))
}

fn read_once(text: &str) -> (Option<Arc<Node>>, Vec<Diagnostic>) {
    let mut builder = Builder {
        text,
        offsets: Offsets::of(text),
        open: Vec::new(),
        root: None,
        anchors: BTreeMap::new(),
        written: 0,
        diagnostics: Vec::new(),
    };
    let complete = builder.read();
    let root = builder.root.take().filter(|_| complete);
    if complete {
        builder.unused_anchors();
    }
    (root, builder.diagnostics)
}

struct Anchor {
    node: Arc<Node>,
    used: bool,
    /// Where its name stands.
    span: Span,
}

/// A map or list whose end has not come yet.
struct Open {
    sort: OpenSort,
    start: u32,
    end: u32,
    anchor: usize,
    size: u64,
    height: u32,
}

enum OpenSort {
    Seq(Vec<Arc<Node>>),
    Map {
        entries: Vec<Entry>,
        /// The key that waits for its value; `None` inside for a key that is no text.
        key: Option<Option<(String, Span)>>,
        merges: Vec<Merge>,
    },
}

/// What a `<<:` names.
struct Merge {
    key_span: Span,
    /// Where the value stands: an alias, not what it stands for.
    span: Span,
    node: Arc<Node>,
}

struct Builder<'a> {
    text: &'a str,
    offsets: Offsets,
    open: Vec<Open>,
    root: Option<Arc<Node>>,
    anchors: BTreeMap<usize, Anchor>,
    written: u64,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    /// Reads all events; tells whether the whole file was read.
    fn read(&mut self) -> bool {
        let text = self.text;
        let mut parser = Parser::new_from_str(text);
        let mut documents = 0;
        while let Some(next) = parser.next_event() {
            let (event, at) = match next {
                Ok(event) => event,
                Err(fault) => {
                    let at = self.offsets.byte(text, fault.marker().index());
                    self.diagnostics.push(syntax::explain(text, at, fault.info()));
                    return false;
                }
            };
            let span = Span::new(self.offsets.byte(text, at.start.index()), self.offsets.byte(text, at.end.index()));
            let ok = match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let fault = Diagnostic::error("S010", "a Storyfile is one document", span)
                            .label("a second one starts here")
                            .help("remove the `---` line");
                        self.diagnostics.push(fault);
                        return true;
                    }
                    true
                }
                Event::Scalar(value, style, anchor, tag) => {
                    let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                    let mut scalar = Scalar { text: value.into_owned(), style };
                    // The parser counts the space behind quotes as theirs.
                    let written = text.get(span.start as usize..span.end as usize).unwrap_or("");
                    let quoted = written.starts_with(['"', '\'']);
                    let end = if quoted { span.start + written.trim_end().len() as u32 } else { span.end };
                    let mut span = Span::new(span.start, end);
                    if tag.is_some() {
                        let fault = syntax::tag(text, span);
                        // It was meant as a text: without its quotes it would seem to be nothing.
                        span = fault.span.map_or(span, |tag| Span::new(tag.start, tag.end.max(span.end)));
                        scalar =
                            Scalar { text: text[span.start as usize..span.end as usize].into(), style: Style::Quoted };
                        self.diagnostics.push(fault);
                    }
                    let node = Node { value: Content::Scalar(scalar), span, size: 1, height: 0 };
                    self.written += 1;
                    self.place(node, anchor)
                }
                Event::SequenceStart(anchor, tag) => self.start(OpenSort::Seq(Vec::new()), span, anchor, tag.is_some()),
                Event::MappingStart(anchor, tag) => {
                    let sort = OpenSort::Map { entries: Vec::new(), key: None, merges: Vec::new() };
                    self.start(sort, span, anchor, tag.is_some())
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
                Event::Alias(anchor) => self.alias(anchor, span),
                _ => true,
            };
            if !ok {
                return false;
            }
        }
        if self.root.is_none() && self.diagnostics.is_empty() {
            let fault = Diagnostic::error("S010", "the Storyfile is empty", Span::default())
                .help("start with `storygen: 1` and a `stages:` map");
            self.diagnostics.push(fault);
        }
        true
    }

    fn start(&mut self, sort: OpenSort, span: Span, anchor: usize, tagged: bool) -> bool {
        if tagged {
            self.diagnostics.push(syntax::tag(self.text, span));
        }
        if self.open.len() as u32 >= DEPTH_MAX {
            let fault = Diagnostic::error("S009", "maps and lists stand more than 64 levels deep", span)
                .help("a Storyfile needs about six levels: look for a missing `]` or `}`");
            self.diagnostics.push(fault);
            return false;
        }
        self.written += 1;
        self.open.push(Open { sort, start: span.start, end: span.end, anchor, size: 1, height: 0 });
        true
    }

    fn end(&mut self, span: Span) -> bool {
        let open = self.open.pop().expect("the parser closes only what it opened");
        let value = match open.sort {
            OpenSort::Seq(items) => Content::Seq(items),
            OpenSort::Map { entries, merges, .. } => Content::Map(self.merged(entries, merges)),
        };
        // A block ends where its last value ends; a flow map or list where its bracket stands.
        let end = if span.end > span.start { span.end } else { open.end };
        let span = Span::new(open.start, end.max(open.start));
        let node = Node { value, span, size: open.size, height: open.height };
        self.place(node, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> bool {
        let Some(found) = self.anchors.get_mut(&anchor) else {
            // The parser knows the name, the node is still open: an anchor inside itself.
            let fault = Diagnostic::error("S009", "an alias stands inside its own anchor", span)
                .help("an anchor cannot contain itself");
            self.diagnostics.push(fault);
            return false;
        };
        found.used = true;
        let node = Arc::clone(&found.node);
        if self.open.len() as u32 + node.height >= DEPTH_MAX {
            let fault = Diagnostic::error("S009", "aliases stand more than 64 levels deep", span)
                .help("write the value out where it is used");
            self.diagnostics.push(fault);
            return false;
        }
        self.put(node, span)
    }

    fn place(&mut self, node: Node, anchor: usize) -> bool {
        let span = node.span;
        let node = Arc::new(node);
        if anchor != 0 {
            let span = syntax::anchor_before(self.text, span);
            self.anchors.insert(anchor, Anchor { node: Arc::clone(&node), used: false, span });
        }
        self.put(node, span)
    }

    /// Puts a finished node where it belongs: into the open map or list, or at the root.
    fn put(&mut self, node: Arc<Node>, span: Span) -> bool {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        open.size = open.size.saturating_add(node.size);
        open.height = open.height.max(node.height + 1);
        open.end = open.end.max(span.end);
        let limit = NODES_MAX.min(ALIAS_NODES_FREE + ALIAS_FACTOR_MAX * self.written);
        if open.size > limit || self.written > NODES_MAX {
            let fault = Diagnostic::error("S009", "the file stands for too many values", span)
                .help("aliases of aliases multiply: write the values out, or use `foreach`");
            self.diagnostics.push(fault);
            return false;
        }
        match &mut open.sort {
            OpenSort::Seq(items) => items.push(node),
            OpenSort::Map { entries, key, merges } => match key.take() {
                None => *key = Some(self::key(self.text, &node, span, &mut self.diagnostics)),
                Some(None) => {}
                Some(Some((name, key_span))) if name == "<<" => merges.push(Merge { key_span, span, node }),
                Some(Some((name, key_span))) => entries.push(Entry { key: name, key_span, value: node }),
            },
        }
        true
    }

    /// Reports keys that stand twice and brings in what `<<:` names: what is written here wins.
    fn merged(&mut self, mut entries: Vec<Entry>, merges: Vec<Merge>) -> Vec<Entry> {
        let mut first: HashMap<String, Span> = HashMap::with_capacity(entries.len());
        entries.retain(|entry| match first.get(&entry.key) {
            None => {
                first.insert(entry.key.clone(), entry.key_span);
                true
            }
            Some(earlier) => {
                let fault = Diagnostic::error("S007", format!("`{}` stands here twice", entry.key), entry.key_span)
                    .label("again")
                    .related(*earlier, "first")
                    .help("keep one of the two");
                self.diagnostics.push(fault);
                false
            }
        });
        if let [first, second, ..] = merges.as_slice() {
            let fault = Diagnostic::error("S007", "`<<` stands here twice", second.key_span)
                .label("again")
                .related(first.key_span, "first")
                .help("write one with a list: `<<: [*one, *two]`");
            self.diagnostics.push(fault);
        }
        for Merge { span, node, .. } in merges {
            let sources: Vec<Arc<Node>> = match &node.value {
                Content::Map(_) => vec![node],
                Content::Seq(items) => items.clone(),
                Content::Scalar(_) => vec![node],
            };
            for source in sources {
                if !matches!(source.value, Content::Map(_)) {
                    let fault = Diagnostic::error("S013", "`<<:` takes a map, or a list of maps", span)
                        .label("not a map")
                        .help("name an anchor of a map: `<<: *base`");
                    self.diagnostics.push(fault);
                    continue;
                }
                for entry in source.entries() {
                    if !first.contains_key(&entry.key) {
                        first.insert(entry.key.clone(), entry.key_span);
                        entries.push(entry.clone());
                    }
                }
            }
        }
        entries
    }

    fn unused_anchors(&mut self) {
        for anchor in self.anchors.values().filter(|anchor| !anchor.used) {
            let span = anchor.span;
            let name = self.text.get(span.start as usize..span.end as usize).unwrap_or("&");
            let fault = Diagnostic::error("S008", format!("the anchor `{name}` is never used"), span)
                .label("no `*` names it")
                .help("if the `&` is part of a text, put the text in quotes; else remove the anchor");
            self.diagnostics.push(fault);
        }
    }
}

fn key(text: &str, node: &Node, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<(String, Span)> {
    if let Some(scalar) = node.scalar() {
        return Some((scalar.text.clone(), span));
    }
    diagnostics.push(if matches!(node.value, Content::Map(_)) {
        // The outer braces as well, where they stand close by.
        let before = text[..span.start as usize].ends_with('{');
        let after = text[span.end as usize..].starts_with('}');
        let span = Span::new(span.start - u32::from(before), span.end + u32::from(after));
        Diagnostic::error("S014", "`{{ … }}` is not read here", span)
            .label("YAML sees a map in a map")
            .help("in a Storyfile write `${…}`, in quotes; `{{ … }}` belongs into template files")
    } else {
        Diagnostic::error("S011", "a key is a plain word", span).label("not text").help("write `name: value`")
    });
    None
}

/// Bytes for the parser's character positions: a mark every 64 characters, nothing at all for ASCII.
struct Offsets(Option<Vec<u32>>);

const STRIDE: usize = 64;

impl Offsets {
    fn of(text: &str) -> Offsets {
        if text.is_ascii() {
            return Offsets(None);
        }
        Offsets(Some(text.char_indices().step_by(STRIDE).map(|(at, _)| at as u32).collect()))
    }

    fn byte(&self, text: &str, character: usize) -> u32 {
        let Some(marks) = &self.0 else { return character.min(text.len()) as u32 };
        let Some(&mark) = marks.get(character / STRIDE) else { return text.len() as u32 };
        let rest = &text[mark as usize..];
        rest.char_indices().nth(character % STRIDE).map_or(text.len() as u32, |(at, _)| mark + at as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        parse(text).faults.into_iter().map(|diagnostic| diagnostic.code).collect()
    }

    fn placed<'a>(text: &'a str, path: &[&str]) -> &'a str {
        let mut node = parse(text).root.expect("the text parses");
        for key in path {
            node = Arc::clone(node.get(key).expect("the key is there"));
        }
        &text[node.span.start as usize..node.span.end as usize]
    }

    #[test]
    fn spans_are_bytes_in_any_script() {
        let long = "ключ".repeat(40);
        let text = format!("имя: 夜のバス\n{long}: 'x y'\nlist:\n  - один\n  - {{ a: два }}\nend: z\n");
        assert_eq!(placed(&text, &["имя"]), "夜のバス");
        assert_eq!(placed(&text, &[&long]), "'x y'");
        assert_eq!(placed(&text, &["end"]), "z");
        assert_eq!(placed(&format!("\u{feff}{text}"), &["имя"]), "夜のバス");
    }

    #[test]
    fn json_is_read_by_the_same_parser() {
        let Parsed { root, faults, .. } = parse("{\"a\": [1, true, null, \"x\\n\"]}");
        assert!(faults.is_empty());
        let list = Arc::clone(root.unwrap().get("a").unwrap());
        let Content::Seq(items) = &list.value else { panic!("a list") };
        let values: Vec<_> = items.iter().map(|item| item.scalar().unwrap().core()).collect();
        assert_eq!(serde_json::json!(values), serde_json::json!([1, true, null, "x\n"]));
    }

    #[test]
    fn merge_keys_bring_in_what_is_not_written() {
        let Parsed { root, faults, .. } = parse("x-b: &b { t: 1m, n: 1 }\ns:\n  <<: *b\n  n: 2\n");
        assert!(faults.is_empty(), "{faults:?}");
        let stage = Arc::clone(root.unwrap().get("s").unwrap());
        assert_eq!(stage.get("t").unwrap().scalar().unwrap().text, "1m");
        assert_eq!(stage.get("n").unwrap().scalar().unwrap().text, "2");
    }

    #[test]
    fn deep_nesting_is_refused_at_once() {
        for unit in ["[", "- ", "{a: "] {
            assert_eq!(codes(&unit.repeat(100_000)), ["S009"], "{unit}");
        }
    }

    #[test]
    fn an_alias_bomb_is_refused_unexpanded() {
        let mut text = String::from("x-0: &a0 [l, o, l, l, o, l, l, o, l, l]\n");
        for level in 1..=10 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(codes(&text), ["S009"]);
    }

    #[test]
    fn an_anchor_inside_itself_is_refused() {
        assert_eq!(codes("a: &a [*a]\n"), ["S009"]);
    }
}
