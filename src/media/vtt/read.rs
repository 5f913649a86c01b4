//! Reads WebVTT as the W3C's recommendation parses it (sections 6.1 to 6.4): what is said, and when.
//!
//! A cue's name, place and styles are passed over: they say how it looks.

use super::super::cue::Cue;
use super::text::plain;

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
                self.file.cues.push(Cue { start_ms, end_ms, lines, ..Cue::default() });
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
    let long = first.len() != 2 || number(first) > 59 || rest.starts_with(':');
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
    let (minutes, seconds) = (number(minutes), number(seconds));
    let ms = (minutes * 60 + seconds) * 1000 + number(fraction);
    (minutes <= 59 && seconds <= 59).then_some((number(hours).saturating_mul(3_600_000).saturating_add(ms), rest))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| text.split_at(end))
}

/// The digits' value. The rules set no bound to hours: what is more than a number holds is its highest.
fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A cue from 0 to 1 s.
    fn cue(lines: &[&str]) -> Cue {
        timed(0, 1000, lines)
    }

    fn timed(start_ms: u64, end_ms: u64, lines: &[&str]) -> Cue {
        Cue { start_ms, end_ms, lines: lines.iter().map(ToString::to_string).collect(), ..Cue::default() }
    }

    #[track_caller]
    fn check(text: &str, cues: &[Cue], dropped: &[usize]) {
        assert_eq!(read(text), Ok(Vtt { cues: cues.to_vec(), dropped: dropped.to_vec() }), "{text:?}");
    }

    /// Whether a line of times begins a cue.
    #[track_caller]
    fn is_read(times: &str) -> Option<(u64, u64)> {
        let file = read(&format!("WEBVTT\n\n{times}\nhere\n\n00:07.000 --> 00:08.000\nnext")).unwrap();
        assert_eq!(file.cues.last(), Some(&timed(7000, 8000, &["next"])), "{times:?}");
        assert_eq!(file.cues.len() + file.dropped.len(), 2, "{times:?}");
        (file.cues.len() == 2).then(|| (file.cues[0].start_ms, file.cues[0].end_ms))
    }

    #[test]
    fn blocks_that_are_no_cues_are_passed_over() {
        let text = "\u{FEFF}WEBVTT - a title\nX: y\n\nNOTE one\ntwo\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:r\n\n\
                    intro\n00:01.000 --> 00:02.000 align:start line:0\n<v Ann>Hi <b>you</b> &amp; me<00:01.500>&#x21;\n";
        check(text, &[timed(1000, 2000, &["Hi you & me!"])], &[]);
    }

    #[test]
    fn a_file_needs_its_signature() {
        let foreign =
            ["", "WEB", "webvtt\n", "WEBVTTX\n", " WEBVTT\n", "\n\nWEBVTT\n", "WEBVTT\u{A0}\n", "WEBVTT\u{C}\n"];
        for text in foreign {
            assert_eq!(read(text), Err(VttError), "{text:?}");
        }
        assert_eq!(VttError.to_string(), "line 1: a WebVTT file begins with `WEBVTT`");
        for text in ["WEBVTT", "WEBVTT\n", "WEBVTT\tx", "WEBVTT ", "\u{FEFF}WEBVTT", "WEBVTT x\r\n\r\n", "WEBVTT\r"] {
            check(text, &[], &[]);
        }
    }

    #[test]
    fn times_in_the_line_of_the_signature_are_no_cue() {
        check("WEBVTT 00:00.000 --> 00:01.000\nno cue\n", &[], &[]);
    }

    #[test]
    fn times_run_into_text_or_header_still_begin_a_cue() {
        check(
            "WEBVTT\n00:00.000 --> 00:01.000\na\n00:01.000-->00:02.000\nb",
            &[cue(&["a"]), timed(1000, 2000, &["b"])],
            &[],
        );
        check("WEBVTT\nkept out\n00:00.000 --> 00:01.000\na", &[cue(&["a"])], &[]);
        check("WEBVTT\n\nx\ny\n00:00.000 --> 00:01.000\na", &[cue(&["a"])], &[]);
        check("WEBVTT\n\nNOTE\nx\n00:00.000 --> 00:01.000\na", &[cue(&["a"])], &[]);
    }

    #[test]
    fn a_name_is_any_line_before_the_times() {
        for name in [" two words", "end ", "-- >", "->", " ", "NOTE", "STYLE", "1"] {
            check(&format!("WEBVTT\n\n{name}\n00:00.000 --> 00:01.000\na"), &[cue(&["a"])], &[]);
        }
    }

    #[test]
    fn an_arrow_without_times_loses_its_own_line_only() {
        for arrow in ["-->", "said-->", "-->said", "--->", "-->-->", "00:00.000 - -->", "00:00.000 --a -->"] {
            check(
                &format!("WEBVTT\n\n00:00.000 --> 00:01.000\na\n{arrow}\n00:00.000 --> 00:01.000\nb\n"),
                &[cue(&["a"]), cue(&["b"])],
                &[5],
            );
        }
    }

    #[test]
    fn lines_end_as_on_any_system() {
        for end in ["\r", "\n", "\r\n"] {
            let text = format!("WEBVTT{end}{end}name{end}00:00.000 --> 00:01.000{end}a{end}b{end}{end}");
            check(&text, &[cue(&["a", "b"])], &[]);
        }
        // `\n` and then `\r` are two ends, and so an empty line.
        check(
            "WEBVTT\n\n00:00.000 --> 00:01.000\na\n\rname\r00:00.000 --> 00:01.000\nb\n\r",
            &[cue(&["a"]), cue(&["b"])],
            &[],
        );
        check("WEBVTT\n\nname\n\r00:00.000 --> 00:01.000\n\ra\n\r", &[cue(&[])], &[]);
    }

    #[test]
    fn blank_before_and_after_times_is_space_tab_and_form_feed() {
        for blank in ["", "   ", "\t\t", "\u{C}", " \t\u{C}"] {
            let times = format!("{blank}00:00.000{blank}-->{blank}00:01.000{blank}");
            assert_eq!(is_read(&times), Some((0, 1000)), "{times:?}");
        }
        for other in ["\u{B}", "\u{A0}", "\u{3000}", "\0"] {
            assert_eq!(is_read(&format!("00:00.000{other}--> 00:01.000")), None, "{other:?}");
        }
        check("WEBVTT\n\n00:00.000 --> 00:01.000\n  a", &[cue(&["  a"])], &[]);
    }

    #[test]
    fn hours_are_optional_and_have_any_number_of_digits() {
        let hours = |text: &str| is_read(&format!("{text}00:00.000 --> 00:01.000")).map(|(start, _)| start);
        assert_eq!(hours(""), Some(0));
        assert_eq!((hours("0:"), hours("000:"), hours("0000000000000000000000:")), (Some(0), Some(0), Some(0)));
        assert_eq!((hours("60:"), hours("100:")), (Some(216_000_000), Some(360_000_000)));
        assert_eq!(hours(&format!("{}:", "9".repeat(40))), Some(u64::MAX));
    }

    #[test]
    fn an_end_before_the_start_is_kept_as_it_stands() {
        assert_eq!(is_read("00:01.000 --> 00:00.999"), Some((1000, 999)));
        assert_eq!(is_read("00:00:01.000 --> 00:01.000"), Some((1000, 1000)));
    }

    #[test]
    fn settings_of_any_sort_are_passed_over() {
        for settings in
            [" line:0", " region:x position:150%", " :", " a:b c", "\talign:end", "x", "\0align:end", " -->"]
        {
            assert_eq!(is_read(&format!("00:00.000 --> 00:01.000{settings}")), Some((0, 1000)), "{settings:?}");
        }
    }

    #[test]
    fn times_with_a_digit_more_or_less_are_none() {
        let bad = [
            "0:00.000",
            "000:00.000",
            "00:0.000",
            "00:000.000",
            "00:00.00",
            "00:00.0000",
            "00:00.",
            "00:00",
            "00.000",
            "00:0:00.000",
            "00:000:00.000",
            "00:00:0.000",
            "00:00:000.000",
            "00:00:00.00",
            "00:00:00.0000",
            "0000.000",
            "00::00.000",
            "00:00::00.000",
            "00:00..000",
            "00:00,000",
            "00:00:00,000",
            ":00.000",
            ".",
            "",
            "-00:00.000",
            "00:60.000",
            "00:00:60.000",
            "00:60:00.000",
            "60:00.000",
            "99:60.000",
            "00:00 .000",
            "٠٠:٠٠.٠٠٠",
        ];
        for time in bad {
            assert_eq!(is_read(&format!("{time} --> 00:01.000")), None, "{time:?}");
            // After a whole end time anything may follow.
            if !time.starts_with("00:00.000") && !time.ends_with("0000") {
                assert_eq!(is_read(&format!("00:00.000 --> {time}")), None, "{time:?}");
            }
        }
        for times in ["00:00.000 -> 00:01.000 -->", "00:00.000 -- > 00:01.000 -->", "00:00.000 00:01.000 -->"] {
            assert_eq!(is_read(times), None, "{times:?}");
        }
    }

    #[test]
    fn a_nul_is_a_character_that_nobody_knows() {
        check("WEBVTT\n\0\n00:00.000 --> 00:01.000\na\0b", &[cue(&["a\u{FFFD}b"])], &[]);
        let times = "00:00.000 --> 00:01.000";
        for at in 0..times.len() {
            let mut torn = times.to_string();
            torn.replace_range(at..=at, "\0");
            assert_eq!(read(&format!("WEBVTT\n\n{torn}\na")).unwrap().cues, [], "{torn:?}");
        }
    }

    #[test]
    fn a_file_that_ends_too_soon_keeps_what_it_has() {
        check("WEBVTT\n\n00:00.000 --> 00:01.000", &[cue(&[])], &[]);
        check("WEBVTT\n\n00:00.000 -->", &[], &[3]);
        check("WEBVTT\n\nname", &[], &[]);
    }

    #[test]
    fn cues_with_unreadable_times_are_dropped_and_named() {
        check(
            "WEBVTT\n\n00:00,000 --> 00:01.000\nlost\n\nname\n00:60.000 --> 00:61.000\nlost\n\n00:00.000 --> 00:01.000\na",
            &[cue(&["a"])],
            &[3, 7],
        );
    }

    proptest! {
        #[test]
        fn no_text_stops_the_reader(text in "(WEBVTT)?[0-9:.>\n\r &<;#x\0-]{0,60}") {
            let _ = read(&text);
        }
    }
}
