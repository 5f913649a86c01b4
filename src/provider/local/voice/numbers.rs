//! Numbers as English words, without hyphens: the pronunciation rules would stress `twenty-four` as one word. Pure.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [&str; 7] = ["", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion"];

/// Returns `1250` as `one thousand two hundred fifty`.
pub fn cardinal(number: u64) -> String {
    if number == 0 {
        return ONES[0].to_owned();
    }
    let mut groups = Vec::new();
    let mut rest = number;
    for scale in SCALES {
        let group = rest % 1000;
        rest /= 1000;
        if group > 0 {
            let words = below_thousand(group as usize);
            groups.push(if scale.is_empty() { words } else { format!("{words} {scale}") });
        }
    }
    groups.reverse();
    groups.join(" ")
}

/// Returns `23` as `twenty third`.
pub fn ordinal(number: u64) -> String {
    let words = cardinal(number);
    let cut = words.rfind(' ').map_or(0, |at| at + 1);
    let (head, last) = words.split_at(cut);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        other => other.strip_suffix('y').map_or_else(|| format!("{other}th"), |stem| format!("{stem}ieth")),
    };
    format!("{head}{last}")
}

/// Returns `1987` as `nineteen eighty seven` and `2005` as `two thousand five`.
pub fn year(number: u64) -> String {
    let (high, low) = (number / 100, number % 100);
    match (high, low) {
        (0, _) | (100.., _) => cardinal(number),
        (_, 0) if high.is_multiple_of(10) => cardinal(number),
        (_, 0) => format!("{} hundred", cardinal(high)),
        (_, 1..=9) if high.is_multiple_of(10) => cardinal(number),
        (_, 1..=9) => format!("{} oh {}", cardinal(high), cardinal(low)),
        _ => format!("{} {}", cardinal(high), cardinal(low)),
    }
}

/// Returns each digit of `text` as a word; anything else in it is left out.
pub fn digits(text: &str) -> String {
    let words: Vec<&str> = text.chars().filter_map(|c| c.to_digit(10)).map(|d| ONES[d as usize]).collect();
    words.join(" ")
}

/// Returns a written number as words: `-3.50`, `1,250`, `007`; `None` if it is not one.
pub fn spoken(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix(['-', '−']) {
        Some(rest) => ("minus ", rest),
        None => ("", text),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if fraction.is_some_and(|f| f.is_empty() || !all_digits(f)) || (whole.is_empty() && fraction.is_none()) {
        return None;
    }
    let plain = without_grouping(whole)?;
    let whole_words = match plain.parse::<u64>() {
        _ if plain.is_empty() => "zero".to_owned(),
        _ if plain.len() > 1 && plain.starts_with('0') => digits(&plain),
        Ok(number) if plain.len() <= 15 => cardinal(number),
        _ => digits(&plain),
    };
    let point = fraction.map_or_else(String::new, |f| format!(" point {}", digits(f)));
    Some(format!("{sign}{whole_words}{point}"))
}

/// Returns a count as words, a year's way if it looks like one: four digits from 1000 to 2099.
pub fn spoken_or_year(text: &str) -> Option<String> {
    match text.parse::<u64>() {
        Ok(number @ 1000..=2099) if text.len() == 4 => Some(year(number)),
        _ => spoken(text),
    }
}

/// Tells whether exactly one thing is meant: `1`, not `1.0`.
pub fn is_one(text: &str) -> bool {
    text.trim_start_matches(['-', '−']) == "1"
}

/// Tells whether `text` is digits and nothing else, and at least one.
pub fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the digits of `1,250,000` if its commas stand where they belong.
fn without_grouping(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let grouped = text.contains(',');
    let fits = |part: &str, right_length: bool| right_length && part.bytes().all(|b| b.is_ascii_digit());
    let first_fits = fits(first, !grouped || (1..=3).contains(&first.len()));
    let rest_fit = groups.all(|group| fits(group, group.len() == 3));
    (first_fits && rest_fit).then(|| text.replace(',', ""))
}

fn below_thousand(number: usize) -> String {
    let mut words = Vec::new();
    if number >= 100 {
        words.push(format!("{} hundred", ONES[number / 100]));
    }
    match number % 100 {
        0 => {}
        small @ 1..=19 => words.push(ONES[small].to_owned()),
        large if large % 10 == 0 => words.push(TENS[large / 10].to_owned()),
        large => words.push(format!("{} {}", TENS[large / 10], ONES[large % 10])),
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cardinals_are_read_without_and() {
        for (number, words) in [
            (0, "zero"),
            (13, "thirteen"),
            (40, "forty"),
            (99, "ninety nine"),
            (100, "one hundred"),
            (1_250, "one thousand two hundred fifty"),
            (1_000_001, "one million one"),
            (2_000_000_000_000, "two trillion"),
        ] {
            assert_eq!(cardinal(number), words);
        }
        assert!(cardinal(u64::MAX).starts_with("eighteen quintillion"));
    }

    #[test]
    fn ordinals_bend_the_last_word_only() {
        for (number, words) in [
            (1, "first"),
            (2, "second"),
            (3, "third"),
            (8, "eighth"),
            (12, "twelfth"),
            (20, "twentieth"),
            (23, "twenty third"),
            (101, "one hundred first"),
            (1000, "one thousandth"),
        ] {
            assert_eq!(ordinal(number), words);
        }
    }

    #[test]
    fn years_are_read_in_pairs() {
        for (number, words) in [
            (1066, "ten sixty six"),
            (1900, "nineteen hundred"),
            (1905, "nineteen oh five"),
            (1987, "nineteen eighty seven"),
            (2000, "two thousand"),
            (2005, "two thousand five"),
            (2024, "twenty twenty four"),
            (476, "four seventy six"),
        ] {
            assert_eq!(year(number), words);
        }
    }

    #[test]
    fn written_numbers_are_read_as_they_stand() {
        for (text, words) in [
            ("1,250", Some("one thousand two hundred fifty")),
            ("3.50", Some("three point five zero")),
            (".5", Some("zero point five")),
            ("-5", Some("minus five")),
            ("−5", Some("minus five")),
            ("007", Some("zero zero seven")),
            ("12,34", None),
            ("1.2.3", None),
            ("", None),
            ("5.", None),
            ("1234567890123456", Some("one two three four five six seven eight nine zero one two three four five six")),
        ] {
            assert_eq!(spoken(text).as_deref(), words, "{text}");
        }
        assert_eq!(spoken_or_year("2024").as_deref(), Some("twenty twenty four"));
        assert_eq!(spoken_or_year("2,024").as_deref(), Some("two thousand twenty four"));
    }
}
