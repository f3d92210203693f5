package main

import (
	"context"
	"sync"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// uploadAll uploads with so many at once, and returns how many were not uploaded. After the context's end nothing new
// begins.
func uploadAll(ctx context.Context, client *linq.Client, paths []string, atOnce int, screen *screen) (failures int) {
	next := make(chan string)
	var group sync.WaitGroup
	for range min(atOnce, len(paths)) {
		group.Add(1)
		go func() {
			defer group.Done()
			for path := range next {
				upload(ctx, client, path, screen)
			}
		}()
	}
	for _, path := range paths {
		if ctx.Err() != nil {
			screen.leaveOut()
			continue
		}
		select {
		case next <- path:
		case <-ctx.Done():
			screen.leaveOut()
		}
	}
	close(next)
	group.Wait()
	return screen.failures()
}

func upload(ctx context.Context, client *linq.Client, path string, screen *screen) {
	row := screen.begin(path)
	attachment, err := client.UploadFile(ctx, path, linq.WithProgress(func(sent, total int64) { screen.progress(row, sent, total) }))
	if err != nil {
		screen.failed(row, err)
		return
	}
	screen.done(row, attachment)
}
