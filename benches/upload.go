// Uploads files with net/http. The API and its key are in the environment. -j N: so many at a time. -again: the second
// file 10 s after the first, and prints how many seconds that one took.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

type file struct {
	Filename    string `json:"filename"`
	ContentType string `json:"content_type"`
	SizeBytes   int64  `json:"size_bytes"`
}

type place struct {
	UploadURL       string            `json:"upload_url"`
	HTTPMethod      string            `json:"http_method"`
	RequiredHeaders map[string]string `json:"required_headers"`
}

// send gives the body of an answer that is a success, read to its end so that the connection can be used again.
func send(request *http.Request) ([]byte, error) {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return body, err
}

func upload(path string) error {
	body, err := os.Open(path)
	if err != nil {
		return err
	}
	defer body.Close()
	info, err := body.Stat()
	if err != nil {
		return err
	}

	declared, err := json.Marshal(file{filepath.Base(path), "text/plain", info.Size()})
	if err != nil {
		return err
	}
	post, err := http.NewRequest("POST", os.Getenv("LINQ_API_V3_BASE_URL")+"/v3/attachments", bytes.NewReader(declared))
	if err != nil {
		return err
	}
	post.Header.Set("Authorization", "Bearer "+os.Getenv("LINQ_API_V3_API_KEY"))
	post.Header.Set("Content-Type", "application/json")
	answer, err := send(post)
	if err != nil {
		return err
	}
	var to place
	if err := json.Unmarshal(answer, &to); err != nil {
		return err
	}

	put, err := http.NewRequest(to.HTTPMethod, to.UploadURL, body)
	if err != nil {
		return err
	}
	for name, value := range to.RequiredHeaders {
		put.Header.Set(name, value)
	}
	put.ContentLength = info.Size()
	_, err = send(put)
	return err
}

func must(path string) {
	if err := upload(path); err != nil {
		log.Fatalf("%s: %v", path, err)
	}
}

func main() {
	parallel := flag.Int("j", 1, "")
	again := flag.Bool("again", false, "")
	flag.Parse()
	// As many as are in use: the default of 2 would close connections that are needed again at once.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = *parallel

	files := flag.Args()
	if *again {
		must(files[0])
		time.Sleep(10 * time.Second)
		start := time.Now()
		must(files[1])
		fmt.Println(time.Since(start).Seconds())
		return
	}
	paths := make(chan string)
	var workers sync.WaitGroup
	workers.Add(*parallel)
	for i := 0; i < *parallel; i++ {
		go func() {
			defer workers.Done()
			for path := range paths {
				must(path)
			}
		}()
	}
	for _, path := range files {
		paths <- path
	}
	close(paths)
	workers.Wait()
}
