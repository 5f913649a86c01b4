//! A rule of a preset that one cue could not keep.

use std::fmt;

/// A rule one cue does not keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// Number of the cue, from 1, as in the file.
    pub cue: usize,
    pub rule: Rule,
    /// In the rule's unit.
    pub value: f64,
    pub limit: f64,
}

/// A rule of a [preset](super::preset) and its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Characters in the longest line: one word is longer than a line.
    LineChars,
    /// Characters a second.
    Cps,
    /// Milliseconds.
    MinDuration,
    /// Milliseconds.
    MaxDuration,
    /// Milliseconds since the cue before.
    Gap,
    /// Milliseconds between the last cue's end and the recording's.
    AudioEnd,
    /// Lines in the cue.
    Lines,
    /// Words in the cue.
    Words,
    /// Milliseconds that it shows together with the cue before.
    Overlap,
    /// Milliseconds that it starts before the cue that stands before it.
    Order,
    /// Milliseconds that it ends before its own start.
    Backwards,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach { cue, rule, value, limit } = self;
        match rule {
            Rule::LineChars => write!(f, "cue {cue}: a line of {value} characters, over {limit}"),
            Rule::Cps => write!(f, "cue {cue}: {value:.1} characters a second, over {limit}"),
            Rule::MinDuration => write!(f, "cue {cue}: shown for {value} ms, under {limit}"),
            Rule::MaxDuration => write!(f, "cue {cue}: shown for {value} ms, over {limit}"),
            Rule::Gap => write!(f, "cue {cue}: {value} ms after the one before, under {limit}"),
            Rule::AudioEnd => write!(f, "cue {cue}: ends {value} ms from the end of the recording, over {limit}"),
            Rule::Lines => write!(f, "cue {cue}: {value} lines, over {limit}"),
            Rule::Words => write!(f, "cue {cue}: {value} words, over {limit}"),
            Rule::Overlap => write!(f, "cue {cue}: overlaps the one before by {value} ms"),
            Rule::Order => write!(f, "cue {cue}: starts {value} ms before the one that stands before it"),
            Rule::Backwards => write!(f, "cue {cue}: ends {value} ms before it starts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_says_what_and_how_far() {
        let breach = Breach { cue: 3, rule: Rule::Cps, value: 24.56, limit: 20.0 };
        assert_eq!(breach.to_string(), "cue 3: 24.6 characters a second, over 20");
    }
}
