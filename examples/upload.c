/*
 * linq-upload: uploads files to Linq and prints what a message needs of them.
 *
 *     cc upload.c -llinq -o linq-upload
 */
#define _POSIX_C_SOURCE 200809L

#include <linq.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <sys/socket.h>
#endif

enum exit_code { ALL_WELL = 0, BAD_USAGE = 1, SOME_FAILED = 2, NOT_SET_UP = 3, INTERRUPTED = 130 };

static const char HELP[] =
    "usage: linq-upload [--presign-only] [--json] [-j N | --verbose] FILE...\n"
    "\n"
    "Uploads every FILE to Linq, several at a time. Prints a line for each, in order:\n"
    "the attachment's id, its download URL and FILE, with tabs between.\n"
    "\n"
    "  --presign-only  reserve a place for FILE, but upload nothing; the URL is then the\n"
    "                  one to upload to. It is a secret until it expires.\n"
    "  --json          print one JSON object a line, for failures too; --presign-only\n"
    "                  adds all that an upload needs (see linq_presigned_parse)\n"
    "  -j N            how many to upload at a time, 1 to 256 (4)\n"
    "  --verbose       upload one after another, and print on stderr what each request took\n"
    "  --help          print this\n"
    "  --version       print the version\n"
    "\n"
    "A progress bar is drawn where stderr is a terminal, of the FILE whose line comes\n"
    "next. A FILE that fails is reported there, and the others are uploaded.\n"
    "\n"
    "environment:\n"
    "  LINQ_API_V3_API_KEY   the API key (required)\n"
    "  LINQ_API_V3_BASE_URL  where the API is, if not at Linq\n"
    "  https_proxy, no_proxy and their relatives are understood\n"
    "\n"
    "exit codes:\n"
    "    0  all is well\n"
    "    1  the command line cannot be understood\n"
    "    2  some FILE failed, or its line could not be printed\n"
    "    3  nothing can work as it is set up: no key, or one that Linq does not accept\n"
    "  130  ended by Ctrl-C or SIGTERM\n";

/* Interruption. The handler may only touch these two. */

static _Atomic(linq_cancel_token *) interrupt;
static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
  (void)number;
  interrupted = 1;
  linq_cancel_token_cancel(atomic_load(&interrupt));
}

/* The second Ctrl-C ends the program at once: SA_RESETHAND. */
static void watch(int number) {
  struct sigaction action;
  if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN) return; /* as under nohup */
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = (int)SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

/* Text that somebody else chose. */

/* How many bytes the character at `s` takes; 0 where it is not UTF-8. */
static size_t character(const unsigned char *s) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (s[0] < 0x80) return 1;
  if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
  size_t length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
  uint32_t code = s[0] & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0; /* the NUL at the end, too */
    code = code << 6 | (s[i] & 0x3Fu);
  }
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < least[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

/* Whether the character at `s` would steer a terminal: U+0000 to U+001F, U+007F to U+009F. */
static bool is_control(const unsigned char *s) {
  return s[0] < 0x20 || s[0] == 0x7F || (s[0] == 0xC2 && s[1] < 0xA0);
}

/* Prints up to `most` characters; whether that was all. A file's name must not steer the terminal. */
static bool print_plain(FILE *to, const char *text, size_t most) {
  const unsigned char *s = (const unsigned char *)text;
  for (; *s != '\0' && most > 0; most--) {
    size_t length = character(s);
    if (length == 0 || is_control(s))
      putc('?', to);
    else
      fwrite(s, 1, length, to);
    s += length == 0 ? 1 : length;
  }
  return *s == '\0';
}

static void print_json(const char *text) {
  if (text == NULL) {
    fputs("null", stdout);
    return;
  }
  putchar('"');
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
    size_t length = character(s);
    if (length == 0)
      fputs("\\ufffd", stdout);
    else if (is_control(s))
      printf("\\u%04x", s[length - 1]);
    else {
      if (*s == '"' || *s == '\\') putchar('\\');
      fwrite(s, 1, length, stdout);
    }
    s += length == 0 ? 1 : length;
  }
  putchar('"');
}

