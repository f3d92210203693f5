/* One client, many threads, all at the same time; and everything else at the same time too. */
#include "support/check.h"

#define THREADS 12
#define EACH 8

static linq_client *g_client;
static char g_ids[THREADS][EACH][40];

static void *uploads(void *argument) {
  int self = (int)(intptr_t)argument;
  for (int i = 0; i < EACH; i++) {
    char name[32], text[32];
    snprintf(name, sizeof name, "t%d-%d.txt", self, i);
    int length = snprintf(text, sizeof text, "thread %d, upload %d", self, i);
    linq_source source = from_memory(text, (size_t)length);
    linq_upload_options options = named(name, "text/plain");
    linq_cancel_token *token = linq_cancel_token_new();
    options.cancel = token;
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
    CHECK_TEXT(attachment->filename, name);
    CHECK(attachment->size_bytes == (uint64_t)length);
    snprintf(g_ids[self][i], sizeof g_ids[0][0], "%s", attachment->attachment_id);
    linq_free(attachment);
    linq_free(token);
    CHECK(linq_upload_file(g_client, NULL, NULL, &attachment, &error) == LINQ_INVALID_ARGUMENT);
    CHECK_TEXT(error->message, "path is NULL");
    linq_free(error);
  }
  return NULL;
}

static void every_thread_gets_its_own_answers(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, uploads, (void *)(intptr_t)i) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) {
    for (int j = 0; j < EACH; j++) {
      char path[128], text[32];
      snprintf(path, sizeof path, "/objects/%s", g_ids[i][j]);
      snprintf(text, sizeof text, "thread %d, upload %d", i, j);
      char *body = control("GET", path, "");
      CHECK_TEXT(body, text);
      free(body);
    }
  }
}

static void *comes_and_goes(void *argument) {
  (void)argument;
  for (int i = 0; i < 20 / slow() + 1; i++) {
    linq_client *client = client_of(api(), key());
    linq_source source = from_memory("hello", 5);
    linq_upload_options options = named("a.txt", NULL);
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
    linq_free(client);
    linq_free(attachment);
  }
  return NULL;
}

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level, (void)line;
}

static void *changes_the_log(void *argument) {
  (void)argument;
  for (int i = 0; i < 200; i++) {
    CHECK(linq_set_log(on_line, NULL, 1 + (uint32_t)i % 4) == LINQ_OK);
    CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
    sleep_ms(1);
  }
  return NULL;
}

static void clients_come_and_go_while_the_log_changes(void) {
  pthread_t threads[6];
  for (int i = 0; i < 5; i++) CHECK(pthread_create(&threads[i], NULL, comes_and_goes, NULL) == 0);
  CHECK(pthread_create(&threads[5], NULL, changes_the_log, NULL) == 0);
  for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
}

/* A client made on one thread and freed on another, results handed across. */
static void *frees(void *anything) {
  linq_free(anything);
  return NULL;
}

static void what_one_thread_made_another_may_free(void) {
  linq_client *client = client_of(api(), key());
  linq_cancel_token *token = linq_cancel_token_new();
  linq_error *error = NULL;
  linq_attachment *attachment = NULL;
  CHECK(linq_upload_file(client, NULL, NULL, &attachment, &error) == LINQ_INVALID_ARGUMENT);
  void *all[] = {client, token, error};
  for (size_t i = 0; i < 3; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, frees, all[i]) == 0);
    pthread_join(thread, NULL);
  }
}

static void *uploads_over_tls(void *argument) {
  linq_client *client = argument;
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
  linq_free(attachment);
  return NULL;
}

/* Threads of runtimes and on phones have small stacks; 512 KiB is what a second thread has on Apple's systems. */
static void a_small_stack_is_enough(void) {
  linq_client *client = client_of(api_tls(), key());
  pthread_attr_t small;
  pthread_t thread;
  CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 256 * 1024) == 0);
  CHECK(pthread_create(&thread, &small, uploads_over_tls, client) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&small);
  linq_free(client);
}

static linq_status upload_hello(linq_client *client) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, &error);
  if (status != LINQ_OK) fprintf(stderr, "%s\n", error->message);
  linq_free(attachment);
  linq_free(error);
  return status;
}

/* What a destructor may call when its thread has ended otherwise: the library's own values of the thread are gone. */
static pthread_key_t g_key;
static linq_status g_ends[2];

static void uploads_at_its_end(void *argument) {
  linq_client **clients = argument;
  for (int i = 0; i < 2; i++) g_ends[i] = upload_hello(clients[i]);
}

static void *ends_with_an_upload(void *argument) {
  linq_client **clients = argument;
  CHECK(pthread_setspecific(g_key, clients) == 0);
  for (int i = 0; i < 2; i++) CHECK(upload_hello(clients[i]) == LINQ_OK);
  return NULL;
}

static void a_thread_that_ends_may_still_upload(void) {
  linq_client *clients[] = {client_of(api(), key()), client_of(api_tls(), key())};
  pthread_t thread;
  g_ends[0] = g_ends[1] = -1;
  CHECK(pthread_key_create(&g_key, uploads_at_its_end) == 0);
  CHECK(pthread_create(&thread, NULL, ends_with_an_upload, clients) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(g_ends[0] == LINQ_OK && g_ends[1] == LINQ_OK);
  pthread_key_delete(g_key);
  for (int i = 0; i < 2; i++) linq_free(clients[i]);
}

/* So may a process: this is called after main. */
static void at_exit(void) {
  if (upload_hello(g_client) != LINQ_OK) _exit(1);
  linq_free(g_client);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(every_thread_gets_its_own_answers);
  RUN(clients_come_and_go_while_the_log_changes);
  RUN(what_one_thread_made_another_may_free);
  RUN(a_small_stack_is_enough);
  RUN(a_thread_that_ends_may_still_upload);
  CHECK(upload_hello(g_client) == LINQ_OK && atexit(at_exit) == 0);
  return done("threads");
}
