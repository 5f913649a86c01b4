//! Reads words that are not said as they are spelt: abbreviations, titles, Roman numerals, addresses, signs. Pure.

use super::latin::is_latin;
use super::numbers::{all_digits, cardinal, digits, ordinal, spoken};
use super::reading::{Dot, Place, Said};
use super::source::is_greek;

/// Abbreviations that are one only with their dot: without it they are words of their own.
const DOTTED: [(&str, &str); 62] = [
    ("e.g", "for example"),
    ("i.e", "that is"),
    ("etc", "et cetera"),
    ("vs", "versus"),
    ("a.k.a", "also known as"),
    ("approx", "approximately"),
    ("Mr", "Mister"),
    ("Mrs", "Missus"),
    ("Ms", "Miz"),
    ("Messrs", "Messers"),
    ("Prof", "Professor"),
    ("Rev", "Reverend"),
    ("Gen", "General"),
    ("Sgt", "Sergeant"),
    ("Capt", "Captain"),
    ("Lt", "Lieutenant"),
    ("Col", "Colonel"),
    ("Cpl", "Corporal"),
    ("Maj", "Major"),
    ("Cmdr", "Commander"),
    ("Gov", "Governor"),
    ("Sen", "Senator"),
    ("Rep", "Representative"),
    ("Pres", "President"),
    ("Hon", "Honorable"),
    ("Fr", "Father"),
    ("Supt", "Superintendent"),
    ("Jr", "Junior"),
    ("Sr", "Senior"),
    ("Mt", "Mount"),
    ("Ft", "Fort"),
    ("Ave", "Avenue"),
    ("Blvd", "Boulevard"),
    ("Rd", "Road"),
    ("Hwy", "Highway"),
    ("Apt", "Apartment"),
    ("Inc", "Incorporated"),
    ("Ltd", "Limited"),
    ("Corp", "Corporation"),
    ("Co", "Company"),
    ("Bros", "Brothers"),
    ("Dept", "Department"),
    ("dept", "department"),
    ("Univ", "University"),
    ("est", "established"),
    ("Vol", "Volume"),
    ("vol", "volume"),
    ("Ch", "Chapter"),
    ("ch", "chapter"),
    ("Fig", "Figure"),
    ("fig", "figure"),
    ("pp", "pages"),
    ("ca", "circa"),
    ("cf", "compare"),
    ("Mon", "Monday"),
    ("Tue", "Tuesday"),
    ("Tues", "Tuesday"),
    ("Wed", "Wednesday"),
    ("Thu", "Thursday"),
    ("Thurs", "Thursday"),
    ("Fri", "Friday"),
    ("Sat", "Saturday"),
];

/// What stands before something else, so that its dot is never a full stop; `etc.` may well end the sentence.
const LEADING: [&str; 36] = [
    "for example",
    "that is",
    "versus",
    "approximately",
    "circa",
    "compare",
    "also known as",
    "number",
    "page",
    "pages",
    "section",
    "Doctor",
    "Saint",
    "Mister",
    "Missus",
    "Miz",
    "Messers",
    "Professor",
    "Reverend",
    "General",
    "Sergeant",
    "Captain",
    "Lieutenant",
    "Colonel",
    "Corporal",
    "Major",
    "Commander",
    "Governor",
    "Senator",
    "Representative",
    "President",
    "Honorable",
    "Father",
    "Superintendent",
    "Mount",
    "Fort",
];

/// Abbreviations that need no dot.
const BARE: [(&str, &str); 14] = [
    ("e.g", "for example"),
    ("eg", "for example"),
    ("i.e", "that is"),
    ("etc", "et cetera"),
    ("vs", "versus"),
    ("Mr", "Mister"),
    ("Mrs", "Missus"),
    ("Ms", "Miz"),
    ("Prof", "Professor"),
    ("w/", "with"),
    ("w/o", "without"),
    ("a.k.a", "also known as"),
    ("aka", "also known as"),
    ("Blvd", "Boulevard"),
];

