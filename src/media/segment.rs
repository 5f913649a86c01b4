//! Cuts timed words into cues: the cheapest way to cut the whole text, by dynamic programming.
//!
//! What a way of cutting costs is a sum over its cues:
//!
//! | for | cost |
//! |---|---|
//! | each cue | 6, and 10 × (share of the cue's room it fills)², so that neighbours come out even |
//! | where it ends | [`Boundary::cost`]: 0 after a sentence to 60 between article and noun; half after a pause of 250 ms |
//! | a sentence end inside | 25; a paragraph's 120; a pause of a second or more 30 |
//! | a scrap: under a quarter of a line, and not a whole sentence | 12 |
//! | the break between its lines | [`Boundary::line_cost`], 5 × unevenness, 3 if the upper line is the longer |
//! | each rule it breaks | 1000 × (1 + share it is off by); reading speed instead words × (12 + 20 × share), since that of a fast voice cannot be cut away |
//!
//! Cues start with their first word and never move. They end after their last, later if reading needs it or the next cue
//! is near, but never past the preset's `extend_out`, and a gap before the next cue. A rule that cannot be kept is
//! broken and reported.

use super::boundary::Boundary;
use super::breach::{Breach, Rule};
use super::cue::{Cue, Onset};
use super::page::Page;
use super::preset::Preset;
use super::words::Words;
use std::ops::Range;

/// The cues of a text and the rules they could not keep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segmentation {
    /// In order, never overlapping; together they hold every word once.
    pub cues: Vec<Cue>,
    pub breaches: Vec<Breach>,
}

/// How far the last cue's end may be from the recording's.
const AUDIO_END_MS: i64 = 1000;

/// Cuts the words into cues by the preset's rules.
///
/// Takes time in proportion to the words. Times that go backwards are pushed forward, never the words reordered.
pub fn segment(words: &Words, preset: &Preset) -> Segmentation {
    let text = Text::new(words, preset);
    let ranges = text.cheapest();
    let mut cues = Vec::with_capacity(ranges.len());
    let mut breaches = Vec::new();
    let mut before_end = None;
    for range in ranges {
        let mut time = text.time(&range);
        // Only words without time of their own come so close that a cue must give way.
        time.start = time.start.max(before_end.unwrap_or(0));
        time.end = time.end.max(time.start + 1);
        let number = cues.len() + 1;
        let faults = text.faults(&range, time, before_end);
        breaches.extend(faults.into_iter().map(|(rule, value, limit)| Breach { cue: number, rule, value, limit }));
        before_end = Some(time.end);
        cues.push(text.cue(&range, time));
    }
    Segmentation { cues, breaches }
}

/// When a cue shows, in milliseconds.
#[derive(Clone, Copy)]
struct Time {
    start: i64,
    end: i64,
}

/// A rule, what was found, what is allowed.
type Fault = (Rule, f64, f64);

/// Everything about the words that the search asks for again and again.
struct Text<'a> {
    preset: &'a Preset,
    page: Page<'a>,
    /// Start and end of each word in milliseconds, made to never go back.
    times: Vec<Time>,
    audio_end: i64,
}

