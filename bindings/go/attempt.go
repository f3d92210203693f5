package linq

/*
#include <linq.h>

typedef const linq_attempt linq_go_attempt;

void linqGoAttempt(void *, linq_go_attempt *);
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Step is the step of a call that a request belongs to.
type Step int

// The steps: [StepReserve] reserves a place, [StepPut] puts the bytes there.
const (
	StepReserve Step = C.LINQ_STEP_RESERVE
	StepPut     Step = C.LINQ_STEP_PUT
	StepOther   Step = C.LINQ_STEP_OTHER
)

// String is "reserve", "put" or "other".
func (s Step) String() string {
	switch s {
	case StepReserve:
		return "reserve"
	case StepPut:
		return "put"
	}
	return "other"
}

// Attempt is what one request took and how it ended, for metrics. It holds no secret. The times from Lookup to Receive are
// consecutive parts, which add up to Total; a part that did not take place is 0.
type Attempt struct {
	// Host is the host that it was sent to.
	Host string
	// RequestID is Linq's trace id, or the storage host's request id.
	RequestID string
	// Reason is why it failed, for people; "": it succeeded.
	Reason string
	// BytesSent and BytesReceived are the bytes on the wire, including heads and TLS.
	BytesSent, BytesReceived int64
	// Lookup, Connect, Proxy and TLS made the connection; 0 if it was open already.
	Lookup, Connect, Proxy, TLS time.Duration
	// Send is from the first byte of the request until the system took its last, Wait from there until the head of the response
	// had arrived, Receive the rest of it.
	Send, Wait, Receive time.Duration
	Total               time.Duration
	Step                Step
	// Number is the number of the attempt within the call, from 1. A request whose pooled connection was dead is sent again under the
	// same number.
	Number int
	// HTTPStatus is 0 if there was no response.
	HTTPStatus int
	// Status is StatusOK, or how it failed.
	Status Status
	// Reused: the connection was open already.
	Reused bool
	// AgainIn is how long until the next attempt; 0: there is none, or it is made at once.
	AgainIn time.Duration
}

// WithAttempt sets a function that is called after each request of every call of the client, with the context of that call, on
// its goroutine. A counter or a histogram for each field makes metrics.
func WithAttempt(attempt func(ctx context.Context, attempt Attempt)) ClientOption {
	return func(s *clientSettings) { s.attempt = attempt }
}

// observed sets the fields of C's options for a client that wants to know.
func (c *call) observed(client *Client, attempt *C.linq_attempt_fn, userData *unsafe.Pointer) {
	if client == nil || client.attempt == nil {
		return
	}
	c.attempt = client.attempt
	*attempt, *userData = C.linq_attempt_fn(C.linqGoAttempt), unsafe.Pointer(c.handle)
}

func newAttempt(at *C.linq_attempt) Attempt {
	a := result(at)
	time := func(us C.uint64_t) time.Duration { return time.Duration(us) * time.Microsecond }
	return Attempt{
		Host:          C.GoString(a.host),
		RequestID:     C.GoString(a.request_id),
		Reason:        C.GoString(a.reason),
		BytesSent:     int64(a.bytes_sent),
		BytesReceived: int64(a.bytes_received),
		Lookup:        time(a.lookup_us),
		Connect:       time(a.connect_us),
		Proxy:         time(a.proxy_us),
		TLS:           time(a.tls_us),
		Send:          time(a.send_us),
		Wait:          time(a.wait_us),
		Receive:       time(a.receive_us),
		Total:         time(a.total_us),
		Step:          Step(a.step),
		Number:        int(a.number),
		HTTPStatus:    int(a.http_status),
		Status:        Status(a.status),
		Reused:        a.reused != 0,
		AgainIn:       time(C.uint64_t(a.again_in_ms) * 1000),
	}
}
