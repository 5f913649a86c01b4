//! What a text is to be about: the telling words that its prompt names, or says most often.

use super::super::edit::sentences::{sentences, words};
use std::collections::{BTreeMap, BTreeSet};

/// Words that carry no idea.
const EMPTY_WORDS: &[&str] = &[
    "the",
    "and",
    "for",
    "you",
    "one",
    "are",
    "was",
    "its",
    "his",
    "her",
    "our",
    "all",
    "any",
    "who",
    "how",
    "why",
    "not",
    "but",
    "can",
    "new",
    "use",
    "told",
    "read",
    "aloud",
    "idea",
    "ideas",
    "invent",
    "give",
    "person",
    "hook",
    "conflict",
    "shift",
    "payoff",
    "about",
    "above",
    "after",
    "again",
    "around",
    "because",
    "before",
    "being",
    "below",
    "could",
    "every",
    "first",
    "from",
    "have",
    "into",
    "just",
    "keep",
    "like",
    "make",
    "must",
    "only",
    "other",
    "over",
    "should",
    "some",
    "than",
    "that",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "through",
    "under",
    "until",
    "what",
    "when",
    "where",
    "which",
    "while",
    "with",
    "without",
    "would",
    "your",
    "yours",
    "story",
    "stories",
    "write",
    "writes",
    "written",
    "words",
    "word",
    "script",
    "tone",
    "theme",
    "narrator",
    "narration",
    "sentence",
    "sentences",
    "short",
    "text",
    "someone",
    "answer",
    "reply",
    "said",
    "told",
    "knew",
    "know",
    "went",
    "looked",
    "asked",
    "felt",
    "came",
    "took",
    "even",
    "still",
    "never",
    "always",
    "back",
    "been",
    "were",
    "had",
    "him",
    "she",
    "get",
    "got",
    "did",
    "don't",
    "didn't",
    "couldn't",
    "wasn't",
    "more",
    "very",
    "much",
    "well",
    "away",
    "down",
    "until",
    "something",
    "anything",
    "everything",
    "nothing",
    "thing",
    "things",
];
/// Words that say how many or which: a text that has only these of a topic is not yet about it.
const WEAK_WORDS: &[&str] = &[
    "last", "late", "later", "next", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twenty",
    "thirty", "forty", "fifty", "hundred", "year", "years", "old", "young", "little", "big", "day", "days", "time",
    "comes", "goes", "gets", "has",
];
/// What may be about something.
const TEXTS: &[&str] = &["story", "tale", "idea", "script", "narration", "text", "title", "sentence", "poem", "tell"];
/// A prompt says what it is about within so many words; later, it is the text it is asked to work on that speaks.
const OPENING_WORDS: usize = 14;
/// What stands most often in a long text, and how often at least.
const OFTEN: usize = 4;
const OFTEN_MIN: usize = 3;
/// From this many words on, a prompt without a topic is a text of its own.
const LONG: usize = 80;

/// Returns the telling words of what `prompt` says it is about (`a story about a stranger on the last bus`), in their
/// order; none if it does not say.
pub fn named(prompt: &str) -> Vec<String> {
    let topic = topic(prompt);
    words(&topic).into_iter().filter(|word| is_telling(word) || WEAK_WORDS.contains(&word.as_str())).collect()
}

/// Returns what `prompt` says it is about, as it says it: `a stranger on the last bus`; empty if it does not say.
pub fn topic(prompt: &str) -> String {
    let mut told = prompt.match_indices("about").filter_map(|(at, word)| {
        let before = words(&prompt[..at]);
        let of_text = before.iter().rev().take(4).any(|word| TEXTS.contains(&word.as_str()));
        let behind = &prompt[at + word.len()..];
        let rest = behind.trim_start_matches([':', ' ', '"', '“']);
        // `about 360 words` is a length; `about: 3 cats` is not.
        let length = rest.starts_with(|c: char| c.is_ascii_digit()) && !behind.starts_with(':');
        (of_text && before.len() <= OPENING_WORDS && !length && !rest.is_empty()).then_some(rest)
    });
    let line = told.next().and_then(|rest| rest.lines().next()).unwrap_or("");
    let said = sentences(line).first().map_or(line, |range| &line[range.clone()]);
    said.trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')').to_owned()
}

