use proptest::prelude::*;

use super::*;

fn field(kind: &str) -> Field {
    let options = match kind {
        "rating" => json!({"max": 3}),
        "duration" => json!({"durationFormat": "h:mm"}),
        "singleSelect" | "multipleSelects" => {
            json!({"choices": [{"id": "sel1", "name": "a"}, {"id": "sel2", "name": "b, c"}]})
        }
        "date" => json!({"dateFormat": {"name": "european", "format": "D/M/YYYY"}}),
        "dateTime" => {
            json!({"dateFormat": {"name": "us", "format": "M/D/YYYY"}, "timeZone": "Europe/Berlin"})
        }
        _ => json!({}),
    };
    serde_json::from_value(json!({"id": "fld1", "name": "F", "type": kind, "options": options})).unwrap()
}

/// The cell, or the message of the refusal.
fn cell(kind: &str, value: &Value, typecast: bool) -> Result<Value, String> {
    match accept(&field(kind), value, typecast) {
        Ok(Written::Cell(cell) | Written::Chosen { cell, .. }) => Ok(cell),
        Ok(Written::Links(links)) => {
            Ok(json!(links.iter().map(|link| format!("{link:?}")).collect::<Vec<_>>()))
        }
        Err(error) => Err(error.to_string()),
    }
}

const NO: &str = "Field \"F\" cannot accept the provided value";

#[test]
fn each_type_keeps_what_it_can_hold() {
    for (kind, value, kept) in [
        ("singleLineText", json!("x"), json!("x")),
        ("multilineText", json!("x\ny"), json!("x\ny")),
        ("richText", json!("**x**"), json!("**x**")),
        ("email", json!("a@b.c"), json!("a@b.c")),
        ("url", json!("https://x"), json!("https://x")),
        ("phoneNumber", json!("+1"), json!("+1")),
        ("number", json!(-1.5), json!(-1.5)),
        ("number", json!(0), json!(0)),
        ("percent", json!(0.123), json!(0.123)),
        ("currency", json!(9.99), json!(9.99)),
        ("rating", json!(3), json!(3)),
        ("rating", json!(2.0), json!(2)),
        ("duration", json!(5400), json!(5400)),
        ("checkbox", json!(true), json!(true)),
        ("checkbox", json!(false), json!(null)),
        ("singleSelect", json!(" a "), json!("a")),
        ("singleSelect", json!(" "), json!(null)),
        ("multipleSelects", json!(["b, c", "a", "a"]), json!(["b, c", "a"])),
        ("date", json!("2026-11-21"), json!("2026-11-21")),
        ("date", json!("2/11/2026"), json!("2026-11-02")),
        ("date", json!("2026-11-21T23:30:00-05:00"), json!("2026-11-21")),
        ("dateTime", json!("2026-11-21T12:00:00.000Z"), json!("2026-11-21T12:00:00.000Z")),
        ("dateTime", json!("2026-11-21T12:00"), json!("2026-11-21T11:00:00.000Z")),
        ("dateTime", json!("2/11/2026 3:04 PM"), json!("2026-02-11T14:04:00.000Z")),
        ("singleCollaborator", json!({"id": "usr1", "more": 1}), json!({"id": "usr1"})),
        ("singleCollaborator", json!({"email": "a@b.c"}), json!({"email": "a@b.c"})),
        ("multipleCollaborators", json!([{"id": "usr1"}, {"id": "usr1"}]), json!([{"id": "usr1"}])),
        ("multipleCollaborators", json!(["usrAAAAAAAAAAAAAA"]), json!([{"id": "usrAAAAAAAAAAAAAA"}])),
        (
            "multipleRecordLinks",
            json!(["rec1", {"id": "rec2"}, "rec1"]),
            json!(["Id(\"rec1\")", "Id(\"rec2\")"]),
        ),
        (
            "multipleAttachments",
            json!([{"id": "att1"}, {"url": "https://x/y"}]),
            json!([{"id": "att1"}, {"url": "https://x/y"}]),
        ),
        ("barcode", json!({"text": "1", "type": "ean8", "more": 1}), json!({"text": "1", "type": "ean8"})),
        ("hologram", json!({"depth": 1}), json!({"depth": 1})),
    ] {
        assert_eq!(cell(kind, &value, false), Ok(kept), "{kind} {value}");
    }
}

