package linq_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// The command, built once. LINQ_UPLOAD names one that is built already.
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
	in       io.WriteCloser
	out, err bytes.Buffer
}

func start(t *testing.T, command string, arguments ...string) *running {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if command != "" {
		arguments = []string{"-qec", strings.ReplaceAll(command, "PROGRAM", program), "/dev/null"}
		program = "script"
	}
	r := &running{Cmd: exec.Command(program, arguments...)}
	r.Stdout, r.Stderr = &r.out, &r.err
	r.in, _ = r.StdinPipe()
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
	run := start(t, "", arguments...)
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
	if !regexp.MustCompile(`^linq-upload: 7 uploaded \(350\.0 kB in \d+\.\d s\)\n$`).MatchString(run.err.String()) {
		t.Errorf("%q", &run.err)
	}
}

func TestCommandHoldsItsBound(t *testing.T) {
	calm(t)
	injected := fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
	path := file(t, "b.txt", text(10))
	run := start(t, "", "-j", "2", path, path, path, path, path)
	until(t, "two are on their way", func() bool { return injected() == 2 })
	time.Sleep(200 * time.Millisecond) // for a third that must not come
	equal(t, injected(), 2)
	control("DELETE", "/faults", nil, nil)
	run.ends(t, 0)
	equal(t, strings.Count(run.out.String(), "\n"), 5)
}

func TestCommandWhereSomeFail(t *testing.T) {
	calm(t)
	good := file(t, "good.txt", text(10))
	run := start(t, "", "/no/such", good, file(t, "bad.flac", []byte("fLaC")))
	run.ends(t, 1)
	equal(t, strings.Count(run.out.String(), "\n"), 1)
	contains(t, run.out.String(), good)
	contains(t, run.err.String(), "linq-upload: /no/such: /no/such cannot be opened", "FLAC", "1 uploaded (10 B in ", "2 failed\n")
}

func TestCommandUsage(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		says      string
	}{
		{nil, "no FILE was given"},
		{[]string{"-j", "0", "x"}, "-j takes a number"},
		{[]string{"-j", "x"}, "invalid value"},
		{[]string{"--no-such"}, "no-such"},
	} {
		run := start(t, "", c.arguments...)
		run.ends(t, 2)
		contains(t, run.err.String(), c.says, "usage: linq-upload")
		equal(t, run.out.Len(), 0)
	}
	run := start(t, "", "--help")
	run.ends(t, 0)
	contains(t, run.out.String(), "usage: linq-upload", "exit codes:")
	run = start(t, "", "--version")
	run.ends(t, 0)
	contains(t, run.out.String(), "linq-upload 0.")

	t.Setenv("LINQ_API_V3_BASE_URL", "no URL")
	run = start(t, "", "x")
	run.ends(t, 2)
	contains(t, run.err.String(), "the base URL is not a URL")
}

func TestCommandIsInterrupted(t *testing.T) {
	path := file(t, "i.txt", text(10))
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		calm(t)
		injected := fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
		run := start(t, "", "-j", "2", path, path, path)
		until(t, "two are on their way", func() bool { return injected() == 2 })
		run.Process.Signal(signal)
		run.ends(t, 130)
		equal(t, run.out.Len(), 0)
		contains(t, run.err.String(), "context canceled", "0 uploaded (0 B in ", "2 failed, 1 not begun\n")
	}
}

func TestCommandOnATerminal(t *testing.T) {
	calm(t)
	fault(`{"side":"storage","times":0,"fault":{"slow_read":{"bytes_per_s":10000000}}}`)
	path := file(t, "bar.txt", text(3_000_000))
	run := start(t, fmt.Sprintf("stty cols 70 rows 10; PROGRAM -j 2 %s /no/such %s", path, path))
	run.ends(t, 1)
	contains(t, run.out.String(), "bar.txt", "[                    ]   0 %", "3.0 MB\x1b[K", "2 uploaded (6.0 MB", "1 failed")
	fits(t, run.out.String(), 70)

	wide := file(t, strings.Repeat("漢", 60)+".txt", text(3_000_000))
	run = start(t, fmt.Sprintf("stty cols 70 rows 10; PROGRAM %s", wide))
	run.ends(t, 0)
	contains(t, run.out.String(), "漢..  [                    ]   0 %", "1 uploaded")
	fits(t, run.out.String(), 70)

	injected := fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
	run = start(t, "PROGRAM "+path)
	until(t, "it is on its way", func() bool { return injected() == 1 })
	io.WriteString(run.in, "\x03")
	run.ends(t, 130)
	contains(t, run.out.String(), "1 failed")
	fits(t, run.out.String(), 80)
}

// fits holds what was drawn against the terminal's width, and sees that it wraps lines again after each drawing.
func fits(t *testing.T, drawn string, width int) {
	t.Helper()
	wrapping := regexp.MustCompile(`\x1b\[\?7[hl]`).FindAllString(drawn, -1)
	if len(wrapping) == 0 || len(wrapping)%2 != 0 {
		t.Errorf("%q", wrapping)
	}
	for i, code := range wrapping {
		equal(t, code, []string{"\x1b[?7l", "\x1b[?7h"}[i%2])
	}
	for _, line := range strings.FieldsFunc(drawn, func(r rune) bool { return r == '\n' || r == '\r' }) {
		plain := regexp.MustCompile(`\x1b\[\??\d*[A-Za-z]`).ReplaceAllString(line, "")
		if strings.Contains(plain, " %") && utf8.RuneCountInString(plain)+strings.Count(plain, "漢") > width {
			t.Errorf("%q is wider than the terminal", plain)
		}
	}
}
