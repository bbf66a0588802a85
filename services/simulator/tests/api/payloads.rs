//! Payloads of webhooks: who is told what, in which words.

use serde_json::{Value, json};

use crate::{
    support::{ADA, BASE, BLUE, Simulator},
    webhooks::{data_hook, hook, payloads, update},
};

const CUSTOMERS: &str = "tblCRM00000000001";
const META: &str = "/v0/meta/bases/appCRM00000000001/tables";

/// The changes of Customers in the newest payload.
async fn newest(simulator: &Simulator, hook: &str) -> Value {
    payloads(simulator, hook).await.last().unwrap()["changedTablesById"][CUSTOMERS].clone()
}

async fn field(simulator: &Simulator, table: &str, name: &str) -> String {
    let schema = simulator.get(META).await.ok();
    let tables = schema["tables"].as_array().unwrap();
    let table = tables.iter().find(|known| known["name"] == table).unwrap();
    let field = table["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap();
    field["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_request_that_changes_records_is_one_payload() {
    let simulator = Simulator::new();
    let hook = data_hook(&simulator, json!({}), json!({})).await;
    let name = field(&simulator, "Customers", "Name").await;
    let two = json!({"records": [{"fields": {"Name": "One"}}, {"fields": {"Name": "Two"}}]});
    let made = simulator.post(&format!("{BASE}/Customers"), two).await.ok();
    update(&simulator, json!({"Name": "Ada"})).await;
    update(&simulator, json!({"Name": "Ada"})).await;
    simulator.get(&format!("{BASE}/Customers")).await.ok();
    simulator.post(&format!("{BASE}/Customers/{BLUE}/comments"), json!({"text": "x"})).await.ok();
    let one = made["records"][0]["id"].as_str().unwrap();
    simulator.delete(&format!("{BASE}/Customers/{one}")).await.ok();
    let payloads = payloads(&simulator, &hook).await;
    let changes: Vec<&Value> =
        payloads.iter().map(|payload| &payload["changedTablesById"][CUSTOMERS]).collect();
    assert_eq!(changes.len(), 3, "what changes nothing is told to nobody: {payloads:?}");
    let created = &changes[0]["createdRecordsById"][one];
    assert_eq!(
        (&created["cellValuesByFieldId"], &created["createdTime"]),
        (&json!({&name: "One"}), &made["records"][0]["createdTime"])
    );
    assert_eq!(changes[0]["createdRecordsById"].as_object().unwrap().len(), 2);
    let renamed = json!({"changedRecordsById": {ADA: {"current": {"cellValuesByFieldId": {&name: "Ada"}}}}});
    assert_eq!(changes[1], &renamed);
    assert_eq!(changes[2], &json!({"destroyedRecordIds": [one]}));
    let numbers: Vec<u64> =
        payloads.iter().map(|payload| payload["baseTransactionNumber"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let action = &payloads[0]["actionMetadata"];
    assert_eq!((&payloads[0]["payloadFormat"], &action["source"]), (&json!("v0"), &json!("publicApi")));
    assert_eq!(action["sourceMetadata"]["user"]["permissionLevel"], "create");
}

#[tokio::test]
async fn filters_bound_what_is_told() {
    let simulator = Simulator::new();
    let (name, notes) =
        (field(&simulator, "Customers", "Name").await, field(&simulator, "Customers", "Notes").await);
    let elsewhere = data_hook(&simulator, json!({"recordChangeScope": "tblCRM00000000002"}), json!({})).await;
    let removals = data_hook(&simulator, json!({"changeTypes": ["remove"]}), json!({})).await;
    let people = data_hook(&simulator, json!({"fromSources": ["client", "automation"]}), json!({})).await;
    let watching = data_hook(
        &simulator,
        json!({"watchDataInFieldIds": [notes], "recordChangeScope": CUSTOMERS}),
        json!({}),
    )
    .await;
    let fields_only = hook(&simulator, json!({"filters": {"dataTypes": ["tableFields"]}})).await;
    update(&simulator, json!({"Name": "Ada"})).await;
    update(&simulator, json!({"Name": "Eve", "Notes": "new"})).await;
    for hook in [&elsewhere, &removals, &people, &fields_only] {
        assert_eq!(payloads(&simulator, hook).await, Vec::<Value>::new(), "{hook}");
    }
    assert_eq!(payloads(&simulator, &watching).await.len(), 1);
    let current = &newest(&simulator, &watching).await["changedRecordsById"][ADA]["current"];
    assert_eq!(current["cellValuesByFieldId"], json!({&notes: "new"}), "without {name}");
    let additions = data_hook(&simulator, json!({"changeTypes": ["add"]}), json!({})).await;
    let empty = simulator.post(&format!("{BASE}/Customers"), json!({"fields": {}})).await.ok();
    let created = &newest(&simulator, &additions).await["createdRecordsById"];
    assert_eq!(created[empty["id"].as_str().unwrap()]["cellValuesByFieldId"], json!({}));
    assert_eq!(payloads(&simulator, &watching).await.len(), 1, "nothing of it is watched");
    simulator.delete(&format!("{BASE}/Customers/{BLUE}")).await.ok();
    assert_eq!(newest(&simulator, &removals).await["destroyedRecordIds"], json!([BLUE]));
}

#[tokio::test]
async fn includes_add_what_was_before_and_what_did_not_change() {
    let simulator = Simulator::new();
    let (name, notes) =
        (field(&simulator, "Customers", "Name").await, field(&simulator, "Customers", "Notes").await);
    let includes = json!({"includePreviousCellValues": true, "includeCellValuesInFieldIds": [name, notes]});
    let some = data_hook(&simulator, json!({}), includes).await;
    let all = data_hook(&simulator, json!({}), json!({"includeCellValuesInFieldIds": "all"})).await;
    update(&simulator, json!({"Notes": "old"})).await;
    update(&simulator, json!({"Notes": null})).await;
    let change = &newest(&simulator, &some).await["changedRecordsById"][ADA];
    let values = |part: &str| change[part]["cellValuesByFieldId"].clone();
    assert_eq!(values("current"), json!({&notes: null}));
    assert_eq!(values("previous"), json!({&notes: "old"}));
    assert_eq!(values("unchanged"), json!({&name: "Ada's Bakery"}));
    let everything =
        &newest(&simulator, &all).await["changedRecordsById"][ADA]["unchanged"]["cellValuesByFieldId"];
    let schema = simulator.get(META).await.ok();
    let fields = schema["tables"][0]["fields"].as_array().unwrap().len();
    assert_eq!(
        everything.as_object().unwrap().len(),
        fields - 1,
        "all but the one that changed, computed ones too"
    );
}

#[tokio::test]
async fn a_view_as_scope_is_told_of_by_view() {
    let simulator = Simulator::new();
    let schema = simulator.get(META).await.ok();
    let view = schema["tables"][0]["views"][0]["id"].as_str().unwrap();
    let hook = data_hook(&simulator, json!({"recordChangeScope": view}), json!({})).await;
    update(&simulator, json!({"Name": "Ada"})).await;
    simulator.delete(&format!("{BASE}/Customers/{BLUE}")).await.ok();
    simulator.delete(&format!("{BASE}/Audit/recCRM00000000401")).await.ok();
    let payloads = payloads(&simulator, &hook).await;
    let views = |payload: &Value| payload["changedTablesById"][CUSTOMERS]["changedViewsById"][view].clone();
    assert!(views(&payloads[0])["changedRecordsById"][ADA].is_object());
    assert_eq!((views(&payloads[1])["destroyedRecordIds"].clone(), payloads.len()), (json!([BLUE]), 2));
}

#[tokio::test]
async fn choices_links_and_users_are_told_in_full() {
    let simulator = Simulator::new();
    let table = json!({"name": "Kinds", "fields": [
        {"name": "Name", "type": "singleLineText"},
        {"name": "One", "type": "singleSelect", "options": {"choices": [{"name": "red", "color": "redBright"}]}},
        {"name": "Many", "type": "multipleSelects", "options": {"choices": [{"name": "blue"}]}},
        {"name": "Customers", "type": "multipleRecordLinks", "options": {"linkedTableId": CUSTOMERS}},
        {"name": "Who", "type": "singleCollaborator"},
    ]});
    let table = simulator.post(META, table).await.ok();
    let ids: Vec<&str> =
        table["fields"].as_array().unwrap().iter().map(|field| field["id"].as_str().unwrap()).collect();
    let hook = data_hook(&simulator, json!({"recordChangeScope": table["id"]}), json!({})).await;
    let me = simulator.get("/v0/meta/whoami").await.ok();
    let fields =
        json!({"Name": "x", "One": "red", "Many": ["blue"], "Customers": [ADA], "Who": {"id": me["id"]}});
    let made = simulator.post(&format!("{BASE}/Kinds"), json!({"fields": fields})).await.ok();
    let payload = payloads(&simulator, &hook).await.remove(0);
    let tables = payload["changedTablesById"].as_object().unwrap();
    assert_eq!(tables.len(), 1, "the other side of the link is out of scope");
    let values = &tables[table["id"].as_str().unwrap()]["createdRecordsById"][made["id"].as_str().unwrap()]["cellValuesByFieldId"];
    assert_eq!((&values[ids[1]]["name"], &values[ids[1]]["color"]), (&json!("red"), &json!("redBright")));
    assert!(values[ids[1]]["id"].as_str().unwrap().starts_with("sel"));
    assert_eq!(values[ids[2]][0]["name"], "blue");
    assert_eq!(values[ids[3]], json!([{"id": ADA, "name": "Ada's Bakery"}]));
    assert_eq!(values[ids[4]]["permissionLevel"], "create");
}

#[tokio::test]
async fn previous_values_name_links_as_they_were_called_before() {
    let simulator = Simulator::new();
    let previous = data_hook(&simulator, json!({}), json!({"includePreviousCellValues": true})).await;
    let (orders, customer) =
        (field(&simulator, "Customers", "Orders").await, field(&simulator, "Orders", "Customer").await);
    let customers = format!("{BASE}/Customers");
    let fields = json!({"Name": "Cyd", "Orders": ["recCRM00000000201"]});
    let cyd = simulator.post(&customers, json!({"fields": fields})).await.ok()["id"].take();
    let renamed = json!({"fields": {"Name": "Dan", "Orders": []}});
    simulator.patch(&format!("{customers}/{}", cyd.as_str().unwrap()), renamed).await.ok();
    let told = payloads(&simulator, &previous).await;
    let before = |payload: &Value, table: &str, record: &str, field: &str| {
        payload["changedTablesById"][table]["changedRecordsById"][record]["previous"]["cellValuesByFieldId"]
            [field]
            .clone()
    };
    let was = before(told.last().unwrap(), "tblCRM00000000002", "recCRM00000000201", &customer);
    assert!(was.as_array().unwrap().contains(&json!({"id": cyd, "name": "Cyd"})), "{was}");
    let name = simulator.get(&format!("{BASE}/Orders/recCRM00000000202")).await.ok();
    let name = name["fields"]["Order"].clone();
    simulator.delete(&format!("{BASE}/Orders/recCRM00000000202")).await.ok();
    let told = payloads(&simulator, &previous).await;
    let was = told.last().unwrap()["changedTablesById"][CUSTOMERS]["changedRecordsById"].clone();
    let (_, change) = was.as_object().unwrap().iter().next().unwrap();
    let was = &change["previous"]["cellValuesByFieldId"][&orders];
    assert!(was.as_array().unwrap().contains(&json!({"id": "recCRM00000000202", "name": name})), "{was}");
}

#[tokio::test]
async fn collaborators_are_told_with_what_is_granted_to_them() {
    let mut world: Value = serde_json::to_value(simulator::Fixture::sample().unwrap()).unwrap();
    let person = |number: u8, name: &str| json!({"id": format!("usrCRM0000000000{number}"), "email": format!("{name}@example.com"), "name": name});
    world["user"]["colleagues"] =
        json!([person(2, "Eve"), person(3, "Gus"), person(4, "Wim"), person(5, "Zoe")]);
    let group = json!({"id": "ugpCRM00000000001", "name": "Sales", "memberIds": ["usrCRM00000000002", "usrCRM00000000003"]});
    let owner = json!({"userId": "usrCRM00000000004", "permissionLevel": "owner"});
    let workspace = world["bases"][0]["workspaceId"].clone();
    world["account"] = json!({"enterprise": {"id": "entCRM00000000001", "groups": [group]},
        "workspaces": [{"id": workspace, "name": "Team", "collaborators": [owner]}]});
    world["bases"][0]["sharing"] = json!({"collaborators": [
        {"userId": "usrCRM00000000002", "permissionLevel": "edit"}, {"groupId": "ugpCRM00000000001", "permissionLevel": "comment"}]});
    let simulator = crate::support::own(&world);
    let who = json!({"name": "Who", "type": "multipleCollaborators"});
    let who = simulator.post(&format!("{META}/{CUSTOMERS}/fields"), who).await.ok()["id"].take();
    let hook = data_hook(&simulator, json!({}), json!({})).await;
    let me = simulator.get("/v0/meta/whoami").await.ok()["id"].take();
    let everybody: Vec<Value> = std::iter::once(json!({"id": me}))
        .chain((2..=5).map(|number| json!({"id": format!("usrCRM0000000000{number}")})))
        .collect();
    update(&simulator, json!({"Who": everybody})).await;
    let current =
        newest(&simulator, &hook).await["changedRecordsById"][ADA]["current"]["cellValuesByFieldId"]
            [who.as_str().unwrap()]
        .clone();
    let levels: Vec<&Value> =
        current.as_array().unwrap().iter().map(|person| &person["permissionLevel"]).collect();
    assert_eq!(levels, ["create", "edit", "comment", "owner", "none"], "{current}");
}

#[tokio::test]
async fn changes_of_the_schema_are_told_to_who_asks() {
    let simulator = Simulator::new();
    let all = json!({"filters": {"dataTypes": ["tableData", "tableFields", "tableMetadata"]}, "includes": {"includePreviousFieldDefinitions": true}});
    let all = hook(&simulator, all).await;
    let updates =
        hook(&simulator, json!({"filters": {"dataTypes": ["tableFields"], "changeTypes": ["update"]}})).await;
    let name = field(&simulator, "Customers", "Name").await;
    let created = json!({"name": "New", "fields": [{"name": "Title", "type": "singleLineText"}]});
    let table = simulator.post(META, created).await.ok();
    let (table, title) = (table["id"].as_str().unwrap(), &table["fields"][0]["id"]);
    simulator.patch(&format!("{META}/{table}"), json!({"name": "Newer", "description": "d"})).await.ok();
    simulator.patch(&format!("{META}/{CUSTOMERS}/fields/{name}"), json!({"name": "Called"})).await.ok();
    let number = json!({"name": "Count", "type": "number", "options": {"precision": 0}});
    let number = simulator.post(&format!("{META}/{table}/fields"), number).await.ok();
    let told = payloads(&simulator, &all).await;
    let made = &told[0]["createdTablesById"][table];
    assert_eq!(made["metadata"], json!({"name": "New", "description": null}));
    assert_eq!(
        made["fieldsById"][title.as_str().unwrap()],
        json!({"name": "Title", "type": "singleLineText"})
    );
    let renamed = json!({"current": {"name": "Newer", "description": "d"}, "previous": {"name": "New", "description": null}});
    assert_eq!(told[1]["changedTablesById"][table], json!({"changedMetadata": renamed}));
    let called = json!({"current": {"name": "Called"}, "previous": {"name": "Name"}});
    assert_eq!(told[2]["changedTablesById"][CUSTOMERS]["changedFieldsById"][&name], called);
    let added =
        json!({"createdFieldsById": {number["id"].as_str().unwrap(): {"name": "Count", "type": "number"}}});
    assert_eq!(told[3]["changedTablesById"][table], added);
    let only = payloads(&simulator, &updates).await;
    assert_eq!(only.len(), 1);
    let change = &only[0]["changedTablesById"][CUSTOMERS]["changedFieldsById"][&name];
    assert_eq!(*change, json!({"current": {"name": "Called"}}), "without what it was before");
}
