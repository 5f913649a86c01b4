//! One subtitle: when it shows, what it says, and when each of its words sounds.

/// A cue of a subtitle file. Formats differ in how they write it, not in what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cue {
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// Milliseconds from the start of the recording; after `start_ms` in what we write.
    pub end_ms: u64,
    /// Lines of plain text, unescaped; none of them empty in what we write.
    pub lines: Vec<String>,
    /// Where each word begins and when, in order, times within the cue's; empty in a cue that was read from a file.
    pub onsets: Vec<Onset>,
}

/// Where a word of a cue begins, and when it is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onset {
    /// Index of its line.
    pub line: usize,
    /// Byte in that line.
    pub at: usize,
    /// Milliseconds from the start of the recording.
    pub ms: u64,
}

/// A word of a cue with the space that follows it in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub text: &'a str,
    /// Milliseconds from the start of the recording. The word's share of the cue's time lasts until the next one's.
    pub start_ms: u64,
}

impl Cue {
    /// Returns the cue's text, lines separated by `\n`.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Returns the pieces of each line, which together are the line. A line without onsets is one piece.
    pub fn pieces(&self) -> Vec<Vec<Piece<'_>>> {
        let mut start_ms = self.start_ms;
        let mut lines = Vec::with_capacity(self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            let mut pieces = Vec::new();
            let mut from = 0;
            for onset in self.onsets.iter().filter(|onset| onset.line == index) {
                if onset.at > from {
                    pieces.push(Piece { text: &line[from..onset.at], start_ms });
                }
                (from, start_ms) = (onset.at, onset.ms);
            }
            pieces.push(Piece { text: &line[from..], start_ms });
            lines.push(pieces);
        }
        lines
    }
}

/// Returns the words that cues show, in order: what must equal the script's.
pub fn words(cues: &[Cue]) -> Vec<String> {
    let lines = cues.iter().flat_map(|cue| &cue.lines);
    lines.flat_map(|line| super::token::words(line)).map(str::to_string).collect()
}

/// Hours, minutes, seconds and milliseconds of a time.
pub(super) fn clock(ms: u64) -> (u64, u64, u64, u64) {
    (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// A time as subtitle files write it, hours always: `00:00:01.500`, with `point` before the milliseconds.
pub(super) fn stamp(ms: u64, point: char) -> String {
    let (hours, minutes, seconds, ms) = clock(ms);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}")
}

/// A cue with these lines and nothing else, for tests.
#[cfg(test)]
pub(super) fn cue(start_ms: u64, end_ms: u64, lines: &[&str]) -> Cue {
    Cue { start_ms, end_ms, lines: lines.iter().map(ToString::to_string).collect(), ..Cue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_words_with_their_spaces() {
        let onset = |line, at, ms| Onset { line, at, ms };
        let cue = Cue {
            start_ms: 500,
            end_ms: 2000,
            lines: vec!["She ran".into(), "away".into()],
            onsets: vec![onset(0, 0, 500), onset(0, 4, 700), onset(1, 0, 900)],
        };
        let piece = |text, start_ms| Piece { text, start_ms };
        assert_eq!(cue.pieces(), [vec![piece("She ", 500), piece("ran", 700)], vec![piece("away", 900)]]);
    }

    #[test]
    fn a_line_whose_words_have_no_times_is_one_piece() {
        let cue = Cue { start_ms: 500, end_ms: 900, lines: vec!["She ran".into()], onsets: Vec::new() };
        assert_eq!(cue.pieces(), [vec![Piece { text: "She ran", start_ms: 500 }]]);
    }
}
