package linq_test

import (
	"context"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func TestEachRequestIsTold(t *testing.T) {
	calm(t)
	fault(`{"side":"storage","method":"PUT","fault":{"respond":{"status":503,"code":"SlowDown","headers":[["retry-after-ms","20"]]}}}`)
	type key struct{}
	ctx := context.WithValue(background, key{}, "mine")
	var told []linq.Attempt
	client := newClient(t, linq.WithAttempt(func(ctx context.Context, a linq.Attempt) {
		equal(t, ctx.Value(key{}), any("mine"))
		equal(t, a.Host, "127.0.0.1")
		if rest := a.Total - (a.Lookup + a.Connect + a.Proxy + a.TLS + a.Send + a.Wait + a.Receive); rest < 0 || rest >= time.Millisecond {
			t.Errorf("%+v", a)
		}
		if a.RequestID == "" || a.BytesSent < 100 || a.BytesReceived < 50 || a.Reused && a.Connect > 0 {
			t.Errorf("%+v", a)
		}
		told = append(told, a)
	}))
	attachment, err := client.UploadBytes(ctx, text(9), "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, len(told), 3)
	equal(t, told[0].Step, linq.StepReserve)
	equal(t, told[1].Step, linq.StepPut)
	equal(t, told[1].Status, linq.StatusStorage)
	equal(t, told[1].HTTPStatus, 503)
	equal(t, told[1].AgainIn, 20*time.Millisecond)
	contains(t, told[1].Reason, "SlowDown")
	equal(t, told[2].Number, 2)
	equal(t, told[2].Reason, "")
	equal(t, told[2].AgainIn, 0)

	told = nil
	if _, err := client.Attachment(ctx, attachment.AttachmentID); err != nil {
		t.Fatal(err)
	}
	place, err := client.Presign(ctx, linq.File{Filename: "a.txt", SizeBytes: 9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UploadPresigned(ctx, place, linq.FromBytes(text(9))); err != nil {
		t.Fatal(err)
	}
	equal(t, len(told), 3)
	equal(t, told[0].Step.String()+" "+told[1].Step.String()+" "+told[2].Step.String(), "other reserve put")
}
