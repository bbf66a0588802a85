//! Creating, reading, changing, merging and deleting records.

use simulator::Behaviour;

use crate::support::{ADA, BASE, BLUE, Simulator, column};
use serde_json::{Value, json};

fn customers() -> String {
    format!("{BASE}/Customers")
}

#[tokio::test]
async fn a_record_is_created_read_changed_and_deleted() {
    let simulator = Simulator::new();
    let created = simulator
        .post(&customers(), json!({"fields": {"Name": "Eve", "Credit limit": 0, "VIP": false}}))
        .await
        .ok();
    assert_eq!(created["fields"]["Name"], "Eve");
    assert_eq!(created["fields"]["Credit limit"], 0, "zero is a value");
    assert_eq!(created["fields"]["Order count"], 0);
    assert!(created["fields"].get("VIP").is_none(), "false is an empty checkbox");
    let path = format!("{}/{}", customers(), created["id"].as_str().unwrap());
    assert_eq!(simulator.get(&path).await.ok(), created);
    let changed = simulator.patch(&path, json!({"fields": {"Notes": "new"}})).await.ok();
    assert_eq!((&changed["fields"]["Name"], &changed["fields"]["Notes"]), (&json!("Eve"), &json!("new")));
    let replaced = simulator.put(&path, json!({"fields": {"Name": "Eva"}})).await.ok();
    assert!(replaced["fields"].get("Notes").is_none(), "PUT clears what it does not name");
    assert_eq!(simulator.delete(&path).await.ok(), json!({"id": created["id"], "deleted": true}));
    assert_eq!(simulator.get(&path).await.kind(), "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND");
    assert_eq!(simulator.delete(&path).await.refused().0, 404);
}

#[tokio::test]
async fn a_batch_takes_effect_whole_or_not_at_all() {
    let simulator = Simulator::new();
    let batch = json!({"records": [
        {"fields": {"Name": "one", "Status": "Invented"}}, {"fields": {"Name": "two", "VIP": "no boolean"}},
    ], "typecast": false});
    assert_eq!(simulator.post(&customers(), batch).await.kind(), "INVALID_MULTIPLE_CHOICE_OPTIONS");
    let batch = json!({"records": [
        {"fields": {"Name": "one", "Status": "Invented"}}, {"fields": {"Nmae": "two"}},
    ], "typecast": true});
    assert_eq!(
        simulator.post(&customers(), batch).await.refused(),
        (422, "UNKNOWN_FIELD_NAME".into(), "Unknown field name: \"Nmae\"".into())
    );
    assert_eq!(simulator.get(&customers()).await.ok()["records"].as_array().unwrap().len(), 4);
    let schema = simulator.get("/v0/meta/bases/appCRM00000000001/tables").await.ok();
    assert!(!schema.to_string().contains("Invented"), "the choice made on the way is gone too");
    assert_eq!(simulator.get("/admin/effects").await.ok()["effects"], json!([]));
}

