//! A part of a file as it is written: `path#part`, and the escapes in it.

use std::borrow::Cow;

/// Extensions behind which a `#` begins a part: elsewhere it is a sign of the file's name like any other.
const EXTENSIONS: [&str; 9] = ["json", "jsonl", "yaml", "yml", "md", "markdown", "csv", "tsv", "mdx"];

/// Splits `path#part`. A name that has `.json#` (and the like) in it is written with the `#` twice: `a.json##b`.
pub fn split(text: &str) -> (Cow<'_, str>, Option<&str>) {
    let mut path = Cow::Borrowed("");
    let mut rest = text;
    while let Some(at) = mark(rest) {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        let Some(literal) = behind.strip_prefix('#') else {
            path += before;
            return (path, Some(behind));
        };
        path.to_mut().push_str(&rest[..=at]);
        rest = literal;
    }
    path += rest;
    (path, None)
}

/// Writes a path so that [`split`] reads it as a path only.
pub fn escape(path: &str) -> Cow<'_, str> {
    let mut written = Cow::Borrowed("");
    let mut rest = path;
    while let Some(at) = mark(rest) {
        written.to_mut().push_str(&rest[..=at]);
        written.to_mut().push('#');
        rest = &rest[at + 1..];
    }
    written += rest;
    written
}

/// Returns where the first `#` stands that follows an extension of files with parts.
fn mark(text: &str) -> Option<usize> {
    text.match_indices('#').map(|(at, _)| at).find(|&at| {
        let name = text[..at].rsplit('/').next().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Decodes `%41` as in an address; a `%` without two hexadecimal digits behind it is itself.
pub fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push((high * 16 + low) as u8);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Option<&str>) {
        let (path, part) = split(text);
        (path.into_owned(), part)
    }

    #[test]
    fn the_part_begins_at_the_first_hash_behind_an_extension_of_data() {
        assert_eq!(parts("build/outline.json#/chapters/0"), ("build/outline.json".into(), Some("/chapters/0")));
        assert_eq!(parts("notes.MD#What is C#?"), ("notes.MD".into(), Some("What is C#?")));
        assert_eq!(parts("outline.json#"), ("outline.json".into(), Some("")));
        assert_eq!(parts("a.json"), ("a.json".into(), None));
    }

    #[test]
    fn a_hash_in_a_name_stays_one_and_is_written_twice_where_it_could_be_a_part() {
        assert_eq!(parts("in C#/#3.txt"), ("in C#/#3.txt".into(), None));
        assert_eq!(parts("a.json##b.md#c"), ("a.json#b.md".into(), Some("c")));
        assert_eq!(parts("a.json###b"), ("a.json##b".into(), None));
        for name in ["a.json#b", "a.json##b", "x.md#", "C#.md", "a.md#b.md#c", "plain"] {
            assert_eq!(parts(&escape(name)), (name.to_owned(), None), "{name}");
        }
    }
}
