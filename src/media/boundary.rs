//! Judges how well a line or a cue may end between two words.

use super::token::{is_closer, is_opener, is_spoken};
use super::words::{Break, Word};

/// What stands between two words, best place for a break first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Boundary {
    Paragraph,
    Sentence,
    /// After `;`, `:`, a dash, or a stop inside a sentence.
    Clause,
    Comma,
    /// Before a conjunction, or before a quotation opens.
    Conjunction,
    Preposition,
    Plain,
    /// Between words that belong together: article and noun, first and last name, auxiliary and verb.
    Bond,
}

impl Boundary {
    /// Returns what a break here costs; see [`super::segment`] for the scale.
    pub const fn cost(self) -> f64 {
        match self {
            Boundary::Paragraph | Boundary::Sentence => 0.0,
            Boundary::Clause => 2.0,
            Boundary::Comma => 4.0,
            Boundary::Conjunction => 14.0,
            Boundary::Preposition => 20.0,
            Boundary::Plain => 28.0,
            Boundary::Bond => 60.0,
        }
    }

    /// Returns what breaking a line here costs: less than ending a cue, but what belongs together is held as dearly.
    pub const fn line_cost(self) -> f64 {
        match self {
            Boundary::Paragraph | Boundary::Sentence => 0.0,
            Boundary::Clause => 0.5,
            Boundary::Comma => 1.0,
            Boundary::Conjunction => 2.0,
            Boundary::Preposition => 3.0,
            Boundary::Plain => 7.0,
            Boundary::Bond => 60.0,
        }
    }
}

/// Words of one language by the part they play at a break, in lower case.
struct Grammar {
    /// Articles, possessives, auxiliaries, negations: never the last of a line.
    bound: &'static [&'static str],
    conjunctions: &'static [&'static str],
    prepositions: &'static [&'static str],
}

const ENGLISH: Grammar = Grammar {
    bound: &[
        "a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "this", "these", "those", "no", "every",
        "each", "some", "any", "i", "he", "she", "it", "we", "they", "you", "is", "are", "was", "were", "am", "be",
        "been", "has", "have", "had", "do", "does", "did", "will", "would", "shall", "should", "can", "could", "may",
        "might", "must", "not", "don't", "didn't", "doesn't", "won't", "wouldn't", "can't", "couldn't", "isn't",
        "wasn't", "very", "i'm", "i've", "i'd", "i'll", "he'd", "she'd", "they'd", "we'd", "he's", "she's", "it's",
        "there's", "that's",
    ],
    conjunctions: &[
        "and", "but", "or", "nor", "so", "yet", "because", "although", "though", "while", "when", "where", "if",
        "unless", "until", "since", "that", "which", "who", "whom", "whose", "as", "than", "whether", "before",
        "after", "then",
    ],
    prepositions: &[
        "of", "to", "in", "on", "at", "by", "for", "from", "with", "without", "into", "onto", "over", "under", "about",
        "above", "across", "against", "along", "among", "around", "behind", "below", "beneath", "beside", "between",
        "beyond", "during", "except", "inside", "like", "near", "outside", "past", "through", "toward", "towards",
        "upon", "within",
    ],
};

const GERMAN: Grammar = Grammar {
    bound: &[
        "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "eines", "kein", "keine",
        "mein", "meine", "dein", "deine", "sein", "seine", "ihr", "ihre", "unser", "unsere", "nicht", "sehr", "ich",
        "er", "sie", "es", "wir",
    ],
    conjunctions: &[
        "und", "oder", "aber", "denn", "sondern", "weil", "dass", "ob", "wenn", "als", "während", "obwohl", "damit",
        "bevor", "nachdem", "bis", "wo", "wie", "der", "die",
    ],
    prepositions: &[
        "in", "im", "an", "am", "auf", "aus", "bei", "beim", "mit", "nach", "von", "vom", "zu", "zum", "zur", "für",
        "gegen", "ohne", "um", "durch", "über", "unter", "vor", "hinter", "neben", "zwischen",
    ],
};

const SPANISH: Grammar = Grammar {
    bound: &[
        "el", "la", "los", "las", "un", "una", "unos", "unas", "mi", "tu", "su", "sus", "mis", "tus", "nuestro",
        "nuestra", "no", "muy", "se", "me", "te", "lo", "le", "les", "nos", "al", "del", "ha", "han", "había", "es",
        "está",
    ],
    conjunctions: &[
        "y", "e", "o", "u", "pero", "sino", "porque", "aunque", "que", "cuando", "si", "mientras", "como", "donde",
        "quien",
    ],
    prepositions: &[
        "a", "de", "en", "con", "sin", "por", "para", "sobre", "entre", "hasta", "desde", "hacia", "contra", "bajo",
        "tras", "del", "al",
    ],
};

const FRENCH: Grammar = Grammar {
    bound: &[
        "le", "la", "les", "un", "une", "des", "du", "au", "aux", "mon", "ma", "mes", "ton", "ta", "tes", "son", "sa",
        "ses", "notre", "nos", "votre", "vos", "leur", "leurs", "ce", "cet", "cette", "ces", "je", "tu", "il", "elle",
        "on", "nous", "vous", "ils", "elles", "ne", "se", "me", "te", "est", "a", "ont", "très", "pas",
    ],
    conjunctions: &[
        "et", "ou", "mais", "donc", "car", "ni", "que", "qui", "quand", "si", "comme", "lorsque", "puisque", "dont",
        "où",
    ],
    prepositions: &[
        "à", "de", "du", "en", "dans", "par", "pour", "avec", "sans", "sur", "sous", "entre", "vers", "chez", "contre",
        "depuis", "pendant", "après", "avant", "au", "aux",
    ],
};

