//! Holds cues that anybody may have written against a preset: what segmentation keeps by itself, other hands may break.

use super::breach::{Breach, Rule};
use super::cue::Cue;
use super::plain::is_wide;
use super::preset::Preset;
use super::token::{width, words};

/// Returns every rule that a cue breaks, in the cues' order: the preset's, and that no cue overlaps another, stands out
/// of order or ends before it starts.
///
/// Characters are counted as segmentation counts them: what a reader sees, markup such as `<i>` aside, a line's end as
/// the space that it stands for.
pub fn breaches(cues: &[Cue], preset: &Preset) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut before: Option<&Cue> = None;
    for (index, cue) in cues.iter().enumerate() {
        let mut hold = |is_broken: bool, rule: Rule, value: f64, limit: f64| {
            if is_broken {
                found.push(Breach { cue: index + 1, rule, value, limit });
            }
        };
        let lines: Vec<String> = cue.lines.iter().map(|line| without_tags(line)).collect();
        let longest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
        let count: usize = lines.iter().map(|line| words(line).len()).sum();
        hold(longest > preset.max_chars, Rule::LineChars, longest as f64, preset.max_chars as f64);
        hold(lines.len() > preset.max_lines, Rule::Lines, lines.len() as f64, preset.max_lines as f64);
        if let Some(most) = preset.max_words {
            hold(count > most, Rule::Words, count as f64, most as f64);
        }
        let (start, end) = (milliseconds(cue.start_ms), milliseconds(cue.end_ms));
        let duration = end - start;
        if duration < 0 {
            hold(true, Rule::Backwards, -duration as f64, 0.0);
        } else {
            // What shows for no time at all can be read at no speed: its duration is told, not an infinite speed.
            let cps = chars(&lines) as f64 * 1000.0 / duration.max(1) as f64;
            hold(duration > 0 && cps > preset.cps + 1e-9, Rule::Cps, cps, preset.cps);
            hold(duration < preset.min_duration_ms, Rule::MinDuration, duration as f64, preset.min_duration_ms as f64);
            hold(duration > preset.max_duration_ms, Rule::MaxDuration, duration as f64, preset.max_duration_ms as f64);
        }
        if let Some(before) = before {
            let gap = start - milliseconds(before.end_ms);
            let (rule, value, limit) = match start - milliseconds(before.start_ms) {
                late if late < 0 => (Rule::Order, -late, 0),
                _ if gap < 0 => (Rule::Overlap, -gap, 0),
                _ => (Rule::Gap, gap, preset.gap_ms),
            };
            hold(rule != Rule::Gap || value < limit, rule, value as f64, limit as f64);
        }
        before = Some(cue);
    }
    found
}

/// The characters of all lines, if they stood on one.
fn chars(lines: &[String]) -> usize {
    let shown: usize = lines.iter().map(|line| width(line)).sum();
    let spaces = lines.windows(2).filter(|pair| {
        let (last, first) = (pair[0].chars().next_back(), pair[1].chars().next());
        !(last.is_some_and(is_wide) && first.is_some_and(is_wide))
    });
    shown + spaces.count()
}

/// Takes out what SubRip files borrow from HTML, `<i>` and `<font color=…>`, and positions, `{\an8}`; all else is text.
fn without_tags(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line.trim();
    while let Some(at) = rest.find(['<', '{']) {
        kept.push_str(&rest[..at]);
        let tag = &rest[at..];
        let end = if tag.starts_with('<') { html_tag(tag) } else { position(tag) };
        kept.push_str(if end.is_some() { "" } else { &tag[..1] });
        rest = &tag[end.unwrap_or(1)..];
    }
    kept + rest
}

fn html_tag(text: &str) -> Option<usize> {
    let end = text.find('>')?;
    let name: String = text[1..end].trim_start_matches('/').chars().take_while(char::is_ascii_alphabetic).collect();
    ["i", "b", "u", "s", "font"].contains(&name.to_ascii_lowercase().as_str()).then_some(end + 1)
}

fn position(text: &str) -> Option<usize> {
    text.starts_with("{\\").then(|| text.find('}').map(|end| end + 1)).flatten()
}

