//go:build cgo

package linq

import (
	"context"
	"io"
	"time"
)

// reader is an io.Reader as C wants it: 0 is the end and nothing else, and an error comes alone.
type reader struct {
	io.Reader
	seeker io.Seeker // nil where it cannot begin again
	start  int64
	buffer []byte
	err    error // what came beside the last bytes
	failed error // what the call returns
}

const (
	mostBytes = 256 << 10
	mostEmpty = 100
)

func newReader(r io.Reader) *reader {
	wrapped := &reader{Reader: r}
	if seeker, ok := r.(io.Seeker); ok {
		// A pipe is an *os.File too, but does not seek.
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			wrapped.seeker, wrapped.start = seeker, start
		}
	}
	return wrapped
}

// fill puts the next bytes into C's buffer: how many, 0 at the end, -1 for an error.
func (r *reader) fill(to []byte) int {
	// A Reader that keeps its buffer and writes to it later must not have got C's.
	if size := min(len(to), mostBytes); len(r.buffer) < size {
		r.buffer = make([]byte, size)
	}
	buffer := r.buffer[:min(len(to), len(r.buffer))]
	for range mostEmpty {
		if r.err == io.EOF {
			return 0
		}
		if r.err != nil {
			r.failed = r.err
			return -1
		}
		var n int
		n, r.err = r.Read(buffer)
		if n < 0 || n > len(buffer) {
			r.failed = errBadCount
			return -1
		}
		if n > 0 {
			return copy(to, buffer[:n])
		}
	}
	r.failed = io.ErrNoProgress
	return -1
}

func (r *reader) rewind() bool {
	r.err = nil
	_, r.failed = r.seeker.Seek(r.start, io.SeekStart)
	return r.failed == nil
}

// interruptible is what a blocked Read of can be ended: an *os.File that is a pipe or a terminal, a net.Conn.
type interruptible interface{ SetReadDeadline(time.Time) error }

// interruptAtEnd lets no Read block longer than the context lives, where the reader has deadlines.
func (r *reader) interruptAtEnd(ctx context.Context) (stop func()) {
	inner := r.Reader
	for {
		limited, ok := inner.(*io.LimitedReader)
		if !ok {
			break
		}
		inner = limited.R
	}
	conn, ok := inner.(interruptible)
	if !ok {
		return func() {}
	}
	done := make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		defer close(done)
		conn.SetReadDeadline(time.Now())
	})
	return func() {
		if !forget() {
			<-done
		}
	}
}
