//! A file to be measured, and how a broken rule names a place in it.

use crate::base::failure::Failure;
use crate::base::part;
use crate::base::span::Span;
use crate::kind::input;

/// A file to be measured.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its name or index among the stage's inputs; empty for an output.
    pub role: &'a str,
    pub path: &'a str,
    pub bytes: &'a [u8],
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Text,
    /// JSON and YAML: a text as well.
    Data,
    /// SubRip and WebVTT: a text as well.
    Subtitles,
    /// WAV.
    Sound,
}

impl<'a> Subject<'a> {
    /// Returns what the file is.
    pub fn sort(&self) -> Sort {
        match self.extension().to_ascii_lowercase().as_str() {
            "wav" => Sort::Sound,
            "srt" | "vtt" => Sort::Subtitles,
            "json" | "yaml" | "yml" => Sort::Data,
            _ => Sort::Text,
        }
    }

    /// Returns what follows the last full stop of its name; a part is of the sort that its file is.
    pub fn extension(&self) -> &'a str {
        let end = part::split(self.path).1.map_or(self.path.len(), |part| self.path.len() - part.len() - 1);
        self.path[..end]
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'))
            .map_or("", |(_, extension)| extension)
    }

    /// Returns the file's content as text.
    pub fn text(&self) -> Result<&'a str, Failure> {
        input::text_of(self.path, self.bytes)
    }

    /// Says what is wrong with the file as a whole.
    pub fn says(&self, rule: &str, fault: &str) -> String {
        format!("`{rule}` of `{}`: {fault}", self.path)
    }

    /// Says what is wrong at a byte of `text`, which is the file's.
    pub fn says_at(&self, rule: &str, text: &str, byte: usize, fault: &str) -> String {
        let byte = u32::try_from(byte).unwrap_or(u32::MAX);
        let (line, column) = Span::new(byte, byte).line_column(text);
        format!("`{rule}` of `{}:{line}:{column}`: {fault}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says() {
        let sort = |path: &str| Subject { role: "", path, bytes: b"" }.sort();
        assert_eq!(
            [sort("a/b.WAV"), sort("a.vtt"), sort("i.yml"), sort("README"), sort("dir.json/x")],
            [Sort::Sound, Sort::Subtitles, Sort::Data, Sort::Text, Sort::Text]
        );
    }
}
