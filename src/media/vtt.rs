//! Writes and reads WebVTT (`.vtt`) subtitles.
//!
//! The reader follows the parsing rules of the W3C's WebVTT recommendation (section 6.1) for files and cue times, and
//! reduces cue text to what is read aloud: tags fall, character references become characters.

use super::cue::{Cue, clock};

/// Why a text is no WebVTT file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line 1: a WebVTT file begins with `WEBVTT`")]
pub struct VttError;

/// What a WebVTT file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vtt {
    pub cues: Vec<Cue>,
    /// Lines (from 1) of cues whose times cannot be read; the rules tell readers to leave such cues out.
    pub dropped: Vec<usize>,
}

/// Returns the cues as a WebVTT file: hours always written, `\n` at line ends, `&`, `<` and `>` escaped.
pub fn write(cues: &[Cue]) -> String {
    let mut text = String::from("WEBVTT\n");
    for cue in cues {
        text.push_str(&format!("\n{} --> {}\n{}\n", stamp(cue.start_ms), stamp(cue.end_ms), escape(&cue.text())));
    }
    text
}

/// Reads a WebVTT file. Fails only without its signature; cues with unreadable times are left out and reported.
pub fn read(text: &str) -> Result<Vtt, VttError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let text = text.replace('\0', "\u{FFFD}").replace("\r\n", "\n").replace('\r', "\n");
    let signed = text.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']));
    if !signed {
        return Err(VttError);
    }
    let mut reader = Reader { lines: text.split('\n').collect(), at: 1, file: Vtt::default() };
    reader.header();
    while reader.skip_blank() {
        reader.block();
    }
    Ok(reader.file)
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    /// The next line to read, from 0.
    at: usize,
    file: Vtt,
}

impl Reader<'_> {
    /// Skips what belongs to the signature's block. A line of times ends it even without an empty line.
    fn header(&mut self) {
        while self.lines.get(self.at).is_some_and(|line| !line.is_empty() && !line.contains("-->")) {
            self.at += 1;
        }
    }

    fn skip_blank(&mut self) -> bool {
        while self.lines.get(self.at).is_some_and(|line| line.is_empty()) {
            self.at += 1;
        }
        self.at < self.lines.len()
    }

    /// Reads one block: a cue if its first or second line has the times, else a note, style or region to pass over.
    fn block(&mut self) {
        let first = self.at;
        let has_arrow = |at: usize| self.lines.get(at).is_some_and(|line| line.contains("-->"));
        let times_at = if has_arrow(first) {
            Some(first)
        } else {
            // After an empty line another block begins.
            Some(first + 1).filter(|&at| has_arrow(at))
        };
        self.at = times_at.map_or(first, |at| at + 1);
        let text_from = self.at;
        while self.lines.get(self.at).is_some_and(|line| !line.is_empty() && !line.contains("-->")) {
            self.at += 1;
        }
        let Some(times_at) = times_at else {
            // A third line with an arrow ends this block and begins the next.
            return;
        };
        match times(self.lines[times_at]) {
            Some((start_ms, end_ms)) => {
                let text = plain(&self.lines[text_from..self.at].join("\n"));
                let lines = if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_string).collect() };
                self.file.cues.push(Cue { start_ms, end_ms, lines });
            }
            None => self.file.dropped.push(times_at + 1),
        }
    }
}

/// Reads `start --> end settings`; the settings say where a cue stands, not what or when, and are passed over.
fn times(line: &str) -> Option<(u64, u64)> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\u{C}');
    let (start, rest) = time(line.trim_start_matches(blank))?;
    let rest = rest.trim_start_matches(blank).strip_prefix("-->")?;
    let (end, _settings) = time(rest.trim_start_matches(blank))?;
    Some((start, end))
}

/// Reads a time at the start of `text`: `[hours:]minutes:seconds.milliseconds`; returns it and what follows.
fn time(text: &str) -> Option<(u64, &str)> {
    let (first, rest) = digits(text)?;
    let (second, rest) = digits(rest.strip_prefix(':')?)?;
    let long = first.len() != 2 || number(first)? > 59 || rest.starts_with(':');
    let (hours, minutes, seconds, rest) = if long {
        let (third, rest) = digits(rest.strip_prefix(':')?)?;
        (first, second, third, rest)
    } else {
        ("0", first, second, rest)
    };
    let (fraction, rest) = digits(rest.strip_prefix('.')?)?;
    if minutes.len() != 2 || seconds.len() != 2 || fraction.len() != 3 {
        return None;
    }
    let (minutes, seconds) = (number(minutes)?, number(seconds)?);
    let ms = ((number(hours)? * 60 + minutes) * 60 + seconds) * 1000 + number(fraction)?;
    (minutes <= 59 && seconds <= 59).then_some((ms, rest))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| text.split_at(end))
}