const RUSSIAN: Grammar = Grammar {
    bound: &[
        "не",
        "ни",
        "мой",
        "моя",
        "твой",
        "его",
        "её",
        "их",
        "наш",
        "ваш",
        "этот",
        "эта",
        "это",
        "я",
        "он",
        "она",
        "мы",
        "они",
        "очень",
    ],
    conjunctions: &[
        "и",
        "а",
        "но",
        "или",
        "что",
        "чтобы",
        "как",
        "когда",
        "если",
        "потому",
        "хотя",
        "где",
        "который",
        "которая",
        "которые",
        "пока",
        "да",
        "ведь",
    ],
    prepositions: &[
        "в",
        "во",
        "на",
        "с",
        "со",
        "к",
        "ко",
        "у",
        "о",
        "об",
        "из",
        "за",
        "по",
        "от",
        "до",
        "для",
        "без",
        "под",
        "над",
        "при",
        "через",
        "между",
        "перед",
    ],
};

const UNKNOWN: Grammar = Grammar { bound: &[], conjunctions: &[], prepositions: &[] };

/// Returns what stands between two words that follow each other in a text of that language (`en`, `pt-BR`).
///
/// Languages other than English, German, Spanish, French and Russian are judged by punctuation and names alone.
pub fn between(before: &Word, after: &Word, language: &str) -> Boundary {
    match before.break_after {
        Break::Paragraph => return Boundary::Paragraph,
        Break::Sentence => return Boundary::Sentence,
        Break::None => {}
    }
    // A dash or an emoji on its own belongs to what it follows, an opening quotation to what comes.
    if !is_spoken(&after.text) && !after.text.starts_with(is_opener) {
        return Boundary::Bond;
    }
    if let Some(boundary) = by_punctuation(&before.text) {
        return boundary;
    }
    by_words(&before.text, &after.text, grammar(language))
}

fn by_punctuation(before: &str) -> Option<Boundary> {
    match before.trim_end_matches(is_closer).chars().next_back()? {
        '.' if before.trim_end_matches('.').chars().all(|c| c.is_ascii_digit()) => Some(Boundary::Clause),
        // No sentence ends here, so the stop belongs to an abbreviation.
        '.' if !before.ends_with("..") => Some(Boundary::Bond),
        '.' | '…' | '!' | '?' | ';' | ':' | '—' | '–' | '！' | '？' | '；' | '：' => Some(Boundary::Clause),
        ',' | '、' | '，' | '،' => Some(Boundary::Comma),
        '-' if !is_spoken(before) => Some(Boundary::Clause),
        '(' | '[' | '“' | '«' | '„' | '‘' => Some(Boundary::Bond),
        _ => None,
    }
}

fn by_words(before: &str, after: &str, grammar: &Grammar) -> Boundary {
    let (left, right) = (bare(before), bare(after));
    let has = |list: &[&str], word: &String| list.contains(&word.as_str());
    // `talk about at length`: a small word before another belongs to what comes before.
    if has(grammar.prepositions, &left) && !has(grammar.bound, &left) && has(grammar.prepositions, &right) {
        return Boundary::Preposition;
    }
    if has(grammar.bound, &left) || has(grammar.conjunctions, &left) || has(grammar.prepositions, &left) {
        return Boundary::Bond;
    }
    // `Anna Smith`, `Chapter 1`.
    if is_name(before) && (is_name(after) || after.starts_with(|c: char| c.is_ascii_digit())) {
        return Boundary::Bond;
    }
    if has(grammar.conjunctions, &right) || after.starts_with(is_opener) {
        return Boundary::Conjunction;
    }
    if has(grammar.prepositions, &right) { Boundary::Preposition } else { Boundary::Plain }
}

/// A capital and more: `Anna`, not `I`. The first word of a sentence looks the same and is held as gladly.
fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_alphanumeric)
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).replace('’', "'").to_lowercase()
}

fn grammar(language: &str) -> &'static Grammar {
    match language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "en" => &ENGLISH,
        "de" => &GERMAN,
        "es" => &SPANISH,
        "fr" => &FRENCH,
        "ru" => &RUSSIAN,
        _ => &UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        Word { text: text.into(), start: 0.0, end: 0.0, break_after: Break::None, estimated: false, joined: false }
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: Boundary) {
        assert_eq!(between(&word(before), &word(after), "en-GB"), expected, "{before} | {after}");
    }

    #[test]
    fn the_best_breaks_follow_punctuation() {
        check("home;", "later", Boundary::Clause);
        check("“Really?”", "he", Boundary::Clause);
        check("—", "later", Boundary::Clause);
        check("home,”", "he", Boundary::Comma);
    }

    #[test]
    fn next_best_come_before_small_words() {
        check("home", "and", Boundary::Conjunction);
        check("home", "“soon”", Boundary::Conjunction);
        check("home", "with", Boundary::Preposition);
        check("about", "at", Boundary::Preposition);
        check("home", "late", Boundary::Plain);
    }

    #[test]
    fn what_belongs_together_is_held() {
        for (before, after) in [
            ("the", "house"),
            ("Dr.", "Who"),
            ("Anna", "Smith"),
            ("Chapter", "1."),
            ("don’t", "go"),
            ("with", "him"),
            ("dark", "—"),
        ] {
            check(before, after, Boundary::Bond);
        }
    }

    #[test]
    fn the_end_of_a_sentence_outranks_all() {
        let mut last = word("the");
        last.break_after = Break::Sentence;
        assert_eq!(between(&last, &word("end"), "en"), Boundary::Sentence);
    }
}
