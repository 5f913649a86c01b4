//! Tests that all formats say the same words at the same times, in any writing.

use super::cue::{self, Cue};
use super::preset::{self, Preset};
use super::segment::segment;
use super::style::{Highlight, Look};
use super::words::{Break, Timing, VERSION, Word, Words};
use super::{ass, srt, ttml, vtt};
use proptest::prelude::*;

/// What a format made of the cues, by a reader that knows only what we write.
struct Read {
    format: &'static str,
    cues: Vec<Cue>,
    /// The times of words, in milliseconds, where the file has them: for each cue, the start of each piece.
    starts: Vec<Vec<u64>>,
}

fn read_all(cues: &[Cue], look: &Look, language: &str) -> Vec<Read> {
    let ttml = ttml::write(cues, look, language).unwrap();
    let plain = |format, cues: Vec<Cue>| Read { format, starts: vec![Vec::new(); cues.len()], cues };
    vec![
        plain("srt", srt::read(&srt::write(cues)).unwrap()),
        plain("vtt", vtt::read(&vtt::write(cues, look)).unwrap().cues),
        from_ass(&ass::write(cues, look, language)),
        from_ttml(&ttml),
    ]
}

fn from_ass(file: &str) -> Read {
    let mut read = Read { format: "ass", cues: Vec::new(), starts: Vec::new() };
    for line in file.lines().filter_map(|line| line.strip_prefix("Dialogue: ")) {
        let fields: Vec<&str> = line.splitn(10, ',').collect();
        let (start_ms, end_ms) = (clock(fields[1]) * 10, clock(fields[2]) * 10);
        let (mut text, mut starts, mut now) = (String::new(), Vec::new(), start_ms);
        let mut chars = fields[9].chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next().unwrap() {
                    'N' => text.push('\n'),
                    '\u{2060}' => text.push('\\'),
                    c => text.push(c),
                },
                '{' => {
                    let tag: String = chars.by_ref().take_while(|&c| c != '}').collect();
                    starts.push(now);
                    now += tag.strip_prefix("\\k").unwrap().parse::<u64>().unwrap() * 10;
                }
                c => text.push(c),
            }
        }
        assert!(starts.is_empty() || now == end_ms, "the shares of {line} are not its time");
        read.cues.push(of_text(start_ms, end_ms, &text));
        read.starts.push(starts);
    }
    read
}

fn from_ttml(file: &str) -> Read {
    let mut read = Read { format: "ttml", cues: Vec::new(), starts: Vec::new() };
    for line in file.lines().filter(|line| line.trim_start().starts_with("<p ")) {
        let value = |name: &str| line.split_once(&format!(" {name}=\"")).unwrap().1.split('"').next().unwrap();
        let (start_ms, end_ms) = (clock(value("begin")), clock(value("end")));
        let body = line.split_once('>').unwrap().1.strip_suffix("</p>").unwrap();
        let times = body.split("<set begin=\"").skip(1).map(|rest| start_ms + clock(rest.split('"').next().unwrap()));
        read.starts.push(times.collect());
        let mut text = String::new();
        for (index, part) in body.replace("<br/>", "\n").split('<').enumerate() {
            text.push_str(if index == 0 { part } else { part.split_once('>').unwrap().1 });
        }
        let names = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
        let text = names.iter().fold(text, |text, (name, c)| text.replace(name, c));
        read.cues.push(of_text(start_ms, end_ms, &text));
    }
    read
}

/// `1:02:03.45` in the unit of its last digit.
fn clock(stamp: &str) -> u64 {
    let (clock, fraction) = stamp.split_once('.').unwrap();
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap());
    seconds * 10u64.pow(u32::try_from(fraction.len()).unwrap()) + fraction.parse::<u64>().unwrap()
}

fn of_text(start_ms: u64, end_ms: u64, text: &str) -> Cue {
    Cue { start_ms, end_ms, lines: text.split('\n').map(str::to_string).collect(), ..Cue::default() }
}

/// Words that begin after `from` seconds, each with its length and the pause after it in milliseconds.
fn words(language: &str, from: f64, list: Vec<(String, u32, u32)>) -> Words {
    let mut now = from;
    let mut words: Vec<Word> = Vec::new();
    for (text, length, pause) in list {
        let end = now + f64::from(length) / 1e3;
        let joined = text.chars().any(super::token::is_ideograph);
        let break_after = if pause > 400 { Break::Sentence } else { Break::None };
        words.push(Word { text, start: now, end, break_after, estimated: false, joined });
        now = end + f64::from(pause) / 1e3;
    }
    let (language, source) = (language.to_string(), Timing::Aligned);
    Words { version: VERSION, sample_rate: None, duration: now, language, source, words }
}

