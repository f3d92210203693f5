package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	linq "github.com/linq-team/liblinq/bindings/go"
)

const (
	mostName = 24
	mostBar  = 30
	leastBar = 6
	amount   = 14
	tail     = 31
	// A pause that is longer than this is shown as a stall.
	stall = 2500 * time.Millisecond
)

// row is one upload, or the total of them.
type row struct {
	path, name           string
	size                 int64 // of the file
	sent, total          int64 // total 0: nothing was sent yet
	moved                time.Time
	attempt, of          int       // 0: the first attempt
	again                time.Time // when the next attempt begins
	asks                 string    // who asked for that wait
	samples              []sample  // for the current rate
	running, ended, told bool
	attachment           *linq.Attachment
	err                  error
}

type sample struct {
	at   time.Time
	sent int64
}

// progress counts bytes that arrived; from 0 again when an attempt begins.
func (r *row) progress(sent, total int64) {
	if sent < r.sent || r.total == 0 {
		r.samples = nil
	}
	if sent != r.sent || r.total == 0 {
		r.moved = time.Now()
	}
	r.sent, r.total = sent, total
}

// rate is that of the last seconds in bytes per second; 0: not known yet.
func (r *row) rate(now time.Time) float64 {
	if n := len(r.samples); n == 0 || now.Sub(r.samples[n-1].at) >= 200*time.Millisecond {
		r.samples = append(r.samples[max(n-15, 0):], sample{now, r.sent})
	}
	seconds := now.Sub(r.samples[0].at).Seconds()
	if seconds < 0.5 {
		return 0
	}
	return float64(r.sent-r.samples[0].sent) / seconds
}

func unit(of int64) (divisor float64, name string) {
	switch {
	case of < 1000:
		return 1, "B"
	case of < 1_000_000:
		return 1e3, "kB"
	default:
		return 1e6, "MB"
	}
}

func decimals(value float64) int {
	if value >= 10 || value == float64(int(value)) {
		return 0
	}
	return 1
}

// amount is such as "8.1/30 MB".
func (r *row) amount() string {
	divisor, name := unit(r.total)
	sent, total := float64(r.sent)/divisor, float64(r.total)/divisor
	digits := 0
	if r.sent == r.total {
		digits = decimals(sent)
	} else if sent < 100 && name != "B" {
		digits = 1
	}
	return fmt.Sprintf("%.*f/%.*f %s", digits, sent, decimals(total), total, name)
}

// state is what is going on where no bytes move; "" where they do.
func (r *row) state(now time.Time) string {
	left := 0
	if r.again.After(now) {
		left = int(r.again.Sub(now).Seconds()) + 1
	}
	switch {
	case r.path == "": // the total
		return ""
	case left > 0 && r.asks != "":
		return fmt.Sprintf("waiting %d s (%s asks)", left, r.asks)
	case left > 0:
		return fmt.Sprintf("retry %d of %d in %d s", r.attempt, r.of, left)
	case r.total == 0 && r.attempt > 1:
		return fmt.Sprintf("reserving, retry %d of %d", r.attempt, r.of)
	case r.total == 0:
		return "reserving"
	case r.sent == r.total:
		return "finishing"
	case now.Sub(r.moved) > stall:
		return fmt.Sprintf("stalled %d s", int(now.Sub(r.moved).Seconds()))
	default:
		return ""
	}
}

// speed is such as "1.4 MB/s 0:15".
func (r *row) speed(now time.Time) string {
	current := r.rate(now)
	if current < 1 {
		if r.attempt > 1 {
			return fmt.Sprintf("retry %d of %d", r.attempt, r.of)
		}
		return ""
	}
	divisor, name := unit(int64(current))
	digits := 1
	if current/divisor >= 100 {
		digits = 0
	}
	text := fmt.Sprintf("%.*f %s/s", digits, current/divisor, name)
	switch left := int(float64(r.total-r.sent)/current + 0.5); {
	case left < 3600:
		return fmt.Sprintf("%s %d:%02d", text, left/60, left%60)
	case left < 360000:
		return fmt.Sprintf("%s %d:%02d h", text, left/3600, left/60%60)
	}
	return text
}

func (r *row) line(width, longest int) string {
	now := time.Now()
	words, size := r.state(now), ""
	isState := words != ""
	if !isState {
		words = r.speed(now)
	}
	sends := r.total > 0 && !r.again.After(now)
	if sends {
		size = r.amount()
	}
	bar := min(width-longest-tail-4, mostBar)
	end := fmt.Sprintf("%-*s %s", amount, size, words)
	switch narrow := width < longest+1+tail; { // then the name comes before the rate
	case !sends || narrow && isState:
		end = words
	case narrow && width < longest+3+len(size)+len(words):
		end = size
	case narrow:
		end = size + " " + words
	}
	room := max(width-len(end)-1, 0)
	if bar <= leastBar {
		return fit(printable(r.name), min(room, longest)) + " " + end
	}
	done := 0
	if r.total > 0 {
		done = int(float64(r.sent) / float64(r.total) * float64(bar))
	}
	return fit(printable(r.name), longest) + " [" + strings.Repeat("#", done) + strings.Repeat(" ", bar-done) + "] " + end
}

// screen draws lines on stderr, over themselves.
type screen struct {
	on    bool
	drawn int // how many lines there are now
	total row
}

func (s *screen) wipe() {
	if s.drawn > 0 {
		fmt.Fprintf(os.Stderr, "\x1b[%dA\r\x1b[J", s.drawn)
		s.drawn = 0
	}
}

func (s *screen) draw(rows []*row) {
	if !s.on {
		return
	}
	width, height := terminalSize(os.Stderr)
	if most := max(height-1, 0); len(rows) > most { // with more, the way back up would be wrong
		if most > 0 {
			rows[most-1] = rows[len(rows)-1] // the total
		}
		rows = rows[:most]
	}
	longest := 0
	for _, r := range rows {
		longest = max(longest, wide(printable(r.name)))
	}
	// A character that is wider than we think is cut off and does not wrap. One write for all, so that nothing flickers.
	var text bytes.Buffer
	text.WriteString("\x1b[?7l")
	if s.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\r", s.drawn)
	}
	for _, r := range rows {
		text.WriteString(r.line(width-1, min(longest, mostName)) + "\x1b[K\n")
	}
	text.WriteString("\x1b[J\x1b[?7h")
	s.drawn = len(rows)
	os.Stderr.Write(text.Bytes())
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

// wide is how many columns a text takes.
func wide(text string) int {
	sum := 0
	for _, c := range text {
		sum += columns(c)
	}
	return sum
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
