use jiff::Timestamp;

use super::*;

/// `{text}`, `{number}`, `{empty}`, `{tags}`, `{datetime}`, `{bool}`.
struct Sample;

const FIELDS: [&str; 6] = ["text", "number", "empty", "tags", "datetime", "bool"];

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

    fn cell(&self, field: usize) -> Outcome {
        Ok(match FIELDS[field] {
            "text" => Value::of_text("Contact's Name"),
            "number" => Value::Number(7.0),
            "tags" => Value::List(vec![Value::of_text("a"), Value::of_text("b")]),
            "datetime" => Value::of_moment("2026-11-21T02:03:04.123Z".parse().unwrap()),
            "bool" => Value::of_truth(true),
            _ => Value::Blank,
        })
    }

    fn now(&self) -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }
}

fn read(text: &str) -> Result<Formula, Unreadable> {
    Formula::read(text, |name| FIELDS.iter().position(|field| field.eq_ignore_ascii_case(name)))
}

/// The value as text; `#ERROR!` for the error value.
fn value(text: &str) -> String {
    let formula = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    formula.evaluate(&Sample).map_or_else(|fault| fault.to_string(), |value| value.text())
}

/// Pairs of formula and value, checked all, so that one run shows every difference.
fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .map(|(formula, expected)| (formula, expected, value(formula)))
        .filter(|(_, expected, found)| found != *expected)
        .collect();
    assert!(wrong.is_empty(), "formula, expected, found: {wrong:#?}");
}

