package linq_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

// failed holds an error against what it should be, and gives it as what it is.
func failed(t *testing.T, err error, status linq.Status, is ...error) *linq.Error {
	t.Helper()
	var e *linq.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no linq.Error", err)
	}
	if e.Status != status {
		t.Errorf("status %v, want %v: %v", e.Status, status, err)
	}
	for _, target := range is {
		if !errors.Is(err, target) {
			t.Errorf("%v is not in: %v", target, err)
		}
	}
	if !strings.Contains(err.Error(), "linq: "+e.Message) || e.Message == "" {
		t.Errorf("%q and %q", err.Error(), e.Message)
	}
	return e
}

func TestErrorsSayAllThatIsKnown(t *testing.T) {
	calm(t)
	client := newClient(t, linq.WithMaxAttempts(1))
	fault(`{"side":"api","fault":{"respond":{"status":429,"headers":[["Retry-After","7"],["X-Trace-ID","trace-7"]],
		"body":{"success":false,"error":{"status":429,"code":1007,"message":"slow down","doc_url":"https://docs.linqapp.com/1007"},"trace_id":"trace-7"}}}}`)
	_, err := client.UploadBytes(background, text(10), "e.txt")
	e := failed(t, err, linq.StatusRateLimited, linq.ErrRateLimited)
	contains(t, e.Message, "slow down")
	equal(t, e.HTTPStatus, 429)
	equal(t, e.APICode, 1007)
	equal(t, e.TraceID, "trace-7")
	equal(t, e.DocURL, "https://docs.linqapp.com/1007")
	equal(t, e.RetryAfter, 7*time.Second)
	equal(t, e.Attempts, 1)
	equal(t, e.Retryable, true)
	equal(t, e.AttachmentID, "")

	fault(`{"side":"storage","fault":{"respond":{"status":403,"headers":[],
		"body":"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><RequestId>R1</RequestId><HostId>I2</HostId></Error>"}}}`)
	_, err = client.UploadBytes(background, text(10), "e.txt")
	e = failed(t, err, linq.StatusStorage, linq.ErrStorage)
	equal(t, e.HTTPStatus, 403)
	equal(t, e.StorageCode, "SignatureDoesNotMatch")
	equal(t, e.StorageRequestID, "R1")
	equal(t, e.StorageID2, "I2")
	equal(t, len(e.AttachmentID), 36)
	if errors.Is(err, linq.ErrAPI) || errors.Is(err, io.EOF) {
		t.Error("it is more than it is")
	}
}

