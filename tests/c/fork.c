/* A child made by fork goes on with what it inherited, on connections and randomness of its own. */
#include "support/check.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define SIZE (1u << 20)

static linq_client *g_client;
static linq_client *g_tls;
static unsigned char *g_bytes;

static linq_status upload(linq_client *client, linq_cancel_token *token) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.cancel = token;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, &error);
  if (status != LINQ_OK && status != LINQ_CANCELLED) fprintf(stderr, "%s\n", error->message);
  linq_free(attachment);
  linq_free(error);
  return status;
}

/* Forks; the child does its work, must not take for ever, and says by its exit whether all was well. */
static pid_t child(int (*work)(void *), void *argument) {
  fflush(stdout);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm((unsigned)(30 * slow()));
    int well = work(argument);
    if (!well) fprintf(stderr, "the child's work failed\n");
    /* Another program's exit: a leak checker would count what the threads held that are not in this process. */
    execlp(well ? "true" : "false", "child", (char *)NULL);
    _exit(2);
  }
  return pid;
}

static void went_well(pid_t pid) {
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  if (WIFSIGNALED(status)) fprintf(stderr, "the child was ended by signal %d\n", WTERMSIG(status));
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int uploads_with_both(void *unused) {
  (void)unused;
  return upload(g_client, NULL) == LINQ_OK && upload(g_tls, NULL) == LINQ_OK &&
         upload(g_client, NULL) == LINQ_OK && upload(g_tls, NULL) == LINQ_OK;
}

static void the_child_uploads_with_its_parents_clients(void) {
  CHECK(uploads_with_both(NULL)); /* there is a pool to be kept away from */
  pid_t pid = child(uploads_with_both, NULL);
  CHECK(uploads_with_both(NULL)); /* at the same time */
  went_well(pid);
  CHECK(uploads_with_both(NULL));
}

static void connections_are_not_shared(void) {
  CHECK(upload(g_client, NULL) == LINQ_OK);
  calm();
  CHECK(upload(g_client, NULL) == LINQ_OK);
  pid_t pid = child(uploads_with_both, NULL);
  went_well(pid);
  char *all = requests();
  char *mine = request(all, "\"method\":\"PUT\"", "\"tls\":false", 0);
  char *theirs = request(all, "\"method\":\"PUT\"", "\"tls\":false", 1);
  CHECK(mine != NULL && theirs != NULL);
  const char *one = strstr(mine, "\"connection\":"), *other = strstr(theirs, "\"connection\":");
  CHECK(one != NULL && other != NULL && atoi(one + 13) != atoi(other + 13));
  free(mine);
  free(theirs);
  free(all);
}

typedef struct {
  linq_attachment *attachment;
  linq_error *error;
  linq_cancel_token *token;
} inherited;

static int frees_what_it_inherited(void *argument) {
  inherited *all = argument;
  linq_free(all->attachment);
  linq_free(all->error);
  linq_cancel_token_cancel(all->token);
  int cancelled = upload(g_client, all->token) == LINQ_CANCELLED;
  linq_free(all->token);
  linq_free(g_client);
  linq_client *fresh = client_of(api(), key());
  int well = upload(fresh, NULL) == LINQ_OK;
  linq_free(fresh);
  return cancelled && well;
}

static void the_child_frees_what_it_inherited_and_the_parent_still_has_it(void) {
  inherited all = {NULL, NULL, linq_cancel_token_new()};
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  CHECK(linq_upload(g_client, &source, &options, &all.attachment, NULL) == LINQ_OK);
  linq_attachment *none = NULL;
  CHECK(linq_upload_file(g_client, NULL, NULL, &none, &all.error) == LINQ_INVALID_ARGUMENT);
  went_well(child(frees_what_it_inherited, &all));
  CHECK_TEXT(all.attachment->filename, "a.txt");
  CHECK_TEXT(all.error->message, "path is NULL");
  CHECK(upload(g_client, all.token) == LINQ_OK); /* the child's cancelling was its own */
  linq_free(all.attachment);
  linq_free(all.error);
  linq_free(all.token);
}

static int cancels(void *token) {
  linq_cancel_token_cancel(token);
  return 1;
}

static void *uploads_slowly(void *token) {
  return (void *)(intptr_t)upload(g_client, token);
}

static int64_t cpu_ms(void) {
  struct rusage used;
  CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
         (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* The descriptor behind a token is inherited too. What the child does to it does not concern the parent's call. */
static void a_child_that_cancels_does_not_disturb_the_parents_call(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"delay_ms\":1500}}");
  linq_cancel_token *token = linq_cancel_token_new();
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, uploads_slowly, token) == 0);
  sleep_ms(300);
  went_well(child(cancels, token));
  int64_t before = cpu_ms();
  void *status = NULL;
  pthread_join(thread, &status);
  int64_t used = cpu_ms() - before;
  CHECK((linq_status)(intptr_t)status == LINQ_OK);
  CHECK(used < 500 * slow()); /* about 1200 ms pass: it must not have been awake all along */
  linq_free(token);
  calm();
}

static void *cancels_soon(void *token) {
  sleep_ms(200);
  linq_cancel_token_cancel(token);
  return NULL;
}

