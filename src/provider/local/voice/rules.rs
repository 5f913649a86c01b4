//! Reads a word by the first rule that fits it, else letters as they are, figures as numbers, signs by name. Pure.

use super::latin::is_latin;
use super::numbers::{digits, spoken};
use super::reading::{Place, Said};
use super::source::SourceWord;
use super::spelling::{self, runs, sign};
use super::{amounts, calendar, interjections};

/// Tells which words the pronunciation rules know, so that capitals alone do not turn a name into an acronym.
pub type Known<'a> = &'a dyn Fn(&str) -> bool;

type Rule = fn(Place) -> Option<Vec<Said>>;

/// In order: the first rule that reads a word wins.
const RULES: [Rule; 14] = [
    calendar::time,
    calendar::weekdays,
    calendar::date_in_digits,
    calendar::date_in_words,
    calendar::decade,
    spelling::roman,
    spelling::abbreviation,
    spelling::initial,
    amounts::money,
    amounts::measure,
    amounts::fraction,
    amounts::number,
    spelling::address,
    spelling::dotted_letters,
];

/// Reads the word in its place, and those after it that belong to it: at least one.
///
/// `words` is the whole text, which tells whether its capitals mean anything.
pub fn read(place: Place, words: &[SourceWord], known: Known) -> Vec<Said> {
    by_rule(place).unwrap_or_else(|| vec![plain(place.core(), words, known).into()])
}

fn by_rule(place: Place) -> Option<Vec<Said>> {
    RULES.iter().find_map(|rule| rule(place))
}

/// Signs that part a word, strongest first.
const PARTINGS: &str = "—– _…=≈≠≤≥<>~×÷±→&+,;:!?\"“”()/.-";

/// Reads a number behind letters: `A4`, `MP3`, `v2.0.1`, `C#`.
fn led_number(core: &str) -> Option<String> {
    let cut = core.find(|c: char| !c.is_ascii_alphabetic()).filter(|&cut| cut > 0)?;
    let (lead, rest) = core.split_at(cut);
    match (lead, rest) {
        ("v", _) => Some(format!("version {}", amounts::number_words(rest)?)),
        (_, "#") if lead.len() == 1 => Some(format!("{lead} sharp")),
        _ if rest.starts_with(|c: char| c.is_ascii_digit()) => Some(format!("{lead} {}", spoken(rest)?)),
        _ => None,
    }
}

/// Says a word that no rule reads: letters as they are, figures as numbers, signs by name.
fn plain(core: &str, words: &[SourceWord], known: Known) -> String {
    let mut chars = core.chars();
    let Some(first) = chars.next() else { return String::new() };
    if chars.next().is_none() && !is_word_letter(first) {
        return run_words(core, words, known);
    }
    if core.chars().all(is_word_letter) {
        return letters(core, words, known);
    }
    if let Some(said) = led_number(core) {
        return said;
    }
    // A dash, a slash and the like part a word into words that are read one by one.
    for parting in PARTINGS.chars() {
        let Some((left, right)) = core.split_once(parting) else { continue };
        let compound =
            parting == '-' && core.split('-').all(|part| !part.is_empty() && part.chars().all(is_word_letter));
        if compound {
            return core.split('-').map(|part| letters(part, words, known)).collect::<Vec<_>>().join("-");
        }
        let link = match parting {
            '—' | '–' => " — ",
            '…' => "… ",
            ',' | ';' | ':' | '!' | '?' if !right.is_empty() => ", ",
            _ => match sign(parting).unwrap_or_default() {
                "" => " ",
                name => &format!(" {name} "),
            },
        };
        let (left, right) = (part(left, words, known), part(right, words, known));
        return format!("{left}{link}{right}");
    }
    let said: Vec<String> = runs(core).into_iter().map(|run| run_words(run, words, known)).collect();
    said.join(" ")
}

fn is_word_letter(c: char) -> bool {
    is_latin(c) || c == '\''
}

/// Reads a part of a compound with the rules that need no neighbours.
fn part(core: &str, words: &[SourceWord], known: Known) -> String {
    let bare = core.trim_matches('\'');
    if bare.is_empty() {
        return String::new();
    }
    let alone =
        [SourceWord { range: 0..0, lead: String::new(), core: bare.to_owned(), tail: String::new(), ends_block: true }];
    let said = Place::new(&alone, 0).and_then(by_rule);
    match said {
        Some(said) => said.into_iter().map(|said| said.text).collect::<Vec<_>>().join(" "),
        None => plain(bare, words, known),
    }
}

fn run_words(run: &str, words: &[SourceWord], known: Known) -> String {
    let Some(first) = run.chars().next() else { return String::new() };
    match first {
        '0'..='9' => spoken(run).unwrap_or_else(|| digits(run)),
        _ if is_latin(first) => letters(run, words, known),
        _ => sign(first).unwrap_or_default().to_owned(),
    }
}

/// Says letters: a name in capitals as a name, unless it looks like an acronym that is spelt.
fn letters(word: &str, words: &[SourceWord], known: Known) -> String {
    let word = word.trim_matches('\'');
    if let Some(respelt) = interjections::respelt(word, known) {
        return respelt;
    }
    let capitals = word.chars().count() > 1 && word.chars().all(|c| c.is_uppercase() || c == '\'');
    if !capitals || known(word) {
        return if word == "n" { "and".to_owned() } else { word.to_owned() };
    }
    let lower = word.to_lowercase();
    if known(&lower) && (word.chars().count() > 3 || shouted(words)) {
        return lower;
    }
    if sayable_as_a_word(&lower) || shouted(words) {
        let mut chars = lower.chars();
        return chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    }
    word.to_owned()
}

/// Tells whether the whole text is in capitals: then they mean nothing.
fn shouted(words: &[SourceWord]) -> bool {
    let lettered = || words.iter().filter(|word| word.core.chars().filter(|c| c.is_alphabetic()).count() > 1);
    lettered().count() > 2 && lettered().all(|word| !word.core.contains(char::is_lowercase))
}

/// Tells whether four or more letters have vowels where a mouth needs them.
fn sayable_as_a_word(lower: &str) -> bool {
    let vowel = |c: char| "aeiouy".contains(c);
    let mut run = 0;
    let mut longest = 0;
    for c in lower.chars() {
        run = if vowel(c) { 0 } else { run + 1 };
        longest = longest.max(run);
    }
    let vowels = lower.chars().filter(|&c| vowel(c)).count();
    lower.chars().count() > 3 && longest < 3 && vowels * 4 > lower.chars().count()
}
