//! Which environment variables hold secrets, by their names (R20).

/// How the names of secrets end.
const ENDINGS: [&str; 4] = ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD"];

/// Tells whether a variable of this name is taken for a secret, whatever its use.
pub fn is_secret_name(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}
