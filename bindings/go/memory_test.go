package linq

import (
	"testing"
	"unsafe"
)

// What lies behind the result of an older library is not its own, and what a newer one adds is not ours.
func TestResultsOfOtherVersions(t *testing.T) {
	type known struct {
		size          uintptr
		first, second uint64
	}
	type added struct {
		known
		third uint64
	}
	older := known{unsafe.Offsetof(known{}.second), 1, 2}
	if got := result(&older); got != (known{older.size, 1, 0}) {
		t.Errorf("%+v", got)
	}
	newer := added{known{unsafe.Sizeof(added{}), 1, 2}, 3}
	if got := result(&newer.known); got != newer.known {
		t.Errorf("%+v", got)
	}
}
