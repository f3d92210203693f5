//! What Linq knows of an attachment: `GET` and `DELETE /v3/attachments/{id}`.

use std::fmt;
use std::rc::Rc;

use serde::Deserialize;

use crate::api::{Api, ApiRequest, NOTHING, is_id};
use crate::call::Call;
use crate::clock::json_date;
use crate::error::{Error, ErrorKind};
use crate::http::Method;

/// An uploaded file.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// For any number of messages as long as it exists: an ephemeral attachment is removed 24 to 48 hours after the
    /// upload, a persistent one stays until it is deleted.
    pub attachment_id: String,
    /// Where the file can be downloaded; absent if Linq does not send it.
    pub download_url: Option<String>,
    /// The declared name; empty if a presigned JSON has none.
    pub filename: String,
    /// The declared type; empty if a presigned JSON has none.
    pub content_type: String,
    /// Its size.
    pub size_bytes: u64,
    /// How many attempts the call made in all.
    pub attempts: u32,
}

/// Leaves out the URL, which may be signed.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("attachment_id", &self.attachment_id)
            .field("filename", &self.filename)
            .field("content_type", &self.content_type)
            .field("size_bytes", &self.size_bytes)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// What Linq knows of an attachment.
#[derive(Clone, PartialEq, Eq, Deserialize)]
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
    /// Where the file can be downloaded, freshly signed if the account is set up so; absent if Linq does not send it.
    #[serde(default)]
    pub download_url: Option<String>,
    /// `pending`, `complete` or `failed`, where the API still sends it (deprecated since May 2026).
    #[serde(default)]
    pub status: Option<String>,
}

/// Leaves out the URL, which may be signed.
impl fmt::Debug for AttachmentInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentInfo")
            .field("attachment_id", &self.attachment_id)
            .field("filename", &self.filename)
            .field("content_type", &self.content_type)
            .field("size_bytes", &self.size_bytes)
            .field("created_at", &self.created_at)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Requests it, once.
pub(crate) fn get(api: &Api, call: &Rc<Call>, id: &str) -> Result<AttachmentInfo, Error> {
    let what = format!("asking for attachment {id}");
    let response = api.send(call, &what, Method::GET, &format!("attachments/{id}"), NOTHING)?;
    let mut info: AttachmentInfo = api.read(&what, &response)?;
    info.download_url = info.download_url.filter(|url| !url.is_empty());
    info.created_at_ms = json_date(&info.created_at)
        .ok_or_else(|| api.broken(&what, "answer has a created_at that is not a date", &response))?;
    Ok(info)
}

/// Deletes it, once. 404 counts as success if an earlier request may have deleted it: that of an earlier attempt
/// (`again`), or one whose pooled connection died.
pub(crate) fn delete(api: &Api, call: &Rc<Call>, id: &str, again: bool) -> Result<(), Error> {
    let what = format!("deleting attachment {id}");
    let path = format!("attachments/{id}");
    let response = api.request(call, &what, ApiRequest::new(Method::DELETE, &path))?;
    if response.is_success() {
        return Ok(());
    }
    match api.refused(&what, &response, true) {
        error if error.kind == ErrorKind::NotFound && (again || response.replayed) => Ok(()),
        error => Err(error),
    }
}

pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    match is_id(id) {
        true => Ok(()),
        false => Err(Error::invalid("the attachment id is invalid; it is a UUID that an upload returned")),
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
