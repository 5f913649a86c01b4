//! The params' values as expressions see them: one without a value is undefined, and a number keeps its spelling.

use crate::storyfile::expr;
use crate::storyfile::home::Home;
use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The value of every param.
#[derive(Clone, Debug, Default)]
pub struct ParamValues {
    pub values: IndexMap<String, Value>,
    /// How numbers were written, where they print otherwise: `0.10`.
    pub spelled: BTreeMap<String, String>,
    /// Those that are paths of the repo.
    pub paths: BTreeSet<String>,
}

impl ParamValues {
    /// Returns the same with paths as they are seen from a folder.
    pub fn seen_from(&self, home: &Home) -> ParamValues {
        let mut values = self.clone();
        values.values = seen_from(&self.values, &self.paths, home);
        values
    }

    /// Returns the root `params` of expressions.
    pub fn root(self) -> minijinja::Value {
        minijinja::Value::from_object(self)
    }

    /// Tells whether a param is declared.
    pub fn declares(root: &minijinja::Value, name: &str) -> bool {
        root.downcast_object_ref::<ParamValues>().is_some_and(|params| params.values.contains_key(name))
    }

    /// Tells whether a param is declared and nobody gave it a value.
    pub fn is_empty(root: &minijinja::Value, name: &str) -> bool {
        let params = root.downcast_object_ref::<ParamValues>();
        params.and_then(|params| params.values.get(name)).is_some_and(Value::is_null)
    }

    /// Returns how a param's number is written, if it prints otherwise.
    pub fn spelling<'v>(root: &'v minijinja::Value, name: &str) -> Option<&'v str> {
        root.downcast_object_ref::<ParamValues>()?.spelled.get(name).map(String::as_str)
    }
}

/// Returns values of params, those that are paths as they are seen from a folder.
pub fn seen_from(values: &IndexMap<String, Value>, paths: &BTreeSet<String>, home: &Home) -> IndexMap<String, Value> {
    let seen = |(name, value): (&String, &Value)| {
        let value = match value.as_str().filter(|_| paths.contains(name)) {
            Some(path) => Value::String(home.seen(path)),
            None => value.clone(),
        };
        (name.clone(), value)
    };
    values.iter().map(seen).collect()
}

impl Object for ParamValues {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.values.get(key.as_str()?).map(|value| match value {
            // So that `default` and `is defined` can tell.
            Value::Null => minijinja::Value::UNDEFINED,
            value => expr::from_json(value),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.keys().map(|name| name.as_str().into()).collect())
    }
}
