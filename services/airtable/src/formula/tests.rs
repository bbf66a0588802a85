use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{vectors::VECTORS, *};

/// The record of the vectors.
pub struct Sample;

pub const FIELDS: [&str; 7] = ["text", "number", "empty", "tags", "datetime", "bool", "a}b"];

impl Row for Sample {
    fn record_id(&self) -> &'static str {
        "rec00000000000001"
    }

    fn created(&self) -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn modified(&self, fields: &[usize]) -> Option<Timestamp> {
        (fields != [2]).then(|| "2026-11-21T11:00:00Z".parse().unwrap())
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        Ok(match FIELDS[field] {
            "text" => Value::of_text("Contact's Name"),
            "number" => Value::Number(7.0),
            "tags" => Value::List(vec![Value::of_text("a"), Value::of_text("b")]),
            "datetime" => Value::of_moment("2026-11-21T02:03:04.123Z".parse().unwrap()),
            "bool" => Value::of_truth(true),
            "a}b" => Value::of_text("brace"),
            _ => Value::Blank,
        })
    }

    fn now(&self) -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }
}

/// The place of a field of the sample by its name, or by an id that ends in its number.
pub fn place(name: &str) -> Option<usize> {
    let by_name = FIELDS.iter().position(|field| field.eq_ignore_ascii_case(name));
    by_name.or_else(|| name.strip_prefix("fld")?.parse::<usize>().ok()?.checked_sub(1))
}

fn read(text: &str) -> Result<Formula, Unreadable> {
    Formula::read(text, place)
}

/// The value as text; `#ERROR!` for the error value.
fn value(text: &str) -> String {
    let formula = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    formula.evaluate(&Sample).map_or_else(|fault| fault.to_string(), |value| value.text())
}

#[test]
fn formulas_have_the_values_that_the_reference_says() {
    let wrong: Vec<_> = VECTORS
        .iter()
        .map(|(formula, expected)| (formula, expected, value(formula)))
        .filter(|(_, expected, found)| found != *expected)
        .collect();
    assert!(wrong.is_empty(), "formula, expected, found: {wrong:#?}");
}