impl<'a> Text<'a> {
    fn new(words: &'a Words, preset: &'a Preset) -> Text<'a> {
        let mut times: Vec<Time> = Vec::with_capacity(words.words.len());
        for word in &words.words {
            let before = times.last().map_or(0, |time| time.start);
            let start = milliseconds(word.start).max(before);
            times.push(Time { start, end: milliseconds(word.end).max(start) });
        }
        Text { preset, page: Page::new(words, preset), times, audio_end: milliseconds(words.duration) }
    }

    /// Returns the words of each cue for the cheapest way to cut.
    fn cheapest(&self) -> Vec<Range<usize>> {
        let count = self.times.len();
        let mut best = vec![(0.0, 0); count + 1];
        for end in 1..=count {
            best[end] = (f64::INFINITY, end - 1);
            for start in (0..end).rev().take_while(|&start| self.has_room(&(start..end))) {
                let cost = best[start].0 + self.cost(&(start..end));
                if cost < best[end].0 {
                    best[end] = (cost, start);
                }
            }
        }
        let mut ranges = Vec::new();
        let mut end = count;
        while end > 0 {
            let start = best[end].1;
            ranges.push(start..end);
            end = start;
        }
        ranges.reverse();
        ranges
    }

    /// Whether that many words may stand in one cue at all. One word always may.
    fn has_room(&self, range: &Range<usize>) -> bool {
        let preset = self.preset;
        let chars_max = preset.max_chars * preset.max_lines + preset.max_lines - 1;
        let words_max = preset.max_words.unwrap_or(usize::MAX);
        range.len() == 1 || (range.len() <= words_max && self.page.width(range) <= chars_max)
    }

    fn cost(&self, range: &Range<usize>) -> f64 {
        let Some((lines, _)) = self.page.best(range) else { return f64::INFINITY };
        let room = (self.preset.max_chars * self.preset.max_lines) as f64;
        let fill = self.page.width(range) as f64 / room;
        let whole = self.ends_sentence(range.end - 1) && (range.start == 0 || self.ends_sentence(range.start - 1));
        let scrap = !whole && self.page.width(range) * 4 < self.preset.max_chars;
        let faults = self.faults(range, self.time(range), None);
        6.0 + 10.0 * fill * fill
            + self.end_cost(range.end - 1)
            + range.clone().skip(1).map(|at| self.inner_cost(at - 1)).sum::<f64>()
            + if scrap { 12.0 } else { 0.0 }
            + lines
            + faults.iter().map(|fault| fault_cost(fault, range.len())).sum::<f64>()
    }

    fn end_cost(&self, last: usize) -> f64 {
        let cost = self.page.after[last].cost();
        if self.pause_after(last) >= 250 { cost / 2.0 } else { cost }
    }

    fn inner_cost(&self, word: usize) -> f64 {
        let end = match self.page.after[word] {
            Boundary::Paragraph => 120.0,
            Boundary::Sentence => 25.0,
            _ => 0.0,
        };
        end + if self.pause_after(word) >= 1000 { 30.0 } else { 0.0 }
    }

    fn ends_sentence(&self, word: usize) -> bool {
        self.page.after[word] <= Boundary::Sentence
    }

    fn pause_after(&self, word: usize) -> i64 {
        self.times.get(word + 1).map_or(0, |next| next.start - self.times[word].end)
    }

    /// When the words show if nothing presses from before.
    fn time(&self, range: &Range<usize>) -> Time {
        let preset = self.preset;
        let start = self.times[range.start].start;
        let spoken = self.times[range.clone()].iter().map(|time| time.end).max().unwrap_or(start);
        let latest = spoken + preset.extend_out_ms;
        let next = self.times.get(range.end).map(|time| time.start - preset.gap_ms);
        let reading = (self.page.width(range) as f64 * 1000.0 / preset.cps).ceil() as i64;
        let needed = spoken.max(start + preset.min_duration_ms).max(start + reading).min(latest);
        // A short hole between cues flickers: the cue stays until the next one.
        let wish = next.filter(|&next| next <= latest).map_or(needed, |next| next.max(needed));
        let wish = wish.min(spoken.max(start + preset.max_duration_ms));
        let end = wish.min(next.unwrap_or(self.audio_end + AUDIO_END_MS));
        Time { start, end: end.max(start + 1) }
    }

    fn cue(&self, range: &Range<usize>, time: Time) -> Cue {
        let (lines, places) = self.page.lines(range);
        // A cue that had to give way starts after its first words.
        let onset = |((line, at), word): ((usize, usize), &Time)| {
            let ms = word.start.clamp(time.start, time.end).unsigned_abs();
            Onset { line, at, ms }
        };
        let onsets = places.into_iter().zip(&self.times[range.clone()]).map(onset).collect();
        Cue { start_ms: time.start.unsigned_abs(), end_ms: time.end.unsigned_abs(), lines, onsets }
    }

    /// The rules a cue at that time does not keep. `before_end` is the end of the cue before, if it is known and there is one.
    fn faults(&self, range: &Range<usize>, time: Time, before_end: Option<i64>) -> Vec<Fault> {
        let preset = self.preset;
        let mut found = Vec::new();
        let mut hold = |broken: bool, rule: Rule, value: f64, limit: f64| {
            if broken {
                found.push((rule, value, limit));
            }
        };
        let chars = self.page.width(range);
        let duration = time.end - time.start;
        let cps = chars as f64 * 1000.0 / duration as f64;
        // More than one word is only taken where lines fit.
        let too_long = range.len() == 1 && chars > preset.max_chars;
        hold(too_long, Rule::LineChars, chars as f64, preset.max_chars as f64);
        hold(cps > preset.cps + 1e-9, Rule::Cps, cps, preset.cps);
        hold(duration < preset.min_duration_ms, Rule::MinDuration, duration as f64, preset.min_duration_ms as f64);
        hold(duration > preset.max_duration_ms, Rule::MaxDuration, duration as f64, preset.max_duration_ms as f64);
        let gap = before_end.map_or(i64::MAX, |before| time.start.saturating_sub(before));
        hold(gap < preset.gap_ms, Rule::Gap, gap as f64, preset.gap_ms as f64);
        let off = if range.end == self.times.len() { (time.end - self.audio_end).abs() } else { 0 };
        hold(off > AUDIO_END_MS, Rule::AudioEnd, off as f64, AUDIO_END_MS as f64);
        found
    }
}

