/* The shared library loaded at run time: dlclose does not unload it, and a second dlopen finds it as it was. */
#include "support/check.h"

#include <dlfcn.h>

/* The functions of the loaded library; the program's own copy stays out of it. */
typedef struct {
  linq_status (*client_new)(const linq_client_options *, linq_client **, linq_error **);
  linq_status (*upload)(linq_client *, const linq_source *, const linq_upload_options *,
                        linq_attachment **, linq_error **);
  linq_cancel_token *(*token_new)(void);
  linq_status (*set_log)(linq_log_fn, void *, uint32_t);
  uint32_t (*abi_version)(void);
  const char *(*version)(void);
  void (*free)(void *);
} library;

static void find(void *handle, const char *name, void *function) {
  void *found = dlsym(handle, name);
  CHECK(found != NULL);
  memcpy(function, &found, sizeof found);
}

static void *load(library *l) {
  void *handle = dlopen(getenv("LINQ_TEST_SHARED"), RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(handle != NULL);
  find(handle, "linq_client_new", &l->client_new);
  find(handle, "linq_upload", &l->upload);
  find(handle, "linq_cancel_token_new", &l->token_new);
  find(handle, "linq_set_log", &l->set_log);
  find(handle, "linq_abi_version", &l->abi_version);
  find(handle, "linq_version", &l->version);
  find(handle, "linq_free", &l->free);
  return handle;
}

static void upload(const library *l, linq_client *client) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(l->upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
  l->free(attachment);
}

static linq_client *make(const library *l) {
  linq_client_options options = options_for(api_tls(), key());
  linq_client *client = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(l->client_new(&options, &client, &error), LINQ_OK, error);
  return client;
}

static void it_stays_loaded_and_works_again(void) {
  library first, second;
  void *handle = load(&first);
  CHECK(first.abi_version() == LINQ_ABI_VERSION);
  CHECK_TEXT(first.version(), LINQ_VERSION_STRING);
  linq_client *client = make(&first);
  linq_cancel_token *token = first.token_new();
  upload(&first, client);
  CHECK(dlclose(handle) == 0);

  upload(&first, client); /* still there, with its client and its pool */
  handle = load(&second);
  CHECK(memcmp(&first, &second, sizeof first) == 0);
  upload(&second, client);
  second.free(client);
  second.free(token);
  client = make(&second);
  upload(&second, client);
  second.free(client);
  CHECK(dlclose(handle) == 0);
  CHECK(dlclose(dlopen(getenv("LINQ_TEST_SHARED"), RTLD_NOW)) == 0);
}

static void *uses_it_and_ends_later(void *argument) {
  library *l = argument;
  linq_client *client = make(l);
  upload(l, client);
  l->free(client);
  sleep_ms(300); /* the library is closed meanwhile; what it left in this thread is cleaned up at its end */
  return NULL;
}

static void a_thread_that_used_it_ends_after_it_was_closed(void) {
  library l;
  void *handle = load(&l);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, uses_it_and_ends_later, &l) == 0);
  sleep_ms(100);
  CHECK(dlclose(handle) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

int main(void) {
  RUN(it_stays_loaded_and_works_again);
  RUN(a_thread_that_used_it_ends_after_it_was_closed);
  return done("dlopen");
}
