package linq

/*
#include <linq.h>

void linqGoLog(void *, uint32_t, const char *);
*/
import "C"

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

var (
	logger  atomic.Pointer[slog.Logger]
	install sync.Once
)

// SetLogger sets who hears the library's log lines, for the whole process; nil: nobody, as in the beginning. No secret is
// in any line at any level. A line comes with the context of the call that it is about, on that call's goroutine: a failed
// call is [slog.LevelError], an attempt that is made again [slog.LevelWarn], what was done [slog.LevelInfo], each request
// [slog.LevelDebug]. The logger's handler decides which levels count.
//
// A handler may make calls itself: with the context that it is given, their own lines are not heard.
//
// Programs whose C parts use linq_set_log as well will find that the last one set hears the lines.
func SetLogger(l *slog.Logger) {
	logger.Store(l)
	if l != nil {
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

// logging is the key by which a call finds that it is made in a handler.
type logging struct{}

// loggingContext is what a handler is given.
type loggingContext struct{ context.Context }

func (c loggingContext) Value(key any) any {
	if key == (logging{}) {
		return true
	}
	return c.Context.Value(key)
}
