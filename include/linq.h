/*
 * linq.h - upload attachments to Linq, and use them in messages. liblinq 0.1.0.
 *
 *     #include <linq.h>
 *     #include <stdio.h>
 *
 *     int main(void) {                  // the key is in the environment: LINQ_API_V3_API_KEY
 *       linq_attachment *photo = NULL;
 *       linq_error *error = NULL;
 *       if (linq_upload_file(NULL, "photo.jpg", NULL, &photo, &error) == LINQ_OK)
 *         printf("%s\n", photo->attachment_id);
 *       else
 *         fprintf(stderr, "%s\n", error->message);
 *       linq_free(photo);
 *       linq_free(error);
 *     }
 *
 *     cc main.c -llinq
 *
 * TWO WAYS TO USE IT
 *
 *  whole   One process holds the API key: linq_upload_file, or linq_upload for other sources.
 *  split   Your server holds the API key and calls linq_presign. It sends linq_presigned.json to an
 *          app. The app calls linq_presigned_parse and linq_upload_presigned with a client that has
 *          no API key. A partner's key must never ship inside an app.
 *
 * RULES FOR EVERY FUNCTION
 *
 *  1. Names      Types and functions begin with linq_, constants with LINQ_. The shared library
 *                exports no other symbol.
 *
 *  2. Text       Text is UTF-8 and NUL-terminated; a path is bytes, passed on unchanged. What you
 *                pass in is borrowed until the call returns; nothing is kept. Only linq_queue_add
 *                copies what it needs, except bytes in memory: see there.
 *
 *  3. Results    A function that can fail returns a linq_status. Its last arguments say where to
 *                put the result and the error. Both are set on every path, to NULL where they do
 *                not apply, so both can always be passed to linq_free. The pointer for the error
 *                may be NULL; if it is not and the call failed, it is set to an error. Do not
 *                parse the message: its wording may change. Durations are in milliseconds, times
 *                in Unix milliseconds.
 *
 *  4. Ownership  Whatever the library returns - a result, an error, a client, a cancel token, a
 *                queue - is freed by linq_free, once. A result is one block: its strings are freed
 *                with it, and so are the attachment and the error of an event. Only strings that
 *                are called static are never freed. linq_free looks the pointer up in a registry
 *                of live objects: one that is not there (a member string, an object freed before)
 *                is ignored and logged. It cannot notice that an address was used again meanwhile:
 *                then a second free frees another object of yours.
 *
 *  5. Lifetime   A call keeps its client and its cancel token alive until it returns: freeing them
 *                meanwhile, from another thread or from a callback, is allowed and takes effect
 *                when the call returns. Starting a call with an object that was freed is a bug in
 *                your program; it is usually detected and refused. For queues see rule 15.
 *
 *  6. Options    Initialize a struct with its _default() function, then set fields: zero or NULL
 *                means the default unless the field says "Required". struct_size tells the library
 *                which version of the struct you were compiled with. The fields that an older,
 *                smaller struct lacks count as zero. A newer, larger one, of up to 4096 bytes, is
 *                accepted if everything after the fields that the library knows is zero.
 *
 *  7. Versions   Structs only grow at the end; linq_header never does. The library sets
 *                struct_size in results: LINQ_HAS(pointer, field) tells whether the loaded library
 *                knows a field that a newer header has.
 *
 *  8. Status     The number of a status is never reused. Treat an unknown one as LINQ_INTERNAL.
 *
 *  9. Threads    Calls block. Clients, cancel tokens and queues may be used from any thread at the
 *                same time. Threads of the library block all signals and never run your code.
 *                Nothing is written to stdout or stderr. No signal handler is installed, and
 *                writing to a closed connection raises no SIGPIPE. In a signal handler, only
 *                linq_cancel_token_cancel may be called. A child made by fork may go on using
 *                clients, tokens and results that it inherited; it makes its own connections. The
 *                only thing that it can do with a queue is to free it. dlclose does not unload the
 *                library. errno is not part of any result.
 *
 * 10. Callbacks  Callbacks run on the calling thread before the call returns, never after; log
 *                callbacks too. They may call any linq function, uploads included, and free any
 *                object. They must not throw, unwind or longjmp. linq_queue_next passes on the log
 *                lines of a queue's threads.
 *
 * 11. Failures   NULL where a value is required, invalid UTF-8 and impossible sizes are refused
 *                with LINQ_INVALID_ARGUMENT and a message that names the argument. Memory use does
 *                not grow with the size of a file. If a result, or a buffer whose size a caller or
 *                a server determines, cannot be allocated, the call returns LINQ_NO_MEMORY, with
 *                an error that needs no memory. If a small internal allocation fails, the process
 *                aborts.
 *
 * 12. Defaults   NULL for the client means the default client. It is made from the environment by
 *                the first call that succeeds in making one, and lives until exit. If it was made
 *                without an API key, it serves linq_upload_presigned only; calls that need a key
 *                look for one again. NULL for options means all defaults.
 *
 * 13. Time       Every call ends. Connecting has a time limit, and so does a transfer that stalls;
 *                a slow one that makes progress goes on. timeout_ms limits the whole call.
 *                Failures that may be temporary are retried, up to max_attempts, after the delay
 *                that the server asked for or after a backoff. A cancelled call returns within
 *                about 10 ms, whatever it is doing.
 *
 * 14. Secrets    The API key, the query of a presigned URL and the contents of files appear in no
 *                error and in no log line. Results, the client's key and the library's own buffers
 *                are overwritten before they are freed; copies inside the HTTP and TLS layers are
 *                beyond its reach. TLS certificates are always verified; this cannot be turned
 *                off.
 *
 * 15. Queues     The uploads of a queue run on threads of the library. Its functions do not wait for
 *                them, except linq_queue_next, as long as you say, and linq_free, which cancels the
 *                uploads and waits until these threads have ended. A linq_queue_next that runs
 *                meanwhile, in another thread or around the log callback that freed the queue,
 *                returns LINQ_CANCELLED.
 *
 * The environment variables and the content types are listed at the end.
 *
 * Generated from src/ffi and cbindgen.toml by build.rs. Edit those, not this.
 */
#ifndef LINQ_H
#define LINQ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ==============================================================================================
 * The version of this header
 * ============================================================================================== */

/** The version of this header; linq_version() gives that of the loaded library. */
#define LINQ_VERSION_STRING "0.1.0"
#define LINQ_VERSION_MAJOR 0
#define LINQ_VERSION_MINOR 1
#define LINQ_VERSION_PATCH 0

/**
 * Whether a result has a field: false if the library that made it is older than the field.
 *
 *     if (LINQ_HAS(attachment, attempts)) printf("%u\n", attachment->attempts);
 */
#define LINQ_HAS(pointer, field)                                                              \
  ((pointer)->struct_size >=                                                                  \
   (size_t)((const char *)(&(pointer)->field + 1) - (const char *)(pointer)))

/* ==============================================================================================
 * Uploading a file: all that a simple program needs
 * ============================================================================================== */

struct linq_upload_options;
struct linq_attachment;
struct linq_error;

/**
 * The result of a call. LINQ_OK is 0; every other number is a failure and never changes its
 * meaning. Numbers may be added: treat one you do not know as LINQ_INTERNAL.
 */
typedef int32_t linq_status;

/**
 * A client: holds the API key, the settings and the pooled connections. Opaque; made by
 * linq_client_new, freed by linq_free. May be used from any thread at the same time; one per
 * process is usually enough.
 */
typedef struct linq_client linq_client;

