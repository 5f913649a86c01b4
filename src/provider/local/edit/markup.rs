//! Takes out what nobody says: preambles, headings, lists, speaker labels, stage directions, marks of markup.

use super::sentences::is_finished;

/// First words of a direction to performer or camera.
const DIRECTIONS: &[&str] = &[
    "pause",
    "pauses",
    "beat",
    "music",
    "sound",
    "sounds",
    "sfx",
    "fade",
    "fades",
    "cut",
    "camera",
    "whisper",
    "whispers",
    "whispering",
    "sigh",
    "sighs",
    "sighing",
    "laugh",
    "laughs",
    "laughing",
    "softly",
    "quietly",
    "slowly",
    "silence",
    "scene",
    "narrator",
    "voiceover",
    "v.o.",
    "applause",
    "crying",
    "sobbing",
    "smiling",
    "smiles",
    "nods",
    "end",
    "intro",
    "outro",
];
/// Starts of a line that talks about the text instead of telling it.
const TALK: &[&str] = &[
    "here is",
    "here's",
    "here are",
    "sure",
    "certainly",
    "of course",
    "okay",
    "ok,",
    "below is",
    "absolutely",
    "i hope this",
    "i hope that",
    "let me know",
    "feel free",
    "note:",
    "title:",
    "word count",
    "total words",
    "the end",
    "end of",
    "revised",
    "this script",
    "this revised",
    "i've ",
    "i have revised",
];
/// Starts of a reply that declines.
const REFUSALS: &[&str] = &[
    "i'm sorry",
    "i am sorry, but",
    "as an ai",
    "i cannot",
    "i can't assist",
    "i can't help",
    "i am unable",
    "i'm unable",
    "as a language model",
];

/// Returns the text to be heard. Paragraphs stay apart by blank lines; list items become sentences.
pub fn without_markup(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\u{a0}', '\u{200b}', '\u{feff}'], " ");
    let mut paragraphs: Vec<Vec<String>> = vec![Vec::new()];
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.starts_with("```")).collect();
    for (at, line) in lines.iter().enumerate() {
        if line.is_empty() {
            paragraphs.push(Vec::new());
            continue;
        }
        let edge = paragraphs.iter().all(Vec::is_empty) || lines[at + 1..].iter().all(|rest| rest.is_empty());
        if is_unsaid(line) || (edge && is_talk(line)) {
            continue;
        }
        let spoken = spoken_line(line);
        if spoken.chars().any(char::is_alphanumeric) {
            paragraphs.last_mut().expect("the list begins with one paragraph").push(spoken);
        }
    }
    let joined: Vec<String> =
        paragraphs.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join(" ")).collect();
    joined.join("\n\n")
}

/// Tells whether `text` is a list, code or a table rather than prose: at least two lines begin like an item.
pub fn is_list(text: &str) -> bool {
    text.lines()
        .filter(|line| item(line.trim()).is_some() || line.trim_start().starts_with(['|', '#', '`', '{']))
        .count()
        >= 2
}

/// Tells whether `text` declines to answer.
pub fn is_refusal(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(160).collect::<String>().to_lowercase().replace('’', "'");
    REFUSALS.iter().any(|refusal| start.starts_with(refusal)) || start.contains("as an ai")
}

/// Tells whether `line` talks about the text instead of telling it: `Here is your script:`.
pub fn is_talk(line: &str) -> bool {
    let low = line.trim_start_matches(['*', '#', '"', '“', '(', ' ']).to_lowercase().replace('’', "'");
    let bare = low.trim_end_matches(['*', '"', '”', ' ']);
    let about =
        ["script", "story", "version", "narration", "text", "draft", "revision", "example", "rewrite", "idea", "title"];
    let names_it = about.iter().any(|word| bare.contains(word));
    let announces = bare.ends_with(':') && (names_it || bare.len() < 40);
    let starts = TALK.iter().any(|start| bare.starts_with(start));
    (announces && (starts || names_it))
        || (starts && (names_it || bare.len() < 24 || bare.starts_with("let me know") || bare.starts_with("i hope th")))
}

// A heading, a rule, a scene line or a label with nothing behind it.
fn is_unsaid(line: &str) -> bool {
    let bare = line.trim_matches(['*', '_', ' ']);
    let bold_alone = line.starts_with("**") && line.ends_with("**") && !is_finished(bare);
    let shouted = bare.chars().any(char::is_alphabetic) && !bare.chars().any(char::is_lowercase) && !is_finished(bare);
    let scene = ["INT.", "EXT.", "Scene ", "SCENE ", "CUT TO", "FADE "].iter().any(|start| bare.starts_with(start));
    let label = bare.ends_with(':') && bare.split_whitespace().count() <= 3;
    line.starts_with('#')
        || line.starts_with("---")
        || line.starts_with("***")
        || bold_alone
        || label
        || (scene && (shouted || !is_finished(bare) || bare.ends_with(':')))
        || (shouted && bare.split_whitespace().count() > 1)
}

