#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include "screen.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_NAME = 24, MOST_BAR = 30, LEAST_BAR = 6, AMOUNT = 14, TAIL = 31 };

/* A pause that is longer than this is shown as a stall. */
static const double STALL = 2.5;

double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

size_t character(const unsigned char *s) {
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

bool is_control(const unsigned char *s) { return s[0] < 0x20 || s[0] == 0x7F || (s[0] == 0xC2 && s[1] < 0xA0); }

/* Prints the character at `s`, or ? in its place; how many bytes it took. */
static size_t print_character(FILE *to, const unsigned char *s) {
  size_t length = character(s);
  if (length == 0 || is_control(s))
    putc('?', to);
  else
    fwrite(s, 1, length, to);
  return length == 0 ? 1 : length;
}

void print_plain(FILE *to, const char *text) {
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) s += print_character(to, s);
}

const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* How many columns the character at `s` takes on most terminals. */
static size_t columns(const unsigned char *s) {
  static const uint32_t wide[][2] = {{0x1100, 0x115F}, {0x2E80, 0xD7AF}, {0xF900, 0xFAFF},  {0xFE30, 0xFE6F},
                                     {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F000, 0x3FFFF}};
  size_t length = character(s);
  if (length < 2) return 1;
  uint32_t code = s[0] & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++) code = code << 6 | (s[i] & 0x3Fu);
  if ((code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200D) || (code >= 0xFE00 && code <= 0xFE0F))
    return 0;
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (code >= wide[i][0] && code <= wide[i][1]) return 2;
  return 1;
}

size_t text_columns(const char *text) {
  size_t width = 0;
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; s += character(s) == 0 ? 1 : character(s))
    width += columns(s);
  return width;
}

/* Prints a text in exactly `width` columns, cut with ".." or filled up. */
static void print_fitted(FILE *to, const char *text, size_t width) {
  size_t took = 0, dots = 0, room = width;
  if (text_columns(text) > width) {
    dots = width < 2 ? width : 2;
    room = width - dots;
  }
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0' && took + columns(s) <= room;) {
    took += columns(s);
    s += print_character(to, s);
  }
  for (; dots > 0; dots--, took++) putc('.', to);
  for (; took < width; took++) putc(' ', to);
}

void row_progress(struct row *row, uint64_t sent, uint64_t total) {
  if (sent == 0 || sent < row->sent) row->sampled = 0; /* a new attempt */
  if (sent == 0 || sent != row->sent) row->moved = now_seconds();
  row->sent = sent;
  row->total = total;
}

void row_event(struct row *row, const linq_event *event) {
  row_progress(row, event->sent, event->total);
  row->attempt = event->attempt;
  row->of = event->max_attempts;
  row->reserves = event->step == LINQ_STEP_RESERVE;
  row->again = 0;
  row->asks = NULL;
  if (event->kind != LINQ_EVENT_RETRY) return;
  row->again = now_seconds() + event->again_in_ms / 1000.0;
  if (event->error->retry_after_ms != 0) row->asks = row->reserves ? "Linq" : "storage";
}

/* The rate of the last seconds in bytes per second; 0: not known yet. */
static double rate(struct row *row, double now) {
  enum { COUNT = sizeof row->samples / sizeof *row->samples };
  unsigned newest = (row->sampled + COUNT - 1) % COUNT;
  if (row->sampled == 0 || now - row->samples[newest].at >= 0.2) {
    newest = row->sampled++ % COUNT;
    row->samples[newest].at = now;
    row->samples[newest].sent = row->sent;
  }
  unsigned oldest = row->sampled > COUNT ? row->sampled % COUNT : 0;
  double seconds = now - row->samples[oldest].at;
  return seconds < 0.5 ? 0 : (double)(row->sent - row->samples[oldest].sent) / seconds;
}

static double in_unit(uint64_t bytes, uint64_t of, const char **unit) {
  *unit = of < 1000 ? "B" : of < 1000000 ? "kB" : "MB";
  return (double)bytes / (of < 1000 ? 1.0 : of < 1000000 ? 1e3 : 1e6);
}

static int decimals(double value) { return value >= 10 || value == (double)(int)value ? 0 : 1; }

/* "8.1/30 MB" */
static void put_amount(char *out, size_t size, const struct row *row) {
  const char *unit;
  double total = in_unit(row->total, row->total, &unit), sent = in_unit(row->sent, row->total, &unit);
  snprintf(out, size, "%.*f/%.*f %s", row->sent == row->total ? decimals(sent) : sent < 100 && total >= 1 && *unit != 'B', sent,
           decimals(total), total, unit);
}

