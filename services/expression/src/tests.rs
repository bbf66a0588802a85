//! What expressions give, and what their errors say.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn scope() -> Value {
    json!({
        "parameters": {"x": 7, "name": "Ada", "on": true, "none": null},
        "steps": {"create-deal": {"outputs": {"ids": ["rec1", "rec2"]}}, "create": {"outputs": {"recordId": "rec9"}}},
    })
}

fn said(input: &Value) -> String {
    resolve(input, &scope()).unwrap_err().to_string()
}

#[test]
fn one_expression_alone_keeps_the_type_of_its_value() {
    let input = json!({"a": "${parameters.x}", "b": ["${ steps['create-deal'].outputs . ids }"], "c": "${parameters.none}"});
    let expected = json!({"a": 7, "b": [["rec1", "rec2"]], "c": null});
    assert_eq!(resolve(&input, &scope()).unwrap(), expected);
}

#[test]
fn within_text_values_become_text() {
    let input = json!(
        "${parameters.name} has ${parameters.x}, ${parameters.on}: ${steps[\"create-deal\"].outputs.ids[1]}"
    );
    assert_eq!(resolve(&input, &scope()).unwrap(), json!("Ada has 7, true: rec2"));
}

#[test]
fn an_escape_is_left_as_text_and_a_lone_dollar_is_text() {
    for (input, output) in [
        ("$${parameters.x}", "${parameters.x}"),
        ("a $${b} ${parameters.x}", "a ${b} 7"),
        ("5 $ {x} $x", "5 $ {x} $x"),
        ("US${\"$\"}${parameters.x}", "US$7"),
        ("${ 'it\\'s ${x}' }", "it's ${x}"),
        ("${\"\"}${parameters.x}", "7"),
        ("", ""),
        ("}", "}"),
    ] {
        assert_eq!(resolve(&json!(input), &scope()).unwrap(), json!(output), "{input}");
    }
}

#[test]
fn what_is_filled_in_is_not_read_again() {
    let scope = json!({"parameters": {"evil": "${parameters.secret}", "secret": "s"}});
    assert_eq!(resolve(&json!("${parameters.evil}!"), &scope).unwrap(), json!("${parameters.secret}!"));
}

#[test]
fn an_error_names_the_place_the_expression_and_what_is_there_instead() {
    for (input, expected) in [
        (
            json!({"fields": {"a/b": "${steps.make.outputs}"}}),
            r#"at /fields/a~1b: ${steps.make.outputs}: steps has no member "make"; it has create, create-deal"#,
        ),
        (
            json!("${who.x}"),
            r#"at the top: ${who.x}: the scope has no member "who"; it has parameters, steps"#,
        ),
        (
            json!(["${parameters.x.y}"]),
            r#"at /0: ${parameters.x.y}: parameters.x is a number, where an object with the member "y" is expected"#,
        ),
        (
            json!("${steps['create-deal'].outputs.ids[2]}"),
            r#"at the top: ${steps['create-deal'].outputs.ids[2]}: steps["create-deal"].outputs.ids has no item 2; it has 2 items"#,
        ),
        (
            json!("${parameters.name[0]}"),
            "at the top: ${parameters.name[0]}: parameters.name is text, where an array with an item 0 is expected",
        ),
        (json!("to ${steps}"), "at the top: ${steps}: leads to an object, which can't be put into text"),
        (
            json!("to ${parameters.none}"),
            "at the top: ${parameters.none}: leads to null, which can't be put into text",
        ),
    ] {
        assert_eq!(said(&input), expected);
    }
}

#[test]
fn what_is_not_member_access_is_refused() {
    for (expression, part) in [
        ("${}", "does not begin with a name"),
        ("${1 + 2}", "does not begin with a name"),
        ("${parameters.x + 1}", "has '+' where a member"),
        ("${size(parameters)}", "has '(' where a member"),
        ("${parameters.x", "has no closing }"),
        ("${parameters.create-deal}", "has '-' where a member"),
        ("${parameters..x}", "has no name after parameters."),
        ("${parameters[x]}", "neither \"a name\" nor a number"),
        ("${parameters[0}", "has a [ without its ]"),
        ("${parameters[\"x}", "quoted text that does not end"),
        ("${parameters[\"a\\n\"]}", "has \\n in quotes, where only"),
        ("${\"a\".b}", "has something after the quoted text"),
        ("${'a}", "quoted text that does not end"),
        ("${parameters[99999999999999999999999]}", "neither \"a name\" nor a number"),
    ] {
        let error = references(&json!({"k": expression})).unwrap_err();
        assert!(error.problem.contains(part), "{expression}: {error}");
        assert_eq!(error.at, "/k");
    }
}

