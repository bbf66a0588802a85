//! Every refusal that the simulator knows, word by word.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use crate::support::{ADA, Answer, BASE, BLUE, Simulator};

const FORBIDDEN: &str = "Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions, and that the model names and/or ids are correct.";
const VALIDATION: &str = "Invalid request: parameter validation failed. Check your request data.";
const ORDERS: &str = "recCRM00000000201";

/// A call, and status, type and message of the refusal.
type Case = (&'static str, String, Value, u16, &'static str, String);

fn case(
    method: &'static str,
    path: &str,
    body: Value,
    status: u16,
    kind: &'static str,
    message: &str,
) -> Case {
    (method, format!("{BASE}/{path}"), body, status, kind, message.to_owned())
}

async fn refused(simulator: &Simulator, cases: Vec<Case>) {
    for (method, path, body, status, kind, message) in cases {
        let given = if body.is_null() { None } else { Some(body.clone()) };
        let answer = simulator.call(method.parse().unwrap(), &path, given).await;
        let expected = json!({"error": {"type": kind, "message": message}});
        assert_eq!((answer.0, answer.1), (status, expected), "{method} {path} {body}");
    }
}

fn fields(cells: impl Into<Value>) -> Value {
    let cells: Value = cells.into();
    json!({"fields": cells})
}

#[tokio::test]
async fn requests_of_the_wrong_shape() {
    let create = "You must provide an array of up to 10 record objects, each with a \"fields\" object for cell values.";
    let update = "You must provide an array of up to 10 record objects, each with an \"id\" ID field and a \"fields\" object for cell values.";
    let delete = "You must provide an array of up to 10 record IDs.";
    let missing = |name: &str| format!("Could not find field \"{name}\" in the request body");
    let eleven = json!({"records": vec![json!({"fields": {}}); 11]});
    let cases = vec![
        case("POST", "Customers", json!([]), 422, "INVALID_REQUEST_UNKNOWN", VALIDATION),
        case("POST", "Customers", json!({"fields": 1}), 422, "INVALID_REQUEST_UNKNOWN", VALIDATION),
        case("POST", "Customers", json!({}), 422, "INVALID_REQUEST_MISSING_FIELDS", &missing("fields")),
        case("PATCH", "Customers", json!({}), 422, "INVALID_REQUEST_MISSING_FIELDS", &missing("records")),
        case("POST", "Customers", eleven, 422, "INVALID_RECORDS", create),
        case("PATCH", "Customers", json!({"records": [{"fields": {}}]}), 422, "INVALID_RECORDS", update),
        case("DELETE", "Customers", Value::Null, 422, "INVALID_RECORDS", delete),
        case("GET", "Customers?cellFormat=csv", Value::Null, 422, "INVALID_REQUEST_UNKNOWN", VALIDATION),
        case("GET", "Customers?maxRecords=0", Value::Null, 422, "INVALID_REQUEST_UNKNOWN", VALIDATION),
        case(
            "GET",
            "Customers?sort[0][field]=Name&sort[0][direction]=up",
            Value::Null,
            422,
            "INVALID_REQUEST_UNKNOWN",
            VALIDATION,
        ),
        case(
            "GET",
            "Customers?pageSize=101",
            Value::Null,
            422,
            "INVALID_PAGE_SIZE_ARGUMENT",
            "The page size must be a number between 1 and 100",
        ),
        case(
            "GET",
            "Customers?offset=x",
            Value::Null,
            422,
            "INVALID_OFFSET_VALUE",
            "The value of offset x is invalid",
        ),
        case(
            "GET",
            "Customers?offset=itr00000000000000/rec00000000000000",
            Value::Null,
            422,
            "LIST_RECORDS_ITERATOR_NOT_AVAILABLE",
            "The iteration is no longer available, start again without an offset",
        ),
    ];
    let simulator = Simulator::new();
    refused(&simulator, cases).await;
    let broken = Body::from("{\"fields\": {\"Credit limit\": NaN}}");
    let path = format!("{BASE}/Customers");
    let answer = simulator.send(Method::POST, &path, Some("Bearer x"), broken).await;
    let expected =
        json!({"error": {"type": "INVALID_REQUEST_BODY", "message": "Could not parse request body"}});
    assert_eq!((answer.0, answer.1), (422, expected));
    let large = Body::from("x".repeat(8 << 20));
    let answer = simulator.send(Method::POST, &path, Some("Bearer x"), large).await;
    let expected = json!({"error": {"type": "REQUEST_TOO_LARGE", "message": "Request body is too large"}});
    assert_eq!((answer.0, answer.1), (413, expected));
}

