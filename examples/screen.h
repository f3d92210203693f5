/* What linq-upload shows on a terminal: a line for each upload, drawn over itself. */
#ifndef SCREEN_H
#define SCREEN_H

#include <linq.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One upload, or the total of them. */
struct row {
  const char *name;
  uint64_t sent, total;
  double moved;             /* when `sent` last changed */
  uint32_t attempt, of;     /* 0: it has not started */
  bool reserves;            /* it has no place yet */
  double again;             /* when the next attempt begins */
  const char *asks;         /* who asked for that wait; NULL: nobody did */
  struct { double at; uint64_t sent; } samples[16]; /* for the current rate */
  unsigned sampled;
  bool is_total;
};

/* Seconds on a clock that only goes forward. */
double now_seconds(void);

/* Counts bytes that arrived; from 0 again when an attempt begins. */
void row_progress(struct row *row, uint64_t sent, uint64_t total);

/* Takes over what an event of a queue says. */
void row_event(struct row *row, const linq_event *event);

/* Whether bars can be drawn on this file: a terminal that can move its cursor. */
bool can_draw(FILE *to);

/* How many columns the terminal has, and a text takes on it. */
size_t terminal_columns(FILE *to);
size_t text_columns(const char *text);

/* Draws the rows where the previous ones are. Where they do not fit the height, some before the last are left out. */
void draw_rows(FILE *to, struct row **rows, size_t count);

/* Takes the rows away, so that something can be printed. */
void wipe_rows(FILE *to);

/* Text that somebody else chose, such as a file's name, must not steer the terminal. */

/* How many bytes the character at `s` takes; 0 where it is not UTF-8. */
size_t character(const unsigned char *s);

/* Whether the character at `s` would steer a terminal: U+0000 to U+001F, U+007F to U+009F. */
bool is_control(const unsigned char *s);

void print_plain(FILE *to, const char *text);

const char *base_name(const char *path);

#endif
