/* Every descriptor of the library is closed on exec, its threads block signals, and running out of either is reported. */
#include "support/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

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

static linq_status add(linq_queue *queue, uint64_t tag, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  return linq_queue_add(queue, NULL, &source, &options, tag, error);
}

/* Whether the next upload ends so. */
static int ends(linq_queue *queue, linq_status status, int32_t system_error) {
  linq_event *event = NULL;
  do {
    linq_free(event);
    if (linq_queue_next(queue, 30000, &event, NULL) != LINQ_OK || event == NULL) return 0;
  } while (event->kind != LINQ_EVENT_FINISHED && event->kind != LINQ_EVENT_FAILED);
  const linq_error *error = event->error;
  int well = error != NULL ? error->status == status && error->system_error == system_error : status == LINQ_OK;
  linq_free(event);
  return well;
}

/* With no descriptor left every call fails in words, nothing crashes, and afterwards all is well again. */
static void running_out_of_them_is_reported(void) {
  struct rlimit before, low;
  int filled[128], count = 0;
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  low = before;
  low.rlim_cur = 100;
  CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
  const char *path = file_of("b.txt", 100);
  linq_client *client = client_of(api(), key());
  linq_queue *queue = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_queue_new(client, NULL, &queue, &error), LINQ_OK, error);
  while (count < 128 && (filled[count] = dup(0)) >= 0) count++;
  CHECK(count < 128);

  CHECK(linq_cancel_token_new() == NULL);
  linq_attachment *attachment = POISON(linq_attachment);
  CHECK_STATUS(linq_upload_file(client, path, NULL, &attachment, &error), LINQ_FILE, error);
  CHECK(attachment == NULL);
  linq_free(error);
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.timeout_ms = 2000;
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_NETWORK, error);
  linq_free(error);
  linq_queue *none = POISON(linq_queue);
  CHECK_STATUS(linq_queue_new(client, NULL, &none, &error), LINQ_NO_MEMORY, error);
  CHECK(none == NULL && error->system_error == EMFILE);
  CHECK_HAS(error->message, "no descriptors for a queue");
  linq_free(error);
  CHECK_STATUS(add(queue, 1, &error), LINQ_OK, error);
  CHECK(ends(queue, LINQ_NO_MEMORY, EMFILE));

  while (count > 0) close(filled[--count]);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_STATUS(linq_upload_file(client, path, NULL, &attachment, &error), LINQ_OK, error);
  CHECK_STATUS(add(queue, 1, &error), LINQ_OK, error);
  CHECK(ends(queue, LINQ_OK, 0));
  linq_free(queue);
  linq_free(attachment);
  linq_free(client);
}

/* A queue whose first thread cannot be made refuses the upload; another runs all with the thread that it has. */
static int runs_out_of_threads(void) {
  linq_queue *queue = NULL, *other = NULL;
  linq_error *error = NULL;
  struct rlimit none = {0, 0};
  int well = linq_queue_new(g_client, NULL, &queue, NULL) == LINQ_OK && linq_queue_new(g_client, NULL, &other, NULL) == LINQ_OK;
  well = well && (geteuid() != 0 || setuid(65534) == 0); /* the limit is not for root */
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  well = well && add(other, 1, NULL) == LINQ_OK;
  for (int sends = 0; !sends; sleep_ms(20)) {
    char *all = requests();
    sends = count(all, "\"method\":\"PUT\"");
    free(all);
  }
  well = well && setrlimit(RLIMIT_NPROC, &none) == 0;
  well = well && add(queue, 1, &error) == LINQ_NO_MEMORY && error->system_error == EAGAIN;
  well = well && strstr(error->message, "no thread for an upload") != NULL;
  linq_free(error);
  linq_event *event = POISON(linq_event);
  well = well && linq_queue_next(queue, 0, &event, NULL) == LINQ_OK && event == NULL; /* it was not added */
  well = well && add(other, 2, NULL) == LINQ_OK;
  linq_queue_cancel(other, 1);
  well = well && ends(other, LINQ_CANCELLED, 0) && ends(other, LINQ_OK, 0);
  linq_free(queue);
  linq_free(other);
  return well;
}

static void running_out_of_threads_is_reported(void) {
  fflush(stdout);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm((unsigned)(30 * slow()));
    /* Another program's exit: a leak checker would count what is the parent's. */
    execlp(runs_out_of_threads() ? "true" : "false", "child", (char *)NULL);
    _exit(2);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  g_client = client_of(api_tls(), key());
  RUN(during_an_upload_and_after_it);
  RUN(helper_threads_hear_no_signal);
  RUN(running_out_of_them_is_reported);
  RUN(running_out_of_threads_is_reported);
  linq_free(g_client);
  return done("descriptors");
}
