package linq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// A context's end takes effect within this, in every phase.
const promise = 10 * time.Millisecond

// phase is a state that a call can be stuck in.
type phase struct {
	name   string
	client *linq.Client
	fault  string // "": none is needed
	call   func(context.Context, *linq.Client) error
	there  func() bool // besides: the fault was injected
}

func phases(t *testing.T) []phase {
	plain := newClient(t)
	big := bytes.Repeat([]byte("a"), 20<<20)
	get := func(ctx context.Context, client *linq.Client) error {
		_, err := client.Attachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
		return err
	}
	upload := func(ctx context.Context, client *linq.Client) error {
		_, err := client.UploadBytes(ctx, big, "big.txt")
		return err
	}
	read := func(ctx context.Context, client *linq.Client) error {
		_, err := client.Upload(ctx, bytes.NewReader(big), "big.txt", int64(len(big)), linq.WithProgress(func(int64, int64) {}))
		return err
	}
	remove := func(ctx context.Context, client *linq.Client) error {
		return client.DeleteAttachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
	}
	send := func(ctx context.Context, client *linq.Client) error {
		_, err := client.SendMessage(ctx, linq.Message{From: sandbox.Phone, To: []string{"+15552223333"}, Text: "x"})
		return err
	}
	presign := func(ctx context.Context, client *linq.Client) error {
		_, err := client.Presign(ctx, linq.File{Filename: "a.txt", SizeBytes: 1})
		return err
	}
	answered := func() bool {
		log := requests()
		return len(log) > 0 && log[len(log)-1].Ended == "complete"
	}
	return []phase{
		{"connecting", newClient(t, linq.WithBaseURL(sandbox.BlackHole)), "", get, connecting},
		{"TLS handshake", newClient(t, linq.WithBaseURL(sandbox.APITLS), linq.WithCAFile(sandbox.CAFile)),
			`{"side":"api_tls","on":"connect","times":0,"fault":{"connect":"silent"}}`, get, nil},
		{"reserving", plain, `{"side":"api","times":0,"fault":{"no_answer":true}}`, upload, nil},
		{"sending bytes", plain, `{"side":"storage","times":0,"fault":{"stall_after":100000}}`, upload, nil},
		{"sending from a reader", plain, `{"side":"storage","times":0,"fault":{"stall_after":100000}}`, read, nil},
		{"waiting for the storage's answer", plain, `{"side":"storage","times":0,"fault":{"no_answer":true}}`, upload, nil},
		{"waiting to try again", plain,
			`{"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["Retry-After","30"]]}}}`, upload, answered},
		{"presigning", plain, `{"side":"api","times":0,"fault":{"no_answer":true}}`, presign, nil},
		{"asking", plain, `{"side":"api","times":0,"fault":{"no_answer":true}}`, get, nil},
		{"deleting", plain, `{"side":"api","times":0,"fault":{"no_answer":true}}`, remove, nil},
		{"sending a message", plain, `{"side":"api","times":0,"fault":{"no_answer":true}}`, send, nil},
	}
}

// connecting tells whether a SYN to the black hole is without an answer.
func connecting() bool {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		panic(err)
	}
	var port int
	fmt.Sscanf(sandbox.BlackHole[strings.LastIndex(sandbox.BlackHole, ":")+1:], "%d", &port)
	for _, line := range strings.Split(string(table), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 3 && fields[3] == "02" && strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", port)) {
			return true
		}
	}
	return false
}

// begin starts a call and returns once it is in its phase.
func (p phase) begin(t *testing.T, ctx context.Context) <-chan error {
	control("DELETE", "/faults", nil, nil)
	control("DELETE", "/requests", nil, nil)
	injected := func() int { return 1 }
	if p.fault != "" {
		injected = fault(p.fault)
	}
	done := make(chan error, 1)
	go func() { done <- p.call(ctx, p.client) }()
	until(t, p.name, func() bool { return injected() > 0 && (p.there == nil || p.there()) })
	return done
}

func soon(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it never ended")
		return nil
	}
}

