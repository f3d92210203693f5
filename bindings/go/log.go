package linq

/*
#include <linq.h>

void linqGoLog(void *, uint32_t, const char *);

// Whether the thread is in a handler: what is called there is not logged.
static _Thread_local int linq_go_handling;
static void linq_go_handle(int handling) { linq_go_handling = handling; }
static int linq_go_handles(void) { return linq_go_handling; }
*/
import "C"

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
)

var (
	logger  atomic.Pointer[slog.Logger]
	install sync.Once
)

// SetLogger sets who gets the library's log lines, for the whole process; nil: nobody, as in the beginning. No secret is
// in any line at any level. A line comes with the context of the call that it is about, on that call's goroutine: a call
// that failed in the library is [slog.LevelError], an attempt that is made again [slog.LevelWarn], what was done
// [slog.LevelInfo], each request [slog.LevelDebug]. The logger's handler decides which levels count. What this package
// refuses itself makes no line: a NUL in a text, no reader, a context that has ended, a closed client.
//
// A handler may make calls itself, whose own lines are dropped. On another goroutine this holds only for calls with the
// context that the handler was given.
//
// For programs whose C parts use linq_set_log as well: the first logger that is not nil takes the lines from C. A linq_set_log
// after it takes them back for good; no later SetLogger changes that.
func SetLogger(l *slog.Logger) {
	logger.Store(l)
	if l != nil && checkABI() == nil { // else there is nothing to log
		// Never taken back: that would wait for handlers, of which this goroutine may be in one.
		install.Do(func() { C.linq_set_log(C.linq_log_fn(C.linqGoLog), nil, C.LINQ_LOG_DEBUG) })
	}
}

func slogLevel(level C.uint32_t) slog.Level {
	switch level {
	case C.LINQ_LOG_ERROR:
		return slog.LevelError
	case C.LINQ_LOG_WARN:
		return slog.LevelWarn
	case C.LINQ_LOG_INFO:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// say hands a line to the handler, on the calling goroutine.
func (c *call) say(l *slog.Logger, level slog.Level, line string) {
	// Until the handler is left, nothing but its goroutine runs on this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.linq_go_handle(1)
	defer C.linq_go_handle(0)
	l.Log(loggingContext{c.ctx}, level, line)
}

// inHandler tells whether a call is made by a handler: by its goroutine, or with its context.
func (c *call) inHandler() bool { return C.linq_go_handles() != 0 || c.ctx.Value(logging{}) != nil }

// logging is the key by which a call finds the context of a handler.
type logging struct{}

// loggingContext is what a handler is given.
type loggingContext struct{ context.Context }

func (c loggingContext) Value(key any) any {
	if key == (logging{}) {
		return true
	}
	return c.Context.Value(key)
}
