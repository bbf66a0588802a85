//! A formula that was parsed, before anyone asks which fields there are: its names, and the text with others.

use std::fmt;

use super::{
    Formula, Unreadable,
    expression::compile,
    lexer, parser,
    tree::{Tree, braced},
};

/// Longer formulas, in bytes, are refused.
const LONGEST: usize = 100_000;

/// A formula that keeps to the grammar. It shows as the same formula in a uniform notation.
#[derive(Debug, Clone)]
pub struct Syntax {
    text: String,
    tree: Tree,
}

impl Syntax {
    /// Reads `text`; names of fields are taken as they come.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let within = Some(text).filter(|text| text.len() <= LONGEST);
        let tree = within.and_then(lexer::tokens).and_then(parser::parse).ok_or(Unreadable::Syntax)?;
        Ok(Self { text: text.to_owned(), tree })
    }

    /// The names and ids of fields that it uses, each once, in the order of their appearance.
    pub fn fields(&self) -> Vec<&str> {
        self.tree.distinct_names()
    }

    /// The text with every field named as `to` says, `{Name}` → `{fld…}` for example. What `to` does not know, and all that
    /// is no name of a field, stays as it was written.
    pub fn renamed(&self, to: impl Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        let mut done = 0;
        for name in self.tree.names() {
            let Some(new) = to(&name.name) else { continue };
            out += self.text.get(done..name.span.start).unwrap_or_default();
            out += &braced(&new);
            done = name.span.end;
        }
        out + self.text.get(done..).unwrap_or_default()
    }

    /// The formula for a table; `place` finds the place of a field by the name or id that the text uses.
    pub fn formula(&self, place: impl Fn(&str) -> Option<usize>) -> Result<Formula, Unreadable> {
        Ok(Formula { root: compile(&self.tree, place)? })
    }
}

impl fmt::Display for Syntax {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"IF( {Due \}date}>TODAY() , Status&"{Status}",-{fldAAAAAAAAAAAAAA}*{Due \}date})"#;

    fn id(name: &str) -> Option<String> {
        match name {
            "Due }date" => Some("fldDDDDDDDDDDDDDD".to_owned()),
            "Status" => Some("fldSSSSSSSSSSSSSS".to_owned()),
            _ => None,
        }
    }

    fn name(id: &str) -> Option<String> {
        match id {
            "fldDDDDDDDDDDDDDD" => Some("Due }date".to_owned()),
            "fldSSSSSSSSSSSSSS" => Some("Status".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn fields_are_named_once_and_in_order() {
        let fields = Syntax::read(TEXT).unwrap();
        assert_eq!(fields.fields(), ["Due }date", "Status", "fldAAAAAAAAAAAAAA"]);
    }

    #[test]
    fn names_become_ids_and_again_names_and_nothing_else_changes() {
        let by_id = Syntax::read(TEXT).unwrap().renamed(id);
        assert_eq!(
            by_id,
            r#"IF( {fldDDDDDDDDDDDDDD}>TODAY() , {fldSSSSSSSSSSSSSS}&"{Status}",-{fldAAAAAAAAAAAAAA}*{fldDDDDDDDDDDDDDD})"#
        );
        let by_name = Syntax::read(&by_id).unwrap().renamed(name);
        assert_eq!(by_name, TEXT.replace("Status&", "{Status}&"));
    }

    #[test]
    fn a_formula_shows_in_a_uniform_notation_with_the_parentheses_it_needs() {
        for (text, shown) in [
            ("and(a=1,{b c}!='x')", r#"AND({a} = 1, {b c} != "x")"#),
            ("((1+2))*3-(4)", "(1 + 2) * 3 - 4"),
            ("1-(2-3)", "1 - (2 - 3)"),
            ("-(1&'a\\n')", r#"-(1 & "a\n")"#),
            ("+ - -.5", "--0.5"),
        ] {
            assert_eq!(Syntax::read(text).unwrap().to_string(), shown);
        }
    }
}
