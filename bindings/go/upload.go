package linq

/*
#include <linq.h>

typedef const linq_presigned linq_go_place;

int32_t linqGoProgress(void *, uint64_t, uint64_t);
linq_presigned *linqGoRenew(void *, linq_go_place *);
int64_t linqGoRead(void *, void *, size_t);
int32_t linqGoRewind(void *);
*/
import "C"

import (
	"context"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// Attachment is a file that is there. fmt and slog print its download URL without the
// query, which may be signed; JSON has it, and so have slices and structs that a JSON handler of slog prints.
type Attachment struct {
	// AttachmentID is for any number of messages as long as the attachment lasts: an ephemeral one is removed 24 to 48 hours
	// after the upload, a persistent one stays until it is deleted. Then it is [ErrNotFound]; upload it again.
	AttachmentID string
	// DownloadURL is where the file is; "" where Linq does not send it.
	DownloadURL string
	// Filename and ContentType are what it was declared as; "" where a presigned JSON did not say.
	Filename    string
	ContentType string
	SizeBytes   int64
	// Attempts is how many the call made in all.
	Attempts int
}

type uploadSettings struct {
	filename, contentType *string
	progress              func(sent, total int64)
	renew                 func(context.Context, *Presigned) (*Presigned, error)
}

// UploadOption is a setting of one upload. What is not set is liblinq's default.
type UploadOption func(*uploadSettings)

// WithFilename declares a name: 1 to 255 characters, without control characters or path separators. Without it a file has
// the last part of its path.
func WithFilename(name string) UploadOption { return func(s *uploadSettings) { s.filename = &name } }

// WithContentType declares a content type. Without it the bytes tell, else the name. What MIME libraries write is
// understood, such as image/jpg or a "; charset=..." behind it.
func WithContentType(contentType string) UploadOption {
	return func(s *uploadSettings) { s.contentType = &contentType }
}

// WithProgress is called with how far an upload is: the bytes sent in this attempt, and the total. At the start (0), at the end,
// and at most about 20 times a second between; from 0 again where an attempt is made anew. Runs on the goroutine that made
// the call. To end the upload, cancel its context.
func WithProgress(progress func(sent, total int64)) UploadOption {
	return func(s *uploadSettings) { s.progress = progress }
}

// WithRenew sets a function that is called when the place that was passed to [Client.UploadPresigned] has expired. It asks your
// server for another, and the upload goes on with the place that it returns, which must be for the same file. If it fails, the
// call's error is [ErrExpired], and [errors.Is] finds the function's own error in it; nil without an error is ErrExpired too. It
// gets the call's context, and runs on the goroutine that made the call. It is not called after a read from a reader that cannot
// seek, nor where the library reserves places itself.
func WithRenew(renew func(ctx context.Context, expired *Presigned) (*Presigned, error)) UploadOption {
	return func(s *uploadSettings) { s.renew = renew }
}

// Source is where the bytes of an upload come from: 1 to 104 857 600 of them. It is used by one call at a time.
type Source struct {
	prepare func(*call, *C.linq_source)
}

// FromFile is a file on disk; symbolic links are followed.
func FromFile(path string) Source {
	return Source{func(c *call, source *C.linq_source) {
		source.kind = C.LINQ_SOURCE_PATH
		source.path = c.text("the path", path)
	}}
}

// FromOpenFile is part of an open regular file: length bytes from offset on, or all up to its end where length is 0. The
// file's own position is neither used nor moved. It may be closed meanwhile.
func FromOpenFile(file *os.File, offset, length int64) Source {
	return Source{func(c *call, source *C.linq_source) {
		source.kind = C.LINQ_SOURCE_DESCRIPTOR
		source.offset = c.size("the offset", offset)
		source.length = c.size("the length", length)
		if c.err == nil {
			source.descriptor = C.uint32_t(c.duplicate(file))
		}
	}}
}

// FromBytes is bytes in memory. They are not copied: leave them as they are until the call returns.
func FromBytes(bytes []byte) Source {
	return Source{func(c *call, source *C.linq_source) {
		source.kind = C.LINQ_SOURCE_BYTES
		source.bytes = c.bytes(bytes)
		source.length = C.uint64_t(len(bytes))
	}}
}

// FromReader is exactly size bytes from a reader; less or more is [ErrFile]. Where it is an [io.Seeker] that seeks, a failed
// attempt begins again where the reader stood; any other upload is not tried again once bytes were sent, unless it has at
// most 4 KiB. Reads are made on the goroutine of the call. An error of the reader's is found in that of the call by [errors.Is].
//
// The reader must end after size bytes, for it is asked for its end as well: one that would wait for more, such as a
// connection, holds up the call. [io.LimitReader] with size makes it end.
//
// When the context ends, a Read that blocks is interrupted where the reader, or what an [io.LimitReader] of it reads, has
// SetReadDeadline: a [net.Conn], an [os.File] that is a pipe. The deadline then stays in the past. Any other Read that blocks holds
// up the call, until the program makes it return:
//
//	stop := context.AfterFunc(ctx, func() { body.Close() })
//	defer stop()
//
// The reader is never closed, and after a failure not read to its end. A program that writes into an [io.Pipe] on another goroutine
// waits for ever then, unless the reading side is closed: defer r.Close().
func FromReader(r io.Reader, size int64) Source {
	return Source{func(c *call, source *C.linq_source) {
		source.kind = C.LINQ_SOURCE_READER
		source.length = c.size("the size", size)
		if r == nil {
			c.refuse("the reader is nil")
			return
		}
		c.reader = newReader(r)
		source.user_data = unsafe.Pointer(c.handle)
		source.read = C.linq_read_fn(C.linqGoRead)
		if c.reader.seeker != nil {
			source.rewind = C.linq_rewind_fn(C.linqGoRewind)
		}
	}}
}

// UploadFile uploads a file on disk, and makes it usable in messages.
//
// [ErrFile]: it cannot be opened, is no regular file, or changed while being sent. [ErrUnsupported]: its type, size or
// name would be refused; nothing was sent. [ErrUnauthorized]: there is no API key, or Linq does not accept it.
//
// The system's reason is found as well: a missing file is ErrFile and [io/fs.ErrNotExist].
func (c *Client) UploadFile(ctx context.Context, path string, options ...UploadOption) (*Attachment, error) {
	return c.UploadFrom(ctx, FromFile(path), options...)
}

// Upload uploads exactly size bytes from a reader, which must end there, and is never closed: see [FromReader]. It fails as [Client.UploadFile] does.
func (c *Client) Upload(ctx context.Context, r io.Reader, name string, size int64, options ...UploadOption) (*Attachment, error) {
	return c.UploadFrom(ctx, FromReader(r, size), named(name, options)...)
}

// UploadBytes uploads bytes in memory: see [FromBytes]. It fails as [Client.UploadFile] does.
func (c *Client) UploadBytes(ctx context.Context, bytes []byte, name string, options ...UploadOption) (*Attachment, error) {
	return c.UploadFrom(ctx, FromBytes(bytes), named(name, options)...)
}

func named(name string, options []UploadOption) []UploadOption {
	return append([]UploadOption{WithFilename(name)}, options...)
}

// UploadFrom uploads from any source. One without a path needs [WithFilename]. It fails as [Client.UploadFile] does.
func (c *Client) UploadFrom(ctx context.Context, source Source, options ...UploadOption) (*Attachment, error) {
	call := newCall(ctx)
	defer call.close()
	from, with := call.source(source), call.uploadOptions(c, options)
	var attachment *Attachment
	err := call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var at *C.linq_attachment
		status := C.linq_upload(client, from, with, &at, failure)
		attachment = newAttachment(at)
		return status
	})
	return attachment, err
}

