package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// screen writes results to stdout, and to stderr what goes on: on a terminal a bar for each upload, below everything that
// has been said.
type screen struct {
	mutex    sync.Mutex
	out, err *os.File
	bars     bool
	rows     []*row
	drawn    int // how many lines the bars take now
	last     time.Time
	start    time.Time

	uploaded, broken, leftOut int
	bytes                     int64
}

type row struct {
	path        string
	sent, total int64
}

// Bars are drawn anew at most so often.
const redraw = 50 * time.Millisecond

func newScreen(out, err *os.File) *screen {
	width, _ := terminalSize(err)
	return &screen{out: out, err: err, bars: width > 0, start: time.Now()}
}

func (s *screen) begin(path string) *row {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r := &row{path: path}
	s.rows = append(s.rows, r)
	s.draw()
	return r
}

func (s *screen) progress(r *row, sent, total int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r.sent, r.total = sent, total
	if time.Since(s.last) >= redraw {
		s.draw()
	}
}

func (s *screen) done(r *row, a *linq.Attachment) {
	s.end(r, func() {
		s.uploaded++
		s.bytes += a.SizeBytes
		if _, err := fmt.Fprintf(s.out, "%s\t%s\t%s\n", a.AttachmentID, a.DownloadURL, printable(r.path)); err != nil {
			s.broken++
			fmt.Fprintln(s.err, "linq-upload: stdout:", err)
		}
	})
}

func (s *screen) failed(r *row, err error) {
	s.end(r, func() {
		s.broken++
		fmt.Fprintf(s.err, "linq-upload: %s: %s\n", printable(r.path), printable(strings.TrimPrefix(err.Error(), "linq: ")))
	})
}

// leaveOut counts a file that was not begun.
func (s *screen) leaveOut() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.leftOut++
}

func (s *screen) failures() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.broken + s.leftOut
}

// end takes a row away and says what came of it, above the bars.
func (s *screen) end(ended *row, say func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i, r := range s.rows {
		if r == ended {
			s.rows = append(s.rows[:i], s.rows[i+1:]...)
			break
		}
	}
	s.wipe()
	say()
	s.draw()
}

// close says what came of all.
func (s *screen) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.wipe()
	took := time.Since(s.start)
	fmt.Fprintf(s.err, "linq-upload: %d uploaded (%s in %.1f s)", s.uploaded, size(s.bytes), took.Seconds())
	if s.broken > 0 {
		fmt.Fprintf(s.err, ", %d failed", s.broken)
	}
	if s.leftOut > 0 {
		fmt.Fprintf(s.err, ", %d not begun", s.leftOut)
	}
	fmt.Fprintln(s.err)
}

func (s *screen) wipe() {
	if s.drawn > 0 {
		fmt.Fprintf(s.err, "\x1b[%dA\r\x1b[J", s.drawn)
		s.drawn = 0
	}
}

func (s *screen) draw() {
	if !s.bars {
		return
	}
	s.last = time.Now()
	width, height := terminalSize(s.err)
	// One write for all, so that nothing flickers. Never more than fits, or the way back up would be wrong: for what is wider
	// than we think, the terminal does not wrap lines meanwhile.
	var text bytes.Buffer
	text.WriteString("\x1b[?7l")
	if s.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\r", s.drawn)
	}
	rows := s.rows[:min(len(s.rows), max(height-1, 0))]
	for _, r := range rows {
		text.WriteString(r.line(width))
		text.WriteString("\x1b[K\n")
	}
	text.WriteString("\x1b[J\x1b[?7h")
	s.drawn = len(rows)
	s.err.Write(text.Bytes())
}

// line is a bar that fits the terminal.
func (r *row) line(width int) string {
	const bar = 20
	total := max(r.total, 1)
	numbers := fmt.Sprintf(" %3d %% %8s", r.sent*100/total, size(r.total))
	filled := int(r.sent * bar / total)
	name := printable(filepath.Base(r.path))
	room := width - 1 - len(numbers)
	if room >= bar+3+8 {
		numbers = " [" + strings.Repeat("#", filled) + strings.Repeat(" ", bar-filled) + "]" + numbers
		room -= bar + 3
	}
	return fit(name, min(max(room, 0), 40)) + numbers
}

// fit cuts a text or fills it up.
func fit(text string, width int) string {
	dots := min(width, 2)
	took, kept, end := 0, 0, 0
	for i, r := range text {
		if took += columns(r); took <= width-dots {
			kept, end = took, i+utf8.RuneLen(r)
		}
	}
	if took > width {
		text, took = text[:end]+strings.Repeat(".", dots), kept+dots
	}
	return text + strings.Repeat(" ", width-took)
}

// columns is how many a terminal gives to a character, nearly: the wide ones of East Asia and pictures have two.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r < 0x1160, r >= 0x2e80 && r < 0xd7b0, r >= 0xf900 && r < 0xfb00, r >= 0xfe30 && r < 0xfe70,
		r >= 0xff00 && r < 0xff61, r >= 0xffe0 && r < 0xffe7, r >= 0x1f000 && r < 0x40000:
		return 2
	default:
		return 1
	}
}

// printable keeps names from steering the terminal.
func printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	return strconv.Quote(text)
}

func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1000)
	default:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1_000_000)
	}
}
