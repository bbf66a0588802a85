//! What a command says: formats, tables, colours.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::error::Error;

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For files
    Yaml,
}

/// A colour of a line on a terminal.
#[derive(Debug, Clone, Copy)]
pub enum Colour {
    /// What comes.
    Green,
    /// What changes.
    Yellow,
    /// What can't be done.
    Red,
}

/// Prints to standard output. Where the reader has gone, that is all right.
pub fn print(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Print(error.to_string())),
        _ => Ok(()),
    }
}

/// Prints a line to standard error.
pub fn complain(line: &str) {
    // Where nobody reads any more there is nobody to tell.
    let _told = writeln!(io::stderr(), "{line}");
}

/// `value` as JSON or YAML, with a line end.
pub fn document<T: Serialize>(value: &T, format: Format) -> Result<String, Error> {
    let text = match format {
        Format::Json => {
            serde_json::to_string_pretty(value).map_err(|error| Error::Print(error.to_string()))?
        }
        Format::Table | Format::Yaml => {
            serde_saphyr::to_string(value).map_err(|error| Error::Print(error.to_string()))?
        }
    };
    Ok(format!("{}\n", text.trim_end()))
}

/// Whether standard output is a terminal that shall have colours.
pub fn is_coloured(no_color: Option<&str>) -> bool {
    io::stdout().is_terminal() && no_color.is_none_or(str::is_empty)
}

/// Text that others wrote, on one line and without what a terminal would obey.
pub fn on_one_line(text: &str) -> String {
    let is_break = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.chars().map(|letter| if is_break(letter) { ' ' } else { letter }).collect()
}

/// Rows under a head, each column as wide as its widest cell; a row may have a colour.
pub fn table(head: &[&str], rows: &[(Option<Colour>, Vec<String>)]) -> String {
    let head = (None, head.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    let all: Vec<&(Option<Colour>, Vec<String>)> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| {
        all.iter()
            .filter_map(|(_, cells)| cells.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.1.len()).map(width).collect();
    let mut text = String::new();
    for (colour, cells) in all {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", on_one_line(cell))).collect();
        let line = padded.join("  ");
        text.push_str(&painted(line.trim_end(), *colour));
        text.push('\n');
    }
    text
}

fn painted(line: &str, colour: Option<Colour>) -> String {
    let code = match colour {
        None => return line.to_owned(),
        Some(Colour::Green) => 32,
        Some(Colour::Yellow) => 33,
        Some(Colour::Red) => 31,
    };
    format!("\u{1b}[{code}m{line}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_blanks_at_their_end() {
        let rows =
            [(None, vec!["a".into(), String::new()]), (Some(Colour::Red), vec!["longer".into(), "b".into()])];
        assert_eq!(table(&["X", "Y"], &rows), "X       Y\na\n\u{1b}[31mlonger  b\u{1b}[0m\n");
    }

    #[test]
    fn names_that_others_chose_command_no_terminal() {
        let rows = [(None, vec!["a\u{1b}[2J\nb".to_owned()])];
        assert_eq!(table(&["X"], &rows), "X\na [2J b\n");
    }
}
