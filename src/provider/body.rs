//! Bodies in the vendors' JSON: what the adapters have in common. Pure.

use crate::base::failure::{Cause, Failure};
use crate::provider::misfit::Misfit;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Reads an answer in a vendor's form of JSON. It is paid for: of a key that stands twice the last counts.
pub fn answer<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice::<Value>(body).and_then(serde_json::from_value).map_err(|error| {
        Failure::new(Cause::Validation, format!("the answer is not in the service's form: {error}"))
            .hint("`storygen log` shows the whole answer. Is `base_url` right?")
    })
}

/// Adds the fields of `extra:` to a body: maps merge, a `~` leaves out what would be sent, and nothing is overruled that a
/// setting of its own says.
///
/// `ours`, by dotted names, stay as they are: by them an answer is read, and its cost is bounded.
pub fn with_extra(body: &mut Map<String, Value>, extra: &Map<String, Value>, ours: &[&str]) -> Result<(), Misfit> {
    merge(body, extra, "", ours)
}

fn merge(body: &mut Map<String, Value>, extra: &Map<String, Value>, above: &str, ours: &[&str]) -> Result<(), Misfit> {
    for (name, value) in extra {
        let dotted = format!("{above}{name}");
        let is_above_ours = || ours.iter().any(|ours| ours.starts_with(&format!("{dotted}.")));
        if ours.contains(&dotted.as_str()) || is_above_ours() && !value.is_object() {
            let message = format!("`extra.{dotted}` would change how an answer is read, or what it may cost");
            return Err(Misfit::new(format!("extra.{dotted}"), message, "Take it out of `extra`."));
        }
        match (body.get_mut(name), value) {
            (Some(_), Value::Null) => drop(body.shift_remove(name)),
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more, &format!("{dotted}."), ours)?,
            (Some(_), _) => {
                let message = format!("`extra.{dotted}` is set already, by a setting of its own");
                return Err(Misfit::new(format!("extra.{dotted}"), message, "Take it out of `extra`."));
            }
            (None, _) => drop(body.insert(name.clone(), value.clone())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(extra: Value) -> Result<Value, String> {
        let mut body = json!({"model": "m", "config": {"tokens": 9, "seed": 1}}).as_object().unwrap().clone();
        with_extra(&mut body, extra.as_object().unwrap(), &["model", "config.tokens", "stream"])
            .map_err(|misfit| format!("{}: {}", misfit.setting, misfit.message))?;
        Ok(Value::Object(body))
    }

    #[test]
    fn what_only_the_provider_knows_is_added_and_maps_merge() {
        assert_eq!(
            merged(json!({"top_p": 0.5, "config": {"thinking": {"budget": 0}}, "user": null})),
            Ok(
                json!({"model": "m", "config": {"tokens": 9, "seed": 1, "thinking": {"budget": 0}}, "top_p": 0.5, "user": null})
            )
        );
    }

    #[test]
    fn an_empty_value_leaves_out_what_would_be_sent() {
        assert_eq!(merged(json!({"config": {"seed": null}})), Ok(json!({"model": "m", "config": {"tokens": 9}})));
    }

    #[test]
    fn a_setting_is_never_overruled() {
        let is_set = "extra.config.seed: `extra.config.seed` is set already, by a setting of its own";
        assert_eq!(merged(json!({"config": {"seed": 2}})).unwrap_err(), is_set);
        for (extra, name) in [
            (json!({"model": "other"}), "model"),
            (json!({"model": null}), "model"),
            (json!({"stream": true}), "stream"),
            (json!({"config": null}), "config"),
            (json!({"config": {"tokens": null}}), "config.tokens"),
        ] {
            let message =
                format!("extra.{name}: `extra.{name}` would change how an answer is read, or what it may cost");
            assert_eq!(merged(extra).unwrap_err(), message);
        }
    }
}
