//! Writes TTML (`.ttml`) subtitles in the text profile of IMSC 1.1.

use super::cue::{Cue, Piece, stamp};
use super::style::{Highlight, Look, Position, Style, is_right_to_left};

/// A character that no XML file can hold, not even as a reference. Cues are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cue {cue} has the character U+{character:04X}, which XML cannot hold")]
pub struct TtmlError {
    pub cue: usize,
    pub character: u32,
}

/// Sizes are counted in fifteenths of the picture's height: the cells of the format's own grid.
const ROWS: f64 = 15.0;

/// Returns the cues as a TTML file for a text of that language. Fails on a character that XML cannot hold.
///
/// A highlighted word is a span whose colour is set from when it is spoken to the end of its cue.
pub fn write(cues: &[Cue], look: &Look, language: &str) -> Result<String, TtmlError> {
    let mut file = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <tt xmlns=\"http://www.w3.org/ns/ttml\" xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" \
         xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" \
         ttp:contentProfiles=\"http://www.w3.org/ns/ttml/profile/imsc1.1/text\" ttp:cellResolution=\"32 15\" \
         xml:lang=\"{}\" xml:space=\"preserve\">\n{}  <body region=\"area\" style=\"text\">\n    <div>\n",
        tag(language),
        head(look, language)
    );
    for (index, cue) in cues.iter().enumerate() {
        if let Some(c) = cue.lines.iter().flat_map(|line| line.chars()).find(|&c| !is_xml(c)) {
            return Err(TtmlError { cue: index + 1, character: c.into() });
        }
        let text = match look.highlight {
            Highlight::Nothing => escape(&cue.text()).replace('\n', "<br/>"),
            Highlight::Word => by_word(cue, look),
        };
        let (begin, end) = (stamp(cue.start_ms, '.'), stamp(cue.end_ms, '.'));
        file.push_str(&format!("      <p xml:id=\"c{}\" begin=\"{begin}\" end=\"{end}\">{text}</p>\n", index + 1));
    }
    file.push_str("    </div>\n  </body>\n</tt>\n");
    Ok(file)
}