/* What is going on where no bytes move; false where they do. */
static bool put_state(char *out, size_t size, const struct row *row, double now) {
  if (row->is_total) return false;
  unsigned left = row->again > now ? (unsigned)(row->again - now) + 1 : 0;
  if (left > 0 && row->asks != NULL)
    snprintf(out, size, "waiting %u s (%s asks)", left, row->asks);
  else if (left > 0)
    snprintf(out, size, "retry %" PRIu32 " of %" PRIu32 " in %u s", row->attempt, row->of, left);
  else if (row->reserves && row->attempt > 1)
    snprintf(out, size, "reserving, retry %" PRIu32 " of %" PRIu32, row->attempt, row->of);
  else if (row->reserves)
    snprintf(out, size, "reserving");
  else if (row->sent == row->total)
    snprintf(out, size, "finishing");
  else if (now - row->moved > STALL)
    snprintf(out, size, "stalled %u s", (unsigned)(now - row->moved));
  else
    return false;
  return true;
}

/* "1.4 MB/s 0:15" */
static void put_rate(char *out, size_t size, struct row *row, double now) {
  double current = rate(row, now);
  out[0] = '\0';
  if (current < 1) {
    if (row->attempt > 1) snprintf(out, size, "retry %" PRIu32 " of %" PRIu32, row->attempt, row->of);
    return;
  }
  const char *unit;
  double value = in_unit((uint64_t)current, (uint64_t)current, &unit);
  double left = (double)(row->total - row->sent) / current + 0.5;
  int length = snprintf(out, size, "%.*f %s/s", value < 100 ? 1 : 0, value, unit);
  if (left < 360000)
    snprintf(out + length, size - (size_t)length, left < 3600 ? " %u:%02u" : " %u:%02u h",
             (unsigned)left / (left < 3600 ? 60 : 3600), (unsigned)left / (left < 3600 ? 1 : 60) % 60);
}

static void draw_row(FILE *to, struct row *row, size_t width, size_t longest) {
  char amount[48] = "", words[64], tail[128];
  double now = now_seconds();
  bool is_state = put_state(words, sizeof words, row, now);
  if (!is_state) put_rate(words, sizeof words, row, now);
  bool sends = !row->reserves && row->again <= now;
  if (sends) put_amount(amount, sizeof amount, row);
  size_t bar = width > longest + TAIL + 4 + LEAST_BAR ? width - longest - TAIL - 4 : 0;
  if (bar > MOST_BAR) bar = MOST_BAR;

  bool narrow = width < longest + 1 + TAIL; /* then the name comes before the rate */
  if (!sends || (narrow && is_state))
    snprintf(tail, sizeof tail, "%s", words);
  else if (narrow && width < longest + 3 + strlen(amount) + strlen(words))
    snprintf(tail, sizeof tail, "%s", amount);
  else if (narrow)
    snprintf(tail, sizeof tail, "%s %s", amount, words);
  else
    snprintf(tail, sizeof tail, "%-*s %s", AMOUNT, amount, words);
  size_t room = width > strlen(tail) + 1 ? width - strlen(tail) - 1 : 0;
  print_fitted(to, row->name, bar > 0 || room > longest ? longest : room);
  if (bar > 0) {
    size_t done = row->total > 0 ? (size_t)((double)row->sent / (double)row->total * (double)bar) : 0;
    fputs(" [", to);
    for (size_t i = 0; i < bar; i++) putc(i < done ? '#' : ' ', to);
    putc(']', to);
  }
  fprintf(to, " %s\033[K\n", tail);
}

static struct winsize size_of(FILE *to) {
  struct winsize size;
  if (ioctl(fileno(to), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    size.ws_col = 80;
    size.ws_row = 24;
  }
  return size;
}

size_t terminal_columns(FILE *to) { return size_of(to).ws_col; }

bool can_draw(FILE *to) {
  const char *terminal = getenv("TERM");
  return isatty(fileno(to)) && terminal != NULL && *terminal != '\0' && strcmp(terminal, "dumb") != 0;
}

static size_t drawn; /* how many lines the rows take now */

void wipe_rows(FILE *to) {
  if (drawn > 0) fprintf(to, "\033[%zuA\r\033[J", drawn);
  fflush(to);
  drawn = 0;
}

void draw_rows(FILE *to, struct row **rows, size_t count) {
  struct winsize size = size_of(to);
  size_t most = (size_t)size.ws_row - 1; /* with more, the way back up would be wrong */
  if (count > most) {
    if (most > 0) rows[most - 1] = rows[count - 1];
    count = most;
  }
  size_t longest = 0;
  for (size_t i = 0; i < count; i++) {
    size_t width = text_columns(rows[i]->name);
    if (width > longest) longest = width;
  }
  if (longest > MOST_NAME) longest = MOST_NAME;
  char *text = NULL;
  size_t length = 0;
  FILE *picture = open_memstream(&text, &length); /* written at once, so that nothing flickers */
  if (picture == NULL) return;
  /* A character that is wider than we think is cut off and does not wrap: \033[?7l. */
  fputs("\033[?7l", picture);
  if (drawn > 0) fprintf(picture, "\033[%zuA\r", drawn);
  for (size_t i = 0; i < count; i++) draw_row(picture, rows[i], (size_t)size.ws_col - 1, longest);
  fputs("\033[J\033[?7h", picture);
  if (fclose(picture) == 0) {
    fwrite(text, 1, length, to);
    fflush(to);
    drawn = count;
  }
  free(text);
}
