package linq_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// go test -run '^$' -bench .
//
// The same two requests by hand, with none of what makes them safe, are what there is to compare with.
func BenchmarkUpload(b *testing.B) {
	control("DELETE", "/faults", nil, nil)
	client := newClient(b)
	for _, size := range []int{1000, 10 << 20} {
		content := text(size)
		for name, upload := range map[string]func() error{
			"bytes": func() error {
				_, err := client.UploadBytes(background, content, "b.txt")
				return err
			},
			"reader": func() error {
				_, err := client.Upload(background, bytes.NewReader(content), "b.txt", int64(size))
				return err
			},
			"by-hand": func() error { return byHand(content) },
		} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for range b.N {
					if err := upload(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCall is what a call costs that does nothing: ContentType crosses into C directly, ParsePresigned by a goroutine.
func BenchmarkCall(b *testing.B) {
	b.Run("direct", func(b *testing.B) {
		for range b.N {
			linq.ContentType("a.jpg", nil)
		}
	})
	b.Run("by a goroutine", func(b *testing.B) {
		for range b.N {
			linq.ParsePresigned([]byte("{}"))
		}
	})
}

func byHand(content []byte) error {
	body, _ := json.Marshal(map[string]any{"filename": "b.txt", "content_type": "text/plain", "size_bytes": len(content)})
	request, _ := http.NewRequest("POST", sandbox.API+"/v3/attachments", bytes.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+sandbox.Key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	var place struct {
		UploadURL string            `json:"upload_url"`
		Headers   map[string]string `json:"required_headers"`
	}
	err = json.NewDecoder(response.Body).Decode(&place)
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if err != nil {
		return err
	}
	request, err = http.NewRequest("PUT", place.UploadURL, bytes.NewReader(content))
	if err != nil {
		return err
	}
	for name, value := range place.Headers {
		request.Header.Set(name, value)
	}
	response, err = http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
