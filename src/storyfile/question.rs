//! What `--interactive` asks: params that nobody has given a value, each with what an answer may be.

use crate::storyfile::given;
use crate::storyfile::model::{Param, ParamSort};
use crate::storyfile::param_values::ParamValues;
use serde_json::Value;

/// A param to ask for.
#[derive(Clone, Debug)]
pub struct Question {
    param: Param,
    /// The value that it has without an answer.
    default: Option<Value>,
    /// How a number of the default is written.
    spelled: Option<String>,
}

impl Question {
    /// Returns the question about a param to which nobody gave a value, if it is one to ask for.
    pub fn of(param: &Param, settled: &ParamValues) -> Option<Question> {
        let default = param.default.as_ref().and_then(|_| settled.values.get(&param.name)).cloned();
        let spelled = settled.spelled.get(&param.name).cloned();
        let is_asked = param.ask.is_some() || param.required && default.is_none();
        is_asked.then(|| Question { param: param.clone(), default, spelled })
    }

    /// Returns the param's name.
    pub fn name(&self) -> &str {
        &self.param.name
    }

    /// Returns the question with what an answer may be and what stands without one: `Narrator (female, male) [female]`.
    pub fn words(&self) -> String {
        let param = &self.param;
        let mut words = param.ask.as_ref().or(param.description.as_ref()).unwrap_or(&param.name).clone();
        if let Some(allowed) = self.allowed() {
            words.push_str(&format!(" ({allowed})"));
        }
        match &self.default {
            Some(value) => words.push_str(&format!(" [{}]", self.shown(value))),
            None if param.required => {}
            None => words.push_str(" [none]"),
        }
        words
    }

    /// Tells what an empty line means: `Ok` if something stands without an answer.
    pub fn check_none(&self) -> Result<(), String> {
        match self.param.required && self.default.is_none() {
            true => Err(format!("the param `{}` needs a value", self.param.name)),
            false => Ok(()),
        }
    }

    /// Tells why a text is no answer. `path` turns a path as it was typed into one from the Storyfile's folder.
    pub fn check(&self, text: &str, path: &dyn Fn(&str) -> String) -> Result<(), String> {
        given::check_answer(&self.param, text, path)
    }

    fn allowed(&self) -> Option<String> {
        if !self.param.choices.is_empty() {
            let choices: Vec<String> = self.param.choices.iter().map(plain).collect();
            let of = if self.param.sort == ParamSort::List { "a list of " } else { "" };
            return Some(format!("{of}{}", choices.join(", ")));
        }
        let what = match self.param.sort {
            ParamSort::Text => return None,
            ParamSort::Bool => "yes or no",
            ParamSort::List => "a list: one, two",
            ParamSort::Map => "a map as JSON",
            sort => given::words(sort),
        };
        let range = self.param.range.words().map_or(String::new(), |range| format!(", {range}"));
        Some(format!("{what}{range}"))
    }

    /// Writes a value as an answer would be.
    fn shown(&self, value: &Value) -> String {
        match value {
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Number(_) => self.spelled.clone().unwrap_or_else(|| value.to_string()),
            Value::Array(items) if items.iter().all(|item| item.as_str().is_some_and(|item| !item.contains(','))) => {
                items.iter().map(plain).collect::<Vec<_>>().join(", ")
            }
            value => plain(value),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
