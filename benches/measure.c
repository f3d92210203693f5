/*
 * Runs a program, its stdout away, and prints what it took: seconds of wall, seconds of CPU (user and system), peak
 * memory in KiB, and its exit status.
 *
 * A small program of its own, because the kernel counts as a child's peak memory also what its parent had when it
 * started the child: a driver in Python would hide everything below 12 MiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **words) {
  if (count < 2) {
    fputs("usage: measure PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  double start = seconds();
  pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    execvp(words[1], words + 1);
    perror(words[1]);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    perror("measure");
    return 1;
  }
  double wall = seconds() - start;
  double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  printf("%.6f %.6f %ld %d\n", wall, cpu, usage.ru_maxrss, status);
}
