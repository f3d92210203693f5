package linq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	linq "github.com/linq-team/liblinq/bindings/go"
)

func expired(t *testing.T, client *linq.Client, size int64) *linq.Presigned {
	t.Helper()
	injected := fault(`{"side":"api","method":"POST","fault":{"expired":true}}`)
	place := presign(t, client, size)
	equal(t, injected(), 1)
	return place
}

func TestAnExpiredPlaceIsRenewed(t *testing.T) {
	calm(t)
	client, content := newClient(t), text(10)
	old, next := expired(t, client, 10), presign(t, client, 10)
	type key struct{}
	ctx, asked := context.WithValue(background, key{}, "mine"), 0
	renew := func(ctx context.Context, expired *linq.Presigned) (*linq.Presigned, error) {
		asked++
		equal(t, ctx.Value(key{}), any("mine"))
		equal(t, expired.AttachmentID, old.AttachmentID)
		equal(t, expired.Filename, "żółw & co.txt")
		return next, nil
	}
	a, err := client.UploadPresigned(ctx, old, linq.FromBytes(content), linq.WithRenew(renew))
	arrived(t, a, err, "żółw & co.txt", "text/plain", content)
	equal(t, a.AttachmentID, next.AttachmentID)
	equal(t, a.Attempts, 2)
	equal(t, asked, 1)
}

func TestARenewalThatFails(t *testing.T) {
	calm(t)
	client, mine := newClient(t), errors.New("the app's server is down")
	old := expired(t, client, 10)
	for _, c := range []struct {
		gives    *linq.Presigned
		fails    error
		expected []error
	}{
		{nil, mine, []error{linq.ErrExpired, mine}},
		{presign(t, client, 10), mine, []error{linq.ErrExpired, mine}},
		{nil, nil, []error{linq.ErrExpired}},
		{&linq.Presigned{AttachmentID: "made by hand"}, nil, []error{linq.ErrExpired, linq.ErrInvalidArgument}},
		{presign(t, client, 11), nil, []error{linq.ErrUnsupported}},
		{old, nil, []error{linq.ErrExpired}},
	} {
		renew := func(context.Context, *linq.Presigned) (*linq.Presigned, error) { return c.gives, c.fails }
		a, err := client.UploadPresigned(background, old, linq.FromBytes(text(10)), linq.WithRenew(renew))
		equal(t, a, nil)
		for _, expected := range c.expected {
			if !errors.Is(err, expected) {
				t.Errorf("%v is not %v", err, expected)
			}
		}
		var failure *linq.Error
		if !errors.As(err, &failure) || failure.Attempts != 2 || failure.Retryable {
			t.Errorf("%+v", failure)
		}
		if c.fails == nil && errors.Is(err, mine) {
			t.Errorf("%v has the error of another call", err)
		}
	}
}

func TestTheContextEndsInARenewal(t *testing.T) {
	calm(t)
	client := newClient(t)
	old, next := expired(t, client, 10), presign(t, client, 10)
	for _, gives := range []*linq.Presigned{next, nil} {
		ctx, cancel := context.WithCancel(background)
		renew := func(ctx context.Context, _ *linq.Presigned) (*linq.Presigned, error) {
			cancel()
			return gives, ctx.Err()
		}
		_, err := client.UploadPresigned(ctx, old, linq.FromBytes(text(10)), linq.WithRenew(renew))
		if !errors.Is(err, linq.ErrCancelled) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	ctx, cancel := context.WithTimeout(background, 300*time.Millisecond)
	defer cancel()
	renew := func(ctx context.Context, _ *linq.Presigned) (*linq.Presigned, error) {
		<-ctx.Done()
		return next, nil
	}
	_, err := client.UploadPresigned(ctx, old, linq.FromBytes(text(10)), linq.WithRenew(renew))
	if !errors.Is(err, linq.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