fn fault_cost(&(rule, value, limit): &Fault, words: usize) -> f64 {
    let off = (value - limit).abs() / limit.max(1.0);
    match rule {
        Rule::Cps => (12.0 + 20.0 * off.min(10.0)) * words as f64,
        _ => 1000.0 * (1.0 + off),
    }
}

/// Seconds as milliseconds; what is no time is 0, and no recording is longer than a year.
fn milliseconds(seconds: f64) -> i64 {
    (seconds.clamp(0.0, 31_536_000.0) * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::super::preset::Overrides;
    use super::super::token::width;
    use super::super::words::{Break, Timing, VERSION, Word};
    use super::*;
    use proptest::prelude::*;

    /// Words of `text` at 60 ms a character; `|` ends a sentence with a pause, `¶` a paragraph.
    fn spoken(text: &str) -> Words {
        let mut words: Vec<Word> = Vec::new();
        let mut now = 0.0;
        for part in text.split_whitespace() {
            let (break_after, pause) = match part {
                "|" => (Break::Sentence, 0.35),
                "¶" => (Break::Paragraph, 0.7),
                _ => {
                    let end = now + part.chars().count() as f64 * 0.06;
                    let text = part.to_string();
                    words.push(Word {
                        text,
                        start: now,
                        end,
                        break_after: Break::None,
                        estimated: false,
                        joined: false,
                    });
                    now = end + 0.02;
                    continue;
                }
            };
            words.last_mut().unwrap().break_after = break_after;
            now += pause;
        }
        let duration = words.last().map_or(0.0, |word| word.end);
        Words {
            version: VERSION,
            sample_rate: None,
            duration,
            language: "en".into(),
            source: Timing::Synthesiser,
            words,
        }
    }

    #[track_caller]
    fn check<const N: usize>(text: &str, preset: &Preset, cues: [&str; N]) {
        let cut = segment(&spoken(text), preset);
        assert_eq!(cut.cues.iter().map(Cue::text).collect::<Vec<_>>(), cues);
        assert_eq!(cut.breaches, []);
    }

    #[test]
    fn sentences_stand_alone_where_they_can() {
        check(
            "The old lighthouse had not burned for years. | Nobody in the village knew why. |",
            &Preset::netflix(),
            ["The old lighthouse\nhad not burned for years.", "Nobody in the village knew why."],
        );
    }

    #[test]
    fn long_sentences_are_cut_after_punctuation() {
        let text = "When the storm finally came over the hills, she took the lamp from the hook by the door, \
                    and she walked down to the harbour without a word. |";
        check(
            text,
            &Preset::netflix(),
            [
                "When the storm finally came\nover the hills,",
                "she took the lamp\nfrom the hook by the door,",
                "and she walked down\nto the harbour without a word.",
            ],
        );
    }

    #[test]
    fn sentences_too_short_to_read_share_a_cue() {
        let cut = segment(&spoken("No. ¶ Stop! | He ran away from the house. |"), &Preset::netflix());
        assert_eq!(cut.breaches, []);
        assert_eq!(cut.cues.len(), 2);
    }

    #[test]
    fn shorts_show_a_few_words_on_one_line() {
        let cut =
            segment(&spoken("Nobody in the village knew why the light went out that night. |"), &Preset::shorts());
        assert_eq!(cut.breaches, []);
        for cue in &cut.cues {
            assert!(
                cue.lines.len() == 1 && cue.lines[0].split(' ').count() <= 4 && width(&cue.lines[0]) <= 22,
                "{cue:?}"
            );
        }
    }

    #[test]
    fn the_bbc_closes_short_pauses_and_gives_a_sentence_its_own_cue() {
        let cut = segment(
            &spoken("The old lighthouse had not burned for years. ¶ Nobody in the village knew why. |"),
            &Preset::bbc(),
        );
        assert_eq!(cut.breaches, []);
        assert_eq!(cut.cues[1].text(), "Nobody in the village knew why.");
        assert_eq!(cut.cues[0].end_ms, cut.cues[1].start_ms);
        assert!(cut.cues.iter().flat_map(|cue| &cue.lines).all(|line| width(line) <= 37), "{cut:?}");
    }

    #[test]
    fn an_article_never_ends_a_line() {
        let cut = segment(
            &spoken("He gave her the small wooden box that belonged to his old mother in the winter before the war. |"),
            &Preset::netflix(),
        );
        let lines = cut.cues.iter().flat_map(|cue| &cue.lines);
        assert!(lines.clone().all(|line| !line.ends_with(" the") && !line.ends_with(" his")), "{cut:?}");
    }

    #[test]
    fn ideographs_are_cut_without_adding_spaces() {
        let mut words = spoken("今 日 は と て も い い 天 気 で す ね。 |");
        words.language = "ja".into();
        words.words.iter_mut().for_each(|word| word.joined = true);
        let preset = Preset::netflix().with(&Overrides { max_chars: Some(7), ..Overrides::default() }).unwrap();
        let cut = segment(&words, &preset);
        assert_eq!(cut.cues.iter().map(|cue| cue.lines.concat()).collect::<String>(), "今日はとてもいい天気ですね。");
    }

    #[test]
    fn cues_stay_until_the_next_but_not_long_after_their_words() {
        let cut = segment(&spoken("They waited all the long evening. | Nobody came to them. ¶"), &Preset::netflix());
        let words = spoken("They waited all the long evening. | Nobody came to them. ¶").words;
        let second = milliseconds(words[6].start).unsigned_abs();
        assert_eq!((cut.cues[1].start_ms, cut.cues[0].end_ms), (second, second - 83));
    }

    #[test]
    fn what_cannot_be_kept_is_reported() {
        let rules =
            |words: &Words| segment(words, &Preset::netflix()).breaches.into_iter().map(|b| b.rule).collect::<Vec<_>>();
        assert_eq!(rules(&spoken(&"x".repeat(50))), [Rule::LineChars]);
        let mut fast = spoken("What a very fast speaker this one is indeed. |");
        fast.words.iter_mut().for_each(|word| (word.start, word.end) = (word.start / 3.0, word.end / 3.0));
        fast.duration /= 3.0;
        assert_eq!(rules(&fast), [Rule::Cps]);
        let mut slow = spoken("Aaaah. |");
        (slow.words[0].end, slow.duration) = (9.0, 9.0);
        assert_eq!(rules(&slow), [Rule::MaxDuration]);
        let mut tail = spoken("The end has come at last. |");
        tail.duration += 5.0;
        assert_eq!(rules(&tail), [Rule::AudioEnd]);
    }

    #[test]
    fn words_without_any_time_still_give_a_sound_file() {
        let mut words = spoken(&"word ".repeat(60));
        words.words.iter_mut().for_each(|word| (word.start, word.end) = (f64::NAN, -1.0));
        let cut = segment(&words, &Preset::netflix());
        assert!(cut.cues.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms));
        assert!(cut.cues.iter().all(|cue| cue.start_ms < cue.end_ms) && !cut.breaches.is_empty());
    }

    #[test]
    fn no_words_are_no_cues() {
        assert_eq!(segment(&spoken(""), &Preset::netflix()), Segmentation::default());
    }

    fn any_words() -> impl Strategy<Value = Words> {
        let word = ("[a-zA-Zéж0-9'&<>“”-]{1,11}[,.!?;:…]?", 0u32..900, 0u32..500, 0u8..12, prop::bool::weighted(0.1));
        prop::collection::vec(word, 0..90).prop_map(|list| {
            let mut now = 0;
            let mut words = Vec::new();
            for (text, length, pause, end, joined) in list {
                let break_after = [Break::Sentence, Break::Paragraph].get(end as usize).copied().unwrap_or_default();
                let (start, stop) = (f64::from(now) / 1e3, f64::from(now + length) / 1e3);
                words.push(Word { text, start, end: stop, break_after, estimated: false, joined });
                now += length + if break_after == Break::None { pause / 10 } else { pause };
            }
            let duration = f64::from(now) / 1e3;
            Words {
                version: VERSION,
                sample_rate: None,
                duration,
                language: "en".into(),
                source: Timing::Aligned,
                words,
            }
        })
    }

    fn any_preset() -> impl Strategy<Value = Preset> {
        let changes = (5usize..50, 1usize..4, 8.0..40.0, 0.0..0.3, prop::option::of(1usize..8));
        (any::<bool>(), changes).prop_map(|(shorts, (chars, lines, cps, gap, words))| {
            let preset = if shorts { Preset::shorts() } else { Preset::netflix() };
            let changes = Overrides {
                max_chars: Some(chars),
                max_lines: Some(lines),
                cps: Some(cps),
                gap: Some(gap),
                max_words: words,
            };
            preset.with(&changes).unwrap()
        })
    }

    proptest! {
        #[test]
        fn every_word_stands_once_and_in_order(words in any_words(), preset in any_preset()) {
            let cut = segment(&words, &preset);
            let shown: String = cut.cues.iter().map(|cue| cue.lines.concat().replace(' ', "")).collect();
            let script: String = words.words.iter().map(|word| word.text.as_str()).collect();
            prop_assert_eq!(shown, script);
        }

        #[test]
        fn every_word_begins_where_and_when_it_is_spoken(words in any_words(), preset in any_preset()) {
            let cut = segment(&words, &preset);
            let pieces = cut.cues.iter().flat_map(Cue::pieces).flatten().map(|piece| piece.text.trim_end().to_string());
            prop_assert!(pieces.eq(words.words.iter().map(|word| word.text.clone())));
            for cue in &cut.cues {
                prop_assert!(cue.onsets.windows(2).all(|pair| pair[0].ms <= pair[1].ms));
                prop_assert!(cue.onsets.iter().all(|onset| (cue.start_ms..=cue.end_ms).contains(&onset.ms)));
            }
        }

        #[test]
        fn cues_never_overlap(words in any_words(), preset in any_preset()) {
            let cut = segment(&words, &preset);
            prop_assert!(cut.cues.iter().all(|cue| cue.start_ms < cue.end_ms));
            prop_assert!(cut.cues.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms));
        }

        #[test]
        fn limits_hold_or_are_reported(words in any_words(), preset in any_preset()) {
            let Segmentation { cues, breaches } = segment(&words, &preset);
            let told = |cue: usize, rule: Rule| breaches.iter().any(|breach| breach.cue == cue + 1 && breach.rule == rule);
            for (at, cue) in cues.iter().enumerate() {
                let duration = (cue.end_ms - cue.start_ms) as i64;
                let widest = cue.lines.iter().map(|line| width(line)).max().unwrap_or(0);
                let read = cue.lines.iter().map(|line| width(line)).sum::<usize>() as f64 * 1e3 / duration as f64;
                prop_assert!(cue.lines.len() <= preset.max_lines && cue.lines.iter().all(|line| !line.is_empty()));
                prop_assert!(widest <= preset.max_chars || told(at, Rule::LineChars));
                prop_assert!(read <= preset.cps + 1e-6 || told(at, Rule::Cps));
                prop_assert!(duration >= preset.min_duration_ms || told(at, Rule::MinDuration));
                prop_assert!(duration <= preset.max_duration_ms || told(at, Rule::MaxDuration));
                if let Some(next) = cues.get(at + 1) {
                    prop_assert!((next.start_ms - cue.end_ms) as i64 >= preset.gap_ms || told(at + 1, Rule::Gap));
                }
            }
            if let Some(last) = cues.last() {
                let off = (last.end_ms as i64 - milliseconds(words.duration)).abs();
                prop_assert!(off <= 1000 || told(cues.len() - 1, Rule::AudioEnd));
            }
        }
    }
}