#[test]
fn each_type_refuses_what_it_cannot_hold() {
    let parse = |text: &str| format!("Cannot parse value \"{text}\" for field F");
    for (kind, value, message) in [
        ("singleLineText", json!(7), NO.to_owned()),
        ("email", json!(["x"]), NO.to_owned()),
        ("number", json!("7"), NO.to_owned()),
        ("percent", json!({}), NO.to_owned()),
        ("currency", json!(true), NO.to_owned()),
        ("rating", json!(4), NO.to_owned()),
        ("rating", json!(0), NO.to_owned()),
        ("rating", json!(1.5), NO.to_owned()),
        ("duration", json!("1:30"), NO.to_owned()),
        ("checkbox", json!("true"), NO.to_owned()),
        ("singleSelect", json!("c"), "Insufficient permissions to create new select option \"c\"".to_owned()),
        ("singleSelect", json!(["a"]), NO.to_owned()),
        ("multipleSelects", json!("a"), NO.to_owned()),
        (
            "multipleSelects",
            json!(["a", "d"]),
            "Insufficient permissions to create new select option \"d\"".to_owned(),
        ),
        ("multipleSelects", json!([1]), NO.to_owned()),
        ("date", json!("soon"), parse("soon")),
        ("date", json!(7), NO.to_owned()),
        ("date", json!("-000166-11-06"), parse("-000166-11-06")),
        ("dateTime", json!("31/12/2026"), parse("31/12/2026")),
        ("dateTime", json!("0000-01-01T00:00"), parse("0000-01-01T00:00")),
        ("singleCollaborator", json!("usrAAAAAAAAAAAAAA"), NO.to_owned()),
        ("singleCollaborator", json!({"name": "x"}), NO.to_owned()),
        ("multipleCollaborators", json!(["Ada"]), NO.to_owned()),
        ("multipleCollaborators", json!({"id": "usr1"}), NO.to_owned()),
        ("multipleRecordLinks", json!("rec1"), "Value is not an array of record IDs.".to_owned()),
        ("multipleRecordLinks", json!([1]), "Value is not an array of record IDs.".to_owned()),
        ("multipleAttachments", json!([{"url": "ftp://x"}]), NO.to_owned()),
        ("multipleAttachments", json!("https://x"), NO.to_owned()),
        ("barcode", json!("1"), NO.to_owned()),
        ("barcode", json!({"text": 1}), NO.to_owned()),
    ] {
        assert_eq!(cell(kind, &value, false), Err(message), "{kind} {value}");
    }
}

#[test]
fn typecast_converts_what_can_be_converted() {
    for (kind, value, kept) in [
        ("singleLineText", json!(7.5), json!("7.5")),
        ("singleLineText", json!(true), json!("true")),
        ("number", json!("1,250.5"), json!(1250.5)),
        ("number", json!("007"), json!(7)),
        ("percent", json!("12.5 %"), json!(0.125)),
        ("percent", json!("0.5"), json!(0.5)),
        ("currency", json!("-€1,250"), json!(-1250)),
        ("rating", json!("2"), json!(2)),
        ("duration", json!("1:30"), json!(5400)),
        ("duration", json!("-0:01:02.5"), json!(-62.5)),
        ("duration", json!("90"), json!(90)),
        ("checkbox", json!("Yes"), json!(true)),
        ("checkbox", json!("maybe"), json!(null)),
        ("checkbox", json!(2), json!(true)),
        ("singleSelect", json!(5), json!("5")),
        ("multipleSelects", json!("a, \"b, c\", new, new"), json!(["a", "b, c", "new"])),
        ("multipleSelects", json!(", "), json!(null)),
        ("singleCollaborator", json!("a@b.c"), json!({"email": "a@b.c"})),
        ("singleCollaborator", json!("Ada"), json!({"name": "Ada"})),
        (
            "multipleCollaborators",
            json!("usrAAAAAAAAAAAAAA, Ada"),
            json!([{"id": "usrAAAAAAAAAAAAAA"}, {"name": "Ada"}]),
        ),
        (
            "multipleRecordLinks",
            json!("recAAAAAAAAAAAAAA, one"),
            json!(["Id(\"recAAAAAAAAAAAAAA\")", "Primary(\"one\")"]),
        ),
        ("barcode", json!("123"), json!({"text": "123"})),
    ] {
        assert_eq!(cell(kind, &value, true), Ok(kept), "{kind} {value}");
    }
    for (kind, text) in [("number", "many"), ("duration", "1:x"), ("duration", "1:2:3:4"), ("percent", "%")] {
        let message = format!("Cannot parse value \"{text}\" for field F");
        assert_eq!(cell(kind, &json!(text), true), Err(message), "{kind}");
    }
    let new = accept(&field("multipleSelects"), &json!(["x", "a", "x", "y"]), true);
    assert_eq!(new, Ok(Written::Chosen { cell: json!(["x", "a", "y"]), new: vec!["x".into(), "y".into()] }));
}