#[test]
fn functions_of_text_answer_as_their_reference_says() {
    check(&[
        (r#"FIND("fox","quick brown fox")"#, "13"),
        (r#"FIND("Fox","quick brown fox")"#, "0"),
        (r#"FIND("o","foo",3)"#, "3"),
        (r#"SEARCH("World","Hello World")"#, "7"),
        (r#"SEARCH("world","Hello World")"#, "7"),
        (r#"SEARCH("x","Hello")=BLANK()"#, "1"),
        (r#"LEFT("quick",2)"#, "qu"),
        (r#"RIGHT("quick brown fox",5)"#, "n fox"),
        (r#"MID("quick brown fox",7,5)"#, "brown"),
        (r#"REPLACE("database",2,5,"o")"#, "dose"),
        (r#"SUBSTITUTE("gold mold","old","et",1)"#, "get mold"),
        (r#"SUBSTITUTE("gold mold","old","et")"#, "get met"),
        (r#"LEN("quick brown fox")"#, "15"),
        (r#"ENCODE_URL_COMPONENT("chicken & waffles")"#, "chicken%20%26%20waffles"),
        (r#"VALUE("$1,000")"#, "1000"),
        (r#"REGEX_MATCH("Hello World","Hello.World")"#, "1"),
        (r#"REGEX_EXTRACT("Hello World","W.*")"#, "World"),
        (r#"REGEX_REPLACE("Hello World"," W.*","")"#, "Hello"),
        (r#"UPPER("é")&LOWER("Ä")&TRIM("  x ")"#, "Éäx"),
        (r#"REPT("Hi! ",3)"#, "Hi! Hi! Hi! "),
        (r#"T(7)&T("x")"#, "x"),
        ("CONCATENATE('a', 1, 'b')", "a1b"),
    ]);
}

#[test]
fn functions_of_numbers_answer_as_their_reference_says() {
    check(&[
        ("CEILING(1.05,0.1)", "1.1"),
        ("FLOOR(1.05,0.1)", "1"),
        ("EVEN(2.2)", "4"),
        ("ODD(1.1)", "3"),
        ("ODD(-1.1)", "-3"),
        ("ROUND(2.5,0)", "3"),
        ("ROUND(1.005,2)", "1.01"),
        ("ROUNDDOWN(-1.9,0)", "-1"),
        ("ROUNDUP(-1.1,0)", "-2"),
        ("INT(-1.5)", "-2"),
        ("POWER(7,5)", "16807"),
        (r#"COUNT(1,2,3,"","four")"#, "3"),
        (r#"COUNTA(1,2,3,"","four")"#, "4"),
        (r#"COUNTALL(1,2,3,"","four")"#, "5"),
        ("1+2*3", "7"),
        ("(1+2)*3-4/2", "7"),
        ("-2+5", "3"),
        ("MOD(-1,3)", "2"),
        ("SUM(1,2,{tags})", "3"),
        ("AVERAGE(1,2,3)", "2"),
        ("MAX(1,9,3)&MIN(4,2)", "92"),
        ("LOG(1000)", "3"),
        ("SQRT(16)", "4"),
    ]);
}

#[test]
fn logic_and_coercions_answer_as_seen() {
    check(&[
        (r#""1"=1"#, "1"),
        (r#"AND(BLANK()=0,BLANK()="")"#, "1"),
        (r#""a"="A""#, "0"),
        ("ISERROR(2/0)", "1"),
        ("AND(FALSE(),ERROR())", "#ERROR!"),
        ("IF(TRUE(),1,ERROR())", "1"),
        (r#"SWITCH("B","A",1,"B",2,9)"#, "2"),
        (r#"SWITCH("C","A",1,"B",2,9)"#, "9"),
        ("XOR(TRUE(),TRUE(),TRUE())", "1"),
        ("NOT({empty})", "1"),
        ("{bool}=TRUE()", "1"),
        ("{bool}=1", "1"),
        ("{empty}=FALSE()", "1"),
        (r"{text}='Contact\'s Name'", "1"),
        (r#"and({text}="Contact's Name",Or(1,0))"#, "1"),
        ("number > 6", "1"),
        ("10 < 9", "0"),
        (r#""abc" + 1"#, "#ERROR!"),
        (r#"ARRAYJOIN({tags},"; ")"#, "a; b"),
        ("{tags}='a, b'", "1"),
        ("ARRAYSLICE({tags},-1)", "b"),
        ("ARRAYUNIQUE(ARRAYFLATTEN({tags},'a'))", "a, b"),
        ("RECORD_ID()='rec00000000000001'", "1"),
    ]);
}

#[test]
fn dates_answer_as_their_reference_says() {
    check(&[
        ("{datetime}=DATETIME_PARSE('2026-11-21T02:03:04.123Z')", "1"),
        ("FIND('2026-11-21', {datetime})", "1"),
        (r#"DATETIME_DIFF("2017-04-23T15:00","2017-04-22","hours")"#, "39"),
        (r#"DATETIME_DIFF("2026-03-31","2025-01-31","months")"#, "14"),
        (r#"DATESTR(DATEADD("2019-07-10",10,"days"))"#, "2019-07-20"),
        (r#"WEEKDAY("2021-06-09")"#, "3"),
        (r#"WEEKDAY("2021-06-09","Monday")"#, "2"),
        (r#"DATESTR(WORKDAY("2020-10-16",10,"2020-10-16, 2020-10-19"))"#, "2020-11-02"),
        (r#"IS_SAME("2021-01-01T05:00","2021-01-01","day")"#, "1"),
        (r#"IS_SAME("2021-01-01T05:00","2021-01-02","quarter")"#, "1"),
        ("IS_AFTER(NOW(),TODAY())", "1"),
        ("IS_BEFORE(CREATED_TIME(),NOW())", "1"),
        (r#"TIMESTR("2013-02-17T07:31:25Z")"#, "07:31:25"),
        ("YEAR({datetime})&'-'&MONTH({datetime})&'-'&DAY({datetime})", "2026-11-21"),
        (r#"DATETIME_FORMAT(SET_TIMEZONE({datetime},"Asia/Tokyo"),"HH:mm")"#, "11:03"),
        ("DATESTR(LAST_MODIFIED_TIME())", "2026-11-21"),
        ("LAST_MODIFIED_TIME({empty})=BLANK()", "1"),
        (r#"DATESTR(DATETIME_PARSE("4 Mar 2017 23:00","D MMM YYYY HH:mm"))"#, "2017-03-04"),
        (r#"{datetime}<"2027-01-01""#, "1"),
        ("FROMNOW('2026-11-18T12:00:00Z')", "3 days"),
    ]);
}

#[test]
fn what_is_no_formula_is_refused() {
    for text in ["FOO(1)", "AND(1,", "'abc", "LEN()", "LEN(1,2)", "1 2", "1 ==2", "()", "1+"] {
        assert_eq!(read(text).unwrap_err(), Unreadable::Syntax, "{text}");
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
    assert!(read("{tags}").unwrap().keeps(&Sample));
}

#[test]
fn neither_depth_nor_length_exhausts_the_stack() {
    let deep = "(".repeat(100_000) + "1" + &")".repeat(100_000);
    assert_eq!(read(&deep).unwrap_err(), Unreadable::Syntax);
    assert_eq!(read(&"-".repeat(100_000)).unwrap_err(), Unreadable::Syntax);
    assert_eq!(value(&("1".to_owned() + &"+1".repeat(100_000))), "100001");
}
