//! A Lua script that runs in the server, atomically.

use redis::{Cmd, ToRedisArgs, cmd};

/// A script, sent by its hash once the server knows it.
#[derive(Debug, Clone)]
pub struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    /// A script of `code`, with `KEYS` and `ARGV`.
    pub fn new(code: &'static str) -> Self {
        let hash = redis::Script::new(code).get_hash().to_owned();
        Self { code, hash }
    }

    /// By its hash: short, but the server may not know it.
    pub(crate) fn by_hash(&self, keys: &[impl ToRedisArgs], args: &[impl ToRedisArgs]) -> Cmd {
        call("EVALSHA", &self.hash, keys, args)
    }

    /// By its code, which the server knows afterwards.
    pub(crate) fn by_code(&self, keys: &[impl ToRedisArgs], args: &[impl ToRedisArgs]) -> Cmd {
        call("EVAL", self.code, keys, args)
    }
}

fn call(name: &str, script: &str, keys: &[impl ToRedisArgs], args: &[impl ToRedisArgs]) -> Cmd {
    let mut call = cmd(name);
    call.arg(script).arg(keys.len());
    for key in keys {
        call.arg(key);
    }
    for arg in args {
        call.arg(arg);
    }
    call
}
