package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// report says on stdout and stderr what becomes of the files.
type report struct {
	wishes
	mutex     sync.Mutex
	screen    screen
	rows      []*row
	next      int  // the first that was not told
	marks     bool // stdout is a terminal
	stop      context.CancelFunc
	ticker    chan struct{}
	drawing   sync.WaitGroup
	result    int
	broken    bool // stdout takes no more
	uploaded  int
	failed    []string
	totalSize int64
}

type rowKey struct{}

func newReport(w wishes) *report {
	r := &report{wishes: w, marks: isTerminal(os.Stdout) && isTerminal(os.Stderr)}
	r.screen.on = !w.quiet && !w.noProgress && canDraw(os.Stderr)
	for _, path := range w.files {
		one := &row{path: path, name: filepath.Base(path)}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			one.size = info.Size()
		}
		r.rows = append(r.rows, one)
		r.totalSize += one.size
	}
	return r
}

// begin draws on a timer. stop ends the uploads.
func (r *report) begin(stop context.CancelFunc) {
	r.stop, r.ticker = stop, make(chan struct{})
	r.drawing.Add(1)
	go func() {
		defer r.drawing.Done()
		for {
			select {
			case <-r.ticker:
				return
			case <-time.After(100 * time.Millisecond):
				r.mutex.Lock()
				r.draw()
				r.mutex.Unlock()
			}
		}
	}()
}

func (r *report) draw() {
	var rows []*row
	var sent int64
	for _, one := range r.rows {
		if one.running {
			rows = append(rows, one)
		}
		sent += one.sent
	}
	if len(rows) == 0 {
		return // a total alone would only flicker
	}
	if len(r.rows) > 1 {
		total := &r.screen.total
		total.name = fmt.Sprintf("%d of %d uploaded", r.uploaded, len(r.rows))
		total.progress(min(sent, r.totalSize), max(r.totalSize, 1))
		rows = append(rows, total)
	}
	r.screen.draw(rows)
}

func (r *report) start(one *row) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	one.running = true
}

func (r *report) progress(one *row, sent, total int64) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	one.progress(sent, total)
	if r.json {
		r.event("progress", one, `,"sent":%d,"total":%d`, sent, total)
	}
}

// logger takes from the library's lines what progress does not tell: an attempt failed, and when the next begins.
func (r *report) logger() *slog.Logger { return slog.New(handler{r}) }

type handler struct{ *report }

func (handler) Enabled(_ context.Context, level slog.Level) bool {
	return level == slog.LevelWarn
}
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h handler) WithGroup(string) slog.Handler      { return h }

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if one, ok := ctx.Value(rowKey{}).(*row); ok && record.Level == slog.LevelWarn {
		h.retry(one, record.Message)
	}
	return nil
}

// attempt says what a request took, such as
//
//	put: attempt 1, 200, 412 ms (send 398, wait 14), 1204411 B sent, 310 B received, over an open connection, id 4F1D
func (r *report) attempt(_ context.Context, a linq.Attempt) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	step := a.Step.String()
	if a.Step == linq.StepOther {
		step = "request"
	}
	text := fmt.Sprintf("%s: attempt %d", step, a.Number)
	if a.HTTPStatus != 0 {
		text += fmt.Sprintf(", %d", a.HTTPStatus)
	}
	text += fmt.Sprintf(", %d ms", a.Total.Milliseconds())
	var parts []string
	for _, part := range []struct {
		name string
		took time.Duration
	}{
		{"lookup", a.Lookup}, {"connect", a.Connect}, {"proxy", a.Proxy}, {"TLS", a.TLS}, {"send", a.Send}, {"wait", a.Wait},
		{"receive", a.Receive},
	} {
		if part.took >= time.Millisecond {
			parts = append(parts, fmt.Sprintf("%s %d", part.name, part.took.Milliseconds()))
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	text += fmt.Sprintf(", %d B sent, %d B received", a.BytesSent, a.BytesReceived)
	if a.Reused {
		text += ", over an open connection"
	}
	if a.RequestID != "" {
		text += ", id " + printable(a.RequestID)
	}
	if a.Reason != "" {
		text += "\n  failed: " + printable(a.Reason)
		if a.AgainIn > 0 {
			text += fmt.Sprintf("; again in %d ms", a.AgainIn.Milliseconds())
		}
	}
	r.screen.wipe()
	fmt.Fprintln(os.Stderr, text)
}

func (r *report) retry(one *row, line string) {
	var made, of, wait int
	end := line[max(strings.LastIndexByte(line, ';'), 0):]
	if _, err := fmt.Sscanf(line, "attempt %d of %d failed:", &made, &of); err != nil {
		return
	}
	if _, err := fmt.Sscanf(end, "; again in %d ms", &wait); err != nil {
		return
	}
	one.attempt, one.of, one.asks = made+1, of, ""
	one.again = time.Now().Add(time.Duration(wait) * time.Millisecond)
	asked := strings.HasSuffix(end, "as the server asks")
	switch {
	case asked && strings.Contains(line, "failed: reserving "):
		one.asks = "Linq"
	case asked:
		one.asks = "storage"
	}
	if r.json {
		r.event("retry", one, `,"attempt":%d,"max_attempts":%d,"wait_ms":%d,"server_asks":%t`, made+1, of, wait, asked)
	}
}

// leave takes away a row that was cancelled.
func (r *report) leave(one *row) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	one.running = false
}

