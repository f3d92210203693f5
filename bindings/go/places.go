//go:build cgo

package linq

import (
	"context"
	"sync"
	"time"
)

const (
	defaultMaxCalls = 64
	// A call whose callback lasts longer than this lets another one run: the callback may be waiting for it.
	lentAfter = 10 * time.Millisecond
)

// places bounds how many calls of a client run at once: one value in the channel for each.
type places chan struct{}

func newPlaces(count int) places {
	if count <= 0 {
		count = defaultMaxCalls
	}
	return make(places, count)
}

// enter waits for a place; nil where the context ended first.
func (p places) enter(ctx context.Context) *place {
	select {
	case p <- struct{}{}:
		return &place{of: p, held: true}
	case <-ctx.Done():
		return nil
	}
}

// place is what a call holds while it runs.
type place struct {
	of    places
	mutex sync.Mutex
	held  bool
}

// leave gives the place up, if it is held.
func (p *place) leave() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.held {
		<-p.of
		p.held = false
	}
}

// takeBack takes a place again where one is free. To wait would help nobody: the thread is held anyway.
func (p *place) takeBack() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.held {
		return
	}
	select {
	case p.of <- struct{}{}:
		p.held = true
	default:
	}
}

// lendWhile runs a callback, and gives the place up while it lasts. Not at once: then each quick one would let another call
// in, and their number would have no bound.
func (p *place) lendWhile(callback func()) {
	if p == nil {
		callback()
		return
	}
	timer := time.AfterFunc(lentAfter, p.leave)
	defer func() {
		if !timer.Stop() {
			p.takeBack()
		}
	}()
	callback()
}
