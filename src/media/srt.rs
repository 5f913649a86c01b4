//! Writes and reads SubRip (`.srt`) subtitles.

use super::cue::{Cue, stamp};

/// Why a text is no SubRip file. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtError {
    #[error("line {line}: expected `00:00:00,000 --> 00:00:00,000`, found `{found}`")]
    Times { line: usize, found: String },
    #[error("line {line}: the cue ends before it starts")]
    Backwards { line: usize },
}

/// Returns the cues as a SubRip file: numbered from 1, `\n` at line ends, UTF-8 without a byte order mark.
pub fn write(cues: &[Cue]) -> String {
    let cue = |(index, cue): (usize, &Cue)| {
        format!("{}\n{} --> {}\n{}\n", index + 1, stamp(cue.start_ms, ','), stamp(cue.end_ms, ','), cue.text())
    };
    cues.iter().enumerate().map(cue).collect::<Vec<_>>().join("\n")
}

/// Reads a SubRip file as players do: numbers may be missing or wrong, line ends of any system, a byte order mark,
/// `.` for `,`, empty lines inside a cue's text. Fails with the line where a cue should begin and does not.
pub fn read(text: &str) -> Result<Vec<Cue>, SrtError> {
    let text = text.trim_start_matches('\u{FEFF}').replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let mut cues: Vec<Cue> = Vec::new();
    let mut i = 0;
    while i < lines.len() {
        match header(&lines, i) {
            Some((at, start_ms, end_ms)) => {
                if end_ms < start_ms {
                    return Err(SrtError::Backwards { line: at + 1 });
                }
                cues.push(Cue { start_ms, end_ms, ..Cue::default() });
                i = at + 1;
            }
            None if looks_like_header(&lines, i) || (cues.is_empty() && !lines[i].trim().is_empty()) => {
                return Err(wrong_header(&lines, i));
            }
            None => {
                if let Some(cue) = cues.last_mut() {
                    cue.lines.push(lines[i].to_string());
                }
                i += 1;
            }
        }
    }
    cues.iter_mut().for_each(drop_trailing_blanks);
    Ok(cues)
}

/// A cue begins at `i` if an empty line (or the file's start) comes before, and here or after a number stand the times.
fn header(lines: &[&str], i: usize) -> Option<(usize, u64, u64)> {
    if i > 0 && !lines[i - 1].trim().is_empty() {
        return None;
    }
    let at = if is_number(lines[i]) { i + 1 } else { i };
    let (start, end) = times(lines.get(at)?)?;
    Some((at, start, end))
}

/// A number and then an arrow after an empty line: meant as a cue, whatever else is wrong with it.
fn looks_like_header(lines: &[&str], i: usize) -> bool {
    let after_blank = i == 0 || lines[i - 1].trim().is_empty();
    after_blank && is_number(lines[i]) && lines.get(i + 1).is_some_and(|next| next.contains("-->"))
}

fn wrong_header(lines: &[&str], i: usize) -> SrtError {
    let at = if is_number(lines[i]) && i + 1 < lines.len() { i + 1 } else { i };
    SrtError::Times { line: at + 1, found: lines[at].chars().take(60).collect() }
}

fn is_number(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

fn times(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    // Some writers add a position after the times: `X1:40 X2:600`.
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

fn time(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once([',', '.'])?;
    let mut parts = clock.split(':').map(|part| number(part, 9));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || minutes > 59 || seconds > 59 || fraction.len() != 3 {
        return None;
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + number(fraction, 3)?)
}

fn number(text: &str, digits_max: usize) -> Option<u64> {
    let sound = (1..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

fn drop_trailing_blanks(cue: &mut Cue) {
    while cue.lines.last().is_some_and(|line| line.trim().is_empty()) {
        cue.lines.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::super::cue::cue;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cues_are_numbered_and_stand_apart() {
        let cues = [cue(0, 1500, &["Hi."]), cue(3_600_000, 3_723_004, &["Two", "lines"])];
        let text = "1\n00:00:00,000 --> 00:00:01,500\nHi.\n\n2\n01:00:00,000 --> 01:02:03,004\nTwo\nlines\n";
        assert_eq!(write(&cues), text);
        assert_eq!(write(&[]), "");
    }

    #[test]
    fn foreign_habits_are_read() {
        let text = "\u{FEFF}1\r\n0:00:00.000 --> 00:00:01,000 X1:1\r\n7\r\n\r\n8\r\n\r\n00:00:02,000 --> 00:00:03,000\r\nb\r\n\r\n\r\n";
        assert_eq!(read(text).unwrap(), [cue(0, 1000, &["7", "", "8"]), cue(2000, 3000, &["b"])]);
        assert_eq!(read("\n\n").unwrap(), []);
    }

    #[test]
    fn errors_name_the_line() {
        let line = |text: &str| match read(text).unwrap_err() {
            SrtError::Times { line, .. } | SrtError::Backwards { line } => line,
        };
        assert_eq!(line("hello\n"), 1);
        assert_eq!(line("1\n00:00:00,000 --> 00:00:01,000\na\n\n2\n00:00:61,000 --> 00:01:02,000\nb\n"), 6);
        assert_eq!(line("1\n00:00:05,000 --> 00:00:01,000\na\n"), 2);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(times in proptest::collection::vec((0u64..400_000_000, 0u64..9000, "[a-z0-9&<>é字-]{1,9}( [0-9>-]{1,4})?", "[a-z0-9]{0,5}"), 0..12)) {
            let cues: Vec<Cue> = times.into_iter().map(|(start, length, first, second)| {
                let lines: Vec<&str> = [first.as_str(), second.as_str()].into_iter().filter(|line| !line.is_empty()).collect();
                cue(start, start + length, &lines)
            }).collect();
            prop_assert_eq!(read(&write(&cues)).unwrap(), cues);
        }
    }
}
