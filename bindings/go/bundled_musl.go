//go:build cgo && linq_bundled && musl

package linq

/*
#cgo CFLAGS: -I${SRCDIR}/internal/lib
#cgo amd64 LDFLAGS: ${SRCDIR}/internal/lib/liblinq_linux_amd64_musl.a
#cgo arm64 LDFLAGS: ${SRCDIR}/internal/lib/liblinq_linux_arm64_musl.a
#cgo LDFLAGS: -static-libgcc -lpthread -ldl -lm
*/
import "C"
