package linq_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What it says and draws is tested by tests/cli/run, with the command in C. The command, built once. LINQ_UPLOAD names one that is built already.
var built = sync.OnceValues(func() (string, error) {
	if program := os.Getenv("LINQ_UPLOAD"); program != "" {
		return program, nil
	}
	program := filepath.Join(scratch, "linq-upload")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/linq-upload").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

type running struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func start(t *testing.T, arguments ...string) *running {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Cmd: exec.Command(program, arguments...)}
	r.Stdout, r.Stderr = &r.out, &r.err
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *running) ends(t *testing.T, code int) {
	t.Helper()
	err := r.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := r.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d: %s%s", got, code, &r.out, &r.err)
	}
}

func TestCommandUploadsAll(t *testing.T) {
	calm(t)
	files := map[string][]byte{}
	arguments := []string{"-j", "3"}
	for i := range 7 {
		content := text(50_000 + i)
		path := file(t, fmt.Sprintf("%d.txt", i), content)
		files[path] = content
		arguments = append(arguments, path)
	}
	run := start(t, arguments...)
	run.ends(t, 0)
	there := objects()
	lines := strings.Split(strings.TrimSuffix(run.out.String(), "\n"), "\n")
	equal(t, len(lines), 7)
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		equal(t, there[fields[0]].SHA256, sum(files[fields[2]]))
		contains(t, fields[1], fields[0])
		delete(files, fields[2])
	}
	equal(t, len(files), 0)
	equal(t, run.err.Len(), 0)
}

func TestCommandHoldsItsBound(t *testing.T) {
	calm(t)
	injected := fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
	path := file(t, "b.txt", text(10))
	run := start(t, "-j", "2", path, path, path, path, path)
	until(t, "two are on their way", func() bool { return injected() == 2 })
	time.Sleep(200 * time.Millisecond) // for a third that must not come
	equal(t, injected(), 2)
	control("DELETE", "/faults", nil, nil)
	run.ends(t, 0)
	equal(t, strings.Count(run.out.String(), "\n"), 5)
}
