//! Reads amounts: money, percentages, temperatures, units, ranges, fractions, ordinals, plain numbers. Pure.

use super::numbers::{all_digits, cardinal, digits, is_one, ordinal, spoken, spoken_or_year};
use super::reading::{Place, Said};

/// Sign, one, many, one hundredth, many hundredths.
const CURRENCIES: [(&str, &str, &str, &str, &str); 12] = [
    ("US$", "dollar", "dollars", "cent", "cents"),
    ("$", "dollar", "dollars", "cent", "cents"),
    ("£", "pound", "pounds", "penny", "pence"),
    ("€", "euro", "euros", "cent", "cents"),
    ("¥", "yen", "yen", "sen", "sen"),
    ("₹", "rupee", "rupees", "paisa", "paise"),
    ("₩", "won", "won", "jeon", "jeon"),
    ("USD", "dollar", "dollars", "cent", "cents"),
    ("EUR", "euro", "euros", "cent", "cents"),
    ("GBP", "pound", "pounds", "penny", "pence"),
    ("CHF", "franc", "francs", "centime", "centimes"),
    ("¢", "cent", "cents", "cent", "cents"),
];

const SCALES: [(&str, &str); 9] = [
    ("k", "thousand"),
    ("K", "thousand"),
    ("m", "million"),
    ("M", "million"),
    ("mn", "million"),
    ("bn", "billion"),
    ("b", "billion"),
    ("B", "billion"),
    ("tn", "trillion"),
];

const SCALE_WORDS: [&str; 5] = ["hundred", "thousand", "million", "billion", "trillion"];

