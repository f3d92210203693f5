/*
 * A link between two network namespaces: a TUN device in each, and this program between them.
 *
 *     link NAMESPACE NAMESPACE
 *
 * Makes the devices, both named "link", and prints "ready". From then on each line on stdin sets what the link is like,
 * and is answered with a line: how many packets were lost at random and how many found the queue full since the last one.
 *
 *     ROUND_TRIP_MS MBIT_PER_S LOSS_PERCENT QUEUE_BYTES SEED
 *
 * Each direction has this rate, half of the round trip as delay, this loss, and a queue in front of it. Ends with its stdin.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* As many as may be on the way in one direction: 12 MB. */
enum { MTU = 1500, PACKETS = 1 << 13 };

struct packet {
  uint64_t sent; /* nanoseconds: when its last bit has left the queue */
  uint16_t length;
  bool lost;
  unsigned char bytes[MTU];
};

/* One direction: a ring in the order of arrival. The packets from `first` to `queued` are on their way. */
struct direction {
  int from, to;
  uint64_t free_at; /* when the last bit of all packets so far has left */
  size_t first, queued, end, queued_bytes;
  struct packet packets[PACKETS];
};

static struct direction directions[2];
static double delay, bytes_per_ns, loss;
static size_t queue_bytes;
static uint64_t state, lost, dropped;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* splitmix64, from 0 to 1. */
static double random_fraction(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int open_device(const char *namespace) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) die(path);
  close(fd);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "link");
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0) die("/dev/net/tun");
  return device;
}

/* Takes what the system sends. */
static void take(struct direction *direction) {
  for (;;) {
    unsigned char bytes[MTU];
    ssize_t length = read(direction->from, bytes, sizeof bytes);
    if (length <= 0) return;
    uint64_t time = now();
    for (; direction->queued < direction->end; direction->queued++) {
      const struct packet *next = &direction->packets[direction->queued % PACKETS];
      if (next->sent > time) break;
      direction->queued_bytes -= next->length;
    }
    if (direction->queued_bytes + (size_t)length > queue_bytes || direction->end - direction->first == PACKETS) {
      dropped++;
      continue;
    }
    struct packet *packet = &direction->packets[direction->end % PACKETS];
    memcpy(packet->bytes, bytes, (size_t)length);
    packet->length = (uint16_t)length;
    if (direction->free_at < time) direction->free_at = time;
    packet->sent = direction->free_at += (uint64_t)((double)length / bytes_per_ns);
    /* What is lost takes its time on the link too. */
    packet->lost = random_fraction() < loss;
    lost += packet->lost;
    direction->queued_bytes += (size_t)length;
    direction->end++;
  }
}

/* Hands over what has arrived, and says when the next packet does. */
static uint64_t deliver(struct direction *direction) {
  for (; direction->first < direction->end; direction->first++) {
    struct packet *packet = &direction->packets[direction->first % PACKETS];
    if (packet->sent + (uint64_t)delay > now()) return packet->sent + (uint64_t)delay;
    if (direction->queued == direction->first) {
      direction->queued++;
      direction->queued_bytes -= packet->length;
    }
    if (!packet->lost && write(direction->to, packet->bytes, packet->length) < 0 && errno != EIO) perror("link");
  }
  return UINT64_MAX;
}

static void configure(void) {
  char line[256];
  double round_trip, rate, percent;
  unsigned long long bytes, seed;
  if (fgets(line, sizeof line, stdin) == NULL) exit(0);
  if (sscanf(line, "%lf %lf %lf %llu %llu", &round_trip, &rate, &percent, &bytes, &seed) != 5) {
    fputs("link: want ROUND_TRIP_MS MBIT_PER_S LOSS_PERCENT QUEUE_BYTES SEED\n", stderr);
    exit(2);
  }
  delay = round_trip / 2 * 1e6;
  bytes_per_ns = rate / 8e3;
  loss = percent / 100;
  queue_bytes = (size_t)bytes;
  state = seed;
  printf("%llu %llu\n", (unsigned long long)lost, (unsigned long long)dropped);
  lost = dropped = 0;
}

int main(int count, char **words) {
  if (count != 3) {
    fputs("usage: link NAMESPACE NAMESPACE\n", stderr);
    return 2;
  }
  setvbuf(stdin, NULL, _IONBF, 0); /* so that poll sees every line */
  setvbuf(stdout, NULL, _IOLBF, 0);
  int near = open_device(words[1]), far = open_device(words[2]);
  directions[0].from = directions[1].to = near;
  directions[0].to = directions[1].from = far;
  /* Late packets would be measured as a slow link. Without the permission it works too. */
  struct sched_param priority = {.sched_priority = 10};
  if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) perror("link: no real-time priority");
  if (mlockall(MCL_CURRENT) != 0) perror("link: mlockall");
  prctl(PR_SET_TIMERSLACK, 1000);
  delay = 0, bytes_per_ns = 1, queue_bytes = 1 << 20;
  puts("ready");

  for (;;) {
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
      take(&directions[i]);
      uint64_t at = deliver(&directions[i]);
      if (at < next) next = at;
    }
    uint64_t time = now(), wait = next > time ? next - time : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};
    struct pollfd ready[] = {{near, POLLIN, 0}, {far, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (ppoll(ready, 3, next == UINT64_MAX ? NULL : &timeout, NULL) < 0 && errno != EINTR) die("ppoll");
    if (ready[2].revents != 0) configure();
  }
}
