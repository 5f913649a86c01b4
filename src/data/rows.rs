//! The rows of a table, one after the other: a file of a million rows is never held as a whole.

use crate::data::list::{ListFault, items};
use crate::data::parse::{DataFault, parse};
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, Read};

/// Longest line of a table of lines, and largest file of those that are read as a whole, in bytes.
const BYTES_MAX: u64 = 32 << 20;

/// A row as it stands, and the line where it begins; of a file that is read as a whole, its number from 1.
pub type Numbered = (u64, Map<String, Value>);

/// Rows to be read, one by one.
pub type Rows = Box<dyn Iterator<Item = Result<Numbered, ListFault>>>;

/// Returns the rows in a file with this ending: of a table (`csv`, `tsv`) by the names in its first row, else maps.
pub fn rows(ending: &str, file: impl Read + 'static) -> Result<Rows, ListFault> {
    match ending.to_ascii_lowercase().as_str() {
        "csv" => table(file, b','),
        "tsv" => table(file, b'\t'),
        "jsonl" => Ok(Box::new(lines(BufReader::new(file)))),
        ending @ ("json" | "yaml" | "yml") => whole(ending, file),
        _ => Err(ListFault::Ending),
    }
}

/// Cells are text, as they are written; empty rows are none.
fn table(file: impl Read + 'static, delimiter: u8) -> Result<Rows, ListFault> {
    let broken = |error: csv::Error| ListFault::Table(error.to_string());
    let mut file = BufReader::new(file);
    // Spreadsheets put a mark of the encoding before the first name.
    if file.fill_buf().is_ok_and(|bytes| bytes.starts_with(b"\xef\xbb\xbf")) {
        file.consume(3);
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let names = reader.headers().map_err(broken)?.clone();
    let is_earlier = |(at, name): &(usize, &str)| names.iter().take(*at).any(|before| before == *name);
    if let Some((_, name)) = names.iter().enumerate().find(is_earlier) {
        return Err(ListFault::Table(format!("the column `{name}` stands twice")));
    }
    Ok(Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = names.iter().zip(record.iter());
        Ok((line, cells.map(|(name, cell)| (name.to_owned(), Value::String(cell.to_owned()))).collect()))
    })))
}

fn lines(mut file: impl BufRead) -> impl Iterator<Item = Result<Numbered, ListFault>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            number += 1;
            let mut line = Vec::new();
            let read = file.by_ref().take(BYTES_MAX + 1).read_until(b'\n', &mut line);
            let fault =
                |fault: String| Some(Err(ListFault::Line { line: usize::try_from(number).unwrap_or(0), fault }));
            match read {
                Err(error) => return fault(error.to_string()),
                Ok(0) => return None,
                Ok(_) if line.len() as u64 > BYTES_MAX => return fault("it is longer than 32 MiB".to_owned()),
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => {
                    return match parse("json", &line) {
                        Some(Ok(value)) => Some(map(number, value)),
                        Some(Err(DataFault::Json(why))) => fault(why),
                        Some(Err(why)) => fault(why.to_string()),
                        None => Some(Err(ListFault::Ending)),
                    };
                }
            }
        }
    })
}

fn whole(ending: &str, file: impl Read) -> Result<Rows, ListFault> {
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| ListFault::Table(error.to_string()))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ListFault::Table("it is larger than 32 MiB: only csv, tsv and jsonl may be".to_owned()));
    }
    let items = items(ending, &bytes, "")?;
    Ok(Box::new((1..).zip(items).map(|(number, item)| map(number, item))))
}

fn map(number: u64, value: Value) -> Result<Numbered, ListFault> {
    match value {
        Value::Object(cells) => Ok((number, cells)),
        _ => Err(ListFault::NoRow(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(ending: &str, text: &'static str) -> Result<Vec<(u64, Value)>, String> {
        let rows = rows(ending, text.as_bytes()).map_err(|fault| fault.to_string())?;
        rows.map(|row| row.map(|(line, cells)| (line, Value::Object(cells))).map_err(|fault| fault.to_string()))
            .collect()
    }

    #[test]
    fn every_row_comes_with_its_line() {
        let text = "\u{feff}id,title\na,\"One\ntwo\"\nб,0.50\n";
        let rows = vec![(2, json!({"id": "a", "title": "One\ntwo"})), (4, json!({"id": "б", "title": "0.50"}))];
        assert_eq!(all("csv", text), Ok(rows));
        assert_eq!(all("TSV", "id\tn\nx\t1\n"), Ok(vec![(2, json!({"id": "x", "n": "1"}))]));
        assert_eq!(all("jsonl", "\n{\"id\": 1}\n"), Ok(vec![(2, json!({"id": 1}))]));
        assert_eq!(all("yaml", "- id: a\n- id: b\n"), Ok(vec![(1, json!({"id": "a"})), (2, json!({"id": "b"}))]));
    }

    #[test]
    fn what_is_no_table_is_told_with_its_place() {
        let fault = |ending, text| all(ending, text).unwrap_err();
        assert!(fault("csv", "id,n\na\n").starts_with("is not a table: CSV error: record 1 (line: 2"));
        assert_eq!(fault("csv", "id,id\n"), "is not a table: the column `id` stands twice");
        assert_eq!(fault("jsonl", "{\"id\": 1}\n7\n"), "has no map of columns in row 2");
        assert!(fault("jsonl", "{\"id\": 1}\n{\n").starts_with("is not valid JSON in line 2: EOF"));
        assert_eq!(fault("json", "{}"), "has a map where a list is expected");
        assert_eq!(fault("txt", ""), "is no file that holds a list");
    }
}
