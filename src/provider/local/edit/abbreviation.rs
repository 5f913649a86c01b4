//! Writes abbreviations out as they are said: `Dr. Moss` → `Doctor Moss`, `9 p.m.` → `9 in the evening`.

/// Short forms that stand before something: the full stop ends no sentence.
const BEFORE: &[(&str, &str)] = &[
    ("Dr", "Doctor"),
    ("Mr", "Mister"),
    ("Mrs", "Missus"),
    ("Ms", "Miss"),
    ("Prof", "Professor"),
    ("Capt", "Captain"),
    ("Sgt", "Sergeant"),
    ("Lt", "Lieutenant"),
    ("Gen", "General"),
    ("Gov", "Governor"),
    ("Sen", "Senator"),
    ("Rev", "Reverend"),
    ("Mt", "Mount"),
    ("Ft", "Fort"),
    ("vs", "versus"),
    ("approx", "approximately"),
    ("e.g", "for example"),
    ("i.e", "that is"),
];

/// Short forms that may also end a sentence.
const AFTER: &[(&str, &str)] = &[
    ("etc", "and so on"),
    ("Jr", "Junior"),
    ("Sr", "Senior"),
    ("Ave", "Avenue"),
    ("Blvd", "Boulevard"),
    ("Rd", "Road"),
    ("Inc", "Incorporated"),
    ("Ltd", "Limited"),
    ("Dept", "Department"),
];

/// Months: before a day their full stop ends no sentence.
const MONTHS: &[(&str, &str)] = &[
    ("Jan", "January"),
    ("Feb", "February"),
    ("Apr", "April"),
    ("Aug", "August"),
    ("Sept", "September"),
    ("Oct", "October"),
    ("Nov", "November"),
    ("Dec", "December"),
];

/// Tells whether a full stop after `word` (given without it) leaves the sentence open, where it goes on with `follows`.
pub fn expects_more(word: &str, follows: Option<char>) -> bool {
    let known = |list: &[(&str, &str)]| list.iter().any(|(short, _)| same_case(short, word));
    known(BEFORE) || word == "St" || (known(MONTHS) && follows.is_some_and(|c| c.is_ascii_digit()))
}

/// Returns `text` with its abbreviations, signs and units written out. Whitespace is kept.
pub fn write_out(text: &str) -> String {
    let tokens = pieces(text);
    let mut out = String::with_capacity(text.len() + 16);
    for (at, token) in tokens.iter().enumerate() {
        if token.trim().is_empty() {
            out.push_str(token);
            continue;
        }
        let before = tokens[..at].iter().rev().find(|t| !t.trim().is_empty()).copied().unwrap_or("");
        let after = tokens[at + 1..].iter().find(|t| !t.trim().is_empty()).copied().unwrap_or("");
        out.push_str(&say(token, before, after));
    }
    out
}

/// Splits into alternating words and whitespace.
fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let space = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != space).unwrap_or(rest.len());
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}

fn say(token: &str, before: &str, after: &str) -> String {
    let start = token.find(|c: char| c.is_alphanumeric() || matches!(c, '&' | '$' | '£' | '€')).unwrap_or(0);
    let end = token
        .rfind(|c: char| c.is_alphanumeric() || matches!(c, '&' | '%' | '/'))
        .map_or(token.len(), |at| at + token[at..].chars().next().map_or(1, char::len_utf8));
    if start >= end {
        return token.to_owned();
    }
    let (lead, core, tail) = (&token[..start], &token[start..end], &token[end..]);
    if let Some(said) = sign(core) {
        return format!("{lead}{said}{tail}");
    }
    let Some(rest) = tail.strip_prefix('.') else { return token.to_owned() };
    match dotted(core, before, after) {
        // The full stop was also the sentence's when nothing or a new sentence follows.
        Some((said, _)) if rest.is_empty() && after.is_empty() => format!("{lead}{said}."),
        Some((said, Place::After)) if rest.is_empty() && starts_upper(after) => format!("{lead}{said}."),
        Some((said, _)) => format!("{lead}{said}{rest}"),
        None => token.to_owned(),
    }
}

