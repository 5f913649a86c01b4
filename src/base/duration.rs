//! Reads spans of time as people write them: `500ms`, `2s`, `5m`, `1h30m`.

use std::time::Duration;

/// Longest duration that can be written, a year.
const SECONDS_MAX: f64 = 366.0 * 86_400.0;

/// Returns the span of time that `text` says: numbers with units, from large to small; none without a unit or of nothing.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    let mut smallest = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..units] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        // Units stand from large to small, each once.
        if unit >= smallest {
            return None;
        }
        smallest = unit;
        seconds += number * unit;
        rest = &rest[units..];
    }
    (smallest.is_finite() && seconds > 0.0 && seconds <= SECONDS_MAX).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let millis = |text: &str| parse(text).map(|duration| duration.as_millis());
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!(millis("2s"), Some(2000));
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("1.5s"), Some(1500));
        for text in ["5", "", "0s", "5 s", "m", "30m1h", "1s1s", "-5s", "99999d"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
