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
 *  split   Your server holds the API key and calls linq_presign. It hands linq_presigned.json to a
 *          phone. The phone calls linq_presigned_parse and linq_upload_presigned with a client that
 *          has no API key. A partner's key must never ship inside an app.
 *
 * RULES FOR EVERY FUNCTION
 *
 *  Text      is UTF-8 and NUL-terminated. A path is bytes, passed on unchanged. What you pass in
 *            is borrowed for the call; nothing is kept.
 *
 *  Results   A function that can fail returns a linq_status and takes, last, where to put the
 *            result and where to put the error. Both are set on every path, to NULL where they do
 *            not apply, so both may always be given to linq_free. The place for the error may be
 *            NULL; where it is not and the call failed, there is an error in it. Do not decide by
 *            the message, whose wording may change.
 *
 *  Ownership Whatever the library hands out - a result, an error, a client, a cancel token - goes
 *            back through linq_free, once. A result is one block: the strings inside die with it.
 *            Static strings, and only they, are said to be static. Live objects stand in a table,
 *            so a pointer that linq_free does not know (a member string, something freed before)
 *            is left alone and logged. What it cannot know: an address that has been handed out
 *            again meanwhile looks alive, so a second free may then hit another object of yours.
 *
 *  Structs   Start with the _default() function, then set fields: zero or NULL means the default
 *            unless the field says "required". struct_size tells the library which version of the
 *            struct you were compiled with. A smaller one is completed with zeros; a larger one, up
 *            to 4096 bytes, is accepted while what lies behind the fields that the library knows is
 *            zero. Structs only grow at the end. In a result, LINQ_HAS(pointer, field) tells whether
 *            the library that made it knows a field that a newer header has.
 *
 *  NULL      as client stands for the default client: made from the environment at the first call
 *            that succeeds in making one, and kept until exit. (Made without an API key it only
 *            serves linq_upload_presigned; calls that need a key look again.) NULL as options stands
 *            for all defaults. NULL where a value is required, bad UTF-8 and sizes that cannot be
 *            meant give LINQ_INVALID_ARGUMENT and name the argument.
 *
 *  Threads   Calls block. Clients and cancel tokens may be used from any thread at the same time.
 *            A call holds its client and token: freeing either meanwhile, from another thread or
 *            from a callback, is allowed and takes effect when the call returns. Starting a call
 *            with one that was freed is a bug of yours; mostly it is found out and refused. Helper
 *            threads of the library block all signals and never run your code.
 *
 *  Callbacks run on the thread that called, before the call returns, never after; log lines too.
 *            They may call any linq function, uploads included, and free anything. They must not
 *            throw, unwind or longjmp.
 *
 *  Time      No call hangs: connecting is bounded, and so is the time in which nothing moves; a
 *            slow upload that moves goes on. timeout_ms bounds the whole call. Failures that may
 *            pass are tried again, up to max_attempts, after the wait that the server asked for or
 *            a growing one. A cancelled call returns within about 10 ms, in every phase.
 *
 *  Secrets   The API key, the query of a presigned URL and the contents of files are in no error
 *            and in no log line. Blocks, the client's key and the library's own buffers are
 *            overwritten before they are released; copies inside the HTTP and TLS layers are
 *            beyond its reach. TLS is always verified; there is no switch to turn that off.
 *
 *  Memory    does not grow with the size of a file. Blocks, and whatever a caller or a server
 *            names a length for, are allocated so that failure gives LINQ_NO_MEMORY, with an error
 *            that needs no memory. Where a few bytes inside cannot be had, the process aborts.
 *
 *  Process   Nothing is written to stdout or stderr. No signal handler is touched, and SIGPIPE
 *            never reaches you. A child made by fork may go on using clients, tokens and results
 *            it has inherited; it makes its own connections. The default client lives until exit;
 *            dlclose does not unload the library. errno is not part of any result.
 *
 * ENVIRONMENT, read when a client is made and at no other time; an empty variable counts as unset
 *
 *  LINQ_API_V3_API_KEY      the API key, where linq_client_options.api_key is NULL
 *  LINQ_API_V3_BASE_URL     where the API is, where linq_client_options.base_url is NULL
 *  https_proxy HTTPS_PROXY  the proxy, where linq_client_options.proxy is NULL
 *  all_proxy ALL_PROXY      the same, where neither of those is set
 *  no_proxy NO_PROXY        hosts that are reached without one, by curl's rules; "*" for all
 *  SSL_CERT_FILE            a file of PEM certificates, and
 *  SSL_CERT_DIR             a directory of them, to trust instead of the platform's
 *
 * CONTENT TYPES that Linq takes, and the extensions that stand for them
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
 * A file has 1 to 104 857 600 bytes (100 MiB). Its type comes from you, else from its bytes, else
 * from its name. FLAC, OGG and executables are refused by their bytes, whatever they are called.
 * Bytes that prove another type than the declared one are refused too; of a family of formats (such
 * as MP4, MOV and 3GP) any may be declared that the bytes leave possible.
 *
 * What is named or declared JPEG, PNG, GIF or TIFF must begin as such an image does. Text and zeros
 * are refused under the name of any other image, video, recording, archive or Office document too:
 * mostly they are a download that failed. BMP, ICO, PDF and MP3 may have other bytes first. Text
 * that is named or declared DOC, XLS or PPT is declared as the text it is. A DOCX, XLSX or PPTX
 * with a password needs its name or your word. MP4 is audio/x-m4a under the name of sound, such as
 * voice.mp3. Text is sent whatever its extension, scripts apart.
 *
 * Looked at are the first 4 KiB, and as much where these point to: behind ID3 tags, at an OLE2
 * directory, at the end of a ZIP archive. A read callback is followed there for up to 1 MiB, and
 * only where it can rewind, which is then called before anything is sent; of another the first 4
 * KiB must do. SVG is told by the first 4 KiB too. A Pages or Numbers document whose name has no
 * extension may be declared as application/zip.
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

