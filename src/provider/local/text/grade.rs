//! How well a sentence goes on with its tale, by rules: nearer the topic, told by the same voice, nothing twice.

use super::super::edit::markup::is_talk;
use super::super::edit::sentences::{is_finished, sentences, words};
use super::example::{EVERY, is_copied};
use super::topic::{is_telling, stem, strong};
use std::collections::BTreeSet;

/// A sentence with this grade is taken at once.
pub const FINE: f64 = 0.9;
/// The topic is to be named in each run of so many sentences.
const SENTENCES_TO_TOPIC: usize = 3;
/// And each of its words in each run of so many.
const SENTENCES_TO_WORD: usize = 6;
/// In one of so many sentences "I" is to speak.
const SENTENCES_TO_SELF: usize = 3;
const WORDS_MIN: usize = 4;
const WORDS_MAX: usize = 26;
/// A run of this many words of the prompt is an echo of it.
const ECHO: usize = 4;

/// What a tale is to be.
pub struct Aim {
    /// The words of what it is about, as the prompt has them.
    pub topic: Vec<String>,
    /// Those of them that stand for it even alone.
    strong: Vec<String>,
    /// Whether it is told by "I".
    pub own: bool,
    /// Runs of words of the prompt.
    echoes: BTreeSet<Vec<String>>,
}

impl Aim {
    pub fn of(prompt: &str, topic: Vec<String>) -> Aim {
        let low = prompt.to_lowercase();
        let own = low.contains("first person") || low.contains("first-person");
        let echoes = words(prompt).windows(ECHO).map(<[String]>::to_vec).collect();
        Aim { strong: strong(&topic), topic, own, echoes }
    }

    /// Returns the words of the topic whose stems `text` does not have.
    pub fn lacking(&self, text: &str) -> Vec<&str> {
        let said = stems(text);
        self.topic.iter().filter(|word| !said.contains(&stem(word))).map(String::as_str).collect()
    }

    /// Returns the words of the topic that are due after `tale`: what it has not said yet; once all is said, any of them
    /// if its last sentences have none.
    pub fn due(&self, tale: &str) -> Vec<&str> {
        let lacking = self.lacking(tale);
        if !lacking.is_empty() {
            return lacking;
        }
        let (late, lately) = (stems(last(tale, SENTENCES_TO_TOPIC - 1)), stems(last(tale, SENTENCES_TO_WORD - 1)));
        let unsaid = |word: &&String| !lately.contains(&stem(word));
        if self.strong.iter().any(|word| late.contains(&stem(word))) {
            return self.strong.iter().filter(unsaid).map(String::as_str).collect();
        }
        self.strong.iter().map(String::as_str).collect()
    }
}

/// Returns from 0 (never) to 1 how well `sentence` follows `tale`.
pub fn grade(sentence: &str, tale: &str, aim: &Aim) -> f64 {
    let said = words(sentence);
    if said.is_empty() || is_talk(sentence) || steps_out(sentence) {
        return 0.0;
    }
    let faults = [
        (0.1, !is_finished(sentence)),
        (0.4, !(WORDS_MIN..=WORDS_MAX).contains(&said.len())),
        (0.1, is_said(&said, tale)),
        (0.6, begins_alike(&said, tale)),
        (0.3, is_copied(sentence, &EVERY)),
        (0.3, is_echo(&said, aim)),
        (0.4, sentence.contains([':', ';', '(', ')', '[', ']', '*', '#', '/', '_']) || sentence.contains(" - ")),
        (0.5, sentence.chars().any(|c| c.is_ascii_digit())),
        (0.7, sentence.contains(['"', '“', '”']) || sentence.contains(" '")),
        (0.5, said.iter().any(|word| matches!(word.as_str(), "story" | "stories" | "tale" | "tales"))),
        (0.6, speaks_for_no_one(&said, tale, aim)),
        (0.6, turns_person(&said, tale)),
        (0.6, names_someone(sentence, tale)),
        (0.5, !aim.topic.is_empty() && misses_topic(&said, tale, aim)),
    ];
    faults.iter().filter(|(_, is)| *is).map(|(left, _)| left).product()
}

/// Tells whether the writer leaves its tale: it talks about it, to its listeners, or draws morals.
pub fn steps_out(sentence: &str) -> bool {
    let low = format!(" {} ", words(sentence).join(" "));
    let quoted = sentence.contains(['"', '“', '”']);
    let about_itself = [
        " story is ",
        " story ends ",
        " story ended ",
        " story begins ",
        " story of ",
        " stories ",
        " this story ",
        " our story ",
        " my story ",
        " the story ",
        " the narrator",
        " narrator ",
        " the reader",
        " the hook ",
        " the payoff ",
        " the twist ",
        " the plot ",
        " the moral ",
        " the surprise ",
        " the script ",
        " love story ",
        " the idea ",
        " once upon ",
        " ladies and gentlemen ",
        " the title ",
        " character ",
        " characters ",
        " let's ",
        " let me ",
        " i'm going to tell ",
        " as a reminder ",
        " about two people ",
        " the theme ",
        " the tone ",
        " in conclusion ",
        " in summary ",
        " the end ",
        " first person ",
        " the ending ",
    ];
    let to_listeners = [" you ", " your ", " you're ", " you'll ", " yourself "];
    about_itself.iter().any(|phrase| low.contains(phrase))
        || (!quoted && to_listeners.iter().any(|phrase| low.contains(phrase)))
}