/**
 * Uploads a file on disk, so that messages can use it.
 *
 * client      NULL: the default client
 * path        required: a regular file of 1 to 104 857 600 bytes; symbolic links are followed
 * options     NULL: all defaults
 * attachment  the result; free it with linq_free
 *
 * Reserves a place and sends the bytes there, with retries where they help. Memory use does not
 * depend on the size of the file.
 *
 *     linq_attachment *photo;
 *     if (linq_upload_file(NULL, "photo.jpg", NULL, &photo, &error) == LINQ_OK)
 *       printf("%s\n", photo->attachment_id);
 *     else
 *       fprintf(stderr, "%s\n", error->message);
 *
 * LINQ_FILE          it cannot be opened, is not a regular file, or changed while being sent
 * LINQ_UNSUPPORTED   its type, size or name would be refused; nothing was sent
 * LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
 *
 * Also LINQ_INVALID_ARGUMENT, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
 * LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_STORAGE, LINQ_EXPIRED, LINQ_PROTOCOL,
 * LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_upload_file(struct linq_client *client,
                             const char *path,
                             const struct linq_upload_options *options,
                             struct linq_attachment **attachment,
                             struct linq_error **error);

/**
 * Frees whatever this library returned: a result, an error, a client, a cancel token, a queue.
 *
 * NULL is allowed. Secrets are overwritten first. A client or token that a call is using is freed
 * when that call returns. A pointer that is not a live object of the library, such as a member
 * string or an object freed before, is ignored and logged.
 *
 *     linq_free(attachment);
 *     linq_free(error);
 */
void linq_free(void *anything);

/** An uploaded file. Returned by the upload functions; free it with linq_free. */
typedef struct linq_attachment {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /**
   * For any number of messages while it exists: an ephemeral attachment is removed 24 to 48
   * hours after the upload, a persistent one when it is deleted. After that, calls that use it
   * return LINQ_NOT_FOUND.
   */
  const char *attachment_id;
  /** Where the file can be downloaded. NULL if Linq did not send it. */
  const char *download_url;
  /** The declared name; "" if the presigned JSON did not have it. */
  const char *filename;
  /** The declared content type; "" if the presigned JSON did not have it. */
  const char *content_type;
  /** NULL. */
  const void *reserved;
  /** The size of the file. */
  uint64_t size_bytes;
  /** How many attempts the call made in all. */
  uint32_t attempts;
  /** 0. */
  uint32_t reserved_2;
} linq_attachment;

/**
 * What failed, on what, why, and what to do about it. Contains no secret. Free it with
 * linq_free.
 */
typedef struct linq_error {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /**
   * A sentence for people, never NULL. Its wording may change: use the other fields to decide
   * what to do.
   */
  const char *message;
  /** The storage host's own error code, such as "SignatureDoesNotMatch". NULL: none. */
  const char *storage_code;
  /** The storage host's request id, for its support. NULL: none. */
  const char *storage_request_id;
  /** The storage host's second id (x-amz-id-2), for its support too. NULL: none. */
  const char *storage_id_2;
  /** Linq's documentation page for api_code. NULL: none. */
  const char *doc_url;
  /** Linq's trace id, for its support. NULL: none. */
  const char *trace_id;
  /** The attachment that had been reserved when the call failed. NULL: none. */
  const char *attachment_id;
  /** The status that the function returned. */
  linq_status status;
  /** The HTTP status of the refusal. 0: none. */
  uint32_t http_status;
  /** Linq's own error code, such as 1007. 0: none. */
  uint32_t api_code;
  /**
   * How long the server asked to wait before the next attempt, at most 4 294 967 295. 0: it did
   * not say.
   */
  uint32_t retry_after_ms;
  /** How many attempts were made, including the last. 0: it failed before the first. */
  uint32_t attempts;
  /** 1 if the same call may succeed later without a change, else 0. */
  uint32_t retryable;
  /**
   * The idempotency key of a message or request that may have been sent although the call failed.
   * Send again with this key, and it is not sent twice. NULL: there was no key, nothing was sent,
   * or Linq refused it.
   */
  const char *idempotency_key;
  /** The errno of what failed, such as ENOENT or ECONNREFUSED. 0: none. */
  int32_t system_error;
  /** 0. */
  uint32_t reserved;
} linq_error;

/* ==============================================================================================
 * Status codes and versions
 * ============================================================================================== */

/** Success. */
#define LINQ_OK 0

/**
 * An argument has an invalid value: NULL where a value is required, invalid UTF-8, a wrong
 * struct_size, a field that does not belong. linq_error.message names the argument. Found before
 * anything was done.
 */
#define LINQ_INVALID_ARGUMENT 1

/**
 * The source cannot be opened or read, is not a regular file, or changed while it was being sent;
 * or a read callback failed or did not give as many bytes as declared.
 */
#define LINQ_FILE 2

/** A content type, size or name that the API would refuse; found before anything was sent. */
#define LINQ_UNSUPPORTED 3

/** The host name was not found, or the connection could not be made or was lost. */
#define LINQ_NETWORK 4

/** The TLS handshake failed, or the server's certificate is not trusted. */
#define LINQ_TLS 5

/** Connecting took too long, the transfer stalled for too long, or timeout_ms has passed. */
#define LINQ_TIMEOUT 6

/** Cancelled, by a token or by a progress callback. */
#define LINQ_CANCELLED 7

/** There is no API key, or Linq does not accept it. */
#define LINQ_UNAUTHORIZED 8

/**
 * The object does not exist, or belongs to another account. An attachment may have been removed
 * since it was uploaded; upload it again.
 */
#define LINQ_NOT_FOUND 9

/** Linq asks to slow down; linq_error.retry_after_ms says for how long, if Linq said. */
#define LINQ_RATE_LIMITED 10

/** Any other refusal by Linq; see linq_error.http_status and api_code. */
#define LINQ_API 11

/** Any other refusal by the storage host; see linq_error.http_status and storage_code. */
#define LINQ_STORAGE 12

/** The presigned URL has expired and cannot be renewed. Ask your server for a new one. */
#define LINQ_EXPIRED 13

/**
 * The server broke its contract: its reply cannot be read, or asks for something that is not
 * allowed. Also a web page instead of an answer, as captive portals send; then retryable is 1.
 */
#define LINQ_PROTOCOL 14

/** Out of memory. */
#define LINQ_NO_MEMORY 15

/** A bug in this library. It was caught, and the process may go on. */
#define LINQ_INTERNAL 16

/**
 * The name of a status as it is written here, such as "LINQ_TIMEOUT"; a static string, never
 * NULL. "LINQ_INTERNAL" for a number that this library does not know.
 *
 *     fprintf(stderr, "%s: %s\n", linq_status_name(error->status), error->message);
 */
const char *linq_status_name(linq_status status);

/** Changes only if the ABI ever breaks. linq_abi_version() is the number of the loaded library. */
#define LINQ_ABI_VERSION 1

/**
 * The version of the loaded library, such as "0.1.0"; a static string. LINQ_VERSION_STRING is
 * this header's.
 *
 *     printf("liblinq %s\n", linq_version());
 */
const char *linq_version(void);

/**
 * The ABI of the loaded library. It works with this header if it equals LINQ_ABI_VERSION.
 *
 *     if (linq_abi_version() != LINQ_ABI_VERSION) abort();
 */
uint32_t linq_abi_version(void);

/* ==============================================================================================
 * Cancelling, time limits, metrics
 * ============================================================================================== */

/**
 * Cancels calls from anywhere. Opaque; made by linq_cancel_token_new, freed by linq_free. May be
 * given to any number of calls, from any thread at the same time; once cancelled it stays so.
 */
typedef struct linq_cancel_token linq_cancel_token;

/**
 * Makes a cancel token; free it with linq_free. NULL if memory or descriptors ran out.
 *
 *     linq_upload_options options = linq_upload_options_default();
 *     options.cancel = linq_cancel_token_new();
 *     linq_status status = linq_upload_file(client, path, &options, &attachment, &error);
 *     linq_free(options.cancel);
 */
