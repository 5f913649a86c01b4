//! Says that nothing answers a request: which entry came nearest, why it does not, and what would. Pure.

use super::Placed;
use super::matching::{Asked, Words, conditions, suits};
use crate::base::failure::{Cause, Failure};

/// How much of a text is shown, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// How much of what is asked is enough to find it again, in characters.
const PIECE_CHARS_MAX: usize = 40;

/// Returns the failure that no entry of `answers` answers.
pub fn refusal(answers: &str, entries: &[Placed], asked: &Asked<'_>, description: &str) -> Failure {
    let message = format!("`{answers}` has no answer for {description}: request {}", asked.request);
    let mut lines = Vec::new();
    if let Some((placed, why)) = nearest(entries, asked) {
        lines.push(format!("Nearest is `{}`, line {}: {why}.", placed.file, placed.entry.line));
    }
    let place = if answers.ends_with('/') { format!("a file in `{answers}`") } else { format!("`{answers}`") };
    lines.push(format!("Add an entry to {place}, by this request or by what is asked:"));
    let (answer, key, words) = match asked.words {
        Words::Chat { prompt, .. } => ("reply: …", "prompt", prompt),
        Words::Speech { text } => ("audio: ….wav", "text", text),
        Words::Call { url, .. } => ("body: …", "url", url),
        Words::Hearing { file } => ("heard: …, words: […]", "file", file),
    };
    lines.push(format!("- {{ request: {}, {answer} }}", asked.request));
    let line = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let piece: String = line.chars().take(PIECE_CHARS_MAX).collect();
    let piece = serde_json::Value::String(piece);
    lines.push(format!("- {{ match: {{ stage: {}, {key}: {piece} }}, {answer} }}", asked.stage));
    Failure::new(Cause::Setup, message).hint(lines.join("\n"))
}

/// Returns the entry that has most of what is asked, and what it has not.
fn nearest<'e>(entries: &'e [Placed], asked: &Asked<'_>) -> Option<(&'e Placed, String)> {
    let suited = entries.iter().filter(|placed| suits(&placed.entry, asked));
    let mut best: Option<(u64, &Placed, String)> = None;
    for placed in suited {
        let (score, why) = compared(placed, asked);
        if best.as_ref().is_none_or(|(most, ..)| score > *most) {
            best = Some((score, placed, why));
        }
    }
    best.map(|(_, placed, why)| (placed, why))
}

/// Returns how near an entry comes, in thousandths, and why it does not answer.
fn compared(placed: &Placed, asked: &Asked<'_>) -> (u64, String) {
    let now = asked.words.told();
    let all = conditions(&placed.entry.asks, asked);
    let Some(wrong) = all.iter().find(|condition| !condition.holds) else { return (0, "it answers".into()) };
    if let ("request", Some(then)) = (wrong.key, &placed.entry.asked) {
        if *then == now {
            return (1000, format!("it was recorded of {}", other(&asked.words)));
        }
        let same = then.chars().zip(now.chars()).take_while(|(one, two)| one == two).count();
        let most = then.chars().count().max(now.chars().count()).max(1);
        let rest = |text: &str| text.chars().skip(same).collect::<String>();
        let why = format!("there “{}” was asked, and here “{}”", cut(&rest(then)), cut(&rest(&now)));
        return ((same * 900 / most) as u64, why);
    }
    let held = all.iter().filter(|condition| condition.holds).count();
    let why = match wrong.piece {
        Some(piece) => format!("its {} “{}” does not stand in what is asked", wrong.key, cut(piece)),
        None => format!("it is for {} {}", wrong.key, cut(&wrong.value)),
    };
    ((held * 800 / all.len()) as u64, why)
}

/// Returns what parts requests that are told in the same words.
fn other(words: &Words<'_>) -> &'static str {
    match words {
        Words::Chat { .. } | Words::Speech { .. } => "the same words, with other house rules, schema or settings",
        Words::Call { .. } => "the same call, with other headers",
        Words::Hearing { .. } => "a file of that name with another sound, or in another language",
    }
}

/// Returns the start of a text, in one line.
fn cut(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
