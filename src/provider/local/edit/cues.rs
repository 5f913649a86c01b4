//! Which words and marks of a sentence call for which tag.

use super::Tongue;
use super::sentences::words;
use super::tagset::Sort;

/// A tag that a sentence calls for, and how strongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cue {
    pub tag: &'static str,
    pub sort: Sort,
    pub strength: u32,
}

/// Stems that call for a tag: a word counts if it is the stem or begins with a stem that ends in `*`.
const STEMS: &[(&str, u32, &[&str])] = &[
    (
        "sad",
        3,
        &[
            "sad*",
            "cried",
            "grief",
            "griev*",
            "lonely",
            "loneliness",
            "funeral",
            "died",
            "lost",
            "alone",
            "miss",
            "missed",
            "goodbye",
        ],
    ),
    ("happy", 3, &["happy", "happi*", "joy*", "delight*", "glad*", "smiled", "smiling", "smile"]),
    ("excited", 3, &["excit*", "thrill*", "amazing", "finally", "won", "incredible"]),
    ("angry", 3, &["angry", "anger*", "furious", "rage*", "hate*", "slammed", "betray*"]),
    ("nervous", 3, &["nervous*", "anxious*", "worr*", "trembl*", "uneasy", "stammer*", "fidget*"]),
    ("fearful", 3, &["afraid", "fear*", "scared", "terrif*", "terror", "dread*", "horror"]),
    ("curious", 2, &["wonder*", "curious*", "strange*", "mystery", "mysterious", "odd", "secret*"]),
    ("hopeful", 3, &["hope*", "dream*", "promise*", "tomorrow", "believe*", "dawn"]),
    ("tender", 3, &["love*", "loving", "gentl*", "tender*", "kiss*", "embrac*", "heart", "hand"]),
    ("wistful", 2, &["remember*", "memor*", "used", "once", "years", "ago", "childhood", "nostalg*"]),
    ("surprised", 3, &["surpris*", "shock*", "stunned", "unexpected*", "astonish*", "suddenly"]),
    ("amused", 2, &["funny", "joke*", "silly", "grin*", "teas*", "laughter"]),
    ("calm", 2, &["calm*", "peace*", "quiet*", "still*", "silence", "silent"]),
    ("determined", 2, &["decid*", "must", "determin*", "refus*", "swore", "vow*", "resolv*"]),
    ("softly", 2, &["soft*", "murmur*", "hush*", "rain", "night"]),
    ("warmly", 2, &["warm*", "home", "mother", "friend*", "thank*", "kind*"]),
    ("sighs", 4, &["sigh*", "tired", "weary", "exhaust*"]),
    ("laughs", 4, &["laughed", "laughing", "laugh", "giggl*", "hilarious"]),
    ("laughs softly", 4, &["chuckl*", "smirk*"]),
    ("gasps", 4, &["gasp*", "startl*"]),
    ("whispers", 4, &["whisper*"]),
    ("crying", 4, &["cry", "crying", "sob*", "tears", "weep*", "wept"]),
    ("gulps", 4, &["gulp*", "swallow*"]),
    ("sniffs", 4, &["sniff*"]),
    ("exhales", 4, &["exhal*", "relie*", "breath", "breathed"]),
    ("inhales deeply", 4, &["inhal*"]),
    ("shouts", 4, &["shout*", "scream*", "yell*"]),
    ("clears throat", 4, &["throat"]),
    ("slowly", 3, &["slow*", "gradual*", "linger*"]),
    ("quickly", 3, &["quick*", "hurr*", "rush*", "ran", "running", "raced", "sprint*"]),
    ("hesitates", 3, &["hesitat*", "maybe", "perhaps", "unsure"]),
    ("pause", 3, &["waited", "paused", "stopped", "froze"]),
];

/// Returns the cues of `sentence`, at most one of each sort: the strongest, first in the list where they are equal.
pub fn cues(sentence: &str, tongue: Tongue) -> Vec<Cue> {
    let words = words(sentence);
    // "She was never happy": what is denied is not how it is said.
    let denied =
        words.iter().any(|word| matches!(word.as_str(), "not" | "never" | "no" | "nothing") || word.ends_with("n't"));
    let stems: &[(&'static str, u32, &[&str])] = if tongue == Tongue::English { STEMS } else { &[] };
    let mut found: Vec<Cue> = stems
        .iter()
        .filter(|(tag, ..)| !(denied && matches!(*tag, "happy" | "excited" | "hopeful" | "laughs")))
        .filter_map(|(tag, strength, stems)| {
            let hits = words.iter().filter(|word| stems.iter().any(|stem| fits(stem, word))).count() as u32;
            (hits > 0).then(|| cue(tag, strength + hits.min(3) - 1))
        })
        .chain(marks(sentence, words.len()))
        .collect();
    // Stable: among equals the list's order stands.
    found.sort_by_key(|cue| (cue.sort, std::cmp::Reverse(cue.strength)));
    found.dedup_by_key(|cue| cue.sort);
    found
}

fn marks(sentence: &str, word_count: usize) -> Vec<Cue> {
    let mut found = Vec::new();
    if sentence.contains('…') || sentence.contains("...") {
        found.push(cue("hesitates", 4));
    }
    if sentence.contains('—') || sentence.contains(" - ") {
        found.push(cue("pause", 2));
    }
    if (1..=2).contains(&word_count) {
        found.push(cue("pause", 3));
    }
    if sentence.contains("!!") {
        found.push(cue("shouts", 4));
    } else if sentence.contains('!') {
        found.push(cue("excited", 2));
    }
    if sentence.contains('?') {
        found.push(cue("curious", 2));
    }
    found
}

fn cue(tag: &'static str, strength: u32) -> Cue {
    Cue { tag, sort: super::tagset::sort_of(tag).expect("every cue names a tag of the list"), strength }
}

fn fits(stem: &str, word: &str) -> bool {
    match stem.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => stem == word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(sentence: &str) -> Vec<&'static str> {
        cues(sentence, Tongue::English).into_iter().map(|cue| cue.tag).collect()
    }

    #[test]
    fn every_cue_names_a_tag_of_the_list() {
        assert!(STEMS.iter().all(|(tag, ..)| super::super::tagset::sort_of(tag).is_some()));
    }

    #[test]
    fn words_and_marks_call_for_tags_in_stacking_order() {
        assert_eq!(tags("“I was so afraid,” she whispered…"), ["fearful", "whispers", "hesitates"]);
        assert_eq!(tags("Then nothing."), ["pause"]);
        assert_eq!(tags("I would never see her happy there."), [] as [&str; 0]);
        assert_eq!(tags("The bus turned at the corner by the mill."), [] as [&str; 0]);
    }
}
