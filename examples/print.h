/* What linq-upload prints of files: results to stdout, errors and requests to stderr. */
#ifndef PRINT_H
#define PRINT_H

#include <linq.h>

#include <stdbool.h>

struct style {
  bool json;  /* an object a line */
  bool marks; /* stdout is a terminal */
};

void print_attachment(const struct style *style, const char *path, const linq_attachment *attachment);

void print_reserved(const struct style *style, const char *path, const linq_presigned *presigned);

void print_failure(const struct style *style, const char *path, linq_status status, const linq_error *error);

/* --json: a line for an event that is not the last. */
void print_event(const char *path, const linq_event *event);

/* --verbose, a linq_attempt_fn: a line for each request, such as
 *   put: attempt 1, 200, 412 ms (send 398, wait 14), 1204411 B sent, 310 B received, over an open connection, id 4F1D */
void print_attempt(void *user_data, const linq_attempt *attempt);

#endif