/// Nouns that a Roman numeral counts.
const COUNTED: [&str; 27] = [
    "chapter", "part", "act", "scene", "section", "volume", "vol", "book", "phase", "article", "episode", "level",
    "stage", "class", "grade", "round", "type", "mark", "war", "bowl", "apollo", "rocky", "appendix", "canto", "title",
    "unit", "season",
];

/// Nouns that a letter labels.
const LABELLED: [&str; 17] = [
    "plan", "vitamin", "section", "part", "class", "type", "grade", "level", "appendix", "team", "group", "room",
    "block", "platform", "gate", "exit", "an",
];

/// Names that a Roman numeral orders.
const ORDERED: [&str; 24] = [
    "Henry",
    "Louis",
    "Edward",
    "George",
    "William",
    "Charles",
    "James",
    "Richard",
    "Elizabeth",
    "Napoleon",
    "Pius",
    "Benedict",
    "Leo",
    "Paul",
    "Ramses",
    "Frederick",
    "Philip",
    "Alexander",
    "Nicholas",
    "Peter",
    "Catherine",
    "Ivan",
    "Ferdinand",
    "Gustav",
];

/// Words before `St.` and `Dr.` that do not make it a street.
const NOT_STREETS: [&str; 14] =
    ["On", "In", "At", "The", "To", "From", "By", "Near", "And", "But", "For", "So", "When", "Of"];

const TOP_DOMAINS: [&str; 24] = [
    "com", "org", "net", "edu", "gov", "io", "co", "uk", "de", "fr", "info", "biz", "us", "ca", "au", "tv", "me",
    "dev", "app", "ai", "eu", "ch", "at", "nl",
];

const GREEK: [&str; 24] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
];

/// Reads abbreviations and titles: `Dr.`, `St.`, `e.g.`, `vs`, `No. 5`, `p. 7`, `Nov.`.
pub fn abbreviation(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let dotted = place.word().tail.starts_with('.');
    let numbered = place.next().is_some_and(|next| next.core().starts_with(|c: char| c.is_ascii_digit()));
    let title_words = match core {
        "Dr" if at_end_of_a_name(place) => Some("Drive"),
        "Dr" => Some("Doctor"),
        "St" if dotted && at_end_of_a_name(place) => Some("Street"),
        "St" if place.before_capital() => Some("Saint"),
        "No" | "Nos" | "no" if dotted && numbered => Some("number"),
        "p" if dotted && numbered => Some("page"),
        "№" | "#" if numbered => Some("number"),
        "§" => Some("section"),
        _ => None,
    };
    let listed =
        |table: &[(&'static str, &'static str)]| table.iter().find(|(short, _)| *short == core).map(|(_, w)| *w);
    let month = || super::calendar::month(core).filter(|name| dotted && core.len() < name.len());
    let words = title_words.or_else(|| listed(&DOTTED).filter(|_| dotted)).or_else(|| listed(&BARE)).or_else(month)?;
    let full_stop = place.ends_sentence() && !LEADING.contains(&words);
    Some(vec![Said::from(words.to_owned()).without_dot_unless(full_stop)])
}

/// Reads `St.` and `Dr.` as the end of a street's name: after a capital, unless that is only a sentence's first word.
fn at_end_of_a_name(place: Place) -> bool {
    place.previous().is_some_and(|word| {
        let capital = word.core.starts_with(char::is_uppercase);
        capital && word.tail.is_empty() && !NOT_STREETS.contains(&word.core.as_str())
    })
}

/// Reads an initial: `J. K. Rowling`, `Harry S. Truman`.
pub fn initial(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let single = core.len() == 1 && core.starts_with(|c: char| c.is_ascii_uppercase());
    // `Plan A. Then` ends a sentence, `Harry S. Truman` does not.
    let label = place.previous().is_some_and(|word| LABELLED.contains(&word.core.to_lowercase().as_str()));
    let before_name = place.word().tail == "." && place.before_capital() && core != "I" && !label;
    (single && before_name).then(|| vec![Said { text: core.to_owned(), dot: Dot::Drop }])
}

