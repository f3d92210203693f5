/*
 * linq-upload: uploads files to Linq and prints what a message needs of them.
 *
 *     cc upload.c print.c screen.c network.c -llinq -o linq-upload
 */
#define _POSIX_C_SOURCE 200809L

#include <linq.h>

#include "network.h"
#include "print.h"
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_code { ALL_WELL = 0, BAD_USAGE = 1, SOME_FAILED = 2, NOT_SET_UP = 3, INTERRUPTED = 130 };

static const char HELP[] =
    "usage: linq-upload [OPTION...] FILE...\n"
    "\n"
    "Uploads every FILE to Linq, several at a time. Prints a line for each, in order:\n"
    "the attachment's id, its download URL and FILE, with tabs between. On a terminal\n"
    "it prints name and id as soon as they are there.\n"
    "\n"
    "  -j N              how many to upload at a time, 1 to 256 (4)\n"
    "  --json            print JSON, an object a line: \"event\" is progress, retry,\n"
    "                    uploaded or failed; the last two in the order of the FILEs\n"
    "  --presign-only    reserve a place for FILE, but upload nothing; the URL is then the\n"
    "                    one to upload to. It is a secret until it expires. With --json\n"
    "                    \"event\" is reserved and has all that an upload needs (see\n"
    "                    linq_presigned_parse)\n"
    "  --type TYPE       the content type of every FILE, such as image/jpeg; else it is\n"
    "                    found by the bytes and the name\n"
    "  --allow-webp-svg  send WebP and SVG, about which Linq's documents disagree\n"
    "  --quiet           show errors only: no progress, no summary\n"
    "  --no-progress     no progress\n"
    "  --verbose         upload one after another, and show what each request took\n"
    "  --help            print this\n"
    "  --version         print the version\n"
    "\n"
    "Progress is drawn where stderr is a terminal. A FILE that fails is reported, and the\n"
    "others are uploaded. Options may follow FILEs; behind -- there are FILEs only.\n"
    "\n"
    "environment:\n"
    "  LINQ_API_V3_API_KEY   the API key (required)\n"
    "  LINQ_API_V3_BASE_URL  where the API is, if not at Linq\n"
    "  NO_COLOR              if set, no colors\n"
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

/* A file on its way. */
struct upload {
  const char *path;
  struct row row;
  uint64_t size;
  linq_event *last; /* its last event; NULL until then */
  bool told;
};

struct job {
  linq_client *client;
  const char *type;
  struct style style;
  bool presign_only, verbose, quiet, draws;
  uint32_t in_flight;
};

enum { NOT_REGULAR = -1 }; /* beside the numbers of errno */

/* The file's size and its type, by its first bytes; else why it cannot be read. */
static int look_at(const char *path, linq_file *file) {
  static unsigned char head[65536];
  struct stat status;
  int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not block */
  if (descriptor < 0) return errno;
  int problem = 0;
  ssize_t length = 0;
  if (fstat(descriptor, &status) != 0)
    problem = errno;
  else if (!S_ISREG(status.st_mode))
    problem = NOT_REGULAR;
  else if ((length = read(descriptor, head, sizeof head)) < 0)
    problem = errno;
  close(descriptor);
  if (problem != 0) return problem;
  file->size_bytes = (uint64_t)status.st_size;
  if (file->content_type == NULL) file->content_type = linq_content_type(path, head, (size_t)length);
  return 0;
}

/* The words that the library has for it. */
static void put_problem(char *out, size_t size, const char *path, int problem) {
  const char *why = problem == ENOENT ? "there is no such file" : problem == EACCES ? "permission denied" : strerror(problem);
  if (problem == NOT_REGULAR)
    snprintf(out, size, "%s is not a regular file", path);
  else
    snprintf(out, size, "%s cannot be opened: %s", path, why);
}

static linq_status presign(const struct job *job, const char *path, linq_error **error) {
  linq_file file = linq_file_default();
  file.filename = base_name(path);
  file.content_type = job->type;
  *error = NULL;
  int problem = look_at(path, &file);
  if (problem != 0) {
    char words[512];
    put_problem(words, sizeof words, path, problem);
    linq_error own = {.struct_size = sizeof own, .message = words, .status = LINQ_FILE};
    print_failure(&job->style, path, LINQ_FILE, &own);
    return LINQ_FILE;
  }
  linq_call_options call = linq_call_options_default();
  call.cancel = atomic_load(&interrupt);
  if (job->verbose) call.attempt = print_attempt;
  linq_presigned *presigned = NULL;
  linq_status status = linq_presign(job->client, &file, &call, &presigned, error);
  if (status != LINQ_OK) return status;
  print_reserved(&job->style, path, presigned);
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
  options.content_type = job->type;
  options.attempt = print_attempt;
  linq_attachment *attachment = NULL;
  linq_status status = linq_upload_file(job->client, path, &options, &attachment, error);
  if (status == LINQ_OK) print_attachment(&job->style, path, attachment);
  linq_free(attachment);
  return status;
}