static void member(const char *name, const char *value) {
  printf(",\"%s\":", name);
  print_json(value);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* The bar: one line on stderr, drawn over itself. The terminal cuts what is too long for it: \033[?7l. */

static bool bar_drawn;

static bool is_terminal(void) {
  const char *terminal = getenv("TERM");
  return isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static double seconds_since(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* A file on its way. */
struct upload {
  const char *path;
  uint64_t sent, total;
  struct timespec start; /* of this attempt */
  linq_event *last;      /* its last event; NULL until then */
};

static void draw_bar(const struct upload *upload) {
  enum { WIDTH = 30, NAME = 24 };
  static const char full[] = "##############################", empty[] = "..............................";
  if (!is_terminal()) return;
  double seconds = upload->sent > 0 ? seconds_since(&upload->start) : 0;
  double rate = seconds > 0 ? (double)upload->sent / 1048576.0 / seconds : 0;
  uint64_t total = upload->total > 0 ? upload->total : 1; /* not known yet */
  int done = (int)(upload->sent * WIDTH / total);
  fprintf(stderr, "\033[?7l\r[%.*s%.*s] %3d%% %7.1f MiB/s  ", done, full, WIDTH - done, empty,
          (int)(upload->sent * 100 / total), rate);
  if (!print_plain(stderr, base_name(upload->path), NAME)) putc('~', stderr);
  fputs("\033[K\033[?7h", stderr);
  fflush(stderr);
  bar_drawn = true;
}

/* A bar that got to its end stays; any other leaves no trace. */
static void end_bar(bool stays) {
  if (bar_drawn) fputs(stays ? "\n" : "\r\033[K", stderr);
  fflush(stderr);
  bar_drawn = false;
}

/* The network. When an address comes or goes, a running upload goes on over what there is now. */

#ifdef __linux__
static int network = -1;
static pthread_t network_thread;

static void *watch_network(void *client) {
  char message[8192];
  int before;
  while (recv(network, message, sizeof message, 0) > 0 || errno == ENOBUFS) {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before); /* pthread_cancel must not end it inside the library */
    linq_network_changed(client);
    pthread_setcancelstate(before, &before);
  }
  return NULL;
}

/* Without it uploads work as well, but may wait for a silent connection. */
static void start_network(linq_client *client) {
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
  network = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  bool listens = network >= 0 && bind(network, (struct sockaddr *)&groups, sizeof groups) == 0;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
  if (listens) listens = pthread_create(&network_thread, NULL, watch_network, client) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (listens || network < 0) return;
  close(network);
  network = -1;
}

static void stop_network(void) {
  if (network < 0) return;
  pthread_cancel(network_thread);
  pthread_join(network_thread, NULL);
  close(network);
}
#else
static void start_network(linq_client *client) { (void)client; }
static void stop_network(void) {}
#endif

/* What came of a file. */

struct job {
  linq_client *client;
  bool presign_only, json, verbose;
  uint32_t in_flight;
};

/* --verbose: a line for each request, such as
 *   put: attempt 1, 200, 412 ms (send 398, wait 14), 1204411 B sent, 310 B received, over an open connection, id 4F1D */
static void on_attempt(void *user_data, const linq_attempt *attempt) {
  static const char *const steps[] = {[LINQ_STEP_RESERVE] = "reserve", [LINQ_STEP_PUT] = "put"};
  const struct { const char *name; uint64_t us; } parts[] = {
      {"lookup", attempt->lookup_us}, {"connect", attempt->connect_us}, {"proxy", attempt->proxy_us},
      {"TLS", attempt->tls_us},       {"send", attempt->send_us},       {"wait", attempt->wait_us},
      {"receive", attempt->receive_us}};
  (void)user_data;
  bool known = attempt->step < sizeof steps / sizeof *steps && steps[attempt->step] != NULL;
  fprintf(stderr, "%s: attempt %" PRIu32, known ? steps[attempt->step] : "request", attempt->number);
  if (attempt->http_status != 0) fprintf(stderr, ", %" PRIu32, attempt->http_status);
  fprintf(stderr, ", %" PRIu64 " ms", attempt->total_us / 1000);
  const char *before = " (";
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (parts[i].us < 1000) continue;
    fprintf(stderr, "%s%s %" PRIu64, before, parts[i].name, parts[i].us / 1000);
    before = ", ";
  }
  if (*before == ',') putc(')', stderr);
  fprintf(stderr, ", %" PRIu64 " B sent, %" PRIu64 " B received", attempt->bytes_sent, attempt->bytes_received);
  if (attempt->reused != 0) fputs(", over an open connection", stderr);
  if (attempt->request_id != NULL) {
    fputs(", id ", stderr);
    print_plain(stderr, attempt->request_id, SIZE_MAX);
  }
  if (attempt->reason != NULL) {
    fputs("\n  failed: ", stderr);
    print_plain(stderr, attempt->reason, SIZE_MAX);
    if (attempt->again_in_ms != 0) fprintf(stderr, "; again in %" PRIu32 " ms", attempt->again_in_ms);
  }
  putc('\n', stderr);
}

static void complain(const struct job *job, const char *path, linq_status status, const linq_error *error) {
  fputs("linq-upload: ", stderr);
  if (strstr(error->message, base_name(path)) == NULL) {
    print_plain(stderr, path, SIZE_MAX);
    fputs(": ", stderr);
  }
  print_plain(stderr, error->message, SIZE_MAX);
  fprintf(stderr, "\n  status: %s", linq_status_name(status));
  if (error->http_status != 0) fprintf(stderr, ", HTTP %" PRIu32, error->http_status);
  if (error->api_code != 0) fprintf(stderr, ", code %" PRIu32, error->api_code);
  if (error->storage_code != NULL) fprintf(stderr, ", %s", error->storage_code);
  putc('\n', stderr);
  if (error->retry_after_ms != 0)
    fprintf(stderr, "  retry after: %" PRIu32 " s\n", error->retry_after_ms / 1000 + (error->retry_after_ms % 1000 != 0));
  else if (error->retryable != 0)
    fputs("  retry: the same may work later\n", stderr);
  if (error->trace_id != NULL) fprintf(stderr, "  trace id: %s\n", error->trace_id);
  if (error->storage_request_id != NULL) fprintf(stderr, "  storage request id: %s\n", error->storage_request_id);
  if (error->doc_url != NULL) fprintf(stderr, "  see: %s\n", error->doc_url);

  if (!job->json) return;
  fputs("{\"file\":", stdout);
  print_json(path);
  fputs(",\"error\":{\"status\":", stdout);
  print_json(linq_status_name(status));
  member("message", error->message);
  printf(",\"http_status\":%" PRIu32 ",\"api_code\":%" PRIu32, error->http_status, error->api_code);
  member("storage_code", error->storage_code);
  member("trace_id", error->trace_id);
  member("doc_url", error->doc_url);
  member("attachment_id", error->attachment_id);
  printf(",\"retry_after_ms\":%" PRIu32 ",\"retryable\":%s,\"attempts\":%" PRIu32 "}}\n", error->retry_after_ms,
         error->retryable != 0 ? "true" : "false", error->attempts);
}

static void print_line(const char *id, const char *url, const char *path) {
  printf("%s\t%s\t", id, url != NULL ? url : "");
  print_plain(stdout, path, SIZE_MAX);
  putchar('\n');
}

static void print_attachment(const struct job *job, const char *path, const linq_attachment *attachment) {
  if (job->json) {
    fputs("{\"file\":", stdout);
    print_json(path);
    member("attachment_id", attachment->attachment_id);
    member("download_url", attachment->download_url);
    member("filename", attachment->filename);
    member("content_type", attachment->content_type);
    printf(",\"size_bytes\":%" PRIu64 ",\"attempts\":%" PRIu32 "}\n", attachment->size_bytes, attachment->attempts);
  } else {
    print_line(attachment->attachment_id, attachment->download_url, path);
  }
}

/* The file's size and its type, by its first bytes. Where it cannot be read, both stay unknown. */
static int look_at(const char *path, linq_file *file) {
  static unsigned char head[65536];
  struct stat status;
  int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not block */
  if (descriptor < 0) return errno;
  int problem = 0;
  ssize_t length = 0;
  if (fstat(descriptor, &status) != 0 || (length = read(descriptor, head, sizeof head)) < 0)
    problem = errno;
  else if (!S_ISREG(status.st_mode))
    problem = EINVAL;
  close(descriptor);
  if (problem != 0) return problem;
  file->size_bytes = (uint64_t)status.st_size;
  file->content_type = linq_content_type(path, head, (size_t)length);
  return 0;
}

static linq_status presign(const struct job *job, const char *path, linq_error **error) {
  linq_file file = linq_file_default();
  file.filename = base_name(path);
  *error = NULL;
  int problem = look_at(path, &file);
  if (problem != 0) {
    linq_error own = {.struct_size = sizeof own, .message = strerror(problem), .status = LINQ_FILE};
    complain(job, path, LINQ_FILE, &own);
    return LINQ_FILE;
  }
  linq_call_options call = linq_call_options_default();
  call.cancel = atomic_load(&interrupt);
  if (job->verbose) call.attempt = on_attempt;
  linq_presigned *presigned = NULL;
  linq_status status = linq_presign(job->client, &file, &call, &presigned, error);
  if (status != LINQ_OK) return status;
  if (job->json) {
    fputs("{\"file\":", stdout);
    print_json(path);
    printf(",\"presigned\":%s}\n", presigned->json);
  } else {
    print_line(presigned->attachment_id, presigned->upload_url, path);
  }
  linq_free(presigned);
  return LINQ_OK;
}

/* The exit code after a file with this status. */
static enum exit_code code_of(linq_status status, enum exit_code before) {
  if (status == LINQ_OK) return before;
  return status == LINQ_UNAUTHORIZED ? NOT_SET_UP : SOME_FAILED; /* without a key the next would fare no better */
}

static bool is_printed(void) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return true;
  fprintf(stderr, "linq-upload: cannot write to stdout: %s\n", strerror(errno));
  return false;
}

/* For --verbose. Requests are reported on the thread of their call, so not by a queue. */
static linq_status upload(const struct job *job, const char *path, linq_error **error) {
  linq_upload_options options = linq_upload_options_default();
  options.cancel = atomic_load(&interrupt);
  options.attempt = on_attempt;
  linq_attachment *attachment = NULL;
  linq_status status = linq_upload_file(job->client, path, &options, &attachment, error);
  if (status == LINQ_OK) print_attachment(job, path, attachment);
  linq_free(attachment);
  return status;
}

/* Reserves places or uploads, one after another; the worst that happened. */
static enum exit_code one_by_one(const struct job *job, char **files, int count) {
  enum exit_code result = ALL_WELL;
  for (int i = 0; i < count && result != NOT_SET_UP; i++) {
    linq_error *error = NULL;
    linq_status status = (job->presign_only ? presign : upload)(job, files[i], &error);
    if (error != NULL && !interrupted) complain(job, files[i], status, error);
    linq_free(error);
    if (interrupted) return INTERRUPTED;
    result = code_of(status, result);
    if (!is_printed()) return SOME_FAILED;
  }
  return result;
}

static linq_status add(linq_queue *queue, const struct upload *upload, uint64_t tag, linq_error **error) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = upload->path;
  linq_upload_options options = linq_upload_options_default();
  options.cancel = atomic_load(&interrupt);
  return linq_queue_add(queue, NULL, &source, &options, tag, error);
}

