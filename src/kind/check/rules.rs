//! The rules of a check: how a text is measured, and what is said of a rule that it breaks.

use super::preserve::difference;
use crate::base::span::Span;
use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;
use crate::media::plain::script_words;
use crate::media::token::is_spoken;
use regex::Regex;
use serde_json::{Map, Value, json};

/// The settings that are rules.
pub const RULES: &[&str] = &["words", "require", "forbid", "preserves"];
/// Rules that are planned and not built.
pub const LATER: &[&str] = &["reading_time", "banned", "schema", "tags", "audio", "subtitles", "blocking"];

/// What a check demands of each file.
#[derive(Debug, Default)]
pub struct Rules {
    words: Option<Bounds>,
    require: Vec<Regex>,
    forbid: Vec<Regex>,
    /// The role or path of the text whose words must all be kept.
    pub preserves: Option<String>,
}

/// How many words a text may have.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: Option<u64>,
    max: Option<u64>,
}

/// A text to be measured.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub path: &'a str,
    pub text: &'a str,
}

impl Rules {
    /// Reads the rules. Fails if one is unknown, not built yet or senseless, or if there is none.
    pub fn read(settings: &Value) -> Result<Rules, SettingFault> {
        let settings = Settings::of(settings);
        settings.none_of_later(LATER)?;
        settings.only(RULES)?;
        let rules = Rules {
            words: bounds(&settings)?,
            require: patterns(&settings, "require")?,
            forbid: patterns(&settings, "forbid")?,
            preserves: settings.text("preserves")?.map(str::to_owned),
        };
        if rules.words.is_none() && rules.require.is_empty() && rules.forbid.is_empty() && rules.preserves.is_none() {
            return Err(SettingFault::stage("the check has no rule")
                .hint(format!("Give it at least one of: {}.", RULES.join(", "))));
        }
        Ok(rules)
    }

    /// Measures `subject`; returns what was found, and pushes one sentence onto `broken` for each broken rule.
    pub fn measure(&self, subject: Subject<'_>, reference: Option<Subject<'_>>, broken: &mut Vec<String>) -> Value {
        let mut found = Map::new();
        found.insert("path".into(), json!(subject.path));
        let words = script_words(subject.text).iter().filter(|word| is_spoken(word)).count() as u64;
        found.insert("words".into(), json!(words));
        broken.extend(self.words.and_then(|bounds| bounds.fault(words)).map(|fault| about("words", subject, &fault)));
        broken.extend(
            self.require
                .iter()
                .filter(|pattern| !pattern.is_match(subject.text))
                .map(|pattern| about("require", subject, &format!("nothing matches /{pattern}/"))),
        );
        broken.extend(self.forbid.iter().filter_map(|pattern| forbidden(pattern, subject)));
        if let Some(reference) = reference {
            found.insert("preserves".into(), json!(reference.path));
            broken.extend(changed(subject, reference));
        }
        Value::Object(found)
    }
}

impl Bounds {
    fn fault(self, words: u64) -> Option<String> {
        match (self.min, self.max) {
            (Some(min), _) if words < min => Some(format!("{words} words, under {min}")),
            (_, Some(max)) if words > max => Some(format!("{words} words, over {max}")),
            _ => None,
        }
    }
}

fn about(rule: &str, subject: Subject<'_>, fault: &str) -> String {
    format!("`{rule}` of `{}`: {fault}", subject.path)
}

fn at_line(rule: &str, subject: Subject<'_>, byte: usize, fault: &str) -> String {
    let byte = u32::try_from(byte).unwrap_or(u32::MAX);
    let (line, column) = Span::new(byte, byte).line_column(subject.text);
    format!("`{rule}` of `{}:{line}:{column}`: {fault}", subject.path)
}

fn forbidden(pattern: &Regex, subject: Subject<'_>) -> Option<String> {
    let mut matches = pattern.find_iter(subject.text);
    let first = matches.next()?;
    let times = matches.count() + 1;
    let mut shown: String = first.as_str().chars().take(60).collect();
    if shown.len() < first.len() {
        shown.push('…');
    }
    let more = if times > 1 { format!(" ({times} times)") } else { String::new() };
    Some(at_line("forbid", subject, first.start(), &format!("“{shown}” matches /{pattern}/{more}")))
}

fn changed(subject: Subject<'_>, reference: Subject<'_>) -> Option<String> {
    let difference = difference(reference.text, subject.text)?;
    let fault = format!("the words of `{}` are not kept: {difference}", reference.path);
    Some(at_line("preserves", subject, difference.at, &fault))
}

