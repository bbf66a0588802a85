//! How the schema fares, as a condition and a list in the status of a base. Pure.

use crds::{
    AirtableBase, AirtableBaseStatus,
    base_schema::{Drift, SchemaPolicy},
    condition::{ConditionStatus, SCHEMA_MATCHES},
    reason::Reason,
};
use jiff::Timestamp;
use schema::{Action, Change};

use super::schema::Outcome;
use crate::conditions::{Wanted, cut, settle};

/// Differences kept in a status at most.
const MOST_DRIFT: usize = 50;
/// Differences told in the condition at most.
const MOST_TOLD: usize = 5;
/// The longest text of a difference, in characters.
const LONGEST_TEXT: usize = 200;

/// Puts the condition `SchemaMatches` and the drift into a status; takes them away where no schema is declared.
pub fn put(base: &AirtableBase, outcome: Option<&Outcome>, status: &mut AirtableBaseStatus, now: Timestamp) {
    let (Some(declared), Some(outcome)) = (&base.spec.schema, outcome) else {
        status.drift.clear();
        return;
    };
    if let Outcome::Compared { left, .. } = outcome {
        status.drift = left.iter().take(MOST_DRIFT).map(in_short).collect();
    }
    let before = base.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let conditions = settle(vec![condition(outcome, declared.policy)], before, base.metadata.generation, now);
    status.conditions.extend(conditions);
}

fn in_short(change: &Change) -> Drift {
    let drift = Drift::from(change);
    let cut = |text: Option<String>| text.map(|text| cut(&text, LONGEST_TEXT));
    Drift { wanted: cut(drift.wanted), found: cut(drift.found), why: cut(drift.why), ..drift }
}

fn condition(outcome: &Outcome, policy: SchemaPolicy) -> Wanted {
    let (status, reason, message) = match outcome {
        Outcome::NotRead(why) => {
            (ConditionStatus::Unknown, Reason::SchemaNotRead, format!("the schema was not read: {why}"))
        }
        // Also where a write had no answer: it was found to be made.
        Outcome::Compared { left, .. } if left.is_empty() => {
            (ConditionStatus::True, Reason::SchemaMatches, Reason::SchemaMatches.meaning().to_owned())
        }
        Outcome::Compared { refused, .. } if !refused.is_empty() => {
            (ConditionStatus::False, Reason::SchemaWriteRefused, refused.join("; "))
        }
        Outcome::Compared { left, .. } => {
            let none_can = left.iter().all(|change| change.action == Action::CannotChange);
            let reason = if none_can { Reason::SchemaCannotChange } else { Reason::SchemaDrift };
            (ConditionStatus::False, reason, told(left, policy))
        }
    };
    Wanted { kind: SCHEMA_MATCHES, status, reason, message }
}

/// The first differences; those that the policy holds back are counted.
fn told(left: &[Change], policy: SchemaPolicy) -> String {
    let is_held =
        |change: &&Change| change.action != Action::CannotChange && !change.action.is_allowed(policy);
    let held = left.iter().filter(is_held).count();
    let mut parts: Vec<String> =
        left.iter().take(MOST_TOLD).map(|change| cut(&change.to_string(), LONGEST_TEXT)).collect();
    if left.len() > MOST_TOLD {
        parts.push(format!("{} more", left.len() - MOST_TOLD));
    }
    let held =
        if held > 0 { format!(" (policy {policy:?} leaves {held} of them to you)") } else { String::new() };
    format!("{}{held}: {}", differences(left.len()), parts.join("; "))
}

fn differences(count: usize) -> String {
    if count == 1 { "1 difference".to_owned() } else { format!("{count} differences") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DECLARED: &str = "
apiVersion: pyairtable.dev/v1alpha1
kind: AirtableBase
metadata: {name: crm, generation: 3}
spec:
  baseId: appAAAAAAAAAAAAAA
  tokenSecretRef: {name: t}
  schema:
    policy: Create
    tables:
    - name: People
      description: All
      fields: [{name: Name, type: singleLineText}, {name: Age, type: number}, {name: Twice, type: formula}]
";

    fn status(outcome: Option<&Outcome>) -> AirtableBaseStatus {
        let base: AirtableBase = serde_saphyr::from_str(DECLARED).unwrap();
        let mut status = AirtableBaseStatus::default();
        put(&base, outcome, &mut status, Timestamp::from_second(1_800_000_000).unwrap());
        status
    }

    fn compared(found: serde_json::Value) -> Outcome {
        let base: AirtableBase = serde_saphyr::from_str(DECLARED).unwrap();
        let found: Vec<airtable::Table> = serde_json::from_value(found).unwrap();
        Outcome::Compared { left: schema::plan(&base.spec.schema.unwrap().tables, &found), refused: vec![] }
    }

    #[test]
    fn drift_is_a_list_and_a_condition() {
        let found = json!([{"id": "tbl1", "name": "People", "primaryFieldId": "f", "fields": [{"id": "f", "name": "Name", "type": "singleLineText"}]}]);
        insta::assert_yaml_snapshot!(status(Some(&compared(found))), @r#"
        conditions:
          - type: SchemaMatches
            status: "False"
            observedGeneration: 3
            lastTransitionTime: "2027-01-15T08:00:00Z"
            reason: SchemaDrift
            message: "3 differences (policy Create leaves 1 of them to you): People.Age is to be created: number; description of People is nothing, not \"All\"; People.Twice is missing (Airtable's API can't create fields of type formula: create it in Airtable)"
        drift:
          - action: CreateField
            table: People
            field: Age
            what: field
            wanted: number
          - action: UpdateTable
            table: People
            what: description
            wanted: All
          - action: CannotChange
            table: People
            field: Twice
            what: field
            wanted: formula
            why: "Airtable's API can't create fields of type formula: create it in Airtable"
        "#);
    }

    #[test]
    fn what_is_left_decides_the_reason() {
        let reason = |outcome: &Outcome| status(Some(outcome)).conditions[0].reason.clone();
        let fields = |formula: &str| {
            json!([{"id": "tbl1", "name": "People", "description": "All", "primaryFieldId": "f", "fields": [
            {"id": "f", "name": "Name", "type": "singleLineText"}, {"id": "a", "name": "Age", "type": "number", "options": {"precision": 0}},
            {"id": "t", "name": "Twice", "type": formula}]}])
        };
        assert_eq!(reason(&compared(fields("formula"))), "SchemaMatches");
        assert_eq!(reason(&compared(fields("rollup"))), "SchemaCannotChange");
        assert_eq!(reason(&Outcome::NotRead("no answer".into())), "SchemaNotRead");
        let refused = |outcome| match outcome {
            Outcome::Compared { left, .. } => Outcome::Compared { left, refused: vec!["403 X: no".into()] },
            not_read @ Outcome::NotRead(_) => not_read,
        };
        assert_eq!(reason(&refused(compared(json!([])))), "SchemaWriteRefused");
        let made = refused(compared(fields("formula")));
        assert_eq!(reason(&made), "SchemaMatches", "a write without an answer was found to be made");
    }

    #[test]
    fn without_a_declaration_there_is_neither() {
        let status = status(None);
        assert!(status.conditions.is_empty() && status.drift.is_empty());
    }
}
