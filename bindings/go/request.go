package linq

/*
#include <linq.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"
)

// Request is a call of the API that has no function of its own here; see [Client.SendRequest].
type Request struct {
	// Method is required: GET, HEAD, PUT, DELETE, POST or PATCH.
	Method string
	// Path is required: what follows the base URL, such as "/v3/chats/{id}/messages" with an id in it. A query is allowed.
	Path string
	// JSON is what to send, at most 1 MiB; empty: no body. GET and HEAD take none.
	JSON json.RawMessage
	// IdempotencyKey is sent as the header Idempotency-Key: 1 to 255 printable ASCII characters. Only some paths honour it;
	// others take a key inside their JSON. "": none.
	IdempotencyKey string
	// Repeatable tells that a POST or PATCH may be done twice, so that it may be tried again after any failure that may
	// pass. The other methods always may.
	Repeatable bool
}

// Response is what Linq answered to a [Request].
type Response struct {
	// JSON is the body; nil where there is none.
	JSON json.RawMessage
	// TraceID is what Linq's support asks for.
	TraceID string
	// HTTPStatus is 200 to 299, or 404 for a DELETE that was made again and found that it was done.
	HTTPStatus int
}

// SendRequest makes any other call of the API below /v3/: a message into a chat that is there, a voice memo, a sticker, whatever
// Linq adds. A refusal is an error, with Linq's message and codes.
//
// A POST or PATCH that is not Repeatable is sent on a connection of its own, and again only where no connection could be made,
// or where Linq says that it did nothing. Its error is then not Retryable where it may have been done all the same.
func (c *Client) SendRequest(ctx context.Context, request Request) (*Response, error) {
	call := newCall(ctx)
	defer call.close()
	r := C.linq_request_default()
	r.method = call.text("Request.Method", request.Method)
	r.path = call.text("Request.Path", request.Path)
	r.json = call.textOrNull("Request.JSON", string(request.JSON))
	r.idempotency_key = call.textOrNull("Request.IdempotencyKey", request.IdempotencyKey)
	if request.Repeatable {
		r.flags = C.LINQ_REQUEST_REPEATABLE
	}
	options := call.options(c)
	var response *Response
	err := call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var at *C.linq_response
		status := C.linq_send_request(client, &r, options, &at, failure)
		response = newResponse(at)
		return status
	})
	return response, err
}

// newResponse gives the original back; nil is nothing.
func newResponse(at *C.linq_response) *Response {
	if at == nil {
		return nil
	}
	defer C.linq_free(unsafe.Pointer(at))
	r := result(at)
	response := &Response{TraceID: C.GoString(r.trace_id), HTTPStatus: int(r.http_status)}
	if r.json != nil {
		response.JSON = json.RawMessage(C.GoString(r.json))
	}
	return response
}
