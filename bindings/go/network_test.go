package linq_test

import (
	"context"
	"testing"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func TestNetworkChanged(t *testing.T) {
	calm(t)
	var reused []bool
	client := newClient(t, linq.WithAttempt(func(_ context.Context, a linq.Attempt) { reused = append(reused, a.Reused) }))
	upload := func(options ...linq.UploadOption) {
		t.Helper()
		reused = nil
		content := text(100_000)
		a, err := client.UploadBytes(background, content, "n.txt", options...)
		arrived(t, a, err, "n.txt", "text/plain", content)
		equal(t, a.Attempts, 1)
	}
	upload()
	upload()
	equal(t, reused[0] && reused[1], true)
	client.NetworkChanged()
	upload()
	// The connection of the PUT may have been made while the place was reserved.
	equal(t, reused[0], false)
	upload(linq.WithProgress(func(int64, int64) { client.NetworkChanged() }))
	var none *linq.Client
	none.NetworkChanged()
	client.Close()
	client.NetworkChanged()
}
