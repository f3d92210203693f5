/* Log lines: none by default, up to the level, on the calling thread, and never with a secret. */
#include "support/check.h"

#include <stdatomic.h>

#define MOST 20000

static linq_client *g_client;
static char *g_lines[MOST];
static uint32_t g_levels[MOST];
static pthread_t g_threads[MOST];
static atomic_int g_count;
static int g_mark;

static void on_line(void *user_data, uint32_t level, const char *line) {
  CHECK(user_data == &g_mark);
  CHECK(line != NULL && line[0] != '\0' && strchr(line, '\n') == NULL);
  CHECK(level >= LINQ_LOG_ERROR && level <= LINQ_LOG_DEBUG);
  int at = atomic_fetch_add(&g_count, 1);
  CHECK(at < MOST);
  g_lines[at] = strdup(line);
  g_levels[at] = level;
  g_threads[at] = pthread_self();
}

static void forget(void) {
  for (int i = 0; i < g_count; i++) free(g_lines[i]);
  g_count = 0;
}

static linq_status upload(linq_client *client) {
  linq_source source = from_memory("content-of-the-file", 19);
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, NULL);
  linq_free(attachment);
  return status;
}

/* A run with something at each level: retries, failures, stray frees. */
static void all_sorts_of_things_happen(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":503,\"headers\":"
        "[[\"retry-after-ms\",\"1\"]]}}}");
  CHECK(upload(g_client) == LINQ_OK);
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":403,\"code\":"
        "\"SignatureDoesNotMatch\"}}}");
  CHECK(upload(g_client) == LINQ_STORAGE);
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"redirect\":{\"status\":302,\"location\":"
        "\"self\"}}}");
  CHECK(upload(g_client) == LINQ_PROTOCOL);
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"merge\":{\"upload_url\":"
        "\"http://example.com/x?X-Amz-Signature=abcdef\"}}}");
  CHECK(upload(g_client) == LINQ_PROTOCOL);
  linq_client *tls = client_of(api_tls(), key());
  CHECK(upload(tls) == LINQ_OK);
  linq_free(tls);
  linq_client *nobody = client_of("http://127.0.0.1:1/", "another-secret-key");
  linq_call_options call = linq_call_options_default();
  call.timeout_ms = 300;
  linq_attachment_info *info = NULL;
  CHECK(linq_attachment_get(nobody, "550e8400-e29b-41d4-a716-446655440000", &call, &info, NULL) !=
        LINQ_OK);
  linq_free(nobody);
  int stray = 0;
  linq_free(&stray);
}

static void nothing_is_heard_by_default(void) {
  all_sorts_of_things_happen();
  CHECK(g_count == 0);
}

static void each_level_hears_itself_and_what_is_worse(void) {
  int before = 0;
  for (uint32_t level = LINQ_LOG_ERROR; level <= LINQ_LOG_DEBUG; level++) {
    CHECK(linq_set_log(on_line, &g_mark, level) == LINQ_OK);
    all_sorts_of_things_happen();
    CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
    int own = 0;
    for (int i = 0; i < g_count; i++) {
      CHECK(g_levels[i] <= level);
      own += g_levels[i] == level;
      CHECK(pthread_equal(g_threads[i], pthread_self()));
    }
    CHECK(own > 0);
    CHECK(g_count > before);
    before = g_count;
    forget();
  }
}

static void no_secret_is_in_any_line(void) {
  CHECK(linq_set_log(on_line, &g_mark, LINQ_LOG_DEBUG) == LINQ_OK);
  all_sorts_of_things_happen();
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  static const char *const secrets[] = {"X-Amz-",  "Signature=", "AKIA", "another-secret-key",
                                        "Bearer", "abcdef",     "content-of-the-file"};
  CHECK(g_count > 10);
  for (int i = 0; i < g_count; i++) {
    CHECK(strstr(g_lines[i], key()) == NULL);
    for (size_t j = 0; j < sizeof secrets / sizeof *secrets; j++)
      if (strstr(g_lines[i], secrets[j]) != NULL) {
        fprintf(stderr, "%s\n", g_lines[i]);
        CHECK(!"a secret in a line");
      }
  }
  forget();
}

static void a_failed_call_is_told_as_an_error(void) {
  CHECK(linq_set_log(on_line, &g_mark, LINQ_LOG_ERROR) == LINQ_OK);
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":403,\"code\":"
        "\"SignatureDoesNotMatch\"}}}");
  CHECK(upload(g_client) == LINQ_STORAGE);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  CHECK(g_count == 1);
  CHECK_HAS(g_lines[0], "SignatureDoesNotMatch");
  forget();
}

static void an_unknown_level_is_refused_and_changes_nothing(void) {
  CHECK(linq_set_log(on_line, &g_mark, LINQ_LOG_WARN) == LINQ_OK);
  CHECK(linq_set_log(on_line, &g_mark, 0) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_set_log(on_line, NULL, 5) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_set_log(on_line, NULL, UINT32_MAX) == LINQ_INVALID_ARGUMENT);
  int stray = 0;
  linq_free(&stray);
  CHECK(g_count == 1);
  CHECK(linq_set_log(NULL, &g_mark, 99) == LINQ_OK); /* nobody: the level does not count */
  linq_free(&stray);
  CHECK(g_count == 1);
  forget();
}

static atomic_int g_inside, g_replaced;

static void is_slow(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level, (void)line;
  CHECK(!g_replaced);
  atomic_fetch_add(&g_inside, 1);
  sleep_ms(100);
  CHECK(!g_replaced);
  atomic_fetch_sub(&g_inside, 1);
}

static void *logs_once(void *argument) {
  (void)argument;
  int stray = 0;
  linq_free(&stray);
  return NULL;
}

static void after_it_returns_nobody_is_in_the_old_callback(void) {
  CHECK(linq_set_log(is_slow, NULL, LINQ_LOG_WARN) == LINQ_OK);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, logs_once, NULL) == 0);
  while (g_inside == 0) sleep_ms(1);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  CHECK(g_inside == 0);
  g_replaced = 1;
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(nothing_is_heard_by_default);
  RUN(each_level_hears_itself_and_what_is_worse);
  RUN(no_secret_is_in_any_line);
  RUN(a_failed_call_is_told_as_an_error);
  RUN(an_unknown_level_is_refused_and_changes_nothing);
  RUN(after_it_returns_nobody_is_in_the_old_callback);
  linq_free(g_client);
  return done("log");
}
