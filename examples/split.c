/*
 * split: one upload in two programs, of which only the first has the API key.
 *
 *     split presign FILE > place.json              your server, with the key
 *     split upload [--loopback] [--renew COMMAND] place.json FILE    the phone, without
 *
 *     cc split.c -llinq -o split
 */
#define _POSIX_C_SOURCE 200809L

#include <linq.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BAD_USAGE = 1, FAILED = 2 };

static const char USAGE[] =
    "usage: split presign FILE > place.json\n"
    "       split upload [--loopback] [--renew COMMAND] place.json FILE\n"
    "\n"
    "presign reserves a place for FILE with the key in LINQ_API_V3_API_KEY. upload puts\n"
    "FILE there with no key and nothing from the environment, and prints the\n"
    "attachment's id. --loopback: the place may be plain http on this machine (tests).\n"
    "--renew: a shell command that prints another place when this one has expired, such as\n"
    "\"ssh server split presign FILE\".\n";

/* A file's name must not steer the terminal. */
static void print_plain(const char *text) {
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; s++) {
    int c1 = s[0] == 0xC2 && s[1] >= 0x80 && s[1] < 0xA0; /* U+0080 to U+009F */
    putc(*s < 0x20 || *s == 0x7F || c1 ? '?' : *s, stderr);
    s += c1;
  }
}

/* What went wrong, and every exit code but 0. */
static int report(const char *what, linq_error *error) {
  const char *why = error != NULL ? error->message : strerror(errno);
  fputs("split: ", stderr);
  print_plain(what);
  fputs(": ", stderr);
  print_plain(why);
  putc('\n', stderr);
  linq_free(error);
  return FAILED;
}

static int print(const char *line) {
  return printf("%s\n", line) < 0 || fflush(stdout) != 0 ? report("stdout", NULL) : 0;
}

/* The server never sees the bytes: the name and the size are what the phone tells it. */
static int presign(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return report(path, NULL);
  if (!S_ISREG(status.st_mode)) {
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    return report(path, NULL);
  }
  const char *slash = strrchr(path, '/');
  linq_file file = linq_file_default();
  file.filename = slash == NULL ? path : slash + 1;
  file.size_bytes = (uint64_t)status.st_size;

  linq_presigned *place = NULL;
  linq_error *error = NULL;
  if (linq_presign(NULL, &file, NULL, &place, &error) != LINQ_OK) return report(path, error);
  int result = print(place->json);
  linq_free(place);
  return result;
}

/* Both are NULL if the file cannot be read. */
static linq_status read_place(FILE *file, linq_presigned **place, linq_error **error) {
  static char json[1 << 20]; /* the most that linq_presigned_parse takes */
  size_t length = fread(json, 1, sizeof json, file);
  return ferror(file) ? LINQ_FILE : linq_presigned_parse(json, length, place, error);
}

/* Asks the server for another place. The library frees it; NULL ends the upload as expired. */
static linq_presigned *renew(void *command, const linq_presigned *expired) {
  (void)expired; /* the next place is for the same FILE */
  linq_presigned *place = NULL;
  FILE *answer = popen(command, "r");
  if (answer == NULL) return NULL;
  (void)read_place(answer, &place, NULL);
  (void)pclose(answer);
  return place;
}

static int upload(const char *place_path, const char *path, uint32_t flags, char *command) {
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  FILE *file = fopen(place_path, "rb");
  if (file == NULL) return report(place_path, NULL);
  linq_status status = read_place(file, &place, &error);
  fclose(file);
  if (status != LINQ_OK) return report(place_path, error);

  linq_client_options options = linq_client_options_default();
  options.flags = LINQ_CLIENT_NO_ENVIRONMENT | flags;
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = path;
  linq_upload_options with = linq_upload_options_default();
  if (command != NULL) with.renew = renew;
  with.renew_user_data = command;

  linq_client *client = NULL;
  linq_attachment *attachment = NULL;
  status = linq_client_new(&options, &client, &error);
  if (status == LINQ_OK) status = linq_upload_presigned(client, place, &source, &with, &attachment, &error);
  int result = status == LINQ_OK ? print(attachment->attachment_id) : report(path, error);
  linq_free(attachment);
  linq_free(client);
  linq_free(place);
  return result;
}

int main(int count, char **words) {
  if (count == 3 && strcmp(words[1], "presign") == 0) return presign(words[2]);
  if (count >= 4 && strcmp(words[1], "upload") == 0) {
    int at = 2;
    uint32_t flags = 0;
    char *command = NULL;
    for (; at < count && strncmp(words[at], "--", 2) == 0; at++) {
      if (strcmp(words[at], "--loopback") == 0) flags = LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
      else if (strcmp(words[at], "--renew") == 0 && at + 1 < count) command = words[++at];
      else break;
    }
    if (count == at + 2 && strncmp(words[at], "--", 2) != 0) return upload(words[at], words[at + 1], flags, command);
  }
  int asked = count == 2 && strcmp(words[1], "--help") == 0;
  fputs(USAGE, asked ? stdout : stderr);
  return asked ? 0 : BAD_USAGE;
}
