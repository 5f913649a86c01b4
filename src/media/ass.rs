//! Writes Advanced SubStation Alpha (`.ass`) subtitles, with karaoke where words are highlighted.

use super::cue::{Cue, Piece, clock};
use super::style::{Colour, Frame, Highlight, Look, Position, Style, is_right_to_left};

const FONT: &str = "Arial";
const BLACK: Colour = Colour { red: 0, green: 0, blue: 0 };

/// Returns the cues as an ASS file for a text of that language.
///
/// Highlighted words wait in the secondary colour and turn to the primary one when they are spoken, as `\k` has it.
pub fn write(cues: &[Cue], look: &Look, language: &str) -> String {
    let (width, height) = resolution(look.frame);
    let mut file = format!(
        "[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\nWrapStyle: 0\n\
         ScaledBorderAndShadow: yes\n\n[V4+ Styles]\n\
         Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
         Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, \
         MarginV, Encoding\n{}\n\n[Events]\n\
         Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
        style(look, language)
    );
    for (cue, time) in cues.iter().zip(times(cues)) {
        let text = match look.highlight {
            Highlight::Nothing => escape(&cue.text()).replace('\n', "\\N"),
            Highlight::Word => karaoke(cue, time),
        };
        file.push_str(&format!("Dialogue: 0,{},{},Default,,0,0,0,,{text}\n", stamp(time.start), stamp(time.end)));
    }
    file
}

/// When a cue shows, in centiseconds: the format knows nothing finer.
#[derive(Clone, Copy)]
struct Time {
    start: u64,
    end: u64,
}

/// Rounds the cues' times. Each cue keeps a centisecond at least, and none begins before the one before has ended.
fn times(cues: &[Cue]) -> Vec<Time> {
    let mut before = 0;
    let round = |cue: &Cue| {
        let start = centiseconds(cue.start_ms).max(before);
        let end = centiseconds(cue.end_ms).max(start + 1);
        before = end;
        Time { start, end }
    };
    cues.iter().map(round).collect()
}

fn centiseconds(ms: u64) -> u64 {
    ms.saturating_add(5) / 10
}

/// The picture in the units that sizes and margins are counted in.
fn resolution(frame: Frame) -> (u32, u32) {
    match frame {
        Frame::Wide => (1920, 1080),
        Frame::Upright => (1080, 1920),
    }
}

fn style(look: &Look, language: &str) -> String {
    let Style { font, size, position, .. } = &look.style;
    let (width, height) = resolution(look.frame);
    let size = (f64::from(height) * size.unwrap_or(Style::SIZE) / 100.0).round();
    let outline = (size / 20.0).round().max(1.0);
    let base = colour(look.style.base_colour());
    let primary = match look.highlight {
        Highlight::Nothing => base.clone(),
        Highlight::Word => colour(look.style.lit_colour()),
    };
    let bold = if look.frame == Frame::Upright { -1 } else { 0 };
    let alignment = match position.unwrap_or_default() {
        Position::Bottom => 2,
        Position::Middle => 5,
        Position::Top => 8,
    };
    let (side, margin) = (width / 20, height * look.frame.margin() / 100);
    // Renderers find the direction of each line by themselves only if the encoding is -1.
    let encoding = if is_right_to_left(language) { -1 } else { 1 };
    let font = font.as_deref().unwrap_or(FONT);
    format!(
        "Style: Default,{font},{size},{primary},{base},{},{},{bold},0,0,0,100,100,0,0,1,{outline},0,{alignment},{side},{side},\
         {margin},{encoding}",
        colour(BLACK),
        colour(BLACK),
    )
}

/// Blue comes first, and before it what is 0 for an opaque colour.
fn colour(Colour { red, green, blue }: Colour) -> String {
    format!("&H00{blue:02X}{green:02X}{red:02X}")
}

/// Returns the cue's text with each word's share of its time; the shares are together the whole of it.
fn karaoke(cue: &Cue, time: Time) -> String {
    let lines = cue.pieces();
    let starts: Vec<u64> = lines.iter().flatten().map(|piece| centiseconds(piece.start_ms)).collect();
    let mut text = String::new();
    let mut now = time.start;
    let lead = starts.first().map_or(0, |&first| first.clamp(time.start, time.end) - time.start);
    if lead > 0 {
        text.push_str(&format!("{{\\k{lead}}}"));
        now += lead;
    }
    let mut next = starts.iter().skip(1).copied().chain([time.end]);
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push_str("\\N");
        }
        for Piece { text: piece, .. } in line {
            let end = next.next().unwrap_or(time.end).clamp(now, time.end);
            text.push_str(&format!("{{\\k{}}}{}", end - now, escape(piece)));
            now = end;
        }
    }
    text
}

/// Returns the text so that no character of it is read as a command.
///
/// The format itself has no way to say `{` or `\`. `\{` and `\}` are understood by libass, which mpv, VLC and ffmpeg
/// draw with; for the backslash an invisible word joiner keeps it apart from what it would make a command of.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\u{2060}").replace('{', "\\{").replace('}', "\\}")
}

