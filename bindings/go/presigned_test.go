package linq_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func presign(t *testing.T, client *linq.Client, size int64) *linq.Presigned {
	t.Helper()
	place, err := client.Presign(background, linq.File{Filename: "żółw & co.txt", SizeBytes: size})
	if err != nil {
		t.Fatal(err)
	}
	return place
}

func TestPresignedJSON(t *testing.T) {
	place := presign(t, newClient(t), 10)
	exact, err := place.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	// What C's own parser understands, it writes in the same way again.
	again, err := linq.ParsePresigned(exact)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, place) {
		t.Errorf("%q became %q", fmt.Sprint(*place), fmt.Sprint(*again))
	}
	var fields map[string]any
	if err := json.Unmarshal(exact, &fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"attachment_id": place.AttachmentID, "upload_url": place.UploadURL, "download_url": place.DownloadURL,
		"http_method": "PUT", "filename": "żółw & co.txt", "content_type": "text/plain", "size_bytes": 10.0,
	} {
		equal(t, fields[name], want)
	}

	// As part of something else, where encoding/json writes an & in its own way.
	type reply struct {
		Place  *linq.Presigned
		Copy   linq.Presigned
		Absent *linq.Presigned
	}
	text, err := json.Marshal(reply{place, *place, nil})
	if err != nil {
		t.Fatal(err)
	}
	var got reply
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got.Absent, nil)
	if err := json.Unmarshal([]byte(`{"Copy":null}`), &got); err != nil {
		t.Error(err)
	}
	for _, p := range []linq.Presigned{*got.Place, got.Copy} {
		equal(t, p.UploadURL, place.UploadURL)
		equal(t, p.ExpiresAt, place.ExpiresAt)
		if !reflect.DeepEqual(p.Headers, place.Headers) {
			t.Errorf("%v", p.Headers)
		}
	}
	a, err := newClient(t).UploadPresigned(background, &got.Copy, linq.FromBytes([]byte("0123456789")))
	arrived(t, a, err, "żółw & co.txt", "text/plain", []byte("0123456789"))

	_, err = json.Marshal(linq.Presigned{AttachmentID: "made by hand"})
	failed(t, err, linq.StatusInvalidArgument)
	failed(t, json.Unmarshal([]byte(`{"upload_url":7}`), new(linq.Presigned)), linq.StatusInvalidArgument)
}

// Linq's own reply, as a server without liblinq hands it on.
func TestPresignedOfAnotherServer(t *testing.T) {
	request, _ := http.NewRequest("POST", sandbox.API+"/v3/attachments",
		strings.NewReader(`{"filename":"a.txt","content_type":"text/plain","size_bytes":5}`))
	request.Header.Set("Authorization", "Bearer "+sandbox.Key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	reply, _ := io.ReadAll(response.Body)
	place, err := linq.ParsePresigned(reply)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, place.Filename, "")
	a, err := newClient(t).UploadPresigned(background, place, linq.FromBytes([]byte("hello")))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, string(object(a.AttachmentID)), "hello")
	equal(t, a.AttachmentID, place.AttachmentID)
}

func TestConnect(t *testing.T) {
	calm(t)
	client := newClient(t)
	place := presign(t, client, 5)
	for _, to := range []*linq.Presigned{nil, place, nil, place} {
		if err := client.Connect(background, to); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, len(requests()), 1) // that of Presign
	if _, err := client.UploadPresigned(background, place, linq.FromBytes([]byte("hello"))); err != nil {
		t.Fatal(err)
	}
	nowhere := newClient(t, linq.WithBaseURL("http://127.0.0.1:1"), linq.WithMaxAttempts(1))
	equal(t, errors.Is(nowhere.Connect(background, nil), linq.ErrNetwork), true)
	ended, cancel := context.WithCancel(background)
	cancel()
	equal(t, errors.Is(client.Connect(ended, place), context.Canceled), true)
	equal(t, errors.Is(client.Connect(background, &linq.Presigned{}), linq.ErrInvalidArgument), true)
}

func TestPresignedIsNotPrinted(t *testing.T) {
	place := presign(t, newClient(t), 10)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "place", place, "copy", *place)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("JSON", "place", place, "copy", *place)
	type holder struct {
		Place *linq.Presigned
		Copy  linq.Presigned
	}
	for _, verb := range strings.Fields("%v %+v %#v %s %q %d %x %X %c %U %e %g %t %b %o %Z %10.3v %-80s %*d %! none") {
		fmt.Fprintf(&log, verb, place)
		fmt.Fprintf(&log, verb, *place)
		fmt.Fprintf(&log, verb, holder{place, *place})
		fmt.Fprintf(&log, verb, []linq.Presigned{*place})
		fmt.Fprintf(&log, verb, map[string]any{"a": *place, "b": place})
	}
	fmt.Fprint(&log, place, *place)
	fmt.Fprint(&log, fmt.Errorf("%w", error(wrapped{*place})))
	var none *linq.Presigned
	equal(t, fmt.Sprintf("%v %d", none, none), "<nil> <nil>")
	for _, verb := range []string{"%d", "%v", "%#v", "%x"} {
		equal(t, fmt.Sprintf(verb, *place), "linq.Presigned("+place.AttachmentID+")")
	}
	if text := log.String(); strings.Contains(text, "X-Amz-") || !strings.Contains(text, place.AttachmentID) {
		t.Errorf("%s", text)
	}
}

