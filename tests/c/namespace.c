/* A child in a new process id namespace may have the very number of its parent. It is another process all the same. */
#include "support/check.h"

#if !defined(__linux__)

int main(void) {
  puts("not tested here: process id namespaces are Linux's");
  return 0;
}

#elif defined(__SANITIZE_ADDRESS__)

int main(void) {
  puts("not tested here: LeakSanitizer fails in another process id namespace");
  return 0;
}

#else

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

static linq_client *g_clients[2];

static linq_status upload(linq_client *client) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, &error);
  if (status != LINQ_OK) fprintf(stderr, "%s\n", error->message);
  linq_free(attachment);
  linq_free(error);
  return status;
}

/* Another program's exit: a leak checker would count what the threads held that are not in this process. */
static void leave(int well) {
  execlp(well ? "true" : "false", "child", (char *)NULL);
  _exit(2);
}

static void went_well(pid_t pid) {
  int status = -1;
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  if (WIFSIGNALED(status)) fprintf(stderr, "the child was ended by signal %d\n", WTERMSIG(status));
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The connection of the nth request of this kind, by its number in the sandbox. */
static int connection(const char *all, const char *method, const char *tls, int nth) {
  char *one = request(all, method, tls, nth);
  CHECK(one != NULL);
  const char *number = strstr(one, "\"connection\":");
  CHECK(number != NULL);
  int found = atoi(number + 13);
  free(one);
  return found;
}

/* Uploads with what it inherited and ends it. */
static void in_the_child(void) {
  alarm((unsigned)(30 * slow()));
  int well = getpid() == 1;
  for (int i = 0; i < 2; i++) well = well && upload(g_clients[i]) == LINQ_OK;
  for (int i = 0; i < 2; i++) linq_free(g_clients[i]);
  leave(well);
}

static void in_the_parent(void) {
  alarm((unsigned)(60 * slow()));
  CHECK(getpid() == 1);
  g_clients[0] = client_of(api(), key());
  g_clients[1] = client_of(api_tls(), key());
  int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  CHECK(own >= 0);
  calm();
  for (int i = 0; i < 2; i++) CHECK(upload(g_clients[i]) == LINQ_OK);
  CHECK(unshare(CLONE_NEWPID) == 0);
  pid_t pid = fork();
  if (pid == 0) in_the_child();
  went_well(pid);
  CHECK(setns(own, CLONE_NEWPID) == 0); /* else no thread can be made */
  for (int i = 0; i < 2; i++) CHECK(upload(g_clients[i]) == LINQ_OK);
  char *all = requests();
  const char *methods[] = {"\"method\":\"POST\"", "\"method\":\"PUT\""};
  const char *kinds[] = {"\"tls\":false", "\"tls\":true"};
  for (int i = 0; i < 4; i++) {
    int before = connection(all, methods[i / 2], kinds[i % 2], 0);
    int child = connection(all, methods[i / 2], kinds[i % 2], 1);
    int after = connection(all, methods[i / 2], kinds[i % 2], 2);
    CHECK(child != before); /* a connection of its own */
    CHECK(after == before); /* which was neither used nor closed meanwhile */
  }
  free(all);
  leave(1);
}

static void a_child_with_its_parents_number_is_another_process(void) {
  pid_t pid = fork();
  if (pid == 0) in_the_parent();
  went_well(pid);
}

int main(void) {
  if (unshare(CLONE_NEWPID) != 0) {
    puts("not tested here: no right to make a process id namespace");
    return 0;
  }
  RUN(a_child_with_its_parents_number_is_another_process);
  return done("namespace");
}

#endif
