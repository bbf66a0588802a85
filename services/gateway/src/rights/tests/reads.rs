//! What may be read, and how what is hidden is refused.

use super::*;

#[test]
fn a_table_is_known_by_id_by_name_in_any_case_and_encoded_and_is_sent_by_id() {
    for name in ["Customers", "cUSTOMERS", "tbl00000000000001", "%43ustomers"] {
        let (sent, _) = outcome(&usual(), Method::GET, &format!("/{name}/?view="), &Value::Null).unwrap();
        assert!(sent.starts_with("GET tbl00000000000001?fields"), "{sent}");
    }
    let strange = outcome(&usual(), Method::GET, "/Ta%2Fble%20%C3%A9?pageSize=2", &Value::Null).unwrap().0;
    assert_eq!(strange, "GET tbl00000000000004?pageSize=2");
}

#[test]
fn what_is_hidden_is_answered_as_what_is_not_there() {
    let no_table = (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND".to_owned());
    for table in ["Salaries", "tbl00000000000003", "salaries", "Nonsense", "%53alaries"] {
        for (method, rest) in [(Method::GET, ""), (Method::POST, ""), (Method::GET, "/rec00000000000001")] {
            assert_eq!(
                refused(&usual(), method, &format!("/{table}{rest}"), &json!({"fields": {}})),
                no_table
            );
        }
    }
    let no_field = (422, "UNKNOWN_FIELD_NAME".to_owned());
    for name in ["IBAN", "fld00000000000013", "Nonsense", "name"] {
        for list in [json!({"fields": [name]}), json!({"sort": [{"field": name}]})] {
            assert_eq!(refused(&usual(), Method::POST, "/Customers/listRecords", &list), no_field, "{name}");
        }
        let create = json!({"fields": {"Name": "A", name: "B"}});
        assert_eq!(refused(&usual(), Method::POST, "/Customers", &create), no_field);
        let upsert = json!({"records": [{"fields": {}}], "performUpsert": {"fieldsToMergeOn": [name]}});
        assert_eq!(refused(&usual(), Method::PATCH, "/Customers", &upsert), no_field);
        assert_eq!(
            refused(&usual(), Method::GET, &format!("/Customers?fields={name}"), &Value::Null),
            no_field
        );
        assert_eq!(
            refused(&usual(), Method::GET, &format!("/Customers?sort[0][field]={name}"), &Value::Null),
            no_field
        );
    }
}

#[test]
fn a_formula_may_use_what_the_client_may_see_as_people_see_it() {
    let list = |formula: &str| json!({"filterByFormula": formula});
    let allowed = |formula| outcome(&usual(), Method::POST, "/Customers/listRecords", &list(formula));
    for (formula, sent) in [
        ("{name}='x'", "{fld00000000000011}='x'"),
        ("AND(Email, {fld00000000000011})", "AND({fld00000000000012}, {fld00000000000011})"),
        ("FIND('IBAN', {Orders})", "FIND('IBAN', {fld00000000000014})"),
        ("RECORD_ID()='{Name}'", "RECORD_ID()='{Name}'"),
    ] {
        assert_eq!(allowed(formula).unwrap().1["filterByFormula"], sent, "whatever the names mean by then");
    }
    for formula in [
        "{IBAN}='x'",
        "AND(1, iban)",
        "LEN({fld00000000000013})",
        "LAST_MODIFIED_TIME({IBAN})",
        "{Salary}",
        "SLEEP(",
    ] {
        assert_eq!(
            allowed(formula).unwrap_err().to_string().split(':').next(),
            Some("The formula for filtering records is invalid"),
            "{formula}"
        );
    }
    let text = allowed("{IBAN}&{Nonsense}").unwrap_err().to_string();
    assert!(text.ends_with("Unknown field names: iban, nonsense"), "{text}");
    assert!(
        outcome(&usual(), Method::POST, "/Orders/listRecords", &list("{IBAN}")).is_ok(),
        "another table's field"
    );
}

#[test]
fn of_two_names_that_differ_in_case_both_must_be_seen_and_the_exact_one_is_sent() {
    let mut tables = tables();
    tables[0].fields[4].name = "EMAIL".to_owned();
    let sent = |rights: &[TableRights], formula: &str| {
        let asked = request(Method::POST, "/Customers/listRecords", &json!({"filterByFormula": formula}));
        let allowed = decide(Scope { rights, tables: &tables }, BASE, &asked).ok()?;
        serde_json::from_slice::<Value>(&allowed.request.body).unwrap()["filterByFormula"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(sent(&usual(), "{Email}"), None, "EMAIL is a link whose other side is hidden");
    let both = rights(json!([{"name": "Customers", "fields": ["Email", "EMAIL"]}, {"name": "Salaries"}]));
    for (formula, id) in [("{Email}", 12), ("{EMAIL}", 15), ("{email}", 12)] {
        assert_eq!(sent(&both, formula), Some(format!("{{fld{id:014}}}")), "{formula}");
    }
}

#[test]
fn a_field_that_comes_after_the_schema_was_read_is_not_asked_for_where_fields_are_declared() {
    let all = rights(json!([{"name": "Ta/ble é", "fields": ["Name", "Papers"]}]));
    let tables = tables();
    let asked = request(Method::GET, "/Ta%2Fble%20%C3%A9", &Value::Null);
    let allowed = decide(Scope { rights: &all, tables: &tables }, BASE, &asked).unwrap();
    assert!(allowed.request.target.contains("fld00000000000041&fields"), "{}", allowed.request.target);
    let record = json!({"id": RECORD, "createdTime": "t", "fields": {"Name": "a", "Added": "s"}});
    let left = allowed.filter.apply(Answer::json(StatusCode::OK, &json!({"records": [record]})));
    assert_eq!(left.value().unwrap()["records"][0]["fields"], json!({"Name": "a"}));
    let text = "/Orders?cellFormat=string&timeZone=utc&userLocale=en";
    let sent = outcome(&usual(), Method::GET, text, &Value::Null).unwrap().0;
    assert!(
        sent.contains("fields"),
        "a link that comes may show what records of a hidden table are called: {sent}"
    );
}

#[test]
fn what_takes_long_to_look_through_is_refused() {
    let list = |body| refused(&usual(), Method::POST, "/Customers/listRecords", &body).0;
    assert_eq!(list(json!({"filterByFormula": "Name&".repeat(6_001) + "Name"})), 422);
    assert_eq!(list(json!({"fields": vec!["Name"; 1_001]})), 422);
    let whole = json!({"filterByFormula": "Name&".repeat(6_001) + "Name"});
    assert!(outcome(&usual(), Method::POST, "/Ta%2Fble%20%C3%A9/listRecords", &whole).is_ok());
}

#[test]
fn a_view_counts_only_where_no_field_is_hidden() {
    let orders = outcome(&usual(), Method::GET, "/Orders?view=Grid", &Value::Null).unwrap().0;
    assert_eq!(orders, "GET tbl00000000000002?view=Grid");
    assert_eq!(refused(&usual(), Method::GET, "/Customers?view=Grid", &Value::Null).1, "VIEW_NAME_NOT_FOUND");
    let by_id = refused(&usual(), Method::GET, "/Customers?view=viw00000000000001", &Value::Null);
    assert_eq!(by_id.1, "VIEW_ID_NOT_FOUND");
}

#[test]
fn one_record_is_asked_for_in_its_table_and_only_there() {
    let (sent, body) = outcome(
        &usual(),
        Method::GET,
        &format!("/Orders/{RECORD}?returnFieldsByFieldId=1&sort[0][field]=x"),
        &Value::Null,
    )
    .unwrap();
    assert_eq!(sent, "POST tbl00000000000002/listRecords");
    let expected = json!({"filterByFormula": format!("RECORD_ID()='{RECORD}'"), "pageSize": 1, "returnFieldsByFieldId": true});
    assert_eq!(body, expected);
    let strange = "rec'OR(1)&'000000";
    assert_eq!(
        refused(&usual(), Method::GET, &format!("/Orders/{strange}"), &Value::Null),
        (404, "NOT_FOUND".to_owned())
    );
}

#[test]
fn links_are_shown_by_id_and_not_as_text_where_the_other_side_is_hidden() {
    let tables = tables();
    let grant = Scope { rights: &usual(), tables: &tables }
        .named("Customers")
        .map(|grant| (grant.keys(false), grant.keys(true)));
    let (cells, text) = grant.unwrap();
    assert!(cells.as_ref().unwrap().contains("Salary") && !cells.unwrap().contains("IBAN"));
    assert!(text.as_ref().unwrap().contains("Orders") && !text.unwrap().contains("Salary"));
    let as_text = "/Customers?cellFormat=string&timeZone=utc&userLocale=en&fields=Salary";
    assert_eq!(refused(&usual(), Method::GET, as_text, &Value::Null).1, "UNKNOWN_FIELD_NAME");
}

#[test]
fn the_base_as_a_whole_is_not_for_limited_clients() {
    let tables = tables();
    for (method, path) in [
        (Method::GET, "/v0/meta/bases/appAAAAAAAAAAAAAA"),
        (Method::POST, "/v0/meta/bases/appAAAAAAAAAAAAAA/tables"),
        (Method::PATCH, "/v0/meta/bases/appAAAAAAAAAAAAAA/tables/tbl00000000000002"),
        (Method::GET, "/v0/bases/appAAAAAAAAAAAAAA/webhooks"),
        (Method::GET, "/v0/bases/appAAAAAAAAAAAAAA/webhooks/ach00000000000001/payloads"),
        (Method::POST, "/v0/appAAAAAAAAAAAAAA/Orders/sync/x"),
        (Method::PATCH, "/v0/appAAAAAAAAAAAAAA/Orders/rec00000000000001/comments/com00000000000001"),
        (Method::GET, "/v0/appAAAAAAAAAAAAAA/Customers/rec00000000000001/comments"),
    ] {
        let request = Request { target: path.to_owned(), ..request(method, "", &Value::Null) };
        let refusal = decide(Scope { rights: &usual(), tables: &tables }, BASE, &request).unwrap_err();
        assert_eq!(refusal, Refusal::Airtable(airtable::Error::InvalidPermissions), "{path}");
    }
}

#[test]
fn headers_that_may_change_what_a_request_means_stay_here() {
    let mut asked = request(Method::GET, "/Orders", &Value::Null);
    for name in ["x-http-method-override", "range", "if-none-match", "x-request-id"] {
        asked.headers.insert(name, HeaderValue::from_static("DELETE"));
    }
    for directive in ["no-cache", "max-age=5"] {
        asked.headers.append("cache-control", HeaderValue::from_static(directive));
    }
    let tables = tables();
    let sent = decide(Scope { rights: &usual(), tables: &tables }, BASE, &asked).unwrap().request;
    let mut names: Vec<_> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "cache-control", "x-request-id"], "what is asked of caches is heard");
}

#[test]
fn a_field_counts_as_hidden_where_a_name_may_mean_a_hidden_one() {
    let rights = rights(json!([{"name": "Orders", "fields": ["Title"]}, {"name": "orders"}]));
    let orders = |body| outcome(&rights, Method::POST, "/Orders/listRecords", &body);
    assert!(orders(json!({"fields": ["Title"]})).is_ok());
    assert!(orders(json!({"fields": ["iban"]})).is_err(), "declared twice, and once without it");
}