/* Ends a line on stderr that was begun over another, such as ^C. */
static void end_line(void) { fputs(can_draw(stderr) ? "\033[K\n" : "\n", stderr); }

/* Reserves places or uploads, one after another; the worst that happened. */
static enum exit_code one_by_one(const struct job *job, char **files, int count) {
  enum exit_code result = ALL_WELL;
  for (int i = 0; i < count && result != NOT_SET_UP; i++) {
    linq_error *error = NULL;
    linq_status status = (job->presign_only ? presign : upload)(job, files[i], &error);
    if (error != NULL && !interrupted) print_failure(&job->style, files[i], status, error);
    linq_free(error);
    if (interrupted) {
      if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\rinterrupted: %d %s", i, job->presign_only ? "reserved" : "uploaded");
        end_line();
      }
      return INTERRUPTED;
    }
    result = code_of(status, result);
    if (!is_printed()) return SOME_FAILED;
  }
  return result;
}

static linq_status add(const struct job *job, linq_queue *queue, const struct upload *upload, uint64_t tag, linq_error **error) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = upload->path;
  linq_upload_options options = linq_upload_options_default();
  options.content_type = job->type;
  options.cancel = atomic_load(&interrupt);
  return linq_queue_add(queue, NULL, &source, &options, tag, error);
}

/* The uploads of a queue, in the order of the command line. */
struct all {
  const struct job *job;
  linq_queue *queue;
  struct upload *uploads;
  size_t count, ended, uploaded, failed;
  size_t next; /* the first that was not told */
  uint64_t bytes;
  double drawn;
  enum exit_code result;
};

/* Those that run. */
static size_t running(const struct all *all, struct row **rows, size_t most) {
  size_t count = 0;
  for (size_t i = all->next; i < all->count && count < most; i++)
    if (all->uploads[i].row.attempt > 0 && all->uploads[i].last == NULL) rows[count++] = &all->uploads[i].row;
  return count;
}

static void draw(struct all *all) {
  static struct row total;
  struct row *rows[258];
  char name[64];
  if (!all->job->draws) return;
  all->drawn = now_seconds();
  size_t count = running(all, rows, 256);
  if (count == 0) return; /* a total alone would only flicker */
  if (all->count > 1) {
    uint64_t sent = 0;
    for (size_t i = 0; i < all->count; i++) sent += all->uploads[i].row.sent;
    snprintf(name, sizeof name, "%zu of %zu uploaded", all->uploaded, all->count);
    total.name = name;
    total.is_total = true;
    row_progress(&total, sent < all->bytes ? sent : all->bytes, all->bytes > 0 ? all->bytes : 1);
    rows[count++] = &total;
  }
  draw_rows(stderr, rows, count);
}

/* Prints how an upload ended. */
static void tell(struct all *all, struct upload *upload) {
  const linq_event *last = upload->last;
  linq_status status = last->error != NULL ? last->error->status : LINQ_OK;
  if (all->job->draws) wipe_rows(stderr);
  if (status == LINQ_OK)
    print_attachment(&all->job->style, upload->path, last->attachment);
  else
    print_failure(&all->job->style, upload->path, status, last->error);
  upload->told = true;
  all->drawn = 0; /* the rows are drawn again at once */
  all->result = code_of(status, all->result);
}

static void note_event(struct all *all, linq_event *event) {
  struct upload *upload = &all->uploads[event->tag];
  row_event(&upload->row, event);
  if (event->kind == LINQ_EVENT_FINISHED || event->kind == LINQ_EVENT_FAILED) {
    upload->last = event;
    all->ended++;
    all->uploaded += event->attachment != NULL;
    if (event->error != NULL) { /* what will not arrive is not in the total */
      all->failed++;
      all->bytes -= upload->size;
      upload->row.sent = 0;
    }
    return;
  }
  bool is_told = event->kind == LINQ_EVENT_RETRY || event->step == LINQ_STEP_PUT;
  if (all->job->style.json && is_told) print_event(upload->path, event);
  linq_free(event);
}