// end notes how an upload ended, and prints what is ready: on a terminal at once, else in the order of the command line.
func (r *report) end(one *row, attachment *linq.Attachment, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	one.running, one.ended, one.attachment, one.err = false, true, attachment, err
	if err != nil {
		r.failed = append(r.failed, one.name)
		r.totalSize -= one.size // what will not arrive is not in the total
		one.sent = 0
	} else {
		r.uploaded++
	}
	for i := r.next; i < len(r.rows) && r.result != notSetUp && !r.broken; i++ {
		one := r.rows[i]
		if !one.ended && !(r.marks && !r.json) {
			return
		}
		if one.ended && !one.told {
			r.tell(one)
		}
		if i == r.next && one.told {
			r.next++
		}
	}
	if r.result == notSetUp || r.broken {
		r.stop()
	} else if r.next < len(r.rows) {
		r.draw() // what was taken away to print is back at once
	}
}

func (r *report) tell(one *row) {
	one.told = true
	r.screen.wipe()
	if one.err != nil {
		r.complain(one, one.err)
		return
	}
	a := one.attachment
	switch {
	case r.json:
		r.event("uploaded", one, `,"attachment_id":%s,"download_url":%s,"filename":%s,"content_type":%s,"size_bytes":%d,"attempts":%d`,
			orNull(a.AttachmentID), orNull(a.DownloadURL), quoted(a.Filename), quoted(a.ContentType), a.SizeBytes, a.Attempts)
	case r.marks:
		between := "  "
		// An id that goes over the end of a line is hard to copy.
		if width, _ := terminalSize(os.Stdout); wide(printable(one.name))+len(a.AttachmentID)+4 > width {
			between = "\n  "
		}
		r.print("%s%s%s%s\n", mark(os.Stdout, true), printable(one.name), between, a.AttachmentID)
	default:
		r.print("%s\t%s\t%s\n", a.AttachmentID, a.DownloadURL, printable(one.path))
	}
}

// reserved tells of a place; false where that could not be printed.
func (r *report) reserved(one *row, place *linq.Presigned, err error) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch {
	case err != nil:
		r.complain(one, err)
	case r.json:
		json, _ := place.MarshalJSON()
		r.event("reserved", one, `,"presigned":%s`, json)
	default:
		r.print("%s\t%s\t%s\n", place.AttachmentID, place.UploadURL, printable(one.path))
	}
	return !r.broken
}

