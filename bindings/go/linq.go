// Package linq uploads attachments to the Linq messaging API, and uses them in messages.
//
//	client, err := linq.NewClient() // the key is in the environment: LINQ_API_V3_API_KEY
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	photo, err := client.UploadFile(ctx, "photo.jpg")
//
// Names, sizes, content types, retries, timeouts and TLS are the business of liblinq, the library in C below; this
// package decides nothing of that. Its manual is linq.h.
//
// # Two ways to use it
//
// Whole: one process holds the API key and calls [Client.UploadFile], or [Client.Upload] for other sources.
//
// Split: your server holds the API key and calls [Client.Presign]. It sends the JSON of the [Presigned] to the one who has
// the bytes: a phone, which needs no key; a Go program, which calls [ParsePresigned] and [Client.UploadPresigned]; or
// anything that can PUT, as [Presigned.Request] does with net/http.
//
// # Contexts
//
// A call ends within about 10 ms of its context, whatever it is doing: resolving, connecting, sending, waiting for the
// answer or for the next attempt. The error then is the context's for [errors.Is]: [context.Canceled] with the status
// [StatusCancelled], [context.DeadlineExceeded] with [StatusTimeout]; with [StatusFile] where a reader learnt of the end
// first, and failed by it or ended too soon. Such an error is never Retryable. The library knows a context's deadline too, and
// does not begin to wait for another attempt that would come too late. A call whose context has ended before does
// nothing at all, and fails by that whatever else is wrong with it; one that was already done when its context ended has succeeded.
//
// # Callbacks
//
// Progress callbacks, readers and the handler of a logger run on the goroutine that made the call, before the call
// returns. They may make further calls and close clients. They may panic, or end the goroutine as t.Fatal does: the
// call in C is cancelled and waited for first, and what passes on to you is the very panic. A callback that blocks holds
// up the call, its cancelling too: the program that can make a Read block must be able to end it. [FromReader] tells how.
//
// For this, each call into C has a goroutine of its own, to which the calling one lends its callbacks. No panic and no
// [runtime.Goexit] has C frames below it.
//
// # Threads
//
// Any number of goroutines may use a client. Each call holds one thread of the system while it runs, as a read of a file
// does, and Go ends a program that comes to 10,000 threads ([runtime/debug.SetMaxThreads]). So a client runs 64 calls at once, or
// as many as [WithMaxCalls] says; the others wait for their turn within their contexts.
//
// A call whose callback lasts longer than 10 ms lets another one run meanwhile, so that a callback may wait for calls. Its
// thread stays with it: a service that uploads from thousands of slow readers at once has to bound their number itself.
//
// # Memory
//
// Strings are copied for the call. The bytes of [Client.UploadBytes] are pinned and not copied. What a reader gives passes
// through a buffer of Go's. Results are Go values. Only a [Client] has to be closed.
//
// # Text
//
// Messages of errors come from C, and may name an argument as linq.h does: the README has a table. Text is UTF-8. A string with a NUL in it cannot be handed to C and is refused with [ErrInvalidArgument].
package linq

/*
#include <linq.h>
*/
import "C"

import (
	"fmt"
	"sync"
)

// Version is the version of the C library that is loaded, such as "0.1.0".
func Version() string { return C.GoString(C.linq_version()) }

// A library of another ABI is asked for its version and for the names of statuses, and for nothing else.
var checkABI = sync.OnceValue(func() error {
	if found := C.linq_abi_version(); found != C.LINQ_ABI_VERSION {
		message := fmt.Sprintf("liblinq %s has ABI %d, but this program was built for %d", Version(), found, C.LINQ_ABI_VERSION)
		return &Error{Status: StatusInternal, Message: message}
	}
	return nil
})
