//! Writes and reads WebVTT (`.vtt`) subtitles.

mod read;
mod text;

use super::cue::{Cue, Piece, stamp};
use super::style::{Highlight, Look, Position, Style};
use text::escape;

pub use read::{Vtt, VttError, read};

/// Returns the cues as a WebVTT file: hours always written, `\n` at line ends, `&`, `<` and `>` escaped.
///
/// A highlighted word stands after its time in a tag of its own, `<00:00:01.000><c>word</c>`: only tags can be styled as
/// yet to come.
pub fn write(cues: &[Cue], look: &Look) -> String {
    let mut file = String::from("WEBVTT\n");
    file.push_str(&stylesheet(look));
    let place = match look.style.position.unwrap_or_default() {
        Position::Bottom => "",
        Position::Middle => " line:50%,center",
        Position::Top => " line:0",
    };
    for cue in cues {
        let text = match look.highlight {
            Highlight::Nothing => escape(&cue.text()),
            Highlight::Word => by_word(cue),
        };
        file.push_str(&format!("\n{} --> {}{place}\n{text}\n", stamp(cue.start_ms, '.'), stamp(cue.end_ms, '.')));
    }
    file
}

/// Returns the block that says how cues look; empty if the story says nothing of it.
fn stylesheet(look: &Look) -> String {
    let Style { font, size, colour, .. } = &look.style;
    let font = font.as_deref().map(|font| match font {
        "serif" | "sans-serif" | "monospace" => format!("  font-family: {font};\n"),
        _ => format!("  font-family: \"{font}\", sans-serif;\n"),
    });
    let size = size.map(|size| format!("  font-size: {size}vh;\n"));
    let colour = colour.map(|colour| format!("  color: {colour};\n"));
    let all: String = [font, size, colour].into_iter().flatten().collect();
    let mut rules = String::new();
    if !all.is_empty() {
        rules.push_str(&format!("::cue {{\n{all}}}\n"));
    }
    if look.highlight == Highlight::Word {
        let (lit, base) = (look.style.lit_colour(), look.style.base_colour());
        rules.push_str(&format!("::cue(c) {{ color: {lit}; }}\n::cue(:future) {{ color: {base}; }}\n"));
    }
    if rules.is_empty() { rules } else { format!("\nSTYLE\n{rules}") }
}

/// Returns the cue's text with the time of each word.
fn by_word(cue: &Cue) -> String {
    let mut before = cue.start_ms;
    let mut line = |pieces: Vec<Piece<'_>>| {
        let mut text = String::new();
        for Piece { text: piece, start_ms } in pieces {
            // Times inside a cue must rise and stay inside it; a word without one lights up with the word before.
            if start_ms > before && start_ms < cue.end_ms {
                text.push_str(&format!("<{}>", stamp(start_ms, '.')));
                before = start_ms;
            }
            let word = piece.trim_end_matches(' ');
            text.push_str(&format!("<c>{}</c>{}", escape(word), &piece[word.len()..]));
        }
        text
    };
    cue.pieces().into_iter().map(&mut line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::cue::{Onset, cue};
    use super::super::style::Colour;
    use super::*;
    use proptest::prelude::*;

    fn plain(cues: &[Cue]) -> String {
        write(cues, &Look::default())
    }

    #[test]
    fn text_is_escaped_and_never_holds_an_arrow() {
        let text = plain(&[cue(0, 3_600_001, &["a --> b", "Q&A <i>"])]);
        assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 01:00:00.001\na --&gt; b\nQ&amp;A &lt;i&gt;\n");
        assert_eq!(plain(&[]), "WEBVTT\n");
    }

    #[test]
    fn a_style_stands_before_the_cues_and_a_place_beside_their_times() {
        let style = Style {
            font: Some("Open Sans".into()),
            size: Some(6.5),
            colour: Colour::parse("#FFCC00"),
            position: Some(Position::Top),
            ..Style::default()
        };
        let file = write(&[cue(0, 1000, &["a"])], &Look { style, ..Look::default() });
        assert_eq!(
            file,
            "WEBVTT\n\nSTYLE\n::cue {\n  font-family: \"Open Sans\", sans-serif;\n  font-size: 6.5vh;\n  color: #ffcc00;\n}\n\
             \n00:00:00.000 --> 00:00:01.000 line:0\na\n"
        );
        let middle = Style { position: Some(Position::Middle), font: Some("serif".into()), ..Style::default() };
        let file = write(&[cue(0, 1000, &["a"])], &Look { style: middle, ..Look::default() });
        assert!(file.contains("01.000 line:50%,center\n") && file.contains("font-family: serif;"), "{file}");
    }

    #[test]
    fn highlighted_words_have_times_that_rise_inside_the_cue() {
        let onset = |line, at, ms| Onset { line, at, ms };
        // The dash takes three bytes.
        let onsets = vec![onset(0, 0, 500), onset(0, 2, 500), onset(0, 6, 700), onset(1, 0, 700), onset(1, 2, 2000)];
        let cue = Cue { onsets, ..cue(500, 2000, &["a – b", "c d"]) };
        let file = write(&[cue], &Look { highlight: Highlight::Word, ..Look::default() });
        let (head, text) = file.split_once("\n00:00:00.500 --> 00:00:02.000\n").unwrap();
        assert_eq!(head, "WEBVTT\n\nSTYLE\n::cue(c) { color: #ffff00; }\n::cue(:future) { color: #ffffff; }\n");
        assert_eq!(text, "<c>a</c> <c>–</c> <00:00:00.700><c>b</c>\n<c>c</c> <c>d</c>\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(times in proptest::collection::vec((0u64..400_000_000, 0u64..9000, "[a-z0-9&<>;é字#-]{1,9}( [0-9>-]{1,4})?", "[a-z&0-9]{0,5}"), 0..12)) {
            let cues: Vec<Cue> = times.into_iter().map(|(start, length, first, second)| {
                let lines: Vec<&str> = [first.as_str(), second.as_str()].into_iter().filter(|line| !line.is_empty()).collect();
                cue(start, start + length, &lines)
            }).collect();
            prop_assert_eq!(read(&plain(&cues)).unwrap(), Vtt { cues, dropped: Vec::new() });
        }
    }
}
