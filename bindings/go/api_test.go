package linq_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// arrived holds an attachment against what should have been uploaded.
func arrived(t *testing.T, a *linq.Attachment, err error, name, contentType string, content []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, a.Filename, name)
	equal(t, a.ContentType, contentType)
	equal(t, a.SizeBytes, int64(len(content)))
	if !strings.Contains(a.DownloadURL, a.AttachmentID) {
		t.Errorf("the download URL %q is another's", a.DownloadURL)
	}
	there := objects()[a.AttachmentID]
	equal(t, there, stored{a.AttachmentID, name, contentType, int64(len(content)), sum(content), there.Puts})
}

func TestUploadFile(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(300_000)
	path := file(t, "notes.txt", content)
	a, err := client.UploadFile(background, path)
	arrived(t, a, err, "notes.txt", "text/plain", content)
	equal(t, a.Attempts, 1)

	a, err = client.UploadFile(background, path, linq.WithFilename("żółw.csv"), linq.WithContentType("text/csv; charset=utf-8"))
	arrived(t, a, err, "żółw.csv", "text/csv", content)
}

func TestUploadFileFromDescriptor(t *testing.T) {
	client, content := newClient(t), text(100_000)
	f, err := os.Open(file(t, "x", content))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := client.UploadFrom(background, linq.FromOpenFile(f, 0, 0), linq.WithFilename("all.txt"))
	arrived(t, a, err, "all.txt", "text/plain", content)
	a, err = client.UploadFrom(background, linq.FromOpenFile(f, 1000, 5000), linq.WithFilename("part.txt"))
	arrived(t, a, err, "part.txt", "text/plain", content[1000:6000])
	position, _ := f.Seek(0, io.SeekCurrent)
	equal(t, position, 0)
}

// A child that is started meanwhile gets no descriptor of the file.
func TestOpenFileIsNotInherited(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(100_000)
	path := file(t, "inherited", content)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	looked := false
	a, err := client.UploadFrom(background, linq.FromOpenFile(f, 0, 0), linq.WithFilename("i.txt"), linq.WithProgress(func(int64, int64) {
		if looked {
			return
		}
		looked = true
		here := 0
		for _, descriptor := range names(t, "/proc/self/fd") {
			if target, _ := os.Readlink("/proc/self/fd/" + descriptor); target == path {
				here++
			}
		}
		if here < 2 {
			t.Errorf("%d descriptors of the file: the call has none of its own", here)
		}
		inherited, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
		if err != nil || strings.Contains(string(inherited), path) {
			t.Errorf("%v: %s", err, inherited)
		}
	}))
	arrived(t, a, err, "i.txt", "text/plain", content)
	equal(t, looked, true)
}

func names(t *testing.T, directory string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	return names
}

func TestUploadBytes(t *testing.T) {
	client := newClient(t)
	for _, size := range []int{1, 4096, 1 << 20, 5<<20 + 1} {
		content := text(size)
		a, err := client.UploadBytes(background, content, "b.txt")
		arrived(t, a, err, "b.txt", "text/plain", content)
	}
}

// readers that do what readers may do
type (
	sparing struct{ io.Reader } // a little at a time, and sometimes nothing
	hurried struct{ io.Reader } // io.EOF beside the last bytes
)

func (r sparing) Read(p []byte) (int, error) {
	return r.Reader.Read(p[:min(len(p), rand.IntN(5000))])
}