/// Reads letters with dots: `U.S.`, `F.B.I.`, `Ph.D.`. The dots make the pronunciation rules spell them.
pub fn dotted_letters(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let mut parts = core.split('.');
    let letters = core.contains('.')
        && parts.all(|part| {
            matches!(part.len(), 1 | 2) && part.is_ascii() && !part.contains(|c: char| !c.is_ascii_alphabetic())
        });
    letters.then(|| vec![Said::from(core.to_owned()).without_dot_unless(place.ends_sentence())])
}

/// Reads a Roman numeral, but only behind a noun that asks for one: `Chapter IV`, `Henry VIII`.
pub fn roman(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let noun = place.previous().filter(|word| word.tail.is_empty())?;
    let number = roman_value(core)?;
    if ORDERED.contains(&noun.core.as_str()) && number > 1 {
        return Some(vec![format!("the {}", ordinal(number)).into()]);
    }
    let counted = COUNTED.contains(&noun.core.to_lowercase().as_str()) && noun.core.starts_with(char::is_uppercase);
    // `Book I read` is not the first book.
    let pronoun =
        core == "I" && place.joined() && !place.before_capital() && place.next().is_some_and(|n| n.core() != "of");
    (counted && !pronoun).then(|| vec![cardinal(number).into()])
}

fn roman_value(core: &str) -> Option<u64> {
    let value = |c: char| match c {
        'I' => Some(1),
        'V' => Some(5),
        'X' => Some(10),
        'L' => Some(50),
        'C' => Some(100),
        _ => None,
    };
    let values: Vec<u64> = core.chars().map(value).collect::<Option<_>>()?;
    let mut total = 0;
    for (at, &this) in values.iter().enumerate() {
        let next = values.get(at + 1).copied().unwrap_or(0);
        if this < next {
            total -= this as i64;
        } else {
            total += this as i64;
        }
    }
    // Only the usual spelling counts: `IIX` is a word of somebody's making.
    let total = u64::try_from(total).ok()?;
    (!core.is_empty() && roman_numeral(total) == core).then_some(total)
}

