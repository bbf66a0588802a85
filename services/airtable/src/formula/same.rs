//! Whether two texts say the same formula, however they name their fields.

use super::Syntax;

/// Whether `one` and `other` say the same: blanks, superfluous parentheses and the case of functions do not matter, and a
/// field may be meant by id or by name. `id_of` finds the id of a field by either; a text that is no formula is compared as
/// it stands.
pub fn is_same(one: &str, other: &str, id_of: impl Fn(&str) -> Option<String>) -> bool {
    let uniform = |text: &str| {
        let by_id = Syntax::read(text).ok()?.renamed(&id_of);
        Some(Syntax::read(&by_id).ok()?.to_string())
    };
    match (uniform(one), uniform(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.trim() == other.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        is_same(one, other, |name| (name == "Amount").then(|| "fldAmount".to_owned()))
    }

    #[test]
    fn names_ids_blanks_and_the_case_of_functions_do_not_matter() {
        assert!(same("if({Amount}>1, Amount, 'x')", "IF({fldAmount} > 1, {Amount}, \"x\")"));
        assert!(same("a 'b", " a 'b "), "what is no formula is compared as text");
    }

    #[test]
    fn texts_numbers_and_other_fields_do() {
        assert!(!same("{Amount} + 1", "{Amount} + 2"));
        assert!(!same("{Amount}", "{Sum}"));
        assert!(!same("'A'", "'a'"));
    }
}
