/*
 * Uploads the last of the files with liblinq and prints how many seconds that took: upload-again [FIRST] FILE. With two
 * files, the first is uploaded 10 s before; with one, the client is connected before.
 */
#define _GNU_SOURCE
#include <linq.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int failed(linq_error *error) {
  fprintf(stderr, "%s\n", error->message);
  linq_free(error);
  return 1;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **files) {
  linq_error *error = NULL;
  linq_attachment *attachment = NULL;
  if (count == 3) {
    if (linq_upload_file(NULL, files[1], NULL, &attachment, &error) != LINQ_OK) return failed(error);
    linq_free(attachment);
    sleep(10);
  } else if (linq_client_connect(NULL, NULL, NULL, &error) != LINQ_OK) {
    return failed(error);
  }
  double start = seconds();
  if (linq_upload_file(NULL, files[count - 1], NULL, &attachment, &error) != LINQ_OK) return failed(error);
  printf("%.6f\n", seconds() - start);
  linq_free(attachment);
}
