package linq_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// Where a callback of the caller's can be: each calls f in one of its kinds.
var callbacks = map[string]func(*linq.Client, func()) (*linq.Attachment, error){
	"progress": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		return client.UploadBytes(background, text(100_000), "p.txt", linq.WithProgress(func(int64, int64) { f() }))
	},
	"progress of a reader": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		return client.Upload(background, bytes.NewReader(text(9)), "p.txt", 9, linq.WithProgress(func(int64, int64) { f() }))
	},
	"first read": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		return client.Upload(background, &faulty{0, func([]byte) (int, error) { f(); return 0, io.EOF }}, "r.txt", 100_000)
	},
	"later read": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		return client.Upload(background, &faulty{70_000, func([]byte) (int, error) { f(); return 0, io.EOF }}, "r.txt", 100_000)
	},
	"seek": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		return client.Upload(background, seeks{bytes.NewReader(text(100_000)), func(int) { f() }}, "s.txt", 100_000)
	},
	"seek back": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		// More than once: what is left of an upload that another callback ended may be hit by one.
		fault(`{"side":"storage","times":2,"fault":{"respond":{"status":503,"code":"SlowDown"}}}`)
		return client.Upload(background, seeks{bytes.NewReader(text(100_000)), func(whence int) {
			if whence == io.SeekStart {
				f()
			}
		}}, "s.txt", 100_000)
	},
	"renew": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		fault(`{"side":"api","method":"POST","fault":{"expired":true}}`)
		file := linq.File{Filename: "r.txt", SizeBytes: 9}
		old, err := client.Presign(background, file)
		if err != nil {
			return nil, err
		}
		next, err := client.Presign(background, file)
		if err != nil {
			return nil, err
		}
		renew := func(context.Context, *linq.Presigned) (*linq.Presigned, error) { f(); return next, nil }
		return client.UploadPresigned(background, old, linq.FromBytes(text(9)), linq.WithRenew(renew))
	},
	"attempt": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		told := func(context.Context, linq.Attempt) { f() }
		observed, err := linq.NewClient(
			linq.WithoutEnvironment(), linq.WithAPIKey(sandbox.Key), linq.WithBaseURL(sandbox.API), linq.WithAttempt(told))
		if err != nil {
			return nil, err
		}
		defer observed.Close()
		return observed.UploadBytes(background, text(9), "a.txt")
	},
	// The first line comes before anything is sent.
	"logger": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		linq.SetLogger(slog.New(handler(func(context.Context, slog.Record) { f() })))
		defer linq.SetLogger(nil)
		return client.UploadBytes(background, text(100), "l.txt")
	},
	"option": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		o := linq.WithFilename("o.txt")
		return client.UploadBytes(background, text(100), "o.txt", func() linq.UploadOption { f(); return o }())
	},
	"context": func(client *linq.Client, f func()) (*linq.Attachment, error) {
		return client.UploadBytes(strange{background, f}, text(100), "c.txt")
	},
}

type strange struct {
	context.Context
	f func()
}

func (s strange) Value(key any) any { s.f(); return nil }

type seeks struct {
	*bytes.Reader
	f func(whence int)
}

func (s seeks) Seek(offset int64, whence int) (int64, error) {
	s.f(whence)
	return s.Reader.Seek(offset, whence)
}

// handler gets every line.
type handler func(context.Context, slog.Record)

func (handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	h(ctx, r)
	return nil
}
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h handler) WithGroup(string) slog.Handler      { return h }

func TestPanicComesOutOfTheCall(t *testing.T) {
	calm(t)
	client := newClient(t)
	mine := errors.New("mine")
	for where, upload := range callbacks {
		t.Run(where, func(t *testing.T) {
			calls, before := 0, puts()
			defer func() {
				if got := recover(); got != mine {
					t.Errorf("%v came out, not what went in", got)
				}
				equal(t, calls, 1)
				equal(t, puts(), before)
				stillWorks(t, client)
			}()
			upload(client, func() { calls++; panic(mine) })
			t.Error("the panic was lost")
		})
	}
}

// puts counts what was uploaded.
func puts() (count int) {
	for _, object := range objects() {
		count += object.Puts
	}
	return count
}

