/* What bionic has otherwise than glibc, so that a library for Android runs in an ordinary process on x86-64. Every function of
 * packaging/android-symbols.txt that is not here is glibc's own: scripts/test-platforms adds a jump to it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The version is there so that nothing but the library takes these for its own; it is that of Android's libc.so. */
#define BIONIC(name) __asm__(".symver bionic_" #name ", " #name "@LIBC")

BIONIC(__errno);
int *bionic___errno(void) { return &errno; }

/* A set of signals has 8 bytes there. */
BIONIC(sigfillset);
int bionic_sigfillset(unsigned long *set) {
  *set = ~0ul;
  return 0;
}

BIONIC(pthread_sigmask);
int bionic_pthread_sigmask(int how, const unsigned long *set, unsigned long *old) {
  return syscall(SYS_rt_sigprocmask, how, set, old, sizeof *set) == 0 ? 0 : errno;
}

/* Returns a number there, as POSIX has it. */
extern int __xpg_strerror_r(int error, char *text, size_t size);
BIONIC(strerror_r);
int bionic_strerror_r(int error, char *text, size_t size) {
  return __xpg_strerror_r(error, text, size);
}

BIONIC(sysconf);
long bionic_sysconf(int name) {
  switch (name) {
    case 39: /* _SC_PAGESIZE */
    case 40: /* _SC_PAGE_SIZE */
      return (long)getauxval(AT_PAGESZ);
    case 96: /* _SC_NPROCESSORS_CONF */
    case 97: /* _SC_NPROCESSORS_ONLN */
      return sysconf(_SC_NPROCESSORS_ONLN);
    default:
      abort();
  }
}

/* The name before the address, and positive error codes. */
struct bionic_addrinfo {
  int flags, family, socktype, protocol;
  socklen_t length;
  char *name;
  struct sockaddr *address;
  struct bionic_addrinfo *next;
};

static const struct {
  int glibc, bionic;
  const char *text;
} errors[] = {
    {EAI_AGAIN, 2, "Temporary failure in name resolution"},
    {EAI_FAIL, 4, "Non-recoverable failure in name resolution"},
    {EAI_MEMORY, 6, "Memory allocation failure"},
    {EAI_NODATA, 7, "No address associated with hostname"},
    {EAI_NONAME, 8, "hostname nor servname provided, or not known"},
    {EAI_SYSTEM, 11, "System error returned in errno"},
};

BIONIC(getaddrinfo);
int bionic_getaddrinfo(const char *host, const char *service, const struct bionic_addrinfo *hint,
                       struct bionic_addrinfo **out) {
  struct addrinfo hints = {0}, *list = NULL;
  if (hint != NULL) {
    hints.ai_flags = hint->flags;
    hints.ai_family = hint->family;
    hints.ai_socktype = hint->socktype;
    hints.ai_protocol = hint->protocol;
  }
  int error = getaddrinfo(host, service, &hints, &list);
  for (size_t i = 0; error != 0 && i < sizeof errors / sizeof *errors; i++) {
    if (errors[i].glibc == error) return errors[i].bionic;
  }
  if (error != 0) abort();
  *out = NULL;
  for (struct addrinfo *one = list; one != NULL; one = one->ai_next) {
    struct bionic_addrinfo *copy = calloc(1, sizeof *copy + one->ai_addrlen);
    if (copy == NULL) abort();
    *copy = (struct bionic_addrinfo){one->ai_flags, one->ai_family, one->ai_socktype, one->ai_protocol,
                                     one->ai_addrlen, NULL, (struct sockaddr *)(copy + 1), NULL};
    memcpy(copy + 1, one->ai_addr, one->ai_addrlen);
    *out = copy;
    out = &copy->next;
  }
  freeaddrinfo(list);
  return 0;
}

BIONIC(freeaddrinfo);
void bionic_freeaddrinfo(struct bionic_addrinfo *list) {
  while (list != NULL) {
    struct bionic_addrinfo *next = list->next;
    free(list);
    list = next;
  }
}

BIONIC(gai_strerror);
const char *bionic_gai_strerror(int error) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    if (errors[i].bionic == error) return errors[i].text;
  }
  return "Unknown error";
}