func (r hurried) Read(p []byte) (int, error) {
	n, err := io.ReadFull(r.Reader, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func TestUploadFromReaders(t *testing.T) {
	client, content := newClient(t), text(700_000)
	pipe, writer := io.Pipe()
	go func() {
		for rest := content; len(rest) > 0; rest = rest[min(len(rest), 7777):] {
			writer.Write(rest[:min(len(rest), 7777)])
		}
		writer.Close()
	}()
	for name, r := range map[string]io.Reader{
		"seeker.txt":  bytes.NewReader(content),
		"buffer.txt":  bytes.NewBuffer(bytes.Clone(content)),
		"sparing.txt": sparing{bytes.NewReader(content)},
		"hurried.txt": hurried{bytes.NewReader(content)},
		"pipe.txt":    pipe,
	} {
		a, err := client.Upload(background, r, name, int64(len(content)))
		arrived(t, a, err, name, "text/plain", content)
	}
}

func TestReadSeekerBeginsAgainWhereItStood(t *testing.T) {
	client, content := newClient(t), text(400_000)
	for attempts := 1; attempts <= 2; attempts++ {
		calm(t)
		if attempts == 2 {
			fault(`{"side":"storage","fault":{"respond":{"status":503,"code":"SlowDown","headers":[["Retry-After","0"]]}}}`)
		}
		r := bytes.NewReader(content)
		r.Seek(1000, io.SeekStart)
		a, err := client.Upload(background, r, "rest.txt", int64(len(content)-1000))
		arrived(t, a, err, "rest.txt", "text/plain", content[1000:])
		equal(t, a.Attempts, attempts)
	}
}

func TestProgress(t *testing.T) {
	client, content := newClient(t), text(3<<20)
	var told []int64
	_, err := client.UploadBytes(background, content, "p.txt", linq.WithProgress(func(sent, total int64) {
		equal(t, total, int64(len(content)))
		if len(told) > 0 && sent < told[len(told)-1] {
			t.Errorf("%d after %v", sent, told)
		}
		told = append(told, sent)
	}))
	if err != nil || len(told) < 2 || told[0] != 0 || told[len(told)-1] != int64(len(content)) {
		t.Errorf("%v, %v", told, err)
	}
}

func TestTLS(t *testing.T) {
	pem, err := os.ReadFile(sandbox.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	content := text(200_000)
	for _, trust := range []linq.ClientOption{linq.WithCAFile(sandbox.CAFile), linq.WithCAPEM(string(pem))} {
		client := newClient(t, linq.WithBaseURL(sandbox.APITLS), trust)
		a, err := client.UploadBytes(background, content, "tls.txt")
		arrived(t, a, err, "tls.txt", "text/plain", content)
	}
}

func TestSplit(t *testing.T) {
	calm(t)
	server, content := newClient(t), text(50_000)
	phone, err := linq.NewClient(linq.WithoutEnvironment(), linq.WithHTTPLoopback())
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()

	place, err := server.Presign(background, linq.File{Filename: "split.txt", SizeBytes: int64(len(content))})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, place.HTTPMethod, "PUT")
	equal(t, place.Filename, "split.txt")
	equal(t, place.ContentType, "text/plain")
	equal(t, place.SizeBytes, int64(len(content)))
	if left := time.Until(place.ExpiresAt); left < 10*time.Minute || left > 20*time.Minute {
		t.Errorf("it expires in %v", left)
	}
	headers := map[string]string{}
	for _, header := range place.Headers {
		headers[strings.ToLower(header.Name)] = header.Value
	}
	equal(t, headers["content-type"], "text/plain")
	equal(t, headers["content-length"], "50000")

	sent, err := json.Marshal(place)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]linq.Source{
		"file":       linq.FromFile(file(t, "phone.txt", content)),
		"bytes":      linq.FromBytes(content),
		"reader":     linq.FromReader(bytes.NewReader(content), int64(len(content))),
		"not seeked": linq.FromReader(bytes.NewBuffer(content), int64(len(content))),
	} {
		got, err := linq.ParsePresigned(sent)
		if err != nil {
			t.Fatal(err)
		}
		a, err := phone.UploadPresigned(background, got, source)
		arrived(t, a, err, "split.txt", "text/plain", content)
		equal(t, a.AttachmentID, place.AttachmentID)
		equal(t, a.DownloadURL, place.DownloadURL)
		_ = name
	}
	for _, r := range requests() {
		for _, header := range r.Headers {
			if r.Side == "storage" && strings.EqualFold(header[0], "authorization") {
				t.Error("the key went to the storage host")
			}
		}
	}
}

func TestAttachmentAndDelete(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(1234)
	before := time.Now().Add(-time.Minute)
	a, err := client.UploadBytes(background, content, "info.txt")
	if err != nil {
		t.Fatal(err)
	}
	info, err := client.Attachment(background, a.AttachmentID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, info.AttachmentID, a.AttachmentID)
	equal(t, info.Filename, "info.txt")
	equal(t, info.ContentType, "text/plain")
	equal(t, info.SizeBytes, 1234)
	equal(t, info.DownloadURL, a.DownloadURL)
	equal(t, info.Status, "complete")
	if info.CreatedAt.Before(before) || info.CreatedAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("created %v", info.CreatedAt)
	}
	response, err := http.Get(info.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, _ := io.ReadAll(response.Body); !bytes.Equal(got, content) {
		t.Errorf("%d other bytes came back", len(got))
	}
	if err := client.DeleteAttachment(background, a.AttachmentID); err != nil {
		t.Fatal(err)
	}
	failed(t, client.DeleteAttachment(background, a.AttachmentID), linq.StatusNotFound, linq.ErrNotFound)
	_, err = client.Attachment(background, a.AttachmentID)
	e := failed(t, err, linq.StatusNotFound, linq.ErrNotFound)
	equal(t, e.HTTPStatus, 404)
}

func TestSendMessage(t *testing.T) {
	calm(t)
	client := newClient(t)
	a, err := client.UploadBytes(background, text(99), "m.txt")
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := client.SendMessage(background, linq.Message{
		From: sandbox.Phone, To: []string{"+15552223333", "+15554445555"}, Text: "look: żółw 🐢",
		AttachmentIDs: []string{a.AttachmentID, a.AttachmentID}, IdempotencyKey: "once",
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, receipt.IdempotencyKey, "once")
	if receipt.ChatID == "" || receipt.MessageID == "" {
		t.Errorf("%+v", receipt)
	}
	log := requests()
	var sent struct {
		From    string
		To      []string
		Message struct {
			Parts []struct {
				Type, Value  string
				AttachmentID string `json:"attachment_id"`
			}
			IdempotencyKey string `json:"idempotency_key"`
		}
	}
	if err := json.Unmarshal([]byte(*log[len(log)-1].Body), &sent); err != nil {
		t.Fatal(err)
	}
	equal(t, sent.From, sandbox.Phone)
	equal(t, strings.Join(sent.To, " "), "+15552223333 +15554445555")
	equal(t, sent.Message.IdempotencyKey, "once")
	equal(t, len(sent.Message.Parts), 3)
	equal(t, sent.Message.Parts[0].Value, "look: żółw 🐢")
	equal(t, sent.Message.Parts[1].AttachmentID, a.AttachmentID)
	equal(t, sent.Message.Parts[2].AttachmentID, a.AttachmentID)

	fault(`{"side":"api","method":"POST","path_contains":"/v3/chats",
		"fault":{"respond":{"status":201,"body":{"chat":{"id":"the chat","message":{"id":"the message"}}}}}}`)
	receipt, err = client.SendMessage(background, linq.Message{From: sandbox.Phone, To: []string{"+15552223333"}, Text: "no key"})
	if err != nil || receipt.IdempotencyKey == "" {
		t.Fatalf("%+v, %v", receipt, err)
	}
	equal(t, receipt.ChatID, "the chat")
	equal(t, receipt.MessageID, "the message")
}

// A message of which nobody knows whether it arrived is sent again with the key that the library made up.
func TestSendMessageAgain(t *testing.T) {
	calm(t)
	client := newClient(t, linq.WithMaxAttempts(1))
	fault(`{"side":"api","path_contains":"/v3/chats","times":1,"fault":{"die_before_answer":"close"}}`)
	message := linq.Message{From: sandbox.Phone, To: []string{"+15552223333"}, Text: "no key"}
	_, err := client.SendMessage(background, message)
	failure := failed(t, err, linq.StatusNetwork, linq.ErrNetwork)
	contains(t, *requests()[0].Body, failure.IdempotencyKey)
	if len(failure.IdempotencyKey) != 36 {
		t.Fatalf("%q is no key", failure.IdempotencyKey)
	}
	message.IdempotencyKey = failure.IdempotencyKey
	first, err := client.SendMessage(background, message)
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.SendMessage(background, message)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, *first, *second)
	message.From = "555"
	_, err = client.SendMessage(background, message)
	equal(t, failed(t, err, linq.StatusAPI, linq.ErrAPI).IdempotencyKey, "")
}

func TestSendRequest(t *testing.T) {
	calm(t)
	client := newClient(t)
	a, err := client.UploadBytes(background, text(99), "m.txt")
	if err != nil {
		t.Fatal(err)
	}
	start := linq.Request{Method: "POST", Path: "/v3/messages",
		JSON: json.RawMessage(`{"to":["+15552223333"],"message":{"parts":[{"type":"text","value":"żółw"}]}}`)}
	started, err := client.SendRequest(background, start)
	if err != nil {
		t.Fatal(err)
	}
	var chat struct {
		ID string `json:"chat_id"`
	}
	if err := json.Unmarshal(started.JSON, &chat); err != nil || started.HTTPStatus != 202 || started.TraceID == "" {
		t.Fatalf("%+v, %v", started, err)
	}
	into := linq.Request{Method: "POST", Path: "/v3/chats/" + chat.ID + "/messages", Repeatable: true, IdempotencyKey: "key",
		JSON: json.RawMessage(`{"message":{"parts":[{"type":"media","attachment_id":"` + a.AttachmentID + `"}]}}`)}
	if _, err = client.SendRequest(background, into); err != nil {
		t.Fatal(err)
	}
	log := requests()
	equal(t, *log[len(log)-1].Body, string(into.JSON))
	gone, err := client.SendRequest(background, linq.Request{Method: "DELETE", Path: "attachments/" + a.AttachmentID})
	if err != nil || gone.JSON != nil || gone.HTTPStatus != 204 {
		t.Errorf("%+v, %v", gone, err)
	}

	fault(`{"side":"api","path_contains":"/v3/messages","times":2,"fault":{"respond":{"status":500,"headers":[["Retry-After","0"]]}}}`)
	start.IdempotencyKey = "again"
	_, err = client.SendRequest(background, start)
	once := failed(t, err, linq.StatusAPI, linq.ErrAPI)
	equal(t, once.Attempts, 1)
	equal(t, once.Retryable, false)
	equal(t, once.IdempotencyKey, "again")
	start.Repeatable = true
	if _, err = client.SendRequest(background, start); err != nil {
		t.Error(err)
	}

	for _, bad := range []linq.Request{
		{},
		{Method: "POST", Path: "https://evil.example/"},
		{Method: "POST", Path: "/v3/../x"},
		{Method: "POST", Path: "/v3/x", JSON: json.RawMessage("{")},
		{Method: "POST", Path: "/v3/x", JSON: json.RawMessage("{}\x00")},
		{Method: "GET", Path: "/v3/\x00"},
	} {
		response, err := client.SendRequest(background, bad)
		failed(t, err, linq.StatusInvalidArgument, linq.ErrInvalidArgument)
		if response != nil {
			t.Errorf("%+v", response)
		}
	}
}

func TestSystemError(t *testing.T) {
	_, err := newClient(t).UploadFile(background, "/no/such")
	equal(t, failed(t, err, linq.StatusFile, linq.ErrFile).SystemError, syscall.ENOENT)
	equal(t, errors.Is(err, fs.ErrNotExist), true)
	equal(t, strings.Count(err.Error(), "no such file"), 1)
	_, err = newClient(t, linq.WithBaseURL("http://127.0.0.1:1"), linq.WithMaxAttempts(1)).Attachment(background, "x")
	equal(t, failed(t, err, linq.StatusNetwork, linq.ErrNetwork).SystemError, syscall.ECONNREFUSED)
	equal(t, errors.Is(err, syscall.ECONNREFUSED), true)
}

func TestContentType(t *testing.T) {
	for _, c := range []struct {
		name, bytes, want string
	}{
		{"/a/b/photo.JPG", "", "image/jpeg"},
		{"", "%PDF-1.7", "application/pdf"},
		{"lie.txt", "\x89PNG\r\n\x1a\n", "image/png"},
		{"a.docx", "", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.ogg", "OggS", ""},
		{"", "", ""},
		{"no such", "", ""},
		{"a.jpg\x00.exe", "", ""},
		{"\xff\xfe.gif", "", "image/gif"},
	} {
		equal(t, linq.ContentType(c.name, []byte(c.bytes)), c.want)
	}
	equal(t, linq.ContentType("a.gif", nil), "image/gif")
}

func TestClientOptions(t *testing.T) {
	calm(t)
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)
	_, err := newClient(t).UploadBytes(background, svg, "a.svg")
	failed(t, err, linq.StatusUnsupported, linq.ErrUnsupported)
	a, err := newClient(t, linq.WithWebPAndSVG(), linq.WithUserAgent("MyApp/2.1"), linq.WithProxy("")).UploadBytes(background, svg, "a.svg")
	arrived(t, a, err, "a.svg", "image/svg+xml", svg)
	var agent string
	for _, header := range requests()[0].Headers {
		if strings.EqualFold(header[0], "user-agent") {
			agent = header[1]
		}
	}
	contains(t, agent, "liblinq/"+linq.Version(), "MyApp/2.1")

	fault(`{"side":"api","times":0,"fault":{"respond":{"status":503}}}`)
	_, err = newClient(t, linq.WithMaxAttempts(1)).Attachment(background, "x")
	equal(t, failed(t, err, linq.StatusAPI, linq.ErrAPI).Attempts, 1)
	control("DELETE", "/faults", nil, nil)

	fault(`{"side":"api","times":0,"fault":{"no_answer":true}}`)
	_, err = newClient(t, linq.WithMaxAttempts(1), linq.WithStallTimeout(100*time.Millisecond)).Attachment(background, "x")
	contains(t, failed(t, err, linq.StatusTimeout, linq.ErrTimeout).Message, "nothing moved", "0.1 s")

	black := newClient(t, linq.WithBaseURL(sandbox.BlackHole), linq.WithMaxAttempts(1), linq.WithConnectTimeout(99*time.Millisecond+1))
	_, err = black.Attachment(background, "x")
	contains(t, failed(t, err, linq.StatusTimeout, linq.ErrTimeout).Message, "connect timeout")

	_, err = newClient(t, linq.WithProxy("http://user:word@127.0.0.1:1"), linq.WithBaseURL("https://api.linq.test"), linq.WithMaxAttempts(1)).
		Attachment(background, "x")
	contains(t, failed(t, err, linq.StatusNetwork, linq.ErrNetwork).Message, "127.0.0.1")
}

func TestEnvironment(t *testing.T) {
	client, err := linq.NewClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	content := text(10)
	a, err := client.UploadBytes(background, content, "e.txt", nil)
	arrived(t, a, err, "e.txt", "text/plain", content)
}

// linq.h has an empty text count as none; the binding does not decide it anew.
func TestBlankKey(t *testing.T) {
	calm(t)
	for _, blank := range []string{"", " "} {
		client, err := linq.NewClient(linq.WithAPIKey(blank))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		content := text(10)
		a, err := client.UploadBytes(background, content, "k.txt") // by the environment's key
		arrived(t, a, err, "k.txt", "text/plain", content)

		strict, err := linq.NewClient(linq.WithAPIKey(blank), linq.WithoutEnvironment(), linq.WithBaseURL(sandbox.API))
		if err != nil {
			t.Fatal(err)
		}
		defer strict.Close()
		_, err = strict.UploadBytes(background, content, "k.txt")
		equal(t, failed(t, err, linq.StatusUnauthorized, linq.ErrUnauthorized).HTTPStatus, 0)
	}
}

func TestAnAttachmentIsPrintedWithoutTheSignature(t *testing.T) {
	calm(t)
	fault(`{"side":"api","times":0,"fault":{"merge":{"download_url":"https://cdn.linqapp.com/a?X-Amz-Signature=5ec2e7"}}}`)
	client := newClient(t)
	attachment, err := client.UploadBytes(background, text(10), "p.txt")
	if err != nil {
		t.Fatal(err)
	}
	info, err := client.Attachment(background, attachment.AttachmentID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, attachment.DownloadURL, info.DownloadURL)
	contains(t, attachment.DownloadURL, "5ec2e7")
	hex := fmt.Sprintf("%x", "5ec2e7")
	for _, value := range []any{attachment, *attachment, info, *info, []linq.Attachment{*attachment}, struct{ A linq.AttachmentInfo }{*info}} {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %10.3v %-80s") {
			printed := fmt.Sprintf(verb, value)
			if strings.Contains(printed, "5ec2e7") || strings.Contains(strings.ToLower(printed), hex) {
				t.Errorf("%s: %s", verb, printed)
			}
		}
		contains(t, fmt.Sprintf("%+v", value), attachment.AttachmentID)
		contains(t, fmt.Sprintf("%+v", value), "DownloadURL:https://cdn.linqapp.com/a?... ")
	}
	contains(t, attachment.String(), "Filename:p.txt")
	contains(t, info.String(), "Filename:p.txt")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "attachment", attachment, "copy", *attachment, "info", info)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("JSON", "attachment", attachment, "copy", *attachment, "info", info)
	equal(t, strings.Count(log.String(), "https://cdn.linqapp.com/a?..."), 6)
	equal(t, strings.Contains(log.String(), "5ec2e7"), false)
	var none *linq.Attachment
	equal(t, fmt.Sprint(none), "<nil>")
	stored, err := json.Marshal(attachment)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(stored), "5ec2e7")
}
