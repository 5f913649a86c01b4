//! Parses the content of a data file by its extension, within limits that no honest file meets.

use serde_json::Value;

/// Largest data file that is parsed, in bytes (R27).
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Deepest nesting (R27).
const DEPTH_MAX: usize = 64;

/// Why content could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataFault {
    #[error("is not UTF-8 text")]
    NotText,
    #[error("is larger than 32 MiB")]
    TooLarge,
    #[error("is nested deeper than 64 levels")]
    TooDeep,
    #[error("is not valid JSON: {0}")]
    Json(String),
    #[error("is not valid YAML: {0}")]
    Yaml(String),
}

/// Parses `bytes` if the extension says that they are data: `json`, `yaml`, `yml`. Other files give `None`.
pub fn parse(extension: &str, bytes: &[u8]) -> Option<Result<Value, DataFault>> {
    let format = match extension.to_ascii_lowercase().as_str() {
        "json" => json,
        "yaml" | "yml" => yaml,
        _ => return None,
    };
    Some(text(bytes).and_then(format))
}

/// Returns `bytes` as text, if they are some and not too many.
pub fn text(bytes: &[u8]) -> Result<&str, DataFault> {
    if bytes.len() > BYTES_MAX {
        return Err(DataFault::TooLarge);
    }
    std::str::from_utf8(bytes).map_err(|_| DataFault::NotText)
}

fn json(text: &str) -> Result<Value, DataFault> {
    if depth_bound(text) > DEPTH_MAX {
        return Err(DataFault::TooDeep);
    }
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| DataFault::Json(error.to_string()))
}

fn yaml(text: &str) -> Result<Value, DataFault> {
    // The parser itself takes minutes over deep nesting, so depth is bounded before it sees the text.
    if depth_bound(text).max(block_depth_bound(text)) > DEPTH_MAX {
        return Err(DataFault::TooDeep);
    }
    serde_yaml::from_str(text).map_err(|error| DataFault::Yaml(error.to_string()))
}

/// An upper bound of how deep brackets nest; brackets in double-quoted text are not counted.
fn depth_bound(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// An upper bound of how deep block lists and maps can nest: the most `- ` and `? ` in a row, plus one level for every
/// different indentation.
fn block_depth_bound(text: &str) -> usize {
    let mut indents = std::collections::BTreeSet::new();
    let mut in_a_row = 0;
    for line in text.lines() {
        let body = line.trim_start_matches(' ');
        indents.insert(line.len() - body.len());
        let markers =
            body.split(' ').take_while(|word| matches!(*word, "-" | "?" | "")).filter(|word| !word.is_empty());
        in_a_row = in_a_row.max(markers.count());
    }
    in_a_row.max(if indents.len() > 4 * DEPTH_MAX { indents.len() } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_yaml_arrive_parsed() {
        assert_eq!(parse("json", b"{\"a\": [1, 0.5]}"), Some(Ok(json!({"a": [1, 0.5]}))));
        assert_eq!(parse("yaml", "a: no\nb: Привет".as_bytes()), Some(Ok(json!({"a": "no", "b": "Привет"}))));
        assert_eq!(parse("md", b"# Title"), None);
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        let fault = parse("json", b"{\"a\": }").unwrap().unwrap_err();
        assert!(fault.to_string().starts_with("is not valid JSON: expected value at line 1 column 7"), "{fault}");
    }

    #[test]
    fn a_nesting_bomb_is_refused_before_it_is_parsed() {
        assert_eq!(parse("yaml", "[".repeat(100_000).as_bytes()), Some(Err(DataFault::TooDeep)));
        assert_eq!(parse("yaml", "- ".repeat(100_000).as_bytes()), Some(Err(DataFault::TooDeep)));
        assert_eq!(parse("json", "[".repeat(100_000).as_bytes()), Some(Err(DataFault::TooDeep)));
    }
}
