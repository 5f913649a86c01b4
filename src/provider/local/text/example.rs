//! Forms that were filled well: shown before the real one, they teach a small model what kind of answer is wanted.
//!
//! Only those fields are shown that the real form has too. What they say is never taken over: a line that repeats three
//! words of an example in a row is refused.

use super::super::edit::sentences::words;
use super::template::{TURN_END, TURN_START};
use super::topic::{is_telling, stem};
use std::collections::BTreeSet;

/// Parts of a label, and what three ideas say there.
const ANSWERS: &[(&[&str], [&str; 3])] = &[
    (&["premise"], TOPICS),
    (&["title", "headline"], ["The Lamp That Waited", "Eleven Minutes of Snow", "My Brother's Other Name"]),
    (&["gender"], ["male", "female", "male"]),
    (&["tone", "mood", "style"], ["quiet and eerie", "warm and funny", "tense, then tender"]),
    (
        &["theme"],
        ["keeping a promise after everyone has forgotten it", "learning to ask for help", "forgiving your own family"],
    ),
    (
        &["narrator type", "narrator", "protagonist", "hero"],
        ["an old keeper on his last winter", "a nervous new teacher", "the younger son of a baker"],
    ),
    (
        &["other character", "character name", "friend", "partner"],
        ["a girl who writes him letters", "a boy who never speaks in class", "a brother who left ten years ago"],
    ),
    (
        &["goal", "want"],
        [
            "He wants to keep the lamp lit for one more night.",
            "She wants her class to trust her.",
            "He wants to bring his brother home.",
        ],
    ),
    (
        &["conflict", "problem", "obstacle"],
        [
            "A storm breaks the lamp as the last ship comes in.",
            "The snow shuts the school with everyone inside.",
            "His brother does not remember him.",
        ],
    ),
    (
        &["outcome", "ending", "resolution", "payoff"],
        [
            "The ship comes home, and he can sleep at last.",
            "The whole class walks home together, singing.",
            "They open the bakery together at dawn.",
        ],
    ),
    (
        &["twist", "surprise"],
        [
            "The girl who writes the letters is his own daughter.",
            "The silent boy is the one who saves them.",
            "The brother had been sending money all along.",
        ],
    ),
    (
        &["emotional", "feeling", "core"],
        ["the fear of being forgotten", "the relief of being seen", "the ache of lost years"],
    ),
    (
        &["power"],
        [
            "The sea decides, and he obeys.",
            "She leads, but the children know more.",
            "The older brother holds the secret.",
        ],
    ),
    (&["timeline", "time", "when"], ["one winter night", "one school day in January", "three days before Christmas"]),
    (&["arc", "change"], ["from stubborn to at peace", "from afraid to brave", "from bitter to forgiving"]),
    (&["voice"], ["low and slow", "quick and bright", "plain and close"]),
    (
        &["moral", "lesson", "message"],
        ["A small light is enough.", "Nobody is brave alone.", "It is never too late to knock."],
    ),
    (
        &["location", "place", "setting"],
        ["a lighthouse on a bare rock", "a village school in the snow", "a bakery in a side street"],
    ),
    (
        &["hook", "opening"],
        [
            "The lamp went out at the worst minute of the worst night.",
            "Nobody had told me about the snow.",
            "The stranger at our door had my face.",
        ],
    ),
    (
        &["summary", "synopsis", "plot", "idea", "premise", "description", "logline"],
        [
            "An old keeper must relight a dead lamp before the last ship reaches the rocks.",
            "A new teacher and her class are snowed in for one long night.",
            "A baker's son finds the brother who left without a word.",
        ],
    ),
    (&["keyword", "tag"], ["lighthouse", "snow", "brothers"]),
];

const TOPICS: [&str; 3] =
    ["a lighthouse keeper and a letter", "a school in the snow", "two brothers who have not spoken for years"];

/// All examples.
pub const EVERY: [usize; 3] = [0, 1, 2];

/// Returns which of the examples may be shown where `ideas` are the stems of what the form is about: one about the same
/// would be taken for the answer, and what is written for a copy of it.
pub fn apart_from(ideas: &BTreeSet<String>) -> Vec<usize> {
    let shares = |nth: usize| {
        let said = ANSWERS.iter().filter(|(keys, _)| keys[0] == "premise" || keys[0] == "location");
        said.flat_map(|(_, answers)| words(answers[nth])).any(|word| is_telling(&word) && ideas.contains(&stem(&word)))
    };
    EVERY.into_iter().filter(|nth| !shares(*nth)).collect()
}

/// Returns the turns that show these examples as filled forms with `labels`; empty if none of the labels is known.
pub fn turns(labels: &[String], shown: &[usize]) -> String {
    let mut out = String::new();
    for &nth in shown {
        let topic = TOPICS[nth];
        let lines: Vec<String> =
            labels.iter().filter_map(|label| Some(format!("{label}: {}\n", answers(label)?[nth]))).collect();
        if !lines.is_empty() {
            out.push_str(&format!(
                "{TURN_START}user\nAn idea for a short story about {topic}.{TURN_END}\n{TURN_START}assistant\n{}{TURN_END}\n",
                lines.concat()
            ));
        }
    }
    out
}

/// Tells whether `line` repeats three words in a row, or all its several words, of an example that was shown.
pub fn is_copied(line: &str, shown: &[usize]) -> bool {
    let said = words(line);
    let run = said.len().clamp(2, 3);
    ANSWERS.iter().flat_map(|(_, answers)| shown.iter().map(|nth| answers[*nth])).any(|answer| {
        let shown = words(answer);
        said == shown || said.windows(run).any(|part| shown.windows(run).any(|other| other == part) && !is_plain(part))
    })
}

// "is the one", "he wants to": the words of any sentence.
fn is_plain(part: &[String]) -> bool {
    part.iter().all(|word| word.len() <= 5)
}

fn answers(label: &str) -> Option<&'static [&'static str; 3]> {
    let low = label.to_lowercase();
    ANSWERS.iter().find(|(keys, _)| keys.iter().any(|key| low.contains(key))).map(|(_, answers)| answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_of_the_form_are_shown() {
        let shown = turns(&["Story title".to_owned(), "Shoe size".to_owned()], &EVERY);
        assert_eq!(shown.matches("Story title:").count(), 3);
        assert!(!shown.contains("Shoe size"));
        assert_eq!(turns(&["Shoe size".to_owned()], &EVERY), "");
    }

    #[test]
    fn an_example_about_the_same_is_not_shown_and_cannot_be_copied() {
        let ideas = |word: &str| BTreeSet::from([stem(word)]);
        assert_eq!(apart_from(&ideas("lighthouse")), [1, 2]);
        assert_eq!(apart_from(&ideas("schools")), [0, 2]);
        assert_eq!(apart_from(&ideas("bus")), EVERY);
        assert!(!is_copied("a lighthouse on a bare rock", &[1, 2]));
    }

    #[test]
    fn what_an_example_says_is_told_from_what_is_new() {
        assert!(is_copied("He finds a lighthouse on a bare rock.", &EVERY));
        assert!(is_copied("The Lamp That Waited", &EVERY));
        assert!(!is_copied("He wants to find her again.", &EVERY));
        assert!(!is_copied("bittersweet", &EVERY));
    }
}