#[track_caller]
fn check(words: &Words, preset: &Preset, look: &Look) {
    let cues = segment(words, preset).cues;
    let script: String = words.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(cue::words(&cues).concat(), script);
    for Read { format, cues: read, starts } in read_all(&cues, look, &words.language) {
        assert_eq!(read.len(), cues.len(), "{format}");
        assert!(read.iter().all(|cue| cue.start_ms < cue.end_ms), "{format}: a cue without length");
        assert!(read.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms), "{format}: cues overlap");
        for ((read, cue), starts) in read.iter().zip(&cues).zip(starts) {
            assert_eq!(read.text(), cue.text(), "{format}");
            let exact = format != "ass";
            assert!(
                !exact || (read.start_ms, read.end_ms) == (cue.start_ms, cue.end_ms),
                "{format}: {read:?}, {cue:?}"
            );
            assert!(starts.is_empty() || starts.len() == cue.onsets.len(), "{format}: {cue:?}");
            assert!(starts.windows(2).all(|pair| pair[0] <= pair[1]), "{format}: {starts:?}");
            assert!(starts.iter().all(|start| (read.start_ms..=read.end_ms).contains(start)), "{format}: {starts:?}");
        }
    }
}

fn check_text(language: &str, text: &str) {
    let list = text.split(' ').map(|word| (word.to_string(), 300, 60)).collect();
    let words = words(language, 3599.5, list);
    for preset in preset::NAMES.iter().map(|name| Preset::named(name).unwrap().for_language(language)) {
        for highlight in [Highlight::Nothing, Highlight::Word] {
            check(&words, &preset, &Look { frame: preset.frame, highlight, ..Look::default() });
        }
    }
}

#[test]
fn markup_of_one_format_is_text_in_all() {
    check_text("en", "{\\k20}a \\N \\n \\h {b} <i>c</i> &amp; &lt; --> <00:00:01.000> \\ ; \\{ <br/> ]]> 00:00:01,000");
}

#[test]
fn writing_from_right_to_left_keeps_its_order() {
    check_text("ar", "كَانَ يَا مَا كَانَ، فِي قَدِيمِ الزَّمَانِ، \u{202B}لَيْلَةٌ\u{202C} طَوِيلَةٌ.");
    check_text("he", "הָיֹה הָיָה פַּעַם אוטובוס אחרון, 23:45 בלילה.");
}

#[test]
fn ideographs_stand_without_spaces_and_marks_stay_with_their_letters() {
    check_text("ja", "今 日 は と て も い い 天 気 で す ね。 「東 京」 は、 AI の 街。");
    check_text("hi", "एक बार की बात है, आखिरी बस छूट गई।");
    check_text(
        "vi",
        "Nga\u{300}y xu\u{31B}a co\u{301} mo\u{323}\u{302}t chuye\u{302}\u{301}n xe cuo\u{302}\u{301}i. 👩‍👩‍👧 é",
    );
}

#[test]
fn stamps_past_an_hour_and_past_a_hundred_are_written_whole() {
    for (hours, srt, ass) in [(1.0, "01:00:00,000 --> ", "1:00:00.00,"), (100.0, "100:00:00,000 --> ", "100:00:00.00,")]
    {
        let words = words("en", hours * 3600.0, vec![("late".into(), 900, 0)]);
        check(&words, &Preset::netflix(), &Look::default());
        let cues = segment(&words, &Preset::netflix()).cues;
        assert!(srt::write(&cues).contains(srt) && ass::write(&cues, &Look::default(), "en").contains(ass));
    }
}

fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zN{}\\\\<>&;#-]{1,9}[,.!?]?",
        "[א-ת\u{5B0}-\u{5BC}]{1,7}",
        "[ا-ي\u{64B}-\u{652}]{1,7}،?",
        "[一-龥ぁ-んー。]{1,3}",
        "[क-ह\u{93E}-\u{94D}]{1,6}",
        "([a-z]\u{301}){1,5}",
        "[😀-😄]\u{FE0F}?",
    ]
}

proptest! {
    #[test]
    fn all_formats_say_the_same(
        list in prop::collection::vec((any_word(), 0u32..700, 0u32..500), 0..50),
        from in prop::sample::select(vec![0.0, 3599.0, 35_999.9]),
        language in prop::sample::select(vec!["en", "ar", "ja", "pt-BR", "hi"]),
        name in prop::sample::select(preset::NAMES),
        highlight in prop::sample::select(vec![Highlight::Nothing, Highlight::Word]),
    ) {
        let preset = Preset::named(name).unwrap().for_language(language);
        check(&words(language, from, list), &preset, &Look { frame: preset.frame, highlight, ..Look::default() });
    }
}