fn roman_numeral(mut number: u64) -> String {
    let steps = [(100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];
    let mut text = String::new();
    for (value, sign) in steps {
        while number >= value && text.len() < 16 {
            text.push_str(sign);
            number -= value;
        }
    }
    text
}

/// Reads web addresses, e-mail addresses, `@names` and `#tags`.
pub fn address(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let said = if let Some(name) = core.strip_prefix('@').filter(|name| !name.is_empty()) {
        format!("at {}", piecewise(name))
    } else if let Some(tag) = core.strip_prefix('#').filter(|tag| tag.starts_with(|c: char| c.is_alphabetic())) {
        format!("hashtag {}", piecewise(tag))
    } else if let Some(number) = core.strip_prefix(['#', '№']).filter(|rest| all_digits(rest)) {
        format!("number {}", spoken(number)?)
    } else if is_address(core) {
        let bare = core.split_once("://").map_or(core, |(_, rest)| rest);
        piecewise(bare.trim_end_matches('/'))
    } else {
        return None;
    };
    Some(vec![said.into()])
}

fn is_address(core: &str) -> bool {
    let Some((_, host)) = core.split_once("://").or_else(|| core.split_once('@')).or(Some(("", core))) else {
        return false;
    };
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or("");
    let labels: Vec<&str> = host.split('.').collect();
    let well_formed = labels
        .iter()
        .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    let known =
        labels.len() > 1 && labels.last().is_some_and(|last| TOP_DOMAINS.contains(&last.to_lowercase().as_str()));
    let lettered = labels.iter().all(|label| label.contains(|c: char| c.is_ascii_alphabetic()));
    core.contains("://") || (core.starts_with("www.") && well_formed) || (well_formed && known && lettered)
}

/// Reads an address piece by piece: `night-bus.co.uk/a1` as `night dash bus dot co dot U K slash a one`.
fn piecewise(text: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    for piece in runs(text) {
        let Some(first) = piece.chars().next() else { continue };
        said.push(match first {
            '.' => "dot".to_owned(),
            '/' => "slash".to_owned(),
            '-' => "dash".to_owned(),
            '_' => "underscore".to_owned(),
            '?' => "question mark".to_owned(),
            '#' => "hash".to_owned(),
            ':' => "colon".to_owned(),
            _ if first.is_ascii_digit() && piece.len() > 4 => digits(piece),
            _ if first.is_ascii_digit() => spoken(piece).unwrap_or_default(),
            _ if is_latin(first) => spelt_piece(piece),
            _ => sign(first).unwrap_or_default().to_owned(),
        });
    }
    said.retain(|word| !word.is_empty());
    said.join(" ")
}

fn spelt_piece(piece: &str) -> String {
    let spelt = match piece.to_ascii_lowercase().as_str() {
        "www" => return "double-u double-u double-u".to_owned(),
        short @ ("uk" | "us" | "de" | "fr" | "io" | "tv" | "ai" | "eu" | "ch" | "nl" | "html" | "php") => {
            short.to_ascii_uppercase()
        }
        _ => return parted_by_case(piece),
    };
    let letters: Vec<String> = spelt.chars().map(String::from).collect();
    letters.join(".")
}

/// Parts `NightBus` into `Night Bus`.
fn parted_by_case(piece: &str) -> String {
    let mut parted = String::new();
    let mut was_lower = false;
    for c in piece.chars() {
        if c.is_uppercase() && was_lower {
            parted.push(' ');
        }
        was_lower = c.is_lowercase();
        parted.push(c);
    }
    parted
}

/// Cuts `text` into runs of letters (with apostrophes), runs of digits, and single signs.
pub fn runs(text: &str) -> Vec<&str> {
    #[derive(PartialEq, Clone, Copy)]
    enum Sort {
        Letters,
        Digits,
        Sign,
    }
    let sort = |c: char| match c {
        _ if is_latin(c) || c == '\'' => Sort::Letters,
        '0'..='9' => Sort::Digits,
        _ => Sort::Sign,
    };
    let mut found = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (at, c) in text.char_indices() {
        let this = sort(c);
        if previous.is_some_and(|before| before != this || this == Sort::Sign) {
            found.push(&text[start..at]);
            start = at;
        }
        previous = Some(this);
    }
    found.push(&text[start..]);
    found.retain(|run| !run.is_empty());
    found
}

/// Returns how a sign inside or beside a word is said; `Some("")` for those that are only seen.
pub fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "and",
        '@' => "at",
        '#' => "hash",
        '+' => "plus",
        '=' => "equals",
        '%' => "percent",
        '°' => "degrees",
        '×' => "times",
        '÷' => "divided by",
        '±' => "plus or minus",
        '−' => "minus",
        '<' => "less than",
        '>' => "greater than",
        '≤' => "at most",
        '≥' => "at least",
        '≠' => "is not",
        '≈' | '~' => "about",
        '√' => "root",
        '∞' => "infinity",
        '→' => "to",
        '§' => "section",
        '¶' => "paragraph",
        '©' => "copyright",
        '²' => "squared",
        '³' => "cubed",
        'µ' => "micro",
        '^' => "to the power of",
        '$' => "dollar",
        '€' => "euro",
        '£' => "pound",
        '¥' => "yen",
        '₹' => "rupee",
        '₩' => "won",
        '¢' => "cent",
        '№' => "number",
        '½' => "one half",
        '¼' => "one quarter",
        '¾' => "three quarters",
        _ if is_greek(c) => return greek_letter(c),
        _ => "",
    })
}

fn greek_letter(c: char) -> Option<&'static str> {
    let lower = c.to_lowercase().next()?;
    // The final sigma sits between rho and sigma.
    let at = (lower as usize).checked_sub('α' as usize)?;
    GREEK.get(if at > 16 { at - 1 } else { at }).copied()
}
