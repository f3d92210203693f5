//! The control endpoint: JSON over plain HTTP, without faults of its own. README.md is its manual.

use serde_json::{Value, json};

use crate::connection::Conn;
use crate::head::{Framing, Head, Incoming, read_head};
use crate::response::{Body, Response, write_response};
use crate::side::Side;
use crate::state::State;

const MAX_BODY: u64 = 16 * 1024 * 1024;

pub async fn serve(state: &State, mut conn: Conn) {
    while let Ok(Incoming::Head(head)) = read_head(&mut conn, None, |_, _| false).await {
        let length = match head.framing() {
            Framing::Length(n) if n <= MAX_BODY => n as usize,
            Framing::None => 0,
            _ => {
                let _ = write_response(
                    &mut conn,
                    message(400, "a body with Content-Length, please"),
                    None,
                    false,
                )
                .await;
                break;
            }
        };
        if head.expects_continue() && conn.write(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
            break;
        }
        while conn.buf.len() < length {
            if !conn.fill(length - conn.buf.len()).await.is_ok_and(|n| n > 0) {
                return;
            }
        }
        let body = conn.buf.split_to(length);
        let response = route(state, &head, &body).await;
        if write_response(&mut conn, response, None, head.method == "HEAD").await.is_err()
            || head.wants_close()
        {
            break;
        }
    }
    conn.close(true).await;
}

fn message(status: u16, text: &str) -> Response {
    Response::json(status, &json!({"error": text}))
}

async fn route(state: &State, head: &Head, body: &[u8]) -> Response {
    match (head.method.as_str(), head.path()) {
        ("POST", "/faults") => add_fault(state, body),
        ("GET", "/faults") => Response::json(200, &state.faults.json()),
        ("DELETE", "/faults") => {
            state.faults.clear();
            Response::empty(204)
        }
        ("GET", "/requests") => Response::json(200, &state.log.json()),
        ("DELETE", "/requests") => {
            state.log.clear();
            Response::empty(204)
        }
        ("GET", "/connections") => Response::json(200, &connections(state)),
        ("DELETE", "/connections") => {
            state.counters.values().for_each(|counters| counters.clear());
            Response::empty(204)
        }
        ("GET", "/objects") => Response::json(200, &objects(state)),
        (method, path) => match (method, path.strip_prefix("/objects/"), path.strip_prefix("/faults/")) {
            ("GET", Some(id), _) => object(state, id).await,
            ("DELETE", _, Some(id)) if id.parse().is_ok_and(|id| state.faults.remove(id)) => {
                Response::empty(204)
            }
            _ => message(404, "no such thing"),
        },
    }
}

fn add_fault(state: &State, body: &[u8]) -> Response {
    let posted = serde_json::from_slice::<Value>(body).map_err(|e| e.to_string());
    match posted.and_then(|posted| state.faults.add(&posted)) {
        Ok(id) => Response::json(200, &json!({"id": id})),
        Err(why) => message(400, &why),
    }
}

fn connections(state: &State) -> Value {
    Side::ALL.iter().map(|side| (side.name.to_owned(), state.counters[side.name].json())).collect()
}

fn objects(state: &State) -> Value {
    let attachments = state.attachments();
    let mut uploaded: Vec<_> =
        attachments.iter().filter_map(|(id, a)| Some((id, a, a.object.as_ref()?))).collect();
    uploaded.sort_by_key(|(_, attachment, _)| attachment.nth);
    uploaded
        .iter()
        .map(|(id, attachment, object)| {
            json!({
                "attachment_id": id, "filename": attachment.filename, "content_type": object.content_type,
                "size": object.size, "sha256": object.sha256, "puts": object.puts,
            })
        })
        .collect()
}

/// The stored bytes; 404 for what was never uploaded.
async fn object(state: &State, id: &str) -> Response {
    let object = state.attachments().get(id).and_then(|attachment| attachment.object.clone());
    let Some(object) = object else { return message(404, "never uploaded") };
    match tokio::fs::File::open(state.object_path(id)).await {
        Ok(file) => {
            let mut response = Response::new(200, &object.content_type, "");
            response.body = Body::File(file, object.size);
            response
        }
        Err(_) => message(404, "never uploaded"),
    }
}
