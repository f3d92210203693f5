package main

import (
	"os"
	"syscall"
	"unsafe"
)

// terminalSize is 0, 0 where the file is no terminal.
func terminalSize(file *os.File) (width, height int) {
	var size struct{ rows, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0, 0
	}
	if size.columns == 0 || size.rows == 0 { // one that was never told its size
		return 80, 24
	}
	return int(size.columns), int(size.rows)
}

func isTerminal(file *os.File) bool {
	width, _ := terminalSize(file)
	return width > 0
}

// canDraw tells whether the file is a terminal that can move its cursor.
func canDraw(file *os.File) bool {
	terminal := os.Getenv("TERM")
	return terminal != "" && terminal != "dumb" && isTerminal(file)
}

// endLine ends a line on stderr that was begun over another, such as ^C.
func endLine() {
	if canDraw(os.Stderr) {
		os.Stderr.WriteString("\x1b[K")
	}
	os.Stderr.WriteString("\n")
}
