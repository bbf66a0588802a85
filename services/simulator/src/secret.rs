//! Secrets that the simulator makes: keys for HMAC-SHA256.

use std::fmt;

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// A key of 64 bytes; in snapshots in base64. `Debug` does not print it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret([u8; 64]);

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        let mut key = [0; 64];
        for part in key.chunks_mut(16) {
            part.copy_from_slice(Uuid::new_v4().as_bytes());
        }
        Self(key)
    }

    /// In base64, for the one answer that tells it.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The HMAC-SHA256 of a message, in hexadecimal.
    pub fn sign(&self, message: &[u8]) -> String {
        format!("{:x}", Bytes::copy_from_slice(&self.mac(message).finalize().into_bytes()))
    }

    /// Whether [`Secret::sign`] made this signature of the message; in constant time.
    pub fn signed(&self, message: &[u8], signature: &str) -> bool {
        let digits = signature
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        let bytes: Option<Vec<u8>> = digits.collect();
        bytes.is_some_and(|bytes| self.mac(message).verify_slice(&bytes).is_ok())
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        Hmac::new(&self.0.into()).chain_update(message)
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self::random()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.base64()
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("a secret is 64 bytes in base64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_hmac_sha256() {
        let mut key = [0; 64];
        key[..4].copy_from_slice(b"Jefe");
        let signature = Secret(key).sign(b"what do ya want for nothing?");
        assert_eq!(
            signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "RFC 4231, 4.3"
        );
        assert!(Secret(key).signed(b"what do ya want for nothing?", &signature));
        for other in ["", "5b", "zz", &signature.replace('5', "6"), &format!("{signature}00")] {
            assert!(!Secret(key).signed(b"what do ya want for nothing?", other), "{other}");
        }
    }

    #[test]
    fn a_secret_survives_a_snapshot_and_is_not_printed() {
        let secret = Secret::random();
        let text = serde_json::to_string(&secret).unwrap();
        let read: Secret = serde_json::from_str(&text).unwrap();
        assert_eq!(read.sign(b"x"), secret.sign(b"x"));
        assert!(!format!("{secret:?}").contains(&secret.base64()[..8]));
        assert!(serde_json::from_str::<Secret>("\"c2hvcnQ=\"").is_err());
    }
}
