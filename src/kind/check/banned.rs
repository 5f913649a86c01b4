//! The rule `banned`: words and phrases that a text may not have, each found as a whole and in any case.

use super::pattern::{quoted, times};
use super::subject::{Sort, Subject};
use crate::kind::fault::SettingFault;
use crate::media::token::is_ideograph;
use regex::Regex;
use serde_json::Value;

/// A list of words that may not occur.
#[derive(Debug, Default)]
pub struct Banned {
    phrases: Vec<Phrase>,
}

/// One banned word or phrase.
#[derive(Debug)]
struct Phrase {
    pattern: Regex,
    /// Its last character is of a word: then what follows decides whether the word is whole.
    ends_in_word: bool,
}

impl Banned {
    /// Reads a list as the Storyfile has it; `place` is what a person knows it by.
    pub fn of_list(place: &str, items: &[Value]) -> Result<Banned, SettingFault> {
        let texts = items.iter().map(|item| {
            item.as_str()
                .ok_or_else(|| SettingFault::setting("banned", format!("`{place}` holds {item}, which is no text")))
        });
        Banned::of_texts(place, texts.collect::<Result<Vec<&str>, SettingFault>>()?)
    }

    /// Reads a file: one word or phrase a line, empty lines and lines that begin with `#` aside; or a list in JSON or
    /// YAML.
    pub fn of_file(file: Subject<'_>) -> Result<Banned, SettingFault> {
        if file.sort() != Sort::Data {
            let lines = text(file)?.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            return Banned::of_texts(file.path, lines);
        }
        match crate::data::parse::parse(file.extension(), file.bytes) {
            Some(Ok(Value::Array(items))) => Banned::of_list(file.path, &items),
            Some(Err(fault)) => Err(SettingFault::setting("banned", format!("`{}` {fault}", file.path))),
            _ => Err(SettingFault::setting("banned", format!("`{}` is no list of words", file.path))
                .hint("Write one word or phrase a line in a text file, or a list in JSON or YAML.")),
        }
    }

    fn of_texts<'t>(place: &str, texts: impl IntoIterator<Item = &'t str>) -> Result<Banned, SettingFault> {
        let phrases =
            texts.into_iter().map(|text| phrase(place, text)).collect::<Result<Vec<Phrase>, SettingFault>>()?;
        match phrases.is_empty() {
            false => Ok(Banned { phrases }),
            true => Err(SettingFault::setting("banned", format!("`{place}` bans nothing"))),
        }
    }

    /// Says of each banned phrase where `text` first has it, and how often; in the order of the text.
    pub fn faults(&self, subject: Subject<'_>, text: &str) -> Vec<String> {
        let mut found: Vec<(usize, String)> = Vec::new();
        for phrase in &self.phrases {
            let whole = phrase.pattern.find_iter(text).filter(|found| phrase.is_whole(&text[found.end()..]));
            let places: Vec<(usize, &str)> = whole.map(|found| (found.start(), found.as_str())).collect();
            let Some(&(at, shown)) = places.first() else { continue };
            let fault = format!("“{}” is banned{}", quoted(shown), times(places.len()));
            found.push((at, subject.says_at("banned", text, at, &fault)));
        }
        found.sort();
        found.into_iter().map(|(_, fault)| fault).collect()
    }
}

impl Phrase {
    /// Whether the word ends where `rest` begins: `can` is no part of `can’t`, but Mara is who `Mara’s` is about.
    fn is_whole(&self, rest: &str) -> bool {
        let mut next = rest.chars();
        if !self.ends_in_word || !matches!(next.next(), Some('\'' | '’')) {
            return true;
        }
        let tail: String = next.take_while(|c| c.is_alphanumeric()).collect();
        tail.is_empty() || tail.eq_ignore_ascii_case("s")
    }
}

/// Returns the text of a list; what is wrong with it is wrong with the rule that names it.
fn text<'a>(file: Subject<'a>) -> Result<&'a str, SettingFault> {
    file.text()
        .map_err(|failure| SettingFault { hint: failure.hint, ..SettingFault::setting("banned", failure.message) })
}

