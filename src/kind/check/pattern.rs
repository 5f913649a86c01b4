//! The rules `require` and `forbid`: regular expressions that must match, or must not.

use super::subject::Subject;
use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;
use regex::Regex;

/// This many characters of what was found are quoted.
const QUOTED_CHARS: usize = 60;

/// Reads the patterns under `name`.
pub fn read(settings: &Settings<'_>, name: &str) -> Result<Vec<Regex>, SettingFault> {
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

/// Says that nothing in `text` matches `pattern`.
pub fn missing(pattern: &Regex, subject: Subject<'_>, text: &str) -> Option<String> {
    (!pattern.is_match(text)).then(|| subject.says("require", &format!("nothing matches /{pattern}/")))
}

/// Says where `text` first matches `pattern`, and how often.
pub fn forbidden(pattern: &Regex, subject: Subject<'_>, text: &str) -> Option<String> {
    let mut matches = pattern.find_iter(text);
    let first = matches.next()?;
    let times = times(matches.count() + 1);
    let fault = format!("“{}” matches /{pattern}/{times}", quoted(first.as_str()));
    Some(subject.says_at("forbid", text, first.start(), &fault))
}

/// Returns what was found, cut where it is too long to be quoted.
pub fn quoted(found: &str) -> String {
    let mut shown: String = found.chars().take(QUOTED_CHARS).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    shown
}

/// Returns ` (3 times)`; nothing for once.
pub fn times(count: usize) -> String {
    if count > 1 { format!(" ({count} times)") } else { String::new() }
}
