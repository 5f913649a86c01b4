//! The user's own preferences, `settings.yaml` beside their other settings: what holds for all repos on this machine. Pure.

use crate::base::diagnostic::Diagnostic;
use crate::base::money::Money;
use crate::storyfile::faults::Faults;
use crate::storyfile::parse::{is_blank, parse};
use crate::storyfile::prices::amount;
use crate::storyfile::tree::{Content, Node};

/// Keys of the file.
const KEYS: [&str; 1] = ["confirm"];

/// Keys of `confirm`.
const CONFIRM_KEYS: [&str; 2] = ["calls", "amount"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    pub confirm: Confirm,
}

/// When a build asks before it pays (`confirm`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    Never,
    /// Before more paid calls than `calls`, or more money than `amount` of any currency.
    Above {
        calls: u64,
        amount: Money,
    },
}

impl Default for Confirm {
    fn default() -> Confirm {
        Confirm::Above { calls: 10, amount: Money::from_nanos(1_000_000_000) }
    }
}

/// Reads the file's text.
pub fn read(text: &str) -> (Preferences, Vec<Diagnostic>) {
    let mut preferences = Preferences::default();
    if is_blank(text) {
        return (preferences, Vec::new());
    }
    let parsed = parse(text);
    let mut faults = Faults::new(text, parsed.faults);
    if let Some(root) = parsed.root
        && faults.map("a file of settings", &root).is_some()
    {
        faults.keys("the setting", &root, &KEYS, &[]);
        if let Some(node) = root.get("confirm").filter(|node| !node.is_null()) {
            preferences.confirm = confirm(node, &mut faults);
        }
    }
    (preferences, faults.finish())
}

fn confirm(node: &Node, faults: &mut Faults) -> Confirm {
    let usual = Confirm::default();
    let Content::Map(_) = node.value else {
        return match node.scalar().map(|scalar| scalar.text.as_str()) {
            Some("never") => Confirm::Never,
            _ => {
                faults.sort("`confirm`", "`never` or a map of `calls` and `amount`", node);
                usual
            }
        };
    };
    faults.keys("the key", node, &CONFIRM_KEYS, &[]);
    let Confirm::Above { mut calls, amount: mut most } = usual else { return usual };
    if let Some(value) = node.get("calls").and_then(|node| faults.whole("`calls`", node, 0..=1_000_000)) {
        calls = value.into();
    }
    if let Some(value) = node.get("amount").and_then(|node| amount("amount", node, faults)) {
        most = value;
    }
    Confirm::Above { calls, amount: most }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        read(text).1.into_iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect()
    }

    fn above(calls: u64, amount: &str) -> Confirm {
        Confirm::Above { calls, amount: Money::parse(amount).unwrap() }
    }

    #[test]
    fn a_build_asks_above_ten_calls_and_one_unit_unless_it_is_told_otherwise() {
        for (text, confirm) in [
            ("", above(10, "1")),
            ("# nothing\n", above(10, "1")),
            ("confirm: ~", above(10, "1")),
            ("confirm: { calls: 100 }", above(100, "1")),
            ("confirm: { calls: 0, amount: 0 }", above(0, "0")),
            ("confirm: { amount: 0.25 }", above(10, "0.25")),
            ("confirm: never", Confirm::Never),
        ] {
            assert_eq!(read(text), (Preferences { confirm }, Vec::new()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(told("confrm: never"), ["S020 the setting `confrm` is not known"]);
        assert_eq!(told("confirm: { cals: 1 }"), ["S020 the key `cals` is not known"]);
        assert_eq!(
            told("confirm: often"),
            ["S021 `confirm` must be `never` or a map of `calls` and `amount`, not text"]
        );
        assert_eq!(told("confirm: { calls: many }"), ["S021 `calls` must be a whole number, not text"]);
        assert_eq!(told("confirm: { amount: $5 }"), ["S164 `amount` is no amount of money"]);
        assert_eq!(told("- confirm"), ["S021 a file of settings must be a map, not a list"]);
    }
}