func TestStatusesFromTheNetwork(t *testing.T) {
	calm(t)
	ca := linq.WithCAFile(sandbox.CAFile)
	once := linq.WithMaxAttempts(1)
	_, err := newClient(t, linq.WithAPIKey("wrong"), once).Attachment(background, "x")
	equal(t, failed(t, err, linq.StatusUnauthorized, linq.ErrUnauthorized).HTTPStatus, 401)

	keyless, err := linq.NewClient(linq.WithoutEnvironment(), linq.WithBaseURL(sandbox.API))
	if err != nil {
		t.Fatal(err)
	}
	defer keyless.Close()
	_, err = keyless.Presign(background, linq.File{Filename: "a.txt", SizeBytes: 1})
	equal(t, failed(t, err, linq.StatusUnauthorized, linq.ErrUnauthorized).HTTPStatus, 0)

	_, err = newClient(t, linq.WithBaseURL("http://127.0.0.1:1"), once).Attachment(background, "x")
	failed(t, err, linq.StatusNetwork, linq.ErrNetwork)
	_, err = newClient(t, linq.WithBaseURL(sandbox.BadTLS.UnknownCA), ca, once).Attachment(background, "x")
	failed(t, err, linq.StatusTLS, linq.ErrTLS)

	fault(`{"side":"api","fault":{"respond":{"status":200,"body":"no JSON"}}}`)
	_, err = newClient(t, once).Presign(background, linq.File{Filename: "a.txt", SizeBytes: 1})
	failed(t, err, linq.StatusProtocol, linq.ErrProtocol)

	fault(`{"side":"api","method":"POST","fault":{"expired":true}}`)
	client := newClient(t)
	place, err := client.Presign(background, linq.File{Filename: "a.txt", SizeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.UploadPresigned(background, place, linq.FromBytes([]byte("a")))
	failed(t, err, linq.StatusExpired, linq.ErrExpired)
}

func TestNewClientFails(t *testing.T) {
	for name, c := range map[string]struct {
		option linq.ClientOption
		status linq.Status
		says   string
	}{
		"URL":     {linq.WithBaseURL("no URL"), linq.StatusInvalidArgument, "the base URL"},
		"CA file": {linq.WithCAFile("/no/such"), linq.StatusFile, "/no/such"},
		"CA PEM":  {linq.WithCAPEM("no PEM"), linq.StatusTLS, "the CA text holds no certificate"},
		"key":     {linq.WithAPIKey("a\x00b"), linq.StatusInvalidArgument, "the API key has a NUL"},
		"UTF-8":   {linq.WithUserAgent("\xff"), linq.StatusInvalidArgument, "linq_client_options.user_agent"},
		"minus":   {linq.WithStallTimeout(-1), linq.StatusInvalidArgument, "the stall timeout"},
		"long":    {linq.WithConnectTimeout(1 << 62), linq.StatusInvalidArgument, "the connect timeout"},
		"tries":   {linq.WithMaxAttempts(-1), linq.StatusInvalidArgument, "the number of attempts"},
		"tries 2": {linq.WithMaxAttempts(1 << 40), linq.StatusInvalidArgument, "the number of attempts"},
	} {
		client, err := linq.NewClient(linq.WithoutEnvironment(), c.option)
		if client != nil {
			t.Error(name, ": a client came with the error")
		}
		contains(t, failed(t, err, c.status).Message, c.says)
	}
}

func TestSourcesThatCannotBe(t *testing.T) {
	calm(t)
	client := newClient(t)
	directory := t.TempDir()
	closed, err := os.Create(filepath.Join(directory, "closed"))
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	unread := strings.NewReader("unread")
	name := linq.WithFilename("a.txt")
	for what, c := range map[string]struct {
		source  linq.Source
		options []linq.UploadOption
		status  linq.Status
		is      error
		says    string
	}{
		"no file":           {linq.FromFile("/no/such"), nil, linq.StatusFile, nil, "/no/such cannot be opened"},
		"no path":           {linq.FromFile(""), nil, 0, nil, ""},
		"directory":         {linq.FromFile(directory), nil, 0, nil, directory},
		"device":            {linq.FromFile("/dev/null"), nil, linq.StatusFile, nil, "not a regular file"},
		"NUL in path":       {linq.FromFile("a\x00b"), nil, linq.StatusInvalidArgument, nil, "the path has a NUL"},
		"nil bytes":         {linq.FromBytes(nil), []linq.UploadOption{name}, linq.StatusUnsupported, nil, "is empty"},
		"no bytes":          {linq.FromBytes([]byte{}), []linq.UploadOption{name}, linq.StatusUnsupported, nil, "is empty"},
		"no name":           {linq.FromBytes([]byte("a")), nil, linq.StatusInvalidArgument, nil, "has no name of its own"},
		"empty name":        {linq.FromBytes([]byte("a")), []linq.UploadOption{linq.WithFilename("")}, linq.StatusUnsupported, nil, "0 characters"},
		"NUL in name":       {linq.FromBytes([]byte("a")), []linq.UploadOption{linq.WithFilename("a.jpg\x00.exe")}, linq.StatusInvalidArgument, nil, "the filename has a NUL"},
		"UTF-8 in name":     {linq.FromBytes([]byte("a")), []linq.UploadOption{linq.WithFilename("\xff")}, linq.StatusInvalidArgument, nil, "linq_upload_options.filename"},
		"type":              {linq.FromBytes([]byte("a")), []linq.UploadOption{name, linq.WithContentType("x/y")}, linq.StatusUnsupported, nil, "x/y"},
		"NUL in type":       {linq.FromBytes([]byte("a")), []linq.UploadOption{name, linq.WithContentType("text/plain\x00")}, linq.StatusInvalidArgument, nil, "the content type has a NUL"},
		"zero source":       {linq.Source{}, []linq.UploadOption{name}, linq.StatusInvalidArgument, nil, "the source is empty"},
		"nil reader":        {linq.FromReader(nil, 1), []linq.UploadOption{name}, linq.StatusInvalidArgument, nil, "the reader is nil"},
		"nil file":          {linq.FromOpenFile(nil, 0, 0), []linq.UploadOption{name}, linq.StatusInvalidArgument, os.ErrInvalid, "the open file"},
		"closed file":       {linq.FromOpenFile(closed, 0, 0), []linq.UploadOption{name}, linq.StatusInvalidArgument, os.ErrClosed, "the open file"},
		"negative size":     {linq.FromReader(unread, -1), []linq.UploadOption{name}, linq.StatusInvalidArgument, nil, "the size is negative"},
		"size 0":            {linq.FromReader(unread, 0), []linq.UploadOption{name}, linq.StatusUnsupported, nil, "is empty"},
		"huge size":         {linq.FromReader(unread, 1<<63-1), []linq.UploadOption{name}, linq.StatusUnsupported, nil, "9223372036854775807 bytes"},
		"negative offset":   {linq.FromOpenFile(os.Stdin, -1, 0), []linq.UploadOption{name}, linq.StatusInvalidArgument, nil, "the offset is negative"},
		"negative length":   {linq.FromOpenFile(os.Stdin, 0, -1), []linq.UploadOption{name}, linq.StatusInvalidArgument, nil, "the length is negative"},
		"path in a bad dir": {linq.FromFile("/\xff/x.txt"), nil, linq.StatusFile, nil, "x.txt"},
	} {
		a, err := client.UploadFrom(background, c.source, c.options...)
		if a != nil || err == nil {
			t.Errorf("%s: %v", what, a)
			continue
		}
		status := c.status
		if status == 0 {
			var e *linq.Error
			errors.As(err, &e)
			status = e.Status
		}
		e := failed(t, err, status)
		contains(t, e.Message, c.says)
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v is not %v", what, err, c.is)
		}
	}
	equal(t, len(requests()), 0)
	equal(t, unread.Len(), len("unread"))
}

type faulty struct {
	before int // bytes that come first
	read   func([]byte) (int, error)
}

func (f *faulty) Read(p []byte) (int, error) {
	if f.before > 0 {
		n := min(len(p), f.before)
		f.before -= n
		return copy(p, bytes.Repeat([]byte("a"), n)), nil
	}
	return f.read(p)
}

type unseekable struct{ *strings.Reader }

func (unseekable) Seek(int64, int) (int64, error) { return 0, fs.ErrPermission }

type seekableOnce struct {
	*strings.Reader
	seeks int
}

func (s *seekableOnce) Seek(offset int64, whence int) (int64, error) {
	if s.seeks++; s.seeks > 1 {
		return 0, fs.ErrPermission
	}
	return s.Reader.Seek(offset, whence)
}

func TestReadersThatFail(t *testing.T) {
	calm(t)
	client := newClient(t)
	mine := errors.New("my own error")
	for what, c := range map[string]struct {
		read func([]byte) (int, error)
		is   error
		says string
	}{
		"error":            {func([]byte) (int, error) { return 0, mine }, mine, "my own error"},
		"error with bytes": {func(p []byte) (int, error) { return copy(p, "xyz"), mine }, mine, "my own error"},
		"too short":        {func([]byte) (int, error) { return 0, io.EOF }, nil, "ended after"},
		"too long":         {func(p []byte) (int, error) { return len(p), nil }, nil, ""},
		"never anything":   {func([]byte) (int, error) { return 0, nil }, io.ErrNoProgress, ""},
		"lies":             {func(p []byte) (int, error) { return len(p) + 1, nil }, nil, "count that its buffer cannot hold"},
		"lies greatly":     {func(p []byte) (int, error) { return 1<<63 - 1, io.EOF }, nil, "count that its buffer cannot hold"},
		"negative":         {func(p []byte) (int, error) { return -1, nil }, nil, "count that its buffer cannot hold"},
	} {
		for _, before := range []int{0, 200_000} {
			a, err := client.Upload(background, &faulty{before, c.read}, "r.txt", 300_000)
			if a != nil {
				t.Error(what, "came to an attachment")
			}
			failed(t, err, linq.StatusFile, linq.ErrFile)
			contains(t, err.Error(), c.says)
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%s: %v is not %v", what, err, c.is)
			}
		}
	}

	content := string(text(100_000))
	a, err := client.Upload(background, unseekable{strings.NewReader(content)}, "r.txt", 100_000)
	arrived(t, a, err, "r.txt", "text/plain", []byte(content))
	refusal := `{"side":"storage","fault":{"respond":{"status":503,"code":"SlowDown"}}}`
	fault(refusal)
	_, err = client.Upload(background, unseekable{strings.NewReader(content)}, "r.txt", 100_000)
	equal(t, failed(t, err, linq.StatusStorage, linq.ErrStorage).Attempts, 1)
	fault(refusal)
	_, err = client.Upload(background, &seekableOnce{Reader: strings.NewReader(content)}, "r.txt", 100_000)
	failed(t, err, linq.StatusFile, fs.ErrPermission)
}