static int is_cancelled_by_its_own_thread(void *token) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, cancels_soon, token) != 0) return 0;
  int64_t start = now_ms();
  int well = upload(g_client, token) == LINQ_CANCELLED && now_ms() - start < 1000 * slow();
  pthread_join(thread, NULL);
  return well;
}

/* An inherited token wakes a wait of the child's as it does in the parent. */
static void a_child_cancels_its_own_calls(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  linq_cancel_token *token = linq_cancel_token_new();
  went_well(child(is_cancelled_by_its_own_thread, token));
  calm();
  CHECK(upload(g_client, token) == LINQ_OK);
  linq_free(token);
}

static void hears_and_counts(void *count, uint32_t level, const char *line) {
  (void)level, (void)line;
  ++*(int *)count;
}

static int hears_on(void *count) {
  int stray = 0;
  *(int *)count = 0;
  linq_free(&stray);
  return *(int *)count == 1;
}

static void the_child_hears_the_log_on(void) {
  int lines = 0;
  CHECK(linq_set_log(hears_and_counts, &lines, LINQ_LOG_WARN) == LINQ_OK);
  went_well(child(hears_on, &lines));
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
}

static int sends_a_message(void *pipe_end) {
  const char *to[] = {"+15550002222"};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.text = "hi";
  linq_receipt *receipt = NULL;
  if (linq_send_message(g_client, &message, NULL, &receipt, NULL) != LINQ_OK) return 0;
  size_t length = strlen(receipt->idempotency_key) + 1;
  ssize_t written = write(*(int *)pipe_end, receipt->idempotency_key, length);
  linq_free(receipt);
  return written == (ssize_t)length;
}

static void keys_are_fresh_in_each_process(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  CHECK(sends_a_message(&ends[1])); /* whatever randomness there is has been drawn from */
  char first[256] = "", second[256] = "", third[256] = "";
  CHECK(read(ends[0], first, sizeof first - 1) > 0);
  went_well(child(sends_a_message, &ends[1]));
  CHECK(read(ends[0], second, sizeof second - 1) > 0);
  CHECK(sends_a_message(&ends[1]));
  CHECK(read(ends[0], third, sizeof third - 1) > 0);
  CHECK(strcmp(first, second) != 0 && strcmp(second, third) != 0 && strcmp(first, third) != 0);
  close(ends[0]);
  close(ends[1]);
}

/* AddressSanitizer's own allocator is not safe to fork while other threads are in it (seen with GCC 12's): the child
   would wait for ever for a lock of the sanitizer's. The other runs of this program have the test. */
#ifndef __SANITIZE_ADDRESS__

static volatile int g_stop;

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level, (void)line;
}

static void *keeps_busy(void *unused) {
  (void)unused;
  while (!g_stop) {
    linq_source source = from_memory("hello", 5);
    linq_upload_options options = named("a.txt", NULL);
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    CHECK_STATUS(linq_upload(g_tls, &source, &options, &attachment, &error), LINQ_OK, error);
    linq_free(attachment);
    linq_free(linq_cancel_token_new());
  }
  return NULL;
}

static int uploads_and_sets_the_log(void *unused) {
  (void)unused;
  int well = linq_set_log(on_line, NULL, LINQ_LOG_DEBUG) == LINQ_OK;
  linq_free(linq_cancel_token_new());
  well = well && upload(g_tls, NULL) == LINQ_OK;
  return well && linq_set_log(NULL, NULL, 0) == LINQ_OK;
}

/* Whatever locks the other threads hold at that moment: the child, in which they do not exist, waits for none. */
static void a_fork_in_the_midst_of_other_threads_calls_is_fine(void) {
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_DEBUG) == LINQ_OK);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, keeps_busy, NULL) == 0);
  for (int i = 0; i < 40 / slow() + 1; i++) went_well(child(uploads_and_sets_the_log, NULL));
  g_stop = 1;
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
}

#endif

static int g_forked;

static int32_t forks(void *user_data, uint64_t sent, uint64_t total) {
  (void)user_data;
  (void)total;
  if (sent > 0 && !g_forked) {
    g_forked = 1;
    went_well(child(uploads_with_both, NULL));
  }
  return 0;
}

static void a_fork_inside_a_callback_is_fine(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":3000000}}}");
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.progress = forks;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(g_forked && attachment->attempts == 1);
  linq_free(attachment);
}

int main(void) {
  g_client = client_of(api(), key());
  g_tls = client_of(api_tls(), key());
  g_bytes = bytes_of(SIZE);
  RUN(the_child_uploads_with_its_parents_clients);
  RUN(connections_are_not_shared);
  RUN(the_child_frees_what_it_inherited_and_the_parent_still_has_it);
  RUN(a_child_that_cancels_does_not_disturb_the_parents_call);
  RUN(a_child_cancels_its_own_calls);
  RUN(the_child_hears_the_log_on);
  RUN(keys_are_fresh_in_each_process);
#ifndef __SANITIZE_ADDRESS__
  if (!emulated()) RUN(a_fork_in_the_midst_of_other_threads_calls_is_fine);
#endif
  RUN(a_fork_inside_a_callback_is_fine);
  free(g_bytes);
  linq_free(g_client);
  linq_free(g_tls);
  return done("fork");
}