struct linq_cancel_token *linq_cancel_token_new(void);

/**
 * Cancels every call that was given this token, now and later: each returns LINQ_CANCELLED within
 * about 10 ms.
 *
 * Cannot be undone. Never blocks. May be called from any thread and from a signal handler; errno
 * is preserved. NULL does nothing.
 *
 *     linq_cancel_token_cancel(token);  // the upload that has it returns LINQ_CANCELLED
 */
void linq_cancel_token_cancel(struct linq_cancel_token *token);

/** linq_attempt.step: reserving a place. */
#define LINQ_STEP_RESERVE 1

/** linq_attempt.step: uploading the bytes. */
#define LINQ_STEP_PUT 2

/** linq_attempt.step: any other request. */
#define LINQ_STEP_OTHER 3

/**
 * What one request took and how it ended. Passed to linq_attempt_fn, and valid until that returns;
 * not for linq_free. Holds no secret.
 *
 * The times are consecutive parts, in microseconds, which add up to total_us; each is rounded down.
 * A part that did not take place is 0: all from lookup_us to tls_us if the connection was open
 * already.
 */
typedef struct linq_attempt {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The host that it was sent to. */
  const char *host;
  /** Linq's trace id, or the storage host's request id. NULL: none. */
  const char *request_id;
  /** Why it failed, as a sentence for people. NULL: it succeeded. */
  const char *reason;
  /** How many bytes were sent for it on the wire, including heads, TLS and a proxy's part. */
  uint64_t bytes_sent;
  /** How many bytes were received. */
  uint64_t bytes_received;
  /** Looking up the name. */
  uint64_t lookup_us;
  /** Connecting. */
  uint64_t connect_us;
  /** Asking a proxy for a tunnel. */
  uint64_t proxy_us;
  /** The TLS handshake. */
  uint64_t tls_us;
  /** From the first byte of the request until the system took its last. */
  uint64_t send_us;
  /** From there until the head of the response had arrived. */
  uint64_t wait_us;
  /** The rest of the response. */
  uint64_t receive_us;
  /** All of it. */
  uint64_t total_us;
  /** LINQ_STEP_... */
  uint32_t step;
  /**
   * The number of the attempt within the call, from 1. A request whose pooled connection turns out
   * to be dead is sent again at once, under the same number.
   */
  uint32_t number;
  /** The HTTP status. 0: there was no response. */
  uint32_t http_status;
  /** LINQ_OK, or how it failed. */
  linq_status status;
  /** 1 if the connection was open already, else 0. */
  uint32_t reused;
  /** How long until the next attempt. 0: there is none, or it is made at once. */
  uint32_t again_in_ms;
} linq_attempt;

/**
 * Called on the thread of the call after each request, once it is known how it ended: enough for
 * metrics. A call that sends no request, such as linq_client_connect, does not call it.
 */
typedef void (*linq_attempt_fn)(void *attempt_user_data, const struct linq_attempt *attempt);

/** Options for calls other than uploads. Start with linq_call_options_default(). */
typedef struct linq_call_options {
  /** sizeof(linq_call_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Cancels the call. NULL: none. */
  struct linq_cancel_token *cancel;
  /**
   * Limits the whole call, including all attempts and waits. 0: no limit; the client's own
   * timeouts still apply.
   */
  uint32_t timeout_ms;
  /** 0. */
  uint32_t reserved;
  /** Called after each request. NULL: none. */
  linq_attempt_fn attempt;
  /** Passed to attempt. */
  void *attempt_user_data;
} linq_call_options;