/** The version of this header; linq_version() gives that of the library which is loaded. */
#define LINQ_VERSION_STRING "0.1.0"
#define LINQ_VERSION_MAJOR 0
#define LINQ_VERSION_MINOR 1
#define LINQ_VERSION_PATCH 0

/**
 * Whether a result has a field: false where the library that made it is older than the field.
 *
 *     if (LINQ_HAS(attachment, attempts)) printf("%u\n", attachment->attempts);
 */
#define LINQ_HAS(pointer, field)                                                              \
  ((pointer)->struct_size >=                                                                  \
   (size_t)((const char *)(&(pointer)->field + 1) - (const char *)(pointer)))

/** It worked. */
#define LINQ_OK 0

/**
 * The caller passed something that cannot be meant: NULL where a value is needed, bad UTF-8, a
 * wrong struct_size, a field that does not belong. linq_error.message names the argument. Found
 * before anything was done.
 */
#define LINQ_INVALID_ARGUMENT 1

/**
 * The source cannot be opened or read, is not a regular file, changed while it was being sent, or
 * a read callback failed or broke its word about the length.
 */
#define LINQ_FILE 2

/** A content type, size or name that the API would refuse; found before any network. */
#define LINQ_UNSUPPORTED 3

/** The name was not found, no connection could be made, or it broke. */
#define LINQ_NETWORK 4

/** The TLS handshake failed, or the server's certificate is not trusted. */
#define LINQ_TLS 5

/** Connecting took too long, nothing moved for too long, or timeout_ms is over. */
#define LINQ_TIMEOUT 6

/** Cancelled, by a token or by a progress callback. */
#define LINQ_CANCELLED 7

/** No API key, or one that Linq does not accept. */
#define LINQ_UNAUTHORIZED 8

/**
 * What was asked for does not exist, or belongs to another account. An attachment may have been
 * removed since it was uploaded; upload it again.
 */
#define LINQ_NOT_FOUND 9

/** Linq asks to slow down; linq_error.retry_after_ms says for how long, where it was told. */
#define LINQ_RATE_LIMITED 10

/** Any other refusal by Linq; see linq_error.http_status and api_code. */
#define LINQ_API 11

/** Any other refusal by the storage host; see linq_error.http_status and storage_code. */
#define LINQ_STORAGE 12

/** The presigned URL expired, where it cannot be renewed. Ask your server for a new one. */
#define LINQ_EXPIRED 13

/**
 * The server broke its contract: a reply that cannot be read, or that asks for something it must
 * not. Also a web page in place of an answer, as captive portals send; then retryable is 1.
 */
#define LINQ_PROTOCOL 14

/** Memory ran out. */
#define LINQ_NO_MEMORY 15

/** A bug in this library. It caught itself, and the process may go on. */
#define LINQ_INTERNAL 16

/**
 * Changes only if the ABI ever breaks. linq_abi_version() gives the number of the library that is
 * loaded.
 */
