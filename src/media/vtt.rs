//! Writes and reads WebVTT (`.vtt`) subtitles.

mod read;
mod text;

use super::cue::{Cue, clock};
use text::escape;

pub use read::{Vtt, VttError, read};

/// Returns the cues as a WebVTT file: hours always written, `\n` at line ends, `&`, `<` and `>` escaped.
pub fn write(cues: &[Cue]) -> String {
    let mut text = String::from("WEBVTT\n");
    for cue in cues {
        text.push_str(&format!("\n{} --> {}\n{}\n", stamp(cue.start_ms), stamp(cue.end_ms), escape(&cue.text())));
    }
    text
}

fn stamp(ms: u64) -> String {
    let (hours, minutes, seconds, ms) = clock(ms);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cue(start_ms: u64, end_ms: u64, lines: &[&str]) -> Cue {
        Cue { start_ms, end_ms, lines: lines.iter().map(ToString::to_string).collect(), ..Cue::default() }
    }

    #[test]
    fn text_is_escaped_and_never_holds_an_arrow() {
        let text = write(&[cue(0, 3_600_001, &["a --> b", "Q&A <i>"])]);
        assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 01:00:00.001\na --&gt; b\nQ&amp;A &lt;i&gt;\n");
        assert_eq!(write(&[]), "WEBVTT\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(times in proptest::collection::vec((0u64..400_000_000, 0u64..9000, "[a-z0-9&<>;é字#-]{1,9}( [0-9>-]{1,4})?", "[a-z&0-9]{0,5}"), 0..12)) {
            let cues: Vec<Cue> = times.into_iter().map(|(start, length, first, second)| {
                let lines: Vec<&str> = [first.as_str(), second.as_str()].into_iter().filter(|line| !line.is_empty()).collect();
                cue(start, start + length, &lines)
            }).collect();
            prop_assert_eq!(read(&write(&cues)).unwrap(), Vtt { cues, dropped: Vec::new() });
        }
    }
}
