//go:build cgo && linq_bundled && !musl

package linq

/*
#cgo CFLAGS: -I${SRCDIR}/internal/lib
#cgo linux,amd64 LDFLAGS: ${SRCDIR}/internal/lib/liblinq_linux_amd64.a
#cgo linux,arm64 LDFLAGS: ${SRCDIR}/internal/lib/liblinq_linux_arm64.a
#cgo linux,arm LDFLAGS: ${SRCDIR}/internal/lib/liblinq_linux_arm.a
#cgo linux,386 LDFLAGS: ${SRCDIR}/internal/lib/liblinq_linux_386.a
#cgo linux LDFLAGS: -static-libgcc -lpthread -ldl -lm
#cgo darwin LDFLAGS: ${SRCDIR}/internal/lib/liblinq_darwin.a -framework Security -framework CoreFoundation
*/
import "C"

// The archives, those for musl too, are in a package so that go mod vendor copies them.
import _ "github.com/linq-team/liblinq/bindings/go/internal/lib"
