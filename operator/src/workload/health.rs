//! How a workload fares, from its Deployment and its pods. Pure.

use crds::reason::Reason;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ContainerStatus, Pod},
};

use crate::conditions::Verdict;

/// How long nodes may take to route to a pod that has become ready.
const ROUTING: SignedDuration = SignedDuration::from_secs(15);
/// Restarts after which a container counts as failing.
const RESTARTS: i32 = 3;

/// How many pods there are, and what to say of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Pods.
    pub replicas: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Ready when all wanted pods are, as a Deployment is available of which none may be missing.
    pub verdict: Verdict,
}

/// Judges a Deployment whose pods are `pods`.
pub fn judge(deployment: &Deployment, pods: &[Pod]) -> Health {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let is_current = status.observed_generation.unwrap_or(0) >= deployment.metadata.generation.unwrap_or(0);
    let (replicas, ready) = (status.replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
    let updated = status.updated_replicas.unwrap_or(0);
    // As long as pods are replaced one by one, those that are ready may be old ones.
    let is_rolled_out = is_current && updated >= wanted && replicas <= updated;
    let verdict = if is_rolled_out && ready >= wanted {
        Verdict::Ready
    } else {
        pods.iter().find_map(trouble).or_else(|| refused(deployment)).unwrap_or_else(|| {
            Verdict::Reconciling(Reason::PodsNotReady, format!("{ready} of {wanted} pods are ready"))
        })
    };
    Health { replicas, ready, verdict }
}

/// True when the pods became ready so recently that the nodes may not route to them yet.
pub fn is_just_available(deployment: &Deployment, now: Timestamp) -> bool {
    let conditions = deployment.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions.unwrap_or_default().iter().any(|condition| {
        let since = condition.last_transition_time.as_ref().map(|time| time.0);
        condition.type_ == "Available"
            && condition.status == "True"
            && since.is_some_and(|since| now.duration_since(since) < ROUTING)
    })
}

/// What keeps a pod from becoming ready, where waiting alone will not help.
fn trouble(pod: &Pod) -> Option<Verdict> {
    let name = pod.metadata.name.as_deref().unwrap_or("?");
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    containers.iter().find_map(|container| waiting(name, container))
}

fn waiting(pod: &str, container: &ContainerStatus) -> Option<Verdict> {
    let state = container.state.as_ref()?.waiting.as_ref()?;
    let (reason, message) = (state.reason.as_deref()?, state.message.as_deref().unwrap_or(""));
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull"
        | "ErrImageNotFound" => Some(Verdict::Stalled(
            Reason::ImageNotAvailable,
            format!("pod {pod} can't get image {}: {message}", container.image),
        )),
        "CrashLoopBackOff" if container.restart_count >= RESTARTS => Some(Verdict::Stalled(
            Reason::PodsFailing,
            format!("pod {pod} has ended {} times: kubectl logs {pod} --previous", container.restart_count),
        )),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(Verdict::Stalled(Reason::PodsFailing, format!("pod {pod} can't start: {message}")))
        }
        _ => None,
    }
}

/// What the API server refused the Deployment's pods for: quota, policy.
fn refused(deployment: &Deployment) -> Option<Verdict> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions
        .iter()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    Some(Verdict::Stalled(Reason::PodsFailing, failure.message.clone().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(ready: i32) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"generation": 2}, "spec": {"replicas": 1, "selector": {}, "template": {}},
            "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready},
        }))
        .unwrap()
    }

    fn pod(reason: &str, restarts: i32) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "crm-1"},
            "status": {"containerStatuses": [{
                "name": "gateway", "image": "nowhere/x:1", "imageID": "", "ready": false, "restartCount": restarts,
                "state": {"waiting": {"reason": reason, "message": "not found"}},
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn all_pods_ready_is_ready() {
        assert_eq!(judge(&deployment(1), &[]).verdict, Verdict::Ready);
    }

    #[test]
    fn a_rollout_that_lasts_and_a_pod_that_is_missing_are_on_their_way_while_others_serve() {
        let judged = |replicas: i32, updated: i32, ready: i32| {
            let mut deployment = deployment(ready);
            deployment.spec.as_mut().unwrap().replicas = Some(3);
            let status = deployment.status.as_mut().unwrap();
            (status.replicas, status.updated_replicas) = (Some(replicas), Some(updated));
            judge(&deployment, &[]).verdict
        };
        let on_its_way =
            |told: &str| Verdict::Reconciling(Reason::PodsNotReady, format!("{told} of 3 pods are ready"));
        assert_eq!(judged(3, 3, 3), Verdict::Ready);
        assert_eq!(judged(3, 3, 2), on_its_way("2"));
        assert_eq!(judged(4, 1, 3), on_its_way("3"));
        assert_eq!(judged(4, 3, 3), on_its_way("3"), "two of them are new and one is old");
    }

    #[test]
    fn pods_that_became_ready_a_moment_ago_may_not_be_reachable_yet() {
        let mut deployment = deployment(1);
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let available = json!([{"type": "Available", "status": "True", "lastTransitionTime": since}]);
        deployment.status.as_mut().unwrap().conditions = serde_json::from_value(available).unwrap();
        assert!(is_just_available(&deployment, since + SignedDuration::from_secs(5)));
        assert!(!is_just_available(&deployment, since + SignedDuration::from_secs(15)));
    }

    #[test]
    fn a_bad_image_stalls_and_names_the_image() {
        let Verdict::Stalled(reason, message) = judge(&deployment(0), &[pod("ImagePullBackOff", 0)]).verdict
        else {
            panic!()
        };
        assert_eq!(reason, Reason::ImageNotAvailable);
        assert!(message.contains("nowhere/x:1"), "{message}");
    }

    #[test]
    fn a_container_that_keeps_ending_stalls_and_one_that_ended_once_does_not() {
        assert!(matches!(
            judge(&deployment(0), &[pod("CrashLoopBackOff", 3)]).verdict,
            Verdict::Stalled(Reason::PodsFailing, _)
        ));
        assert!(matches!(
            judge(&deployment(0), &[pod("CrashLoopBackOff", 1)]).verdict,
            Verdict::Reconciling(..)
        ));
    }
}
