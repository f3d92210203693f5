package linq_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// The stand-in for Linq: sandbox/README.md. One for all tests; each begins with it clean.
var sandbox struct {
	API        string `json:"api"`
	APITLS     string `json:"api_tls"`
	BlackHole  string `json:"black_hole"`
	CAFile     string `json:"ca_file"`
	Control    string `json:"control"`
	Key        string `json:"key"`
	Phone      string `json:"phone"`
	StorageTLS string `json:"storage_tls"`
	BadTLS     struct {
		UnknownCA string `json:"unknown_ca"`
	} `json:"bad_tls"`
}

// scratch is a directory for all tests together.
var scratch string

func TestMain(m *testing.M) { os.Exit(withSandbox(m)) }

func withSandbox(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "linq-go-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	program := os.Getenv("LINQ_SANDBOX")
	if program == "" {
		program = "../../target/debug/linq-sandbox"
	}
	command := exec.Command(program, "--exit-with-stdin")
	command.Stderr = os.Stderr
	stdin, _ := command.StdinPipe()
	stdout, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "the sandbox does not start:", err)
		return 1
	}
	defer command.Wait()
	defer stdin.Close()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &sandbox)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the sandbox does not say where it is:", err)
		return 1
	}
	os.Setenv("LINQ_API_V3_BASE_URL", sandbox.API)
	os.Setenv("LINQ_API_V3_API_KEY", sandbox.Key)

	before := resources()
	first := threads()
	code := m.Run()
	if code == 0 && !releasedTo(before) {
		code = 1
	}
	// All tests together make some thousand calls.
	if last := threads(); code == 0 && last > first+mostAtOnce {
		fmt.Fprintf(os.Stderr, "%d threads in the end, and after the first round there were %d\n", last, first)
		code = 1
	}
	return code
}

// Threads of Go's are used again and never end; so there are about as many as calls were made at once, however many calls
// there were and whatever they came to. A client makes 64 at once; Go starts threads for those that come out of C at the
// same moment.
const mostAtOnce = 2 * 64

// threads makes a round of calls that come to all kinds of ends, and counts.
func threads() int {
	client, err := linq.NewClient()
	if err != nil {
		return 0
	}
	defer client.Close()
	callAtOnce(client)
	return entries("/proc/self/task")
}

// Counted at the very end.
type counts struct{ goroutines, descriptors int }

func resources() counts { return counts{runtime.NumGoroutine(), entries("/proc/self/fd")} }

func entries(directory string) int {
	list, err := os.ReadDir(directory)
	if err != nil {
		panic(err)
	}
	return len(list)
}

func releasedTo(before counts) bool {
	var now counts
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		http.DefaultClient.CloseIdleConnections()
		runtime.GC() // clients that tests left to the net
		if now = resources(); now.goroutines <= before.goroutines && now.descriptors <= before.descriptors {
			return true
		}
	}
	fmt.Fprintf(os.Stderr, "left behind: %+v, and before there were %+v\n", now, before)
	stacks := make([]byte, 1<<20)
	os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
	return false
}

func control(method, path string, body, answer any) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, sandbox.Control+path, sent)
	if err != nil {
		panic(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		panic(fmt.Sprint(method, " ", path, ": ", response.Status, " ", string(got), err))
	}
	if answer != nil {
		if raw, ok := answer.(*[]byte); ok {
			*raw = got
		} else if err := json.Unmarshal(got, answer); err != nil {
			panic(err)
		}
	}
}

// calm forgets what tests before have asked for and done.
func calm(t *testing.T) {
	t.Helper()
	control("DELETE", "/faults", nil, nil)
	control("DELETE", "/requests", nil, nil)
	t.Cleanup(func() { control("DELETE", "/faults", nil, nil) })
}

// fault asks for one, as a JSON object, and returns what tells how often it was injected.
func fault(spec string) (injected func() int) {
	var made struct{ ID int }
	control("POST", "/faults", json.RawMessage(spec), &made)
	return func() int {
		var faults []struct{ ID, Injected int }
		control("GET", "/faults", nil, &faults)
		for _, f := range faults {
			if f.ID == made.ID {
				return f.Injected
			}
		}
		panic("the fault is gone")
	}
}

type request struct {
	Side, Method, Path, Ended string
	Headers                   [][2]string
	Body                      *string
	BodySHA256                *string `json:"body_sha256"`
	Status                    *int
}

func requests() (log []request) {
	control("GET", "/requests", nil, &log)
	return log
}

func object(id string) (stored []byte) {
	control("GET", "/objects/"+id, nil, &stored)
	return stored
}

type stored struct {
	AttachmentID string `json:"attachment_id"`
	Filename     string
	ContentType  string `json:"content_type"`
	Size         int64
	SHA256       string
	Puts         int
}

func objects() map[string]stored {
	var list []stored
	control("GET", "/objects", nil, &list)
	byID := map[string]stored{}
	for _, object := range list {
		byID[object.AttachmentID] = object
	}
	return byID
}

func newClient(t testing.TB, options ...linq.ClientOption) *linq.Client {
	t.Helper()
	all := append([]linq.ClientOption{
		linq.WithoutEnvironment(), linq.WithAPIKey(sandbox.Key), linq.WithBaseURL(sandbox.API),
	}, options...)
	client, err := linq.NewClient(all...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// text is random, and plain text to look at.
func text(size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = "abcdefghijklmnopqrstuvwxyz012345"[rand.IntN(32)]
	}
	return bytes
}

func sum(bytes []byte) string {
	sum := sha256.Sum256(bytes)
	return hex.EncodeToString(sum[:])
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("this never came true: " + what)
		}
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

var background = context.Background()