/// Returns the words of what `prompt` is about: of the topic that it names, else those that a long one says most often,
/// else none.
pub fn subjects(prompt: &str) -> Vec<String> {
    let named = named(prompt);
    let all = words(prompt);
    if !named.is_empty() || all.len() < LONG {
        return named;
    }
    let mut counts: BTreeMap<String, (usize, &String)> = BTreeMap::new();
    for word in all.iter().filter(|word| is_telling(word)) {
        counts.entry(stem(word)).or_insert((0, word)).0 += 1;
    }
    let mut often: Vec<(usize, &String)> = counts.into_values().filter(|(count, _)| *count >= OFTEN_MIN).collect();
    often.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    often.into_iter().take(OFTEN).map(|(_, word)| word.clone()).collect()
}

/// Returns the stems of what `prompt` is about: of its [`subjects`], else of all its telling words.
pub fn ideas(prompt: &str) -> BTreeSet<String> {
    let subjects = subjects(prompt);
    let all = if subjects.is_empty() { words(prompt) } else { strong(&subjects) };
    all.iter().filter(|word| is_telling(word)).map(|word| stem(word)).collect()
}

/// Returns the words of `topic` that stand for it even alone; all if none does.
pub fn strong(topic: &[String]) -> Vec<String> {
    let strong: Vec<String> = topic.iter().filter(|word| !WEAK_WORDS.contains(&word.as_str())).cloned().collect();
    if strong.is_empty() { topic.to_vec() } else { strong }
}

/// Tells whether a word, in lower case, carries an idea.
pub fn is_telling(word: &str) -> bool {
    word.len() >= 3 && !EMPTY_WORDS.contains(&word) && word.chars().all(char::is_alphabetic)
}

/// Returns what words of one family share: `waits`, `waited` and `waiting` are `wait`.
pub fn stem(word: &str) -> String {
    let bare = ["ing", "ed", "es", "s", "e"]
        .iter()
        .filter_map(|end| word.strip_suffix(end))
        .find(|bare| bare.chars().count() >= 3)
        .unwrap_or(word);
    bare.chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_names_its_topic_and_a_number_is_none() {
        assert_eq!(
            named("Write about 90 words, a story about: falling for someone on the last bus.\nBe kind."),
            ["falling", "last", "bus"]
        );
        assert_eq!(named("Write a story of about 360 words."), Vec::<String>::new());
    }

    #[test]
    fn a_topic_is_told_in_its_own_words() {
        let asked = |topic: &str| format!("Invent one idea for a short story about: {topic}.\nThe tone is sad.");
        for said in ["noise", "3 cats", "Paris in 1920", "my grandmother's kitchen", "an old man (and his dog)"] {
            assert_eq!(topic(&asked(said)), said);
        }
        assert_eq!(topic("Write a story of about 360 words."), "");
        assert_eq!(topic("Write a script of about 90 words, a story about the sea"), "the sea");
    }

    #[test]
    fn a_long_text_is_about_what_it_says_most_often() {
        let text = format!("{} Give it a title.", "I waited and the dog waits here. Why not try it? ".repeat(9));
        assert_eq!(ideas(&text).into_iter().collect::<Vec<_>>(), ["dog", "her", "try", "wait"]);
    }

    #[test]
    fn words_of_one_family_have_one_stem() {
        assert_eq!([stem("waits"), stem("waited"), stem("waiting")], ["wait", "wait", "wait"]);
        assert_eq!([stem("bus"), stem("comes"), stem("come")], ["bus", "com", "com"]);
    }
}