func TestPanicOfNilAndOfTheRuntime(t *testing.T) {
	calm(t)
	client := newClient(t)
	for _, panics := range []func(){
		func() { panic(nil) },
		func() { _ = *(*int)(nil) },
		func() { var list []int; _ = list[len(os.Args)+1] },
	} {
		func() {
			defer func() {
				if _, ok := recover().(runtime.Error); !ok {
					t.Error("not that of the runtime")
				}
			}()
			callbacks["progress"](client, panics)
		}()
	}
	stillWorks(t, client)
}

func TestGoexitDoesNotUnwindC(t *testing.T) {
	calm(t)
	client := newClient(t)
	for where, upload := range callbacks {
		t.Run(where, func(t *testing.T) {
			ended, returned := make(chan bool), false
			go func() {
				defer close(ended)
				upload(client, runtime.Goexit)
				returned = true
			}()
			<-ended
			if returned {
				t.Error("the goroutine went on")
			}
			stillWorks(t, client)
		})
	}
}

// As users do it: the test fails, and nothing else happens.
func TestFatalInACallback(t *testing.T) {
	if os.Getenv("LINQ_TEST_FATAL") != "" {
		client := newClient(t)
		defer fmt.Println("deferred")
		callbacks["later read"](client, func() { t.Fatal("said in a reader") })
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestFatalInACallback$")
	command.Env = append(os.Environ(), "LINQ_TEST_FATAL=1")
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	contains(t, string(out), "deferred", "said in a reader", "--- FAIL: TestFatalInACallback")
	if strings.Contains(string(out), "panic") || strings.Contains(string(out), "fatal error") {
		t.Errorf("%s", out)
	}
}

func stillWorks(t *testing.T, client *linq.Client) {
	t.Helper()
	control("DELETE", "/faults", nil, nil)
	content := text(5000)
	a, err := client.Upload(background, bytes.NewReader(content), "still.txt", 5000)
	arrived(t, a, err, "still.txt", "text/plain", content)
}

func goroutine() string {
	stack := make([]byte, 64)
	return strings.Fields(string(stack[:runtime.Stack(stack, false)]))[1]
}

func TestCallbacksRunOnTheCallingGoroutine(t *testing.T) {
	calm(t)
	client := newClient(t)
	me := goroutine()
	for where, upload := range callbacks {
		calls := 0
		upload(client, func() {
			calls++
			if goroutine() != me {
				t.Error(where, "runs elsewhere")
			}
		})
		if calls == 0 {
			t.Error(where, "never runs")
		}
	}
}

func TestCallbacksMayMakeCalls(t *testing.T) {
	calm(t)
	client := newClient(t)
	for where, upload := range callbacks {
		t.Run(where, func(t *testing.T) {
			inner := 0
			a, err := upload(client, func() {
				if inner++; inner == 1 {
					stillWorks(t, client)
				}
			})
			if where != "first read" && where != "later read" && (a == nil || err != nil) {
				t.Error(a, err)
			}
		})
	}
}

func TestCloseInACallback(t *testing.T) {
	calm(t)
	for where, upload := range callbacks {
		t.Run(where, func(t *testing.T) {
			client := newClient(t)
			a, err := upload(client, func() { client.Close() })
			switch where {
			case "first read", "later read":
				failed(t, err, linq.StatusFile)
			case "option", "seek": // before the call holds the client
			default:
				if a == nil || err != nil {
					t.Error(a, err)
				}
			}
			_, err = client.UploadBytes(background, text(10), "x.txt")
			failed(t, err, linq.StatusInvalidArgument, linq.ErrClosed)
		})
	}
}

func TestCancelInACallback(t *testing.T) {
	calm(t)
	client := newClient(t)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	calls := 0
	_, err := client.UploadBytes(ctx, text(8<<20), "c.txt", linq.WithProgress(func(int64, int64) { calls++; cancel() }))
	failed(t, err, linq.StatusCancelled, context.Canceled)
	if calls > 2 {
		t.Errorf("%d calls", calls)
	}
}

// keeper writes to its buffer long after Read, as readers with a timeout of their own do.
type keeper struct {
	io.Reader
	kept chan []byte
}

func (k keeper) Read(p []byte) (int, error) {
	select {
	case k.kept <- p:
	default:
	}
	return k.Reader.Read(p)
}

func TestReaderThatKeepsItsBuffer(t *testing.T) {
	calm(t)
	content := text(300_000)
	k := keeper{bytes.NewReader(content), make(chan []byte, 100)}
	a, err := newClient(t).Upload(background, k, "k.txt", 300_000)
	for len(k.kept) > 0 {
		clear(<-k.kept)
	}
	arrived(t, a, err, "k.txt", "text/plain", content)
}

func TestSlowCallbacksDoNotHoldUpOthers(t *testing.T) {
	calm(t)
	client := newClient(t)
	hold, held := make(chan bool), make(chan bool)
	done := make(chan error)
	go func() {
		first := true
		_, err := client.UploadBytes(background, text(10), "s.txt", linq.WithProgress(func(int64, int64) {
			if first {
				first = false
				close(held)
				<-hold
			}
		}))
		done <- err
	}()
	<-held
	stillWorks(t, client)
	close(hold)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLog(t *testing.T) {
	calm(t)
	client := newClient(t)
	type line struct {
		level slog.Level
		text  string
	}
	type name struct{}
	var lines []line
	linq.SetLogger(slog.New(handler(func(ctx context.Context, r slog.Record) {
		equal(t, ctx.Value(name{}), any("mine"))
		lines = append(lines, line{r.Level, r.Message})
		if len(lines) == 1 { // its own lines are dropped
			_, err := client.UploadBytes(ctx, text(10), "inner.txt")
			equal(t, err, nil)
			linq.SetLogger(slog.Default())
			linq.SetLogger(nil)
		}
	})))
	ctx := context.WithValue(background, name{}, "mine")
	client.UploadBytes(ctx, text(10), "first.txt")
	equal(t, len(lines), 1)

	linq.SetLogger(slog.New(handler(func(ctx context.Context, r slog.Record) { lines = append(lines, line{r.Level, r.Message}) })))
	defer linq.SetLogger(nil)
	lines = nil
	fault(`{"side":"storage","fault":{"respond":{"status":503,"code":"SlowDown","headers":[["Retry-After","0"]]}}}`)
	a, err := client.UploadBytes(ctx, text(10), "log.txt")
	if err != nil {
		t.Fatal(err)
	}
	client.Attachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
	_, err = linq.ParsePresigned([]byte("{}"))
	by := map[slog.Level]string{}
	for _, l := range lines {
		by[l.level] += l.text + "\n"
	}
	contains(t, by[slog.LevelDebug], "PUT to 127.0.0.1", "answered 503", "answered 200")
	contains(t, by[slog.LevelInfo], "reserved "+a.AttachmentID+" for log.txt", a.AttachmentID+" is uploaded")
	contains(t, by[slog.LevelWarn], "attempt 1 of 4 failed", "SlowDown")
	contains(t, by[slog.LevelError], "5d3a9f3e", failed(t, err, linq.StatusInvalidArgument).Message)
	for _, l := range lines {
		if strings.Contains(l.text, sandbox.Key) || strings.Contains(l.text, "X-Amz-Signature") {
			t.Errorf("a secret: %s", l.text)
		}
	}
}

// Calls without a context, or with another one, are not logged either when a handler makes them.
func TestHandlersAreNotHeard(t *testing.T) {
	calm(t)
	client := newClient(t)
	place, err := presign(t, client, 3).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func(){
		"ParsePresigned": func() { linq.ParsePresigned(nil) },
		"Unmarshal":      func() { json.Unmarshal([]byte("{}"), new(linq.Presigned)) },
		"NewClient":      func() { linq.NewClient(linq.WithBaseURL("no URL")) },
		"another context": func() {
			client.Attachment(background, "5d3a9f3e-0000-4000-8000-000000000000")
		},
		"UploadPresigned, and what its callbacks call": func() {
			p, err := linq.ParsePresigned(place)
			if err != nil {
				t.Error(err)
			}
			client.UploadPresigned(background, p, linq.FromReader(&faulty{0, func([]byte) (int, error) {
				linq.ParsePresigned(nil)
				return 0, io.EOF
			}}, 3))
		},
	} {
		t.Run(what, func(t *testing.T) {
			lines := 0
			linq.SetLogger(slog.New(handler(func(context.Context, slog.Record) {
				if lines++; lines < 10 {
					runtime.Gosched()
					call()
				}
			})))
			defer linq.SetLogger(nil)
			linq.ParsePresigned(nil)
			equal(t, lines, 1)
			// Only while it is in the handler: the goroutine's own calls are logged, after a panic of the handler too.
			linq.ParsePresigned(nil)
			equal(t, lines, 2)
			linq.SetLogger(slog.New(handler(func(context.Context, slog.Record) { lines++; panic("mine") })))
			for range 2 {
				func() {
					defer func() { recover() }()
					linq.ParsePresigned(nil)
				}()
			}
			equal(t, lines, 4)
		})
	}
}

// What a handler has another goroutine do is known by the handler's context.
func TestHandlersOtherGoroutinesAreNotHeard(t *testing.T) {
	calm(t)
	client := newClient(t)
	var lines atomic.Int32
	linq.SetLogger(slog.New(handler(func(ctx context.Context, _ slog.Record) {
		if lines.Add(1) > 10 {
			return
		}
		done := make(chan error, 1)
		go func() {
			_, err := client.Attachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
			done <- err
		}()
		failed(t, soon(t, done), linq.StatusNotFound)
	})))
	defer linq.SetLogger(nil)
	linq.ParsePresigned(nil)
	equal(t, lines.Load(), 1)
}

// Only what the library itself refused, or failed at, is in the log.
func TestWhatGoRefusesIsNotLogged(t *testing.T) {
	calm(t)
	client, closed := newClient(t), newClient(t)
	closed.Close()
	ended, cancel := context.WithCancel(background)
	cancel()
	var levels []slog.Level
	linq.SetLogger(slog.New(handler(func(_ context.Context, r slog.Record) { levels = append(levels, r.Level) })))
	defer linq.SetLogger(nil)
	for _, call := range []func() error{
		func() error { _, err := client.UploadBytes(ended, text(1), "a.txt"); return err },
		func() error { _, err := client.UploadBytes(background, text(1), "a\x00.txt"); return err },
		func() error { _, err := client.Upload(background, nil, "a.txt", 1); return err },
		func() error { _, err := closed.UploadBytes(background, text(1), "a.txt"); return err },
	} {
		if call() == nil {
			t.Error("it was not refused")
		}
	}
	equal(t, len(levels), 0)
	linq.ParsePresigned(nil)
	if !slices.Equal(levels, []slog.Level{slog.LevelError}) {
		t.Error(levels)
	}
}

func TestLoggersMayChangeWhileCallsRun(t *testing.T) {
	calm(t)
	client := newClient(t)
	defer linq.SetLogger(nil)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				linq.SetLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
				linq.SetLogger(nil)
				time.Sleep(time.Microsecond)
			}
		}
	}()
	for range 20 {
		stillWorks(t, client)
	}
	close(stop)
	<-stopped
}