/* Prints how an upload ended. */
static linq_status tell(const struct job *job, const struct upload *upload) {
  const linq_event *last = upload->last;
  linq_status status = last->error != NULL ? last->error->status : LINQ_OK;
  if (status == LINQ_OK) draw_bar(upload);
  end_bar(status == LINQ_OK);
  if (status == LINQ_OK)
    print_attachment(job, upload->path, last->attachment);
  else
    complain(job, upload->path, status, last->error);
  return status;
}

/* Takes the next event; false if there will be no more. */
static bool note(linq_queue *queue, struct upload *uploads) {
  linq_event *event = NULL;
  linq_error *error = NULL;
  if (linq_queue_next(queue, UINT32_MAX, &event, &error) != LINQ_OK) {
    fprintf(stderr, "linq-upload: %s\n", error->message);
    linq_free(error);
    return false;
  }
  struct upload *upload = &uploads[event->tag];
  if (upload->total == 0 || event->sent < upload->sent || event->sent == 0)
    clock_gettime(CLOCK_MONOTONIC, &upload->start);
  upload->sent = event->sent;
  upload->total = event->total;
  if (event->kind == LINQ_EVENT_PROGRESS)
    linq_free(event);
  else
    upload->last = event;
  return true;
}

/* Waits for the uploads and prints them in the order of the command line; the worst that happened. */
static enum exit_code follow(const struct job *job, linq_queue *queue, struct upload *uploads, int count) {
  enum exit_code result = ALL_WELL;
  for (int at = 0; at < count && result != NOT_SET_UP; at++) {
    while (uploads[at].last == NULL && !interrupted) {
      draw_bar(&uploads[at]);
      if (!note(queue, uploads)) return SOME_FAILED;
    }
    if (interrupted) {
      end_bar(false);
      for (; at < count; at++) /* those that were uploaded are printed */
        if (uploads[at].last != NULL && uploads[at].last->attachment != NULL) tell(job, &uploads[at]);
      return INTERRUPTED;
    }
    result = code_of(tell(job, &uploads[at]), result);
    if (!is_printed()) return SOME_FAILED;
  }
  return result;
}

