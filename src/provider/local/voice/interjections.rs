//! Respells what people utter rather than say: `shh`, `brr`, `Noooo`. The pronunciation rules would spell it letter by letter. Pure.

/// Utterance with its repeated letters shortened to one, and a spelling that sounds like it.
const UTTERED: [(&str, &str); 8] = [
    ("sh", "shush"),
    ("br", "burr"),
    ("z", "zizz"),
    ("tsk", "tisk"),
    ("pst", "pist"),
    ("pft", "pift"),
    ("gr", "gurr"),
    ("hm", "hmm"),
];

/// Returns a spelling that the rules read well, if `word` is an utterance or a stretched word.
pub fn respelt(word: &str, known: &dyn Fn(&str) -> bool) -> Option<String> {
    let lower = word.to_lowercase();
    let single = shortened(&lower, 1);
    let uttered = UTTERED.iter().find(|(short, _)| *short == single && lower.len() > 1);
    if let Some((_, spelling)) = uttered.filter(|_| single.len() > 1 || lower.len() > 2) {
        return Some((*spelling).to_owned());
    }
    let stretched = shortened(&lower, 2).len() < lower.len();
    if !stretched || known(word) {
        return None;
    }
    let double = shortened(&lower, 2);
    // `sooo` is `so`, but `hellooo` and `yessss` need their pair looked at letter by letter.
    [single, only_long_runs_shortened(&lower), double.clone()].into_iter().find(|short| known(short)).or(Some(double))
}

/// Returns `word` with every run of a letter cut to `most`.
fn shortened(word: &str, most: usize) -> String {
    let mut short = String::new();
    let mut run = 0;
    for c in word.chars() {
        run = if short.ends_with(c) { run + 1 } else { 1 };
        if run <= most {
            short.push(c);
        }
    }
    short
}

/// Returns `word` with runs of three and more cut to one; pairs stay: `hellooo` is `hello`.
fn only_long_runs_shortened(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    runs.flat_map(|run| run.iter().take(if run.len() > 2 { 1 } else { 2 })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utterances_and_stretched_words_are_respelt() {
        let known = |word: &str| ["no", "so", "hello", "yes", "aardvark"].contains(&word);
        for (word, expected) in [
            ("Shh", Some("shush")),
            ("shhhhh", Some("shush")),
            ("Brrr", Some("burr")),
            ("zzz", Some("zizz")),
            ("Hmmmm", Some("hmm")),
            ("Noooo", Some("no")),
            ("hellooooo", Some("hello")),
            ("Yesss", Some("yes")),
            ("aargggh", Some("aarggh")),
            ("no", None),
            ("aardvark", None),
            ("tut", None),
            ("z", None),
        ] {
            assert_eq!(respelt(word, &known).as_deref(), expected, "{word}");
        }
    }
}