/** Options for calls other than uploads, with every field at its default. */
static inline linq_call_options linq_call_options_default(void) {
  linq_call_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/* ==============================================================================================
 * More ways to upload: with options, and from other sources
 * ============================================================================================== */

struct linq_presigned;

/**
 * Reports the progress of an upload: the bytes sent so far in this attempt, and the total. Return 0
 * to continue; anything else cancels the upload, which then returns LINQ_CANCELLED.
 *
 * Called at the start (0), at the end (total), and at most about 20 times a second between. The
 * count never falls within an attempt; a new attempt begins at 0 again.
 */
typedef int32_t (*linq_progress_fn)(void *user_data, uint64_t sent, uint64_t total);

/**
 * Called when the place that was passed to linq_upload_presigned has expired. Ask your server for
 * another place, and return the result of linq_presigned_parse or linq_presign; the library frees
 * it. NULL: there is none, and the call ends with LINQ_EXPIRED. Anything else is
 * LINQ_INVALID_ARGUMENT, and is not freed.
 *
 * `expired` is valid until the callback returns: neither free nor return it. The next place must be
 * for the same name, size and type. The callback's time counts towards timeout_ms, and each renewal
 * is an attempt. A place that is refused as expired right after its renewal ends the call. Not
 * called by linq_upload, which reserves places itself, nor after a read from a reader that cannot
 * rewind.
 */
typedef struct linq_presigned *(*linq_renew_fn)(void *renew_user_data,
                                                const struct linq_presigned *expired);

/** Options for an upload. Start with linq_upload_options_default(). */
typedef struct linq_upload_options {
  /** sizeof(linq_upload_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /**
   * The name to declare: 1 to 255 characters, without control characters or path separators.
   * NULL: the last part of the path. Required for a source without a path, and for a file whose
   * own name is not UTF-8. linq_upload_presigned does not need it, and only checks it against
   * what was signed.
   */
  const char *filename;
  /**
   * The content type to declare. NULL: from the bytes, else from the name. Common variants are
   * accepted, such as image/jpg or a "; charset=..." at the end.
   */
  const char *content_type;
  /** Reports the progress. NULL: none. */
  linq_progress_fn progress;
  /** Passed to progress. */
  void *user_data;
  /** Cancels the call. NULL: none. */
  struct linq_cancel_token *cancel;
  /**
   * Limits the whole call, including all attempts and waits. 0: no limit; the client's own
   * timeouts still apply.
   */
  uint32_t timeout_ms;
  /** 0. */
  uint32_t reserved;
  /**
   * Gives another place when the one that was passed has expired. NULL: the call then ends with
   * LINQ_EXPIRED.
   */
  linq_renew_fn renew;
  /** Passed to renew. */
  void *renew_user_data;
  /** Called after each request. NULL: none. */
  linq_attempt_fn attempt;
  /** Passed to attempt. */
  void *attempt_user_data;
} linq_upload_options;

/** Options for uploads, with every field at its default. */
static inline linq_upload_options linq_upload_options_default(void) {
  linq_upload_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/**
 * Reads the next bytes of a source: writes up to `capacity` of them to `buffer` and returns how
 * many. 0 means the end, a negative number an error. An error, or a count above `capacity`, ends
 * the call with LINQ_FILE.
 */
typedef int64_t (*linq_read_fn)(void *user_data, void *buffer, size_t capacity);

/** Rewinds a source to its first byte. Returns 0 on success, anything else if it cannot. */
typedef int32_t (*linq_rewind_fn)(void *user_data);

/** linq_source.kind: a file on disk. Set path. */
#define LINQ_SOURCE_PATH 1

/**
 * linq_source.kind: an open regular file, or a part of it. Set descriptor; for a part, also offset
 * and length.
 */
#define LINQ_SOURCE_DESCRIPTOR 2

/** linq_source.kind: bytes in memory. Set bytes and length. */
#define LINQ_SOURCE_BYTES 3

/** linq_source.kind: a callback that reads the bytes. Set read and length; rewind too if you can. */
#define LINQ_SOURCE_READER 4

/**
 * Where the bytes of an upload come from: 1 to 104 857 600 of them. Start with
 * linq_source_default(), then set kind and the fields that it names; the others must stay zero.
 * Everything is borrowed until the call returns; the bytes of a queue for longer, see linq_queue_add.
 */
typedef struct linq_source {
  /** sizeof(linq_source) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** PATH: the file. A path is bytes, passed on unchanged. */
  const char *path;
  /** BYTES: the first byte. */
  const void *bytes;
  /** READER: reads the bytes; called on the calling thread. */
  linq_read_fn read;
  /**
   * READER: rewinds, so that a failed attempt can be repeated. NULL: the upload is not retried
   * once bytes were sent, unless there are so few that the library still holds them all (4 KiB).
   */
  linq_rewind_fn rewind;
  /** READER: passed to read and rewind. */
  void *user_data;
  /**
   * DESCRIPTOR: the offset of the first byte to send. The file position of the descriptor is
   * neither used nor changed.
   */
  uint64_t offset;
  /**
   * DESCRIPTOR: how many bytes to send; 0: up to the end of the file. BYTES: how many there are.
   * READER: exactly how many the callback will read; less or more is LINQ_FILE.
   */
  uint64_t length;
  /** Required. LINQ_SOURCE_PATH, _DESCRIPTOR, _BYTES or _READER. */
  uint32_t kind;
  /** DESCRIPTOR: the open file. The library does not close it. */
  uint32_t descriptor;
} linq_source;

/** A source for linq_upload and linq_upload_presigned; set kind and the fields that it names. */
static inline linq_source linq_source_default(void) {
  linq_source source;
  memset(&source, 0, sizeof source);
  source.struct_size = sizeof source;
  return source;
}

/**
 * Uploads from any source: a path, an open file or a part of it, bytes in memory, or a read
 * callback.
 *
 * client      NULL: the default client
 * source      required
 * options     NULL: all defaults; a source without a path needs options->filename
 * attachment  the result; free it with linq_free
 *
 *     linq_source source = linq_source_default();
 *     source.kind = LINQ_SOURCE_BYTES;
 *     source.bytes = "hello";
 *     source.length = 5;
 *     linq_upload_options options = linq_upload_options_default();
 *     options.filename = "note.txt";
 *     linq_status status = linq_upload(client, &source, &options, &attachment, &error);
 *
 * LINQ_FILE          it cannot be opened, is not a regular file, or changed while being sent
 * LINQ_UNSUPPORTED   its type, size or name would be refused; nothing was sent
 * LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
 *
 * Also LINQ_INVALID_ARGUMENT, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
 * LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_STORAGE, LINQ_EXPIRED, LINQ_PROTOCOL,
 * LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_upload(struct linq_client *client,
                        const struct linq_source *source,
                        const struct linq_upload_options *options,
                        struct linq_attachment **attachment,
                        struct linq_error **error);

/* ==============================================================================================
 * Clients
 * ============================================================================================== */

/** linq_client_options.flags: read no environment variables at all, not even the proxy's. */
#define LINQ_CLIENT_NO_ENVIRONMENT 1

/**
 * linq_client_options.flags: allow WebP and SVG. Linq's own documents contradict each other about
 * these two, so the library refuses them by default.
 */
#define LINQ_CLIENT_ALLOW_WEBP_SVG 2

/**
 * linq_client_options.flags: accept presigned URLs of plain http if their host is loopback; for
 * tests. They are always accepted if base_url itself is plain http to loopback.
 */
#define LINQ_CLIENT_ALLOW_HTTP_LOOPBACK 4

/** Options for a client. Start with linq_client_options_default(). */
typedef struct linq_client_options {
  /** sizeof(linq_client_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /**
   * The partner's API key. NULL: from LINQ_API_V3_API_KEY. A client without any key can still
   * upload presigned; everything else then returns LINQ_UNAUTHORIZED before anything is sent. Do
   * not ship it inside an app.
   */
  const char *api_key;
  /**
   * Where the API is. NULL: from LINQ_API_V3_BASE_URL, else
   * "https://api.linqapp.com/api/partner". A "/" or "/v3" at the end is accepted. The key is never
   * sent over plain http, except to loopback.
   */
  const char *base_url;
  /** Appended to the library's own User-Agent, such as "MyApp/2.1". NULL: nothing. */
  const char *user_agent;
  /**
   * The path of a file of PEM certificates to trust in addition to the platform's; bytes, passed
   * on unchanged. NULL: none.
   */
  const char *ca_file;
  /** PEM certificates, as text, to trust in addition to the platform's. NULL: none. */
  const char *ca_pem;
  /**
   * "http://[user:password@]host:port". NULL: from the environment; "": no proxy. Loopback is
   * never proxied.
   */
  const char *proxy;
  /** LINQ_CLIENT_... added together. An unknown bit is refused. */
  uint32_t flags;
  /** Limits the DNS lookup, the connection and the TLS handshake together. 0: 10 000. */
  uint32_t connect_timeout_ms;
  /**
   * How long a connection may stall, that is, transfer no byte in either direction. A slow
   * upload that makes progress does not stall. A response must also be complete so long after
   * its first byte. 0: 30 000.
   */
  uint32_t stall_timeout_ms;
  /** How many attempts to make in all. 1: no retries. 0: 4. */
  uint32_t max_attempts;
} linq_client_options;

/** Options for linq_client_new, with every field at its default. */
static inline linq_client_options linq_client_options_default(void) {
  linq_client_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/**
 * Makes a client.
 *
 * options  NULL: everything from the environment
 * client   the result; free it with linq_free
 *
 * The environment is read now and at no other time. Nothing is sent. Without any API key the
 * client can still upload presigned.
 *
 *     linq_client_options options = linq_client_options_default();
 *     options.user_agent = "MyApp/2.1";
 *     options.stall_timeout_ms = 10000;
 *     linq_status status = linq_client_new(&options, &client, &error);
 *
 * LINQ_INVALID_ARGUMENT  a setting has an invalid value, such as a base_url that is not a URL
 * LINQ_FILE              ca_file cannot be read
 * LINQ_TLS               ca_file or ca_pem has no certificate, or one that cannot be read
 *
 * Also LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_client_new(const struct linq_client_options *options,
                            struct linq_client **client,
                            struct linq_error **error);

/**
 * Opens a connection now and keeps it, so that the next call need not wait for one: for example, when
 * a user opens the file picker.
 *
 * client  NULL: the default client
 * place   NULL: to Linq, kept for 60 s; else to the storage of this place, kept for 4 s
 * call    NULL: no cancelling, no time limit
 *
 * Waits for the DNS lookup, the connection and the TLS handshake. No request is sent, and no API key
 * is needed. If a connection is open already, it does nothing. While the library asks Linq for a
 * place, it connects to the storage of the last upload by itself.
 *
 *     (void)linq_client_connect(client, NULL, NULL, NULL);  // while the user chooses a file
 *
 * LINQ_NETWORK  it cannot connect
 * LINQ_TLS      the server's certificate is not trusted
 *
 * Also LINQ_INVALID_ARGUMENT, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_PROTOCOL, LINQ_NO_MEMORY and
 * LINQ_INTERNAL.
 */
linq_status linq_client_connect(struct linq_client *client,
                                const struct linq_presigned *place,
                                const struct linq_call_options *call,
                                struct linq_error **error);

/**
 * Tells the library that the network changed: from Wi-Fi to mobile, a VPN that came or went, a device
 * that woke up.
 *
 * client  NULL: the default client, if there is one
 *
 * Closes idle connections. A running attempt whose local address no longer exists is made again at
 * once; one whose address still exists is, after 3 s, if bytes that it sent remain unacknowledged.
 * Waiting for an answer goes on. Waits after LINQ_NETWORK or LINQ_TIMEOUT end now; those that a server
 * asked for do not. What must not be repeated, and a reader that cannot rewind, go on unchanged. The
 * first such new attempt of a call does not count as one. So a false alarm costs idle connections and
 * nothing else. The client's queues are included.
 *
 * Returns nothing and never blocks. May be called on any thread, also in a callback; not in a signal
 * handler.
 *
 *     linq_network_changed(client);
 */
void linq_network_changed(struct linq_client *client);

/* ==============================================================================================
 * The split use: a server reserves, an app uploads
 * ============================================================================================== */

/** A file that somebody else will upload; see linq_presign. Start with linq_file_default(). */
typedef struct linq_file {
  /** sizeof(linq_file) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Required. 1 to 255 characters, without control characters or path separators. */
  const char *filename;
  /** One of the content types at the end of this header. NULL: from the extension of filename. */
  const char *content_type;
  /** NULL. */
  const void *reserved;
  /** Required. 1 to 104 857 600: exactly how many bytes will be uploaded. */
  uint64_t size_bytes;
} linq_file;

/** A file for linq_presign; set filename and size_bytes. */
static inline linq_file linq_file_default(void) {
  linq_file file;
  memset(&file, 0, sizeof file);
  file.struct_size = sizeof file;
  return file;
}

/** One HTTP header. Frozen: this struct never grows. */
typedef struct linq_header {
  /** Its name, as the server wrote it. */
  const char *name;
  /** Its value, to be sent unchanged. */
  const char *value;
} linq_header;

/**
 * A reserved place: where to send the bytes, and the headers that the URL was signed with. Returned
 * by linq_presign and linq_presigned_parse; free it with linq_free.
 */
typedef struct linq_presigned {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The id to use in messages once the file is uploaded. */
  const char *attachment_id;
  /** Where to PUT the bytes. A secret until it expires: anyone who has it can upload. */
  const char *upload_url;
  /** Where the file can be downloaded later. NULL if Linq did not send it. */
  const char *download_url;
  /** Always "PUT". */
  const char *http_method;
  /** When upload_url expires, as the server wrote it. */
  const char *expires_at;
  /** The headers to send with the PUT, header_count of them. */
  const struct linq_header *headers;
  /** The number of headers. */
  size_t header_count;
  /**
   * All of this as JSON, for linq_presigned_parse in the app that uploads. As secret as
   * upload_url.
   */
  const char *json;
  /** The reserved name. NULL if the parsed JSON did not have it. */
  const char *filename;
  /** The reserved content type. NULL if the parsed JSON did not have it. */
  const char *content_type;
  /** NULL. */
  const void *reserved;
  /** expires_at in Unix milliseconds, by the server's clock. */
  int64_t expires_at_ms;
  /** The reserved size. 0 if the parsed JSON did not have it. */
  uint64_t size_bytes;
} linq_presigned;

/**
 * Reserves a place for a file that somebody else will upload (step 1 of 2).
 *
 * client     NULL: the default client
 * file       required: name, type and size; checked before anything is sent
 * call       NULL: no cancelling, no time limit
 * presigned  the result; free it with linq_free; send presigned->json to the app that uploads
 *
 * A place is open for about 15 minutes. One that is never used costs nothing and cannot be listed.
 *
 *     linq_file file = linq_file_default();
 *     file.filename = "photo.jpg";
 *     file.size_bytes = 123456;
 *     linq_status status = linq_presign(client, &file, NULL, &place, &error);
 *     if (status == LINQ_OK) send_to_app(place->json);
 *
 * LINQ_UNSUPPORTED   the type, size or name would be refused; nothing was sent
 * LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
 *
 * Also LINQ_INVALID_ARGUMENT, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
 * LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_presign(struct linq_client *client,
                         const struct linq_file *file,
                         const struct linq_call_options *call,
                         struct linq_presigned **presigned,
                         struct linq_error **error);

/**
 * Parses the JSON that a server handed over: Linq's own reply to POST /v3/attachments, or
 * linq_presigned.json.
 *
 * json       required: length bytes of UTF-8, at most 1 MiB; no NUL at the end is needed
 * presigned  the result; free it with linq_free
 *
 * Unknown fields are ignored. Nothing is sent.
 *
 *     linq_status status = linq_presigned_parse(json, strlen(json), &place, &error);
 *
 * LINQ_INVALID_ARGUMENT  it is not such JSON, or asks for something that an upload must not do
 *
 * Also LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_presigned_parse(const char *json,
                                 size_t length,
                                 struct linq_presigned **presigned,
                                 struct linq_error **error);

/**
 * Uploads to a place that was reserved elsewhere (step 2 of 2). Needs no API key, and sends none.
 *
 * client      NULL: the default client
 * presigned   required: from linq_presigned_parse or linq_presign; only its json is used
 * source      required
 * options     NULL: all defaults; filename and content_type are not needed
 * attachment  the result; free it with linq_free
 *
 * A source whose size or type is not what was signed is refused before anything is sent.
 *
 *     linq_source source = linq_source_default();
 *     source.kind = LINQ_SOURCE_PATH;
 *     source.path = "photo.jpg";
 *     linq_status status = linq_upload_presigned(client, place, &source, NULL, &attachment, &error);
 *
 * LINQ_EXPIRED  the place is no longer open; ask your server for a new one, or set options->renew
 * LINQ_STORAGE  the storage host refused; see error->storage_code
 *
 * Also LINQ_INVALID_ARGUMENT, LINQ_FILE, LINQ_UNSUPPORTED, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT,
 * LINQ_CANCELLED, LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_upload_presigned(struct linq_client *client,
                                  const struct linq_presigned *presigned,
                                  const struct linq_source *source,
                                  const struct linq_upload_options *options,
                                  struct linq_attachment **attachment,
                                  struct linq_error **error);

/**
 * Checks the response to a PUT that you sent yourself, such as by a background URLSession of iOS:
 * whether the file is there now.
 *
 * presigned    required: the place that it was sent to; only its json is used
 * http_status  the status of the response
 * body         the body of the response; NULL if length is 0
 * length       how many bytes it has; only the first MiB counts
 *
 * A 2xx means that the file is there, unless its body is an error of the storage after all, or a web
 * page, such as a captive portal sends. The error is the one that an upload reports for this
 * response. If it is retryable, the same PUT may succeed later. Nothing is sent.
 *
 *     if (linq_presigned_check(place, 403, body, length, &error) == LINQ_EXPIRED)
 *       fprintf(stderr, "%s\n", error->message);
 *
 * LINQ_EXPIRED           the place is no longer open; reserve another one
 * LINQ_STORAGE           the storage host refused; see error->storage_code
 * LINQ_PROTOCOL          it is a web page, or a redirect
 * LINQ_INVALID_ARGUMENT  http_status is not 100 to 999, or the place is invalid
 *
 * Also LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_presigned_check(const struct linq_presigned *presigned,
                                 uint32_t http_status,
                                 const void *body,
                                 size_t length,
                                 struct linq_error **error);

/* ==============================================================================================
 * Queues: many uploads, several at a time, without threads of your own
 * ============================================================================================== */

/**
 * Uploads that run on threads of the library, several at a time. Opaque. Returned by linq_queue_new;
 * free it with linq_free. May be used from any thread at the same time, but neither by a child made
 * by fork nor in a signal handler.
 */
typedef struct linq_queue linq_queue;

/** Options for a queue. Start with linq_queue_options_default(). */
typedef struct linq_queue_options {
  /** sizeof(linq_queue_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** How many uploads run at the same time, 1 to 256. 0: 4. */
  uint32_t max_in_flight;
  /** 0. */
  uint32_t reserved;
} linq_queue_options;

/** Options for linq_queue_new, with every field at its default. */
static inline linq_queue_options linq_queue_options_default(void) {
  linq_queue_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/**
 * Makes a queue: many uploads, of which up to max_in_flight run at the same time, on threads of the
 * library. Of its functions, only linq_queue_next and linq_free wait.
 *
 * client   NULL: the default client; the queue keeps it alive until it is freed
 * options  NULL: all defaults
 * queue    the result; free it with linq_free
 *
 * Nothing is sent, and no thread is made before the first linq_queue_add. Memory use is limited by
 * the buffers of the uploads that run, and by one waiting event for each upload.
 *
 * linq_free cancels every upload and returns when the threads have ended: from then on nothing of
 * yours is read any more. That takes only moments, unless a read from a disk hangs. A linq_queue_next
 * that runs meanwhile returns LINQ_CANCELLED. A child made by fork cannot use a queue that it
 * inherited: it can only pass it to linq_free, which then leaves its memory and descriptors as they
 * are.
 *
 *     linq_status status = linq_queue_new(client, NULL, &queue, &error);
 *
 * LINQ_INVALID_ARGUMENT  max_in_flight is more than 256
 * LINQ_NO_MEMORY         there is no memory or no descriptor left
 *
 * Also LINQ_INTERNAL.
 */
linq_status linq_queue_new(struct linq_client *client,
                           const struct linq_queue_options *options,
                           struct linq_queue **queue,
                           struct linq_error **error);

/**
 * Adds an upload to a queue. It starts as soon as fewer than max_in_flight uploads run.
 *
 * queue    required
 * place    NULL: reserves one, as linq_upload does; else the place to upload to, as for
 *          linq_upload_presigned
 * source   required: a path, a descriptor or bytes
 * options  NULL: all defaults; timeout_ms begins when the upload starts
 * tag      yours: its events have it. Several uploads may have the same tag; they are then cancelled
 *          together
 *
 * Strings and the place are copied. A path is opened only when the upload starts, so 10 000 may be
 * added at once; if it cannot be opened, the upload's last event says so. A descriptor is duplicated,
 * which uses one more until the last event. Bytes stay yours: do not change or free them before you
 * have the upload's last event or have freed the queue. A cancel token ends a running upload at once,
 * and a waiting one when it would start.
 *
 *     for (uint64_t i = 0; i < count; i++) {
 *       linq_source source = linq_source_default();
 *       source.kind = LINQ_SOURCE_PATH;
 *       source.path = paths[i];
 *       if (linq_queue_add(queue, NULL, &source, NULL, i, &error) != LINQ_OK) break;
 *     }
 *
 * LINQ_INVALID_ARGUMENT  the source is a READER, or options->progress, renew or attempt is set: these
 *                        would be called on a thread of the library; or tag is LINQ_QUEUE_ALL
 * LINQ_FILE              the descriptor cannot be duplicated
 * LINQ_CANCELLED         the queue was freed meanwhile
 * LINQ_NO_MEMORY         there is no memory for it, or no thread can be made
 *
 * Also LINQ_INTERNAL. What the upload itself may return is in its last event.
 */
linq_status linq_queue_add(struct linq_queue *queue,
                           const struct linq_presigned *place,
                           const struct linq_source *source,
                           const struct linq_upload_options *options,
                           uint64_t tag,
                           struct linq_error **error);

/** linq_event.kind: the progress of an upload. */
#define LINQ_EVENT_PROGRESS 1

/** linq_event.kind: an upload succeeded; its last event. See linq_event.attachment. */
#define LINQ_EVENT_FINISHED 2

/** linq_event.kind: an upload failed or was cancelled; its last event. See linq_event.error. */
#define LINQ_EVENT_FAILED 3

/**
 * linq_event.kind: an attempt failed, and another will be made. See linq_event.attempt, again_in_ms
 * and error.
 */
#define LINQ_EVENT_RETRY 4

/**
 * What happened to an upload of a queue. Returned by linq_queue_next; free it with linq_free. The
 * attachment and the error are part of it and are freed with it; do not free them yourself.
 */
typedef struct linq_event {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** FINISHED: the attachment, for messages. Else NULL. */
  const struct linq_attachment *attachment;
  /**
   * FAILED: the error, LINQ_CANCELLED if the upload was cancelled. RETRY: why the attempt failed;
   * its retry_after_ms is what the server asked for. Else NULL.
   */
  const struct linq_error *error;
  /** NULL. */
  const void *reserved;
  /** The tag that was passed to linq_queue_add. */
  uint64_t tag;
  /** The bytes sent so far in this attempt. FINISHED: all of them. */
  uint64_t sent;
  /** The size of the file, never 0 with PROGRESS. FAILED: 0 if it was not known yet. */
  uint64_t total;
  /** How many uploads of the queue will still have a last event after this event. 0: all are done. */
  uint64_t remaining;
  /** LINQ_EVENT_PROGRESS, _FINISHED, _FAILED or _RETRY. */
  uint32_t kind;
  /** 0. */
  uint32_t reserved_2;
  /** The number of the attempt, from 1. RETRY: of the next one. 0: none was made. */
  uint32_t attempt;
  /** How many attempts the client makes at most. */
  uint32_t max_attempts;
  /**
   * LINQ_STEP_RESERVE or LINQ_STEP_PUT: what runs or, if it failed, what failed. 0: nothing was
   * begun.
   */
  uint32_t step;
  /** RETRY: how long the upload waits before the next attempt. Else 0. */
  uint32_t again_in_ms;
} linq_event;

/**
 * Waits for the next event of a queue. At most one event of each upload waits: a newer one replaces it.
 * Uploads go on whether events are fetched or not.
 *
 * queue       required
 * timeout_ms  how long to wait for an event; 0: not at all; UINT32_MAX: without limit, even if
 *             nothing was added yet
 * event       the event; free it with linq_free. NULL with LINQ_OK if there was none in time
 *
 * Several threads may call it; each event goes to one of them. Log lines of the queue's threads are
 * passed to the log callback here, on the calling thread; at most 256 wait, then the oldest are
 * dropped.
 *
 *     linq_event *event;
 *     for (uint64_t left = count; left > 0; linq_free(event)) {
 *       if (linq_queue_next(queue, UINT32_MAX, &event, &error) != LINQ_OK) break;
 *       if (event->kind == LINQ_EVENT_FINISHED) printf("%s\n", event->attachment->attachment_id);
 *       if (event->kind == LINQ_EVENT_FAILED) fprintf(stderr, "%s\n", event->error->message);
 *       left = event->remaining;
 *     }
 *
 * LINQ_CANCELLED  the queue was freed meanwhile
 * LINQ_NO_MEMORY  there is no memory for the event; it stays in the queue, so call again
 *
 * Also LINQ_INVALID_ARGUMENT and LINQ_INTERNAL.
 */
linq_status linq_queue_next(struct linq_queue *queue,
                            uint32_t timeout_ms,
                            struct linq_event **event,
                            struct linq_error **error);

/**
 * A descriptor that is readable, level-triggered, while an event waits: for poll, epoll, kqueue, libuv,
 * GLib or QSocketNotifier. Once it is readable, call linq_queue_next with a timeout of 0 until there
 * is no event.
 *
 * It belongs to the queue: neither read from it nor close it, and deregister it before linq_free.
 * Waiting log lines do not make it readable. -1 if queue is not a live queue of this process.
 *
 *     struct pollfd waits = {.fd = linq_queue_descriptor(queue), .events = POLLIN};
 *     poll(&waits, 1, -1);
 */
int32_t linq_queue_descriptor(struct linq_queue *queue);

/** linq_queue_cancel: every upload of the queue. No upload has this tag. */
#define LINQ_QUEUE_ALL 18446744073709551615ull

/**
 * Cancels the uploads of a queue that have this tag, or all of them with LINQ_QUEUE_ALL. The last
 * event of each is LINQ_EVENT_FAILED with LINQ_CANCELLED, unless it had ended before.
 *
 * Never blocks. A tag that no upload has is ignored, and so is NULL as queue.
 *
 *     linq_queue_cancel(queue, LINQ_QUEUE_ALL);
 */
void linq_queue_cancel(struct linq_queue *queue,
                       uint64_t tag);

/* ==============================================================================================
 * Attachments
 * ============================================================================================== */

/** What Linq knows of an attachment. Returned by linq_attachment_get; free it with linq_free. */
typedef struct linq_attachment_info {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** Its id. */
  const char *attachment_id;
  /** Its name. */
  const char *filename;
  /** Its content type. */
  const char *content_type;
  /** When it was reserved, as the server wrote it. */
  const char *created_at;
  /**
   * Where the file can be downloaded, freshly signed if the account requires that. NULL if Linq
   * did not send it.
   */
  const char *download_url;
  /**
   * "pending", "complete" or "failed" while the API still sends it (deprecated since May 2026),
   * else NULL.
   */
  const char *status;
  /** NULL. */
  const void *reserved;
  /** Its size. */
  uint64_t size_bytes;
  /** created_at in Unix milliseconds. */
  int64_t created_at_ms;
} linq_attachment_info;

/**
 * Asks what Linq knows of an attachment (GET /v3/attachments/{id}).
 *
 * client         NULL: the default client
 * attachment_id  required
 * call           NULL: no cancelling, no time limit
 * info           the result; free it with linq_free
 *
 *     linq_attachment_info *info;
 *     if (linq_attachment_get(client, id, NULL, &info, &error) == LINQ_OK) printf("%s\n", info->filename);
 *
 * LINQ_NOT_FOUND         it does not exist, or belongs to another account
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 * LINQ_INVALID_ARGUMENT  it is not an id that an upload returns; nothing was sent
 *
 * Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_RATE_LIMITED, LINQ_API,
 * LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_attachment_get(struct linq_client *client,
                                const char *attachment_id,
                                const struct linq_call_options *call,
                                struct linq_attachment_info **info,
                                struct linq_error **error);

/**
 * Deletes an attachment permanently (DELETE /v3/attachments/{id}). Messages stay, but lose it.
 *
 * client         NULL: the default client
 * attachment_id  required
 * call           NULL: no cancelling, no time limit
 *
 * A retry, after the first answer was lost, that finds the attachment gone counts as success.
 *
 *     linq_status status = linq_attachment_delete(client, id, NULL, &error);
 *
 * LINQ_NOT_FOUND         it does not exist, or belongs to another account
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 * LINQ_INVALID_ARGUMENT  it is not an id that an upload returns; nothing was sent
 *
 * Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_RATE_LIMITED, LINQ_API,
 * LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_attachment_delete(struct linq_client *client,
                                   const char *attachment_id,
                                   const struct linq_call_options *call,
                                   struct linq_error **error);

/* ==============================================================================================
 * Messages, and other calls of the API
 * ============================================================================================== */

/** A message to send. Start with linq_message_default(). */
typedef struct linq_message {
  /** sizeof(linq_message) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Required. One of your own numbers, such as "+15551234567". */
  const char *from;
  /** Required. The recipients: to_count numbers or e-mail addresses. */
  const char *const *to;
  /** The number of recipients. */
  size_t to_count;
  /** Text before the attachments. NULL: none. */
  const char *text;
  /** The attachments, in order: attachment_count ids. May be NULL if there is a text. */
  const char *const *attachment_ids;
  /** The number of attachments. */
  size_t attachment_count;
  /**
   * Linq never sends twice with the same key. Up to 255 characters. NULL: a new one, which
   * linq_receipt has, and linq_error if the message may have arrived.
   */
  const char *idempotency_key;
} linq_message;

/** A message for linq_send_message; set from, to and to_count, and a text or attachments. */
static inline linq_message linq_message_default(void) {
  linq_message message;
  memset(&message, 0, sizeof message);
  message.struct_size = sizeof message;
  return message;
}

/** Linq's answer to a message. Returned by linq_send_message; free it with linq_free. */
typedef struct linq_receipt {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The chat that the message was sent to. */
  const char *chat_id;
  /** The message. NULL if the reply did not name it. */
  const char *message_id;
  /** The key that the message was sent with. To send the same message again, use the same key. */
  const char *idempotency_key;
} linq_receipt;

/**
 * Sends a message with attachments (POST /v3/chats), to the chat that these people already share
 * or to a new one.
 *
 * client   NULL: the default client
 * message  required
 * call     NULL: no cancelling, no time limit
 * receipt  the result; free it with linq_free
 *
 * Always sent with an idempotency key, so a retry never sends it twice. After an error, send again
 * with error->idempotency_key if there is one: the message may have arrived.
 *
 *     const char *to[] = {"+15557654321"};
 *     linq_message message = linq_message_default();
 *     message.from = "+15551234567";
 *     message.to = to;
 *     message.to_count = 1;
 *     message.attachment_ids = &attachment->attachment_id;
 *     message.attachment_count = 1;
 *     linq_status status = linq_send_message(client, &message, NULL, &receipt, &error);
 *
 * LINQ_INVALID_ARGUMENT  it has no recipient, or neither text nor attachments; nothing was sent
 * LINQ_NOT_FOUND         an attachment no longer exists, or belongs to another account: upload it
 *                        again
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 *
 * Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_RATE_LIMITED, LINQ_API,
 * LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_send_message(struct linq_client *client,
                              const struct linq_message *message,
                              const struct linq_call_options *call,
                              struct linq_receipt **receipt,
                              struct linq_error **error);

/**
 * linq_request.flags: this POST or PATCH may be executed twice, so it may be retried after any
 * temporary failure. The other methods always may.
 */
#define LINQ_REQUEST_REPEATABLE 1

/**
 * A call of the API that has no function of its own here; see linq_send_request. Start with
 * linq_request_default().
 */
typedef struct linq_request {
  /** sizeof(linq_request) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Required. "GET", "HEAD", "PUT", "DELETE", "POST" or "PATCH". */
  const char *method;
  /**
   * Required. What follows the base URL, such as "/v3/chats/{id}/messages" with an id in it; a
   * query is allowed. It must not contain a scheme or a host, "..", empty segments or characters
   * that are invalid in a URL.
   */
  const char *path;
  /** The body: JSON of at most 1 MiB. NULL: no body. GET and HEAD must not have one. */
  const char *json;
  /**
   * Sent as the header Idempotency-Key: 1 to 255 printable ASCII characters. Only some paths
   * honour it; others take a key inside their JSON. NULL: none.
   */
  const char *idempotency_key;
  /** LINQ_REQUEST_... added together. An unknown bit is refused. */
  uint32_t flags;
  /** 0. */
  uint32_t reserved;
} linq_request;

/** A request for linq_send_request; set method and path, and json if it has a body. */
static inline linq_request linq_request_default(void) {
  linq_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  return request;
}

/** Linq's answer to a request. Returned by linq_send_request; free it with linq_free. */
typedef struct linq_response {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The body. NULL: none. */
  const char *json;
  /** Linq's trace id, for its support. NULL: none. */
  const char *trace_id;
  /** 200 to 299, or 404 for a DELETE that was retried and turned out to be done already. */
  uint32_t http_status;
  /** 0. */
  uint32_t reserved;
} linq_response;

/**
 * Makes any other call of the API below /v3/, with the key, the limits and the errors of every
 * other call: a message to an existing chat, a voice memo, a sticker, or what Linq adds later.
 *
 * client    NULL: the default client
 * request   required: method and path, and JSON to send
 * call      NULL: no cancelling, no time limit
 * response  the result, at most 1 MiB; free it with linq_free
 *
 * GET, HEAD, PUT and DELETE are retried like every call; POST and PATCH only with
 * LINQ_REQUEST_REPEATABLE. Without it the request is sent on a connection of its own, and retried
 * only if no connection could be made, or if Linq says that it did nothing: status 429, codes 2007
 * and 2009, x-should-retry: true. An error whose retryable is 0 may then mean that the request was
 * executed all the same. A refusal is an error, with Linq's message and codes.
 *
 *     linq_request request = linq_request_default();
 *     request.method = "POST";
 *     request.path = "/v3/chats/6a3f0c1e-5b1d-4c58-9c37-2f4b8f9a0d11/messages";
 *     request.json = "{\"message\":{\"parts\":[{\"type\":\"text\",\"value\":\"hello\"}]}}";
 *     linq_status status = linq_send_request(client, &request, NULL, &response, &error);
 *
 * LINQ_INVALID_ARGUMENT  method, path or JSON is invalid; nothing was sent
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 * LINQ_PROTOCOL          Linq's answer is not JSON
 *
 * Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_NOT_FOUND, LINQ_RATE_LIMITED,
 * LINQ_API, LINQ_NO_MEMORY and LINQ_INTERNAL.
 */
linq_status linq_send_request(struct linq_client *client,
                              const struct linq_request *request,
                              const struct linq_call_options *call,
                              struct linq_response **response,
                              struct linq_error **error);

/* ==============================================================================================
 * Content types, and logging
 * ============================================================================================== */

/**
 * The content type that the library would declare, as a static string that is never freed; NULL
 * if it finds none that the API accepts.
 *
 * path_or_name  only the part after the last "/" is used; NULL: from the bytes alone
 * bytes         the first length bytes of the file, ideally all of it: an upload looks further,
 *               and may still refuse the file; NULL with length 0: from the name alone
 *
 * Nothing is opened or read.
 *
 *     const char *type = linq_content_type("photo.jpg", NULL, 0);  // "image/jpeg"
 */
const char *linq_content_type(const char *path_or_name, const void *bytes, size_t length);

/** linq_set_log: a call failed. */
#define LINQ_LOG_ERROR 1

/** linq_set_log: a problem that the library handled, such as an attempt that is retried. */
#define LINQ_LOG_WARN 2

/** linq_set_log: what the library did. */
#define LINQ_LOG_INFO 3

/** linq_set_log: each request and connection. */
#define LINQ_LOG_DEBUG 4

/**
 * Receives a log line: its level (LINQ_LOG_...) and its text, without a line feed. The text is
 * valid until the callback returns.
 */
typedef void (*linq_log_fn)(void *user_data, uint32_t level, const char *line);

/**
 * Sets the callback that receives the library's log lines up to a level (LINQ_LOG_...). None by
 * default. No line contains a secret, at any level.
 *
 * callback   NULL: none; level is ignored
 * user_data  passed to callback
 * level      the most detailed level to receive
 *
 * There is one callback per process. It is called on the thread whose call the line is about, so
 * several threads may be in it at once. It may call any linq function except this one; the lines
 * of those calls are dropped. Returns once no thread is in the old callback any more.
 *
 *     (void)linq_set_log(on_log, NULL, LINQ_LOG_INFO);
 *
 * LINQ_INVALID_ARGUMENT  the level is unknown, or it was called from inside a log callback
 *
 * Also LINQ_INTERNAL.
 */
linq_status linq_set_log(linq_log_fn callback,
                         void *user_data,
                         uint32_t level);

#ifdef __cplusplus
}
#endif

/*
 * ENVIRONMENT, read when a client is made and at no other time; an empty variable counts as unset
 *
 *  LINQ_API_V3_API_KEY      the API key, if linq_client_options.api_key is NULL
 *  LINQ_API_V3_BASE_URL     where the API is, if linq_client_options.base_url is NULL
 *  https_proxy HTTPS_PROXY  the proxy, if linq_client_options.proxy is NULL
 *  all_proxy ALL_PROXY      the same, if neither of those is set
 *  no_proxy NO_PROXY        hosts to reach without a proxy, by curl's rules; "*" for all
 *  SSL_CERT_FILE            a file of PEM certificates, and
 *  SSL_CERT_DIR             a directory of them, to trust instead of the platform's
 *
 * CONTENT TYPES that Linq accepts, and their file name extensions
 *
 *  jpg jpeg jpe jfif image/jpeg
 *  png apng          image/png
 *  gif               image/gif
 *  heic              image/heic
 *  heif hif          image/heif
 *  tif tiff          image/tiff  (transcoded on delivery)
 *  bmp dib           image/bmp
 *  svg               image/svg+xml  (refused unless allowed by flag)
 *  webp              image/webp  (refused unless allowed by flag)
 *  ico               image/x-icon
 *  mp4 mpg4          video/mp4
 *  mov qt            video/quicktime
 *  mpeg mpg mpe m1v  video/mpeg
 *  m2v mpg2 vob      video/mpeg2
 *  m4v               video/x-m4v
 *  avi               video/x-msvideo
 *  3gp 3gpp          video/3gpp
 *  mp3 mpga mp2      audio/mpeg
 *  -                 audio/mp3  (deprecated name; never detected)
 *  m4a m4b m4r 3ga   audio/x-m4a
 *  -                 audio/mp4  (deprecated name; never detected)
 *  caf               audio/x-caf  (transcoded on delivery)
 *  wav wave          audio/x-wav
 *  aiff aif aifc     audio/x-aiff
 *  -                 audio/aiff  (deprecated name; never detected)
 *  aac adts          audio/aac
 *  mid midi kar      audio/midi
 *  amr awb           audio/amr
 *  pdf               application/pdf
 *  txt text log      text/plain
 *  md markdown       text/markdown
 *  vcf vcard         text/vcard
 *  rtf               text/rtf
 *  csv               text/csv
 *  html htm          text/html
 *  ics ifb           text/calendar
 *  xml               text/xml
 *  json              application/json
 *  doc dot           application/msword
 *  docx              application/vnd.openxmlformats-officedocument.wordprocessingml.document
 *  xls xlt           application/vnd.ms-excel
 *  xlsx              application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
 *  ppt pps pot       application/vnd.ms-powerpoint
 *  pptx              application/vnd.openxmlformats-officedocument.presentationml.presentation
 *  pages             application/x-iwork-pages-sffpages
 *  numbers           application/x-iwork-numbers-sffnumbers
 *  key               application/x-iwork-keynote-sffkey
 *  epub              application/epub+zip
 *  zip               application/zip
 *  gz tgz            application/x-gzip
 *  pkpass            application/vnd.apple.pkpass
 *
 * A file has 1 to 104 857 600 bytes (100 MiB). Its type is the one that you declare, else the one
 * that its bytes show, else the one of its name. Bytes that are FLAC, OGG or an executable are
 * refused, whatever the name. So are bytes that prove another type than the declared one. Within a
 * family of formats, such as MP4, MOV and 3GP, every type that the bytes may have can be declared.
 *
 * A file that is named or declared as JPEG, PNG, GIF or TIFF must begin like such an image. Text
 * and zeros are refused as any other image, video, recording, archive or Office document too: they
 * are mostly a failed download. BMP, ICO, PDF and MP3 may begin with other bytes. Text that is
 * named or declared as DOC, XLS or PPT is declared as the text it is. A DOCX, XLSX or PPTX with a
 * password is recognized by its name or by what you declare. MP4 with an audio name, such as
 * voice.mp3, is audio/x-m4a. Text is sent whatever its extension, except scripts.
 *
 * The library looks at the first 4 KiB, and at as much where these point to: after ID3 tags, at an
 * OLE2 directory, at the end of a ZIP archive. From a read callback it reads up to 1 MiB for this,
 * and only if it can rewind; the callback is then rewound before anything is sent. From one that
 * cannot, it looks at the first 4 KiB only, and for SVG at no more of any source. A Pages or
 * Numbers document whose name has no extension may be declared as application/zip.
 */

#endif /* LINQ_H */
