//! Pages of HTML in which every text is escaped.

use std::fmt::Write as _;

/// Longest text of a cell, in characters.
const LONGEST: usize = 200;

/// The head of a column, with what is said below it in small letters.
pub struct Head {
    pub text: String,
    pub note: Option<String>,
}

/// A cell of a table.
pub enum Cell {
    Text(String),
    /// A text that stays on one line, for people compare it letter by letter.
    Id(String),
    /// A text that leads to an address.
    Link {
        to: String,
        text: String,
    },
    /// Right-aligned, for it is compared with those above and below.
    Number(u64),
}

/// A page with its parts, which are HTML already.
pub fn page(title: &str, parts: &[String]) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Simulator</title>\n<link rel=\"stylesheet\" href=\"/admin/style.css\">\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{}\n</main>\n</body>\n</html>\n",
        parts.join("\n")
    )
}

/// A table with a caption, or a sentence that it is empty. Captions are told apart by their letters.
pub fn table(caption: &str, heads: &[Head], rows: Vec<Vec<Cell>>) -> String {
    let id = escaped(&caption.to_lowercase().replace(' ', "-"));
    let heading = format!("<h2 id=\"{id}\">{}</h2>", escaped(caption));
    let Some(first) = rows.first() else { return format!("{heading}\n<p>None.</p>") };
    let mut out = format!(
        "{heading}\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{id}\"><table>\n<thead><tr>"
    );
    for (head, cell) in heads.iter().zip(first) {
        let note = head.note.as_ref().map(|note| format!(" <small>{}</small>", escaped(note)));
        let (text, note) = (escaped(&head.text), note.unwrap_or_default());
        let _written = write!(out, "<th scope=\"col\"{}>{text}{note}</th>", cell.head_class());
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        out.extend(row.into_iter().map(Cell::html));
        out.push_str("</tr>\n");
    }
    out + "</tbody>\n</table></div>"
}

/// Links in one line.
pub fn links(label: &str, links: &[(String, String)]) -> String {
    let link = |(to, text): &(String, String)| format!("<a href=\"{}\">{}</a>", escaped(to), escaped(text));
    let all: Vec<_> = links.iter().map(link).collect();
    format!("<nav aria-label=\"{}\">{}</nav>", escaped(label), all.join(" "))
}

/// A paragraph.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escaped(text))
}

impl Cell {
    fn html(self) -> String {
        match self {
            Self::Text(text) => format!("<td>{}</td>", escaped(&shortened(text))),
            Self::Id(text) => format!("<td class=\"id\">{}</td>", escaped(&shortened(text))),
            Self::Link { to, text } => {
                format!("<td><a href=\"{}\">{}</a></td>", escaped(&to), escaped(&text))
            }
            Self::Number(number) => format!("<td class=\"number\">{number}</td>"),
        }
    }

    /// Heads of numbers stand as these do.
    fn head_class(&self) -> &'static str {
        if matches!(self, Self::Number(_)) { " class=\"number\"" } else { "" }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let evil = "<script>alert('\"&')</script>";
        let text = || evil.to_owned();
        let cells = vec![Cell::Text(text()), Cell::Id(text()), Cell::Link { to: text(), text: text() }];
        let heads = [None, None, Some(text())].map(|note| Head { text: text(), note });
        let links = links(evil, &[(evil.to_owned(), evil.to_owned())]);
        let page = page(evil, &[table(evil, &heads, vec![cells]), links, paragraph(evil)]);
        assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;").count(), 17);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("é".repeat(201)), format!("{}…", "é".repeat(200)));
        assert_eq!(shortened("é".repeat(200)), "é".repeat(200));
    }
}