#define LINQ_ABI_VERSION 1

/** linq_client_options.flags: read no environment variable at all, not even the proxies'. */
#define LINQ_CLIENT_NO_ENVIRONMENT 1

/**
 * linq_client_options.flags: let WebP and SVG through. Linq's own documents contradict each other
 * about these two, so the library refuses them unless you say otherwise.
 */
#define LINQ_CLIENT_ALLOW_WEBP_SVG 2

/**
 * linq_client_options.flags: accept a presigned URL that is plain http, towards loopback only;
 * for tests. It is always accepted where base_url itself is plain http to loopback.
 */
#define LINQ_CLIENT_ALLOW_HTTP_LOOPBACK 4

/** linq_source.kind: a file on disk. Set path. */
#define LINQ_SOURCE_PATH 1

/**
 * linq_source.kind: part of an open regular file. Set descriptor, and offset and length where it
 * is not the whole.
 */
#define LINQ_SOURCE_DESCRIPTOR 2

/** linq_source.kind: bytes in memory. Set bytes and length. */
#define LINQ_SOURCE_BYTES 3

/** linq_source.kind: a callback that gives the bytes. Set read and length, and rewind if you can. */
#define LINQ_SOURCE_READER 4

/**
 * linq_request.flags: a POST or PATCH may be done twice, so it may be tried again after any failure
 * that may pass. The other methods always may.
 */
#define LINQ_REQUEST_REPEATABLE 1

/** linq_set_log: a call failed. */
#define LINQ_LOG_ERROR 1

/** linq_set_log: something went wrong and was got over, such as an attempt that is made again. */
#define LINQ_LOG_WARN 2

/** linq_set_log: what the library did. */
#define LINQ_LOG_INFO 3

/** linq_set_log: each request and connection. */
#define LINQ_LOG_DEBUG 4

/**
 * Ends calls from anywhere. Opaque. Made by linq_cancel_token_new. May be given to any number of
 * calls, from any thread at the same time; once cancelled it stays so.
 */
typedef struct linq_cancel_token linq_cancel_token;

/**
 * A client: holds the API key, the settings and the pooled connections. Opaque. Made by
 * linq_client_new. May be used from any thread at the same time; one per process is usually
 * enough.
 */
typedef struct linq_client linq_client;

/**
 * What a call came to. LINQ_OK is 0; every other number is a failure and never changes its
 * meaning. Numbers may be added: treat one you do not know as LINQ_INTERNAL.
 */
typedef int32_t linq_status;

/** How a client is to behave. Start with linq_client_options_default(). */
typedef struct linq_client_options {
  /** sizeof(linq_client_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /**
   * The partner's API key. NULL: from LINQ_API_V3_API_KEY. A client without any key can still
   * upload presigned; everything else then gives LINQ_UNAUTHORIZED before any network. Do not
   * ship it inside an app.
   */
  const char *api_key;
  /**
   * Where the API is. NULL: from LINQ_API_V3_BASE_URL, else
   * "https://api.linqapp.com/api/partner". A trailing "/" or "/v3" is understood. The key is
   * never sent over plain http, except to loopback.
   */
  const char *base_url;
  /** Added to the library's own User-Agent, such as "MyApp/2.1". NULL: nothing added. */
  const char *user_agent;
  /**
   * A file of PEM certificates to trust besides the platform's. Bytes, as the system takes them.
   * NULL: none.
   */
  const char *ca_file;
  /** The same as text: PEM certificates to trust besides the platform's. NULL: none. */
  const char *ca_pem;
  /**
   * "http://[user:password@]host:port". NULL: from the environment; "": none. Loopback is never
   * proxied.
   */
  const char *proxy;
  /** LINQ_CLIENT_... added together. An unknown bit is refused. */
  uint32_t flags;
  /** How long the name, the connection and the TLS handshake may take together. 0: 10 000. */
  uint32_t connect_timeout_ms;
  /**
   * How long nothing may move, either way, while a connection is up. A slow upload that moves is
   * no stall. 0: 30 000.
   */
  uint32_t stall_timeout_ms;
  /** How often to try in all. 1: never again. 0: 4. */
  uint32_t max_attempts;
} linq_client_options;