#[test]
fn two_numbers_of_a_duration_are_minutes_and_seconds_where_seconds_show() {
    let mut field = field("duration");
    field.options = json!({"durationFormat": "h:mm:ss"}).as_object().cloned();
    assert_eq!(accept(&field, &json!("1:30"), true), Ok(Written::Cell(json!(90))));
}

const WRITABLE: [&str; 21] = [
    "barcode",
    "checkbox",
    "currency",
    "date",
    "dateTime",
    "duration",
    "email",
    "multilineText",
    "multipleAttachments",
    "multipleCollaborators",
    "multipleRecordLinks",
    "multipleSelects",
    "number",
    "percent",
    "phoneNumber",
    "rating",
    "richText",
    "singleCollaborator",
    "singleLineText",
    "singleSelect",
    "url",
];

#[test]
fn what_airtable_computes_is_refused_and_all_else_is_cleared_by_every_empty_value() {
    for kind in [
        "aiText",
        "autoNumber",
        "button",
        "count",
        "createdBy",
        "createdTime",
        "formula",
        "lastModifiedBy",
        "lastModifiedTime",
        "lookup",
        "rollup",
        "externalSyncSource",
    ] {
        let message = "Field \"F\" cannot accept a value because the field is computed".to_owned();
        assert_eq!(cell(kind, &json!(null), true), Err(message), "{kind}");
    }
    for kind in WRITABLE {
        for empty in [json!(null), json!(""), json!([]), json!(false)] {
            assert_eq!(cell(kind, &empty, false), Ok(json!(null)), "{kind} {empty}");
        }
    }
}

#[test]
fn the_document_has_a_row_for_every_type() {
    let document = include_str!("../../../../docs/reference/cells.md");
    let rows =
        document.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let mut types: Vec<_> =
        rows.flat_map(|types| types.split('`')).filter(|name| !name.trim().is_empty()).collect();
    types.sort_unstable();
    assert_eq!(types, WRITABLE);
}

fn value() -> impl Strategy<Value = Value> {
    let known = [
        "a",
        "usrAAAAAAAAAAAAAA",
        "recAAAAAAAAAAAAAA",
        "1:30",
        "12 %",
        "2026-11-21",
        "2/11/2026 3:04 PM",
        "x@y.z",
    ];
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3..9_i8).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(known.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        let key =
            prop::sample::select(vec!["id", "email", "name", "text", "type", "url"]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|parts| Value::Object(parts.into_iter().collect())),
        ]
    })
}

proptest! {
    /// But for people who are known by name alone, and records by their primary field: these were found by then.
    #[test]
    fn what_is_kept_can_be_written_again_and_stays(
        kind in prop::sample::select(WRITABLE.to_vec()), value in value(), typecast in any::<bool>()
    ) {
        let mut field = field(kind);
        let kept = match accept(&field, &value, typecast) {
            Err(_) | Ok(Written::Links(_)) => return Ok(()),
            Ok(Written::Cell(cell)) => cell,
            Ok(Written::Chosen { cell, new }) => {
                for name in new {
                    field.add_choice(&crate::Choice { id: String::new(), name, color: None });
                }
                cell
            }
        };
        prop_assume!(!kept.to_string().contains("{\"name\""));
        match accept(&field, &kept, false) {
            Ok(Written::Cell(again)) => prop_assert_eq!(again, kept),
            Ok(Written::Chosen { cell, new }) => {
                prop_assert_eq!(cell, kept);
                prop_assert_eq!(new, Vec::<String>::new());
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn items_with_commas_and_quotes_are_kept_apart(items in prop::collection::vec("[ab,\" ]{1,5}", 0..5)) {
        let items: Vec<_> = items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
        let quoted: Vec<_> = items.iter().map(|item| format!("\"{}\"", item.replace('"', "\"\""))).collect();
        prop_assert_eq!(comma_separated(&quoted.join(", ")), items);
    }
}
