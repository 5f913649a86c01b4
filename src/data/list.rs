//! Lists in files: the items of a fan-out, from tables, lines and documents.

use crate::data::parse::{DataFault, parse};
use serde_json::{Map, Value};

/// Why a file gives no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    #[error("{0}")]
    Data(#[from] DataFault),
    #[error("is not a table: {0}")]
    Table(String),
    #[error("is not valid JSON in line {line}: {fault}")]
    Line { line: usize, fault: String },
    #[error("has nothing at `#{0}`")]
    Nowhere(String),
    #[error("has {0} where a list is expected")]
    NoList(&'static str),
    #[error("has no map of columns in row {0}")]
    NoRow(u64),
    #[error("is no file that holds a list")]
    Ending,
}

/// Returns the items of the list in a file with this ending: the rows of a table (`csv`, `tsv`, by their first row's names), the
/// lines of `jsonl`, or the list at `pointer` (RFC 6901, empty for the whole) of `json` or `yaml`.
pub fn items(ending: &str, bytes: &[u8], pointer: &str) -> Result<Vec<Value>, ListFault> {
    match ending.to_ascii_lowercase().as_str() {
        "csv" => table(bytes, b','),
        "tsv" => table(bytes, b'\t'),
        "jsonl" => lines(bytes),
        ending => {
            let document = parse(ending, bytes).ok_or(ListFault::Ending)??;
            match document.pointer(pointer) {
                None => Err(ListFault::Nowhere(pointer.to_owned())),
                Some(Value::Array(items)) => Ok(items.clone()),
                Some(other) => Err(ListFault::NoList(sort(other))),
            }
        }
    }
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A table's cells are text, as they are written; empty rows are none.
fn table(bytes: &[u8], delimiter: u8) -> Result<Vec<Value>, ListFault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let broken = |error: csv::Error| ListFault::Table(error.to_string());
    let names = reader.headers().map_err(broken)?.clone();
    if let Some(name) = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|before| before == *name))
    {
        return Err(ListFault::Table(format!("the column `{}` stands twice", name.1)));
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let cells = names.iter().zip(row.iter()).map(|(name, cell)| (name.to_owned(), Value::String(cell.to_owned())));
        rows.push(Value::Object(cells.collect::<Map<String, Value>>()));
    }
    Ok(rows)
}

fn lines(bytes: &[u8]) -> Result<Vec<Value>, ListFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| DataFault::NotText)?;
    let written = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    written
        .map(|(at, line)| match parse("json", line.as_bytes()) {
            Some(Ok(value)) => Ok(value),
            Some(Err(DataFault::Json(fault))) => Err(ListFault::Line { line: at + 1, fault }),
            Some(Err(fault)) => Err(ListFault::Data(fault)),
            None => Err(ListFault::Ending),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_gives_its_rows_by_the_names_of_its_columns() {
        let rows = items("csv", "\u{feff}id,title\r\na,\"One, two\"\nб,0.50\n".as_bytes(), "").unwrap();
        assert_eq!(rows, [json!({"id": "a", "title": "One, two"}), json!({"id": "б", "title": "0.50"})]);
        assert_eq!(items("tsv", b"id\tn\nx\t1\n", "").unwrap(), [json!({"id": "x", "n": "1"})]);
    }

    #[test]
    fn a_table_with_a_ragged_row_is_told_with_its_line() {
        let fault = items("csv", b"id,title\na\n", "").unwrap_err().to_string();
        assert!(fault.starts_with("is not a table: CSV error: record 1 (line: 2"), "{fault}");
        let fault = items("csv", b"id,id\na,b\n", "").unwrap_err().to_string();
        assert_eq!(fault, "is not a table: the column `id` stands twice");
    }

    #[test]
    fn lines_and_documents_give_lists() {
        assert_eq!(items("jsonl", b"{\"id\":1}\n\n\"b\"\n", "").unwrap(), [json!({"id": 1}), json!("b")]);
        assert_eq!(items("yaml", b"chapters: [a, b]", "/chapters").unwrap(), [json!("a"), json!("b")]);
        assert_eq!(items("json", b"[1]", "").unwrap(), [json!(1)]);
    }

    #[test]
    fn what_is_no_list_is_told() {
        let fault =
            |ending: &str, text: &str, pointer: &str| items(ending, text.as_bytes(), pointer).unwrap_err().to_string();
        assert_eq!(fault("json", "{\"a\": {}}", "/a"), "has a map where a list is expected");
        assert_eq!(fault("json", "{\"a\": {}}", "/b"), "has nothing at `#/b`");
        assert!(fault("jsonl", "1\n{", "").starts_with("is not valid JSON in line 2: EOF"));
    }
}