func TestFilesMayBeClosedInCallbacks(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(3<<20)
	f, err := os.Open(file(t, "x.txt", content))
	if err != nil {
		t.Fatal(err)
	}
	a, err := client.UploadFrom(background, linq.FromOpenFile(f, 0, 0), linq.WithFilename("closed.txt"),
		linq.WithProgress(func(int64, int64) { f.Close() }))
	arrived(t, a, err, "closed.txt", "text/plain", content)

	// Closing a pipe waits for its users.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	linq.SetLogger(slog.New(handler(func(context.Context, slog.Record) { r.Close() })))
	defer linq.SetLogger(nil)
	_, err = client.UploadFrom(background, linq.FromOpenFile(r, 0, 0), linq.WithFilename("pipe.txt"))
	contains(t, failed(t, err, linq.StatusFile, linq.ErrFile).Message, "not a regular file")
}

func TestCallbacksInCallbacks(t *testing.T) {
	calm(t)
	client := newClient(t)
	var dive func(depth int) error
	dive = func(depth int) (err error) {
		_, outer := client.UploadBytes(background, text(10), "d.txt", linq.WithProgress(func(sent, _ int64) {
			if sent == 0 && depth > 0 {
				err = dive(depth - 1)
			}
		}))
		return errors.Join(outer, err)
	}
	equal(t, dive(30), nil)
}

func TestPanicsWherePanicsAre(t *testing.T) {
	calm(t)
	client := newClient(t)
	came := func(call func()) (what any) {
		defer func() { what = recover() }()
		call()
		return nil
	}
	equal(t, came(func() {
		callbacks["progress"](client, func() {
			defer func() { panic("second") }()
			defer stillWorks(t, client)
			panic("first")
		})
	}), any("second"))
	linq.SetLogger(slog.New(handler(func(context.Context, slog.Record) { panic("said") })))
	defer linq.SetLogger(nil)
	equal(t, came(func() { linq.NewClient(linq.WithBaseURL("no URL")) }), any("said"))
	equal(t, came(func() { linq.ParsePresigned(nil) }), any("said"))
	linq.SetLogger(nil)
	stillWorks(t, client)
}
