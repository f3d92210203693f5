/* The host says that the network changed. */
#include "support/check.h"

static linq_client *g_client;

static int g_reused;

static void collect(void *attempt_user_data, const linq_attempt *attempt) {
  (void)attempt_user_data;
  /* Not the PUT: its connection may have been made while the place was reserved. */
  if (attempt->step == LINQ_STEP_RESERVE) g_reused = (int)attempt->reused;
}

static int32_t says_so(void *user_data, uint64_t sent, uint64_t total) {
  (void)sent, (void)total;
  linq_network_changed(user_data);
  return 0;
}

static void upload(linq_client *client, linq_progress_fn progress, void *user_data) {
  unsigned char *bytes = bytes_of(100000);
  linq_source source = from_memory(bytes, 100000);
  linq_upload_options options = named("a.txt", NULL);
  options.progress = progress;
  options.user_data = user_data;
  options.attempt = collect;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(attachment->attempts == 1);
  linq_free(attachment);
  free(bytes);
}

static void idle_connections_go(void) {
  upload(g_client, NULL, NULL);
  upload(g_client, NULL, NULL);
  CHECK(g_reused);
  linq_network_changed(g_client);
  upload(g_client, NULL, NULL);
  CHECK(!g_reused);
}

static void in_a_callback_it_ends_nothing(void) {
  upload(g_client, says_so, g_client);
  upload(g_client, NULL, NULL);
  CHECK(!g_reused); /* the connection of that upload was not kept */
}

/* There is a default client only after the first call with NULL. */
static void null_is_the_default_client(void) {
  linq_network_changed(NULL);
  setenv("LINQ_API_V3_BASE_URL", api(), 1);
  setenv("LINQ_API_V3_API_KEY", key(), 1);
  upload(NULL, NULL, NULL);
  upload(NULL, NULL, NULL);
  CHECK(g_reused);
  linq_network_changed(NULL);
  upload(NULL, NULL, NULL);
  CHECK(!g_reused);
  upload(g_client, NULL, NULL); /* another client's are not touched */
  CHECK(g_reused);
}

static void what_is_no_client_is_left_alone(void) {
  linq_cancel_token *token = linq_cancel_token_new();
  linq_client *freed = client_of(api(), key());
  linq_free(freed);
  linq_network_changed(freed);
  linq_network_changed((linq_client *)(void *)token);
  linq_free(token);
}

static int g_over;

static void *keeps_saying_so(void *client) {
  while (!__atomic_load_n(&g_over, __ATOMIC_RELAXED)) linq_network_changed(client);
  return NULL;
}

static void any_thread_may_say_so(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, keeps_saying_so, g_client) == 0);
  for (int i = 0; i < 20; i++) upload(g_client, NULL, NULL);
  __atomic_store_n(&g_over, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(idle_connections_go);
  RUN(in_a_callback_it_ends_nothing);
  RUN(null_is_the_default_client);
  RUN(what_is_no_client_is_left_alone);
  RUN(any_thread_may_say_so);
  linq_free(g_client);
  return done("network");
}