func (r *report) complain(one *row, err error) {
	var e *linq.Error
	if !errors.As(err, &e) {
		e = &linq.Error{Status: linq.StatusInternal, Message: err.Error()}
	}
	r.result = someFailed
	if e.Status == linq.StatusUnauthorized {
		r.result = notSetUp
	}
	var text strings.Builder
	if isTerminal(os.Stderr) {
		text.WriteString(mark(os.Stderr, false))
	} else {
		text.WriteString("linq-upload: ")
	}
	if one.path != "" && !strings.Contains(e.Message, one.name) && e.Status != linq.StatusUnauthorized {
		text.WriteString(printable(one.path) + ": ")
	}
	fmt.Fprintf(&text, "%s\n  status: %s\n", printable(e.Message), e.Status)
	if e.RetryAfter > 0 {
		fmt.Fprintf(&text, "  retry after: %d s\n", (e.RetryAfter+time.Second-1)/time.Second)
	} else if e.Retryable {
		text.WriteString("  retry: the same may work later\n")
	}
	for _, more := range []struct{ name, value string }{
		{"trace id", e.TraceID}, {"storage request id", e.StorageRequestID}, {"see", e.DocURL},
	} {
		if more.value != "" {
			fmt.Fprintf(&text, "  %s: %s\n", more.name, more.value)
		}
	}
	os.Stderr.WriteString(text.String())
	if r.json {
		r.event("failed", one, `,"error":{"status":%s,"message":%s,"http_status":%d,"api_code":%d,"storage_code":%s,"trace_id":%s,"doc_url":%s,`+
			`"attachment_id":%s,"retry_after_ms":%d,"retryable":%t,"attempts":%d}`, quoted(e.Status.String()), quoted(e.Message), e.HTTPStatus,
			e.APICode, orNull(e.StorageCode), orNull(e.TraceID), orNull(e.DocURL), orNull(e.AttachmentID), e.RetryAfter.Milliseconds(),
			e.Retryable, e.Attempts)
	}
}

func (r *report) event(kind string, one *row, format string, values ...any) {
	r.print(`{"event":%q,"file":%s`+format+"}\n", append([]any{kind, quoted(one.path)}, values...)...)
}

func (r *report) print(format string, values ...any) {
	if _, err := fmt.Printf(format, values...); err != nil && !r.broken {
		r.broken, r.result = true, someFailed
		r.screen.wipe()
		fmt.Fprintf(os.Stderr, "linq-upload: cannot write to stdout: %v\n", errors.Unwrap(err))
		if r.stop != nil {
			r.stop()
		}
	}
}

// close takes the bars away, and says what came of all.
func (r *report) close() int {
	close(r.ticker)
	r.drawing.Wait()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.screen.wipe()
	cut := r.uploaded+len(r.failed) < len(r.rows) && r.result != notSetUp && !r.broken
	if cut {
		r.result = interrupted
		for _, one := range r.rows { // those that were uploaded are printed
			if one.ended && !one.told && one.err == nil {
				r.tell(one)
			}
		}
	}
	if r.quiet || !isTerminal(os.Stderr) || (len(r.rows) == 1 && !cut) {
		return r.result
	}
	left := len(r.rows) - r.uploaded
	if cut {
		os.Stderr.WriteString("\rinterrupted: ") // over the ^C that was typed
	}
	fmt.Fprintf(os.Stderr, "%d uploaded", r.uploaded)
	if len(r.failed) > 0 && !cut {
		fmt.Fprintf(os.Stderr, ", %d failed: %s", len(r.failed), printable(strings.Join(r.failed, ", ")))
		left -= len(r.failed)
	}
	if left > 0 {
		fmt.Fprintf(os.Stderr, ", %d not", left)
	}
	endLine()
	return r.result
}

func message(err error) string {
	var e *linq.Error
	if errors.As(err, &e) {
		return printable(e.Message)
	}
	return printable(err.Error())
}

// mark is a check mark or a cross, in color where that is wanted.
func mark(to *os.File, good bool) string {
	sign, color := "✗", "31"
	if good {
		sign, color = "✓", "32"
	}
	if os.Getenv("NO_COLOR") != "" || !canDraw(to) {
		return sign + " "
	}
	return "\x1b[" + color + "m" + sign + "\x1b[0m "
}

// printable keeps text that somebody else chose, such as a file's name, from steering the terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || unicode.IsControl(c) {
			return '?'
		}
		return c
	}, text)
}

// quoted is a string of JSON, without a control character.
func quoted(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.Encode(text)
	var plain strings.Builder
	for _, c := range strings.TrimSuffix(out.String(), "\n") {
		if unicode.IsControl(c) {
			fmt.Fprintf(&plain, "\\u%04x", c)
		} else {
			plain.WriteRune(c)
		}
	}
	return plain.String()
}

func orNull(text string) string {
	if text == "" {
		return "null"
	}
	return quoted(text)
}
