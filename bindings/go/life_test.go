package linq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func TestCloseWhileCallsRun(t *testing.T) {
	calm(t)
	injected := fault(`{"side":"api","times":0,"fault":{"delay_ms":200}}`)
	client := newClient(t)
	content := text(1000)
	const calls = 8
	var group sync.WaitGroup
	for range calls {
		group.Add(1)
		go func() {
			defer group.Done()
			a, err := client.UploadBytes(background, content, "c.txt")
			arrived(t, a, err, "c.txt", "text/plain", content)
		}()
	}
	until(t, "all calls are on their way", func() bool { return injected() == calls })
	equal(t, client.Close(), nil)
	equal(t, client.Close(), nil)
	_, err := client.UploadBytes(background, content, "c.txt")
	failed(t, err, linq.StatusInvalidArgument, linq.ErrClosed, linq.ErrInvalidArgument)
	group.Wait()
}

func TestClientsThatAreNone(t *testing.T) {
	calm(t)
	var none *linq.Client
	equal(t, none.Close(), nil)
	for _, client := range []*linq.Client{none, new(linq.Client)} {
		for _, p := range phases(t) {
			failed(t, p.call(background, client), linq.StatusInvalidArgument, linq.ErrClosed)
		}
	}
	equal(t, new(linq.Client).Close(), nil)
}

func TestNoContext(t *testing.T) {
	calm(t)
	client := newClient(t)
	for _, p := range phases(t) {
		contains(t, failed(t, p.call(nil, client), linq.StatusInvalidArgument).Message, "ctx is nil")
	}
	equal(t, len(requests()), 0)
}

func TestManyGoroutinesCloseOneClient(t *testing.T) {
	calm(t)
	for range 20 {
		client := newClient(t)
		var group sync.WaitGroup
		for range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				a, err := client.UploadBytes(background, []byte("abc"), "c.txt")
				if err != nil {
					failed(t, err, linq.StatusInvalidArgument, linq.ErrClosed)
				} else if a.SizeBytes != 3 {
					t.Error(a)
				}
				client.Close()
			}()
		}
		group.Wait()
	}
}

// The connection that a client keeps goes with the client.
func TestClientThatIsNeverClosed(t *testing.T) {
	calm(t)
	open := func() int {
		var listeners map[string]struct{ Open int }
		control("GET", "/connections", nil, &listeners)
		return listeners["api"].Open
	}
	runtime.GC()
	before := open()
	func() {
		client, err := linq.NewClient()
		if err != nil {
			t.Fatal(err)
		}
		client.UploadBytes(background, []byte("abc"), "n.txt")
	}()
	until(t, "the net caught it", func() bool { runtime.GC(); return open() <= before })
}

// A context that ends at any moment of an upload leaves either a whole attachment or the context's error.
func TestContextsThatEndAroundCompletion(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(40_000)
	want := sum(content)
	// How long an upload takes depends on the machine and on what else it does: each outcome moves the next guess.
	var guess atomic.Int64
	guess.Store(int64(10 * time.Millisecond))
	var whole sync.Map
	var succeeded, cancelled, late atomic.Int32
	var group sync.WaitGroup
	places := make(chan bool, 16)
	for i := range 500 {
		group.Add(1)
		places <- true
		go func() {
			defer group.Done()
			defer func() { <-places }()
			when := time.Duration(guess.Load()/2 + rand.Int64N(guess.Load()))
			var ctx context.Context
			var end context.CancelFunc
			if i%2 == 0 {
				ctx, end = context.WithTimeout(background, when)
			} else {
				ctx, end = context.WithCancel(background)
				timer := time.AfterFunc(when, end)
				defer timer.Stop()
			}
			defer end()
			var a *linq.Attachment
			var err error
			switch i % 3 {
			case 0:
				a, err = client.UploadBytes(ctx, content, "w.txt")
			case 1:
				a, err = client.Upload(ctx, bytes.NewReader(content), "w.txt", int64(len(content)))
			default:
				a, err = client.UploadBytes(ctx, content, "w.txt", linq.WithProgress(func(int64, int64) {}))
			}
			switch {
			case err == nil:
				succeeded.Add(1)
				guess.Store(guess.Load() * 96 / 100)
				whole.Store(a.AttachmentID, true)
			case errors.Is(err, context.DeadlineExceeded):
				late.Add(1)
				failed(t, err, linq.StatusTimeout, linq.ErrTimeout)
			default:
				cancelled.Add(1)
				failed(t, err, linq.StatusCancelled, context.Canceled)
			}
			if err != nil {
				guess.Store(guess.Load() * 104 / 100)
			}
			if (a == nil) == (err == nil) {
				t.Error(a, err)
			}
		}()
	}
	group.Wait()
	there := objects()
	whole.Range(func(id, _ any) bool {
		if there[id.(string)].SHA256 != want {
			t.Errorf("%v is not whole: %v", id, there[id.(string)])
		}
		return true
	})
	t.Logf("%d succeeded, %d cancelled, %d late", succeeded.Load(), cancelled.Load(), late.Load())
	for _, n := range []int32{succeeded.Load(), cancelled.Load(), late.Load()} {
		if n < 20 {
			t.Error("these were too few to tell anything")
		}
	}
	stillWorks(t, client)
}

