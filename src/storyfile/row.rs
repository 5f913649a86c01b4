//! A row of `--batch`: the params of one build among many, and `${batch.…}` in its expressions.

use crate::storyfile::axis::is_key;
use crate::storyfile::expr;
use serde_json::{Map, Value};

/// The column that names the rows.
pub const ID: &str = "id";

/// One row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What stands in the column `id`: the first key of all instances.
    pub id: String,
    /// All columns, `id` too.
    pub cells: Map<String, Value>,
    /// Where it stands, as people look for it: `rows.csv:3`.
    pub place: String,
}

impl Row {
    /// Reads a row; `Err` says what is wrong with its `id`.
    pub fn of(cells: Map<String, Value>, place: String) -> Result<Row, String> {
        let id = match cells.get(ID) {
            None | Some(Value::Null) => return Err(format!("the row at {place} has no `id`")),
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            Some(_) => return Err(format!("the `id` of the row at {place} is neither text nor a number")),
        };
        if id.is_empty() {
            return Err(format!("the `id` of the row at {place} is empty"));
        }
        if !is_key(&id) {
            return Err(format!("`{}` at {place} cannot be an `id`", id.escape_debug()));
        }
        Ok(Row { id, cells, place })
    }

    /// Returns what the row gives to a param: a cell of a table with nothing in it gives nothing.
    pub fn given(&self, param: &str) -> Option<&Value> {
        self.cells.get(param).filter(|cell| !cell.is_null() && cell.as_str() != Some(""))
    }

    /// Returns the root `batch` of expressions.
    pub fn root(&self) -> minijinja::Value {
        expr::from_json(&self.data())
    }

    /// Returns the row as templates see it.
    pub fn data(&self) -> Value {
        let mut cells = self.cells.clone();
        // As it stands in the names: text, also where the file has a number.
        cells.insert(ID.to_owned(), Value::String(self.id.clone()));
        Value::Object(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(cells: Value) -> Result<Row, String> {
        let Value::Object(cells) = cells else { unreachable!("rows are maps") };
        Row::of(cells, "rows.csv:3".to_owned())
    }

    #[test]
    fn a_row_is_named_by_its_id() {
        assert_eq!(row(json!({ "id": 7, "n": 1 })).unwrap().data(), json!({ "id": "7", "n": 1 }));
        assert_eq!(row(json!({ "title": "x" })).unwrap_err(), "the row at rows.csv:3 has no `id`");
        assert_eq!(row(json!({ "id": "" })).unwrap_err(), "the `id` of the row at rows.csv:3 is empty");
        assert_eq!(row(json!({ "id": "a b" })).unwrap_err(), "`a b` at rows.csv:3 cannot be an `id`");
        assert_eq!(row(json!({ "id": "../x" })).unwrap_err(), "`../x` at rows.csv:3 cannot be an `id`");
        let list = row(json!({ "id": [1] })).unwrap_err();
        assert_eq!(list, "the `id` of the row at rows.csv:3 is neither text nor a number");
    }

    #[test]
    fn an_empty_cell_gives_nothing() {
        let row = row(json!({ "id": "a", "one": "", "two": null, "three": 0 })).unwrap();
        assert_eq!([row.given("one"), row.given("two"), row.given("three")], [None, None, Some(&json!(0))]);
    }
}