#[test]
fn every_function_has_a_vector() {
    let vectors: String =
        VECTORS.iter().map(|(formula, _)| formula.to_uppercase().replace(' ', "")).collect();
    let missing: Vec<_> =
        signatures().filter(|function| !vectors.contains(&format!("{}(", function.name))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_document_lists_the_functions_that_there_are() {
    let document = include_str!("../../../../docs/reference/formulas.md");
    let listed: BTreeSet<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('(').map(|(name, _)| name))
        .collect();
    assert_eq!(listed, signatures().map(|function| function.name).collect());
}

#[test]
fn what_is_no_formula_is_refused() {
    for text in
        ["FOO(1)", "AND(1,", "'abc", "LEN()", "LEN(1,2)", "1 2", "1 ==2", "()", "1+", "5 % 2", "{}", ""]
    {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn unknown_fields_are_named_once_and_in_order() {
    let unknown = read("AND({Foo}=1, bar=2, {Foo}=3)").unwrap_err();
    assert_eq!(unknown, Unreadable::UnknownFields(vec!["Foo".into(), "bar".into()]));
}

#[test]
fn a_filter_drops_zero_nothing_and_errors() {
    for text in ["0", "''", "BLANK()", "FALSE()", "2/0", "SQRT(-1)", "{empty}"] {
        assert!(!read(text).unwrap().keeps(&Sample), "{text}");
    }
    for text in ["{tags}", "-1", "POWER(10,400)", "'0'", "{datetime}"] {
        assert!(read(text).unwrap().keeps(&Sample), "{text}");
    }
}

#[test]
fn constants_are_reckoned_once_and_their_errors_wait_until_they_are_reached() {
    let root = |text: &str| format!("{:?}", read(text).unwrap().root);
    assert_eq!(root("LEN('ab')*-2+1"), "Constant(Number(-3.0))");
    assert_eq!(root("DATEADD('2026-01-01',1,'d')"), root("DATETIME_PARSE('2026-01-02')"));
    assert!(root("NOW()").starts_with("Call"));
    assert_eq!(value("IF(1,2,3/0)"), "2");
    assert_eq!(value("IF(1,2,REGEX_MATCH('','('))"), "2");
}

#[test]
fn neither_depth_nor_length_exhausts_stack_or_memory() {
    for unit in ["(", "-", "+", "IF(1,", "-("] {
        assert_eq!(read(&unit.repeat(10_000)).unwrap_err(), Unreadable::Syntax, "{unit}");
    }
    assert_eq!(read(&("(".repeat(10_000) + "1" + &")".repeat(10_000))).unwrap_err(), Unreadable::Syntax);
    assert_eq!(read(&"1".repeat(1_000_000)).unwrap_err(), Unreadable::Syntax);
    assert_eq!(value(&("1".to_owned() + &"+1".repeat(40_000))), "40001");
    assert_eq!(value(&("IF(0,0,".repeat(100) + "7" + &")".repeat(100))), "7");
}

#[test]
fn texts_that_would_be_too_long_are_errors() {
    let long = "REPT('a',100000)";
    let many = vec![long; 2_000].join(",");
    for text in [
        "REPT('ab',100000)".to_owned(),
        "REPT('ab',1000000000000000000)".to_owned(),
        format!("{long}&'b'"),
        format!("CONCATENATE({many})"),
        format!("ARRAYFLATTEN({many})"),
        format!("ARRAYJOIN(ARRAYFLATTEN({long},{long}))"),
        format!("SUBSTITUTE({long},'a','bb')"),
        format!("REPLACE({long},1,0,'b')"),
        format!("REGEX_REPLACE({long},'a','bb')"),
        format!("REGEX_REPLACE({long},'(.*)','{}')", "$1".repeat(50)),
    ] {
        assert_eq!(value(&text), "#ERROR!", "{}", text.get(..60).unwrap_or(&text));
    }
    assert_eq!(
        value(&format!("REGEX_REPLACE({long},'a','b')")),
        "#ERROR!",
        "a search for each of its letters"
    );
    assert_eq!(value("LEN(REGEX_REPLACE(REPT('a',5000),'a','b'))"), "5000");
    assert_eq!(value(&format!("LEN({long})")), "100000");
}

#[test]
fn patterns_of_moments_and_lists_of_holidays_that_are_too_long_are_errors() {
    for (text, most) in [
        ("LEN(DATETIME_FORMAT(NOW(),REPT('[',#)))", 1_000),
        ("LEN(DATETIME_FORMAT(NOW(),REPT('LLLL',#/4)))", 1_000),
        ("LEN(DATETIME_PARSE('2026',REPT('Y',#)))", 1_000),
        ("LEN(WORKDAY(NOW(),1,REPT('2026-12-24,',#-1)))", 1_000),
        ("LEN(WORKDAY_DIFF(NOW(),NOW(),REPT(',',#-1)))", 1_000),
    ] {
        let with = |count: usize| value(&text.replace('#', &count.to_string()));
        assert_ne!(with(most), "#ERROR!", "{text}");
        assert_eq!(with(most + 4), "#ERROR!", "{text}");
    }
}

/// A record for which no time is left.
struct Late;

impl Row for Late {
    fn record_id(&self) -> &str {
        Sample.record_id()
    }

    fn created(&self) -> Timestamp {
        Sample.created()
    }

    fn modified(&self, fields: &[usize]) -> Option<Timestamp> {
        Sample.modified(fields)
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        Sample.cell(field).map(Value::into_owned)
    }

    fn now(&self) -> Timestamp {
        Sample.now()
    }

    fn in_time(&self) -> bool {
        false
    }
}

#[test]
fn where_no_time_is_left_functions_are_errors() {
    for text in ["LEN({text})", "REGEX_MATCH({text},'a')", "1+LEN({text})", "RECORD_ID()"] {
        assert_eq!(read(text).unwrap().evaluate(&Late), Err(Fault), "{text}");
    }
    assert_eq!(read("{number}+1").unwrap().evaluate(&Late), Ok(Value::Number(8.0)));
}

#[test]
fn constants_for_which_no_time_is_left_are_reckoned_for_each_record() {
    let now = std::time::Instant::now();
    let tree = lexer::tokens("REGEX_MATCH('a','a')").and_then(parser::parse).unwrap();
    let late = expression::compile_until(&tree, place, now).unwrap();
    assert!(matches!(late, expression::Expression::Call(..)), "{late:?}");
    assert_eq!(evaluate::evaluate(&late, &Sample), Ok(Value::Number(1.0)));
}
