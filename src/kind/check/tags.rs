//! The rule `tags`: which `[tags]` for the voice a text may have, how many, and in which order.

use super::preserve::tag_length;
use super::subject::Subject;
use crate::base::diagnostic::nearest;
use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;
use crate::provider::local::edit::tagset::{PER_PARAGRAPH, STACKED, Sort, TAGS, sort_of};
use serde_json::{Map, Value};

/// What tags a text may have.
#[derive(Clone, Debug)]
pub struct TagRules {
    allowed: Vec<String>,
    per_paragraph: usize,
    stacked: usize,
    order: Order,
}

/// In which order tags stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// What is felt, then what is heard, then how it is paced.
    EmotionReactionPacing,
    Any,
}

/// A tag of a text.
struct Tag<'t> {
    /// Byte of its bracket.
    at: usize,
    name: &'t str,
    /// How many tags stand right before it, only space between them.
    before: usize,
    /// Which of its paragraph's it is, from 1.
    number: usize,
}

impl TagRules {
    /// Reads the rule `tags`: a map, or `true` for what the preset `enhancement` keeps.
    pub fn read(settings: &Settings<'_>) -> Result<Option<TagRules>, SettingFault> {
        let empty = Map::new();
        let group = match settings.get("tags") {
            None | Some(Value::Bool(false)) => return Ok(None),
            Some(Value::Bool(true)) => Settings::within(&empty, "tags."),
            Some(Value::Object(map)) => Settings::within(map, "tags."),
            Some(other) => return Err(settings.wrong("tags", other, "`true` or a map")),
        };
        group.only(&["allowed", "per_paragraph", "stacked", "ordered"])?;
        let allowed: Vec<String> = match group.get("allowed") {
            None => TAGS.iter().map(|(name, _)| (*name).to_owned()).collect(),
            Some(_) => group.texts("allowed")?.into_iter().map(bare).collect(),
        };
        if let Some(odd) = allowed.iter().find(|name| tag_length(&format!("[{name}]")).is_none()) {
            return Err(SettingFault::setting(
                "tags.allowed",
                format!("`tags.allowed` holds `{odd}`, which can be no tag"),
            )
            .hint("A tag is a word or a few, without its brackets: `sighs`, `long pause`."));
        }
        let count = |name: &str, usual: usize| {
            group.whole(name, 0..=1000).map(|found| found.map_or(usual, |n| usize::try_from(n).unwrap_or(usize::MAX)))
        };
        Ok(Some(TagRules {
            allowed,
            per_paragraph: count("per_paragraph", PER_PARAGRAPH)?,
            stacked: count("stacked", STACKED)?,
            order: if group.flag("ordered")?.unwrap_or(true) { Order::EmotionReactionPacing } else { Order::Any },
        }))
    }

    /// Says of each tag of `text` that breaks the rules what is wrong with it; also returns how many tags there are.
    pub fn faults(&self, subject: Subject<'_>, text: &str) -> (usize, Vec<String>) {
        let tags = tags(text);
        let mut told = Vec::new();
        let mut before: Option<Sort> = None;
        for tag in &tags {
            let mut says = |fault: String| told.push(subject.says_at("tags", text, tag.at, &fault));
            let name = tag.name.to_lowercase();
            if !self.allowed.contains(&name) {
                let meant = nearest(&name, self.allowed.iter().map(String::as_str));
                let meant = meant.map(|meant| format!("; did you mean `[{meant}]`?")).unwrap_or_default();
                says(format!("`[{}]` is not one of the tags that are allowed{meant}", tag.name));
            }
            // Told once for a paragraph or a stack, at the first tag that is one too many.
            if tag.number == self.per_paragraph + 1 {
                says(format!(
                    "`[{}]` makes {} tags in its paragraph, over {}",
                    tag.name, tag.number, self.per_paragraph
                ));
            }
            if tag.before == self.stacked {
                says(format!("`[{}]` makes {} tags side by side, over {}", tag.name, tag.before + 1, self.stacked));
            }
            let sort = sort_of(&name);
            if self.order == Order::EmotionReactionPacing && tag.before > 0 && before > sort && sort.is_some() {
                says(format!("`[{}]` stands too late: emotion, reaction, pacing is the order", tag.name));
            }
            before = sort;
        }
        (tags.len(), told)
    }
}

fn bare(name: &str) -> String {
    let name = name.trim();
    name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name).trim().to_lowercase()
}

