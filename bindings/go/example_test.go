package linq_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// The key is in the environment: LINQ_API_V3_API_KEY.
func Example() {
	client, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	photo, err := client.UploadFile(context.Background(), "../../examples/photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(photo.Filename, photo.ContentType, len(photo.AttachmentID))
	// Output: photo.jpg image/jpeg 36
}

func ExampleNewClient() {
	client, err := linq.NewClient(
		linq.WithUserAgent("MyApp/2.1"),
		linq.WithStallTimeout(10*time.Second),
		linq.WithMaxAttempts(2),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// An io.ReadSeeker can be sent again where the first attempt fails; another reader cannot, unless it has at most 4 KiB.
func ExampleClient_Upload() {
	client, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	report := strings.NewReader("name,amount\nrent,1000\n")
	attachment, err := client.Upload(context.Background(), report, "report.csv", report.Size(),
		linq.WithProgress(func(sent, total int64) { fmt.Printf("%d of %d\n", sent, total) }))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(attachment.ContentType)
	// Output:
	// 0 of 22
	// 22 of 22
	// text/csv
}

func ExampleClient_UploadFrom() {
	client, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	archive, err := os.Open("../../examples/photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer archive.Close()
	part, err := client.UploadFrom(context.Background(), linq.FromOpenFile(archive, 0, 1000), linq.WithFilename("part.jpg"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(part.SizeBytes)
	// Output: 1000
}

// The server has the key, the phone has the bytes, and in between goes a piece of JSON.
func ExampleClient_Presign() {
	// The server.
	server, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	place, err := server.Presign(context.Background(), linq.File{Filename: "hello.txt", SizeBytes: 5})
	if err != nil {
		log.Fatal(err)
	}
	reply, err := json.Marshal(place)
	if err != nil {
		log.Fatal(err)
	}

	// The phone, or any other program without a key.
	phone, err := linq.NewClient(linq.WithoutEnvironment(), linq.WithHTTPLoopback()) // the latter for tests only
	if err != nil {
		log.Fatal(err)
	}
	defer phone.Close()
	reserved, err := linq.ParsePresigned(reply)
	if err != nil {
		log.Fatal(err)
	}
	attachment, err := phone.UploadPresigned(context.Background(), reserved, linq.FromBytes([]byte("hello")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(attachment.Filename, attachment.AttachmentID == place.AttachmentID)
	// Output: hello.txt true
}

func ExampleClient_SendMessage() {
	client, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	photo, err := client.UploadFile(ctx, "../../examples/photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := client.SendMessage(ctx, linq.Message{
		From:           "+15550001111",
		To:             []string{"+15552223333"},
		Text:           "Look!",
		AttachmentIDs:  []string{photo.AttachmentID},
		IdempotencyKey: "order-4711",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.IdempotencyKey)
	// Output: order-4711
}

func ExampleError() {
	client, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.UploadBytes(context.Background(), []byte("fLaC..."), "music.flac")
	var failure *linq.Error
	switch {
	case errors.Is(err, linq.ErrUnsupported):
		fmt.Println("tell the user:", err)
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Println("too slow")
	case errors.As(err, &failure) && failure.Retryable:
		fmt.Println("later, after", failure.RetryAfter, "trace", failure.TraceID)
	}
	// Output: tell the user: linq: music.flac is a FLAC audio file, which Linq does not accept; convert it to M4A, MP3 or WAV
}

func ExampleSetLogger() {
	var lines bytes.Buffer
	linq.SetLogger(slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelInfo})))
	defer linq.SetLogger(nil)
	client, err := linq.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	attachment, err := client.UploadBytes(context.Background(), []byte("hello"), "hello.txt")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(lines.String(), attachment.AttachmentID+" is uploaded"))
	// Output: true
}

func ExampleContentType() {
	fmt.Println(linq.ContentType("photo.jpg", nil))
	fmt.Println(linq.ContentType("photo.jpg", []byte("\x89PNG\r\n\x1a\n")))
	// Output:
	// image/jpeg
	// image/png
}