// UploadPresigned uploads to a place that was reserved elsewhere. It needs no API key, and sends none. A source whose size
// or type is not what was signed is refused before any network; the filename and content type need not be given.
//
// [ErrExpired]: the place is no longer open; ask your server for a new one, or see [WithRenew]. [ErrStorage]: the storage host
// refused.
func (c *Client) UploadPresigned(ctx context.Context, presigned *Presigned, source Source, options ...UploadOption) (*Attachment, error) {
	call := newCall(ctx)
	defer call.close()
	from, with := call.source(source), call.uploadOptions(c, options)
	json, length := call.presigned(presigned)
	var attachment *Attachment
	err := call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var place *C.linq_presigned
		if status := C.linq_presigned_parse(json, length, &place, failure); status != C.LINQ_OK {
			return status
		}
		defer C.linq_free(unsafe.Pointer(place))
		var at *C.linq_attachment
		status := C.linq_upload_presigned(client, place, from, with, &at, failure)
		attachment = newAttachment(at)
		return status
	})
	return attachment, err
}

func (c *call) source(source Source) *C.linq_source {
	s := C.linq_source_default()
	if source.prepare == nil {
		c.refuse("the source is empty")
	} else if c.err == nil && c.ctx.Err() == nil {
		source.prepare(c, &s)
	}
	return &s
}

// duplicate is a descriptor of the call's own, as the user may close the file's.
func (c *call) duplicate(file *os.File) (descriptor int) {
	conn, err := file.SyscallConn()
	if err != nil {
		c.fail(&Error{Status: StatusInvalidArgument, Message: "the open file is none", causes: []error{err}})
		return
	}
	closed := conn.Control(func(of uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if descriptor, err = syscall.Dup(int(of)); err == nil {
			syscall.CloseOnExec(descriptor)
			c.after = func() { syscall.Close(descriptor) }
		}
	})
	if closed != nil {
		c.fail(&Error{Status: StatusInvalidArgument, Message: "the open file is none", causes: []error{os.ErrClosed}})
	} else if err != nil {
		c.fail(&Error{Status: StatusFile, Message: "the open file cannot be used", causes: []error{err}})
	}
	return
}

func (c *call) uploadOptions(client *Client, options []UploadOption) *C.linq_upload_options {
	var s uploadSettings
	for _, option := range options {
		if option != nil {
			option(&s)
		}
	}
	with := C.linq_upload_options_default()
	with.filename = c.optional("the filename", s.filename)
	with.content_type = c.optional("the content type", s.contentType)
	if s.progress != nil {
		c.progress = s.progress
		with.user_data = unsafe.Pointer(c.handle)
		with.progress = C.linq_progress_fn(C.linqGoProgress)
	}
	if s.renew != nil {
		c.renew = s.renew
		with.renew_user_data = unsafe.Pointer(c.handle)
		with.renew = C.linq_renew_fn(C.linqGoRenew)
	}
	c.observed(client, &with.attempt, &with.attempt_user_data)
	with.cancel = c.token
	c.limit = &with.timeout_ms
	return &with
}

// newAttachment gives the original back; nil is nothing.
func newAttachment(at *C.linq_attachment) *Attachment {
	if at == nil {
		return nil
	}
	defer C.linq_free(unsafe.Pointer(at))
	a := result(at)
	return &Attachment{
		AttachmentID: C.GoString(a.attachment_id),
		DownloadURL:  C.GoString(a.download_url),
		Filename:     C.GoString(a.filename),
		ContentType:  C.GoString(a.content_type),
		SizeBytes:    int64(a.size_bytes),
		Attempts:     int(a.attempts),
	}
}