/* Tells what has ended: on a terminal at once, else in the order of the command line. */
static void tell_ended(struct all *all) {
  bool at_once = all->job->style.marks && !all->job->style.json;
  for (size_t i = all->next; i < all->count && all->result != NOT_SET_UP; i++) {
    struct upload *upload = &all->uploads[i];
    if (upload->last == NULL && !at_once) return;
    if (upload->last != NULL && !upload->told) tell(all, upload);
    if (i == all->next && upload->told) all->next++;
  }
}

/* What came of all, in a line. */
static void sum_up(const struct all *all) {
  const struct job *job = all->job;
  if (job->quiet || !isatty(STDERR_FILENO) || (all->count == 1 && !interrupted)) return;
  if (interrupted) fputs("\rinterrupted: ", stderr); /* over the ^C that was typed */
  fprintf(stderr, "%zu uploaded", all->uploaded);
  size_t failed = 0;
  for (size_t i = 0; i < all->count && all->failed > 0 && !interrupted; i++) {
    if (all->uploads[i].last == NULL || all->uploads[i].last->error == NULL) continue;
    if (failed++ == 0) fprintf(stderr, ", %zu failed: ", all->failed);
    if (failed > 1) fputs(", ", stderr);
    print_plain(stderr, all->uploads[i].row.name);
  }
  size_t left = all->count - all->uploaded - (interrupted ? 0 : all->failed);
  if (left > 0) fprintf(stderr, ", %zu not", left);
  end_line();
}

/* Waits for the uploads and prints them. */
static void follow(struct all *all) {
  while (all->next < all->count && !interrupted && all->result != NOT_SET_UP) {
    linq_event *event = NULL;
    linq_error *error = NULL;
    if (linq_queue_next(all->queue, 100, &event, &error) != LINQ_OK) {
      fprintf(stderr, "linq-upload: %s\n", error->message);
      linq_free(error);
      all->result = SOME_FAILED;
      return;
    }
    if (event != NULL) note_event(all, event);
    if (interrupted) break;
    tell_ended(all);
    if ((all->ended > 0 || all->job->style.json) && !is_printed()) {
      all->result = SOME_FAILED;
      return;
    }
    if (now_seconds() - all->drawn >= 0.1) draw(all);
  }
  if (all->job->draws) wipe_rows(stderr);
  if (interrupted) {
    all->result = INTERRUPTED;
    for (size_t i = 0; i < all->count; i++) /* those that were uploaded are printed */
      if (all->uploads[i].last != NULL && all->uploads[i].last->attachment != NULL && !all->uploads[i].told)
        print_attachment(&all->job->style, all->uploads[i].path, all->uploads[i].last->attachment);
    fflush(stdout);
  }
  sum_up(all);
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
  struct all all = {.job = job, .count = (size_t)count};
  linq_error *error = NULL;
  if (linq_queue_new(job->client, &options, &all.queue, &error) != LINQ_OK) return refuse(error);
  all.uploads = calloc((size_t)count, sizeof *all.uploads);
  linq_status status = all.uploads != NULL ? LINQ_OK : LINQ_NO_MEMORY;
  if (all.uploads == NULL) fputs("linq-upload: out of memory\n", stderr);
  all.result = status == LINQ_OK ? ALL_WELL : NOT_SET_UP;
  for (int i = 0; i < count && status == LINQ_OK; i++) {
    struct stat file;
    struct upload *upload = &all.uploads[i];
    upload->path = files[i];
    upload->row.name = base_name(files[i]);
    if (stat(files[i], &file) == 0 && S_ISREG(file.st_mode)) upload->size = (uint64_t)file.st_size;
    all.bytes += upload->size;
    status = add(job, all.queue, upload, (uint64_t)i, &error);
    if (status != LINQ_OK) all.result = refuse(error);
  }
  if (status == LINQ_OK) follow(&all);
  linq_free(all.queue); /* cancels what still runs */
  for (int i = 0; all.uploads != NULL && i < count; i++) linq_free(all.uploads[i].last);
  free(all.uploads);
  return all.result;
}

static int usage(const char *problem, const char *what) {
  fprintf(stderr, "linq-upload: %s", problem);
  print_plain(stderr, what);
  fputs("\nTry 'linq-upload --help'.\n", stderr);
  return BAD_USAGE;
}