/// The digits' value. Nine of them are more hours than any recording has; more would overflow.
fn number(digits: &str) -> Option<u64> {
    if digits.len() <= 9 { digits.parse().ok() } else { None }
}

/// Takes the tags out of cue text and resolves its character references.
fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
        } else if let Some((c, after)) = reference(rest) {
            kept.push(c);
            rest = after;
        } else {
            kept.push('&');
            rest = &rest[1..];
        }
    }
    kept + rest
}

/// Reads `&name;` or `&#number;` at the start of `text`.
fn reference(text: &str) -> Option<(char, &str)> {
    let (name, after) = text[1..].split_once(';')?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        "lrm" => '\u{200E}',
        "rlm" => '\u{200F}',
        _ => {
            let code = name.strip_prefix('#')?;
            let hex = code.strip_prefix(['x', 'X']);
            char::from_u32(hex.map_or_else(|| code.parse(), |hex| u32::from_str_radix(hex, 16)).ok()?)?
        }
    };
    Some((c, after))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
        Cue { start_ms, end_ms, lines: lines.iter().map(ToString::to_string).collect() }
    }

    #[track_caller]
    fn check(text: &str, cues: &[Cue], dropped: &[usize]) {
        assert_eq!(read(text), Ok(Vtt { cues: cues.to_vec(), dropped: dropped.to_vec() }));
    }

    #[test]
    fn text_is_escaped_and_never_holds_an_arrow() {
        let text = write(&[cue(0, 3_600_001, &["a --> b", "Q&A <i>"])]);
        assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 01:00:00.001\na --&gt; b\nQ&amp;A &lt;i&gt;\n");
        assert_eq!(write(&[]), "WEBVTT\n");
    }

    #[test]
    fn blocks_that_are_no_cues_are_passed_over() {
        let text = "\u{FEFF}WEBVTT - a title\nX: y\n\nNOTE one\ntwo\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:r\n\n\
                    intro\n00:01.000 --> 00:02.000 align:start line:0\n<v Ann>Hi <b>you</b> &amp; me<00:01.500>&#x21;\n";
        check(text, &[cue(1000, 2000, &["Hi you & me!"])], &[]);
    }

    #[test]
    fn a_file_needs_its_signature() {
        for text in ["", "webvtt\n", "WEBVTTX\n", " WEBVTT\n", "1\n00:00:00,000 --> 00:00:01,000\n"] {
            assert_eq!(read(text), Err(VttError), "{text:?}");
        }
        for text in ["WEBVTT", "WEBVTT\n", "WEBVTT\tx", "WEBVTT x\r\n\r\n"] {
            check(text, &[], &[]);
        }
    }

    #[test]
    fn times_run_into_text_or_header_still_begin_a_cue() {
        check(
            "WEBVTT\n00:00.000 --> 00:01.000\na\n00:01.000-->00:02.000\nb",
            &[cue(0, 1000, &["a"]), cue(1000, 2000, &["b"])],
            &[],
        );
        check("WEBVTT\n\nx\ny\n00:00.000 --> 00:01.000\na", &[cue(0, 1000, &["a"])], &[]);
    }

    #[test]
    fn cues_with_unreadable_times_are_dropped_and_named() {
        let bad = [
            "00:00,000 --> 00:01.000",
            "00:60.000 --> 01:00.000",
            "0:00.000 --> 00:01.000",
            "00:00.00 --> 00:01.000",
            "00:00.000 -> 00:01.000 -->",
            "00:00.000 --> 00:01.0000",
        ];
        for times in bad {
            check(
                &format!("WEBVTT\n\n{times}\nlost\n\n100:00:00.000 --> 100:00:01.000\nkept"),
                &[cue(360_000_000, 360_001_000, &["kept"])],
                &[3],
            );
        }
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

        #[test]
        fn no_text_stops_the_reader(text in "(WEBVTT)?[0-9:.>\n &<;#x-]{0,60}") {
            let _ = read(&text);
        }
    }
}
