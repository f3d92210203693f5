#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* Apple has SO_NOSIGPIPE instead */
#endif

static atomic_int g_checks;
static const char *g_test = "main";

void begin(const char *test) { g_test = test; }

static void fail(const char *file, int line) {
  fprintf(stderr, "%s:%d: in %s: ", file, line, g_test);
}

void check(int holds, const char *file, int line, const char *condition) {
  atomic_fetch_add(&g_checks, 1);
  if (holds) return;
  fail(file, line);
  fprintf(stderr, "not so: %s\n", condition);
  exit(1);
}

void check_status(linq_status found, linq_status expected, const linq_error *error, const char *file,
                  int line, const char *call) {
  atomic_fetch_add(&g_checks, 1);
  if (found == expected) return;
  fail(file, line);
  fprintf(stderr, "%s gave %s instead of %s: %s\n", call, linq_status_name(found),
          linq_status_name(expected), error != NULL ? error->message : "(no error)");
  exit(1);
}

void check_text(const char *found, const char *expected, const char *file, int line,
                const char *expression) {
  atomic_fetch_add(&g_checks, 1);
  if (found == expected) return;
  if (found != NULL && expected != NULL && strcmp(found, expected) == 0) return;
  fail(file, line);
  fprintf(stderr, "%s is \"%s\" instead of \"%s\"\n", expression, found != NULL ? found : "(NULL)",
          expected != NULL ? expected : "(NULL)");
  exit(1);
}

void check_has(const char *text, const char *part, const char *file, int line,
               const char *expression) {
  atomic_fetch_add(&g_checks, 1);
  if (text != NULL && strstr(text, part) != NULL) return;
  fail(file, line);
  fprintf(stderr, "%s has no \"%s\" in it: %s\n", expression, part, text != NULL ? text : "(NULL)");
  exit(1);
}

int done(const char *name) {
  calm();
  printf("%s: ok, %d checks\n", name, atomic_load(&g_checks));
  return 0;
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  if (value == NULL || *value == '\0') {
    fprintf(stderr, "%s is not set; tests/c.rs runs these programs\n", name);
    exit(2);
  }
  return value;
}

const char *api(void) { return variable("LINQ_TEST_API"); }
const char *api_tls(void) { return variable("LINQ_TEST_API_TLS"); }
const char *key(void) { return variable("LINQ_TEST_KEY"); }
const char *ca_file(void) { return variable("LINQ_TEST_CA"); }
const char *from_number(void) { return variable("LINQ_TEST_PHONE"); }

int slow(void) {
  const char *factor = getenv("LINQ_TEST_SLOW");
  return factor != NULL && atoi(factor) > 1 ? atoi(factor) : 1;
}

int emulated(void) {
  const char *under = getenv("LINQ_RUN");
  return under != NULL && strstr(under, "qemu") != NULL;
}

/* Everything that comes until the peer closes; free() it. */
static char *read_all(int socket) {
  size_t room = 1 << 16, length = 0;
  char *text = malloc(room);
  for (;;) {
    ssize_t got = read(socket, text + length, room - length - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += (size_t)got;
    if (room - length < 2) text = realloc(text, room *= 2);
  }
  text[length] = '\0';
  return text;
}

char *control(const char *method, const char *path, const char *json) {
  const char *colon = strrchr(variable("LINQ_TEST_CONTROL"), ':');
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
  char head[512];
  int length = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: control\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        method, path, strlen(json));
  CHECK(send(connection, head, (size_t)length, MSG_NOSIGNAL) == length);
  CHECK(send(connection, json, strlen(json), MSG_NOSIGNAL) == (ssize_t)strlen(json));
  char *answer = read_all(connection);
  close(connection);
  CHECK_HAS(answer, "HTTP/1.1 20");
  char *body = strstr(answer, "\r\n\r\n");
  CHECK(body != NULL);
  memmove(answer, body + 4, strlen(body + 4) + 1);
  return answer;
}

void calm(void) {
  free(control("DELETE", "/faults", ""));
  free(control("DELETE", "/requests", ""));
}

void fault(const char *json) { free(control("POST", "/faults", json)); }

char *requests(void) { return control("GET", "/requests", ""); }

char *request(const char *all, const char *has, const char *and_has, int nth) {
  for (const char *at = strstr(all, "{\"body\":"); at != NULL;) {
    const char *next = strstr(at + 1, "{\"body\":");
    size_t length = next != NULL ? (size_t)(next - at) : strlen(at);
    char *one = malloc(length + 1);
    memcpy(one, at, length);
    one[length] = '\0';
    if (strstr(one, has) != NULL && strstr(one, and_has) != NULL && nth-- == 0) return one;
    free(one);
    at = next;
  }
  return NULL;
}

int count(const char *text, const char *part) {
  int found = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) found++;
  return found;
}

linq_client_options options_for(const char *base_url, const char *api_key) {
  linq_client_options options = linq_client_options_default();
  options.base_url = base_url;
  options.api_key = api_key;
  options.ca_file = ca_file();
  options.flags = LINQ_CLIENT_NO_ENVIRONMENT;
  return options;
}

linq_client *client_with(const linq_client_options *options) {
  linq_client *client = POISON(linq_client);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_client_new(options, &client, &error), LINQ_OK, error);
  CHECK(client != NULL && error == NULL);
  return client;
}

linq_client *client_of(const char *base_url, const char *api_key) {
  linq_client_options options = options_for(base_url, api_key);
  return client_with(&options);
}

unsigned char *bytes_of(size_t bytes) {
  unsigned char *memory = malloc(bytes > 0 ? bytes : 1);
  CHECK(memory != NULL);
  for (size_t i = 0; i < bytes; i++) memory[i] = (unsigned char)("the quick brown fox\n"[i % 20]);
  return memory;
}

const char *file_of(const char *name, size_t bytes) {
  static char paths[8][512];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", variable("LINQ_TEST_DIR"), name);
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  unsigned char *memory = bytes_of(bytes);
  CHECK(fwrite(memory, 1, bytes, file) == bytes);
  CHECK(fclose(file) == 0);
  free(memory);
  return path;
}

linq_source from_memory(const void *bytes, size_t length) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_BYTES;
  source.bytes = bytes;
  source.length = length;
  return source;
}

linq_upload_options named(const char *filename, const char *content_type) {
  linq_upload_options options = linq_upload_options_default();
  options.filename = filename;
  options.content_type = content_type;
  return options;
}

linq_queue *queue_of(linq_client *client, uint32_t max_in_flight) {
  linq_queue_options options = linq_queue_options_default();
  options.max_in_flight = max_in_flight;
  linq_queue *queue = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_queue_new(client, &options, &queue, &error), LINQ_OK, error);
  return queue;
}

linq_status add_bytes(linq_queue *queue, const void *bytes, size_t length, uint64_t tag) {
  linq_source source = from_memory(bytes, length);
  linq_upload_options options = named("a.txt", "text/plain");
  return linq_queue_add(queue, NULL, &source, &options, tag, NULL);
}

linq_status add_missing(linq_queue *queue, uint64_t tag) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = "/nowhere/x.txt";
  return linq_queue_add(queue, NULL, &source, NULL, tag, NULL);
}

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int milliseconds) {
  struct timespec left = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}
