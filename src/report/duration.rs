//! Writes spans of time for people.

/// Returns `ms` milliseconds in words: `340 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`.
pub fn duration(ms: u64) -> String {
    // Rounded before the unit is chosen, so that 59 960 ms is not told as `60.0 s`.
    let tenths = (ms + 50) / 100;
    let seconds = (ms + 500) / 1000;
    let minutes = (ms + 30_000) / 60_000;
    if ms < 1000 {
        format!("{ms} ms")
    } else if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if seconds < 3600 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    }
}

/// Returns `ms` milliseconds as rough words for a guess: `1 s`, `12 s`, `4 min`, `2 h`.
pub fn roughly(ms: u64) -> String {
    let seconds = (ms + 500) / 1000;
    match seconds {
        0..=1 => "1 s".to_owned(),
        2..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1800) / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_is_told_in_its_own_unit() {
        let told: Vec<String> = [0, 340, 12_340, 59_949, 59_960, 245_000, 7_380_000].map(duration).to_vec();
        assert_eq!(told, ["0 ms", "340 ms", "12.3 s", "59.9 s", "1 min 00 s", "4 min 05 s", "2 h 03 min"]);
    }

    #[test]
    fn a_guess_is_told_without_false_precision() {
        let told: Vec<String> = [200, 12_340, 89_000, 245_000, 7_380_000].map(roughly).to_vec();
        assert_eq!(told, ["1 s", "12 s", "89 s", "4 min", "2 h"]);
    }
}