static enum exit_code refuse(linq_error *error) {
  fprintf(stderr, "linq-upload: %s\n", error->message);
  linq_free(error);
  return NOT_SET_UP;
}

/* Uploads all files through a queue. */
static enum exit_code upload_all(const struct job *job, char **files, int count) {
  linq_queue_options options = linq_queue_options_default();
  options.max_in_flight = job->in_flight;
  linq_queue *queue = NULL;
  linq_error *error = NULL;
  if (linq_queue_new(job->client, &options, &queue, &error) != LINQ_OK) return refuse(error);
  struct upload *uploads = calloc((size_t)count, sizeof *uploads);
  enum exit_code result = NOT_SET_UP;
  linq_status status = uploads != NULL ? LINQ_OK : LINQ_NO_MEMORY;
  if (uploads == NULL) fputs("linq-upload: out of memory\n", stderr);
  for (int i = 0; i < count && status == LINQ_OK; i++) {
    uploads[i].path = files[i];
    status = add(queue, &uploads[i], (uint64_t)i, &error);
    if (status != LINQ_OK) refuse(error);
  }
  if (status == LINQ_OK) result = follow(job, queue, uploads, count);
  linq_free(queue); /* cancels what still runs */
  for (int i = 0; uploads != NULL && i < count; i++) linq_free(uploads[i].last);
  free(uploads);
  return result;
}

