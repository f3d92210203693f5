//! The storage behind `upload_url`: a real S3 server (s3s on a directory) that verifies the presigned URL, and before it
//! the few refusals that Amazon's front makes and this server does not.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::sync::{Notify, mpsc};

use crate::body::{BodyReader, Stop};
use crate::connection::Conn;
use crate::head::{Framing, Head};
use crate::presign::ACCESS_KEY;
use crate::response::Response;
use crate::state::{BUCKET, Object, State};
use crate::util::random_hex;

type StdError = Box<dyn std::error::Error + Send + Sync>;

/// The S3 server over `dir`, with its one bucket.
pub fn service(dir: &std::path::Path, secret: &str) -> Result<S3Service, StdError> {
    std::fs::create_dir_all(dir.join(BUCKET))?;
    let files = s3s_fs::FileSystem::new(dir).map_err(|e| format!("{e:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, secret));
    Ok(builder.build())
}

/// Answers a request to the storage. The body is read only once the S3 server asks for it: a refusal comes early.
pub async fn answer(
    state: &State,
    conn: &mut Conn,
    head: &Head,
    body: &mut BodyReader<'_>,
) -> Result<Response, Stop> {
    let mut response = match refused_in_front(head) {
        Some(refusal) => refusal,
        None => ask_s3(state, conn, head, body).await?,
    };
    if response.status == 200 && head.method == "PUT" {
        remember(state, head, body);
    }
    identify(&mut response);
    Ok(response)
}

async fn ask_s3(
    state: &State,
    conn: &mut Conn,
    head: &Head,
    body: &mut BodyReader<'_>,
) -> Result<Response, Stop> {
    let (tx, rx) = mpsc::channel(2);
    let wanted = Arc::new(Notify::new());
    let feed = Feed { rx, left: body.left(), wanted: wanted.clone(), asked: AtomicBool::new(false) };
    let Ok(request) = to_s3_request(head, feed) else {
        return Ok(error(400, "InvalidURI", "Couldn't parse the specified URI."));
    };
    // In a task of its own: the server hashes and writes while we read on.
    let service = state.s3.clone();
    let mut verdict = tokio::spawn(async move { from_s3(service.call(request).await).await });
    let early = tokio::select! {
        verdict = &mut verdict => Some(verdict),
        () = wanted.notified() => None,
    };
    let verdict = match early {
        Some(verdict) => verdict,
        None => {
            loop {
                match body.next(conn, u64::MAX).await {
                    Ok(Some(piece)) => {
                        if tx.send(Ok(piece)).await.is_err() {
                            break;
                        }
                    }
                    Ok(None) => break,
                    Err(stop) => {
                        let _ = tx.send(Err("the client went away".into())).await;
                        let _ = verdict.await;
                        return Err(stop);
                    }
                }
            }
            drop(tx);
            verdict.await
        }
    };
    Ok(match verdict {
        Ok(Ok(response)) => response,
        _ => error(500, "InternalError", "We encountered an internal error. Please try again."),
    })
}

fn to_s3_request(head: &Head, feed: Feed) -> Result<s3s::HttpRequest, http::Error> {
    let mut request = http::Request::builder().method(head.method.as_str()).uri(head.target.as_str());
    for (name, value) in &head.headers {
        request = request.header(name, value);
    }
    request.body(s3s::Body::http_body(feed))
}

async fn from_s3(reply: Result<s3s::HttpResponse, s3s::HttpError>) -> Result<Response, StdError> {
    let (parts, body) = reply.map_err(StdError::from)?.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut response = Response::new(parts.status.as_u16(), "", body);
    response.headers = parts
        .headers
        .iter()
        .filter(|(name, _)| *name != http::header::CONTENT_LENGTH)
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Ok(response)
}

/// What Amazon refuses before it looks at the signature, or does not let pass although the signature is right.
fn refused_in_front(head: &Head) -> Option<Response> {
    if head.method == "PUT" {
        match head.framing() {
            Framing::Chunked => {
                let text = "A header you provided implies functionality that is not implemented";
                return Some(error(501, "NotImplemented", text));
            }
            Framing::None => {
                let text = "You must provide the Content-Length HTTP header.";
                return Some(error(411, "MissingContentLength", text));
            }
            Framing::Bad => {
                return Some(error(400, "BadRequest", "An error occurred when parsing the HTTP request."));
            }
            Framing::Length(_) => {}
        }
    }
    let signed = head.query("X-Amz-SignedHeaders")?;
    if head.get("authorization").is_some() {
        let text = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
                    string parameter or the Authorization header should be specified";
        return Some(error(400, "InvalidArgument", text));
    }
    let signed = signed.to_ascii_lowercase().replace("%3b", ";");
    let unsigned = |name: &str| name.starts_with("x-amz-") && !signed.split(';').any(|s| s == name);
    if head.headers.iter().any(|(name, _)| unsigned(&name.to_ascii_lowercase())) {
        let text = "There were headers present in the request which were not signed";
        return Some(error(403, "AccessDenied", text));
    }
    None
}

/// An error in S3's form.
pub fn error(status: u16, code: &str, message: &str) -> Response {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>",
        escape(code),
        escape(message)
    );
    Response::new(status, "application/xml", xml)
}

/// Request ids, in the headers and in an error's XML, as Amazon gives them, and the sentence that this S3 server leaves
/// out where a signature is wrong.
pub fn identify(response: &mut Response) {
    const MISMATCH: &str = "<Code>SignatureDoesNotMatch</Code>";
    const WHY: &str = "<Message>The request signature we calculated does not match the signature you provided. \
                       Check your key and signing method.</Message>";
    let request_id = random_hex()[..16].to_ascii_uppercase();
    let host_id = format!("{}{}=", random_hex(), random_hex());
    if let crate::response::Body::Bytes(body) = &mut response.body
        && let Ok(text) = std::str::from_utf8(body)
        && let Some(start) = text.strip_suffix("</Error>")
        && !text.contains("<RequestId>")
    {
        let why = if start.ends_with(MISMATCH) { WHY } else { "" };
        let ids = format!("<RequestId>{request_id}</RequestId><HostId>{host_id}</HostId>");
        *body = Bytes::from(format!("{start}{why}{ids}</Error>"));
    }
    response.default("x-amz-request-id", request_id);
    response.default("x-amz-id-2", host_id);
    response.default("Server", "AmazonS3");
}

/// Notes the object that was just stored.
fn remember(state: &State, head: &Head, body: &BodyReader<'_>) {
    let Some(id) = head.path().rsplit('/').next() else { return };
    let mut attachments = state.attachments();
    let Some(attachment) = attachments.get_mut(id) else { return };
    let puts = attachment.object.as_ref().map_or(0, |object| object.puts) + 1;
    attachment.object = Some(Object {
        size: body.read(),
        sha256: body.entry.hash_so_far().unwrap_or_default(),
        content_type: head.get("content-type").unwrap_or_default().to_owned(),
        puts,
    });
}

/// The request's body on its way from our socket to the S3 server.
struct Feed {
    rx: mpsc::Receiver<Result<Bytes, StdError>>,
    left: u64,
    wanted: Arc<Notify>,
    asked: AtomicBool,
}

impl http_body::Body for Feed {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, StdError>>> {
        if !self.asked.swap(true, Relaxed) {
            self.wanted.notify_one();
        }
        self.rx.poll_recv(cx).map(|piece| {
            piece.map(|piece| {
                piece.map(|bytes| {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    http_body::Frame::data(bytes)
                })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }
}
