//! The content repo that `storygen init` writes.

/// Its files: path and text.
pub const FILES: &[(&str, &str)] = &[
    // The root of this project is such a repo.
    ("Storyfile.yaml", include_str!("../../../Storyfile.yaml")),
    // Kept without its dot here: there it would apply to this folder.
    (".gitignore", include_str!("gitignore")),
    ("README.md", include_str!("README.md")),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> &'static str {
        FILES.iter().find(|(name, _)| *name == path).map(|(_, text)| *text).unwrap()
    }

    #[test]
    fn the_story_goes_from_idea_to_subtitles() {
        let story: serde_json::Value = serde_yaml::from_str(text("Storyfile.yaml")).unwrap();
        let stages = story["stages"].as_object().unwrap();
        let names: Vec<&str> = stages.keys().map(String::as_str).collect();
        assert_eq!(names, ["idea", "script", "revision", "title", "story", "enhancement", "voice", "subtitles"]);
    }

    #[test]
    fn results_are_ignored_and_the_lock_is_not() {
        let rules: Vec<&str> = text(".gitignore").lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(rules, ["/build/", "/dist/", "/.storygen/"]);
    }
}
