//go:build !cgo

package linq

// What the compiler says where cgo is off: Go itself turns it off where it finds no C compiler, and for other targets.
const _ = liblinq_needs_cgo_and_a_C_compiler_so_set_CGO_ENABLED_to_1_and_CC
