package linq

/*
#include <linq.h>
*/
import "C"

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Status is what a call came to. Its numbers are those of linq.h and never change their meaning.
type Status int32

// Every status that a failed call may have. Numbers may be added: treat one you do not know as [StatusInternal].
const (
	// StatusOK: it worked. No Error has it.
	StatusOK Status = C.LINQ_OK
	// StatusInvalidArgument: an argument is invalid; the message names it. Nothing was done.
	StatusInvalidArgument Status = C.LINQ_INVALID_ARGUMENT
	// StatusFile: the source cannot be read, is not a regular file, changed while it was being sent, or did not have the
	// size that was said.
	StatusFile Status = C.LINQ_FILE
	// StatusUnsupported: a content type, size or name that Linq would refuse; found before any network.
	StatusUnsupported Status = C.LINQ_UNSUPPORTED
	// StatusNetwork: the name was not found, no connection could be made, or it broke.
	StatusNetwork Status = C.LINQ_NETWORK
	// StatusTLS: the TLS handshake failed, or the server's certificate is not trusted.
	StatusTLS Status = C.LINQ_TLS
	// StatusTimeout: connecting took too long, nothing moved for too long, or the context's deadline passed.
	StatusTimeout Status = C.LINQ_TIMEOUT
	// StatusCancelled: the context was cancelled.
	StatusCancelled Status = C.LINQ_CANCELLED
	// StatusUnauthorized: no API key, or one that Linq does not accept.
	StatusUnauthorized Status = C.LINQ_UNAUTHORIZED
	// StatusNotFound: what was asked for does not exist, or belongs to another account. An attachment may have been removed
	// since it was uploaded; upload it again.
	StatusNotFound Status = C.LINQ_NOT_FOUND
	// StatusRateLimited: Linq asks to slow down; see RetryAfter.
	StatusRateLimited Status = C.LINQ_RATE_LIMITED
	// StatusAPI: any other refusal by Linq; see HTTPStatus and APICode.
	StatusAPI Status = C.LINQ_API
	// StatusStorage: any other refusal by the storage host; see HTTPStatus and StorageCode.
	StatusStorage Status = C.LINQ_STORAGE
	// StatusExpired: the presigned URL expired. Ask your server for a new one.
	StatusExpired Status = C.LINQ_EXPIRED
	// StatusProtocol: the server broke its contract, or something in between answered with a web page.
	StatusProtocol Status = C.LINQ_PROTOCOL
	// StatusNoMemory: memory ran out, or descriptors.
	StatusNoMemory Status = C.LINQ_NO_MEMORY
	// StatusInternal: a bug in the library. It caught itself, and the process may go on.
	StatusInternal Status = C.LINQ_INTERNAL
)

// String is the status as linq.h writes it, such as "LINQ_TIMEOUT".
func (s Status) String() string { return C.GoString(C.linq_status_name(C.linq_status(s))) }

// sentinel is what errors.Is compares an Error with.
type sentinel Status

func (s sentinel) Error() string { return "linq: " + Status(s).String() }

// What [errors.Is] finds in an error of this package: one for each [Status].
var (
	ErrInvalidArgument error = sentinel(StatusInvalidArgument)
	ErrFile            error = sentinel(StatusFile)
	ErrUnsupported     error = sentinel(StatusUnsupported)
	ErrNetwork         error = sentinel(StatusNetwork)
	ErrTLS             error = sentinel(StatusTLS)
	ErrTimeout         error = sentinel(StatusTimeout)
	ErrCancelled       error = sentinel(StatusCancelled)
	ErrUnauthorized    error = sentinel(StatusUnauthorized)
	ErrNotFound        error = sentinel(StatusNotFound)
	ErrRateLimited     error = sentinel(StatusRateLimited)
	ErrAPI             error = sentinel(StatusAPI)
	ErrStorage         error = sentinel(StatusStorage)
	ErrExpired         error = sentinel(StatusExpired)
	ErrProtocol        error = sentinel(StatusProtocol)
	ErrNoMemory        error = sentinel(StatusNoMemory)
	ErrInternal        error = sentinel(StatusInternal)
)

// ErrClosed is found in the error of a call to a client that was closed, or never made by [NewClient].
var ErrClosed = errors.New("the client is closed")

var errBadCount = errors.New("the reader returned a count that its buffer cannot hold")

