package linq

/*
#include <linq.h>
*/
import "C"

import (
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// memory is what C is lent for a call, and what was wrong with it.
type memory struct {
	pins runtime.Pinner
	err  error
}

// fail keeps the first error.
func (m *memory) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *memory) refuse(message string) { m.fail(invalid(message)) }

// text pins a string for C. name is what the caller knows it as.
func (m *memory) text(name, text string) *C.char {
	if strings.Contains(text, "\x00") {
		m.refuse(name + " has a NUL in it, behind which C would see nothing")
		return nil
	}
	bytes := make([]byte, len(text)+1)
	copy(bytes, text)
	return (*C.char)(m.bytes(bytes))
}

// textOrNull is text where "" stands for the default.
func (m *memory) textOrNull(name, text string) *C.char {
	if text == "" {
		return nil
	}
	return m.text(name, text)
}

// optional is text where nil stands for the default.
func (m *memory) optional(name string, text *string) *C.char {
	if text == nil {
		return nil
	}
	return m.text(name, *text)
}

func (m *memory) texts(name string, texts []string) **C.char {
	if len(texts) == 0 {
		return nil
	}
	list := make([]*C.char, len(texts))
	for i, text := range texts {
		list[i] = m.text(name, text)
	}
	m.pins.Pin(&list[0])
	return &list[0]
}

// No bytes are not the same as no pointer.
var nothing = new([1]byte)

func (m *memory) bytes(bytes []byte) unsafe.Pointer {
	if len(bytes) == 0 {
		bytes = nothing[:]
	}
	m.pins.Pin(&bytes[0])
	return unsafe.Pointer(&bytes[0])
}

func (m *memory) size(name string, size int64) C.uint64_t {
	if size < 0 {
		m.refuse(name + " is negative")
	}
	return C.uint64_t(size)
}

// number is one that C takes in 32 bits.
func (m *memory) number(name string, negative bool, number int64) C.uint32_t {
	if negative || number < 0 || number > 1<<32-1 {
		m.refuse(name + " is negative, or too large")
	}
	return C.uint32_t(number)
}

// milliseconds rounds up.
func milliseconds(d time.Duration) int64 {
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return ms
}

// result copies a result of C's. The library that made it may be older than the header, and its result shorter.
func result[T any](at *T) (value T) {
	size := min(*(*uintptr)(unsafe.Pointer(at)), unsafe.Sizeof(value))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&value)), size), unsafe.Slice((*byte)(unsafe.Pointer(at)), size))
	return value
}