fn spoken_line(line: &str) -> String {
    let unlisted = item(line);
    let line = without_label(unlisted.unwrap_or(line).trim_start_matches('>').trim_start());
    let line = without_tags_of_markup(line);
    let line = without_directions(&line);
    let line: String = line.replace("**", "").replace("__", "").replace(['*', '`', '#', '~'], "");
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if unlisted.is_some() && !is_finished(&line) {
        line = format!("{}.", line.trim_end_matches([',', ';', ':']));
    }
    line
}

/// The text of a list item, without its bullet or number.
fn item(line: &str) -> Option<&str> {
    if let Some(rest) = ["- ", "* ", "• ", "– ", "+ "].iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(rest.trim_start());
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    let marked = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))?;
    (1..=2).contains(&digits).then(|| marked.trim_start())
}

// "Narrator: …", "**HOST (V.O.):** …": one or two capitalised words that name a speaker.
fn without_label(line: &str) -> &str {
    const SPEAKERS: &[&str] = &[
        "narrator",
        "host",
        "voiceover",
        "voice-over",
        "voice",
        "speaker",
        "script",
        "story",
        "hook",
        "conflict",
        "shift",
        "payoff",
        "intro",
        "outro",
        "introduction",
        "conclusion",
    ];
    let Some((label, rest)) = line.split_once(':') else { return line };
    let first =
        label.trim_start_matches(['*', '_', '[', '(']).split([' ', '(', '*', ']']).next().unwrap_or("").to_lowercase();
    let short = label.split_whitespace().count() <= 3;
    if short && SPEAKERS.contains(&first.as_str()) { rest.trim_start_matches(['*', '_', ' ']) } else { line }
}

fn without_tags_of_markup(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find(['<', '[']) {
        out.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let link = rest[open..].starts_with('[');
        let Some(close) = inside.find(if link { ']' } else { '>' }) else {
            out.push_str(&rest[open..]);
            return out;
        };
        let after = &inside[close + 1..];
        rest = after;
        if !link {
            continue;
        }
        if let Some(target) = after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            out.push_str(&inside[..close]);
            rest = target.1;
        }
    }
    out.push_str(rest);
    out
}

// "(softly)", "*sighs*": gone. Other brackets become a pause in the sentence.
fn without_directions(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find(['(', '*']) {
        let mark = rest.as_bytes()[open];
        let inside = &rest[open + 1..];
        let close = inside.find(if mark == b'(' { ')' } else { '*' });
        out.push_str(&rest[..open]);
        let Some(close) = close else {
            out.push_str(if mark == b'(' { "" } else { "*" });
            rest = inside;
            continue;
        };
        let content = inside[..close].trim();
        rest = &inside[close + 1..];
        let first = content.split([' ', ',', ':']).next().unwrap_or("").to_lowercase();
        if DIRECTIONS.contains(&first.as_str()) || content.is_empty() {
            continue;
        }
        if mark == b'*' {
            out.push_str(content);
        } else {
            out.truncate(out.trim_end().len());
            out.push_str(if out.is_empty() { "" } else { ", " });
            out.push_str(content.trim_end_matches(['.', ',']));
            if rest.trim_start().starts_with(char::is_alphanumeric) {
                out.push(',');
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preambles_headings_and_closing_talk_go() {
        let text = "Sure! Here is your revised script:\n\n# The Last Bus\n\n**Hook**\n\nThe bus was late.\n\nLet me know if you want changes!";
        assert_eq!(without_markup(text), "The bus was late.");
    }

    #[test]
    fn a_story_that_begins_like_a_preamble_stays() {
        let text = "Here is where I met her. Of course it rained.";
        assert_eq!(without_markup(text), text);
    }

    #[test]
    fn lists_become_sentences_and_labels_go() {
        assert_eq!(
            without_markup("1. We met\n2. We left\n\nNarrator (V.O.): It rained."),
            "We met. We left.\n\nIt rained."
        );
    }

    #[test]
    fn directions_go_and_other_brackets_become_a_pause() {
        assert_eq!(
            without_markup("(softly) She *never* came [music fades] back. *sighs* He (a clerk) left."),
            "She never came back. He, a clerk, left."
        );
    }

    #[test]
    fn refusals_and_lists_are_told() {
        assert!(is_refusal("I’m sorry, but I can't do that."));
        assert!(!is_refusal("I sat in the dark."));
        assert!(is_list("- one\n- two") && !is_list("One line.\nAnother."));
    }
}
