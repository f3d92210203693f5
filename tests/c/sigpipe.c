/* A peer that hangs up never kills the host, whose SIGPIPE is at its default; nor does it raise the signal at all. */
#include "support/check.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define SIZE (4u << 20)

/* Whether a write meets a peer that is gone is a matter of microseconds. So every write is looked at, too: the program's
 * own functions come before the C library's. */
#ifdef __linux__
static atomic_int g_writes, g_bare;

static int is_socket(int descriptor) {
  struct stat found;
  return fstat(descriptor, &found) == 0 && S_ISSOCK(found.st_mode);
}

static void look_at(int descriptor, int flags) {
  int before = errno;
  if (is_socket(descriptor)) {
    atomic_fetch_add(&g_writes, 1);
    if ((flags & MSG_NOSIGNAL) == 0) atomic_fetch_add(&g_bare, 1);
  }
  errno = before;
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
  look_at(descriptor, flags);
  return syscall(SYS_sendmsg, descriptor, message, flags);
}

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
  look_at(descriptor, flags);
  return syscall(SYS_sendto, descriptor, bytes, length, flags, NULL, 0);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
  look_at(descriptor, 0);
  return syscall(SYS_write, descriptor, bytes, length);
}

ssize_t writev(int descriptor, const struct iovec *slices, int count) {
  look_at(descriptor, 0);
  return syscall(SYS_writev, descriptor, slices, count);
}

static void every_write_to_a_socket_says_that_it_wants_no_signal(void) {
  CHECK(g_writes > 100); /* or the library's writes do not come by here */
  CHECK(g_bare == 0);
}
#else
static void every_write_to_a_socket_says_that_it_wants_no_signal(void) {}
#endif

static unsigned char *g_bytes;

static void hang_up(const char *base_url, const char *how) {
  calm();
  char json[256];
  snprintf(json, sizeof json, "{\"side\":\"storage\",\"times\":0,\"fault\":{%s}}", how);
  fault(json);
  linq_client_options settings = options_for(base_url, key());
  settings.max_attempts = 2;
  linq_client *client = client_with(&settings);
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, &error);
  CHECK(status == LINQ_NETWORK || status == LINQ_STORAGE);
  CHECK(attachment == NULL && strcasestr(error->message, "broken pipe") == NULL);
  linq_free(error);
  linq_free(client);
}

static void the_peer_hangs_up_in_every_way(void) {
  static const char *const ways[] = {
      "\"reset_after\":-1",
      "\"reset_after\":0",
      "\"reset_after\":1000000",
      "\"close_after\":0",
      "\"close_after\":1000000",
      "\"early\":{\"after\":100000,\"status\":403,\"then\":\"close\"}",
      "\"early\":{\"after\":100000,\"status\":403,\"then\":\"reset\"}",
      "\"early\":{\"after\":100000,\"status\":403,\"then\":\"half_close\"}",
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    hang_up(api(), ways[i]);
    hang_up(api_tls(), ways[i]);
  }
}

/* The pool's connection was closed by the server meanwhile: writing to it is what raises the signal elsewhere. */
static void a_pooled_connection_that_died(const char *base_url) {
  linq_client *client = client_of(base_url, key());
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  static const char *const deaths[] = {"\"close_idle\":true", "\"rst_idle\":true",
                                       "\"close_on_next\":true"};
  for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
    calm();
    char json[256];
    snprintf(json, sizeof json, "{\"side\":\"storage\",\"times\":1,\"fault\":{%s}}", deaths[i]);
    fault(json);
    for (int again = 0; again < 2; again++) {
      linq_attachment *attachment = NULL;
      linq_error *error = NULL;
      CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
      linq_free(attachment);
      sleep_ms(150);
    }
  }
  linq_free(client);
}

static void plain_pool(void) { a_pooled_connection_that_died(api()); }
static void tls_pool(void) { a_pooled_connection_that_died(api_tls()); }

static void the_signal_was_not_even_raised(void) {
  sigset_t pipe_only, pending;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  CHECK(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL) == 0);
  the_peer_hangs_up_in_every_way();
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
  CHECK(pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL) == 0);
}

/* The handlers of every signal, as they are now. */
static void look(struct sigaction *handlers) {
  memset(handlers, 0, 32 * sizeof *handlers);
  for (int number = 1; number < 32; number++) sigaction(number, NULL, &handlers[number]);
}

static void no_handler_was_touched(const struct sigaction *before) {
  struct sigaction now[32];
  look(now);
  for (int number = 1; number < 32; number++)
    CHECK(now[number].sa_handler == before[number].sa_handler);
  CHECK(now[SIGPIPE].sa_handler == SIG_DFL);
}

int main(void) {
  struct sigaction before[32];
  signal(SIGPIPE, SIG_DFL);
  look(before);
  g_bytes = bytes_of(SIZE);
  RUN(the_peer_hangs_up_in_every_way);
  RUN(plain_pool);
  RUN(tls_pool);
  RUN(the_signal_was_not_even_raised);
  RUN(every_write_to_a_socket_says_that_it_wants_no_signal);
  no_handler_was_touched(before);
  free(g_bytes);
  return done("sigpipe");
}
