package linq

// All flags of the C compiler and linker. `make install` puts both pkg-config files in place.

/*
#cgo !linq_static pkg-config: linq
#cgo linq_static pkg-config: linq-static
*/
import "C"
