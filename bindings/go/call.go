package linq

/*
#include <linq.h>

// The call that a thread is in: a log line does not say to which one it belongs.
static _Thread_local uintptr_t linq_go_call;
static void linq_go_enter(uintptr_t call) { linq_go_call = call; }
static uintptr_t linq_go_current(void) { return linq_go_call; }
*/
import "C"

import (
	"context"
	"math"
	"runtime"
	"runtime/cgo"
	"time"
	"unsafe"
)

// call is one call into C. The C function runs on a goroutine of its own; the goroutine that made the call stays in
// serve, cancels when its context ends, and runs the callbacks. So a panic or Goexit in one unwinds Go alone.
type call struct {
	memory
	ctx    context.Context
	token  *C.linq_cancel_token
	handle *cgo.Handle // pinned; what C holds as user_data

	progress func(sent, total int64)
	renew    func(context.Context, *Presigned) (*Presigned, error)
	renewed  error // the error of renew
	attempt  func(context.Context, Attempt)
	reader   *reader
	after    func() // undoes what the call needed; nil: nothing
	places   places // those of the client; nil: none is needed
	place    *place
	limit    *C.uint32_t // how long the call may take, where C reads it; nil: nowhere

	asks    chan func()
	answers chan bool
	done    chan struct{}
}

// newBriefCall is a call that nothing ends, as it does not wait for anything. It never fails: run reports what is wrong.
// The call must be closed.
func newBriefCall() *call {
	c := &call{ctx: context.Background(), asks: make(chan func()), answers: make(chan bool), done: make(chan struct{})}
	c.handle = new(cgo.Handle)
	*c.handle = cgo.NewHandle(c)
	c.pins.Pin(c.handle)
	c.fail(checkABI())
	return c
}

// newCall is a call that ends with its context.
func newCall(ctx context.Context) *call {
	if ctx == nil {
		c := newBriefCall()
		c.refuse("ctx is nil")
		return c
	}
	over := ctx.Err() != nil
	c := newBriefCall()
	c.ctx = ctx
	// Descriptors may have run out, which does not matter for a call that will not be made.
	if over || c.err != nil {
		return c
	}
	if c.token = C.linq_cancel_token_new(); c.token == nil {
		c.fail(&Error{Status: StatusNoMemory, Message: "memory or descriptors ran out"})
	}
	return c
}

func (c *call) close() {
	if c.token != nil {
		C.linq_free(unsafe.Pointer(c.token))
	}
	c.handle.Delete()
	c.pins.Unpin()
	if c.after != nil {
		c.after()
	}
}

// run makes the call, and returns once it has ended in C. What f puts anywhere is there then.
func (c *call) run(f func(failure **C.linq_error) C.linq_status) error {
	if c.ctx.Err() != nil {
		return c.explain(&Error{Status: StatusCancelled, Message: "nothing was done"})
	}
	if c.err != nil {
		return c.err
	}
	if c.reader != nil {
		defer c.reader.interruptAtEnd(c.ctx)()
	}
	ended, quiet := c.ctx.Done(), c.inHandler()
	if c.places != nil {
		if c.place = c.places.enter(c.ctx); c.place == nil {
			return c.explain(&Error{Status: StatusCancelled, Message: "nothing was done"})
		}
		defer c.place.leave()
	}
	if c.limit != nil {
		*c.limit = c.timeout()
	}
	go c.enter(f, quiet)
	c.serve(ended)
	if failure, ok := c.err.(*Error); ok {
		return c.explain(failure)
	}
	return nil
}

// runWith is run with a client, which it holds meanwhile.
func (c *call) runWith(client *Client, f func(*C.linq_client, **C.linq_error) C.linq_status) error {
	at, err := client.hold()
	if err != nil {
		c.fail(err)
	} else {
		defer client.release()
	}
	if c.err == nil {
		c.places = client.places
	}
	return c.run(func(failure **C.linq_error) C.linq_status { return f(at, failure) })
}

// enter is the goroutine of the C function. Nothing of the user's runs on it.
func (c *call) enter(f func(**C.linq_error) C.linq_status, quiet bool) {
	defer close(c.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !quiet {
		C.linq_go_enter(C.uintptr_t(*c.handle))
		defer C.linq_go_enter(0)
	}
	var failure *C.linq_error
	if status := f(&failure); status != C.LINQ_OK {
		c.err = newError(Status(status), failure)
	}
	C.linq_free(unsafe.Pointer(failure))
}

// serve is the calling goroutine's part.
func (c *call) serve(ended <-chan struct{}) {
	asked, over := false, false
	defer func() {
		if !over {
			c.abandon(asked)
		}
	}()
	for !over {
		select {
		case f := <-c.asks:
			asked = true
			c.place.lendWhile(f)
			asked = false
			c.answers <- true
		case <-ended:
			ended = nil
			C.linq_cancel_token_cancel(c.token)
		case <-c.done:
			over = true
		}
	}
}

// abandon waits for C's end while a callback's panic or Goexit passes by.
func (c *call) abandon(asked bool) {
	C.linq_cancel_token_cancel(c.token)
	if asked {
		c.answers <- false
	}
	for {
		select {
		case <-c.asks:
			c.answers <- false
		case <-c.done:
			return
		}
	}
}

// ask has the calling goroutine run f; false where that was left instead.
func (c *call) ask(f func()) bool {
	c.asks <- f
	return <-c.answers
}

// callOf finds the call by what C was given as user_data.
func callOf(userData unsafe.Pointer) *call { return (*cgo.Handle)(userData).Value().(*call) }

// callOfThread finds the call that this thread is in, if it is in one.
func callOfThread() *call {
	handle := C.linq_go_current()
	if handle == 0 {
		return nil
	}
	return cgo.Handle(handle).Value().(*call)
}

func (c *call) options(client *Client) *C.linq_call_options {
	options := C.linq_call_options_default()
	c.observed(client, &options.attempt, &options.attempt_user_data)
	options.cancel = c.token
	c.limit = &options.timeout_ms
	return &options
}

// timeout is the context's deadline for C, which plans its attempts by it. Rounded up; 0 means none.
func (c *call) timeout() C.uint32_t {
	deadline, ok := c.ctx.Deadline()
	if !ok {
		return 0
	}
	return C.uint32_t(max(1, min(milliseconds(time.Until(deadline)), math.MaxUint32)))
}