enum Place {
    Before,
    After,
}

fn dotted(core: &str, before: &str, after: &str) -> Option<(String, Place)> {
    if core == "No" && after.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(("number".to_owned(), Place::Before));
    }
    if core == "St" && starts_upper(after) && !starts_upper(before) {
        return Some(("Saint".to_owned(), Place::Before));
    }
    if core == "St" {
        return Some(("Street".to_owned(), Place::After));
    }
    if core == "a.m" {
        return Some(("in the morning".to_owned(), Place::After));
    }
    if core == "p.m" {
        let hour: u32 = before.split(':').next().and_then(|hour| hour.parse().ok()).unwrap_or(12);
        let part = if (5..12).contains(&hour) { "in the evening" } else { "in the afternoon" };
        return Some((part.to_owned(), Place::After));
    }
    let long = |(_, long): &(&str, &str)| (*long).to_owned();
    let known = |list: &[(&str, &str)]| list.iter().find(|(short, _)| same_case(short, core)).map(long);
    let before = known(BEFORE).map(|said| (said, Place::Before));
    before.or_else(|| known(AFTER).or_else(|| known(MONTHS)).map(|said| (said, Place::After)))
}

fn sign(core: &str) -> Option<String> {
    match core {
        "&" => return Some("and".to_owned()),
        "w/" => return Some("with".to_owned()),
        "w/o" => return Some("without".to_owned()),
        "km/h" => return Some("kilometres an hour".to_owned()),
        "mph" => return Some("miles an hour".to_owned()),
        _ => {}
    }
    let number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
    };
    if let Some(amount) = core.strip_suffix('%').filter(|amount| number(amount)) {
        return Some(format!("{amount} percent"));
    }
    for (mark, one, many) in [('$', "dollar", "dollars"), ('£', "pound", "pounds"), ('€', "euro", "euros")] {
        if let Some(amount) = core.strip_prefix(mark).filter(|amount| number(amount)) {
            return Some(format!("{amount} {}", if amount == "1" { one } else { many }));
        }
    }
    None
}

// "Dr" also as "dr", but "oct" or "dec" only as they are written in a date.
fn same_case(short: &str, word: &str) -> bool {
    short == word || (matches!(short, "Dr" | "Mr" | "Mrs" | "e.g" | "i.e") && short.eq_ignore_ascii_case(word))
}

fn starts_upper(word: &str) -> bool {
    word.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, said: &str) {
        assert_eq!(write_out(text), said);
    }

    #[test]
    fn titles_are_written_out() {
        check("Dr. Moss met Mrs. Lane.", "Doctor Moss met Missus Lane.");
    }

    #[test]
    fn a_full_stop_that_also_ends_the_sentence_stays() {
        check("Tea, bread, etc. Then home.", "Tea, bread, and so on. Then home.");
        check("Tea, etc. was cold.", "Tea, and so on was cold.");
    }

    #[test]
    fn a_month_may_end_a_sentence_or_stand_before_its_day() {
        check("It was Jan. Okay. On Jan. 5 he left in Dec.", "It was January. Okay. On January 5 he left in December.");
    }

    #[test]
    fn times_money_and_signs_are_said() {
        check(
            "At 9:30 p.m. he paid $5 & left 20% there.",
            "At 9:30 in the evening he paid 5 dollars and left 20 percent there.",
        );
    }

    #[test]
    fn saints_and_streets_are_told_apart() {
        check("On Bell St. near St. Anne.", "On Bell Street near Saint Anne.");
    }

    #[test]
    fn plain_words_and_whitespace_are_left_alone() {
        check("No one  came.\n\nNo.\t", "No one  came.\n\nNo.\t");
    }
}
