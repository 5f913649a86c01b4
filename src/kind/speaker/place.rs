//! Finds where in the script's file a voice's warning is about.

use crate::base::span::Span;
use crate::media::plain::Sentence;
use crate::provider::speech::SpeechWarning;

/// Returns line and column, from 1, of what the warning means in `script`; that of its sentence if markup hides it.
pub fn of(script: &str, sentence: &Sentence, warning: &SpeechWarning) -> (usize, usize) {
    let start = sentence.span.start as usize;
    let source = script.get(start..sentence.span.end as usize).unwrap_or("");
    let offset = if source == sentence.text {
        warning.start as usize
    } else {
        found(source, &sentence.text, warning).unwrap_or(0)
    };
    let byte = u32::try_from(start + offset.min(source.len())).unwrap_or(u32::MAX);
    Span::new(byte, byte).line_column(script)
}

/// The same words, as many-th in the source as they are in the spoken text.
fn found(source: &str, spoken: &str, warning: &SpeechWarning) -> Option<usize> {
    let words = spoken.get(warning.start as usize..warning.end as usize).filter(|words| !words.is_empty())?;
    let nth = spoken.get(..warning.start as usize)?.matches(words).count();
    source.match_indices(words).nth(nth).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::plain::paragraphs;

    #[track_caller]
    fn check(script: &str, words: &str, expected: (usize, usize)) {
        let sentence = &paragraphs(script)[0].sentences[1];
        let start = sentence.text.rfind(words).unwrap() as u32;
        let warning = SpeechWarning { start, end: start + words.len() as u32, message: String::new() };
        assert_eq!(of(script, sentence, &warning), expected);
    }

    #[test]
    fn plain_text_gives_the_exact_place() {
        check("One.\nHe went to 東京 then.", "東京", (2, 12));
    }

    #[test]
    fn markup_in_the_sentence_moves_the_place_along() {
        check("One. He **really** saw 東京, [sighs] saw\n東京 again.", "東京", (2, 1));
    }
}