fn stamp(centiseconds: u64) -> String {
    let (hours, minutes, seconds, ms) = clock(centiseconds * 10);
    format!("{hours}:{minutes:02}:{seconds:02}.{:02}", ms / 10)
}

#[cfg(test)]
mod tests {
    use super::super::cue::{Onset, cue};
    use super::*;
    use proptest::prelude::*;

    const WORDS: Look = Look {
        frame: Frame::Wide,
        style: Style { font: None, size: None, colour: None, highlight_colour: None, position: None },
        highlight: Highlight::Word,
    };

    /// The lines that begin so, without that.
    fn fields(file: &str, head: &str) -> Vec<String> {
        file.lines().filter_map(|line| line.strip_prefix(head)).map(str::to_string).collect()
    }

    #[test]
    fn a_file_has_its_picture_one_style_and_a_line_for_each_cue() {
        let file =
            write(&[cue(0, 1500, &["Hi."]), cue(3_600_000, 3_723_004, &["Two", "lines"])], &Look::default(), "en");
        let (head, events) = file.split_once("[Events]\n").unwrap();
        assert!(head.starts_with("[Script Info]\nScriptType: v4.00+\nPlayResX: 1920\nPlayResY: 1080\n"), "{head}");
        assert!(
            head.contains("\nStyle: Default,Arial,54,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,3,0,2,96,96,54,1\n"),
            "{head}"
        );
        assert_eq!(
            events,
            "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n\
             Dialogue: 0,0:00:00.00,0:00:01.50,Default,,0,0,0,,Hi.\n\
             Dialogue: 0,1:00:00.00,1:02:03.00,Default,,0,0,0,,Two\\Nlines\n"
        );
    }

    #[test]
    fn a_style_names_as_many_values_as_its_format() {
        let file = write(&[], &Look::default(), "en");
        let (format, style) = (fields(&file, "Format: ")[0].clone(), fields(&file, "Style: ")[0].clone());
        assert_eq!(format.split(", ").count(), style.split(',').count());
    }

    #[test]
    fn the_look_is_the_storys() {
        let style = Style {
            font: Some("Open Sans".into()),
            size: Some(6.0),
            colour: Colour::parse("#112233"),
            highlight_colour: Colour::parse("lime"),
            position: Some(Position::Top),
        };
        let look = Look { frame: Frame::Upright, style, highlight: Highlight::Word };
        let file = write(&[], &look, "ar");
        assert!(file.contains("PlayResX: 1080\nPlayResY: 1920\n"), "{file}");
        let style = "Default,Open Sans,115,&H0000FF00,&H00332211,&H00000000,&H00000000,-1,0,0,0,100,100,0,0,1,6,0,8,54,54,384,-1";
        assert_eq!(fields(&file, "Style: "), [style]);
    }

    #[test]
    fn what_would_be_a_command_is_kept_apart() {
        let file = write(&[cue(0, 1000, &["{b} C:\\New \\{"])], &Look::default(), "en");
        assert!(file.ends_with(",,\\{b\\} C:\\\u{2060}New \\\u{2060}\\{\n"), "{file}");
    }

    #[test]
    fn words_share_the_time_of_their_cue_to_the_last_centisecond() {
        let onset = |line, at, ms| Onset { line, at, ms };
        let onsets = vec![onset(0, 0, 996), onset(0, 4, 1304), onset(1, 0, 1700)];
        let cue = Cue { onsets, ..cue(996, 2343, &["She ran", "away"]) };
        let file = write(&[cue], &WORDS, "en");
        assert_eq!(
            fields(&file, "Dialogue: "),
            ["0,0:00:01.00,0:00:02.34,Default,,0,0,0,,{\\k30}She {\\k40}ran\\N{\\k64}away"]
        );
    }

    #[test]
    fn time_before_the_first_word_belongs_to_none() {
        let late = Cue { onsets: vec![Onset { line: 0, at: 0, ms: 1250 }], ..cue(1000, 2000, &["Hi"]) };
        let file = write(&[late], &WORDS, "en");
        assert!(file.ends_with(",,{\\k25}{\\k75}Hi\n"), "{file}");
    }

    #[test]
    fn cues_shorter_than_the_format_can_say_follow_each_other() {
        let cues = [cue(0, 1, &["a"]), cue(1, 2, &["b"]), cue(2, 14, &["c"]), cue(15, 30, &["d"])];
        let spans: Vec<(u64, u64)> = times(&cues).iter().map(|time| (time.start, time.end)).collect();
        assert_eq!(spans, [(0, 1), (1, 2), (2, 3), (3, 4)]);
    }

    proptest! {
        #[test]
        fn cues_that_do_not_overlap_never_do_when_rounded(steps in prop::collection::vec((0u64..40, 1u64..40), 0..50)) {
            let mut now = 0;
            let cues: Vec<Cue> = steps.into_iter().map(|(gap, length)| {
                let start = now + gap;
                now = start + length;
                cue(start, now, &["a"])
            }).collect();
            let rounded = times(&cues);
            prop_assert!(rounded.iter().all(|time| time.start < time.end));
            prop_assert!(rounded.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
