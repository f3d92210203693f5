/* What the C tests share: a check, the sandbox's addresses, its control endpoint. No framework. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <linq.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the program where the condition does not hold. May be used on any thread. */
#define CHECK(condition) check((condition) ? 1 : 0, __FILE__, __LINE__, #condition)
void check(int holds, const char *file, int line, const char *condition);

/* Checks a status, and shows the error where it is another one. */
#define CHECK_STATUS(call, expected, error)                                         \
  do {                                                                              \
    linq_status found_ = (call); /* before the error is looked at */                \
    check_status(found_, (expected), (error), __FILE__, __LINE__, #call);           \
  } while (0)
void check_status(linq_status found, linq_status expected, const linq_error *error, const char *file,
                  int line, const char *call);

/* Checks two texts; NULL equals NULL only. */
#define CHECK_TEXT(found, expected) check_text((found), (expected), __FILE__, __LINE__, #found)
void check_text(const char *found, const char *expected, const char *file, int line,
                const char *expression);

/* Checks that a text contains another. */
#define CHECK_HAS(text, part) check_has((text), (part), __FILE__, __LINE__, #text)
void check_has(const char *text, const char *part, const char *file, int line,
               const char *expression);

/* Announces a test; for the message when a check fails. */
#define RUN(test) (begin(#test), test())
void begin(const char *test);

/* The last line of every main: says that all is well. */
int done(const char *name);

/* What an out parameter holds before the call: it must be overwritten, and never be read. */
#define POISON(type) ((type *)(uintptr_t)0x5a5a5a5a)

/* Text that is not UTF-8. */
#define BAD_TEXT "a\xff\xfe"

/* The sandbox. */
const char *api(void);      /* plain http */
const char *api_tls(void);  /* https, signed by ca_file() */
const char *key(void);
const char *ca_file(void);
const char *from_number(void);

/* Forgets the faults and the requests that were logged. */
void calm(void);
/* Asks for a fault, as sandbox/README.md describes it. */
void fault(const char *json);
/* Every request since calm(), as JSON; free() it. */
char *requests(void);
/* Asks the control endpoint for something else; free() it. */
char *control(const char *method, const char *path, const char *json);
/* One request of requests(): the nth (from 0) whose JSON contains both texts; free() it. NULL: there is none. */
char *request(const char *all, const char *has, const char *and_has, int nth);
/* How often a text stands in another. */
int count(const char *text, const char *part);

/* A client of the sandbox, plain or TLS, with the key or without. */
linq_client *client_of(const char *base_url, const char *api_key);
/* The same, with options that a test changed. */
linq_client *client_with(const linq_client_options *options);
/* Options for the above: the base URL, the key, the CA, and no environment. */
linq_client_options options_for(const char *base_url, const char *api_key);

/* A fresh file of the test's own with this many bytes: text that detection knows as nothing else. */
const char *file_of(const char *name, size_t bytes);
/* Those bytes. */
unsigned char *bytes_of(size_t bytes);

/* A source of bytes in memory. */
linq_source from_memory(const void *bytes, size_t length);
/* Upload options with a name and a type. */
linq_upload_options named(const char *filename, const char *content_type);

/* A queue, which has to be made. */
linq_queue *queue_of(linq_client *client, uint32_t max_in_flight);
/* Adds a text to it. */
linq_status add_bytes(linq_queue *queue, const void *bytes, size_t length, uint64_t tag);
/* Adds a file that does not exist. */
linq_status add_missing(linq_queue *queue, uint64_t tag);

/* Milliseconds on a clock that only goes forward. */
int64_t now_ms(void);
void sleep_ms(int milliseconds);
/* How much slower everything is here (LINQ_TEST_SLOW): under valgrind a bound is that much longer. */
int slow(void);
/* Whether this runs in qemu (LINQ_RUN). Its own locks are not safe to fork while other threads run: the child would wait for one
   for ever, and not even a signal ends it. */
int emulated(void);

#endif
