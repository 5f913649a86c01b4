//! Says what one word of plain text is: the unit that is spoken, timed, shown and counted.

/// One word and how it meets the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The word with its punctuation; never empty, free of whitespace.
    pub text: &'a str,
    /// True when the text has no space between this word and the next, as in Chinese and Japanese.
    pub joined: bool,
}

/// Returns the words of a plain text: what whitespace separates, and within it each ideograph or kana by itself
/// with the punctuation that belongs to it.
///
/// A space added between two words never changes the result, so a text cut into lines keeps its words.
pub fn words(text: &str) -> Vec<&str> {
    tokens(text).into_iter().map(|token| token.text).collect()
}

/// Returns the words of a plain text, each with how it meets the next.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    text.split_whitespace().flat_map(chunk_tokens).collect()
}

/// Returns whether the word has anything to say: a letter or a digit, not only a dash or an emoji.
pub fn is_spoken(word: &str) -> bool {
    word.chars().any(char::is_alphanumeric)
}

/// Returns the characters a reader sees: combining marks and joiners count nothing.
pub fn width(text: &str) -> usize {
    text.chars().filter(|&c| !is_mark(c)).count()
}

/// Returns whether the script of `c` is written without spaces and may be cut after any character.
pub fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309D}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}'
        | '\u{30FD}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF6F}' | '\u{FF71}'..='\u{FF9D}' | '\u{20000}'..='\u{3FFFD}')
}

/// Returns whether `c` closes a quotation or bracket, or may do so.
pub fn is_closer(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '}' | '”' | '’' | '»' | '›' | '」' | '』' | '）' | '】' | '〉' | '》' | '〕' | '“'
    )
}

/// Returns whether `c` opens a quotation or bracket, or may do so.
pub fn is_opener(c: char) -> bool {
    matches!(c, '"' | '\'' | '¿' | '¡') || is_bracket(c) || is_wide_opener(c)
}

fn is_bracket(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '“' | '‘' | '«' | '‹' | '„' | '‚')
}

fn is_wide_opener(c: char) -> bool {
    matches!(c, '「' | '『' | '（' | '【' | '〈' | '《' | '〔')
}

/// Kana that may not begin a line: they lengthen or soften the one before.
fn is_small_kana(c: char) -> bool {
    matches!(
        c,
        'ぁ' | 'ぃ'
            | 'ぅ'
            | 'ぇ'
            | 'ぉ'
            | 'っ'
            | 'ゃ'
            | 'ゅ'
            | 'ょ'
            | 'ゎ'
            | 'ァ'
            | 'ィ'
            | 'ゥ'
            | 'ェ'
            | 'ォ'
            | 'ッ'
            | 'ャ'
            | 'ュ'
            | 'ョ'
            | 'ヮ'
            | 'ヵ'
            | 'ヶ'
            | '々'
            | 'ゝ'
            | 'ゞ'
            | 'ヽ'
            | 'ヾ'
    )
}

fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}'
        | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}' | '\u{93C}' | '\u{941}'..='\u{948}'
        | '\u{94D}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{20D0}'..='\u{20FF}' | '\u{3099}'..='\u{309A}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}' | '\u{FEFF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0100}'..='\u{E01EF}')
}

fn chunk_tokens(chunk: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut last: Option<char> = None;
    let mut wide = false;
    for (at, c) in chunk.char_indices() {
        if let Some(before) = last
            && breaks(before, c, wide)
        {
            found.push(Token { text: &chunk[start..at], joined: true });
            start = at;
            wide = false;
        }
        wide |= is_ideograph(c);
        last = Some(c);
    }
    found.push(Token { text: &chunk[start..], joined: false });
    found
}

/// Whether a word ends between `before` and `c`; `wide` tells whether the word so far holds an ideograph.
fn breaks(before: char, c: char, wide: bool) -> bool {
    if is_bracket(before) || is_wide_opener(before) || is_mark(c) || is_small_kana(c) {
        return false;
    }
    is_ideograph(c) || is_wide_opener(c) || (wide && (c.is_alphanumeric() && c != 'ー' || is_bracket(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whitespace_separates_and_punctuation_stays() {
        assert_eq!(
            words("Well,  she’s “here” —\n42 times (at 3.5%)!"),
            ["Well,", "she’s", "“here”", "—", "42", "times", "(at", "3.5%)!"]
        );
    }

    #[test]
    fn ideographs_stand_alone_with_their_punctuation() {
        assert_eq!(words("「東京」は、AIの街。"), ["「東", "京」", "は、", "AI", "の", "街。"]);
        assert_eq!(words("ちょっとコーヒー"), ["ちょっ", "と", "コー", "ヒー"]);
    }

    #[test]
    fn spaced_scripts_are_never_cut_inside() {
        assert_eq!(words("f(x) don't 안녕하세요 Привет!é"), ["f(x)", "don't", "안녕하세요", "Привет!é"]);
    }

    #[test]
    fn width_counts_what_is_seen() {
        assert_eq!(width("cafe\u{301}"), 4);
        assert_eq!(width("Добрый день"), 11);
    }

    proptest! {
        #[test]
        fn a_space_between_words_changes_nothing(text in "[a-zé .,!“”(字カー「」。っй\u{301}]{0,40}") {
            let found = words(&text);
            let spaced = found.join(" ");
            prop_assert_eq!(&words(&spaced), &found);
            let glued: String = found.concat();
            prop_assert_eq!(glued, text.split_whitespace().collect::<String>());
        }
    }
}
