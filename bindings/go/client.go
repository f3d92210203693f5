package linq

/*
#include <linq.h>
*/
import "C"

import (
	"context"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Client holds the API key, the settings and the pooled connections. It may be used by any number of goroutines, each of
// whose calls holds a thread: see Threads above, and [WithMaxCalls]. One per process is usually enough. Made by [NewClient].
type Client struct {
	places places
	mutex  sync.Mutex
	at     *C.linq_client // nil: closed
	calls  int
	over   bool // to be closed by the last call

	attempt func(context.Context, Attempt)
}

type clientSettings struct {
	apiKey, baseURL, userAgent, caFile, caPEM, proxy *string
	flags                                            C.uint32_t
	connectTimeout, stallTimeout                     time.Duration
	maxAttempts                                      int
	maxCalls                                         int
	attempt                                          func(context.Context, Attempt)
}

// ClientOption is a setting of a client. What is not set is liblinq's default.
type ClientOption func(*clientSettings)

// WithAPIKey sets the partner's API key. Without it the key comes from LINQ_API_V3_API_KEY. A client without any key can
// still upload presigned; everything else then is [ErrUnauthorized] before any network. Do not ship a key inside an app.
//
// A blank key counts as not given, so that of the environment is used if there is one: a service with a key for each
// tenant adds [WithoutEnvironment], or a tenant without one uploads to the account of the environment's key.
func WithAPIKey(key string) ClientOption { return func(s *clientSettings) { s.apiKey = &key } }

// WithBaseURL sets where the API is. Without it: LINQ_API_V3_BASE_URL, else Linq's own. The key is never sent over plain
// http, except to loopback.
func WithBaseURL(url string) ClientOption { return func(s *clientSettings) { s.baseURL = &url } }

// WithUserAgent adds to the library's own User-Agent, such as "MyApp/2.1".
func WithUserAgent(name string) ClientOption { return func(s *clientSettings) { s.userAgent = &name } }

// WithCAFile names a file of PEM certificates to trust besides the platform's.
func WithCAFile(path string) ClientOption { return func(s *clientSettings) { s.caFile = &path } }

// WithCAPEM gives PEM certificates to trust besides the platform's.
func WithCAPEM(pem string) ClientOption { return func(s *clientSettings) { s.caPEM = &pem } }

// WithProxy sets the proxy, "http://[user:password@]host:port", or "" for none. Without it the environment's is used.
func WithProxy(url string) ClientOption { return func(s *clientSettings) { s.proxy = &url } }

// WithoutEnvironment reads no environment variable at all: no key, where [WithAPIKey] is missing or blank, no base URL, no
// proxy, no SSL_CERT_FILE.
func WithoutEnvironment() ClientOption {
	return func(s *clientSettings) { s.flags |= C.LINQ_CLIENT_NO_ENVIRONMENT }
}

// WithWebPAndSVG lets WebP and SVG through, about which Linq's own documents contradict each other.
func WithWebPAndSVG() ClientOption {
	return func(s *clientSettings) { s.flags |= C.LINQ_CLIENT_ALLOW_WEBP_SVG }
}

// WithHTTPLoopback accepts a presigned URL that is plain http, towards loopback only; for tests.
func WithHTTPLoopback() ClientOption {
	return func(s *clientSettings) { s.flags |= C.LINQ_CLIENT_ALLOW_HTTP_LOOPBACK }
}

// WithConnectTimeout bounds the name, the connection and the TLS handshake together, in whole milliseconds; 0: the
// default.
func WithConnectTimeout(limit time.Duration) ClientOption {
	return func(s *clientSettings) { s.connectTimeout = limit }
}

// WithStallTimeout bounds how long nothing may move while a connection is up, in whole milliseconds; 0: the default. A slow
// upload that moves is no stall.
func WithStallTimeout(limit time.Duration) ClientOption {
	return func(s *clientSettings) { s.stallTimeout = limit }
}

// WithMaxAttempts sets how often to try in all; 1: never again, 0: the default.
func WithMaxAttempts(count int) ClientOption {
	return func(s *clientSettings) { s.maxAttempts = count }
}

// WithMaxCalls sets how many calls of the client may run at once; 0: 64. Each holds a thread of the system. A further one
// waits for its turn, or for the end of its context.
func WithMaxCalls(count int) ClientOption {
	return func(s *clientSettings) { s.maxCalls = count }
}

// NewClient makes a client. The environment is read now and at no other time. Nothing is sent.
//
// [ErrInvalidArgument]: a setting is invalid. [ErrFile]: the CA file cannot be read. [ErrTLS]: there is no
// certificate in it.
func NewClient(options ...ClientOption) (*Client, error) {
	var s clientSettings
	for _, option := range options {
		if option != nil {
			option(&s)
		}
	}
	call := newBriefCall()
	defer call.close()
	c := C.linq_client_options_default()
	c.api_key = call.optional("the API key", s.apiKey)
	c.base_url = call.optional("the base URL", s.baseURL)
	c.user_agent = call.optional("the User-Agent", s.userAgent)
	c.ca_file = call.optional("the CA file's path", s.caFile)
	c.ca_pem = call.optional("the CA's PEM", s.caPEM)
	c.proxy = call.optional("the proxy", s.proxy)
	c.flags = s.flags
	c.connect_timeout_ms = call.number("the connect timeout in ms", s.connectTimeout < 0, milliseconds(s.connectTimeout))
	c.stall_timeout_ms = call.number("the stall timeout in ms", s.stallTimeout < 0, milliseconds(s.stallTimeout))
	c.max_attempts = call.number("the number of attempts", false, int64(s.maxAttempts))
	call.number("the number of calls at once", false, int64(s.maxCalls))
	client := &Client{places: newPlaces(s.maxCalls), attempt: s.attempt}
	// A net for one that is never closed; where this fails there is nothing in it.
	runtime.SetFinalizer(client, (*Client).Close)
	err := call.run(func(failure **C.linq_error) C.linq_status {
		return C.linq_client_new(&c, &client.at, failure)
	})
	if err != nil {
		return nil, err
	}
	return client, nil
}

// Close gives the client back. Calls that are running go on with it to their end; later ones fail with [ErrClosed]. Closing
// again does nothing. The error is always nil.
func (c *Client) Close() error {
	if c == nil {
		return nil
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.over = true
	c.freeAfterTheLast()
	return nil
}

// NetworkChanged tells the client that the network changed: from Wi-Fi to mobile, a VPN that came or went. Idle connections go at
// once; running calls whose connection is lost by that go on over another, without the cost of an attempt the first time;
// waits after a failure of the network end. A false alarm costs idle connections and nothing else. It never blocks, and may be
// called in callbacks too. A client that is closed does nothing.
func (c *Client) NetworkChanged() {
	if at, err := c.hold(); err == nil {
		defer c.release()
		C.linq_network_changed(at)
	}
}

// hold gives C's client for a call, which must be followed by release.
func (c *Client) hold() (*C.linq_client, error) {
	if c == nil {
		return nil, &Error{Status: StatusInvalidArgument, Message: "the client is nil", causes: []error{ErrClosed}}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.at == nil || c.over {
		return nil, &Error{Status: StatusInvalidArgument, Message: "nothing was done", causes: []error{ErrClosed}}
	}
	c.calls++
	return c.at, nil
}

func (c *Client) release() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.calls--
	c.freeAfterTheLast()
}

func (c *Client) freeAfterTheLast() {
	if c.over && c.calls == 0 && c.at != nil {
		C.linq_free(unsafe.Pointer(c.at))
		c.at = nil
	}
}
