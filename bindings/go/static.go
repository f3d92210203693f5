//go:build linq_static && cgo

package linq

// Go's build cache does not look at what a tag changes inside cgo.go. It does see that there is this file more.
const _ = "linq_static"
