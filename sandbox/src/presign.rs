//! SigV4 in the query, as S3's presigned URLs carry it: what Linq's own server does when it reserves an attachment.

use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};
use time::OffsetDateTime;

use crate::util::{amz_date, hex, percent_encode};

pub const ACCESS_KEY: &str = "AKIASANDBOX";
const REGION: &str = "us-east-1";
const SIGNED_HEADERS: &str = "content-length;content-type;host";

/// What is signed.
pub struct Put<'a> {
    pub origin: &'a str,
    pub path: &'a str,
    pub content_type: &'a str,
    pub content_length: u64,
    pub signed_at: OffsetDateTime,
    pub expires_s: i64,
}

impl Put<'_> {
    pub fn url(&self, secret: &str) -> String {
        let host = self.origin.split_once("://").map_or(self.origin, |(_, host)| host);
        let path = percent_encode(self.path, true);
        let now = amz_date(self.signed_at);
        let day = &now[..8];
        let scope = format!("{day}/{REGION}/s3/aws4_request");
        // Sorted by name, as the canonical form wants it.
        let query = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{ACCESS_KEY}/{scope}")),
            ("X-Amz-Date", now.clone()),
            ("X-Amz-Expires", self.expires_s.to_string()),
            ("X-Amz-SignedHeaders", SIGNED_HEADERS.to_owned()),
        ]
        .map(|(name, value)| format!("{name}={}", percent_encode(&value, false)))
        .join("&");
        let canonical = format!(
            "PUT\n{path}\n{query}\ncontent-length:{}\ncontent-type:{}\nhost:{host}\n\n{SIGNED_HEADERS}\nUNSIGNED-PAYLOAD",
            self.content_length, self.content_type
        );
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{now}\n{scope}\n{}",
            hex(digest(&SHA256, canonical.as_bytes()).as_ref())
        );
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [day, REGION, "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        format!("{}{path}?{query}&X-Amz-Signature={}", self.origin, hex(&hmac(&key, &to_sign)))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
