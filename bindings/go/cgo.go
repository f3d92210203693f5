//go:build cgo && !linq_bundled

package linq

// All flags of the C compiler and linker. `make install` puts both pkg-config files in place. See static.go and bundled.go.

/*
#cgo !linq_static pkg-config: linq
#cgo linq_static pkg-config: linq-static
*/
import "C"
