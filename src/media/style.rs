//! How subtitles look, in terms that every format can be told: font, size, colours, place.

use std::fmt;

/// How a subtitle file shows its cues.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    pub frame: Frame,
    pub style: Style,
    pub highlight: Highlight,
}

/// The shape of the picture that the subtitles are made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frame {
    /// 16:9.
    #[default]
    Wide,
    /// 9:16, as on a phone, where the player covers the upper and the lower fifth.
    Upright,
}

/// What lights up when it is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Highlight {
    #[default]
    Nothing,
    /// Each word, and it stays lit.
    Word,
}

/// What a story says about the look; what is none is left to the format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    /// A name for which [`is_font`] holds.
    pub font: Option<String>,
    /// Height of a line of text, in percent of the picture's.
    pub size: Option<f64>,
    pub colour: Option<Colour>,
    /// Of words that have been spoken, where words are highlighted.
    pub highlight_colour: Option<Colour>,
    pub position: Option<Position>,
}

/// An opaque colour. Shown as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

/// Where in the picture cues stand; always in the middle from left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Position {
    #[default]
    Bottom,
    Middle,
    Top,
}

/// The colours with names: those of CSS level 2, which TTML and every browser have as well.
const COLOURS: &[(&str, u32)] = &[
    ("black", 0x00_0000),
    ("silver", 0xC0_C0C0),
    ("gray", 0x80_8080),
    ("grey", 0x80_8080),
    ("white", 0xFF_FFFF),
    ("maroon", 0x80_0000),
    ("red", 0xFF_0000),
    ("purple", 0x80_0080),
    ("fuchsia", 0xFF_00FF),
    ("magenta", 0xFF_00FF),
    ("green", 0x00_8000),
    ("lime", 0x00_FF00),
    ("olive", 0x80_8000),
    ("yellow", 0xFF_FF00),
    ("orange", 0xFF_A500),
    ("navy", 0x00_0080),
    ("blue", 0x00_00FF),
    ("teal", 0x00_8080),
    ("aqua", 0x00_FFFF),
    ("cyan", 0x00_FFFF),
];

/// A longer name is no font's.
const FONT_CHARS_MAX: usize = 64;

impl Colour {
    pub const WHITE: Colour = Colour { red: 255, green: 255, blue: 255 };
    pub const YELLOW: Colour = Colour { red: 255, green: 255, blue: 0 };

    /// Reads `#RRGGBB` or a name, in any case.
    pub fn parse(text: &str) -> Option<Colour> {
        let lower = text.to_ascii_lowercase();
        let named = COLOURS.iter().find(|(name, _)| *name == lower).map(|&(_, rgb)| rgb);
        let hex = lower.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.bytes().all(|c| c.is_ascii_hexdigit()));
        let rgb = named.or_else(|| u32::from_str_radix(hex?, 16).ok())?;
        let [_, red, green, blue] = rgb.to_be_bytes();
        Some(Colour { red, green, blue })
    }

    /// Returns the names that [`Colour::parse`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        COLOURS.iter().map(|(name, _)| *name)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Colour { red, green, blue } = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Position {
    /// The names that [`Position::parse`] knows.
    pub const NAMES: [&str; 3] = ["bottom", "middle", "top"];

    pub fn parse(text: &str) -> Option<Position> {
        match text {
            "bottom" => Some(Position::Bottom),
            "middle" => Some(Position::Middle),
            "top" => Some(Position::Top),
            _ => None,
        }
    }
}

impl Frame {
    /// Returns how much of the picture's height stays free above and below, in percent.
    pub const fn margin(self) -> u32 {
        match self {
            Frame::Wide => 5,
            Frame::Upright => 20,
        }
    }
}

impl Style {
    /// The size of a story that says none.
    pub const SIZE: f64 = 5.0;

    /// Returns the colour of words that are not highlighted.
    pub fn base_colour(&self) -> Colour {
        self.colour.unwrap_or(Colour::WHITE)
    }

    /// Returns the colour of words that are highlighted.
    pub fn lit_colour(&self) -> Colour {
        self.highlight_colour.unwrap_or(Colour::YELLOW)
    }
}

/// Returns whether `name` can stand for a font in every format: none of them has to escape it.
pub fn is_font(name: &str) -> bool {
    let sound = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    let trimmed = !name.is_empty() && name.trim() == name;
    trimmed && name.chars().count() <= FONT_CHARS_MAX && name.chars().all(sound)
}

/// Returns whether a language, by its tag (`ar`, `fa-IR`), is written from right to left.
pub fn is_right_to_left(tag: &str) -> bool {
    let mut parts = tag.split(['-', '_']).map(str::to_ascii_lowercase);
    let language = parts.next().unwrap_or_default();
    // A script in the tag outweighs the language: `az-Arab`, `ar-Latn`.
    match parts.find(|part| part.len() == 4) {
        Some(script) => matches!(script.as_str(), "arab" | "hebr" | "syrc" | "thaa" | "nkoo" | "adlm"),
        None => ["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "syr", "ug", "ur", "yi"]
            .contains(&language.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_hex_or_names() {
        let shown = |text: &str| Colour::parse(text).map(|colour| colour.to_string());
        assert_eq!(shown("#FFcc00").as_deref(), Some("#ffcc00"));
        assert_eq!(shown("Yellow").as_deref(), Some("#ffff00"));
        assert_eq!(shown("teal").as_deref(), Some("#008080"));
        for text in ["", "#", "#fff", "#ffcc001", "ffcc00", "#ffcc0g", "#+fcc00", "yelow", " red", "#ffcc0é"] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_name_is_a_colour_and_a_position() {
        assert!(Colour::names().all(|name| Colour::parse(name).is_some()));
        assert!(Position::NAMES.iter().all(|name| Position::parse(name).is_some()));
        assert_eq!(Position::parse("left"), None);
    }

    #[test]
    fn a_font_is_one_plain_name() {
        assert!(["Arial", "Open Sans", "Noto Sans CJK-JP", "源ノ角ゴシック"].iter().all(|name| is_font(name)));
        for name in ["", " Arial", "Arial, Helvetica", "a\"b", "a{b}", "a<b", "a&b", "a\nb", "a\\b", "a'b"] {
            assert!(!is_font(name), "{name:?}");
        }
        assert!(!is_font(&"x".repeat(65)));
    }

    #[test]
    fn the_script_of_a_tag_outweighs_its_language() {
        assert!(["ar", "he-IL", "fa_IR", "UR", "az-Arab"].iter().all(|tag| is_right_to_left(tag)));
        assert!(["", "en", "ar-Latn", "de-AT", "zh-Hans"].iter().all(|tag| !is_right_to_left(tag)));
    }
}
