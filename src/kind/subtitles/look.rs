//! Reads how subtitles are to look: `highlight` and `style`.

use crate::base::diagnostic::nearest;
use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;
use crate::media::style::{Colour, Frame, Highlight, Look, Position, Style, is_font};
use serde_json::Value;

const STYLE: &[&str] = &["font", "size", "colour", "highlight_colour", "position"];

/// Returns the look that the settings ask for, in a picture of that shape.
pub fn look(settings: &Settings<'_>, frame: Frame) -> Result<Look, SettingFault> {
    let highlight = match settings.text("highlight")? {
        None | Some("none") => Highlight::Nothing,
        Some("word") => Highlight::Word,
        Some(_) => return Err(refused(settings, "highlight", "`word` or `none`")),
    };
    Ok(Look { frame, highlight, style: style(settings)? })
}

/// Returns what a look asks for that a file of words and times alone cannot show, as settings.
pub fn asked(look: &Look) -> Vec<&'static str> {
    let highlight = (look.highlight != Highlight::Nothing).then_some("`highlight`");
    let style = (look.style != Style::default()).then_some("`style`");
    highlight.into_iter().chain(style).collect()
}

fn style(settings: &Settings<'_>) -> Result<Style, SettingFault> {
    let Some(group) = settings.group("style", "style.")? else { return Ok(Style::default()) };
    group.only(STYLE)?;
    let is_null = |name: &&&str| settings.get("style").and_then(|style| style.get(name)) == Some(&Value::Null);
    if let Some(name) = STYLE.iter().find(is_null) {
        // Elsewhere `null` is a setting that was not made. Here it is a colour lost: `colour: #ffcc00`.
        let failure = group.wrong(name, &Value::Null, "left out or have a value");
        return Err(failure.hint("In YAML a `#` after a space begins a comment: write a colour in quotes."));
    }
    let font = group.text("font")?;
    if font.is_some_and(|font| !is_font(font)) {
        return Err(refused(&group, "font", "the name of one font: letters, digits, spaces, `-`, `_` and `.`"));
    }
    let position = group.text("position")?.map(|name| {
        Position::parse(name)
            .ok_or_else(|| refused(&group, "position", &format!("one of `{}`", Position::NAMES.join("`, `"))))
    });
    Ok(Style {
        font: font.map(str::to_owned),
        size: group.number("size", 1.0..=20.0)?,
        colour: colour(&group, "colour")?,
        highlight_colour: colour(&group, "highlight_colour")?,
        position: position.transpose()?,
    })
}

fn colour(group: &Settings<'_>, name: &str) -> Result<Option<Colour>, SettingFault> {
    let Some(text) = group.text(name)? else { return Ok(None) };
    if let Some(colour) = Colour::parse(text) {
        return Ok(Some(colour));
    }
    let failure = refused(group, name, "a colour: `#RRGGBB` or a name");
    let hashed = format!("#{text}");
    Err(match nearest(&text.to_ascii_lowercase(), Colour::names()) {
        _ if Colour::parse(&hashed).is_some() => failure.hint(format!("Did you mean `\"{hashed}\"`?")),
        Some(meant) => failure.hint(format!("Did you mean `{meant}`?")),
        None => failure.hint(format!("The names are: {}.", Colour::names().collect::<Vec<_>>().join(", "))),
    })
}

/// The failure of a setting that is there and is a text, but not one of those wanted.
fn refused(settings: &Settings<'_>, name: &str, wanted: &str) -> SettingFault {
    settings.wrong(name, settings.get(name).unwrap_or(&Value::Null), wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(settings: &Value) -> Result<Look, SettingFault> {
        look(&Settings::of(settings), Frame::Wide)
    }

    /// The message and the hint.
    #[track_caller]
    fn refusal(settings: &Value) -> (String, String) {
        let failure = read(settings).unwrap_err();
        (failure.message, failure.hint.unwrap_or_default())
    }

    #[test]
    fn a_story_that_says_nothing_leaves_all_to_the_format() {
        assert_eq!(read(&json!({})).unwrap(), Look::default());
        assert_eq!(read(&json!({"highlight": "none", "style": {}})).unwrap(), Look::default());
        assert_eq!(asked(&Look::default()), [""; 0]);
    }

    #[test]
    fn every_setting_of_a_style_is_read() {
        let style = json!({"font": "Open Sans", "size": "6.5", "colour": "#FFCC00", "highlight_colour": "Lime", "position": "top"});
        let look = read(&json!({"highlight": "word", "style": style})).unwrap();
        let expected = Style {
            font: Some("Open Sans".into()),
            size: Some(6.5),
            colour: Some(Colour { red: 255, green: 204, blue: 0 }),
            highlight_colour: Some(Colour { red: 0, green: 255, blue: 0 }),
            position: Some(Position::Top),
        };
        assert_eq!((look.highlight, &look.style), (Highlight::Word, &expected));
        assert_eq!(asked(&look), ["`highlight`", "`style`"]);
    }

    #[test]
    fn a_colour_that_is_none_is_told_with_the_nearest() {
        let colour = |colour: &str| refusal(&json!({"style": {"colour": colour}}));
        assert_eq!(
            colour("purpel"),
            (
                "the setting `style.colour` is \"purpel\"; it must be a colour: `#RRGGBB` or a name".into(),
                "Did you mean `purple`?".into()
            )
        );
        assert_eq!(colour("ffcc00").1, "Did you mean `\"#ffcc00\"`?");
        assert!(colour("#fc0").1.starts_with("The names are: black, silver, "));
    }

    #[test]
    fn a_colour_that_yaml_took_for_a_comment_is_told() {
        let (message, hint) = refusal(&json!({"style": {"highlight_colour": null}}));
        assert_eq!(message, "the setting `style.highlight_colour` is null; it must be left out or have a value");
        assert_eq!(hint, "In YAML a `#` after a space begins a comment: write a colour in quotes.");
    }

    #[test]
    fn a_style_that_no_format_could_hold_is_refused() {
        let style = |style: Value| refusal(&json!({"style": style}));
        let says = |style_: Value, wanted: &str| assert_eq!(style(style_).0, wanted);
        says(
            json!({"position": "left"}),
            "the setting `style.position` is \"left\"; it must be one of `bottom`, `middle`, `top`",
        );
        says(json!({"size": 50}), "the setting `style.size` is 50; it must be a number from 1 to 20");
        says(
            json!({"font": "Arial, Helvetica"}),
            "the setting `style.font` is \"Arial, Helvetica\"; it must be the name of one font: letters, digits, spaces, `-`, `_` and `.`",
        );
        says(json!({"colour": 7}), "the setting `style.colour` is 7; it must be a text");
        says(json!("bold"), "the setting `style` is \"bold\"; it must be a map");
        let (message, hint) = style(json!({"color": "red"}));
        assert_eq!(
            (message.as_str(), hint.as_str()),
            ("there is no setting `style.color`", "Did you mean `style.colour`?")
        );
    }

    #[test]
    fn what_can_be_highlighted_is_told() {
        let (message, _) = refusal(&json!({"highlight": "line"}));
        assert_eq!(message, "the setting `highlight` is \"line\"; it must be `word` or `none`");
    }
}
