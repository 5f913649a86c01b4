//! Reads `run:` and `shell:` into a command, its expressions without files already values.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::command::{Command, CommandPiece, CommandText, Insert, ShellText};
use crate::storyfile::expr::{self, LATE_ROOTS, Text};
use crate::storyfile::faults::Faults;
use crate::storyfile::model::StageText;
use crate::storyfile::scope;
use crate::storyfile::settle::{Names, One, Settled};
use crate::storyfile::shell::{self, LexFaultSort, ShellPiece};
use crate::storyfile::slips::Braces;
use crate::storyfile::spot::Spot;
use crate::storyfile::tree::{Content, Node, Style};
use serde_json::Value;

/// Shells whose words we know how to escape.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "busybox"];

/// Reads the command of one instance.
pub fn command(stage: &StageText, node: &Node, names: &Names, faults: &mut Faults) -> Option<Command> {
    let shell = stage.get("shell").and_then(|node| program(node, faults));
    let text = match &node.value {
        Content::Seq(items) => CommandText::Argv(argv(items, names, faults)?),
        _ => {
            let text = faults.text("`run`", node)?;
            comment(node, text, faults);
            let text = text_of(text, node.span, names, faults)?;
            foreign(shell.as_deref(), &text, node.span, faults);
            CommandText::Shell(text)
        }
    };
    if matches!(text, CommandText::Argv(_)) && stage.own("shell").is_some() {
        faults.push(
            Diagnostic::error(
                "S029",
                "`shell` goes with a `run` that is text, and this one is a list",
                stage.key_span("shell"),
            )
            .label("nothing reads this")
            .help("a list is run without a shell: remove `shell`, or write `run` as text"),
        );
    }
    let empty = match &text {
        CommandText::Argv(words) => words.is_empty(),
        CommandText::Shell(text) => text.pieces.is_empty(),
    };
    if empty {
        faults.push(Diagnostic::error("S065", "`run` is empty", node.span).label("no command").help("write a command"));
        return None;
    }
    Some(Command { text, shell, span: node.span })
}

fn argv(items: &[std::sync::Arc<Node>], names: &Names, faults: &mut Faults) -> Option<Vec<Text>> {
    let mut words = Vec::new();
    let mut whole = true;
    for item in items {
        let Some(text) = faults.text("a word of `run`", item) else {
            whole = false;
            continue;
        };
        match names.settle(text, item.span, faults) {
            Some(Settled::Text(text)) => words.push(text),
            Some(Settled::Value(value)) => match words_of(text, &value, names) {
                Ok(all) => words.extend(all.into_iter().map(|word| Text::literal(word, item.span))),
                Err(found) => {
                    whole = false;
                    no_words(text, found, item.span, faults);
                }
            },
            None => whole = false,
        }
    }
    whole.then_some(words)
}

fn text_of(text: &str, span: Span, names: &Names, faults: &mut Faults) -> Option<ShellText> {
    let is_root = |root: &str| {
        ["params", "item", "prev", "batch", "env", "stage"].contains(&root)
            || LATE_ROOTS.contains(&root)
            || names.roots.contains_key(root)
    };
    names.stray_template(text, span, Braces::OfOurs, faults);
    let (lexed, bad) = shell::lex(text, &is_root);
    let mut whole = bad.is_empty();
    for fault in bad {
        let found = &text[fault.at.clone()];
        let place = faults.locate(Spot::new(span, text, fault.at.clone()));
        faults.push(lex_fault(fault.sort, found, place));
    }
    let mut pieces = Vec::new();
    for piece in lexed.pieces {
        match piece {
            ShellPiece::Text(text) => pieces.push(CommandPiece::Text(text)),
            ShellPiece::Ours { source, place, at } => {
                match names.expression(Spot::new(span, text, at..at + source.len()), faults) {
                    None | Some(One::Text(_)) => whole = false,
                    Some(One::Late(late)) => pieces.push(CommandPiece::Insert { value: Insert::Late(late), place }),
                    Some(One::Value(source, value)) => match words_of(&source, &value, names) {
                        Ok(words) => pieces.push(CommandPiece::Insert { value: Insert::Words(words), place }),
                        Err(found) => {
                            whole = false;
                            let at = faults.locate(Spot::new(span, text, at..at + source.len()));
                            no_words(&format!("${{{source}}}"), found, at, faults);
                        }
                    },
                }
            }
        }
    }
    whole.then_some(ShellText { pieces, form: lexed.form })
}