#[test]
fn references_are_found_wherever_they_stand_and_print_as_they_are_read() {
    let input = json!({"a": "x ${parameters.x} ${steps[\"create-deal\"].outputs.ids[0]}", "b": [{"c": "${outputs.recordId}"}], "d": "$${no}"});
    let found: Vec<String> = references(&input).unwrap().iter().map(Path::to_string).collect();
    assert_eq!(found, ["parameters.x", "steps[\"create-deal\"].outputs.ids[0]", "outputs.recordId"]);
    assert_eq!(
        references(&input).unwrap()[1].names().collect::<Vec<_>>(),
        ["steps", "create-deal", "outputs", "ids"]
    );
}

#[test]
fn what_is_left_for_later_is_resolved_by_a_second_pass_and_nothing_else_is() {
    let input = json!({"id": "${outputs.id}", "text": "${parameters.evil} $${literal} ${outputs.id}"});
    let first =
        resolve_all_but("outputs", &input, &json!({"parameters": {"evil": "${outputs.secret}"}})).unwrap();
    let second = resolve(&first, &json!({"outputs": {"id": 7, "secret": "s"}})).unwrap();
    assert_eq!(second, json!({"id": 7, "text": "${outputs.secret} ${literal} 7"}));
}

#[test]
fn a_value_beside_other_text_is_never_read_as_syntax_by_the_second_pass() {
    let scope = json!({"parameters": {"currency": "US$", "a": "$", "b": "{outputs.id}", "empty": ""}});
    let outputs = json!({"outputs": {"id": 7}});
    for (input, expected) in [
        ("${parameters.currency}${outputs.id}", json!("US$7")),
        ("${parameters.a}${parameters.a}${outputs.id}$", json!("$$7$")),
        ("${parameters.a}${parameters.b}", json!("${outputs.id}")),
        ("$${parameters.b} ${parameters.a}{outputs.id}", json!("${parameters.b} ${outputs.id}")),
        ("${parameters.empty}${outputs.id}", json!("7")),
    ] {
        let first = resolve_all_but("outputs", &json!(input), &scope).unwrap();
        assert_eq!(resolve(&first, &outputs).unwrap(), expected, "{input} became {first}");
    }
}

/// Text of pieces that mean something beside each other, or of anything.
fn pieces(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![6 => prop::sample::select(known).prop_map(str::to_owned), 1 => "\\PC{0,3}"];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn two_passes_give_what_one_pass_gives_whatever_the_values_are(
        input in pieces(&["$", "$$", "$${", "{", "${parameters.a}", "${parameters.b}", "${outputs.a}", "${'$'}", "}"]),
        values in prop::array::uniform3(pieces(&["$", "{", "}", "${", "${outputs.a}", "{outputs.a}", "outputs.a}", "'"])),
    ) {
        let [a, b, c] = values;
        let parameters = json!({"parameters": {"a": a, "b": {"c": [b]}}});
        let outputs = json!({"outputs": {"a": c}});
        let all = json!({"parameters": parameters["parameters"], "outputs": outputs["outputs"]});
        let input = json!([input, input.replace("parameters.b", "parameters.b.c[0]"), input.replace("outputs.a", "outputs")]);
        for input in input.as_array().unwrap() {
            let once = resolve(input, &all).ok();
            let twice = resolve_all_but("outputs", input, &parameters).and_then(|first| resolve(&first, &outputs)).ok();
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn parts_are_read_again_as_they_were_written(
        texts in prop::collection::vec(pieces(&["$", "{", "}", "${", "${a}", "{a}", "\""]), 1..4),
    ) {
        let expression = &parts("${a}").unwrap()[0];
        let given: Vec<Part<'_>> =
            texts.iter().flat_map(|text| [Part::Text(text.into()), expression.clone()]).collect();
        let text = |parts: &[Part<'_>]| -> Vec<String> {
            let mut found = vec![String::new()];
            for part in parts {
                match part {
                    Part::Text(text) => found.last_mut().unwrap().push_str(text),
                    Part::Expression { .. } => found.push(String::new()),
                }
            }
            found
        };
        let written = write(&given);
        prop_assert_eq!(text(&parts(&written).unwrap()), text(&given));
    }
}
