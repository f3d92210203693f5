package linq

/*
#include <linq.h>

typedef const char linq_go_text;
typedef const linq_presigned linq_go_place;
typedef const linq_attempt linq_go_attempt;
*/
import "C"

import (
	"unsafe"
)

// What C calls. These run on the goroutine of the C function, below frames of C's: nothing of the user's may.

//export linqGoProgress
func linqGoProgress(userData unsafe.Pointer, sent, total C.uint64_t) C.int32_t {
	c := callOf(userData)
	if c.ask(func() { c.progress(int64(sent), int64(total)) }) {
		return 0
	}
	return 1
}

//export linqGoRead
func linqGoRead(userData, buffer unsafe.Pointer, capacity C.size_t) C.int64_t {
	c, count := callOf(userData), -1
	c.ask(func() { count = c.reader.fill(unsafe.Slice((*byte)(buffer), int(capacity))) })
	return C.int64_t(count)
}

//export linqGoRewind
func linqGoRewind(userData unsafe.Pointer) C.int32_t {
	c, failed := callOf(userData), C.int32_t(1)
	c.ask(func() {
		if c.reader.rewind() {
			failed = 0
		}
	})
	return failed
}

//export linqGoRenew
func linqGoRenew(userData unsafe.Pointer, expired *C.linq_go_place) *C.linq_presigned {
	c, old := callOf(userData), presignedOf((*C.linq_presigned)(expired))
	var next *Presigned
	if !c.ask(func() { next, c.renewed = c.renew(c.ctx, old) }) {
		return nil
	}
	// The goroutine that would have seen it was in there.
	if c.ctx.Err() != nil {
		C.linq_cancel_token_cancel(c.token)
	}
	if c.renewed != nil || next == nil {
		return nil
	}
	if next.json == "" {
		c.renewed = invalid("the Presigned is not from Presign or ParsePresigned")
		return nil
	}
	json := []byte(next.json)
	var place *C.linq_presigned
	C.linq_presigned_parse((*C.char)(unsafe.Pointer(&json[0])), C.size_t(len(json)), &place, nil)
	return place
}

//export linqGoAttempt
func linqGoAttempt(userData unsafe.Pointer, attempt *C.linq_go_attempt) {
	c, told := callOf(userData), newAttempt((*C.linq_attempt)(attempt))
	c.ask(func() { c.attempt(c.ctx, told) })
}

//export linqGoLog
func linqGoLog(_ unsafe.Pointer, level C.uint32_t, line *C.linq_go_text) {
	if logger, c := logger.Load(), callOfThread(); logger != nil && c != nil {
		text := C.GoString((*C.char)(line))
		c.ask(func() { c.say(logger, slogLevel(level), text) })
	}
}
