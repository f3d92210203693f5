/* Every descriptor of the library is closed on exec, and its threads block signals. */
#include "support/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

static linq_client *g_client;
#define SIZE (1u << 20)
static int g_before[1024];
static int g_looked;

/* Marks what is open now. */
static void look(int *open_now) {
  for (int descriptor = 0; descriptor < 1024; descriptor++)
    open_now[descriptor] = fcntl(descriptor, F_GETFD) >= 0;
}

static void every_new_one_is_closed_on_exec(void) {
  int found = 0;
  for (int descriptor = 0; descriptor < 1024; descriptor++) {
    int flags = fcntl(descriptor, F_GETFD);
    if (flags < 0 || g_before[descriptor]) continue;
    found++;
    CHECK(flags & FD_CLOEXEC);
  }
  CHECK(found >= 2);
}

static int32_t looks(void *user_data, uint64_t sent, uint64_t total) {
  (void)user_data, (void)total;
  if (sent > 0) {
    every_new_one_is_closed_on_exec(); /* the file, the socket, the token, all of them in use */
    g_looked++;
  }
  return 0;
}

static void during_an_upload_and_after_it(void) {
  const char *path = file_of("a.txt", SIZE);
  look(g_before);
  linq_cancel_token *token = linq_cancel_token_new();
  linq_upload_options options = named(NULL, "text/plain");
  options.progress = looks;
  options.cancel = token;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file(g_client, path, &options, &attachment, &error), LINQ_OK, error);
  CHECK(g_looked >= 1);
  every_new_one_is_closed_on_exec(); /* the pool and the token */
  linq_free(attachment);
  linq_free(token);
}

static pthread_t g_main;
static volatile sig_atomic_t g_elsewhere, g_here;

static void handles(int signal) {
  (void)signal;
  if (pthread_equal(pthread_self(), g_main))
    g_here++;
  else
    g_elsewhere++;
}

/* Signals to the process go to any thread that lets them in: of ours there must be none. */
static void helper_threads_hear_no_signal(void) {
  g_main = pthread_self();
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handles;
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (int i = 0; i < 30; i++) {
    linq_client *client = client_of(api_tls(), key()); /* a name to be resolved, each time anew */
    linq_source source = from_memory("hello", 5);
    linq_upload_options options = named("a.txt", NULL);
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0); /* pending, for a thread that does not block it */
    CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
    CHECK(g_elsewhere == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
    linq_free(attachment);
    linq_free(client);
  }
  CHECK(g_here == 30 && g_elsewhere == 0);
}

/* With no descriptor left every call fails in words, nothing crashes, and afterwards all is well again. */
static void running_out_of_them_is_told(void) {
  struct rlimit before, low;
  int filled[128], count = 0;
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  low = before;
  low.rlim_cur = 100;
  CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
  const char *path = file_of("b.txt", 100);
  linq_client *client = client_of(api(), key());
  while (count < 128 && (filled[count] = dup(0)) >= 0) count++;
  CHECK(count < 128);

  CHECK(linq_cancel_token_new() == NULL);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload_file(client, path, NULL, &attachment, &error), LINQ_FILE, error);
  CHECK(attachment == NULL);
  linq_free(error);
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.timeout_ms = 2000;
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_NETWORK, error);
  linq_free(error);

  while (count > 0) close(filled[--count]);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_STATUS(linq_upload_file(client, path, NULL, &attachment, &error), LINQ_OK, error);
  linq_free(attachment);
  linq_free(client);
}

int main(void) {
  g_client = client_of(api_tls(), key());
  RUN(during_an_upload_and_after_it);
  RUN(helper_threads_hear_no_signal);
  RUN(running_out_of_them_is_told);
  linq_free(g_client);
  return done("descriptors");
}
