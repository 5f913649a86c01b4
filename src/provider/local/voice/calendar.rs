//! Reads times and dates: `9:30am`, `21:45`, `2026-11-23`, `Nov. 23`, `23 November`, `the '90s`. Pure.

use super::numbers::{all_digits, cardinal, ordinal, year};
use super::reading::{Dot, Place, Said};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Returns the month that `core` names, in full or in short: `November`, `Nov`, `Sept`.
pub fn month(core: &str) -> Option<&'static str> {
    if !core.starts_with(|c: char| c.is_ascii_uppercase()) || core.len() < 3 || !core.is_ascii() {
        return None;
    }
    let lower = core.to_ascii_lowercase();
    let named = |name: &&&str| {
        let name = name.to_ascii_lowercase();
        name == lower || name[..3] == lower || (lower == "sept" && name == "september")
    };
    MONTHS.iter().find(named).copied()
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Reads days from and to: `Mon-Fri`.
pub fn weekdays(place: Place) -> Option<Vec<Said>> {
    let (from, to) = place.core().split_once(['-', '–'])?;
    let day = |short: &str| DAYS.iter().find(|day| short.len() >= 3 && day.starts_with(short));
    Some(vec![format!("{} to {}", day(from)?, day(to)?).into()])
}

/// Reads a clock time, or an hour before `am` and `pm`.
pub fn time(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    if let Some(range) = time_range(core) {
        return Some(vec![range.into()]);
    }
    let (clock, half) = split_half(core);
    let next_half = place.next().filter(|_| half.is_none()).and_then(|next| half_of_day(&next.word().core));
    let said = read_clock(clock, half.or(next_half))?;
    let Some(spoken_half) = next_half else {
        return Some(vec![Said::from(said).without_dot_unless(half.is_none() || place.ends_sentence())]);
    };
    let next = place.next()?;
    // The half was read with the hour; it is heard at its own word.
    let hour = said.strip_suffix(spoken_half)?.trim_end().to_owned();
    Some(vec![hour.into(), Said::from(spoken_half.to_owned()).without_dot_unless(next.ends_sentence())])
}

/// Reads `9am–5pm`, `9–10:30pm`, `9:00-17:00`.
fn time_range(core: &str) -> Option<String> {
    let (from, to) = core.split_once(['-', '–'])?;
    let ((from_clock, from_half), (to_clock, to_half)) = (split_half(from), split_half(to));
    if from_half.or(to_half).is_none() && !(from.contains(':') && to.contains(':')) {
        return None;
    }
    let first = match from_half {
        None if !from.contains(':') => cardinal(number(from).filter(|hour| (1..=12).contains(hour))?),
        _ => read_clock(from_clock, from_half)?,
    };
    Some(format!("{first} to {}", read_clock(to_clock, to_half)?))
}

/// Reads a date in digits: `2026-11-23`, `11/23/2026` (month first, unless it cannot be one).
pub fn date_in_digits(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let (year_text, month_number, day) = if let [y, m, d] = core.split('-').collect::<Vec<_>>()[..] {
        (y.len() == 4 && m.len() == 2 && d.len() == 2).then_some((y, m, d))?
    } else if let [a, b, y] = core.split(['/', '.']).collect::<Vec<_>>()[..] {
        let month_first = core.contains('/') && number(a)? <= 12;
        let dotted_date = core.contains('/') || (y.len() == 4 && !core.contains('/'));
        (dotted_date && (y.len() == 4 || y.len() == 2)).then_some(())?;
        if month_first { (y, a, b) } else { (y, b, a) }
    } else {
        return None;
    };
    let name = MONTHS.get(number(month_number)?.checked_sub(1)? as usize)?;
    let day = number(day).filter(|day| (1..=31).contains(day))?;
    let full_year = if year_text.len() == 2 { 2000 + number(year_text)? } else { number(year_text)? };
    Some(vec![format!("{name} {}, {}", ordinal(day), year(full_year)).into()])
}

/// Reads `Nov. 23`, `November 23rd`, `23 November`, `the 3rd of March`, `Nov 2026`.
pub fn date_in_words(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let next = place.next()?;
    let next_core = next.word().core.as_str();
    if let Some(name) = month(core) {
        let joined = place.joined() || place.word().tail == ".";
        let month_said = Said { text: name.to_owned(), dot: Dot::Drop };
        if !joined {
            return None;
        }
        if next_core.len() == 4 && all_digits(next_core) {
            return Some(vec![month_said]);
        }
        return Some(vec![month_said, ordinal(day_of_month(next_core)?).into()]);
    }
    let day = day_of_month(core).filter(|_| place.joined())?;
    let name = month(next_core)?;
    let article = if place.previous().is_some_and(|word| word.core.eq_ignore_ascii_case("the")) { "" } else { "the " };
    let month_said = Said::from(name.to_owned());
    let month_said =
        if next_core.len() < name.len() { month_said.without_dot_unless(next.ends_sentence()) } else { month_said };
    Some(vec![format!("{article}{} of", ordinal(day)).into(), month_said])
}