func callAtOnce(client *linq.Client) {
	var group sync.WaitGroup
	for i := range 32 {
		group.Add(1)
		go func() {
			defer group.Done()
			defer func() { recover() }()
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			client.Upload(ctx, bytes.NewReader(text(10_000)), "t.txt", 10_000, linq.WithProgress(func(sent, _ int64) {
				switch i % 4 {
				case 0:
					cancel()
				case 1:
					panic("mine")
				case 2:
					runtime.Goexit()
				}
			}))
		}()
	}
	group.Wait()
}

func TestThreadsDoNotAddUp(t *testing.T) {
	calm(t)
	client := newClient(t)
	callAtOnce(client)
	first := entries("/proc/self/task")
	for range 20 {
		callAtOnce(client)
	}
	if last := entries("/proc/self/task"); last > first+mostAtOnce {
		t.Errorf("%d threads, and after the first round %d", last, first)
	}
}

// A call that waits for nothing, or is not made at all, takes no descriptors.
func TestDescriptorsRunOut(t *testing.T) {
	calm(t)
	client := newClient(t)
	json, err := presign(t, client, 3).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(background)
	cancel()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	_, parsed := linq.ParsePresigned(json)
	other, made := linq.NewClient(linq.WithoutEnvironment())
	_, over := client.Attachment(ended, "x")
	_, asked := client.Attachment(background, "x")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	equal(t, parsed, nil)
	equal(t, made, nil)
	other.Close()
	failed(t, over, linq.StatusCancelled, context.Canceled)
	contains(t, failed(t, asked, linq.StatusNoMemory, linq.ErrNoMemory).Message, "descriptors")
	stillWorks(t, client)
}

// Each kind of result, made so large that a few of them are seen in the memory of the process.
func TestResultsDoNotAddUp(t *testing.T) {
	calm(t)
	client := newClient(t)
	const calls, size = 30, 400_000
	long := strings.Repeat("l", size)
	fault(`{"side":"api","method":"GET","times":0,"fault":{"respond":{"body":{"id":"5d3a9f3e-0000-4000-8000-000000000000",
		"filename":"` + long + `","content_type":"text/plain","size_bytes":3,"created_at":"2026-01-01T00:00:00Z","status":"complete"}}}}`)
	fault(`{"side":"api","path_contains":"/v3/chats","times":0,
		"fault":{"respond":{"status":201,"body":{"chat":{"id":"` + long + `","message":{"id":"m"}}}}}}`)
	fault(`{"side":"api","path_contains":"/v3/attachments","times":0,"fault":{"merge":{"download_url":"https://localhost/` + long + `"}}}`)
	json, err := presign(t, client, 3).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func() (large string, err error){
		"an attachment": func() (string, error) {
			a, err := client.UploadBytes(background, []byte("abc"), "a.txt")
			return a.DownloadURL, err
		},
		"what is known of one": func() (string, error) {
			info, err := client.Attachment(background, "5d3a9f3e-0000-4000-8000-000000000000")
			return info.Filename, err
		},
		"a receipt": func() (string, error) {
			r, err := client.SendMessage(background, linq.Message{From: sandbox.Phone, To: []string{"+15552223333"}, Text: "x"})
			return r.ChatID, err
		},
		"a place": func() (string, error) {
			place, err := linq.ParsePresigned(json)
			return place.DownloadURL, err
		},
		"a place that is uploaded to": func() (string, error) {
			place, err := linq.ParsePresigned(json)
			if err != nil {
				return "", err
			}
			a, err := client.UploadPresigned(background, place, linq.FromBytes([]byte("abc")))
			return a.DownloadURL, err
		},
		"an error": func() (string, error) {
			var e *linq.Error
			if _, err := client.UploadFile(background, "/no/such/"+long); !errors.As(err, &e) {
				return "", err
			}
			return e.Message, nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			round := func() int {
				before := resident(t)
				for range calls {
					if large, err := call(); err != nil || len(large) < size {
						t.Fatal(len(large), err)
					}
				}
				return resident(t) - before
			}
			round()
			// Go's own memory may grow as well, but not in each round.
			var grew int
			for range 5 {
				if grew = round(); grew < calls*size/2 {
					t.Log(grew)
					return
				}
			}
			t.Errorf("%d calls leave %d bytes behind", calls, grew)
		})
	}
}

// resident is how many bytes of the machine's memory the process has.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestClientsDoNotAddUp(t *testing.T) {
	calm(t)
	work := func() {
		client, err := linq.NewClient()
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		place := presign(t, client, 3)
		for range 3 {
			if _, err := client.UploadPresigned(background, place, linq.FromBytes([]byte("abc"))); err != nil {
				t.Fatal(err)
			}
		}
	}
	work()
	before := resources()
	for range 50 {
		work()
	}
	until(t, fmt.Sprintf("as few as %+v are left", before), func() bool {
		now := resources()
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors
	})
}

// Nothing that a call was given is held on to.
func TestWhatACallWasGivenGoes(t *testing.T) {
	calm(t)
	client := newClient(t)
	var gone atomic.Int32
	for where, upload := range callbacks {
		func() {
			defer func() { recover() }()
			given := new([1000]byte)
			runtime.SetFinalizer(given, func(*[1000]byte) { gone.Add(1) })
			upload(client, func() { panic(given) })
			t.Error(where, "did not panic")
		}()
	}
	until(t, "all was collected", func() bool { runtime.GC(); return int(gone.Load()) == len(callbacks) })
}
