package linq

/*
#include <linq.h>
*/
import "C"

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unsafe"
)

// AttachmentInfo is what Linq knows of an attachment. fmt and slog print its download URL without the
// query, which may be signed; JSON has it, and so have slices and structs that a JSON handler of slog prints.
type AttachmentInfo struct {
	AttachmentID string
	Filename     string
	ContentType  string
	// CreatedAt is when it was reserved.
	CreatedAt time.Time
	// DownloadURL is where the file is, freshly signed where the account asks for that; "" where Linq does not send it.
	DownloadURL string
	// Status is "pending", "complete" or "failed" where the API still sends it (deprecated since May 2026), else "".
	Status    string
	SizeBytes int64
}

// Attachment asks what Linq knows of an attachment. [ErrNotFound]: it does not exist, or belongs to another account.
func (c *Client) Attachment(ctx context.Context, attachmentID string) (*AttachmentInfo, error) {
	call := newCall(ctx)
	defer call.close()
	id, options := call.text("the attachment id", attachmentID), call.options(c)
	var info *AttachmentInfo
	err := call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var at *C.linq_attachment_info
		status := C.linq_attachment_get(client, id, options, &at, failure)
		info = newAttachmentInfo(at)
		return status
	})
	return info, err
}

// DeleteAttachment deletes an attachment for good. Messages stay, but lose it. [ErrNotFound]: it does not exist, or belongs
// to another account.
func (c *Client) DeleteAttachment(ctx context.Context, attachmentID string) error {
	call := newCall(ctx)
	defer call.close()
	id, options := call.text("the attachment id", attachmentID), call.options(c)
	return call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		return C.linq_attachment_delete(client, id, options, failure)
	})
}

// ContentType is what the library would declare; "" where it knows none that Linq takes. Only the last part of the name
// counts. bytes are the file's first, best all of it: what lies further is not seen, so an upload may still refuse it; nil: from the
// name alone. Without a name: from the bytes alone.
func ContentType(name string, bytes []byte) string {
	var m memory
	defer m.pins.Unpin()
	from := m.textOrNull("the name", name)
	if m.err != nil || checkABI() != nil {
		return ""
	}
	return C.GoString(C.linq_content_type(from, m.bytes(bytes), C.size_t(len(bytes))))
}

// String is the attachment as %+v prints it.
func (a Attachment) String() string { return fmt.Sprintf("%+v", a.printable()) }

// Format prints the fields, for every verb that fmt asks for.
func (a Attachment) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, verb), a.printable())
}

// LogValue is what slog prints.
func (a Attachment) LogValue() slog.Value { return slog.AnyValue(a.printable()) }

// String is the attachment as %+v prints it.
func (a AttachmentInfo) String() string { return fmt.Sprintf("%+v", a.printable()) }

// Format prints the fields, for every verb that fmt asks for.
func (a AttachmentInfo) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, verb), a.printable())
}

// LogValue is what slog prints.
func (a AttachmentInfo) LogValue() slog.Value { return slog.AnyValue(a.printable()) }

// The same without the methods above, and without the query.
type (
	printedAttachment     Attachment
	printedAttachmentInfo AttachmentInfo
)

func (a Attachment) printable() printedAttachment {
	a.DownloadURL = withoutQuery(a.DownloadURL)
	return printedAttachment(a)
}

func (a AttachmentInfo) printable() printedAttachmentInfo {
	a.DownloadURL = withoutQuery(a.DownloadURL)
	return printedAttachmentInfo(a)
}

// withoutQuery is a URL for printing: anyone who has the query of a signed one can fetch the file.
func withoutQuery(url string) string {
	if before, _, has := strings.Cut(url, "?"); has {
		return before + "?..."
	}
	return url
}

// newAttachmentInfo gives the original back; nil is nothing.
func newAttachmentInfo(at *C.linq_attachment_info) *AttachmentInfo {
	if at == nil {
		return nil
	}
	defer C.linq_free(unsafe.Pointer(at))
	a := result(at)
	return &AttachmentInfo{
		AttachmentID: C.GoString(a.attachment_id),
		Filename:     C.GoString(a.filename),
		ContentType:  C.GoString(a.content_type),
		CreatedAt:    unixMilliseconds(a.created_at_ms),
		DownloadURL:  C.GoString(a.download_url),
		Status:       C.GoString(a.status),
		SizeBytes:    int64(a.size_bytes),
	}
}