const UNITS: [(&str, &str, &str); 69] = [
    ("%", "percent", "percent"),
    ("°C", "degree Celsius", "degrees Celsius"),
    ("°F", "degree Fahrenheit", "degrees Fahrenheit"),
    ("°", "degree", "degrees"),
    ("km", "kilometer", "kilometers"),
    ("m", "meter", "meters"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("µm", "micrometer", "micrometers"),
    ("nm", "nanometer", "nanometers"),
    ("mi", "mile", "miles"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("km²", "square kilometer", "square kilometers"),
    ("m²", "square meter", "square meters"),
    ("m2", "square meter", "square meters"),
    ("m³", "cubic meter", "cubic meters"),
    ("m3", "cubic meter", "cubic meters"),
    ("cm²", "square centimeter", "square centimeters"),
    ("cm³", "cubic centimeter", "cubic centimeters"),
    ("ha", "hectare", "hectares"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("mg", "milligram", "milligrams"),
    ("µg", "microgram", "micrograms"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("l", "liter", "liters"),
    ("L", "liter", "liters"),
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("cl", "centiliter", "centiliters"),
    ("km/h", "kilometer per hour", "kilometers per hour"),
    ("kph", "kilometer per hour", "kilometers per hour"),
    ("kmh", "kilometer per hour", "kilometers per hour"),
    ("mph", "mile per hour", "miles per hour"),
    ("m/s", "meter per second", "meters per second"),
    ("rpm", "revolution per minute", "revolutions per minute"),
    ("bpm", "beat per minute", "beats per minute"),
    ("fps", "frame per second", "frames per second"),
    ("h", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("hrs", "hour", "hours"),
    ("min", "minute", "minutes"),
    ("mins", "minute", "minutes"),
    ("s", "second", "seconds"),
    ("sec", "second", "seconds"),
    ("secs", "second", "seconds"),
    ("ms", "millisecond", "milliseconds"),
    ("Hz", "hertz", "hertz"),
    ("kHz", "kilohertz", "kilohertz"),
    ("MHz", "megahertz", "megahertz"),
    ("GHz", "gigahertz", "gigahertz"),
    ("kB", "kilobyte", "kilobytes"),
    ("KB", "kilobyte", "kilobytes"),
    ("MB", "megabyte", "megabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("TB", "terabyte", "terabytes"),
    ("Mbps", "megabit per second", "megabits per second"),
    ("dB", "decibel", "decibels"),
    ("px", "pixel", "pixels"),
    ("V", "volt", "volts"),
    ("W", "watt", "watts"),
    ("kW", "kilowatt", "kilowatts"),
    ("MW", "megawatt", "megawatts"),
    ("GW", "gigawatt", "gigawatts"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("mAh", "milliamp hour", "milliamp hours"),
];

const FRACTIONS: [(char, &str); 9] = [
    ('½', "a half"),
    ('¼', "a quarter"),
    ('¾', "three quarters"),
    ('⅓', "a third"),
    ('⅔', "two thirds"),
    ('⅛', "an eighth"),
    ('⅜', "three eighths"),
    ('⅝', "five eighths"),
    ('⅞', "seven eighths"),
];

/// Reads `$12.50`, `€3`, `£1.2m`, `$3 million`, `30 USD`, `$5–10`.
pub fn money(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    let (sign, unsigned) = signed(core);
    let next_core = place.next().filter(|_| place.joined()).map(|next| next.core());
    for currency in CURRENCIES {
        let (symbol, _, many, ..) = currency;
        if let Some(rest) = unsigned.strip_prefix(symbol).or_else(|| unsigned.strip_suffix(symbol)) {
            if rest.is_empty() {
                continue;
            }
            let scale_word = next_core.filter(|word| SCALE_WORDS.contains(word));
            if let (Some(scale), Some(number)) = (scale_word, spoken(rest)) {
                return Some(vec![format!("{sign}{number}").into(), format!("{scale} {many}").into()]);
            }
            return Some(vec![format!("{sign}{}", sum(rest, currency)?).into()]);
        }
        if next_core == Some(symbol) && symbol.len() == 3 && symbol != "US$" {
            let (_, one, many, ..) = currency;
            let number = spoken(unsigned)?;
            let unit = if is_one(unsigned) { one } else { many };
            return Some(vec![format!("{sign}{number}").into(), unit.to_owned().into()]);
        }
    }
    None
}

/// Reads `5 km`, `20°C`, `45%`, `5-10 kg`; the unit may be the next word.
pub fn measure(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    if let Some((count, one, many)) = number_with_unit(core) {
        let (number, single) = count_or_range(count)?;
        return Some(vec![format!("{number} {}", if single { one } else { many }).into()]);
    }
    let next = place.next().filter(|_| place.joined())?;
    if let Some(area) = next.next().filter(|_| next.core() == "sq" && next.word().tail.trim_matches('.').is_empty()) {
        let (_, _, many) = UNITS.iter().find(|(sign, ..)| *sign == area.core())?;
        let unit = Said::from((*many).to_owned()).without_dot_unless(area.ends_sentence());
        let square = Said::from("square".to_owned()).without_dot_unless(false);
        return Some(vec![spoken(core)?.into(), square, unit]);
    }
    let (_, one, many) = UNITS.iter().find(|(sign, ..)| *sign == next.core())?;
    // `I have 5 m` is rare, `5 s` and `5 W` rarer still: one letter needs no more doubt than that.
    let (number, single) = count_or_range(core)?;
    let unit = Said::from((if single { *one } else { *many }).to_owned());
    Some(vec![number.into(), unit.without_dot_unless(next.ends_sentence())])
}

/// Reads `1/2`, `2½`, `2 1/2`.
pub fn fraction(place: Place) -> Option<Vec<Said>> {
    let core = place.core();
    if let Some(said) = fraction_words(core) {
        return Some(vec![said.into()]);
    }
    if let Some((sign, words)) = FRACTIONS.iter().find(|(sign, _)| core.ends_with(*sign)) {
        let whole = core.strip_suffix(*sign)?;
        return Some(vec![format!("{} and {words}", spoken(whole)?).into()]);
    }
    let next = place.next().filter(|_| place.joined() && all_digits(core))?;
    let part = fraction_words(next.core()).filter(|_| !next.core().starts_with('0'))?;
    Some(vec![spoken(core)?.into(), format!("and {}", part.replacen("one ", "a ", 1)).into()])
}

/// Reads what is a number and nothing else: `1,250`, `3rd`, `1987`, `−4.5`, `5–10`, `2.0.1`, `3:1`, telephone numbers.
pub fn number(place: Place) -> Option<Vec<Said>> {
    number_words(place.core()).map(|said| vec![said.into()])
}

/// Returns a number in words; see [`number`].
pub fn number_words(core: &str) -> Option<String> {
    spoken_or_year(core).or_else(|| ordinal_words(core)).or_else(|| sequence(core)).or_else(|| range(core)).or_else(
        || {
            let (left, right) = core.split_once([':', '×', '\''])?;
            let link = match &core[left.len()..core.len() - right.len()] {
                ":" => "to",
                "×" => "times",
                _ => "foot",
            };
            Some(format!("{} {link} {}", spoken(left)?, spoken(right)?))
        },
    )
}

fn ordinal_words(core: &str) -> Option<String> {
    let cut = core.len().checked_sub(2)?;
    let (number, suffix) = (core.get(..cut)?, core.get(cut..)?);
    let plain = number.replace(',', "");
    let fits = matches!(suffix.to_ascii_lowercase().as_str(), "st" | "nd" | "rd" | "th") && all_digits(&plain);
    fits.then(|| plain.parse().ok().map(ordinal)).flatten()
}

/// Reads digits in several parts: versions, addresses and telephone numbers.
fn sequence(core: &str) -> Option<String> {
    let dotted: Vec<&str> = core.split('.').collect();
    if dotted.len() > 2 && dotted.iter().all(|part| all_digits(part) && part.len() <= 4) {
        return Some(dotted.iter().filter_map(|part| spoken(part)).collect::<Vec<_>>().join(" point "));
    }
    let plain = core.strip_prefix('+').unwrap_or(core);
    let parts: Vec<&str> = plain.split('-').collect();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let telephone = matches!(parts[..], [a, b] if a.len() == 3 && b.len() == 4)
        || (parts.len() > 2 && length >= 7)
        || (length >= 6 && parts.iter().any(|part| part.starts_with('0')));
    let international = core.starts_with('+') && length >= 7;
    if !parts.iter().all(|part| all_digits(part)) || !(telephone || international) {
        return None;
    }
    Some(parts.iter().map(|part| digits(part)).collect::<Vec<_>>().join(", "))
}

fn range(core: &str) -> Option<String> {
    let (left, right) = core.split_once(['–', '—', '-', '~'])?;
    if left.len() == 4
        && right.len() == 2
        && all_digits(left)
        && all_digits(right)
        && spoken_or_year(left) != spoken(left)
    {
        return Some(format!("{} to {}", spoken_or_year(left)?, spoken(right)?));
    }
    let read =
        |side: &str| spoken_or_year(side).or_else(|| ordinal_words(side)).filter(|_| !side.starts_with(['-', '.']));
    let (first, last) = (read(left)?, read(right)?);
    Some(if first == last { format!("{first} {last}") } else { format!("{first} to {last}") })
}

fn fraction_words(core: &str) -> Option<String> {
    if let Some((_, words)) = FRACTIONS.iter().find(|(sign, _)| core.chars().eq([*sign])) {
        return Some((*words).to_owned());
    }
    let (top, bottom) = core.split_once(['/', '⁄'])?;
    if !all_digits(top) || !all_digits(bottom) || top.len() > 3 || bottom.len() > 3 {
        return None;
    }
    let (top_number, bottom_number): (u64, u64) = (top.parse().ok()?, bottom.parse().ok()?);
    // The day is a name, not a fraction.
    if core == "9/11" {
        return Some("nine eleven".to_owned());
    }
    if top_number == 0 || bottom_number < 2 || top_number >= bottom_number || bottom_number > 100 {
        return Some(format!("{} {}", cardinal(top_number), cardinal(bottom_number)));
    }
    let many = if top_number == 1 { "" } else { "s" };
    let part = match bottom_number {
        2 => "half".to_owned(),
        4 => format!("quarter{many}"),
        _ => format!("{}{many}", ordinal(bottom_number)),
    };
    Some(format!("{} {part}", cardinal(top_number)))
}

fn signed(core: &str) -> (&'static str, &str) {
    match core.strip_prefix(['-', '−']) {
        Some(rest) => ("minus ", rest),
        None => ("", core),
    }
}

/// Reads the number behind a currency's sign.
fn sum(number: &str, (symbol, one, many, cent, cents): (&str, &str, &str, &str, &str)) -> Option<String> {
    if let Some((left, right)) = number.split_once(['-', '–']) {
        let right = right.strip_prefix(symbol).unwrap_or(right);
        let (_, scale) = scaled(right);
        return Some(format!("{} to {}{scale} {many}", spoken(left)?, spoken(scaled(right).0)?));
    }
    let (plain, scale) = scaled(number);
    if !scale.is_empty() {
        return Some(format!("{}{scale} {many}", spoken(plain)?));
    }
    let Some((whole, fraction)) = plain.split_once('.').filter(|(_, fraction)| fraction.len() == 2) else {
        return Some(format!("{} {}", spoken(plain)?, if is_one(plain) { one } else { many }));
    };
    let hundredths: u64 = fraction.parse().ok()?;
    let small = format!("{} {}", cardinal(hundredths), if hundredths == 1 { cent } else { cents });
    let whole_words = spoken(if whole.is_empty() { "0" } else { whole })?;
    let large = format!("{whole_words} {}", if is_one(whole) { one } else { many });
    Some(match (whole_words.as_str(), hundredths) {
        (_, 0) => large,
        ("zero", _) => small,
        _ => format!("{large} and {small}"),
    })
}

fn scaled(number: &str) -> (&str, String) {
    let plain = number.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    match SCALES.iter().find(|(sign, _)| *sign == &number[plain.len()..]) {
        Some((_, word)) => (plain, format!(" {word}")),
        None => (number, String::new()),
    }
}

/// Parts `20°C` into its number and the unit's two forms. The longest sign wins: `km²` before `m²`, `°C` before `°`.
fn number_with_unit(core: &str) -> Option<(&str, &'static str, &'static str)> {
    let fits = |(sign, one, many): &(&'static str, &'static str, &'static str)| {
        let count = core.strip_suffix(sign)?;
        count.ends_with(|c: char| c.is_ascii_digit()).then_some((count, *one, *many))
    };
    UNITS.iter().filter_map(fits).min_by_key(|(count, ..)| count.len())
}

/// Returns a count or a range of counts in words, and whether it is exactly one.
fn count_or_range(count: &str) -> Option<(String, bool)> {
    match spoken(count) {
        Some(words) => Some((words, is_one(count))),
        None => {
            let (left, right) = count.split_once(['–', '-'])?;
            let left = left.trim_end_matches(['%', '°']);
            Some((format!("{} to {}", spoken(left)?, spoken(right)?), false))
        }
    }
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
    fn money_is_read_with_its_unit_behind() {
        check(
            money,
            &[
                ("$12.50", Some("twelve dollars and fifty cents")),
                ("€3", Some("three euros")),
                ("3€", Some("three euros")),
                ("$1", Some("one dollar")),
                ("$0.99", Some("ninety nine cents")),
                ("£1.01", Some("one pound and one penny")),
                ("£1.2m", Some("one point two million pounds")),
                ("$3 million", Some("three|million dollars")),
                ("$1,250", Some("one thousand two hundred fifty dollars")),
                ("$5k", Some("five thousand dollars")),
                ("-$5", Some("minus five dollars")),
                ("$5–10", Some("five to ten dollars")),
                ("$5-$10", Some("five to ten dollars")),
                ("30 USD", Some("thirty|dollars")),
                ("¥500", Some("five hundred yen")),
                ("50¢", Some("fifty cents")),
                ("$", None),
                ("$HOME", None),
                ("5", None),
            ],
        );
    }

    #[test]
    fn measures_agree_with_their_number() {
        check(
            measure,
            &[
                ("45%", Some("forty five percent")),
                ("4.5%", Some("four point five percent")),
                ("5–10%", Some("five to ten percent")),
                ("20°C", Some("twenty degrees Celsius")),
                ("1°", Some("one degree")),
                ("-5°F", Some("minus five degrees Fahrenheit")),
                ("20 °C", Some("twenty|degrees Celsius")),
                ("5 km", Some("five|kilometers")),
                ("1 km", Some("one|kilometer")),
                ("5km", Some("five kilometers")),
                ("60 km/h", Some("sixty|kilometers per hour")),
                ("12m²", Some("twelve square meters")),
                ("32GB", Some("thirty two gigabytes")),
                ("5-10 kg", Some("five to ten|kilograms")),
                ("5, km", None),
                ("km", None),
                ("5 cats", None),
                ("m2", None),
            ],
        );
    }

    #[test]
    fn fractions_are_parts() {
        check(
            fraction,
            &[
                ("1/2", Some("one half")),
                ("3/4", Some("three quarters")),
                ("2/3", Some("two thirds")),
                ("½", Some("a half")),
                ("2½", Some("two and a half")),
                ("2 1/2", Some("two|and a half")),
                ("24/7", Some("twenty four seven")),
                ("9/11", Some("nine eleven")),
                ("1/2/3", None),
                ("and/or", None),
            ],
        );
    }

    #[test]
    fn numbers_are_read_by_their_shape() {
        check(
            number,
            &[
                ("1987", Some("nineteen eighty seven")),
                ("3rd", Some("third")),
                ("1,000th", Some("one thousandth")),
                ("5–10", Some("five to ten")),
                ("5-10", Some("five to ten")),
                ("50-50", Some("fifty fifty")),
                ("1914–18", Some("nineteen fourteen to eighteen")),
                ("1939-1945", Some("nineteen thirty nine to nineteen forty five")),
                ("2.0.1", Some("two point zero point one")),
                ("555-1234", Some("five five five, one two three four")),
                ("+1-555-123-4567", Some("one, five five five, one two three, four five six seven")),
                ("3:1", Some("three to one")),
                ("3×4", Some("three times four")),
                ("R2D2", None),
                ("é", None),
                ("--", None),
            ],
        );
    }
}