#[tokio::test]
async fn names_that_nobody_knows() {
    let filter = "The formula for filtering records is invalid";
    let unknown = "rec00000000000000";
    let cases = vec![
        case("GET", "Nowhere", Value::Null, 403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", FORBIDDEN),
        case(
            "GET",
            &format!("Customers/{unknown}"),
            Value::Null,
            403,
            "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
            FORBIDDEN,
        ),
        case(
            "PATCH",
            &format!("Customers/{unknown}"),
            fields(json!({})),
            404,
            "MODEL_ID_NOT_FOUND",
            "Record not found",
        ),
        case(
            "DELETE",
            &format!("Customers/{unknown}"),
            Value::Null,
            404,
            "MODEL_ID_NOT_FOUND",
            "Record not found",
        ),
        case(
            "POST",
            "Customers",
            fields(json!({"Nope": 1})),
            422,
            "UNKNOWN_FIELD_NAME",
            "Unknown field name: \"Nope\"",
        ),
        case(
            "GET",
            "Customers?fields[]=Nope",
            Value::Null,
            422,
            "UNKNOWN_FIELD_NAME",
            "Unknown field name: \"Nope\"",
        ),
        case(
            "GET",
            "Customers?sort[0][field]=Nope",
            Value::Null,
            422,
            "UNKNOWN_FIELD_NAME",
            "Unknown field name: \"Nope\"",
        ),
        case("GET", "Customers?view=Nope", Value::Null, 422, "VIEW_NAME_NOT_FOUND", "View Nope not found"),
        case(
            "GET",
            "Customers?view=viw00000000000000",
            Value::Null,
            422,
            "VIEW_ID_NOT_FOUND",
            "View viw00000000000000 not found",
        ),
        case(
            "POST",
            "Customers/listRecords",
            json!({"filterByFormula": "{Foo} = {BAR}"}),
            422,
            "INVALID_FILTER_BY_FORMULA",
            &format!("{filter}: Unknown field names: foo, bar"),
        ),
        case(
            "POST",
            "Customers/listRecords",
            json!({"filterByFormula": "AND(1,"}),
            422,
            "INVALID_FILTER_BY_FORMULA",
            &format!("{filter}: Invalid formula. Please check your formula text."),
        ),
    ];
    refused(&Simulator::new(), cases).await;
}

#[tokio::test]
async fn cells_that_a_field_does_not_take() {
    let post = |table: &str, cells: Value, kind: &'static str, message: &str| {
        case("POST", table, fields(cells), 422, kind, message)
    };
    let merge = json!({"performUpsert": {"fieldsToMergeOn": ["Status"]}, "records": [{"fields": {"Status": "Active"}}]});
    let cases = vec![
        post(
            "Customers",
            json!({"Credit limit": "many"}),
            "INVALID_VALUE_FOR_COLUMN",
            "Field \"Credit limit\" cannot accept the provided value",
        ),
        post(
            "Customers",
            json!({"Order count": 1}),
            "INVALID_VALUE_FOR_COLUMN",
            "Field \"Order count\" cannot accept a value because the field is computed",
        ),
        post(
            "Customers",
            json!({"Orders": "x"}),
            "INVALID_VALUE_FOR_COLUMN",
            "Value is not an array of record IDs.",
        ),
        post(
            "Customers",
            json!({"Since": "soon"}),
            "INVALID_VALUE_FOR_COLUMN",
            "Cannot parse value \"soon\" for field Since",
        ),
        post(
            "Customers",
            json!({"Status": "New"}),
            "INVALID_MULTIPLE_CHOICE_OPTIONS",
            "Insufficient permissions to create new select option \"New\"",
        ),
        post(
            "Customers",
            json!({"Status": "\"New\""}),
            "INVALID_MULTIPLE_CHOICE_OPTIONS",
            "Insufficient permissions to create new select option \"\"New\"\"",
        ),
        post(
            "Customers",
            json!({"Orders": ["rec00000000000000"]}),
            "ROW_DOES_NOT_EXIST",
            "Record ID rec00000000000000 does not exist",
        ),
        post(
            "Customers",
            json!({"Orders": [ADA]}),
            "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE",
            &format!(
                "Record ID {ADA} belongs to table tblCRM00000000001, but the field links to table tblCRM00000000002"
            ),
        ),
        case(
            "PATCH",
            "Customers",
            merge,
            422,
            "INVALID_RECORDS",
            "Cannot update more than one record that matches the values of \"Status\"",
        ),
    ];
    let simulator = Simulator::new();
    let both = json!({"records": [{"id": ADA, "fields": {"Status": "Active"}}, {"id": BLUE, "fields": {"Status": "Active"}}]});
    simulator.patch(&format!("{BASE}/Customers"), both).await.ok();
    refused(&simulator, cases).await;
}

#[tokio::test]
async fn routes_tokens_and_bodies_without_a_message() {
    let simulator = Simulator::new();
    let nowhere = simulator.get(&format!("{BASE}/Customers/nonsense")).await;
    assert_eq!((nowhere.0, nowhere.1), (404, json!({"error": "NOT_FOUND"})));
    let other = simulator.get(&format!("{BASE}/Orders?view=viwCRM00000000010")).await;
    assert_eq!((other.0, other.1), (422, json!({"error": {"type": "FAILED_STATE_CHECK"}})));
    let path = format!("{BASE}/Orders/{ORDERS}");
    let nobody = simulator.send(Method::GET, &path, None, Body::empty()).await;
    let expected =
        json!({"error": {"type": "AUTHENTICATION_REQUIRED", "message": "Authentication required"}});
    assert_eq!((nobody.0, nobody.1), (401, expected));
}

#[tokio::test]
async fn a_malformed_id_is_not_found_whoever_asks() {
    let simulator = Simulator::new();
    for path in [
        "/v0/appX/Customers",
        "/v0/appX/recCRM00000000301/Document/uploadAttachment",
        "/v0/appX/Customers/recCRM00000000101/comments",
        "/v0/meta/bases/appX/tables",
        "/v0/meta/bases/CRM",
        "/v0/bases/appX/webhooks",
        "/v0/appCRM00000000001/Customers/recX",
    ] {
        for authorization in [None, Some("Bearer x")] {
            for method in [Method::GET, Method::POST] {
                let answer = simulator.send(method.clone(), path, authorization, Body::empty()).await;
                assert_eq!(answer, Answer(404, json!({"error": "NOT_FOUND"})), "{method} {path}");
            }
        }
    }
}
