package linq_test

import (
	"bytes"
	"context"
	"io"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

const noAnswer = `{"side":"api","times":0,"fault":{"no_answer":true}}`

// At its limit of threads Go ends the process: here, too, where the bound is lost.
func TestBurstOfCalls(t *testing.T) {
	calm(t)
	fault(`{"side":"storage","times":0,"fault":{"delay_ms":50}}`)
	before := debug.SetMaxThreads(entries("/proc/self/task") + 150)
	defer debug.SetMaxThreads(before)
	client, content := newClient(t), text(1000)
	for what, upload := range map[string]func() (*linq.Attachment, error){
		"bytes": func() (*linq.Attachment, error) { return client.UploadBytes(background, content, "b.txt") },
		"a reader, with progress": func() (*linq.Attachment, error) {
			return client.Upload(background, bytes.NewReader(content), "b.txt", 1000, linq.WithProgress(func(int64, int64) {}))
		},
	} {
		t.Run(what, func(t *testing.T) {
			var group sync.WaitGroup
			for range 400 {
				group.Add(1)
				go func() {
					defer group.Done()
					a, err := upload()
					if err != nil || a.SizeBytes != 1000 {
						t.Error(a, err)
					}
				}()
			}
			group.Wait()
		})
	}
}

// occupied is a client of one call at a time that has one, which lasts until the test ends.
func occupied(t *testing.T) *linq.Client {
	client := newClient(t, linq.WithMaxCalls(1))
	injected := fault(noAnswer)
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 1)
	go func() {
		_, err := client.Attachment(ctx, "5d3a9f3e-0000-4000-8000-000000000000")
		done <- err
	}()
	until(t, "the call runs", func() bool { return injected() == 1 })
	t.Cleanup(func() {
		cancel()
		failed(t, soon(t, done), linq.StatusCancelled, context.Canceled)
		stillWorks(t, client)
	})
	return client
}

func TestWaitingForAPlaceEndsWithTheContext(t *testing.T) {
	calm(t)
	client := occupied(t)
	promptly(t, func() time.Duration {
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		defer cancel()
		_, err := client.UploadBytes(ctx, []byte("abc"), "w.txt")
		deadline, _ := ctx.Deadline()
		late := time.Since(deadline)
		contains(t, failed(t, err, linq.StatusTimeout, context.DeadlineExceeded).Message, "nothing was done")
		return late
	})
	promptly(t, func() time.Duration {
		ctx, cancel := context.WithCancel(background)
		var start time.Time
		timer := time.AfterFunc(10*time.Millisecond, func() { start = time.Now(); cancel() })
		defer timer.Stop()
		_, err := client.UploadBytes(ctx, []byte("abc"), "w.txt")
		failed(t, err, linq.StatusCancelled, context.Canceled)
		return time.Since(start)
	})
	equal(t, len(requests()), 1)
}

// The time spent waiting for a place is subtracted from the timeout that the library gets.
func TestTheDeadlineCountsTheWaiting(t *testing.T) {
	calm(t)
	client := newClient(t, linq.WithMaxCalls(1))
	fault(`{"side":"api","times":1,"fault":{"delay_ms":1500}}`)
	fault(`{"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["Retry-After","1"]]}}}`)
	first := make(chan error, 1)
	go func() {
		_, err := client.Presign(background, linq.File{Filename: "a.txt", SizeBytes: 1})
		first <- err
	}()
	until(t, "the first call runs", func() bool { return len(requests()) == 1 })
	ctx, cancel := context.WithTimeout(background, 2*time.Second)
	defer cancel()
	_, err := client.Presign(ctx, linq.File{Filename: "b.txt", SizeBytes: 1})
	// It does not begin a wait that would end after the deadline.
	equal(t, failed(t, err, linq.StatusAPI).HTTPStatus, 503)
	equal(t, ctx.Err(), nil)
	equal(t, soon(t, first), nil)
}

// A callback may wait for calls, on its own goroutine or on others.
func TestCallsFromCallbacksDoNotWaitForThemselves(t *testing.T) {
	calm(t)
	for where, upload := range callbacks {
		for what, elsewhere := range map[string]func(func()){
			"on its goroutine": func(f func()) { f() },
			"on another": func(f func()) {
				done := make(chan bool)
				go func() { defer close(done); f() }()
				<-done
			},
		} {
			t.Run(where+" "+what, func(t *testing.T) {
				client := newClient(t, linq.WithMaxCalls(1))
				ctx, cancel := context.WithTimeout(background, 20*time.Second)
				defer cancel()
				calls := 0
				upload(client, func() {
					if calls++; calls > 1 {
						return
					}
					elsewhere(func() {
						a, err := client.UploadBytes(ctx, []byte("abc"), "inner.txt")
						arrived(t, a, err, "inner.txt", "text/plain", []byte("abc"))
					})
				})
				if calls == 0 {
					t.Error("the callback was not called")
				}
				stillWorks(t, client)
			})
		}
	}
}

// Each of the readers waits for a call that is made elsewhere.
func TestReadersThatWaitForCalls(t *testing.T) {
	calm(t)
	client, content := newClient(t, linq.WithMaxCalls(4)), text(1000)
	var group sync.WaitGroup
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			r, w := io.Pipe()
			defer r.Close()
			go func() {
				_, err := client.Presign(background, linq.File{Filename: "a.txt", SizeBytes: 1})
				w.Write(content)
				w.CloseWithError(err)
			}()
			a, err := client.Upload(background, r, "piped.txt", 1000)
			if err != nil || a.SizeBytes != 1000 {
				t.Error(a, err)
			}
		}()
	}
	group.Wait()
}

func TestPlacesComeBackAfterPanics(t *testing.T) {
	calm(t)
	client := newClient(t, linq.WithMaxCalls(1))
	for _, lasts := range []time.Duration{0, 30 * time.Millisecond} {
		func() {
			defer func() { equal(t, recover(), any("mine")) }()
			client.UploadBytes(background, []byte("abc"), "p.txt", linq.WithProgress(func(int64, int64) {
				time.Sleep(lasts)
				panic("mine")
			}))
		}()
		stillWorks(t, client)
	}
}

func TestNumberOfCallsIsChecked(t *testing.T) {
	_, err := linq.NewClient(linq.WithoutEnvironment(), linq.WithMaxCalls(-1))
	contains(t, failed(t, err, linq.StatusInvalidArgument).Message, "the number of calls at once")
	client := newClient(t, linq.WithMaxCalls(0))
	stillWorks(t, client)
}