type wrapped struct{ Place linq.Presigned }

func (w wrapped) Error() string { return fmt.Sprint("with ", w.Place) }

func TestRequest(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(70_000)
	for what, body := range map[string]func() io.Reader{
		"seeker": func() io.Reader { return bytes.NewReader(content) },
		"reader": func() io.Reader { return io.LimitReader(bytes.NewReader(content), 1<<40) },
	} {
		place := presign(t, client, int64(len(content)))
		request, err := place.Request(background, body())
		if err != nil {
			t.Fatal(what, err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(what, err)
		}
		response.Body.Close()
		equal(t, response.StatusCode, 200)
		equal(t, sum(object(place.AttachmentID)), sum(content))
	}
	for _, header := range requests()[1].Headers {
		if strings.EqualFold(header[0], "authorization") || strings.EqualFold(header[0], "transfer-encoding") {
			t.Error(header)
		}
	}
}

func TestTheResponseToOnesOwnPutIsChecked(t *testing.T) {
	calm(t)
	place := presign(t, newClient(t), 5)
	put := func() (int, []byte) {
		request, err := place.Request(background, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, body
	}
	fault(`{"side":"storage","times":1,"fault":{"respond":{"status":503,"code":"SlowDown"}}}`)
	e := failed(t, place.Check(put()), linq.StatusStorage, linq.ErrStorage)
	equal(t, e.StorageCode, "SlowDown")
	equal(t, e.HTTPStatus, 503)
	equal(t, e.AttachmentID, place.AttachmentID)
	equal(t, e.Retryable, true)
	equal(t, e.Attempts, 1)
	if err := place.Check(put()); err != nil {
		t.Error(err)
	}
	equal(t, sum(object(place.AttachmentID)), sum([]byte("hello")))

	expired := []byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
	failed(t, place.Check(403, expired), linq.StatusExpired, linq.ErrExpired)
	failed(t, place.Check(200, []byte("<html>Log in")), linq.StatusProtocol, linq.ErrProtocol)
	for _, status := range []int{-1, 0, 99, 1000, 1<<32 + 200} {
		contains(t, failed(t, place.Check(status, nil), linq.StatusInvalidArgument).Message, "HTTP status")
	}
	var none *linq.Presigned
	failed(t, none.Check(200, nil), linq.StatusInvalidArgument)
}

// net/http sends the Host by a field of its own, and any other is not what was signed.
func TestRequestHasTheSignedHost(t *testing.T) {
	place := presign(t, newClient(t), 5)
	place.Headers = append(place.Headers, linq.Header{Name: "host", Value: "signed.linq.test"})
	request, err := place.Request(background, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, request.Host, "signed.linq.test")
	equal(t, len(request.Header.Values("Host")), 0)
}

func TestRequestsThatCannotBe(t *testing.T) {
	place := presign(t, newClient(t), 10)
	var none *linq.Presigned
	_, err := none.Request(background, strings.NewReader(""))
	failed(t, err, linq.StatusInvalidArgument)
	_, err = new(linq.Presigned).Request(background, strings.NewReader(""))
	failed(t, err, linq.StatusInvalidArgument)
	_, err = place.Request(background, nil)
	failed(t, err, linq.StatusInvalidArgument)
	_, err = place.Request(nil, strings.NewReader("0123456789")) //lint:ignore SA1012 that is what is tried
	contains(t, failed(t, err, linq.StatusInvalidArgument).Message, "ctx is nil")
	methodless := *place
	methodless.HTTPMethod = ""
	_, err = methodless.Request(background, strings.NewReader("0123456789"))
	contains(t, failed(t, err, linq.StatusInvalidArgument).Message, "method")
	for _, body := range []string{"", "short", "more than ten"} {
		_, err = place.Request(background, strings.NewReader(body))
		contains(t, failed(t, err, linq.StatusUnsupported).Message, fmt.Sprint(len(body), " bytes"), "for 10")
	}
	unknown := *place
	unknown.Headers, unknown.SizeBytes = nil, 0
	_, err = unknown.Request(background, io.MultiReader())
	contains(t, failed(t, err, linq.StatusInvalidArgument).Message, "size")
	broken := *place
	broken.UploadURL += "\x7f"
	_, err = broken.Request(background, strings.NewReader("0123456789"))
	if failed(t, err, linq.StatusInvalidArgument); strings.Contains(err.Error(), "X-Amz") {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(background)
	cancel()
	request, err := place.Request(ctx, strings.NewReader("0123456789"))
	if err != nil || request.Context() != ctx {
		t.Error(err)
	}
}