/** What failed, on what, why, and what to do about it. Holds no secret. Give it to linq_free. */
typedef struct linq_error {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** A sentence for people, never NULL. Its wording may change: decide by the other fields. */
  const char *message;
  /** The storage host's own code, such as "SignatureDoesNotMatch". NULL: none. */
  const char *storage_code;
  /** The storage host's request id, which its support asks for. NULL: none. */
  const char *storage_request_id;
  /** The storage host's second id (x-amz-id-2), which its support asks for too. NULL: none. */
  const char *storage_id_2;
  /** Linq's page about api_code. NULL: none. */
  const char *doc_url;
  /** Linq's trace id, which its support asks for. NULL: none. */
  const char *trace_id;
  /** The attachment that had been reserved when it failed. NULL: none. */
  const char *attachment_id;
  /** The same number that the function returned. */
  linq_status status;
  /** The HTTP status of the refusal. 0: none. */
  uint32_t http_status;
  /** Linq's own error code, such as 1007. 0: none. */
  uint32_t api_code;
  /**
   * How long the server asked to wait before another try, at most 4 294 967 295. 0: it did not
   * say.
   */
  uint32_t retry_after_ms;
  /** How many attempts were made, the last included. 0: it failed before any network. */
  uint32_t attempts;
  /** 1 where the same call may succeed later without a change, else 0. */
  uint32_t retryable;
  /**
   * The key of a message, or of a request that has one, which may have been sent although this
   * failed. Send again with it: then it is not sent twice. NULL: nothing was sent, or Linq
   * refused it.
   */
  const char *idempotency_key;
  /** The system's number for what failed, such as ENOENT or ECONNREFUSED. 0: none. */
  int32_t system_error;
  /** 0. */
  uint32_t reserved;
} linq_error;

/**
 * A file that is to be uploaded by somebody else; see linq_presign. Start with
 * linq_file_default().
 */
typedef struct linq_file {
  /** sizeof(linq_file) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Required. 1 to 255 characters, without control characters or path separators. */
  const char *filename;
  /** One of the content types above. NULL: from the extension of filename. */
  const char *content_type;
  /** NULL. */
  const void *reserved;
  /** Required. 1 to 104 857 600: exactly how many bytes will be uploaded. */
  uint64_t size_bytes;
} linq_file;

/** What the other calls take. Start with linq_call_options_default(). */
typedef struct linq_call_options {
  /** sizeof(linq_call_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Ends the call from anywhere. NULL: nothing does. */
  struct linq_cancel_token *cancel;
  /**
   * Bounds the whole call, every attempt and wait included. 0: not bounded; the client's own
   * timeouts still hold.
   */
  uint32_t timeout_ms;
  /** 0. */
  uint32_t reserved;
} linq_call_options;

/** One HTTP header. Frozen: this struct never grows. */
typedef struct linq_header {
  /** Its name, as the server wrote it. */
  const char *name;
  /** Its value, to be sent exactly so. */
  const char *value;
} linq_header;

/**
 * A reserved place: where the bytes go, and the headers that the URL was signed with. From
 * linq_presign and linq_presigned_parse; give it to linq_free.
 */
typedef struct linq_presigned {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The id to use in messages once the bytes are there. */
  const char *attachment_id;
  /** Where to PUT the bytes. A secret until it expires: whoever has it may upload. */
  const char *upload_url;
  /** Where the file will be found. NULL where Linq does not send it. */
  const char *download_url;
  /** Always "PUT". */
  const char *http_method;
  /** When upload_url expires, as the server wrote it. */
  const char *expires_at;
  /** The headers to send with the PUT, header_count of them. */
  const struct linq_header *headers;
  /** How many there are. */
  size_t header_count;
  /**
   * All of this as JSON, for whoever uploads; see linq_presigned_parse. A secret as long as
   * upload_url is one.
   */
  const char *json;
  /** The name it was reserved under. NULL where the parsed JSON did not say. */
  const char *filename;
  /** The content type it was reserved for. NULL where the parsed JSON did not say. */
  const char *content_type;
  /** NULL. */
  const void *reserved;
  /** expires_at in Unix milliseconds, by the server's clock. */
  int64_t expires_at_ms;
  /** The size it was reserved for. 0 where the parsed JSON did not say. */
  uint64_t size_bytes;
} linq_presigned;

/**
 * Told how far an upload is: bytes sent so far in this attempt, and the total. Return 0 to go on;
 * anything else cancels the upload, which then returns LINQ_CANCELLED.
 *
 * Called at the start (0), at the end (total), and at most about 20 times a second between. The
 * count never falls within an attempt; it begins at 0 again when an attempt is made anew.
 */