// promptly measures until the median keeps the promise: a busy machine may need more than one round.
func promptly(t *testing.T, measure func() time.Duration) {
	t.Helper()
	var median time.Duration
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		var took []time.Duration
		for range 5 {
			took = append(took, measure())
		}
		slices.Sort(took)
		if median = took[len(took)/2]; median <= promise {
			t.Logf("median %v, of %v", median, took)
			return
		}
	}
	t.Errorf("median %v", median)
}

func TestCancelInEveryPhase(t *testing.T) {
	calm(t)
	mine := errors.New("why")
	for _, p := range phases(t) {
		t.Run(p.name, func(t *testing.T) {
			promptly(t, func() time.Duration {
				ctx, cancel := context.WithCancelCause(background)
				done := p.begin(t, ctx)
				start := time.Now()
				cancel(mine)
				err := soon(t, done)
				took := time.Since(start)
				e := failed(t, err, linq.StatusCancelled, linq.ErrCancelled, context.Canceled, mine)
				equal(t, e.Retryable, false)
				return took
			})
		})
	}
}

func TestDeadlineInEveryPhase(t *testing.T) {
	calm(t)
	for _, p := range phases(t) {
		t.Run(p.name, func(t *testing.T) {
			promptly(t, func() time.Duration {
				ctx, cancel := context.WithCancel(background)
				defer cancel()
				timed := &settable{Context: ctx, done: make(chan struct{})}
				done := p.begin(t, timed)
				start := time.Now()
				close(timed.done)
				err := soon(t, done)
				took := time.Since(start)
				e := failed(t, err, linq.StatusTimeout, linq.ErrTimeout, context.DeadlineExceeded)
				equal(t, e.Retryable, false)
				return took
			})
		})
	}
}

// settable is a context whose deadline passes when the test says so.
type settable struct {
	context.Context
	done chan struct{}
}