/// The last `count` sentences of `tale`.
fn last(tale: &str, count: usize) -> &str {
    let all = sentences(tale);
    let from = all.len().checked_sub(count).and_then(|at| all.get(at)).map_or(0, |range| range.start);
    if count == 0 { "" } else { &tale[from..] }
}

fn stems(text: &str) -> BTreeSet<String> {
    words(text).iter().map(|word| stem(word)).collect()
}

fn telling(said: &[String]) -> BTreeSet<String> {
    said.iter().filter(|word| is_telling(word)).map(|word| stem(word)).collect()
}

// Most of its telling words stand together in a sentence before.
fn is_said(said: &[String], tale: &str) -> bool {
    let new = telling(said);
    sentences(tale).into_iter().any(|range| {
        let old = words(&tale[range]);
        let shared = new.intersection(&telling(&old)).count();
        let run = said.windows(5).any(|part| old.windows(5).any(|other| other == part));
        run || old == said || (shared >= 3 && shared * 5 >= new.len() * 3)
    })
}

fn begins_alike(said: &[String], tale: &str) -> bool {
    let before = last(tale, 2);
    sentences(before).into_iter().any(|range| words(&before[range]).iter().take(2).eq(said.iter().take(2)))
}

fn is_echo(said: &[String], aim: &Aim) -> bool {
    said.windows(ECHO).any(|run| {
        let of_topic = run.iter().filter(|word| aim.topic.contains(word)).count();
        of_topic < 2 && run.iter().any(|word| is_telling(word)) && aim.echoes.contains(run)
    })
}

fn is_own(word: &str) -> bool {
    matches!(word, "i" | "i'd" | "i'm" | "i've" | "i'll" | "my" | "me" | "we" | "our" | "us" | "mine")
}

fn speaks_for_no_one(said: &[String], tale: &str, aim: &Aim) -> bool {
    aim.own
        && !said.iter().any(|word| is_own(word))
        && !words(last(tale, SENTENCES_TO_SELF - 1)).iter().any(|word| is_own(word))
}

// "She" is there, and all at once "he" does things: a small writer has lost its people.
fn turns_person(said: &[String], tale: &str) -> bool {
    let has = |words: &[String], pair: [&str; 3]| words.iter().filter(|word| pair.contains(&word.as_str())).count();
    let (she, he) = (["she", "her", "hers"], ["he", "him", "his"]);
    let before = words(tale);
    let turns = |new: [&str; 3], old: [&str; 3]| has(said, new) > 0 && has(&before, new) == 0 && has(&before, old) >= 2;
    turns(she, he) || turns(he, she) || (has(said, she) > 0 && has(said, he) > 0)
}

// A new name in the middle of a tale.
fn names_someone(sentence: &str, tale: &str) -> bool {
    let named = |word: &&str| word.starts_with(char::is_uppercase) && !word.starts_with("I'") && *word != "I";
    let bare = |word: &'_ str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    !tale.is_empty()
        && sentence
            .split_whitespace()
            .skip(1)
            .filter(named)
            .map(bare)
            .any(|name| name.len() > 1 && !tale.contains(&name))
}

fn misses_topic(said: &[String], tale: &str, aim: &Aim) -> bool {
    let due = aim.due(tale);
    let told = sentences(tale).len();
    let holds = |words: &[&str]| words.iter().any(|word| said.iter().any(|other| stem(other) == stem(word)));
    match told {
        // The first sentence says what it is about: most of the words that stand for it.
        0 => aim.strong.iter().filter(|word| holds(&[word.as_str()])).count() * 2 <= aim.strong.len(),
        _ => !due.is_empty() && !holds(&due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = "Write a story about the last bus. It is told in the first person and has a clever surprise.";
    const TALE: &str = "I took the last bus home. She sat beside me. She smiled at her hands.";

    fn of(sentence: &str) -> f64 {
        grade(sentence, TALE, &Aim::of(PROMPT, vec!["last".to_owned(), "bus".to_owned()]))
    }

    #[test]
    fn a_sentence_that_goes_on_is_fine() {
        assert!(of("I watched the dark road from my seat on the bus.") >= FINE);
    }

    #[test]
    fn a_sentence_that_leaves_the_tale_is_nothing() {
        for sentence in ["The story ends well.", "You will love it.", "The narrator smiled.", "Here is the story:"] {
            assert_eq!(of(sentence), 0.0, "{sentence}");
        }
    }

    #[test]
    fn each_fault_costs() {
        for sentence in [
            "I watched the dark road from my seat on the",
            "I took the last bus home again.",
            "I knew that the bus has a clever surprise.",
            "He waited for me on the bus.",
            "I said that Margaret was on the bus.",
            "I watched the dark road for miles.",
        ] {
            assert!(of(sentence) < FINE, "{sentence}");
        }
    }

    #[test]
    fn the_topic_is_due_until_it_is_said_and_again_later() {
        let aim = Aim::of(PROMPT, vec!["last".to_owned(), "bus".to_owned()]);
        assert_eq!(aim.due("I ran to the bus."), ["last"]);
        assert_eq!(aim.due("I took the last bus."), Vec::<&str>::new());
        assert_eq!(aim.due("I took the last bus. It rained. I slept."), ["bus"]);
    }
}
