/* Nothing is written to stdout or stderr, whatever happens. */
#include "support/check.h"

#include <fcntl.h>
#include <sys/stat.h>

static unsigned char *g_bytes;
#define SIZE (1u << 20)

static void upload(linq_client *client, const linq_upload_options *options) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_upload(client, &source, options, &attachment, &error);
  linq_free(attachment);
  linq_free(error);
}

static int32_t cancels(void *user_data, uint64_t sent, uint64_t total) {
  (void)user_data, (void)total;
  return sent > 0;
}

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level, (void)line;
}

/* Successes, failures of every kind, and calls that do nothing. */
static void all_sorts_of_things(void) {
  static const char *const faults[] = {
      "\"reset_after\":1000",
      "\"close_after\":1000",
      "\"early\":{\"after\":1000,\"status\":403}",
      "\"respond\":{\"status\":200,\"raw\":\"garbage\\u0000\\r\\n\\r\\n\"}",
      "\"respond\":{\"status\":500,\"body_repeat\":{\"text\":\"x\",\"count\":3000000}}",
      "\"redirect\":{\"status\":302,\"location\":\"other\"}",
      "\"merge\":{\"expires_at\":5,\"required_headers\":[]}",
  };
  linq_upload_options options = named("a.txt", "text/plain");
  for (int tls = 0; tls < 2; tls++) {
    linq_client_options settings = options_for(tls ? api_tls() : api(), key());
    settings.max_attempts = 1;
    linq_client *client = client_with(&settings);
    upload(client, &options);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
      for (int side = 0; side < 2; side++) {
        char json[256];
        snprintf(json, sizeof json, "{\"side\":\"%s\",\"times\":1,\"fault\":{%s}}",
                 side ? "api" : "storage", faults[i]);
        calm();
        fault(json);
        upload(client, &options);
      }
    }
    options.progress = cancels;
    upload(client, &options);
    options.progress = NULL;
    linq_free(client);
  }
  linq_client *lost = client_of(getenv("LINQ_TEST_BAD_TLS"), key());
  upload(lost, &options);
  linq_free(lost);
  linq_client *none = NULL;
  linq_error *error = NULL;
  linq_client_options wrong = options_for("::not a url::", key());
  CHECK(linq_client_new(&wrong, &none, &error) == LINQ_INVALID_ARGUMENT);
  linq_free(error);
  linq_free(&wrong);
  linq_free((void *)(uintptr_t)8);
  linq_upload(NULL, NULL, NULL, NULL, NULL);
}

static long size_of(int descriptor) {
  struct stat found;
  CHECK(fstat(descriptor, &found) == 0);
  return (long)found.st_size;
}

static void neither_stream_is_touched(void) {
  char path[512];
  snprintf(path, sizeof path, "%s/written", getenv("LINQ_TEST_DIR"));
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
  CHECK(file >= 0);
  fflush(stdout);
  fflush(stderr);
  int out = dup(1), err = dup(2);
  CHECK(dup2(file, 1) == 1 && dup2(file, 2) == 2);
  all_sorts_of_things();
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_DEBUG) == LINQ_OK);
  all_sorts_of_things();
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  fflush(stdout);
  fflush(stderr);
  CHECK(dup2(out, 1) == 1 && dup2(err, 2) == 2);
  close(out);
  close(err);
  CHECK(size_of(file) == 0);
  close(file);
}

/* A daemon has neither: the descriptors may then be anything's, such as a socket's. */
static void it_works_with_both_closed(void) {
  fflush(stdout);
  int in = dup(0), out = dup(1), err = dup(2);
  close(0);
  close(1);
  close(2);
  linq_client *client = client_of(api_tls(), key());
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, NULL);
  linq_free(attachment);
  linq_free(client);
  CHECK(dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2);
  close(in);
  close(out);
  close(err);
  CHECK(status == LINQ_OK);
}

int main(void) {
  g_bytes = bytes_of(SIZE);
  RUN(neither_stream_is_touched);
  RUN(it_works_with_both_closed);
  free(g_bytes);
  return done("silent");
}