typedef int32_t (*linq_progress_fn)(void *user_data, uint64_t sent, uint64_t total);

/** What an upload takes besides its source. Start with linq_upload_options_default(). */
typedef struct linq_upload_options {
  /** sizeof(linq_upload_options) of the caller; the _default() function sets it. */
  size_t struct_size;
  /**
   * The name to declare: 1 to 255 characters, without control characters or path separators.
   * NULL: the last part of the path. Required for a source without a path, and for a file whose
   * own name is not UTF-8; with linq_upload_presigned only where you want it checked against what
   * was signed.
   */
  const char *filename;
  /**
   * The content type to declare. NULL: from the bytes, else from the name. What MIME libraries
   * write is understood, such as image/jpg or a "; charset=..." behind it.
   */
  const char *content_type;
  /** Told how far it is. NULL: nobody is. */
  linq_progress_fn progress;
  /** Handed to progress. */
  void *user_data;
  /** Ends the call from anywhere. NULL: nothing does. */
  struct linq_cancel_token *cancel;
  /**
   * Bounds the whole call, every attempt and wait included. 0: not bounded; the client's own
   * timeouts still hold.
   */
  uint32_t timeout_ms;
  /** 0. */
  uint32_t reserved;
} linq_upload_options;

/** A file that is there. From the upload functions; give it to linq_free. */
typedef struct linq_attachment {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /**
   * For any number of messages as long as it lasts: an ephemeral attachment is removed 24 to 48
   * hours after the upload, a persistent one stays until it is deleted. LINQ_NOT_FOUND then.
   */
  const char *attachment_id;
  /** Where the file is. NULL where Linq does not send it. */
  const char *download_url;
  /** The name it was declared under; "" where a presigned JSON did not say. */
  const char *filename;
  /** The type it was declared as; "" where a presigned JSON did not say. */
  const char *content_type;
  /** NULL. */
  const void *reserved;
  /** Its size. */
  uint64_t size_bytes;
  /** How many attempts the call made in all. */
  uint32_t attempts;
  /** 0. */
  uint32_t reserved_2;
} linq_attachment;

/**
 * Gives the next bytes of a source: writes up to `capacity` of them to `buffer` and returns how
 * many. 0 means the end, a negative number an error. Both an error and a count above `capacity`
 * end the call with LINQ_FILE.
 */
typedef int64_t (*linq_read_fn)(void *user_data, void *buffer, size_t capacity);

/**
 * Begins a source again at its first byte. Returns 0 when that is done, anything else where it
 * cannot be done.
 */
typedef int32_t (*linq_rewind_fn)(void *user_data);

/**
 * Where the bytes of an upload come from. Start with linq_source_default(), set kind and the
 * fields that it names; the others must stay zero. Everything is borrowed for the call. 1 to 104
 * 857 600 bytes.
 */
typedef struct linq_source {
  /** sizeof(linq_source) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** PATH: the file. On Unix a path is bytes, passed on unchanged. */
  const char *path;
  /** BYTES: the first byte. */
  const void *bytes;
  /** READER: gives the bytes; called on the calling thread. */
  linq_read_fn read;
  /**
   * READER: begins again, so that a failed attempt can be made anew. NULL: the upload is not
   * tried again once bytes were sent, unless they are so few that the library still holds them
   * all (4 KiB).
   */
  linq_rewind_fn rewind;
  /** READER: handed to read and rewind. */
  void *user_data;
  /** DESCRIPTOR: the first byte to send. The descriptor's own position is neither used nor moved. */
  uint64_t offset;
  /**
   * DESCRIPTOR: how many bytes to send; 0: up to the end of the file. BYTES: how many there are.
   * READER: exactly how many the callback will give; less or more is LINQ_FILE.
   */
  uint64_t length;
  /** Required. LINQ_SOURCE_PATH, _DESCRIPTOR, _BYTES or _READER. */
  uint32_t kind;
  /** DESCRIPTOR: the open file. It stays open; closing it is yours. */
  uint32_t descriptor;
} linq_source;