func TestErrorsOfOtherCalls(t *testing.T) {
	calm(t)
	client := newClient(t)
	ask := func(call func() error, status linq.Status, says string) {
		t.Helper()
		contains(t, failed(t, call(), status).Message, says)
	}
	presign := func(file linq.File) func() error {
		return func() error { _, err := client.Presign(background, file); return err }
	}
	ask(presign(linq.File{}), linq.StatusUnsupported, "is empty")
	ask(presign(linq.File{SizeBytes: 1}), linq.StatusUnsupported, "0 characters")
	ask(presign(linq.File{Filename: "a.txt"}), linq.StatusUnsupported, "is empty")
	ask(presign(linq.File{Filename: "a.txt", SizeBytes: -1}), linq.StatusInvalidArgument, "the size is negative")
	ask(presign(linq.File{Filename: "a.txt", SizeBytes: 104_857_601}), linq.StatusUnsupported, "104857601 bytes")
	ask(presign(linq.File{Filename: "a.txt\x00", SizeBytes: 1}), linq.StatusInvalidArgument, "the filename has a NUL")
	ask(presign(linq.File{Filename: "a", SizeBytes: 1, ContentType: "\x00"}), linq.StatusInvalidArgument, "the content type has a NUL")
	send := func(message linq.Message) func() error {
		return func() error { _, err := client.SendMessage(background, message); return err }
	}
	to := []string{"+15552223333"}
	ask(send(linq.Message{}), linq.StatusInvalidArgument, "the sender is empty")
	ask(send(linq.Message{From: sandbox.Phone, Text: "x"}), linq.StatusInvalidArgument, "the message has no recipient")
	ask(send(linq.Message{From: sandbox.Phone, To: to}), linq.StatusInvalidArgument, "text")
	ask(send(linq.Message{From: sandbox.Phone, To: to, Text: "a\x00b"}), linq.StatusInvalidArgument, "Message.Text has a NUL")
	ask(send(linq.Message{From: sandbox.Phone, To: []string{"\x00"}, Text: "x"}), linq.StatusInvalidArgument, "Message.To has a NUL")
	ask(send(linq.Message{From: "\x00", To: to, Text: "x"}), linq.StatusInvalidArgument, "Message.From has a NUL")
	ask(send(linq.Message{From: sandbox.Phone, To: to, Text: "\xff"}), linq.StatusInvalidArgument, "linq_message.text")
	ask(send(linq.Message{From: sandbox.Phone, To: to, AttachmentIDs: []string{"a\x00"}}), linq.StatusInvalidArgument, "Message.AttachmentIDs has a NUL")
	ask(send(linq.Message{From: sandbox.Phone, To: to, Text: "x", IdempotencyKey: "\x00"}), linq.StatusInvalidArgument, "Message.IdempotencyKey has a NUL")
	ask(func() error { _, err := client.Attachment(background, ""); return err }, linq.StatusInvalidArgument, "the attachment id")
	ask(func() error { _, err := client.Attachment(background, "a\x00b"); return err }, linq.StatusInvalidArgument, "the attachment id has a NUL")
	ask(func() error { return client.DeleteAttachment(background, "\xff") }, linq.StatusInvalidArgument, "attachment_id")
	for _, json := range []string{"", "null", "{}", "[]", "\x00", "{\xff}", strings.Repeat(" ", 1<<20+1)} {
		_, err := linq.ParsePresigned([]byte(json))
		failed(t, err, linq.StatusInvalidArgument, linq.ErrInvalidArgument)
	}
	for _, place := range []*linq.Presigned{nil, {}, {UploadURL: "http://127.0.0.1/"}} {
		_, err := client.UploadPresigned(background, place, linq.FromBytes([]byte("a")))
		contains(t, failed(t, err, linq.StatusInvalidArgument).Message, "not from Presign")
	}
	equal(t, len(requests()), 0)
}

