package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// uploadAll uploads the files, so many at a time. After the context's end, or a key that Linq does not accept, nothing new
// begins.
func uploadAll(ctx context.Context, client *linq.Client, report *report) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	outer := ctx
	report.begin(stop)
	next := make(chan *row)
	var group sync.WaitGroup
	for range min(report.inFlight, len(report.rows)) {
		group.Add(1)
		go func() {
			defer group.Done()
			for r := range next {
				upload(ctx, client, report, r)
			}
		}()
	}
	for _, r := range report.rows {
		select {
		case next <- r:
		case <-outer.Done():
		}
	}
	close(next)
	group.Wait()
	return report.close()
}

func upload(ctx context.Context, client *linq.Client, report *report, r *row) {
	if ctx.Err() != nil {
		return
	}
	report.start(r)
	options := []linq.UploadOption{linq.WithProgress(func(sent, total int64) { report.progress(r, sent, total) })}
	if report.contentType != "" {
		options = append(options, linq.WithContentType(report.contentType))
	}
	attachment, err := client.UploadFile(context.WithValue(ctx, rowKey{}, r), r.path, options...)
	if err != nil && ctx.Err() != nil {
		report.leave(r)
		return
	}
	report.end(r, attachment, err)
}

// presignAll reserves places, one after another.
func presignAll(ctx context.Context, client *linq.Client, report *report) int {
	for i, r := range report.rows {
		presigned, err := presign(ctx, client, report, r.path)
		if ctx.Err() != nil {
			if isTerminal(os.Stderr) {
				fmt.Fprintf(os.Stderr, "\rinterrupted: %d reserved", i)
				endLine()
			}
			return interrupted
		}
		if !report.reserved(r, presigned, err) || report.result == notSetUp {
			break
		}
	}
	return report.result
}

func presign(ctx context.Context, client *linq.Client, report *report, path string) (*linq.Presigned, error) {
	file, err := look(path, report.contentType)
	if err != nil {
		return nil, &linq.Error{Status: linq.StatusFile, Message: path + " " + problem(err)}
	}
	return client.Presign(ctx, file)
}

var errNotRegular = errors.New("is not a regular file")

// problem is why a file cannot be read, in the words that the library has for it.
func problem(err error) string {
	var number syscall.Errno
	switch {
	case err == errNotRegular:
		return err.Error()
	case errors.Is(err, fs.ErrNotExist):
		return "cannot be opened: there is no such file"
	case errors.As(err, &number):
		return "cannot be opened: " + number.Error()
	default:
		return "cannot be opened: " + err.Error()
	}
}

// look finds a file's size, and its type by its first bytes.
func look(path, contentType string) (linq.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO must not block
	if err != nil {
		return linq.File{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return linq.File{}, err
	}
	if !info.Mode().IsRegular() {
		return linq.File{}, errNotRegular
	}
	head := make([]byte, 65536)
	length, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return linq.File{}, err
	}
	if contentType == "" {
		contentType = linq.ContentType(path, head[:length])
	}
	return linq.File{Filename: filepath.Base(path), ContentType: contentType, SizeBytes: info.Size()}, nil
}