fn milliseconds(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::segment::segment;
    use super::super::style::Look;
    use super::super::words::{Break, Timing, VERSION, Word, Words};
    use super::super::{srt, vtt};
    use super::*;
    use proptest::prelude::*;

    fn cue(start_ms: u64, end_ms: u64, text: &str) -> Cue {
        Cue { start_ms, end_ms, lines: text.split('|').map(str::to_owned).collect(), ..Cue::default() }
    }

    #[track_caller]
    fn check(cues: &[Cue], preset: &Preset, told: &[&str]) {
        let found: Vec<String> = breaches(cues, preset).iter().map(Breach::to_string).collect();
        assert_eq!(found, told);
    }

    #[test]
    fn what_keeps_the_rules_is_not_told() {
        check(
            &[cue(0, 2000, "The last bus was late."), cue(2083, 5000, "<i>She waited</i>|all night.")],
            &Preset::netflix(),
            &[],
        );
    }

    #[test]
    fn every_rule_is_told_with_its_cue() {
        let cues = [
            cue(0, 400, "One."),
            cue(420, 9000, "Two.|Three.|Four."),
            cue(9100, 10_000, "A line that is so long that nobody would read it in time."),
        ];
        check(
            &cues,
            &Preset::netflix(),
            &[
                "cue 1: shown for 400 ms, under 833",
                "cue 2: 3 lines, over 2",
                "cue 2: shown for 8580 ms, over 7000",
                "cue 2: 20 ms after the one before, under 83",
                "cue 3: a line of 57 characters, over 42",
                "cue 3: 63.3 characters a second, over 20",
            ],
        );
        check(
            &[cue(0, 1000, "one two three four five")],
            &Preset::shorts(),
            &["cue 1: a line of 23 characters, over 22", "cue 1: 5 words, over 4"],
        );
    }

    #[test]
    fn cues_that_overlap_or_stand_out_of_order_are_told() {
        check(
            &[cue(2000, 4000, "One."), cue(3900, 5000, "Two."), cue(1000, 2000, "Three."), cue(9000, 8000, "Four.")],
            &Preset::netflix(),
            &[
                "cue 2: overlaps the one before by 100 ms",
                "cue 3: starts 2900 ms before the one that stands before it",
                "cue 4: ends 1000 ms before it starts",
            ],
        );
    }

    #[test]
    fn only_markup_that_players_hide_does_not_count() {
        assert_eq!(without_tags("{\\an8}<font color=\"red\">Hi</font> <b>you</b>"), "Hi you");
        assert_eq!(without_tags("a < b {c} <3 <unclosed"), "a < b {c} <3 <unclosed");
    }

    fn spoken(lengths: &[(usize, u32)]) -> Words {
        let mut now = 0.0;
        let words: Vec<Word> = lengths
            .iter()
            .map(|&(letters, ms)| {
                let start = now;
                now += f64::from(ms) / 1000.0;
                let (text, end) = ("x".repeat(letters), now);
                Word { text, start, end, break_after: Break::None, estimated: false, joined: false }
            })
            .collect();
        let (language, source) = ("en".to_owned(), Timing::Synthesiser);
        Words { version: VERSION, sample_rate: None, duration: now, language, source, words }
    }

    proptest! {
        #[test]
        fn what_segmentation_says_of_its_cues_is_what_is_read_in_them(
            lengths in proptest::collection::vec((1usize..60, 30u32..900), 1..60),
            is_short in any::<bool>(),
        ) {
            let preset = if is_short { Preset::shorts() } else { Preset::netflix() };
            let mut cut = segment(&spoken(&lengths), &preset);
            cut.breaches.retain(|breach| breach.rule != Rule::AudioEnd);
            let key = |breach: &Breach| (breach.cue, breach.rule);
            cut.breaches.sort_by_key(key);
            for cues in [srt::read(&srt::write(&cut.cues)).unwrap(), vtt::read(&vtt::write(&cut.cues, &Look::default())).unwrap().cues] {
                let mut found = breaches(&cues, &preset);
                found.sort_by_key(key);
                prop_assert_eq!(&found, &cut.breaches);
            }
        }
    }
}
