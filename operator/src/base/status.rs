//! The status of a base, from what was declared, deployed and seen. Pure, but for `refused`.

use crds::{AirtableBase, AirtableBaseStatus, airtable_base::Endpoint, reason::Reason};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{
    Error,
    build::endpoint,
    drift,
    observe::{Gateway, Seen},
    schema::Outcome,
};
use crate::{
    conditions::{Verdict, of_verdict},
    context::Context,
    status::conclude,
    workload::{Deployed, health, selector_text},
};

/// The status and the verdict that it carries. What is invalid comes first, then the pods, then the gateway.
pub fn status(
    base: &AirtableBase,
    valid: Verdict,
    deployed: Option<&Deployed>,
    seen: &Seen,
    now: Timestamp,
) -> (AirtableBaseStatus, Verdict) {
    let before = base.status.clone().unwrap_or_default();
    let health = deployed.map(|deployed| health::judge(&deployed.deployment, &seen.pods));
    let pods = health.as_ref().map_or(Verdict::Ready, |health| health.verdict.clone());
    let verdict = match (valid, pods, seen.gateway.as_ref().map(of_gateway)) {
        (invalid @ Verdict::Stalled(..), ..) => invalid,
        (_, pods @ (Verdict::Stalled(..) | Verdict::Reconciling(..)), _) => pods,
        (_, _, None) => {
            Verdict::Reconciling(Reason::PodsNotReady, "the gateway is scaled to 0 pods".to_owned())
        }
        (_, _, Some(trouble @ (Verdict::Stalled(..) | Verdict::Reconciling(..)))) => trouble,
        (valid, _, Some(Verdict::Ready)) => valid,
    };
    let tables = match &seen.gateway {
        Some(Gateway::Ready(Ok(tables))) => Some(tables.clone()),
        _ => None,
    };
    let status = AirtableBaseStatus {
        observed_generation: base.metadata.generation,
        conditions: of_verdict(&verdict, &before.conditions, base.metadata.generation, now),
        gateway: endpoint(base).map(|url| Endpoint { url }),
        table_count: tables.as_ref().map(|tables| tables.count).or(before.table_count),
        schema_hash: tables.as_ref().map(|tables| tables.hash.clone()).or(before.schema_hash),
        tables: tables.map_or(before.tables, |tables| tables.tables),
        replicas: health.as_ref().map(|health| health.replicas),
        ready_replicas: health.as_ref().map(|health| health.ready),
        selector: deployed.map(|_| selector_text("gateway", &base.name_any())),
        drift: before.drift,
    };
    (status, verdict)
}

fn of_gateway(gateway: &Gateway) -> Verdict {
    match gateway {
        Gateway::Ready(Ok(_)) => Verdict::Ready,
        Gateway::Ready(Err(why)) => Verdict::Reconciling(
            Reason::GatewayUnreachable,
            format!("the gateway is ready, but the schema can't be read: {why}"),
        ),
        Gateway::Unreachable(why) => Verdict::Reconciling(
            Reason::GatewayUnreachable,
            format!("the gateway does not answer the operator: {why}"),
        ),
        Gateway::NotReady(checks) => not_ready(checks),
    }
}

/// What somebody has to mend comes first.
fn not_ready(checks: &[String]) -> Verdict {
    let verdicts = || checks.iter().map(|check| of_check(check));
    let stalled = verdicts().find(|verdict| matches!(verdict, Verdict::Stalled(..)));
    stalled.or_else(|| verdicts().next()).unwrap_or_else(|| of_check("not ready, and it does not say why"))
}

/// The message of a check begins with a reason and a colon.
fn of_check(why: &str) -> Verdict {
    let (word, rest) = why.split_once(':').unwrap_or(("", why));
    let rest = rest.trim().to_owned();
    match word.trim() {
        "TokenRefused" => {
            Verdict::Stalled(Reason::TokenRefused, format!("Airtable refuses the token: {rest}"))
        }
        "BaseNotFound" => Verdict::Stalled(
            Reason::BaseNotFound,
            format!("Airtable does not know the base, or the token has no access to it: {rest}"),
        ),
        "CertificateUnusable" => Verdict::Stalled(
            Reason::CertificateUnusable,
            format!("TLS can't be served with the Secret of spec.tls: {rest}"),
        ),
        "AttachmentKeysUnusable" => Verdict::Stalled(
            Reason::AttachmentKeysUnusable,
            format!("links to attachments can't be signed with the Secret of spec.attachments: {rest}"),
        ),
        "StoreUnreachable" => {
            Verdict::Stalled(Reason::StoreUnreachable, format!("the store can't be used: {rest}"))
        }
        "TokenMissing" => Verdict::Reconciling(
            Reason::Reconciling,
            format!("the gateway waits for the token to reach it: {rest}"),
        ),
        "Unreachable" => {
            Verdict::Stalled(Reason::UpstreamUnreachable, format!("Airtable can't be reached: {rest}"))
        }
        _ => Verdict::Reconciling(Reason::Reconciling, why.to_owned()),
    }
}

/// Says why the children stay as they are; the next pass tries again.
pub async fn refused(
    base: &AirtableBase,
    reason: Reason,
    why: String,
    ctx: &Context,
) -> Result<Verdict, Error> {
    let verdict = Verdict::Stalled(reason, why.clone());
    let mut status = base.status.clone().unwrap_or_default();
    status.observed_generation = base.metadata.generation;
    status.conditions = of_verdict(&verdict, &status.conditions, base.metadata.generation, Timestamp::now());
    let not_read = base.spec.schema.is_some().then(|| Outcome::NotRead(why));
    drift::put(base, not_read.as_ref(), &mut status, Timestamp::now());
    conclude(base, status, ctx).await?;
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::observe;

    #[test]
    fn what_the_gateway_says_becomes_a_reason() {
        let not_ready =
            |checks: &[&str]| not_ready(&checks.iter().copied().map(str::to_owned).collect::<Vec<_>>());
        let verdict = not_ready(&["TokenRefused: 401 Authentication required"]);
        assert_eq!(
            verdict,
            Verdict::Stalled(
                Reason::TokenRefused,
                "Airtable refuses the token: 401 Authentication required".into()
            )
        );
        assert!(matches!(
            not_ready(&["Unreachable: connection refused"]),
            Verdict::Stalled(Reason::UpstreamUnreachable, _)
        ));
        assert!(matches!(not_ready(&["starting"]), Verdict::Reconciling(..)));
        assert!(matches!(not_ready(&[]), Verdict::Reconciling(..)));
        assert!(matches!(
            not_ready(&["AttachmentKeysUnusable: /keys: a key has fewer than 32 characters"]),
            Verdict::Stalled(Reason::AttachmentKeysUnusable, message) if message.ends_with("32 characters")
        ));
        let ledger_in_the_store = ["LedgerUnwritable: timed out", "StoreUnreachable: timed out"];
        assert_eq!(
            not_ready(&ledger_in_the_store),
            Verdict::Stalled(Reason::StoreUnreachable, "the store can't be used: timed out".into())
        );
    }

    #[test]
    fn what_is_amiss_in_a_check_that_holds_is_not_why_a_gateway_is_not_ready() {
        let checks = ["ok", "ok, but x", "TokenMissing: x"].map(|said| (said.to_owned(), said.to_owned()));
        assert_eq!(observe::failing(checks.into()), ["TokenMissing: x"]);
    }
}