/// A language's tag as XML has it: letters, digits and hyphens.
fn tag(language: &str) -> String {
    language.replace('_', "-").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

fn head(look: &Look, language: &str) -> String {
    let Style { font, size, position, .. } = &look.style;
    let font = match font.as_deref() {
        None | Some("sans-serif") => "proportionalSansSerif".to_string(),
        Some("serif") => "proportionalSerif".to_string(),
        Some("monospace") => "monospaceSansSerif".to_string(),
        Some(font) => format!("'{font}',proportionalSansSerif"),
    };
    let size = size.unwrap_or(Style::SIZE) * ROWS;
    let colour = look.style.base_colour();
    let direction = if is_right_to_left(language) { " tts:direction=\"rtl\"" } else { "" };
    let place = match position.unwrap_or_default() {
        Position::Bottom => "after",
        Position::Middle => "center",
        Position::Top => "before",
    };
    let margin = look.frame.margin();
    format!(
        "  <head>\n    <styling>\n      <style xml:id=\"text\" tts:fontFamily=\"{font}\" tts:fontSize=\"{size}%\" \
         tts:lineHeight=\"120%\" tts:color=\"{colour}\" tts:textOutline=\"#000000 5%\" tts:textAlign=\"center\"{direction}/>\n    \
         </styling>\n    <layout>\n      <region xml:id=\"area\" tts:origin=\"5% {margin}%\" tts:extent=\"90% {}%\" \
         tts:displayAlign=\"{place}\"/>\n    </layout>\n  </head>\n",
        100 - 2 * margin
    )
}

fn by_word(cue: &Cue, look: &Look) -> String {
    let lit = look.style.lit_colour();
    let span = |Piece { text, start_ms }: Piece<'_>| {
        // Times inside a cue count from its own.
        let begin = stamp(start_ms.saturating_sub(cue.start_ms), '.');
        format!("<span><set begin=\"{begin}\" tts:color=\"{lit}\"/>{}</span>", escape(text))
    };
    let line = |pieces: Vec<Piece<'_>>| pieces.into_iter().map(span).collect::<String>();
    cue.pieces().into_iter().map(line).collect::<Vec<_>>().join("<br/>")
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::cue::{Onset, cue};
    use super::super::style::{Colour, Frame};
    use super::*;

    #[test]
    fn a_file_has_a_style_a_region_and_a_paragraph_for_each_cue() {
        let file =
            write(&[cue(0, 1500, &["Q&A", "<i>"]), cue(360_000_000, 360_000_001, &["b"])], &Look::default(), "pt_BR");
        let expected = r##"<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xmlns:tts="http://www.w3.org/ns/ttml#styling" ttp:contentProfiles="http://www.w3.org/ns/ttml/profile/imsc1.1/text" ttp:cellResolution="32 15" xml:lang="pt-BR" xml:space="preserve">
  <head>
    <styling>
      <style xml:id="text" tts:fontFamily="proportionalSansSerif" tts:fontSize="75%" tts:lineHeight="120%" tts:color="#ffffff" tts:textOutline="#000000 5%" tts:textAlign="center"/>
    </styling>
    <layout>
      <region xml:id="area" tts:origin="5% 5%" tts:extent="90% 90%" tts:displayAlign="after"/>
    </layout>
  </head>
  <body region="area" style="text">
    <div>
      <p xml:id="c1" begin="00:00:00.000" end="00:00:01.500">Q&amp;A<br/>&lt;i&gt;</p>
      <p xml:id="c2" begin="100:00:00.000" end="100:00:00.001">b</p>
    </div>
  </body>
</tt>
"##;
        assert_eq!(file.unwrap(), expected);
    }

    #[test]
    fn the_look_is_the_storys() {
        let style = Style {
            font: Some("Open Sans".into()),
            size: Some(6.0),
            colour: Colour::parse("aqua"),
            position: Some(Position::Top),
            ..Style::default()
        };
        let file = write(&[], &Look { frame: Frame::Upright, style, ..Look::default() }, "he").unwrap();
        for part in [
            r#"tts:fontFamily="'Open Sans',proportionalSansSerif" tts:fontSize="90%""#,
            r##"tts:color="#00ffff""##,
            r#"tts:direction="rtl""#,
            r#"tts:origin="5% 20%" tts:extent="90% 60%" tts:displayAlign="before""#,
        ] {
            assert!(file.contains(part), "{part} is not in {file}");
        }
    }

    #[test]
    fn highlighted_words_turn_when_they_are_spoken() {
        let onset = |line, at, ms| Onset { line, at, ms };
        let onsets = vec![onset(0, 0, 1000), onset(0, 4, 1300), onset(1, 0, 1700)];
        let cue = Cue { onsets, ..cue(1000, 2000, &["She ran", "away"]) };
        let file = write(&[cue], &Look { highlight: Highlight::Word, ..Look::default() }, "en").unwrap();
        let span = |begin: &str, text: &str| {
            format!("<span><set begin=\"00:00:0{begin}\" tts:color=\"#ffff00\"/>{text}</span>")
        };
        let text = [&span("0.000", "She "), &span("0.300", "ran"), "<br/>", &span("0.700", "away"), "</p>"].concat();
        assert!(file.contains(&text), "{file}");
    }

    #[test]
    fn what_xml_cannot_hold_is_refused_and_named() {
        let error = write(&[cue(0, 1, &["a"]), cue(1, 2, &["b\u{7}"])], &Look::default(), "en").unwrap_err();
        assert_eq!(error.to_string(), "cue 2 has the character U+0007, which XML cannot hold");
        assert!(write(&[cue(0, 1, &["\u{FFFF}"])], &Look::default(), "en").is_err());
        assert!(write(&[cue(0, 1, &["😀\u{202B}\u{E000}\u{FFFD}"])], &Look::default(), "en").is_ok());
    }
}
