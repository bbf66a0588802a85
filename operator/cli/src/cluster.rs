//! The cluster by the rules of kubectl: `--kubeconfig`, `KUBECONFIG`, `~/.kube/config`, or the pod that this runs in.

use std::path::PathBuf;

use crds::{AirtableBase, reference::SecretKeyRef};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::error::Error;

/// Which cluster, and where in it.
#[derive(Debug, clap::Args)]
pub struct Cluster {
    /// Kubeconfig of the cluster; else that of KUBECONFIG, or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; else the current one
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Namespace of the base; else that of the context
    #[arg(long, short, global = true, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

/// A namespace of a cluster.
pub struct Namespace {
    client: Client,
    name: String,
}

impl Cluster {
    /// The namespace, if one is named.
    pub fn named_namespace(&self) -> Option<String> {
        self.namespace.clone()
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Namespace, Error> {
        let config = self.config().await?;
        let name = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| Error::Cluster(error.to_string()))?;
        Ok(Namespace { client, name })
    }

    async fn config(&self) -> Result<Config, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Cluster(error.to_string());
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        match &self.kubeconfig {
            Some(file) => {
                let read = Kubeconfig::read_from(file).map_err(|error| failed(&error))?;
                Config::from_custom_kubeconfig(read, &options).await.map_err(|error| failed(&error))
            }
            None if self.context.is_some() => {
                Config::from_kubeconfig(&options).await.map_err(|error| failed(&error))
            }
            None => Config::infer().await.map_err(|error| failed(&error)),
        }
    }
}

impl Namespace {
    /// A base by its name.
    pub async fn base(&self, name: &str) -> Result<AirtableBase, Error> {
        let api: Api<AirtableBase> = Api::namespaced(self.client.clone(), &self.name);
        api.get(name).await.map_err(|error| self.failed("AirtableBase", name, error))
    }

    /// The value of a key of a Secret.
    pub async fn secret(&self, reference: &SecretKeyRef) -> Result<String, Error> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.name);
        let mut secret =
            api.get(&reference.name).await.map_err(|error| self.failed("Secret", &reference.name, error))?;
        let value = secret.data.as_mut().and_then(|data| data.remove(reference.key()));
        let value = value.map(|value| String::from_utf8_lossy(&value.0).trim().to_owned());
        value.filter(|value| !value.is_empty()).ok_or_else(|| Error::Resource {
            what: format!("Secret {}/{}", self.name, reference.name),
            why: format!("it has no key {}, or it is empty", reference.key()),
        })
    }

    fn failed(&self, kind: &str, name: &str, error: kube::Error) -> Error {
        let why = match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        };
        Error::Resource { what: format!("{kind} {}/{name}", self.name), why }
    }
}
