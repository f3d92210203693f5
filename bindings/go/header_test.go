package linq_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func header(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../include/linq.h")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryStatusIsNamed(t *testing.T) {
	named := map[string]struct {
		status   linq.Status
		sentinel error
	}{
		"LINQ_OK":               {linq.StatusOK, nil},
		"LINQ_INVALID_ARGUMENT": {linq.StatusInvalidArgument, linq.ErrInvalidArgument},
		"LINQ_FILE":             {linq.StatusFile, linq.ErrFile},
		"LINQ_UNSUPPORTED":      {linq.StatusUnsupported, linq.ErrUnsupported},
		"LINQ_NETWORK":          {linq.StatusNetwork, linq.ErrNetwork},
		"LINQ_TLS":              {linq.StatusTLS, linq.ErrTLS},
		"LINQ_TIMEOUT":          {linq.StatusTimeout, linq.ErrTimeout},
		"LINQ_CANCELLED":        {linq.StatusCancelled, linq.ErrCancelled},
		"LINQ_UNAUTHORIZED":     {linq.StatusUnauthorized, linq.ErrUnauthorized},
		"LINQ_NOT_FOUND":        {linq.StatusNotFound, linq.ErrNotFound},
		"LINQ_RATE_LIMITED":     {linq.StatusRateLimited, linq.ErrRateLimited},
		"LINQ_API":              {linq.StatusAPI, linq.ErrAPI},
		"LINQ_STORAGE":          {linq.StatusStorage, linq.ErrStorage},
		"LINQ_EXPIRED":          {linq.StatusExpired, linq.ErrExpired},
		"LINQ_PROTOCOL":         {linq.StatusProtocol, linq.ErrProtocol},
		"LINQ_NO_MEMORY":        {linq.StatusNoMemory, linq.ErrNoMemory},
		"LINQ_INTERNAL":         {linq.StatusInternal, linq.ErrInternal},
	}
	// In the header the statuses come first, up to the number of the ABI.
	statuses, _, _ := strings.Cut(header(t), "#define LINQ_ABI_VERSION")
	_, statuses, _ = strings.Cut(statuses, "LINQ_HAS(pointer, field)  ")
	found := regexp.MustCompile(`#define (LINQ_\w+) (\d+)\n`).FindAllStringSubmatch(statuses, -1)
	equal(t, len(found), len(named))
	for _, match := range found {
		number, _ := strconv.Atoi(match[2])
		known, ok := named[match[1]]
		if !ok {
			t.Errorf("%s has no name in Go", match[1])
			continue
		}
		equal(t, known.status, linq.Status(number))
		equal(t, known.status.String(), match[1])
		for name, other := range named {
			err := error(&linq.Error{Status: known.status})
			if name != "LINQ_OK" {
				equal(t, errors.Is(err, other.sentinel), name == match[1])
			}
		}
	}
	unknown := &linq.Error{Status: 1000}
	equal(t, errors.Is(unknown, linq.ErrInternal), true)
	equal(t, unknown.Status.String(), "LINQ_INTERNAL")
}

// What the fields of the header's structs are in Go. Where it is not a field of the same name: by what it is set.
var counterparts = map[string]struct {
	in      any // the struct in Go, if there is one
	another map[string]string
}{
	"linq_client_options": {nil, map[string]string{
		"api_key": "WithAPIKey", "base_url": "WithBaseURL", "user_agent": "WithUserAgent", "ca_file": "WithCAFile",
		"ca_pem": "WithCAPEM", "proxy": "WithProxy", "flags": "WithoutEnvironment WithWebPAndSVG WithHTTPLoopback",
		"connect_timeout_ms": "WithConnectTimeout", "stall_timeout_ms": "WithStallTimeout", "max_attempts": "WithMaxAttempts",
	}},
	"linq_error": {linq.Error{}, nil},
	"linq_file":  {linq.File{}, nil},
	"linq_call_options": {nil, map[string]string{
		"cancel": "ctx context.Context", "timeout_ms": "ctx context.Context", "attempt": "WithAttempt", "attempt_user_data": "WithAttempt",
	}},
	"linq_attempt":   {linq.Attempt{}, nil},
	"linq_header":    {linq.Header{}, nil},
	"linq_presigned": {linq.Presigned{}, map[string]string{"expires_at_ms": "ExpiresAt time", "header_count": "Headers", "json": "MarshalJSON"}},
	"linq_upload_options": {nil, map[string]string{
		"filename": "WithFilename", "content_type": "WithContentType", "progress": "WithProgress", "user_data": "WithProgress",
		"cancel": "ctx context.Context", "timeout_ms": "ctx context.Context", "renew": "WithRenew", "renew_user_data": "WithRenew",
		"attempt": "WithAttempt", "attempt_user_data": "WithAttempt",
	}},
	"linq_attachment": {linq.Attachment{}, nil},
	"linq_source": {nil, map[string]string{
		"path": "FromFile", "bytes": "FromBytes", "read": "FromReader", "rewind": "io.Seeker", "user_data": "FromReader",
		"offset": "FromOpenFile", "length": "FromOpenFile", "kind": "FromFile", "descriptor": "FromOpenFile",
	}},
	"linq_attachment_info": {linq.AttachmentInfo{}, map[string]string{"created_at_ms": "CreatedAt "}},
	"linq_message":         {linq.Message{}, map[string]string{"to_count": "To ", "attachment_count": "AttachmentIDs"}},
	"linq_receipt":         {linq.Receipt{}, nil},
	"linq_request":         {linq.Request{}, map[string]string{"flags": "Repeatable"}},
	"linq_response":        {linq.Response{}, nil},
}