/** What Linq knows of an attachment. From linq_attachment_get; give it to linq_free. */
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
   * Where the file is, freshly signed where the account asks for that. NULL where Linq does
   * not send it.
   */
  const char *download_url;
  /**
   * "pending", "complete" or "failed" where the API still sends it (deprecated since May 2026),
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

/** A message to send. Start with linq_message_default(). */
typedef struct linq_message {
  /** sizeof(linq_message) of the caller; the _default() function sets it. */
  size_t struct_size;
  /** Required. One of your own numbers, such as "+15551234567". */
  const char *from;
  /** Required. Whom to send to: to_count numbers or e-mail addresses. */
  const char *const *to;
  /** How many there are. */
  size_t to_count;
  /** Text that goes before the attachments. NULL: none. */
  const char *text;
  /** The attachments, in order: attachment_count ids. May be NULL where there is a text. */
  const char *const *attachment_ids;
  /** How many there are. */
  size_t attachment_count;
  /**
   * Linq never sends twice with the same key. Up to 255 characters. NULL: a fresh one;
   * linq_receipt tells it.
   */
  const char *idempotency_key;
} linq_message;

/** What Linq answered to a message. From linq_send_message; give it to linq_free. */
typedef struct linq_receipt {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The chat it went to. */
  const char *chat_id;
  /** The message. NULL where the reply does not name it. */
  const char *message_id;
  /** The key it was sent with. To send the same message again, use the same key. */
  const char *idempotency_key;
} linq_receipt;

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
   * query is allowed. It must not name a scheme or a host, nor hold "..", empty segments or
   * characters that a URL cannot have.
   */
  const char *path;
  /** What to send: JSON of at most 1 MiB. NULL: no body. GET and HEAD take none. */
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

/** What Linq answered to a request. From linq_send_request; give it to linq_free. */
typedef struct linq_response {
  /** Set by the library; see LINQ_HAS. */
  size_t struct_size;
  /** The body. NULL where there is none. */
  const char *json;
  /** Linq's trace id, which its support asks for. NULL: none. */
  const char *trace_id;
  /** The status: 200 to 299, or 404 for a DELETE that was made again and found that it was done. */
  uint32_t http_status;
  /** 0. */
  uint32_t reserved;
} linq_response;

/**
 * Hears a log line: its level (LINQ_LOG_...) and its text, without a line feed. The text is gone
 * after the call.
 */
typedef void (*linq_log_fn)(void *user_data, uint32_t level, const char *line);

/**
 * Makes a client.
 *
 * options  NULL: everything from the environment
 * client   the client, for linq_free
 *
 * The environment is read now and at no other time. Nothing is sent. Without any API key the
 * client can still upload presigned.
 *
 * LINQ_INVALID_ARGUMENT  a setting cannot be meant, such as a base_url that is no URL
 * LINQ_FILE              ca_file cannot be read
 * LINQ_TLS               ca_file or ca_pem holds no certificate
 */
linq_status linq_client_new(const struct linq_client_options *options,
                            struct linq_client **client,
                            struct linq_error **error);

/**
 * Reserves a place for a file that somebody else will upload (step 1 of 2).
 *
 * client     NULL: the default client
 * file       required: name, type and size; checked before any network
 * call       NULL: no cancelling, no deadline
 * presigned  the place, for linq_free; hand presigned->json to whoever has the bytes
 *
 * A place lasts about 15 minutes. One that is never used costs nothing and cannot be listed.
 *
 * LINQ_UNSUPPORTED   the type, size or name would be refused; nothing was sent
 * LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
 */
linq_status linq_presign(struct linq_client *client,
                         const struct linq_file *file,
                         const struct linq_call_options *call,
                         struct linq_presigned **presigned,
                         struct linq_error **error);

/**
 * Uploads a file on disk, and makes it usable in messages.
 *
 * client      NULL: the default client
 * path        required: a regular file of 1 to 104 857 600 bytes; symbolic links are followed
 * options     NULL: all defaults
 * attachment  what to put into messages, for linq_free
 *
 * Reserves a place and puts the bytes there, again where that helps. Memory is bounded whatever
 * the size.
 *
 * LINQ_FILE          it cannot be opened, is no regular file, or changed while being sent
 * LINQ_UNSUPPORTED   its type, size or name would be refused; nothing was sent
 * LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
 */
linq_status linq_upload_file(struct linq_client *client,
                             const char *path,
                             const struct linq_upload_options *options,
                             struct linq_attachment **attachment,
                             struct linq_error **error);

/**
 * Uploads from any source: a path, an open file or a part of it, bytes in memory, or a read
 * callback.
 *
 * client      NULL: the default client
 * source      required
 * options     NULL: all defaults; a source without a path needs options->filename
 * attachment  what to put into messages, for linq_free
 *
 * Fails as linq_upload_file does.
 */