func (s *settable) Done() <-chan struct{} { return s.done }
func (s *settable) Err() error {
	select {
	case <-s.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestDeadlineByTheClock(t *testing.T) {
	calm(t)
	fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
	client := newClient(t)
	promptly(t, func() time.Duration {
		ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
		defer cancel()
		_, err := client.Attachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
		deadline, _ := ctx.Deadline()
		late := time.Since(deadline)
		equal(t, failed(t, err, linq.StatusTimeout, linq.ErrTimeout, context.DeadlineExceeded).Retryable, false)
		if late < 0 {
			t.Errorf("%v too early", -late)
		}
		return late
	})
}

// The library may be a moment ahead of the context: a caller who asks the context after the call gets the same answer.
func TestDeadlineIsTheContextsOwn(t *testing.T) {
	calm(t)
	fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
	client, mine := newClient(t), errors.New("mine")
	same := func() bool {
		inner, end := context.WithCancelCause(background)
		defer end(nil)
		ctx := tardy{deadlined{inner, time.Now().Add(20 * time.Millisecond)}}
		timer := time.AfterFunc(30*time.Millisecond, func() { end(mine) })
		defer timer.Stop()
		_, err := client.Attachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
		over := ctx.Err() != nil
		failed(t, err, linq.StatusTimeout, linq.ErrTimeout, context.DeadlineExceeded)
		return over && errors.Is(err, mine)
	}
	// A busy machine may hold up a call until the context has ended by itself, or the context's end for too long.
	until(t, "nearly all contexts had ended, too", func() bool {
		ended := 0
		for range 10 {
			if same() {
				ended++
			}
		}
		return ended >= 8
	})
}

// tardy ends some time after its deadline.
type tardy struct{ deadlined }

func (c tardy) Err() error {
	if c.deadlined.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// The library knows the deadline: it does not sit out a wait that is too long, but says what it was for.
func TestDeadlineBeforeTheNextAttempt(t *testing.T) {
	calm(t)
	fault(`{"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["Retry-After","30"]]}}}`)
	ctx, cancel := context.WithTimeout(background, 20*time.Second)
	defer cancel()
	_, err := newClient(t).Presign(ctx, linq.File{Filename: "a.txt", SizeBytes: 1})
	e := failed(t, err, linq.StatusAPI, linq.ErrAPI)
	equal(t, e.RetryAfter, 30*time.Second)
	equal(t, e.HTTPStatus, 503)
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Error("the deadline was waited for")
	}
}

func TestContextThatHasEnded(t *testing.T) {
	calm(t)
	client := newClient(t)
	cancelled, cancel := context.WithCancel(background)
	cancel()
	past, cancel := context.WithDeadline(background, time.Now().Add(-time.Hour))
	defer cancel()
	unread := strings.NewReader("unread")
	for _, c := range []struct {
		ctx    context.Context
		status linq.Status
		is     error
	}{{cancelled, linq.StatusCancelled, context.Canceled}, {past, linq.StatusTimeout, context.DeadlineExceeded}} {
		for _, p := range phases(t) {
			equal(t, failed(t, p.call(c.ctx, client), c.status, c.is).Retryable, false)
		}
		_, err := client.Upload(c.ctx, unread, "u.txt", 6)
		failed(t, err, c.status, c.is)
	}
	equal(t, unread.Len(), 6)
	equal(t, len(requests()), 0)
}

// Neither is anything looked at: whatever else is wrong, the error is that the context has ended.
func TestContextThatHasEndedLooksAtNothing(t *testing.T) {
	calm(t)
	client, closed := newClient(t), newClient(t)
	closed.Close()
	ctx, cancel := context.WithCancel(background)
	cancel()
	sought := seeks{bytes.NewReader(text(3)), func(int) { t.Error("it was sought") }}
	var none *os.File
	for _, c := range []*linq.Client{client, closed, nil} {
		for _, source := range []linq.Source{
			linq.FromReader(sought, 3), linq.FromReader(nil, 3), linq.FromReader(sought, -1), linq.FromFile("\x00"),
			linq.FromOpenFile(none, 0, 0), {},
		} {
			for _, name := range []string{"a.txt", "a\x00.txt"} {
				_, err := c.UploadFrom(ctx, source, linq.WithFilename(name))
				failed(t, err, linq.StatusCancelled, context.Canceled)
				_, err = c.UploadPresigned(ctx, nil, source, linq.WithFilename(name))
				failed(t, err, linq.StatusCancelled, context.Canceled)
			}
		}
	}
}

func TestContextThatEndsTooLate(t *testing.T) {
	calm(t)
	ctx, cancel := context.WithCancel(background)
	content := text(100_000)
	a, err := newClient(t).UploadBytes(ctx, content, "late.txt")
	cancel()
	arrived(t, a, err, "late.txt", "text/plain", content)
	far, cancel := context.WithDeadline(background, time.Now().Add(1<<62))
	defer cancel()
	a, err = newClient(t).UploadBytes(far, content, "far.txt")
	arrived(t, a, err, "far.txt", "text/plain", content)
}

// A reader may learn of the end before the library does, and answer with an error or as if there were no more.
func TestReaderThatEndsWithTheContext(t *testing.T) {
	calm(t)
	client := newClient(t)
	mine := errors.New("mine")
	for _, before := range []int{0, 200_000} {
		for _, answer := range []error{io.EOF, mine} {
			ctx, cancel := context.WithCancelCause(background)
			why := errors.New("why")
			_, err := client.Upload(ctx, &faulty{before, func([]byte) (int, error) {
				cancel(why)
				return 0, answer
			}}, "r.txt", 300_000)
			ended(t, err, context.Canceled)
			ended(t, err, why)

			late, cancelLate := context.WithTimeout(background, 50*time.Millisecond)
			_, err = client.Upload(late, &faulty{before, func([]byte) (int, error) {
				<-late.Done()
				return 0, answer
			}}, "r.txt", 300_000)
			cancelLate()
			ended(t, err, context.DeadlineExceeded)

			// By the clock the deadline has passed, but nobody has said so yet.
			silent := &settable{Context: deadlined{background, time.Now().Add(50 * time.Millisecond)}, done: make(chan struct{})}
			_, err = client.Upload(silent, &faulty{before, func([]byte) (int, error) {
				deadline, _ := silent.Deadline()
				time.Sleep(time.Until(deadline))
				return 0, answer
			}}, "r.txt", 300_000)
			ended(t, err, context.DeadlineExceeded)
		}
		// One that ends too soon while its context lives is the reader's matter alone.
		ctx, cancel := context.WithTimeout(background, time.Hour)
		_, err := client.Upload(ctx, &faulty{before, func([]byte) (int, error) { return 0, io.EOF }}, "r.txt", 300_000)
		cancel()
		failed(t, err, linq.StatusFile)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
}

type deadlined struct {
	context.Context
	at time.Time
}

func (d deadlined) Deadline() (time.Time, bool) { return d.at, true }

func ended(t *testing.T, err, is error) {
	t.Helper()
	var e *linq.Error
	if !errors.As(err, &e) || !errors.Is(err, is) || e.Retryable {
		t.Errorf("%v is not %v, or %+v", err, is, e)
	}
}

// As the README has it: a caller who goes on while it is retryable comes to an end.
func TestRetryingEndsWithTheContext(t *testing.T) {
	calm(t)
	fault(`{"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["Retry-After","0"]]}}}`)
	client := newClient(t, linq.WithMaxAttempts(1))
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	var failure *linq.Error
	calls, ends := 0, time.Now().Add(30*time.Second)
	for {
		_, err := client.Presign(ctx, linq.File{Filename: "a.txt", SizeBytes: 1})
		if !errors.As(err, &failure) || !failure.Retryable || time.Now().After(ends) {
			break
		}
		if calls++; calls == 3 {
			cancel()
		}
	}
	equal(t, calls, 3)
	equal(t, failure.Status, linq.StatusCancelled)
}

// A reader is asked for its end, too.
func TestReaderThatWouldGiveMoreLater(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(50_000)
	r, w := io.Pipe()
	defer r.Close()
	go w.Write(content) // and no Close
	a, err := client.Upload(background, io.LimitReader(r, 50_000), "p.txt", 50_000)
	arrived(t, a, err, "p.txt", "text/plain", content)
}

// A reader that has deadlines is interrupted, also through a limit. For one that has none the documentation advises this.
func TestReadThatBlocksIsInterrupted(t *testing.T) {
	calm(t)
	client := newClient(t)
	file := func(t *testing.T) (io.Reader, io.WriteCloser) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r, w
	}
	for what, open := range map[string]func(t *testing.T) (io.Reader, io.WriteCloser){
		"a pipe": file,
		"a limit of a pipe": func(t *testing.T) (io.Reader, io.WriteCloser) {
			r, w := file(t)
			return io.LimitReader(io.LimitReader(r, 1000), 1000), w
		},
		"a connection": func(t *testing.T) (io.Reader, io.WriteCloser) {
			r, w := net.Pipe()
			t.Cleanup(func() { r.Close() })
			return r, w
		},
	} {
		t.Run(what, func(t *testing.T) {
			promptly(t, func() time.Duration {
				r, w := open(t)
				defer w.Close()
				go w.Write(text(100))
				ctx, cancel := context.WithCancel(background)
				defer cancel()
				var start time.Time
				time.AfterFunc(30*time.Millisecond, func() { start = time.Now(); cancel() })
				done := make(chan error, 1)
				go func() {
					_, err := client.Upload(ctx, r, "r.txt", 1000)
					done <- err
				}()
				err := soon(t, done)
				took := time.Since(start)
				ended(t, err, context.Canceled)
				return took
			})
			late := func() error {
				r, w := open(t)
				defer w.Close()
				ctx, cancel := context.WithTimeout(background, 30*time.Millisecond)
				defer cancel()
				_, err := client.Upload(ctx, r, "r.txt", 1000)
				return err
			}
			ended(t, late(), context.DeadlineExceeded)
		})
	}
}

func TestReadThatBlocksIsEnded(t *testing.T) {
	calm(t)
	client := newClient(t)
	for what, end := range map[string]func(*os.File) error{
		"a deadline": func(r *os.File) error { return r.SetReadDeadline(time.Now()) },
		"Close":      (*os.File).Close,
	} {
		t.Run(what, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			w.Write(text(100))
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			stop := context.AfterFunc(ctx, func() { end(r) })
			defer stop()
			blocks := &faulty{0, func(p []byte) (int, error) {
				time.AfterFunc(10*time.Millisecond, cancel)
				return io.ReadFull(r, p[:200])
			}}
			done := make(chan error, 1)
			go func() {
				_, err := client.Upload(ctx, blocks, "r.txt", 1000)
				done <- err
			}()
			ended(t, soon(t, done), context.Canceled)
		})
	}
}