func TestEveryFieldIsReachable(t *testing.T) {
	source := ""
	for _, name := range []string{"client.go", "attempt.go", "upload.go", "presigned.go", "attachment.go", "message.go", "request.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	structs := regexp.MustCompile(`(?s)typedef struct (linq_\w+) \{(.*?)\n\}`).FindAllStringSubmatch(header(t), -1)
	structs = slices.DeleteFunc(structs, func(match []string) bool { return ofQueues(match[1]) })
	equal(t, len(structs), len(counterparts))
	comments := regexp.MustCompile(`(?s)/\*.*?\*/`)
	field := regexp.MustCompile(`(\w+);`)
	for _, match := range structs {
		counterpart, ok := counterparts[match[1]]
		if !ok {
			t.Errorf("%s is nothing in Go", match[1])
		}
		for _, f := range field.FindAllStringSubmatch(comments.ReplaceAllString(match[2], ""), -1) {
			name := f[1]
			if name == "struct_size" || strings.HasPrefix(name, "reserved") {
				continue
			}
			if another := counterpart.another[name]; another != "" {
				for _, word := range strings.Fields(another) {
					if !strings.Contains(source, word) {
						t.Errorf("%s of %s: there is no %s", name, match[1], word)
					}
				}
			} else if !hasField(counterpart.in, name) {
				t.Errorf("%s of %s is not reachable", name, match[1])
			}
		}
	}
}

// ofQueues tells what Go has no use for: many uploads at a time are as many goroutines.
func ofQueues(name string) bool {
	return strings.HasPrefix(name, "linq_queue") || name == "linq_event"
}

// hasField compares without case and underscores: storage_id_2 is StorageID2, retry_after_ms a duration RetryAfter.
func hasField(in any, name string) bool {
	want := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(name, "_ms"), "_us"), "_", "")
	return in != nil && slices.ContainsFunc(reflect.VisibleFields(reflect.TypeOf(in)), func(f reflect.StructField) bool {
		return f.IsExported() && strings.EqualFold(f.Name, want)
	})
}

func TestEveryFunctionIsCalled(t *testing.T) {
	source := ""
	files, _ := os.ReadDir(".")
	for _, file := range files {
		if strings.HasSuffix(file.Name(), ".go") && !strings.HasSuffix(file.Name(), "_test.go") {
			text, err := os.ReadFile(file.Name())
			if err != nil {
				t.Fatal(err)
			}
			source += string(text)
		}
	}
	prototypes := regexp.MustCompile(`(?m)^(?:linq_status|const char \*|struct linq_cancel_token \*|void|uint32_t) ?(linq_\w+)\(`)
	found := prototypes.FindAllStringSubmatch(header(t), -1)
	found = slices.DeleteFunc(found, func(match []string) bool { return ofQueues(match[1]) })
	equal(t, len(found), 21)
	for _, match := range found {
		// linq_upload with a path is the same.
		if match[1] != "linq_upload_file" && !strings.Contains(source, "C."+match[1]+"(") {
			t.Errorf("%s is never called", match[1])
		}
	}
	equal(t, linq.Version(), regexp.MustCompile(`LINQ_VERSION_STRING "(.*)"`).FindStringSubmatch(header(t))[1])
}

// A library of another ABI, in the place of the one that the tests are linked with: whatever else is asked of it aborts.
const another = `
#include <stdlib.h>
#include <stdint.h>
uint32_t linq_abi_version(void) { return 77; }
const char *linq_version(void) { return "7.7.7"; }
const char *linq_status_name(int32_t status) { return "LINQ_INTERNAL"; }
`

func TestAnotherABI(t *testing.T) {
	if os.Getenv("LINQ_TEST_ABI") != "" {
		linq.SetLogger(slog.Default())
		equal(t, linq.ContentType("a.jpg", nil), "")
		client := new(linq.Client)
		_, made := linq.NewClient()
		_, parsed := linq.ParsePresigned([]byte("{}"))
		_, asked := client.Attachment(background, "x")
		_, uploaded := client.UploadBytes(background, text(1), "a.txt")
		for _, err := range []error{made, parsed, asked, uploaded} {
			equal(t, failed(t, err, linq.StatusInternal, linq.ErrInternal).Message,
				"liblinq 7.7.7 has ABI 77, but this program was built for 1")
		}
		return
	}
	source := another
	for _, function := range regexp.MustCompile(`(?m)^(?:struct |const )?\w+ \*?(linq_\w+)\(`).FindAllStringSubmatch(header(t), -1) {
		if !strings.Contains(source, " "+function[1]+"(") && !strings.Contains(source, "*"+function[1]+"(") {
			source += "void " + function[1] + "(void) { abort(); }\n"
		}
	}
	if count := strings.Count(source, "abort();"); count < 14 {
		t.Fatalf("only %d functions were found in linq.h", count)
	}
	library := filepath.Join(t.TempDir(), "another.so")
	cc := exec.Command("cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library)
	cc.Stdin = strings.NewReader(source)
	if out, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := exec.Command(os.Args[0], "-test.run=^TestAnotherABI$", "-test.v")
	command.Env = append(os.Environ(), "LINQ_TEST_ABI=1", "LD_PRELOAD="+library)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	contains(t, string(out), "--- PASS: TestAnotherABI")
}
