// Loaded before the C library (LD_PRELOAD) by tests that need another system than the one they run on.
//
// Names below linq.test are answered by their first label; see `script`. The rest is asked for by variables:
// SHIM_CONNECT=ERRNO:TIMES, SHIM_PREAD=ERRNO:SKIP, SHIM_PIECES=1, SHIM_NO_V6=1, SHIM_DENY=TIOCOUTQ,TCP_INFO. Only non-blocking sockets are touched:
// those are the library's; the test's own are not. Once MATRIX_MARKER exists, the clock that goes on while a device sleeps
// is SHIM_SLEPT seconds ahead. What was done is written to SHIM_LOG, a line each.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int log_fd = -1, connect_errno, connect_times, pread_errno, pread_skip, pieces, no_v6, slept;
static const char *marker, *deny;
static int (*real_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_LOG"), *text;
    if (path) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if ((text = getenv("SHIM_CONNECT"))) sscanf(text, "%d:%d", &connect_errno, &connect_times);
    if ((text = getenv("SHIM_PREAD"))) sscanf(text, "%d:%d", &pread_errno, &pread_skip);
    if ((text = getenv("SHIM_SLEPT"))) slept = atoi(text);
    marker = getenv("MATRIX_MARKER");
    deny = getenv("SHIM_DENY");
    pieces = getenv("SHIM_PIECES") != NULL;
    no_v6 = getenv("SHIM_NO_V6") != NULL;
    unsetenv("LD_PRELOAD"); // programs that the test starts are not meant
}

static void say(const char *what, const char *about) {
    char line[300];
    int n = snprintf(line, sizeof line, "%s %s\n", what, about);
    if (log_fd >= 0 && n > 0 && write(log_fd, line, (size_t)n) < 0) {}
}

static int ours(int fd) { return fcntl(fd, F_GETFL) & O_NONBLOCK; }

// xorshift: the same faults at every run.
static unsigned next_random(void) {
    static unsigned state = 2463534242u;
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real_clock) real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_clock(clock, now);
    if (slept && marker && clock == CLOCK_BOOTTIME && !access(marker, F_OK)) now->tv_sec += slept;
    return result;
}

static int denied(const char *what) {
    if (!deny || !strstr(deny, what)) return 0;
    say(what, "denied");
    errno = EACCES;
    return 1;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == TIOCOUTQ && denied("TIOCOUTQ")) return -1;
    return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(fd, request, argument);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    if (level == IPPROTO_TCP && name == TCP_INFO && denied("TCP_INFO")) return -1;
    return ((int (*)(int, int, int, void *, socklen_t *))dlsym(RTLD_NEXT, "getsockopt"))(fd, level, name, value, length);
}

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int literal(const char *address, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    return ((lookup *)dlsym(RTLD_NEXT, "getaddrinfo"))(address, service, hints, out);
}

static int both(const char *first, const char *second, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) {
    struct addrinfo *last;
    int failed = literal(first, service, hints, out);
    if (failed) return failed;
    for (last = *out; last->ai_next; last = last->ai_next) {}
    return literal(second, service, hints, &last->ai_next);
}

// What the label of a name below linq.test makes of it.
static int script(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    static int flaky, hung;
    if (!strncmp(name, "nxdomain.", 9)) return EAI_NONAME;
    if (!strncmp(name, "again.", 6)) return EAI_AGAIN;
    if (!strncmp(name, "flaky.", 6) && !flaky++) return EAI_AGAIN;
    if (!strncmp(name, "hang.", 5)) for (;;) pause();
    if (!strncmp(name, "hangonce.", 9) && !hung++) for (;;) pause();
    if (!strncmp(name, "slow.", 5)) usleep(300 * 1000);
    if (!strncmp(name, "holefirst.", 10)) return both("127.0.0.9", "127.0.0.1", service, hints, out);
    if (!strncmp(name, "v6first.", 8)) return both("2001:db8::1", "127.0.0.1", service, hints, out);
    return literal("127.0.0.1", service, hints, out);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    const char *end = name ? strstr(name, ".linq.test") : NULL;
    if (!end || end[10]) return literal(name, service, hints, out);
    say("lookup", name);
    return script(name, service, hints, out);
}

int socket(int domain, int type, int protocol) {
    if (no_v6 && domain == AF_INET6) {
        say("socket", "EAFNOSUPPORT");
        errno = EAFNOSUPPORT;
        return -1;
    }
    return ((int (*)(int, int, int))dlsym(RTLD_NEXT, "socket"))(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    if (connect_errno && connect_times > 0 && ours(fd)) {
        connect_times--;
        say("connect", strerror(connect_errno));
        errno = connect_errno;
        return -1;
    }
    return ((int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect"))(fd, address, length);
}

ssize_t pread64(int fd, void *buffer, size_t count, off64_t offset) {
    static int reads;
    if (pread_errno && reads++ >= pread_skip) {
        say("pread", strerror(pread_errno));
        errno = pread_errno;
        return -1;
    }
    return ((ssize_t(*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64"))(fd, buffer, count, offset);
}

// Four times of five nothing can be sent; else up to 3000 bytes can.
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    ssize_t (*real)(int, const struct msghdr *, int) = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
    struct msghdr less = *message;
    struct iovec first;
    size_t i, limit;
    if (!pieces || !ours(fd)) return real(fd, message, flags);
    if (next_random() % 5) {
        say("sendmsg", "EAGAIN");
        errno = EAGAIN;
        return -1;
    }
    for (i = 0; i + 1 < (size_t)message->msg_iovlen && !message->msg_iov[i].iov_len; i++) {}
    limit = next_random() % 4 ? 1 + next_random() % 3000 : 1;
    first = message->msg_iov[i];
    if (first.iov_len > limit) first.iov_len = limit;
    less.msg_iov = &first;
    less.msg_iovlen = 1;
    say("sendmsg", "short");
    return real(fd, &less, flags);
}

// Every second time there is nothing; else one byte.
ssize_t recv(int fd, void *buffer, size_t length, int flags) {
    ssize_t (*real)(int, void *, size_t, int) = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    if (!pieces || !ours(fd)) return real(fd, buffer, length, flags);
    if (next_random() % 2) {
        errno = EAGAIN;
        return -1;
    }
    return real(fd, buffer, length ? 1 : 0, flags);
}
