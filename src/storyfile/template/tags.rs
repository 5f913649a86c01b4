//! Cuts a template at its tags: what stands between `{{ }}` and `{% %}`, without comments and `raw` blocks.

use crate::base::span::Span;

/// One tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// With its signs.
    pub span: Span,
    /// What stands between the signs.
    pub inner: &'a str,
    /// Where `inner` starts.
    pub start: usize,
    pub sort: TagSort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSort {
    /// `{{ value }}`
    Value,
    /// `{% statement %}`
    Statement,
}

impl<'a> Tag<'a> {
    /// Returns the statement's first word, and what follows it.
    pub fn statement(&self) -> Option<(&'a str, &'a str)> {
        let inner = self.inner.trim_start_matches(['-', '+']).trim_start();
        let end = inner.find(|c: char| !is_word(c)).unwrap_or(inner.len());
        (self.sort == TagSort::Statement).then(|| inner.split_at(end))
    }

    /// Returns the places of `name` in the tag as a whole dotted name, strings left out.
    pub fn places(&self, name: &str) -> Vec<Span> {
        let quoted = quoted(self.inner);
        let stands = |at: usize| {
            let before = self.inner[..at].chars().next_back();
            let after = self.inner[at + name.len()..].chars().next();
            !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
        };
        let found = self.inner.match_indices(name).filter(|(at, _)| stands(*at) && !quoted[*at]);
        let span = |at: usize| Span::new((self.start + at) as u32, (self.start + at + name.len()) as u32);
        found.map(|(at, _)| span(at)).collect()
    }

    /// Returns every word outside strings that follows `sign`, with its place.
    pub fn words_after(&self, sign: &str) -> Vec<(&'a str, Span)> {
        let quoted = quoted(self.inner);
        let mut words = Vec::new();
        for (at, _) in self.inner.match_indices(sign).filter(|(at, _)| !quoted[*at]) {
            let rest = &self.inner[at + sign.len()..];
            let from = at + sign.len() + (rest.len() - rest.trim_start().len());
            let word = &self.inner[from..];
            let word = &word[..word.find(|c: char| !is_word(c)).unwrap_or(word.len())];
            let start = (self.start + from) as u32;
            words.push((word, Span::new(start, start + word.len() as u32)));
        }
        words
    }
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Tells of each byte whether it stands in a string.
fn quoted(text: &str) -> Vec<bool> {
    let mut open = None;
    let mut escaped = false;
    text.bytes()
        .map(|byte| {
            let inside = open.is_some();
            match open {
                _ if escaped => escaped = false,
                Some(_) if byte == b'\\' => escaped = true,
                Some(quote) if byte == quote => open = None,
                None if byte == b'"' || byte == b'\'' => open = Some(byte),
                _ => {}
            }
            inside
        })
        .collect()
}

/// Returns the tags of a template that parses.
pub fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find('{').map(|found| at + found) {
        let (close, sort) = match source.as_bytes().get(found + 1) {
            Some(b'{') => ("}}", TagSort::Value),
            Some(b'%') => ("%}", TagSort::Statement),
            Some(b'#') => {
                at = source[found..].find("#}").map_or(source.len(), |end| found + end + 2);
                continue;
            }
            _ => {
                at = found + 1;
                continue;
            }
        };
        let start = found + 2;
        let quoted = quoted(&source[start..]);
        let Some((end, _)) = source[start..].match_indices(close).find(|(end, _)| !quoted[*end]) else { break };
        let end = start + end;
        let span = Span::new(found as u32, (end + 2) as u32);
        let tag = Tag { span, inner: &source[start..end], start, sort };
        at = end + 2;
        if tag.statement().is_some_and(|(word, _)| word == "raw") {
            at = source[at..].find("endraw").map_or(source.len(), |raw| at + raw);
            continue;
        }
        tags.push(tag);
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stand_outside_comments_and_raw_blocks() {
        let source = "{ {{ a }} {# {{ b }} #}{% raw %}{{ c }}{% endraw %}{%- if \"%}\" == d -%}x{% endif %}";
        let inner: Vec<&str> = tags(source).iter().map(|tag| tag.inner.trim()).collect();
        assert_eq!(inner, ["a", "- if \"%}\" == d -", "endif"]);
        let all = tags(source);
        assert_eq!(all[1].statement().map(|(word, _)| word), Some("if"));
        assert_eq!(&source[all[0].span.start as usize..all[0].span.end as usize], "{{ a }}");
    }

    #[test]
    fn names_are_found_as_a_whole_and_outside_strings() {
        let source = "x {{ xa.b ~ 'a.b' ~ a.b }}";
        let all = tags(source);
        let places = all[0].places("a.b");
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].start as usize, source.rfind("a.b").unwrap());
        assert_eq!(
            tags("{{ a | upper|join('|x') }}")[0].words_after("|").iter().map(|(w, _)| *w).collect::<Vec<_>>(),
            ["upper", "join"]
        );
    }
}