/// Reads a decade or a year of the century: `1990s`, `'90s`, `90s`, `1800's`, `'08`.
pub fn decade(place: Place) -> Option<Vec<Said>> {
    if let Some(short) = place.core().strip_prefix('\'').filter(|short| short.len() == 2 && all_digits(short)) {
        let oh = if short.starts_with('0') { "oh " } else { "" };
        return Some(vec![format!("{oh}{}", cardinal(number(short)?)).into()]);
    }
    let core = place.core().strip_prefix('\'').unwrap_or(place.core());
    let digits = core.strip_suffix("'s").or_else(|| core.strip_suffix('s'))?;
    let value = number(digits)?;
    let fits = value.is_multiple_of(10) && (digits.len() == 2 || (digits.len() == 4 && (1000..=2990).contains(&value)));
    let words = if digits.len() == 4 { year(value) } else { cardinal(value) };
    let plural = match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{words}s"),
    };
    fits.then(|| vec![plural.into()])
}

/// Parts `9:30am` into the clock and its half of the day.
fn split_half(core: &str) -> (&str, Option<&'static str>) {
    let digits_end = core.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    (&core[..digits_end], half_of_day(&core[digits_end..]))
}

/// Returns how `am` or `p.m` is said. The dots make the pronunciation rules spell it.
fn half_of_day(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "am" | "a.m" => Some("A.M"),
        "pm" | "p.m" => Some("P.M"),
        _ => None,
    }
}

fn read_clock(clock: &str, half: Option<&str>) -> Option<String> {
    let mut parts = clock.split(':');
    let hour_text = parts.next()?;
    let hour = number(hour_text).filter(|&hour| hour <= 24 && hour_text.len() <= 2)?;
    let minute = match parts.next() {
        Some(text) => number(text).filter(|&minute| minute < 60 && text.len() == 2)?,
        None => return half.filter(|_| (1..=12).contains(&hour)).map(|half| format!("{} {half}", cardinal(hour))),
    };
    let second = match parts.next() {
        Some(text) => Some(number(text).filter(|&second| second < 60 && text.len() == 2)?),
        None => None,
    };
    if parts.next().is_some() {
        return None;
    }
    let minute_words = match (minute, half, hour) {
        (0, Some(_), _) => String::new(),
        (0, None, 0 | 24) => return Some("midnight".to_owned()),
        (0, None, 1..=12) => " o'clock".to_owned(),
        (0, None, _) => " hundred".to_owned(),
        (1..=9, _, _) => format!(" oh {}", cardinal(minute)),
        _ => format!(" {}", cardinal(minute)),
    };
    let second_words = match second {
        Some(1) => " and one second".to_owned(),
        Some(second) if second > 0 => format!(" and {} seconds", cardinal(second)),
        _ => String::new(),
    };
    let half_words = half.map_or_else(String::new, |half| format!(" {half}"));
    Some(format!("{}{minute_words}{second_words}{half_words}", cardinal(hour)))
}

fn day_of_month(core: &str) -> Option<u64> {
    let digits = core.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let suffix = &core[digits.len()..];
    number(digits).filter(|day| (1..=31).contains(day) && matches!(suffix, "" | "st" | "nd" | "rd" | "th"))
}

fn number(text: &str) -> Option<u64> {
    all_digits(text).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::local::voice::source;

    fn check(rule: fn(Place) -> Option<Vec<Said>>, cases: &[(&str, Option<&str>)]) {
        for (text, expected) in cases {
            let words = source::words(text).0;
            let said = rule(Place::new(&words, 0).unwrap());
            let joined = said.map(|said| said.into_iter().map(|s| s.text).collect::<Vec<_>>().join("|"));
            assert_eq!(joined.as_deref(), *expected, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        check(
            time,
            &[
                ("9:30am", Some("nine thirty A.M")),
                ("9:30 a.m.", Some("nine thirty|A.M")),
                ("9 pm", Some("nine|P.M")),
                ("9pm", Some("nine P.M")),
                ("21:45", Some("twenty one forty five")),
                ("9:05", Some("nine oh five")),
                ("9:00", Some("nine o'clock")),
                ("9:00 AM", Some("nine|A.M")),
                ("00:00", Some("midnight")),
                ("21:00", Some("twenty one hundred")),
                ("1:02:03", Some("one oh two and three seconds")),
                ("25:00", None),
                ("3:1", None),
                ("9", None),
                ("13 pm", None),
                ("9:75", None),
                ("1:2:3:4", None),
            ],
        );
    }

    #[test]
    fn dates_in_digits_are_read_month_first() {
        check(
            date_in_digits,
            &[
                ("2026-11-23", Some("November twenty third, twenty twenty six")),
                ("11/23/2026", Some("November twenty third, twenty twenty six")),
                ("23/11/2026", Some("November twenty third, twenty twenty six")),
                ("23.11.2026", Some("November twenty third, twenty twenty six")),
                ("3/4/07", Some("March fourth, two thousand seven")),
                ("2026-13-01", None),
                ("1/2", None),
                ("1.2.3", None),
                ("99/99/2020", None),
            ],
        );
    }

    #[test]
    fn dates_in_words_take_two_words() {
        check(
            date_in_words,
            &[
                ("Nov 23", Some("November|twenty third")),
                ("Nov. 23rd,", Some("November|twenty third")),
                ("23 November 2026", Some("the twenty third of|November")),
                ("Sept 2026", Some("September")),
                ("May I", None),
                ("may 5", None),
                ("45 May", None),
                ("May, 5", None),
            ],
        );
    }

    #[test]
    fn decades_are_plural() {
        check(
            decade,
            &[
                ("1990s", Some("nineteen nineties")),
                ("'90s", Some("nineties")),
                ("1800s", Some("eighteen hundreds")),
                ("1920's", Some("nineteen twenties")),
                ("1991s", None),
                ("cats", None),
            ],
        );
    }
}
