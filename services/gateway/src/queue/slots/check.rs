//! Whether slots could be had, were they asked for.

use std::{path::PathBuf, sync::Arc};

use auth::SecretFile;
use valkey::{Script, Valkey};

use super::keys;
use crate::store::Store;

/// What tells of it; clones share it.
#[derive(Clone)]
pub struct Check(Arc<Asked>);

struct Asked {
    store: Valkey,
    script: Script,
    base: String,
    token: SecretFile,
}

impl Check {
    /// Of the slots of `base` and of the token in a file.
    pub fn new(store: &Store, base: &str, token: PathBuf) -> Self {
        Self(Arc::new(Asked {
            store: store.valkey.clone(),
            script: Script::new(include_str!("check.lua")),
            base: base.to_owned(),
            token: SecretFile::new(token),
        }))
    }

    /// If not, why, beginning with a reason. A server that answers may refuse scripts: a cluster, or for want of rights.
    pub async fn check(&self) -> Result<(), String> {
        let Asked { store, script, base, token } = &*self.0;
        let checked = store.script::<()>(script, &keys(base, token), &[""; 0]).await;
        checked.map_err(|error| format!("StoreUnreachable: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Duration};

    use tempfile::TempDir;
    use valkey::{cmd, testing::Server};

    use super::*;

    /// The check of a gateway that goes to `server`.
    fn of(server: &Server) -> (Check, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        std::fs::write(&token, "pat-of-the-gateway").unwrap();
        let store = Store { valkey: Valkey::open(server.source()).unwrap(), replica: "a".to_owned() };
        (Check::new(&store, "appAAAAAAAAAAAAAA", token), folder)
    }

    /// What it says once it says `wanted`.
    async fn told(check: &Check, wanted: &str) -> String {
        for _ in 0..1000 {
            match check.check().await {
                Err(why) if why.contains(wanted) => return why,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("never: {wanted}")
    }

    #[tokio::test]
    async fn it_says_why_the_store_can_not_be_used_and_shows_no_password() {
        let mut server = Server::with(&["--requirepass", "hunter2"]);
        let open = |password: &str| {
            server.set_url(&format!("{}?pass={password}", server.url()));
            of(&server)
        };
        let (refused, _folder) = open("hunter3");
        let refused = refused.check().await.unwrap_err();
        assert!(refused.starts_with("StoreUnreachable: the store refuses: "), "{refused}");
        let (check, _folder) = open("hunter2");
        assert_eq!(check.check().await, Ok(()));
        server.stop();
        let gone = told(&check, "StoreUnreachable: ").await;
        assert!(!(refused + &gone).contains("hunter"), "{gone}");
    }

    #[tokio::test]
    async fn a_server_in_cluster_mode_answers_and_can_not_be_used() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let server = Server::with(&["--cluster-enabled", "yes", "--cluster-port", &port]);
        let (check, _folder) = of(&server);
        let valkey = Valkey::open(server.source()).unwrap();
        valkey.command::<()>(cmd("CLUSTER").arg(&["ADDSLOTSRANGE", "0", "16383"])).await.unwrap();
        told(&check, "StoreUnreachable: the store answered: CROSSSLOT").await;
        valkey.check().await.unwrap();
    }

    #[tokio::test]
    async fn each_right_that_is_missing_is_told() {
        let server = Server::start();
        let valkey = Valkey::open(server.source()).unwrap();
        let (check, _folder) = of(&server);
        for right in
            ["zremrangebyscore", "zcard", "zrange", "pttl", "zscore", "zadd", "zrem", "hmget", "hset"]
        {
            let set = |sign| cmd("ACL").arg(&["SETUSER", "default", &format!("{sign}{right}")]).clone();
            valkey.command::<()>(&set("-")).await.unwrap();
            let why = check.check().await.unwrap_err();
            assert!(why.starts_with("StoreUnreachable: "), "{right}: {why}");
            valkey.command::<()>(&set("+")).await.unwrap();
        }
        assert_eq!(check.check().await, Ok(()));
    }
}
