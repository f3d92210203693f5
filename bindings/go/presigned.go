package linq

/*
#include <linq.h>
*/
import "C"

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// File is what a place is reserved for.
type File struct {
	// Filename is required: 1 to 255 characters, without control characters or path separators.
	Filename string
	// ContentType is, where it is "", what the filename's extension stands for.
	ContentType string
	// SizeBytes is required: exactly how many bytes will be uploaded.
	SizeBytes int64
}

// Header is one HTTP header, to be sent exactly so.
type Header struct {
	Name, Value string
}

// Presigned is a reserved place: where the bytes go, and the headers that the URL was signed with. From [Client.Presign] and
// [ParsePresigned]; changing a field changes nothing for [Client.UploadPresigned].
//
// It is a secret until it expires: anyone who has it may upload. So fmt and slog print the attachment's id alone; its JSON is
// the way to hand it on. What cannot be helped: fmt prints all of one that lies, not as a pointer, in an unexported field of
// another struct, and for the verbs %p and %w; and a handler that writes JSON writes that of one that is part of another value.
type Presigned struct {
	// AttachmentID is to be used in messages once the bytes are there.
	AttachmentID string
	// UploadURL is where to PUT the bytes.
	UploadURL string
	// DownloadURL is where the file will be found; "" where Linq does not send it.
	DownloadURL string
	// HTTPMethod is always "PUT".
	HTTPMethod string
	// ExpiresAt is when UploadURL expires, by the server's clock.
	ExpiresAt time.Time
	// Headers are to be sent with the PUT.
	Headers []Header
	// Filename, ContentType and SizeBytes are what it was reserved for; zero where the JSON did not say.
	Filename    string
	ContentType string
	SizeBytes   int64

	json string
}

// Presign reserves a place for a file that somebody else will upload. A place lasts about 15 minutes; one that is never
// used costs nothing. The name, type and size are checked before any network.
func (c *Client) Presign(ctx context.Context, file File) (*Presigned, error) {
	call := newCall(ctx)
	defer call.close()
	f := C.linq_file_default()
	f.filename = call.text("the filename", file.Filename)
	f.content_type = call.textOrNull("the content type", file.ContentType)
	f.size_bytes = call.size("the size", file.SizeBytes)
	options := call.options(c)
	var presigned *Presigned
	err := call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var at *C.linq_presigned
		status := C.linq_presign(client, &f, options, &at, failure)
		presigned = newPresigned(at)
		return status
	})
	return presigned, err
}

// Connect opens a connection now and keeps it, so that the next call need not wait for one: to Linq, for a minute, or, if place is
// not nil, to its storage, for 4 s. No request is sent, and no API key is needed.
func (c *Client) Connect(ctx context.Context, place *Presigned) error {
	call := newCall(ctx)
	defer call.close()
	options := call.options(c)
	if place == nil {
		return call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
			return C.linq_client_connect(client, nil, options, failure)
		})
	}
	json, length := call.presigned(place)
	return call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var at *C.linq_presigned
		if status := C.linq_presigned_parse(json, length, &at, failure); status != C.LINQ_OK {
			return status
		}
		defer C.linq_free(unsafe.Pointer(at))
		return C.linq_client_connect(client, at, options, failure)
	})
}

// ParsePresigned reads the JSON that a server handed over: Linq's own reply to POST /v3/attachments, or that of a
// [Presigned]. At most 1 MiB; unknown fields are ignored.
func ParsePresigned(json []byte) (*Presigned, error) {
	call := newBriefCall()
	defer call.close()
	text, length := (*C.char)(call.bytes(json)), C.size_t(len(json))
	var presigned *Presigned
	err := call.run(func(failure **C.linq_error) C.linq_status {
		var at *C.linq_presigned
		status := C.linq_presigned_parse(text, length, &at, failure)
		presigned = newPresigned(at)
		return status
	})
	return presigned, err
}

// MarshalJSON gives the JSON that every binding of liblinq understands, the same that C gives. (json.Marshal writes an & of
// the URL as \u0026, which means the same.)
func (p Presigned) MarshalJSON() ([]byte, error) {
	if p.json == "" {
		return nil, invalid("this Presigned is not from Presign or ParsePresigned")
	}
	return []byte(p.json), nil
}

// UnmarshalJSON is [ParsePresigned].
func (p *Presigned) UnmarshalJSON(json []byte) error {
	if string(json) == "null" {
		return nil
	}
	parsed, err := ParsePresigned(json)
	if err == nil {
		*p = *parsed
	}
	return err
}

