//! The raw ceiling: status merge patches with resourceVersion by several clients, each on objects of its own.

use std::time::{Duration, Instant};

use crds::{Saga, SagaSpec, reference::NameRef};
use futures::future::try_join_all;
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::Error;

/// Numbers of clients that are tried; the best counts.
const CLIENTS: [usize; 4] = [8, 16, 32, 64];
/// About as much status as a saga of three steps has, in bytes.
const FILLING: usize = 300;

/// The best that was measured.
pub struct Ceiling {
    /// With how many clients.
    pub clients: usize,
    /// Writes per second.
    pub writes: f64,
}

/// Measures each number of clients for `time`.
pub async fn best(client: &Client, time: Duration) -> Result<Ceiling, Error> {
    let mut best = Ceiling { clients: 0, writes: 0.0 };
    for clients in CLIENTS {
        let writes = measure(client, clients, time).await?;
        if writes > best.writes {
            best = Ceiling { clients, writes };
        }
    }
    Ok(best)
}

async fn measure(client: &Client, clients: usize, time: Duration) -> Result<f64, Error> {
    let begun = Instant::now();
    let counts =
        try_join_all((0..clients).map(|index| tokio::spawn(one(client.clone(), index, begun + time))))
            .await?;
    let total: usize = counts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    Ok(total as f64 / begun.elapsed().as_secs_f64())
}

/// One client: its object is made where missing, then patched until the time is over.
async fn one(client: Client, index: usize, until: Instant) -> Result<usize, Error> {
    let api: Api<Saga> = Api::namespaced(client, "ceiling");
    let name = format!("object-{index}");
    let mut object = if let Some(object) = api.get_opt(&name).await? {
        object
    } else {
        let workflow_ref = Some(NameRef { name: "nobody".to_owned() });
        let saga = Saga::new(&name, SagaSpec { workflow_ref, suspend: Some(true), ..SagaSpec::default() });
        api.create(&PostParams::default(), &saga).await?
    };
    let mut done = 0;
    while Instant::now() < until {
        let patch = json!({
            "metadata": { "resourceVersion": object.resource_version(), "uid": object.uid() },
            "status": { "waitingOn": format!("{done} {}", "x".repeat(FILLING)) },
        });
        match api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(written) => {
                object = written;
                done += 1;
            }
            // The operator looked at it too, once.
            Err(kube::Error::Api(status)) if status.code == 409 => object = api.get(&name).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
}
