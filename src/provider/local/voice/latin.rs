//! Writes accented letters in plain ones: the pronunciation rules cut words by bytes and take others badly. Pure.

/// Accented letters, each row led by its base.
const ACCENTED: [&str; 26] = [
    "aàáâãäåāăąǎảạấầẩẫậắằẳẵặªḁ",
    "bḃḅ",
    "cçćĉċč",
    "dďđðḍ",
    "eèéêëēĕėęěẽẻẹếềểễệəǝ",
    "fƒḟ",
    "gĝğġģǧ",
    "hĥħḥ",
    "iìíîïĩīĭįıǐỉị",
    "jĵ",
    "kķĸ",
    "lĺļľŀłḷ",
    "mṁṃ",
    "nńņňŋṇ",
    "oòóôõöøōŏőǒơỏọốồổỗộớờởỡợº",
    "pṕṗ",
    "q",
    "rŕŗřṛ",
    "sśŝşšșſṣ",
    "tţťŧțṭ",
    "uùúûüũūŭůűųǔǖǘǚǜưủụứừửữự",
    "vṽṿ",
    "wŵẁẃẅ",
    "xẋẍ",
    "yýÿŷỳỵỷỹ",
    "zźżžẓ",
];

/// Letters that are two in English.
const DOUBLE: [(char, &str); 12] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('þ', "th"),
    ('ñ', "ny"),
    ('ǆ', "dzh"),
    ('ǉ', "ly"),
    ('ǌ', "ny"),
    ('ﬀ', "ff"),
    ('ﬁ', "fi"),
    ('ﬂ', "fl"),
    ('ﬃ', "ffi"),
];

/// Tells whether `c` is a Latin letter that can be written in plain ones.
pub fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || plain(c).is_some()
}

/// Returns `word` in plain letters; what is no letter stays.
pub fn folded(word: &str) -> String {
    let mut written = String::new();
    for c in word.chars() {
        match plain(c) {
            _ if c.is_ascii() || !c.is_alphabetic() => written.push(c),
            Some(letters) => written.push_str(&letters),
            None => {}
        }
    }
    written
}

fn plain(c: char) -> Option<String> {
    let lower = c.to_lowercase().next()?;
    let letters = match DOUBLE.iter().find(|(double, _)| *double == lower) {
        Some((_, letters)) => (*letters).to_owned(),
        None => ACCENTED.iter().find(|row| row.contains(lower))?.chars().take(1).collect(),
    };
    Some(if c.is_uppercase() { letters[..1].to_ascii_uppercase() + &letters[1..] } else { letters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_fall_and_double_letters_part() {
        for (word, expected) in [
            ("Müller", "Muller"),
            ("ÉCLAIR", "ECLAIR"),
            ("Ærø", "Aero"),
            ("Señor", "Senyor"),
            ("Straße", "Strasse"),
            ("ﬁsh", "fish"),
            ("Łódź", "Lodz"),
            ("a — b", "a — b"),
        ] {
            assert_eq!(folded(word), expected);
        }
        assert!(is_latin('Ż') && !is_latin('ж') && !is_latin('東') && !is_latin('2'));
    }
}