// String tells the attachment only.
func (p Presigned) String() string { return "linq.Presigned(" + p.AttachmentID + ")" }

// Format tells the attachment only, for every verb that fmt asks for.
func (p Presigned) Format(state fmt.State, verb rune) { io.WriteString(state, p.String()) }

// LogValue tells the attachment only.
func (p Presigned) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Request is the PUT for those who send it with net/http themselves, without retries; [Presigned.Check] tells
// what the response means. The body must have exactly the size that was signed; it is closed after sending where it is an [io.Closer]. Do
// not add headers.
func (p *Presigned) Request(ctx context.Context, body io.Reader) (*http.Request, error) {
	if ctx == nil {
		return nil, invalid("ctx is nil")
	}
	// net/http takes no method for GET.
	if p == nil || p.UploadURL == "" || p.HTTPMethod == "" || body == nil {
		return nil, invalid("a request needs a place, with its URL and method, and a body")
	}
	request, err := http.NewRequestWithContext(ctx, p.HTTPMethod, p.UploadURL, body)
	if err != nil {
		return nil, &Error{Status: StatusInvalidArgument, Message: "no request can be made of this place"}
	}
	size := p.SizeBytes
	for _, header := range p.Headers {
		// net/http sends these two by fields of their own, and ignores them among the headers.
		switch {
		case strings.EqualFold(header.Name, "Host"):
			request.Host = header.Value
		case strings.EqualFold(header.Name, "Content-Length"):
			if size, err = strconv.ParseInt(header.Value, 10, 64); err != nil {
				return nil, invalid("the signed length is no number")
			}
		default:
			request.Header.Set(header.Name, header.Value)
		}
	}
	known := request.ContentLength // 0: not known, unless there is no body at all
	if size > 0 && known != size && (known > 0 || request.Body == http.NoBody) {
		return nil, &Error{Status: StatusUnsupported, Message: "the body has " + strconv.FormatInt(known, 10) +
			" bytes, but the place was reserved for " + strconv.FormatInt(size, 10)}
	}
	if size > 0 {
		request.ContentLength = size
	}
	if request.ContentLength <= 0 {
		return nil, invalid("nobody knows the size of the body, and storage takes none without")
	}
	return request, nil
}

// Check tells whether the response to a PUT that the program sent itself means that the file is there: nil, or the error that an
// upload by this package reports for this response. Of the body, the first MiB counts.
func (p *Presigned) Check(httpStatus int, body []byte) error {
	call := newBriefCall()
	defer call.close()
	json, length := call.presigned(p)
	status, at := call.number("the HTTP status", httpStatus < 0, int64(httpStatus)), call.bytes(body)
	return call.run(func(failure **C.linq_error) C.linq_status {
		var place *C.linq_presigned
		if status := C.linq_presigned_parse(json, length, &place, failure); status != C.LINQ_OK {
			return status
		}
		defer C.linq_free(unsafe.Pointer(place))
		return C.linq_presigned_check(place, status, at, C.size_t(len(body)), failure)
	})
}

// presigned is the JSON for C.
func (c *call) presigned(p *Presigned) (*C.char, C.size_t) {
	if p == nil || p.json == "" {
		c.refuse("the Presigned is not from Presign or ParsePresigned")
		return nil, 0
	}
	return (*C.char)(c.bytes([]byte(p.json))), C.size_t(len(p.json))
}

// newPresigned gives the original back; nil is nothing.
func newPresigned(at *C.linq_presigned) *Presigned {
	if at == nil {
		return nil
	}
	defer C.linq_free(unsafe.Pointer(at))
	return presignedOf(at)
}

func presignedOf(at *C.linq_presigned) *Presigned {
	p := result(at)
	presigned := &Presigned{
		AttachmentID: C.GoString(p.attachment_id),
		UploadURL:    C.GoString(p.upload_url),
		DownloadURL:  C.GoString(p.download_url),
		HTTPMethod:   C.GoString(p.http_method),
		ExpiresAt:    unixMilliseconds(p.expires_at_ms),
		Filename:     C.GoString(p.filename),
		ContentType:  C.GoString(p.content_type),
		SizeBytes:    int64(p.size_bytes),
		json:         C.GoString(p.json),
	}
	for _, header := range unsafe.Slice(p.headers, p.header_count) {
		presigned.Headers = append(presigned.Headers, Header{C.GoString(header.name), C.GoString(header.value)})
	}
	return presigned
}

func unixMilliseconds(at C.int64_t) time.Time { return time.UnixMilli(int64(at)).UTC() }
