//! What Linq knows of an attachment: `GET` and `DELETE /v3/attachments/{id}`.

use std::rc::Rc;

use serde::Deserialize;

use crate::api::{Api, NOTHING};
use crate::clock::json_date;
use crate::error::{Error, ErrorKind};
use crate::http::Call;
use crate::http::http::Method;

/// What Linq knows of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AttachmentInfo {
    /// Its id.
    #[serde(rename = "id")]
    pub attachment_id: String,
    /// Its name.
    pub filename: String,
    /// Its content type.
    pub content_type: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was reserved, as the server wrote it.
    pub created_at: String,
    /// The same in Unix milliseconds.
    #[serde(skip)]
    pub created_at_ms: i64,
    /// Where the file is, freshly signed where the account asks for that; absent before the upload.
    #[serde(default)]
    pub download_url: Option<String>,
    /// `pending`, `complete` or `failed`, where the API still sends it (deprecated since May 2026).
    #[serde(default)]
    pub status: Option<String>,
}

/// Asks for it, once.
pub(crate) fn get(api: &Api, call: &Rc<Call>, id: &str) -> Result<AttachmentInfo, Error> {
    let what = format!("asking for attachment {id}");
    let answer = api.send(call, &what, Method::GET, &format!("attachments/{id}"), NOTHING)?;
    let mut info: AttachmentInfo = api.read(&what, &answer)?;
    info.created_at_ms = json_date(&info.created_at)
        .ok_or_else(|| api.broken(&what, "answer has a created_at that is no date", &answer))?;
    Ok(info)
}

/// Deletes it, once. `again`: an earlier attempt may have done it already, so that gone counts as done.
pub(crate) fn delete(api: &Api, call: &Rc<Call>, id: &str, again: bool) -> Result<(), Error> {
    let what = format!("deleting attachment {id}");
    match api.send(call, &what, Method::DELETE, &format!("attachments/{id}"), NOTHING) {
        Err(error) if again && error.kind == ErrorKind::NotFound => Ok(()),
        result => result.map(drop),
    }
}

/// An id becomes part of a path: nothing may be in it that means something there.
pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match !id.is_empty() && id.len() <= 255 && id.bytes().all(plain) {
        true => Ok(()),
        false => Err(Error::invalid("the attachment id is not one: it is a UUID as an upload returned it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_change_the_path_are_refused() {
        assert_eq!(check_id("550e8400-e29b-41d4-a716-446655440000"), Ok(()));
        for bad in ["", "../chats", "a/b", "a?b", "a b", "a%2f", &"x".repeat(256)] {
            assert_eq!(check_id(bad).unwrap_err().kind, ErrorKind::InvalidArgument, "{bad}");
        }
    }
}