#[tokio::test]
async fn eleven_records_are_one_too_many_and_none_is_too_few() {
    let simulator = Simulator::new();
    for count in [0, 11] {
        let batch = json!({"records": vec![json!({"fields": {}}); count]});
        let (status, kind, message) = simulator.post(&customers(), batch).await.refused();
        assert_eq!((status, kind.as_str()), (422, "INVALID_RECORDS"));
        assert!(message.starts_with("You must provide an array of up to 10 record objects"), "{message}");
    }
    let ten = json!({"records": vec![json!({"fields": {}}); 10]});
    let created = simulator.post(&customers(), ten).await.ok();
    let ids: Vec<_> =
        created["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap()).collect();
    let query: Vec<_> = ids.iter().map(|id| format!("records[]={id}")).collect();
    let deleted = simulator.delete(&format!("{}?{}", customers(), query.join("&"))).await.ok();
    assert_eq!(deleted["records"][9], json!({"id": ids[9], "deleted": true}));
}

#[tokio::test]
async fn updates_of_several_answer_in_the_order_of_the_request() {
    let simulator = Simulator::new();
    let records =
        json!([{"id": BLUE, "fields": {"Notes": "b"}}, {"id": ADA, "fields": {"fldCRM00000000109": "a"}}]);
    let answer =
        simulator.patch(&customers(), json!({"records": records, "returnFieldsByFieldId": true})).await.ok();
    assert_eq!(column(&answer, "fldCRM00000000109"), [json!("b"), json!("a")]);
    let missing = json!({"records": [{"id": "rec00000000000000", "fields": {}}]});
    assert_eq!(simulator.patch(&customers(), missing).await.kind(), "MODEL_ID_NOT_FOUND");
    let nameless = json!({"records": [{"fields": {}}]});
    assert_eq!(simulator.patch(&customers(), nameless).await.kind(), "INVALID_RECORDS");
}

#[tokio::test]
async fn an_upsert_updates_one_match_creates_none_and_refuses_several() {
    let simulator = Simulator::new();
    let upsert =
        |records: Value| json!({"performUpsert": {"fieldsToMergeOn": ["Email"]}, "records": records});
    let answer = simulator
        .patch(
            &customers(),
            upsert(json!([
                {"fields": {"Email": "ada@bakery.example", "Notes": "found"}},
                {"fields": {"Email": "new@example.com", "Name": "New"}},
                {"fields": {"Email": null, "Name": "Nobody"}},
                {"id": BLUE, "fields": {"Notes": "by id"}},
            ])),
        )
        .await
        .ok();
    assert_eq!(answer["updatedRecords"], json!([ADA, BLUE]));
    assert_eq!(answer["createdRecords"], json!([answer["records"][1]["id"], answer["records"][2]["id"]]));
    assert_eq!(answer["records"][0]["fields"]["Name"], "Ada's Bakery");
    let double = json!({"records": [{"fields": {"Email": "twice@example.com"}}, {"fields": {"Email": "twice@example.com"}}]});
    simulator.post(&customers(), double).await.ok();
    let refused =
        simulator.patch(&customers(), upsert(json!([{"fields": {"Email": "twice@example.com"}}]))).await;
    assert_eq!(refused.refused().0, 422);
    for merge in [json!([]), json!(["Email", "Name", "Phone", "Notes"]), json!("Email")] {
        let body =
            json!({"performUpsert": {"fieldsToMergeOn": merge}, "records": [{"fields": {"Name": "x"}}]});
        assert_eq!(simulator.patch(&customers(), body).await.refused().0, 422, "{merge}");
    }
}

#[tokio::test]
async fn merging_does_not_see_what_the_same_request_writes() {
    let simulator = Simulator::new();
    let body = json!({"performUpsert": {"fieldsToMergeOn": ["Name", "Credit limit"]}, "records": [
        {"id": ADA, "fields": {"Name": "Renamed", "Credit limit": 7}},
        {"fields": {"Name": "Renamed", "Credit limit": 7}},
    ]});
    let answer = simulator.put(&customers(), body).await.ok();
    assert_eq!(answer["createdRecords"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn typecast_converts_texts_and_makes_choices_and_links() {
    let simulator = Simulator::new();
    let fields = json!({"Name": 7, "Credit limit": "€1,250.50", "VIP": "yes", "Status": "Dormant",
        "Tags": "vip, fresh", "Since": "11/21/2026", "Orders": "O-1001, O-9999"});
    let body = json!({"fields": fields, "typecast": true});
    let created = simulator.post(&customers(), body.clone()).await.ok();
    let cells = &created["fields"];
    assert_eq!(cells["Name"], "7");
    assert_eq!(cells["Credit limit"], 1250.5);
    assert_eq!(cells["VIP"], true);
    assert_eq!(cells["Status"], "Dormant");
    assert_eq!(cells["Tags"], json!(["vip", "fresh"]));
    assert_eq!(cells["Since"], "2026-11-21");
    assert_eq!(cells["Orders"][0], "recCRM00000000201");
    let made = simulator.get(&format!("{BASE}/Orders/{}", cells["Orders"][1].as_str().unwrap())).await.ok();
    assert_eq!(made["fields"]["Order"], "O-9999");
    assert_eq!(
        simulator
            .post(&format!("{}?typecast=true", customers()), json!({"fields": fields}))
            .await
            .refused()
            .0,
        422
    );
}

#[tokio::test]
async fn every_kind_of_field_refuses_what_it_cannot_hold() {
    let simulator = Simulator::new();
    for (table, field, value, kind) in [
        ("Customers", "Name", json!(7), "INVALID_VALUE_FOR_COLUMN"),
        ("Customers", "Credit limit", json!("7"), "INVALID_VALUE_FOR_COLUMN"),
        ("Customers", "VIP", json!("yes"), "INVALID_VALUE_FOR_COLUMN"),
        ("Customers", "Since", json!("soon"), "INVALID_VALUE_FOR_COLUMN"),
        ("Customers", "Status", json!("Unknown"), "INVALID_MULTIPLE_CHOICE_OPTIONS"),
        ("Customers", "Orders", json!("O-1001"), "INVALID_VALUE_FOR_COLUMN"),
        ("Customers", "Orders", json!(["rec00000000000000"]), "ROW_DOES_NOT_EXIST"),
        ("Customers", "Orders", json!([ADA]), "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE"),
        ("Customers", "Order count", json!(1), "INVALID_VALUE_FOR_COLUMN"),
        ("Customers", "Created", json!(null), "INVALID_VALUE_FOR_COLUMN"),
        ("Orders", "Total", json!(1), "INVALID_VALUE_FOR_COLUMN"),
        ("Invoices", "Document", json!([{"url": "ftp://x"}]), "INVALID_VALUE_FOR_COLUMN"),
    ] {
        let mut fields = serde_json::Map::new();
        fields.insert(field.to_owned(), value);
        let answer = simulator.post(&format!("{BASE}/{table}"), json!({"fields": fields})).await;
        assert_eq!(answer.kind(), kind, "{field}: {answer:?}");
    }
    let computed =
        simulator.post(&format!("{BASE}/Orders"), json!({"fields": {"Number": 5}})).await.refused().2;
    assert_eq!(computed, "Field \"Number\" cannot accept a value because the field is computed");
}

#[tokio::test]
async fn links_have_two_sides_and_go_with_the_record() {
    let simulator = Simulator::new();
    let order = simulator
        .post(&format!("{BASE}/Orders"), json!({"fields": {"Order": "O-1", "Customer": [BLUE]}}))
        .await
        .ok();
    let id = order["id"].as_str().unwrap();
    assert_eq!(order["fields"]["Customer email"], json!(["hello@bluebicycles.example"]));
    let blue = simulator.get(&format!("{}/{BLUE}", customers())).await.ok();
    assert_eq!(blue["fields"]["Orders"], json!(["recCRM00000000203", id]));
    assert_eq!(blue["fields"]["Order count"], 2);
    simulator
        .patch(&format!("{}/{BLUE}", customers()), json!({"fields": {"Orders": ["recCRM00000000203"]}}))
        .await
        .ok();
    let order = simulator.get(&format!("{BASE}/Orders/{id}")).await.ok();
    assert!(order["fields"].get("Customer").is_none());
    simulator.delete(&format!("{}/{BLUE}", customers())).await.ok();
    let order = simulator.get(&format!("{BASE}/Orders/recCRM00000000203")).await.ok();
    assert!(order["fields"].get("Customer").is_none(), "the deleted customer is linked no more");
}

#[tokio::test]
async fn attachments_are_added_by_url_kept_by_id_and_otherwise_dropped() {
    let simulator = Simulator::behaving(Behaviour { private_urls: true, ..Behaviour::default() });
    let path = format!("{BASE}/Invoices/recCRM00000000301");
    // It answers nobody, so that the URLs stay those that were given.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let files =
        json!([{"url": format!("{url}/a/one.pdf?x=1")}, {"url": format!("{url}/2"), "filename": "two.png"}]);
    let answer = simulator.patch(&path, json!({"fields": {"Document": files}})).await.ok();
    let held = &answer["fields"]["Document"];
    assert_eq!((&held[0]["filename"], &held[1]["type"]), (&json!("one.pdf"), &json!("image/png")));
    let keep = json!({"fields": {"Document": [{"id": held[1]["id"]}]}});
    assert_eq!(simulator.patch(&path, keep).await.ok()["fields"]["Document"], json!([held[1]]));
}

#[tokio::test]
async fn a_record_is_found_from_another_table_of_its_base() {
    let simulator = Simulator::new();
    assert_eq!(simulator.get(&format!("{BASE}/Audit/{ADA}")).await.ok()["fields"]["Name"], "Ada's Bakery");
}

#[tokio::test]
async fn effects_tell_every_change_with_the_fields_that_changed() {
    let simulator = Simulator::new();
    simulator
        .patch(
            &format!("{}/{ADA}", customers()),
            json!({"fields": {"Name": "Ada", "Notes": null, "Phone": ""}}),
        )
        .await
        .ok();
    simulator.delete(&format!("{BASE}/Audit/recCRM00000000401")).await.ok();
    let effects = simulator.get("/admin/effects").await.ok();
    let [update, delete] = effects["effects"].as_array().unwrap().as_slice() else { panic!("{effects}") };
    assert_eq!(
        (&update["seq"], &update["operation"], &update["record"]),
        (&json!(1), &json!("update"), &json!(ADA))
    );
    assert_eq!(
        update["fields"],
        json!({"Name": "Ada", "Phone": null}),
        "what was empty before did not change"
    );
    assert_eq!((&delete["operation"], &delete["table"]), (&json!("delete"), &json!("tblCRM00000000004")));
}
