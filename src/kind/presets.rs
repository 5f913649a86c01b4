//! The presets: stages of the kind `prompt`, written as Storyfile text.

/// Their names.
pub const NAMES: &[&str] = &["enhancement", "idea", "revision", "script", "title"];

/// Returns the text of a preset, for a Storyfile's author to start from: `takes` (its fields and their defaults),
/// `required`, `uses` and `with`.
pub fn eject(name: &str) -> Option<&'static str> {
    match name {
        "enhancement" => Some(include_str!("presets/enhancement.yaml")),
        "idea" => Some(include_str!("presets/idea.yaml")),
        "revision" => Some(include_str!("presets/revision.yaml")),
        "script" => Some(include_str!("presets/script.yaml")),
        "title" => Some(include_str!("presets/title.yaml")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
