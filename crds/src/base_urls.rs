//! What a base's gateway is asked for from outside of the cluster: attachments, and notifications of its webhook.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{
    reference::SecretKeyRef,
    url_rules::{are_hosts, is_url},
};

/// URLs of the gateway's own for attachments, which don't expire.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Attachments {
    /// Public URL of the gateway, under which whoever opens a link reaches its `/attachments/`.
    #[schemars(length(min = 8, max = 512))]
    #[x_kube(validation = Rule::new(is_url()).message("spec.attachments.url must be http:// or https:// and a host, without a user, ? and #, for example https://airtable.example.com"))]
    pub url: String,
    /// Where the keys that sign the URLs are: one a line, each of at least 32 characters. The first signs, all are good. A
    /// changed one is taken up without a restart.
    pub key_secret_ref: SecretKeyRef,
    /// Hosts that Airtable keeps content on: a name, or `*.` before one; https unless `http://` is before it.
    /// `*.airtableusercontent.com` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[x_kube(validation = Rule::new(are_hosts()).message("spec.attachments.hosts has names of hosts, with ports from 1 to 65535 if any, for example *.airtableusercontent.com or http://content.example.com:8090"))]
    pub hosts: Option<Vec<String>>,
}

/// A webhook of the gateway's own, by which it hears what others change in the base.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// URL under which Airtable reaches the gateway's `/api/airtable/webhooks/notify`.
    #[schemars(length(min = 8, max = 512))]
    #[x_kube(validation = Rule::new(is_url()).message("spec.cache.webhook.url must be http:// or https:// and a host, without a user, ? and #, for example https://airtable.example.com"))]
    pub url: String,
    /// Seconds between two looks whether the webhook is there and a notification was lost; 300 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub check_seconds: Option<i32>,
}
