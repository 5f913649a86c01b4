//! One subtitle: when it shows and what it says.

/// A cue of a subtitle file. Formats differ in how they write it, not in what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cue {
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// Milliseconds from the start of the recording; after `start_ms` in what we write.
    pub end_ms: u64,
    /// Lines of plain text, unescaped; none of them empty in what we write.
    pub lines: Vec<String>,
}

impl Cue {
    /// Returns the cue's text, lines separated by `\n`.
    pub fn text(&self) -> String {
        self.lines.join("\n")
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
