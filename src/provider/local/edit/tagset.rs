//! The tags a voice understands: which there are, in which order they stack, how they are found and taken out.

use std::ops::Range;

/// What a tag is about. The order is the order in which tags stack before a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Emotion,
    Reaction,
    Pacing,
}

/// At most this many tags stand in one paragraph.
pub const PER_PARAGRAPH: usize = 3;
/// At most this many tags stand side by side.
pub const STACKED: usize = 2;

/// The 34 tags that the rules may insert.
pub const TAGS: [(&str, Sort); 34] = [
    ("softly", Sort::Emotion),
    ("warmly", Sort::Emotion),
    ("sad", Sort::Emotion),
    ("happy", Sort::Emotion),
    ("excited", Sort::Emotion),
    ("angry", Sort::Emotion),
    ("nervous", Sort::Emotion),
    ("fearful", Sort::Emotion),
    ("curious", Sort::Emotion),
    ("hopeful", Sort::Emotion),
    ("tender", Sort::Emotion),
    ("wistful", Sort::Emotion),
    ("surprised", Sort::Emotion),
    ("amused", Sort::Emotion),
    ("calm", Sort::Emotion),
    ("determined", Sort::Emotion),
    ("sighs", Sort::Reaction),
    ("laughs", Sort::Reaction),
    ("laughs softly", Sort::Reaction),
    ("gasps", Sort::Reaction),
    ("whispers", Sort::Reaction),
    ("crying", Sort::Reaction),
    ("gulps", Sort::Reaction),
    ("sniffs", Sort::Reaction),
    ("exhales", Sort::Reaction),
    ("inhales deeply", Sort::Reaction),
    ("shouts", Sort::Reaction),
    ("clears throat", Sort::Reaction),
    ("pause", Sort::Pacing),
    ("long pause", Sort::Pacing),
    ("slowly", Sort::Pacing),
    ("quickly", Sort::Pacing),
    ("hesitates", Sort::Pacing),
    ("drawn out", Sort::Pacing),
];

/// Returns what the tag `name` is about; `None` for one that is not in [`TAGS`].
pub fn sort_of(name: &str) -> Option<Sort> {
    TAGS.iter().find(|(tag, _)| *tag == name).map(|(_, sort)| *sort)
}

/// Returns where tags stand in `text`: brackets around one to four lower-case words, from [`TAGS`] or not.
pub fn find_tags(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('[').map(|offset| at + offset) {
        let inner = &text[open + 1..];
        let Some(close) = inner.find(['[', ']']).filter(|close| inner[*close..].starts_with(']')) else {
            at = open + 1;
            continue;
        };
        let end = open + 1 + close + 1;
        if is_tag(&inner[..close]) {
            found.push(open..end);
        }
        at = end;
    }
    found
}

/// Returns `text` without its tags and without the space that followed each of them.
pub fn strip_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in find_tags(text) {
        out.push_str(&text[at..range.start]);
        at = range.end;
        if text[at..].starts_with(' ') && (out.is_empty() || out.ends_with(char::is_whitespace)) {
            at += 1;
        }
    }
    out.push_str(&text[at..]);
    out
}

fn is_tag(inner: &str) -> bool {
    let words: Vec<&str> = inner.split(' ').collect();
    words.len() <= 4
        && words.iter().all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripping_takes_tags_and_their_space_only() {
        assert_eq!(strip_tags("[sad] [pause] He left [1]. [sighs] No [Music]."), "He left [1]. No [Music].");
    }

    #[test]
    fn the_list_is_ordered_by_sort_and_has_no_double() {
        assert!(TAGS.is_sorted_by_key(|(_, sort)| *sort));
        let mut names: Vec<&str> = TAGS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TAGS.len());
    }

    #[test]
    fn unclosed_and_nested_brackets_are_text() {
        assert_eq!(strip_tags("a [b [sad] c ["), "a [b c [");
    }
}