// Error is what every function of this package fails with: what failed, on what, why, and what to do about it. It holds no
// secret. [errors.Is] finds in it the sentinel of its status, the error of the context that ended the call, the error that a
// reader or a renewal failed with, and the system's.
type Error struct {
	Status Status
	// Message is a sentence for people. Its wording may change: decide by the other fields.
	Message string
	// HTTPStatus is that of the refusal. 0: none.
	HTTPStatus int
	// APICode is Linq's own error code, such as 1007. 0: none.
	APICode int
	// StorageCode is the storage host's own code, such as "SignatureDoesNotMatch".
	StorageCode string
	// StorageRequestID and StorageID2 are what the storage host's support asks for.
	StorageRequestID string
	StorageID2       string
	// DocURL is Linq's page about APICode.
	DocURL string
	// TraceID is what Linq's support asks for.
	TraceID string
	// AttachmentID is the attachment that had been reserved when it failed.
	AttachmentID string
	// RetryAfter is how long the server asked to wait before another try. 0: it did not say.
	RetryAfter time.Duration
	// Attempts is how many were made, the last included. 0: it failed before any network.
	Attempts int
	// IdempotencyKey is that of a message, or of a request with a key, which may have been sent although this failed. Send
	// again with it: then it is not sent twice. "": nothing was sent, or Linq refused it.
	IdempotencyKey string
	// SystemError is the system's own, such as ENOENT or ECONNREFUSED; [errors.Is] finds it too, as [io/fs.ErrNotExist] say.
	// 0: none.
	SystemError syscall.Errno
	// Retryable tells whether the same call may succeed later without a change. Never where its context has ended.
	Retryable bool

	causes []error
}

// Error is the message, and what caused it where that was an error of Go's.
func (e *Error) Error() string {
	parts := []string{"linq", e.Message}
	for _, cause := range e.causes {
		parts = append(parts, cause.Error())
	}
	return strings.Join(parts, ": ")
}

// Is reports whether target is the sentinel of the status.
func (e *Error) Is(target error) bool {
	s, ok := target.(sentinel)
	return ok && (Status(s) == e.Status || Status(s) == StatusInternal && e.Status > StatusInternal)
}

// Timeout reports whether it took too long: with it, an Error is a [net.Error].
func (e *Error) Timeout() bool { return e.Status == StatusTimeout }

// Temporary is Retryable, by the name that [net.Error] has for it.
func (e *Error) Temporary() bool { return e.Retryable }

// Unwrap gives the errors of Go's that caused it: a context's, a reader's, the system's.
func (e *Error) Unwrap() []error {
	if e.SystemError == 0 {
		return e.causes
	}
	return append(slices.Clip(e.causes), e.SystemError)
}

var _ net.Error = (*Error)(nil)

func invalid(message string) *Error { return &Error{Status: StatusInvalidArgument, Message: message} }

// newError copies what C says.
func newError(status Status, at *C.linq_error) *Error {
	if at == nil {
		return &Error{Status: status, Message: status.String()}
	}
	e := result(at)
	return &Error{
		Status:           status,
		Message:          C.GoString(e.message),
		HTTPStatus:       int(e.http_status),
		APICode:          int(e.api_code),
		StorageCode:      C.GoString(e.storage_code),
		StorageRequestID: C.GoString(e.storage_request_id),
		StorageID2:       C.GoString(e.storage_id_2),
		DocURL:           C.GoString(e.doc_url),
		TraceID:          C.GoString(e.trace_id),
		AttachmentID:     C.GoString(e.attachment_id),
		RetryAfter:       time.Duration(e.retry_after_ms) * time.Millisecond,
		Attempts:         int(e.attempts),
		IdempotencyKey:   C.GoString(e.idempotency_key),
		SystemError:      syscall.Errno(e.system_error),
		Retryable:        e.retryable != 0,
	}
}

// explain adds to an error what only Go knows: the context that ended the call, the reader's own error.
func (c *call) explain(e *Error) *Error {
	read := c.reader != nil && e.Status == StatusFile
	if read && c.reader.failed != nil {
		e.causes = append(e.causes, c.reader.failed)
	}
	if c.renewed != nil && e.Status == StatusExpired {
		e.causes = append(e.causes, c.renewed)
	}
	end := c.ctx.Err()
	if deadline, ok := c.ctx.Deadline(); end == nil && ok && !time.Now().Before(deadline) {
		// By the library's clock, or a reader's: a moment before the context's, which is waited for, so that a caller who asks the
		// context next gets the same answer. One that says nothing itself is not waited for long.
		select {
		case <-c.ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
		if end = c.ctx.Err(); end == nil {
			end = context.DeadlineExceeded
		}
	}
	if end == nil {
		return e
	}
	e.Retryable = false // the same call has the same context
	// A reader may learn of the context's end before we do, and be at its end by that.
	if e.Status != StatusCancelled && e.Status != StatusTimeout && !read {
		return e
	}
	// The token cannot say why it was cancelled.
	if e.Status == StatusCancelled && errors.Is(end, context.DeadlineExceeded) {
		e.Status = StatusTimeout
	}
	e.causes = append(e.causes, end)
	if cause := context.Cause(c.ctx); cause != nil && !errors.Is(end, cause) {
		e.causes = append(e.causes, cause)
	}
	return e
}