/// Finds the tags of a text. Paragraphs are parted by empty lines.
fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags: Vec<Tag<'_>> = Vec::new();
    // Where the last tag ended, if only space came since; how many stand side by side; how many the paragraph has.
    let (mut beside, mut number) = (0, 0);
    let mut at = 0;
    let (mut line_is_empty, mut is_escaped) = (true, false);
    while let Some(c) = text[at..].chars().next() {
        if let Some(length) = tag_length(&text[at..]).filter(|_| !is_escaped) {
            number += 1;
            tags.push(Tag { at, name: &text[at + 1..at + length - 1], before: beside, number });
            beside += 1;
            line_is_empty = false;
            at += length;
            continue;
        }
        if c == '\n' {
            if line_is_empty {
                (beside, number) = (0, 0);
            }
            line_is_empty = true;
        } else if !c.is_whitespace() {
            beside = 0;
            line_is_empty = false;
        }
        is_escaped = c == '\\' && !is_escaped;
        at += c.len_utf8();
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(rules: Value, text: &str, told: &[&str]) {
        let settings = json!({ "tags": rules });
        let rules = TagRules::read(&Settings::of(&settings)).unwrap().unwrap();
        let subject = Subject { role: "", path: "a.md", bytes: text.as_bytes() };
        assert_eq!(rules.faults(subject, text).1, told);
    }

    fn refused(rules: Value) -> String {
        let settings = json!({ "tags": rules });
        TagRules::read(&Settings::of(&settings)).unwrap_err().message
    }

    #[test]
    fn what_the_enhancement_keeps_is_the_rule_that_is_not_told() {
        let text = "[sad] [sighs] He left. [Pause]\n\n[warmly] She stayed [1], [the map](m.png), \\[sic].\n";
        check(json!(true), text, &[]);
        check(json!({}), text, &[]);
    }

    #[test]
    fn other_tags_are_told_with_what_was_meant() {
        check(
            json!(true),
            "Well.\n[sihgs] No. [music swells] Go.",
            &[
                "`tags` of `a.md:2:1`: `[sihgs]` is not one of the tags that are allowed; did you mean `[sighs]`?",
                "`tags` of `a.md:2:13`: `[music swells]` is not one of the tags that are allowed",
            ],
        );
        check(json!({"allowed": ["[Whispers]", "music swells"]}), "[whispers] Hi. [Music swells]", &[]);
    }

    #[test]
    fn too_many_tags_are_told_once_for_each_paragraph_and_stack() {
        check(
            json!(true),
            "[sad] One.\n[calm] Two. [pause] Three.\n[happy] Four. [calm] Five.\n\n[sad] Six.",
            &["`tags` of `a.md:3:1`: `[happy]` makes 4 tags in its paragraph, over 3"],
        );
        check(
            json!({"per_paragraph": 9}),
            "[sad] [sighs]\n[pause] [pause] One.",
            &["`tags` of `a.md:2:1`: `[pause]` makes 3 tags side by side, over 2"],
        );
        check(
            json!({"per_paragraph": 0}),
            "One. [sad] Two.",
            &["`tags` of `a.md:1:6`: `[sad]` makes 1 tags in its paragraph, over 0"],
        );
    }

    #[test]
    fn tags_side_by_side_stand_in_their_order() {
        check(
            json!(true),
            "[pause] [sad] One. [pause] Two. [sad] Three.\n\n[sighs] [pause] Four.",
            &[
                "`tags` of `a.md:1:9`: `[sad]` stands too late: emotion, reaction, pacing is the order",
                "`tags` of `a.md:1:33`: `[sad]` makes 4 tags in its paragraph, over 3",
            ],
        );
        check(json!({"ordered": false}), "[pause] [sad] One.", &[]);
    }

    #[test]
    fn senseless_rules_are_refused() {
        assert_eq!(refused(json!("all")), "the setting `tags` is \"all\"; it must be `true` or a map");
        assert_eq!(refused(json!({"alowed": []})), "there is no setting `tags.alowed`");
        assert_eq!(refused(json!({"allowed": ["a/b"]})), "`tags.allowed` holds `a/b`, which can be no tag");
        assert_eq!(
            refused(json!({"stacked": -1})),
            "the setting `tags.stacked` is -1; it must be a whole number from 0 to 1000"
        );
    }
}
