//! The params' values as expressions see them: one without a value is undefined, and a number keeps its spelling.

use crate::storyfile::expr;
use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The value of every param.
#[derive(Clone, Debug, Default)]
pub struct ParamValues {
    pub values: IndexMap<String, Value>,
    /// How numbers were written, where they print otherwise: `0.10`.
    pub spelled: BTreeMap<String, String>,
}

impl ParamValues {
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
