//! Finds and drops what a small writer repeats: whole sentences, and loops of words inside one.

use super::sentences::{sentences, words};
use std::collections::BTreeSet;

/// A sentence this short may come again later: `She waited.` One word even at once: `No. No.`
const WORDS_OF_A_REFRAIN_MAX: usize = 3;
/// The longest run of words that is looked for in a loop.
const LOOP_WORDS_MAX: usize = 8;

/// Returns `paragraph` without sentences that `seen` holds, and adds the others to `seen`. Sentences are joined by one space.
pub fn without_repeats(paragraph: &str, seen: &mut BTreeSet<Vec<String>>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for range in sentences(paragraph) {
        let sentence = &paragraph[range];
        let key = words(sentence);
        let echo = key.len() > 1 && kept.last().is_some_and(|last| words(last) == key);
        if !echo && (key.len() <= WORDS_OF_A_REFRAIN_MAX || seen.insert(key)) {
            kept.push(sentence);
        }
    }
    kept.join(" ")
}

/// Returns `sentence` with loops said once: `and on and on and on` keeps `and on`. Two in a row are left if they are one
/// word each (`very, very late`); three are a loop whatever their length.
pub fn without_loops(sentence: &str) -> String {
    let mut tokens: Vec<&str> = sentence.split(' ').collect();
    let mut keys: Vec<String> = tokens.iter().map(|token| words(token).concat()).collect();
    for run in (1..=LOOP_WORDS_MAX).rev() {
        let mut at = 0;
        while at + 2 * run <= keys.len() {
            let repeats = 1 + keys[at..].chunks(run).skip(1).take_while(|next| *next == &keys[at..at + run]).count();
            let wordless = keys[at..at + run].iter().all(String::is_empty);
            if repeats >= 3 || (repeats == 2 && run >= 3) {
                // The last round stays: its punctuation fits what follows.
                let surplus = if wordless { 0 } else { (repeats - 1) * run };
                tokens.drain(at..at + surplus);
                keys.drain(at..at + surplus);
            }
            at += 1;
        }
    }
    tokens.join(" ")
}

/// Returns the share of runs of four words that occur again in `text`: 0 for none, towards 1 for a loop.
pub fn repeated_share(text: &str) -> f64 {
    let words = words(text);
    if words.len() < 8 {
        return 0.0;
    }
    let runs: Vec<&[String]> = words.windows(4).collect();
    let distinct: BTreeSet<&[String]> = runs.iter().copied().collect();
    1.0 - distinct.len() as f64 / runs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_comes_once_a_refrain_may_come_again() {
        let text = "The bus came late again. No. The bus came late, again! No.";
        assert_eq!(without_repeats(text, &mut BTreeSet::new()), "The bus came late again. No. No.");
    }

    #[test]
    fn loops_are_said_once() {
        assert_eq!(without_loops("He ran and ran and ran and ran home."), "He ran and ran home.");
        assert_eq!(without_loops("It was very, very late."), "It was very, very late.");
        assert_eq!(without_loops("I saw the bus, I saw the bus, and left."), "I saw the bus, and left.");
    }

    #[test]
    fn the_share_of_repeats_tells_prose_from_a_loop() {
        assert_eq!(repeated_share("one two three four five six seven eight nine"), 0.0);
        assert!(repeated_share(&"I went to the shop again ".repeat(10)) > 0.8);
    }
}