fn phrase(place: &str, text: &str) -> Result<Phrase, SettingFault> {
    let words: Vec<String> = text.split_whitespace().map(regex::escape).collect();
    let (first, last) = (text.trim().chars().next(), text.trim().chars().next_back());
    // Scripts without spaces have no ends of words to look for; nor has a phrase that begins or ends with a sign.
    let bounded = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !is_ideograph(c));
    let begins = if bounded(first) { r"\b{start-half}" } else { "" };
    let ends = if bounded(last) { r"\b{end-half}" } else { "" };
    // A phrase may be wrapped over a line's end, and apostrophes are written in two ways.
    let inner = words.join(r"\s+").replace(['\'', '’'], "['’]");
    if inner.is_empty() {
        return Err(SettingFault::setting("banned", format!("`{place}` holds an empty word")));
    }
    let pattern = Regex::new(&format!("(?i){begins}{inner}{ends}")).map_err(|error| {
        SettingFault::setting("banned", format!("`{place}` holds a phrase that is too long to look for: {error}"))
    })?;
    Ok(Phrase { pattern, ends_in_word: bounded(last) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(banned: Value, text: &str, told: &[&str]) {
        let banned = Banned::of_list("banned", banned.as_array().unwrap()).unwrap();
        let subject = Subject { role: "", path: "a.md", bytes: text.as_bytes() };
        assert_eq!(banned.faults(subject, text), told);
    }

    #[test]
    fn words_are_found_whole_and_in_any_case() {
        let text = "Very well.\nEvery verse was VERY good.\n";
        check(json!(["very", "ever"]), text, &["`banned` of `a.md:1:1`: “Very” is banned (2 times)"]);
        check(json!(["ÉTÉ"]), "Un été, étés.", &["`banned` of `a.md:1:4`: “été” is banned"]);
        check(json!(["мир"]), "Миру — МИР!", &["`banned` of `a.md:1:8`: “МИР” is banned"]);
    }

    #[test]
    fn phrases_are_found_over_a_lines_end_and_told_in_the_texts_order() {
        check(
            json!(["dead of night", "all of a sudden"]),
            "All of\na sudden, in the dead of  night.",
            &[
                "`banned` of `a.md:1:1`: “All of\na sudden” is banned",
                "`banned` of `a.md:2:18`: “dead of  night” is banned",
            ],
        );
    }

    #[test]
    fn an_apostrophe_may_go_on_with_the_word() {
        check(json!(["can", "don't"]), "You can’t. I don’t.", &["`banned` of `a.md:1:14`: “don’t” is banned"]);
        check(
            json!(["Mara", "bus"]),
            "Mara's dog; the 'bus'.",
            &["`banned` of `a.md:1:1`: “Mara” is banned", "`banned` of `a.md:1:18`: “bus” is banned"],
        );
    }

    #[test]
    fn scripts_without_spaces_and_signs_are_found_where_they_stand() {
        check(json!(["東京"]), "は東京の夜", &["`banned` of `a.md:1:2`: “東京” is banned"]);
        check(
            json!(["—", "C++"]),
            "He—C++.",
            &["`banned` of `a.md:1:3`: “—” is banned", "`banned` of `a.md:1:4`: “C++” is banned"],
        );
    }

    #[test]
    fn a_file_has_a_line_or_an_item_for_each() {
        let read = |path: &str, content: &str| {
            Banned::of_file(Subject { role: "with.banned", path, bytes: content.as_bytes() })
        };
        assert_eq!(read("b.txt", "# no\n\nvery \ndead of night\n").unwrap().phrases.len(), 2);
        assert_eq!(read("b.yaml", "- very\n- so\n").unwrap().phrases.len(), 2);
        let refused = |path: &str, content: &str| read(path, content).unwrap_err().message;
        assert_eq!(refused("b.txt", "# nothing\n"), "`b.txt` bans nothing");
        assert_eq!(refused("b.json", "{}"), "`b.json` is no list of words");
        assert_eq!(refused("b.json", "[1]"), "`b.json` holds 1, which is no text");
        assert!(refused("b.json", "[").starts_with("`b.json` is not valid JSON: "));
        assert_eq!(refused("b.yaml", "- ' '"), "`b.yaml` holds an empty word");
    }
}