/* What the command line says. */
struct wishes {
  struct job job;
  bool help, version, no_progress, allow_webp_svg;
  int files; /* they stand at the front of `words` */
};

static int read_number(const char *text, uint32_t *number) {
  char *end = NULL;
  long wanted = strtol(text, &end, 10);
  if (*text == '\0') return usage("-j takes a number from 1 to 256", "");
  if (*text < '0' || *text > '9' || *end != '\0' || wanted < 1 || wanted > 256)
    return usage("-j takes a number from 1 to 256, not ", text);
  *number = (uint32_t)wanted;
  return ALL_WELL;
}

/* Reads options wherever they stand, and moves the files to the front. */
static int read_words(struct wishes *wishes, int count, char **words) {
  struct { const char *name; bool *flag; } flags[] = {
      {"--presign-only", &wishes->job.presign_only}, {"--json", &wishes->job.style.json},
      {"--quiet", &wishes->job.quiet},               {"--no-progress", &wishes->no_progress},
      {"--verbose", &wishes->job.verbose},               {"--allow-webp-svg", &wishes->allow_webp_svg},
      {"--help", &wishes->help},                     {"--version", &wishes->version}};
  bool only_files = false;
  for (int at = 0; at < count; at++) {
    char *word = words[at];
    bool known = false;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !only_files; i++)
      if (strcmp(word, flags[i].name) == 0) known = *flags[i].flag = true;
    if (known) continue;
    if (only_files || word[0] != '-') {
      words[wishes->files++] = word;
    } else if (strcmp(word, "--") == 0) {
      only_files = true;
    } else if (strcmp(word, "-") == 0) {
      return usage("standard input cannot be uploaded: Linq wants a file's name and size before its first byte; save it to a file", "");
    } else if (strncmp(word, "-j", 2) == 0) {
      int code = read_number(word[2] != '\0' ? word + 2 : at + 1 < count ? words[++at] : "", &wishes->job.in_flight);
      if (code != ALL_WELL) return code;
    } else if (strcmp(word, "--type") == 0 && at + 1 < count) {
      wishes->job.type = words[++at];
    } else {
      return usage(strcmp(word, "--type") == 0 ? "--type takes a content type, such as image/jpeg" : "no such option: ",
                   strcmp(word, "--type") == 0 ? "" : word);
    }
  }
  if (wishes->job.verbose && wishes->job.in_flight != 0)
    return usage("--verbose uploads one file after another, so it does not go with -j", "");
  if (wishes->job.in_flight == 0) wishes->job.in_flight = 4;
  return wishes->files > 0 || wishes->help || wishes->version ? ALL_WELL : usage("no FILE was given", "");
}

int main(int count, char **words) {
  struct wishes wishes = {.files = 0};
  int code = read_words(&wishes, count - 1, words + 1);
  if (code != ALL_WELL) return code;
  if (wishes.help || wishes.version) {
    if (wishes.help)
      fputs(HELP, stdout);
    else
      printf("linq-upload, liblinq %s\n", linq_version());
    return is_printed() ? ALL_WELL : SOME_FAILED;
  }
  struct job *job = &wishes.job;
  job->draws = !job->quiet && !wishes.no_progress && can_draw(stderr);
  job->style.marks = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);

  if (linq_abi_version() != LINQ_ABI_VERSION) {
    fprintf(stderr, "linq-upload: liblinq %s has another ABI than this program; build it again\n", linq_version());
    return NOT_SET_UP;
  }
  linq_client_options options = linq_client_options_default();
  options.user_agent = "linq-upload";
  if (wishes.allow_webp_svg) options.flags |= LINQ_CLIENT_ALLOW_WEBP_SVG;
  linq_error *error = NULL;
  if (linq_client_new(&options, &job->client, &error) != LINQ_OK) return (int)refuse(error);
  linq_cancel_token *token = linq_cancel_token_new();
  if (token == NULL) {
    fputs("linq-upload: out of memory or descriptors\n", stderr);
    linq_free(job->client);
    return NOT_SET_UP;
  }
  atomic_store(&interrupt, token);
  watch(SIGINT);
  watch(SIGTERM);
  start_network(job->client);
  enum exit_code result = (job->presign_only || job->verbose ? one_by_one : upload_all)(job, words + 1, wishes.files);
  stop_network();
  /* The token stays: a signal may still come. */
  linq_free(job->client);
  return (int)result;
}
