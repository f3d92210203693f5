/*
 * Calls the library as its arguments say, and tells on stdout what came of each call, a line each:
 *
 *     call STATUS HTTP_STATUS MS AFTER_CANCEL_MS MESSAGE
 *     log LINE
 *     end DESCRIPTORS_LEFT KIBIBYTES
 *
 * client put|whole|get BASE_URL PLACE SIZE TIMEOUT_MS STALL_MS ATTEMPTS CANCEL_AFTER_MS CALLS
 *
 * PLACE is the JSON for put. CANCEL_AFTER_MS is below zero where nobody cancels. The key and the certificates to trust are
 * in the environment.
 */
#define _POSIX_C_SOURCE 200809L
#include <linq.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int descriptors(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (folder != NULL && readdir(folder) != NULL) count++;
  if (folder != NULL) closedir(folder);
  return count;
}

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data;
  (void)level;
  printf("log %s\n", line);
}

struct canceller {
  linq_cancel_token *token;
  int64_t after_ms;
  int64_t at;
};

static void *cancel(void *argument) {
  struct canceller *canceller = argument;
  struct timespec wait = {canceller->after_ms / 1000, canceller->after_ms % 1000 * 1000000};
  nanosleep(&wait, NULL);
  canceller->at = now_ms();
  linq_cancel_token_cancel(canceller->token);
  return NULL;
}

struct plan {
  const char *what;
  const char *place;
  char *bytes;
  size_t size;
  uint32_t timeout_ms;
  int64_t cancel_after_ms;
};

static linq_status run(const struct plan *plan, linq_client *client, linq_cancel_token *token, linq_error **error) {
  if (strcmp(plan->what, "get") == 0) {
    linq_call_options options = linq_call_options_default();
    options.timeout_ms = plan->timeout_ms;
    options.cancel = token;
    linq_attachment_info *info = NULL;
    linq_status status = linq_attachment_get(client, "a", &options, &info, error);
    linq_free(info);
    return status;
  }
  linq_upload_options options = linq_upload_options_default();
  options.filename = "hostile.txt";
  options.timeout_ms = plan->timeout_ms;
  options.cancel = token;
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_BYTES;
  source.bytes = plan->bytes;
  source.length = plan->size;
  linq_attachment *attachment = NULL;
  linq_presigned *place = NULL;
  linq_status status;
  if (strcmp(plan->what, "put") == 0) {
    status = linq_presigned_parse(plan->place, strlen(plan->place), &place, error);
    if (status == LINQ_OK) status = linq_upload_presigned(client, place, &source, &options, &attachment, error);
  } else {
    status = linq_upload(client, &source, &options, &attachment, error);
  }
  linq_free(place);
  linq_free(attachment);
  return status;
}

static void call(const struct plan *plan, linq_client *client) {
  struct canceller canceller = {linq_cancel_token_new(), plan->cancel_after_ms, -1};
  pthread_t thread;
  int64_t began = now_ms();
  if (plan->cancel_after_ms >= 0 && pthread_create(&thread, NULL, cancel, &canceller) != 0) exit(3);
  linq_error *error = NULL;
  linq_status status = run(plan, client, canceller.token, &error);
  int64_t ended = now_ms();
  if (plan->cancel_after_ms >= 0) pthread_join(thread, NULL);
  int64_t after = canceller.at >= 0 && ended >= canceller.at ? ended - canceller.at : -1;
  printf("call %d %u %lld %lld %s\n", status, error == NULL ? 0 : error->http_status, (long long)(ended - began),
         (long long)after, error == NULL ? "" : error->message);
  if (error != NULL)
    printf("log %s %s %s %s %s\n", error->storage_code ? error->storage_code : "",
           error->storage_request_id ? error->storage_request_id : "", error->storage_id_2 ? error->storage_id_2 : "",
           error->doc_url ? error->doc_url : "", error->trace_id ? error->trace_id : "");
  if (error != NULL && error->status != status) exit(4);
  linq_free(error);
  linq_free(canceller.token);
}

int main(int argc, char **argv) {
  if (argc != 10) return 2;
  struct plan plan = {argv[1], argv[3], NULL, (size_t)atol(argv[4]), (uint32_t)atoi(argv[5]), atoi(argv[8])};
  plan.bytes = malloc(plan.size);
  if (plan.bytes == NULL) return 2;
  memset(plan.bytes, 'a', plan.size);
  if (linq_set_log(on_line, NULL, LINQ_LOG_DEBUG) != LINQ_OK) return 2;
  int before = descriptors();

  linq_client_options options = linq_client_options_default();
  options.base_url = argv[2];
  options.flags = LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
  options.stall_timeout_ms = (uint32_t)atoi(argv[6]);
  options.connect_timeout_ms = options.stall_timeout_ms;
  options.max_attempts = (uint32_t)atoi(argv[7]);
  linq_client *client = NULL;
  linq_error *error = NULL;
  if (linq_client_new(&options, &client, &error) != LINQ_OK) {
    fprintf(stderr, "%s\n", error->message);
    return 2;
  }
  for (int i = 0; i < atoi(argv[9]); i++) call(&plan, client);
  linq_free(client);

  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("end %d %ld\n", descriptors() - before, usage.ru_maxrss);
  free(plan.bytes);
  return 0;
}