static enum exit_code run(const struct job *job, char **files, int count) {
  bool in_turn = job->presign_only || job->verbose;
  enum exit_code result = (in_turn ? one_by_one : upload_all)(job, files, count);
  if (result == INTERRUPTED && is_terminal()) fputs("\r\033[K", stderr); /* the ^C that was typed */
  return result;
}

static int usage(const char *problem, const char *what) {
  fprintf(stderr, "linq-upload: %s", problem);
  print_plain(stderr, what, SIZE_MAX);
  fputs("\nTry 'linq-upload --help'.\n", stderr);
  return BAD_USAGE;
}

int main(int count, char **words) {
  struct job job = {.client = NULL};
  int at = 1;
  for (; at < count && words[at][0] == '-' && words[at][1] != '\0'; at++) {
    const char *word = words[at];
    if (strcmp(word, "--presign-only") == 0) {
      job.presign_only = true;
    } else if (strcmp(word, "--json") == 0) {
      job.json = true;
    } else if (strcmp(word, "-j") == 0) {
      const char *number = at + 1 < count ? words[++at] : "";
      char *end = NULL;
      long wanted = strtol(number, &end, 10);
      if (*number == '\0' || *end != '\0' || wanted < 1 || wanted > 256) return usage("-j takes a number from 1 to 256, not ", number);
      job.in_flight = (uint32_t)wanted;
    } else if (strcmp(word, "--verbose") == 0) {
      job.verbose = true;
    } else if (strcmp(word, "--help") == 0) {
      return fputs(HELP, stdout) < 0 || fflush(stdout) != 0 ? SOME_FAILED : ALL_WELL;
    } else if (strcmp(word, "--version") == 0) {
      return printf("linq-upload, liblinq %s\n", linq_version()) < 0 || fflush(stdout) != 0 ? SOME_FAILED : ALL_WELL;
    } else if (strcmp(word, "--") == 0) {
      at++;
      break;
    } else {
      return usage("no such option: ", word);
    }
  }
  if (job.verbose && job.in_flight != 0) return usage("--verbose uploads one file after another, so it does not go with -j", "");
  if (at == count) return usage("no FILE was given", "");

  if (linq_abi_version() != LINQ_ABI_VERSION) {
    fprintf(stderr, "linq-upload: liblinq %s has another ABI than this program; build it again\n", linq_version());
    return NOT_SET_UP;
  }
  linq_error *error = NULL;
  linq_status status = linq_client_new(NULL, &job.client, &error);
  if (status != LINQ_OK) {
    fprintf(stderr, "linq-upload: %s\n", error->message);
    linq_free(error);
    return NOT_SET_UP;
  }
  linq_cancel_token *token = linq_cancel_token_new();
  if (token == NULL) {
    fputs("linq-upload: out of memory or descriptors\n", stderr);
    linq_free(job.client);
    return NOT_SET_UP;
  }
  atomic_store(&interrupt, token);
  watch(SIGINT);
  watch(SIGTERM);
  start_network(job.client);
  enum exit_code result = run(&job, words + at, count - at);
  stop_network();
  /* The token stays: a signal may still come. */
  linq_free(job.client);
  return (int)result;
}
