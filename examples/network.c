#define _POSIX_C_SOURCE 200809L

#include "network.h"

#ifdef __linux__
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static int network = -1;
static int network_end[2]; /* a pipe: when it is closed, the thread ends */
static pthread_t network_thread;

static void *watch_network(void *client) {
  char message[8192];
  struct pollfd either[] = {{network, POLLIN, 0}, {network_end[0], POLLIN, 0}};
  while (poll(either, 2, -1) > 0 && either[1].revents == 0) {
    if (recv(network, message, sizeof message, 0) <= 0 && errno != ENOBUFS) break;
    linq_network_changed(client);
  }
  return NULL;
}

void start_network(linq_client *client) {
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
  network = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  bool listens = network >= 0 && bind(network, (struct sockaddr *)&groups, sizeof groups) == 0;
  if (listens) listens = pipe(network_end) == 0;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
  bool runs = listens && pthread_create(&network_thread, NULL, watch_network, client) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (runs || network < 0) return;
  if (listens) {
    close(network_end[0]);
    close(network_end[1]);
  }
  close(network);
  network = -1;
}

void stop_network(void) {
  if (network < 0) return;
  close(network_end[1]);
  pthread_join(network_thread, NULL);
  close(network_end[0]);
  close(network);
}
#else
void start_network(linq_client *client) { (void)client; }
void stop_network(void) {}
#endif