fn bounds(settings: &Settings<'_>) -> Result<Option<Bounds>, SettingFault> {
    let Some(group) = settings.group("words", "words.")? else { return Ok(None) };
    group.only(&["min", "max"])?;
    let (min, max) = (group.whole("min", 0..=u64::MAX)?, group.whole("max", 0..=u64::MAX)?);
    match (min, max) {
        (None, None) => Err(SettingFault::setting("words", "`words` has neither `min` nor `max`")
            .hint("Write at least one of them: `words: { max: 400 }`.")),
        (Some(min), Some(max)) if min > max => {
            Err(SettingFault::setting("words.min", format!("`words.min` is {min}, above `words.max`, which is {max}"))
                .hint("The smaller number is `min`."))
        }
        _ => Ok(Some(Bounds { min, max })),
    }
}

fn patterns(settings: &Settings<'_>, name: &str) -> Result<Vec<Regex>, SettingFault> {
    let compiled = settings.texts(name)?.into_iter().map(|pattern| {
        Regex::new(pattern).map_err(|error| {
            let said = error.to_string();
            let reason = said.lines().last().unwrap_or("").trim_start_matches("error: ");
            SettingFault::setting(name, format!("`{name}` has the pattern /{pattern}/, which cannot be read: {reason}"))
                .hint("Patterns are regular expressions; write `\\.` for a full stop, `(?i)` to ignore case.")
        })
    });
    compiled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: Value, text: &str) -> Vec<String> {
        let mut broken = Vec::new();
        Rules::read(&rules).unwrap().measure(Subject { path: "a.md", text }, None, &mut broken);
        broken
    }

    fn refused(rules: Value) -> String {
        Rules::read(&rules).unwrap_err().message
    }

    #[test]
    fn words_are_those_that_are_spoken() {
        let text = "# Title\n\n[sad] One two — three *four*. <!-- five -->\n";
        assert!(check(json!({"words": {"min": 5, "max": 5}}), text).is_empty());
        assert_eq!(check(json!({"words": {"min": 6}}), text), ["`words` of `a.md`: 5 words, under 6"]);
        assert_eq!(check(json!({"words": {"max": "4"}}), text), ["`words` of `a.md`: 5 words, over 4"]);
    }

    #[test]
    fn a_forbidden_match_is_named_with_its_place() {
        let broken = check(json!({"forbid": "(?i)very"}), "It was fine.\nIt was Very very cold.\n");
        assert_eq!(broken, ["`forbid` of `a.md:2:8`: “Very” matches /(?i)very/ (2 times)"]);
        assert!(check(json!({"forbid": ["TODO", "xx"]}), "fine").is_empty());
    }

    #[test]
    fn what_is_required_must_match_somewhere() {
        assert!(check(json!({"require": ["bus", "^The"]}), "The last bus").is_empty());
        assert_eq!(check(json!({"require": "train"}), "The bus"), ["`require` of `a.md`: nothing matches /train/"]);
    }

    #[test]
    fn kept_words_are_compared_with_the_reference() {
        let rules = Rules::read(&json!({"preserves": "before"})).unwrap();
        let reference = Subject { path: "b.md", text: "He left. She stayed." };
        let mut broken = Vec::new();
        let tagged = Subject { path: "a.md", text: "[sad] He left.\n[calm] She stayed." };
        assert_eq!(rules.measure(tagged, Some(reference), &mut broken)["preserves"], "b.md");
        assert!(broken.is_empty());
        rules.measure(Subject { path: "a.md", text: "He left.\nShe waited." }, Some(reference), &mut broken);
        let message = "`preserves` of `a.md:2:5`: the words of `b.md` are not kept: “stayed.” became “waited.”";
        assert_eq!(broken, [message]);
    }

    #[test]
    fn senseless_rules_are_refused() {
        assert_eq!(refused(json!({})), "the check has no rule");
        assert_eq!(refused(json!({"word": {"max": 1}})), "there is no setting `word`");
        assert_eq!(refused(json!({"words": {}})), "`words` has neither `min` nor `max`");
        assert_eq!(refused(json!({"words": {"min": 9, "max": 3}})), "`words.min` is 9, above `words.max`, which is 3");
        assert!(refused(json!({"forbid": "(("})).starts_with("`forbid` has the pattern /((/, which cannot be read: "));
    }

    #[test]
    fn rules_of_later_versions_say_so() {
        for name in LATER {
            assert_eq!(refused(json!({*name: true})), format!("the setting `{name}` is not built yet"));
        }
    }
}
