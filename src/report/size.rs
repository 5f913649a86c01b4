//! Writes sizes of files for people.

/// Returns `bytes` in decimal units, as hubs and package indexes tell them: `98.4 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be written as `1000.0`.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_decimal_units() {
        let told: Vec<String> = [0, 999, 1000, 98_362_432, 999_990, 3_000_000_000].map(size).to_vec();
        assert_eq!(told, ["0 B", "999 B", "1.0 kB", "98.4 MB", "1.0 MB", "3.0 GB"]);
    }
}
