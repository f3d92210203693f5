#define _POSIX_C_SOURCE 200809L

#include "print.h"

#include "screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_json(const char *text) {
  if (text == NULL) {
    fputs("null", stdout);
    return;
  }
  putchar('"');
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
    size_t length = character(s);
    if (length == 0)
      fputs("\\ufffd", stdout);
    else if (is_control(s))
      printf("\\u%04x", s[length - 1]);
    else {
      if (*s == '"' || *s == '\\') putchar('\\');
      fwrite(s, 1, length, stdout);
    }
    s += length == 0 ? 1 : length;
  }
  putchar('"');
}

static void member(const char *name, const char *value) {
  printf(",\"%s\":", name);
  print_json(value);
}

/* A check mark or a cross, in color where that is wanted. */
static void print_mark(FILE *to, bool good) {
  const char *no_color = getenv("NO_COLOR");
  bool color = can_draw(to) && (no_color == NULL || *no_color == '\0');
  fprintf(to, "%s%s%s ", color ? (good ? "\033[32m" : "\033[31m") : "", good ? "\u2713" : "\u2717", color ? "\033[0m" : "");
}

static void print_line(const char *id, const char *url, const char *path) {
  printf("%s\t%s\t", id, url != NULL ? url : "");
  print_plain(stdout, path);
  putchar('\n');
}

void print_attachment(const struct style *style, const char *path, const linq_attachment *attachment) {
  if (style->json) {
    fputs("{\"event\":\"uploaded\",\"file\":", stdout);
    print_json(path);
    member("attachment_id", attachment->attachment_id);
    member("download_url", attachment->download_url);
    member("filename", attachment->filename);
    member("content_type", attachment->content_type);
    printf(",\"size_bytes\":%" PRIu64 ",\"attempts\":%" PRIu32 "}\n", attachment->size_bytes, attachment->attempts);
  } else if (style->marks) {
    print_mark(stdout, true);
    const char *name = base_name(path), *id = attachment->attachment_id;
    print_plain(stdout, name);
    /* An id that goes over the end of a line is hard to copy. */
    bool fits = text_columns(name) + strlen(id) + 4 <= terminal_columns(stdout);
    printf("%s%s\n", fits ? "  " : "\n  ", id);
  } else {
    print_line(attachment->attachment_id, attachment->download_url, path);
  }
}

void print_failure(const struct style *style, const char *path, linq_status status, const linq_error *error) {
  if (isatty(STDERR_FILENO))
    print_mark(stderr, false);
  else
    fputs("linq-upload: ", stderr);
  if (strstr(error->message, base_name(path)) == NULL && status != LINQ_UNAUTHORIZED) {
    print_plain(stderr, path);
    fputs(": ", stderr);
  }
  print_plain(stderr, error->message);
  fprintf(stderr, "\n  status: %s\n", linq_status_name(status)); /* HTTP's and the codes are in the message */
  if (error->retry_after_ms != 0)
    fprintf(stderr, "  retry after: %" PRIu32 " s\n", error->retry_after_ms / 1000 + (error->retry_after_ms % 1000 != 0));
  else if (error->retryable != 0)
    fputs("  retry: the same may work later\n", stderr);
  if (error->trace_id != NULL) fprintf(stderr, "  trace id: %s\n", error->trace_id);
  if (error->storage_request_id != NULL) fprintf(stderr, "  storage request id: %s\n", error->storage_request_id);
  if (error->doc_url != NULL) fprintf(stderr, "  see: %s\n", error->doc_url);

  if (!style->json) return;
  fputs("{\"event\":\"failed\",\"file\":", stdout);
  print_json(path);
  fputs(",\"error\":{\"status\":", stdout);
  print_json(linq_status_name(status));
  member("message", error->message);
  printf(",\"http_status\":%" PRIu32 ",\"api_code\":%" PRIu32, error->http_status, error->api_code);
  member("storage_code", error->storage_code);
  member("trace_id", error->trace_id);
  member("doc_url", error->doc_url);
  member("attachment_id", error->attachment_id);
  printf(",\"retry_after_ms\":%" PRIu32 ",\"retryable\":%s,\"attempts\":%" PRIu32 "}}\n", error->retry_after_ms,
         error->retryable != 0 ? "true" : "false", error->attempts);
}

void print_reserved(const struct style *style, const char *path, const linq_presigned *presigned) {
  if (style->json) {
    fputs("{\"event\":\"reserved\",\"file\":", stdout);
    print_json(path);
    printf(",\"presigned\":%s}\n", presigned->json);
  } else {
    print_line(presigned->attachment_id, presigned->upload_url, path);
  }
}

void print_event(const char *path, const linq_event *event) {
  bool retry = event->kind == LINQ_EVENT_RETRY;
  printf("{\"event\":\"%s\",\"file\":", retry ? "retry" : "progress");
  print_json(path);
  if (retry)
    printf(",\"attempt\":%" PRIu32 ",\"max_attempts\":%" PRIu32 ",\"wait_ms\":%" PRIu32 ",\"server_asks\":%s}\n", event->attempt,
           event->max_attempts, event->again_in_ms, event->error->retry_after_ms != 0 ? "true" : "false");
  else
    printf(",\"sent\":%" PRIu64 ",\"total\":%" PRIu64 "}\n", event->sent, event->total);
}

void print_attempt(void *user_data, const linq_attempt *attempt) {
  static const char *const steps[] = {[LINQ_STEP_RESERVE] = "reserve", [LINQ_STEP_PUT] = "put"};
  const struct { const char *name; uint64_t us; } parts[] = {
      {"lookup", attempt->lookup_us}, {"connect", attempt->connect_us}, {"proxy", attempt->proxy_us},
      {"TLS", attempt->tls_us},       {"send", attempt->send_us},       {"wait", attempt->wait_us},
      {"receive", attempt->receive_us}};
  (void)user_data;
  bool known = attempt->step < sizeof steps / sizeof *steps && steps[attempt->step] != NULL;
  fprintf(stderr, "%s: attempt %" PRIu32, known ? steps[attempt->step] : "request", attempt->number);
  if (attempt->http_status != 0) fprintf(stderr, ", %" PRIu32, attempt->http_status);
  fprintf(stderr, ", %" PRIu64 " ms", attempt->total_us / 1000);
  const char *before = " (";
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (parts[i].us < 1000) continue;
    fprintf(stderr, "%s%s %" PRIu64, before, parts[i].name, parts[i].us / 1000);
    before = ", ";
  }
  if (*before == ',') putc(')', stderr);
  fprintf(stderr, ", %" PRIu64 " B sent, %" PRIu64 " B received", attempt->bytes_sent, attempt->bytes_received);
  if (attempt->reused != 0) fputs(", over an open connection", stderr);
  if (attempt->request_id != NULL) {
    fputs(", id ", stderr);
    print_plain(stderr, attempt->request_id);
  }
  if (attempt->reason != NULL) {
    fputs("\n  failed: ", stderr);
    print_plain(stderr, attempt->reason);
    if (attempt->again_in_ms != 0) fprintf(stderr, "; again in %" PRIu32 " ms", attempt->again_in_ms);
  }
  putc('\n', stderr);
}