linq_status linq_upload(struct linq_client *client,
                        const struct linq_source *source,
                        const struct linq_upload_options *options,
                        struct linq_attachment **attachment,
                        struct linq_error **error);

/**
 * Uploads to a place that was reserved elsewhere (step 2 of 2). Needs no API key, and sends none.
 *
 * client      NULL: the default client
 * presigned   required: from linq_presigned_parse or linq_presign; its json is what counts
 * source      required
 * options     NULL: all defaults; filename and content_type need not be given
 * attachment  what to put into messages, for linq_free
 *
 * A source whose size or type is not what was signed is refused before any network.
 *
 * LINQ_EXPIRED  the place is no longer open; ask your server for a new one
 * LINQ_STORAGE  the storage host refused; see error->storage_code
 */
linq_status linq_upload_presigned(struct linq_client *client,
                                  const struct linq_presigned *presigned,
                                  const struct linq_source *source,
                                  const struct linq_upload_options *options,
                                  struct linq_attachment **attachment,
                                  struct linq_error **error);

/**
 * Reads the JSON that a server handed over: Linq's own reply to POST /v3/attachments, or
 * linq_presigned.json.
 *
 * json       required: length bytes of UTF-8, at most 1 MiB; a NUL at the end is not needed
 * presigned  the place, for linq_free
 *
 * Unknown fields are ignored. Nothing is sent.
 *
 * LINQ_INVALID_ARGUMENT  it is no such JSON, or asks for something that an upload must not do
 */
linq_status linq_presigned_parse(const char *json,
                                 size_t length,
                                 struct linq_presigned **presigned,
                                 struct linq_error **error);

/**
 * Asks what Linq knows of an attachment (GET /v3/attachments/{id}).
 *
 * client         NULL: the default client
 * attachment_id  required
 * call           NULL: no cancelling, no deadline
 * info           the answer, for linq_free
 *
 * LINQ_NOT_FOUND         it does not exist, or belongs to another account
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 * LINQ_INVALID_ARGUMENT  it is no id as an upload returns it; nothing was sent
 */
linq_status linq_attachment_get(struct linq_client *client,
                                const char *attachment_id,
                                const struct linq_call_options *call,
                                struct linq_attachment_info **info,
                                struct linq_error **error);

/**
 * Deletes an attachment for good (DELETE /v3/attachments/{id}). Messages stay, but lose it.
 *
 * client         NULL: the default client
 * attachment_id  required
 * call           NULL: no cancelling, no deadline
 *
 * An attempt that is made again because the first answer was lost, and finds the attachment gone,
 * counts as done.
 *
 * LINQ_NOT_FOUND         it does not exist, or belongs to another account
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 * LINQ_INVALID_ARGUMENT  it is no id as an upload returns it; nothing was sent
 */
linq_status linq_attachment_delete(struct linq_client *client,
                                   const char *attachment_id,
                                   const struct linq_call_options *call,
                                   struct linq_error **error);

/**
 * Sends a message with attachments (POST /v3/chats), into the chat that these people already
 * share or into a new one.
 *
 * client   NULL: the default client
 * message  required
 * call     NULL: no cancelling, no deadline
 * receipt  where it went, for linq_free
 *
 * Always sent with an idempotency key, so trying again never sends twice. After an error, send
 * again with error->idempotency_key where there is one: the message may have arrived.
 *
 * LINQ_INVALID_ARGUMENT  it goes to nobody, or has neither text nor attachments; nothing was sent
 * LINQ_NOT_FOUND         an attachment does not exist any more, or is another account's: upload it
 *                        again
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 */
linq_status linq_send_message(struct linq_client *client,
                              const struct linq_message *message,
                              const struct linq_call_options *call,
                              struct linq_receipt **receipt,
                              struct linq_error **error);

/**
 * Makes any other call of the API below /v3/, with the key, the limits and the errors of every
 * other call: a message into a chat that is there, a voice memo, a sticker, whatever Linq adds.
 *
 * client    NULL: the default client
 * request   required: method and path, and JSON to send
 * call      NULL: no cancelling, no deadline
 * response  what Linq answered, at most 1 MiB, for linq_free
 *
 * GET, HEAD, PUT and DELETE are tried again as every call is; POST and PATCH only with
 * LINQ_REQUEST_REPEATABLE. Without it the request is sent on a connection of its own, and again
 * only where no connection could be made, or where Linq says that it did nothing: status 429,
 * codes 2007 and 2009, x-should-retry: true. An error whose retryable is 0 may then mean that it
 * was done all the same. A refusal is an error, with Linq's message and codes.
 *
 * LINQ_INVALID_ARGUMENT  method, path or JSON cannot be sent; nothing was
 * LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
 * LINQ_PROTOCOL          what Linq answered is not JSON
 */
