//! Reads what a saga needs: its definition, where its worker is, where its bases are. No writes.

use std::collections::BTreeMap;

use crds::{AirtableBase, Saga, Workflow, reason::Reason, workflow::SagaTemplate};
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{Api, ResourceExt as _, runtime::reflector::ObjectRef};

use super::plan;
use crate::{
    base::{self, observe::read_secret},
    context::Context,
    hold,
    workflow::{self, revision},
};

/// What a saga needs to go on.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its steps and numbers.
    pub definition: SagaTemplate,
    /// The revision that holds the definition; none for inline steps.
    pub revision: Option<String>,
    /// Where its worker answers.
    pub worker_url: String,
    /// How to make ourselves known there.
    pub credential: Credential,
    /// URL of the gateway and id of the base, by name of the base.
    pub bases: BTreeMap<String, (String, String)>,
}

/// How the operator makes itself known to a worker.
#[derive(Debug, Clone)]
pub enum Credential {
    /// By a token of its own ServiceAccount for this audience.
    Audience(String),
    /// By a token that somebody put into a Secret.
    Token(Option<String>),
}

/// What keeps a saga from going on.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// Something that somebody has to mend, or that comes by itself.
    Of(Reason, String),
    /// The workflow has not been looked at yet.
    Wait,
}

/// Reads all of it; most comes from watches and from memory.
pub async fn observe(saga: &Saga, ctx: &Context) -> Result<Result<Observed, Trouble>, kube::Error> {
    let namespace = saga.namespace().unwrap_or_default();
    let Some(reference) = saga.spec.workflow_ref.as_ref().or(saga.spec.worker_ref.as_ref()) else {
        return Ok(Err(Trouble::Of(
            Reason::Invalid,
            "spec has neither workflowRef nor workerRef".to_owned(),
        )));
    };
    let Some(workflow) = ctx.workflows.get(&ObjectRef::new(&reference.name).within(&namespace)) else {
        let message = format!(
            "Workflow {} does not exist in this namespace: create it, or correct the name",
            reference.name
        );
        return Ok(Err(Trouble::Of(Reason::WorkflowMissing, message)));
    };
    let has_begun = saga.status.as_ref().is_some_and(|status| status.start_time.is_some());
    if workflow.metadata.deletion_timestamp.is_some() && !has_begun {
        let message =
            format!("Workflow {} is being deleted: create it again once it is gone", reference.name);
        return Ok(Err(Trouble::Of(Reason::WorkflowMissing, message)));
    }
    let (template, revision) = match saga.spec.workflow_ref {
        None => (None, None),
        Some(_) => match pinned(saga, &workflow, ctx).await? {
            Err(trouble) => return Ok(Err(trouble)),
            Ok((template, revision)) => (Some(template), Some(revision)),
        },
    };
    let Some(definition) = plan::definition(saga, template.as_deref()) else {
        return Ok(Err(Trouble::Of(Reason::Invalid, "spec has neither workflowRef nor steps".to_owned())));
    };
    let Some(worker_url) = workflow::endpoint(&workflow) else { return Ok(Err(Trouble::Wait)) };
    let credential = match credential(&workflow, &namespace, ctx).await? {
        Ok(credential) => credential,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let bases = bases(&definition, saga, ctx);
    Ok(Ok(Observed { definition, revision, worker_url, credential, bases }))
}

/// The definition that the saga started with, or starts with now.
async fn pinned(
    saga: &Saga,
    workflow: &Workflow,
    ctx: &Context,
) -> Result<Result<(std::sync::Arc<SagaTemplate>, String), Trouble>, kube::Error> {
    let namespace = saga.namespace().unwrap_or_default();
    let kept = saga.status.as_ref().and_then(|status| status.revision.clone());
    let current = revision::name(&workflow.name_any(), &workflow.spec.saga_template);
    let wanted = kept.clone().unwrap_or_else(|| current.clone());
    if let Some(template) = ctx.live.template(&namespace, &wanted) {
        return Ok(Ok((template, wanted)));
    }
    let is_stored =
        workflow.status.as_ref().and_then(|status| status.current_revision.as_ref()) == Some(&current);
    if wanted == current && is_stored {
        let template = ctx.live.keep_template(&namespace, &wanted, workflow.spec.saga_template.clone());
        return Ok(Ok((template, wanted)));
    }
    if kept.is_none() {
        return Ok(Err(Trouble::Wait));
    }
    let api: Api<ControllerRevision> = Api::namespaced(ctx.client.clone(), &namespace);
    let lost = |why: &str| {
        Trouble::Of(Reason::RevisionLost, format!("ControllerRevision {wanted} {why}: restore it"))
    };
    Ok(match api.get_opt(&wanted).await? {
        None => Err(lost("is gone")),
        Some(found) => match revision::template(&found) {
            Err(error) => Err(lost(&format!("can't be read ({error})"))),
            Ok(template) => Ok((ctx.live.keep_template(&namespace, &wanted, template), wanted)),
        },
    })
}

async fn credential(
    workflow: &Workflow,
    namespace: &str,
    ctx: &Context,
) -> Result<Result<Credential, Trouble>, kube::Error> {
    let external = workflow.spec.worker.as_ref().and_then(|worker| worker.external.as_ref());
    let Some(external) = external else {
        return Ok(Ok(Credential::Audience(workflow::audience(namespace, &workflow.name_any()))));
    };
    let Some(reference) = &external.token_secret_ref else { return Ok(Ok(Credential::Token(None))) };
    let token = read_secret(ctx, namespace, reference).await?.filter(|token| !token.is_empty());
    let missing = || {
        let message =
            format!("Secret {} with a key {} does not exist: create it", reference.name, reference.key());
        Trouble::Of(Reason::SecretMissing, message)
    };
    Ok(token.map(|token| Credential::Token(Some(token))).ok_or_else(missing))
}

/// URL and id of each base that serves the saga.
fn bases(definition: &SagaTemplate, saga: &Saga, ctx: &Context) -> BTreeMap<String, (String, String)> {
    let namespace = saga.namespace().unwrap_or_default();
    let find = |name: &str| {
        let base = ctx.bases.get(&ObjectRef::<AirtableBase>::new(name).within(&namespace))?;
        hold::serves(&base, saga)
            .then_some((name.to_owned(), (base::endpoint(&base)?, base.spec.base_id.clone())))
    };
    definition.bases().into_iter().filter_map(find).collect()
}

/// Names of the bases that a saga uses; none while its definition has not been read.
pub fn known_bases(saga: &Saga, ctx: &Context) -> Option<Vec<String>> {
    let revision = saga.status.as_ref().and_then(|status| status.revision.as_ref());
    let template = match revision {
        Some(revision) => Some(ctx.live.template(&saga.namespace().unwrap_or_default(), revision)?),
        None => None,
    };
    let definition = plan::definition(saga, template.as_deref())?;
    Some(definition.bases().into_iter().map(str::to_owned).collect())
}