/// Returns the words that the value of `${source}` is.
fn words_of(source: &str, value: &Value, names: &Names) -> Result<Vec<String>, &'static str> {
    match names.inserted(source, value) {
        Some(word) => Ok(vec![word]),
        None => scope::words(&expr::from_json(value)),
    }
}

fn no_words(text: &str, found: &str, place: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S057", format!("`{text}` is {found}, where words of a command stand"), place)
            .label(found.to_owned())
            .help("name one of its fields, or give a default: `| default('…')`"),
    );
}

fn lex_fault(sort: LexFaultSort, found: &str, place: Span) -> Diagnostic {
    let (code, message, help) = match sort {
        LexFaultSort::Backtick => (
            "S060",
            format!("`{found}` stands in backticks, where nothing can be escaped safely"),
            "write `$(…)` instead of backticks",
        ),
        LexFaultSort::HereDocument => (
            "S061",
            format!("`{found}` stands in a here-document, where nothing can be escaped safely"),
            "use `printf '%s\\n' ${…}`, or a `uses: prompt` template for longer texts",
        ),
        LexFaultSort::Expansion => (
            "S062",
            format!("`{found}` stands inside an expansion of the shell"),
            "put it into a variable first: `x=${…}`, then use `${x:-…}`",
        ),
        LexFaultSort::AnsiQuote => {
            ("S062", format!("`{found}` stands inside `$'…'`"), "close the quote before it: `$'…'${…}`")
        }
        LexFaultSort::Unclosed => {
            ("S063", format!("`{found}` is not closed"), "close it, or escape it as `\\'` or `\\\"`")
        }
        LexFaultSort::TooDeep => {
            ("S063", "the command nests too deeply".to_owned(), "move it into a script and run that")
        }
    };
    Diagnostic::error(code, message, place).label("here").help(help)
}

/// A plain `run:` loses all after ` #`, silently: that is never meant.
fn comment(node: &Node, text: &str, faults: &mut Faults) {
    let plain = node.scalar().is_some_and(|scalar| scalar.style == Style::Plain);
    if let Some(span) = faults.comment_after(node.span).filter(|_| plain) {
        faults.push(
            Diagnostic::error("S006", "` #` ends a plain text: the rest of the line is a YAML comment", span)
                .label("never reaches the shell")
                .help(format!(
                    "if it belongs to the command write `run: |` and `{text} #…` below; else move the comment up"
                )),
        );
    }
}

fn program(node: &Node, faults: &mut Faults) -> Option<Vec<String>> {
    let mut words: Vec<String> = match &node.value {
        Content::Seq(_) => faults.texts("`shell`", node).into_iter().map(|(word, _)| word.to_owned()).collect(),
        _ => faults.text("`shell`", node)?.split_whitespace().map(str::to_owned).collect(),
    };
    if words.is_empty() {
        faults.sort("`shell`", "a program", node);
        return None;
    }
    let takes_script =
        words[1..].iter().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('c'));
    if is_known(&words[0]) && !takes_script {
        words.push("-c".into());
    }
    Some(words)
}

fn is_known(program: &str) -> bool {
    SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// In another language our quoting means something else.
fn foreign(shell: Option<&[String]>, text: &ShellText, span: Span, faults: &mut Faults) {
    let Some([program, ..]) = shell else { return };
    let inserts = text.pieces.iter().any(|piece| matches!(piece, CommandPiece::Insert { .. }));
    if !is_known(program) && inserts {
        faults.push(
            Diagnostic::error("S064", format!("`${{…}}` cannot be escaped for `{program}`"), span)
                .label("written for another shell")
                .help("give the values by `env:`, or write `run` as a list of words"),
        );
    }
}