linq_status linq_send_request(struct linq_client *client,
                              const struct linq_request *request,
                              const struct linq_call_options *call,
                              struct linq_response **response,
                              struct linq_error **error);

/**
 * What the library would declare as the content type, as a static string that is never freed;
 * NULL where it knows none that the API takes.
 *
 * path_or_name  only the part behind the last "/" counts; NULL: from the bytes alone
 * bytes         the first length bytes of the file, best all of it: what lies further is not seen,
 *               so an upload may still refuse it; NULL with length 0: from the name alone
 *
 * Nothing is opened or read.
 */
const char *linq_content_type(const char *path_or_name,
                              const void *bytes,
                              size_t length);

/** Makes a cancel token, for linq_free. NULL where memory or descriptors ran out. */
struct linq_cancel_token *linq_cancel_token_new(void);

/**
 * Ends every call that was given this token, now and later: each returns LINQ_CANCELLED within
 * about 10 ms.
 *
 * Final. Never blocks. May be called from any thread and from a signal handler; errno is kept.
 * NULL is nothing.
 */
void linq_cancel_token_cancel(struct linq_cancel_token *token);

/**
 * Sets who hears the library's log lines up to a level (LINQ_LOG_...). By default nobody does. No
 * secret is in any line at any level.
 *
 * callback  NULL: nobody, and level does not count
 *
 * One for the process. It is called on the thread whose call the line is about, so several
 * threads may be in it at once. It may call any linq function, whose own lines are then not
 * heard, except this one. This function returns once no thread is in the old callback any more.
 *
 * LINQ_INVALID_ARGUMENT  the level is unknown, or it was called from inside a log callback
 */
linq_status linq_set_log(linq_log_fn callback,
                         void *user_data,
                         uint32_t level);

/**
 * The name of a status as it is written here, such as "LINQ_TIMEOUT"; a static string, never
 * NULL. For a number this library does not know: "LINQ_INTERNAL".
 */
const char *linq_status_name(linq_status status);

/**
 * The version of the library that is loaded, such as "0.1.0"; a static string.
 * LINQ_VERSION_STRING is this header's.
 */
const char *linq_version(void);

/**
 * The ABI of the library that is loaded. It works with this header where it equals
 * LINQ_ABI_VERSION.
 */
uint32_t linq_abi_version(void);

/**
 * Gives back whatever this library handed out: a result, an error, a client, a cancel token.
 *
 * NULL is fine. Secrets inside are overwritten first. A client or token that a call is using goes
 * when that call returns. A pointer the library does not know as live, such as a member string or
 * something freed before, is left alone and logged.
 */
void linq_free(void *anything);

/* Inline, so that struct_size is the size that you were compiled with. */

/** Options for linq_client_new with every field at its default. */
static inline linq_client_options linq_client_options_default(void) {
  linq_client_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/** A file for linq_presign; set filename and size_bytes. */
static inline linq_file linq_file_default(void) {
  linq_file file;
  memset(&file, 0, sizeof file);
  file.struct_size = sizeof file;
  return file;
}

/** A source for linq_upload and linq_upload_presigned; set kind and what belongs to it. */
static inline linq_source linq_source_default(void) {
  linq_source source;
  memset(&source, 0, sizeof source);
  source.struct_size = sizeof source;
  return source;
}

/** Options for the upload functions with every field at its default. */
static inline linq_upload_options linq_upload_options_default(void) {
  linq_upload_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/** Options for the other calls with every field at its default. */
static inline linq_call_options linq_call_options_default(void) {
  linq_call_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  return options;
}

/** A message for linq_send_message; set from, to and to_count, and a text or attachments. */
static inline linq_message linq_message_default(void) {
  linq_message message;
  memset(&message, 0, sizeof message);
  message.struct_size = sizeof message;
  return message;
}

/** A request for linq_send_request; set method and path, and json where it has a body. */
static inline linq_request linq_request_default(void) {
  linq_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  return request;
}

#ifdef __cplusplus
}
#endif

#endif /* LINQ_H */