// What callers ask of the errors of other packages.
func TestErrorsAnswerAsTheSystemsDo(t *testing.T) {
	calm(t)
	client := newClient(t)
	_, err := client.UploadFile(background, "/no/such/file.txt")
	failed(t, err, linq.StatusFile, linq.ErrFile, fs.ErrNotExist, syscall.ENOENT)
	_, err = client.UploadFile(background, filepath.Join("/proc/self/cmdline", "a.txt"))
	failed(t, err, linq.StatusFile, syscall.ENOTDIR)

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	nobody := newClient(t, linq.WithBaseURL("http://"+free.Addr().String()), linq.WithMaxAttempts(1))
	_, err = nobody.Attachment(background, "5d3a9f3e-0000-4000-8000-000000000000")
	failed(t, err, linq.StatusNetwork, linq.ErrNetwork, syscall.ECONNREFUSED)
	var as net.Error
	equal(t, errors.As(err, &as) && !as.Timeout(), true)

	fault(noAnswer)
	stalls := newClient(t, linq.WithStallTimeout(200*time.Millisecond), linq.WithMaxAttempts(1))
	_, err = stalls.Attachment(background, "5d3a9f3e-0000-4000-8000-000000000000")
	failed(t, err, linq.StatusTimeout, linq.ErrTimeout)
	equal(t, errors.As(err, &as) && as.Timeout(), true)
	equal(t, os.IsTimeout(err), true)
}
