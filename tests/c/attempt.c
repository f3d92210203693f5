/* The reports of each request. */
#include "support/check.h"

static linq_client *g_client;

/* Copies of the reports, whose texts are gone after each call. */
struct told {
  int count;
  linq_attempt all[16];
  char host[16][64], request_id[16][128], reason[16][512];
  int calls_back, frees;
};

static void collect(void *attempt_user_data, const linq_attempt *attempt) {
  struct told *told = attempt_user_data;
  CHECK(told->count < 16 && attempt->struct_size == sizeof *attempt && LINQ_HAS(attempt, again_in_ms));
  uint64_t parts = attempt->lookup_us + attempt->connect_us + attempt->proxy_us + attempt->tls_us +
                   attempt->send_us + attempt->wait_us + attempt->receive_us;
  CHECK(parts <= attempt->total_us && attempt->total_us - parts < 1000);
  CHECK(attempt->number >= 1 && (attempt->reason == NULL) == (attempt->status == LINQ_OK));
  int at = told->count++;
  told->all[at] = *attempt;
  snprintf(told->host[at], sizeof told->host[at], "%s", attempt->host);
  snprintf(told->request_id[at], sizeof told->request_id[at], "%s",
           attempt->request_id != NULL ? attempt->request_id : "");
  snprintf(told->reason[at], sizeof told->reason[at], "%s",
           attempt->reason != NULL ? attempt->reason : "");
  if (told->frees) linq_free((void *)(uintptr_t)attempt); /* left alone */
  if (told->calls_back) {
    linq_source source = from_memory("inner", 5);
    linq_upload_options options = named("inner.txt", NULL);
    linq_attachment *attachment = NULL;
    CHECK(linq_upload(g_client, &source, &options, &attachment, NULL) == LINQ_OK);
    linq_free(attachment);
  }
}

static void upload(struct told *told, linq_status expected, uint32_t timeout_ms) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.attempt = collect;
  options.attempt_user_data = told;
  options.timeout_ms = timeout_ms;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), expected, error);
  linq_free(attachment);
  linq_free(error);
}

static void each_request_of_an_upload_is_told(void) {
  calm();
  for (int round = 0; round < 2; round++) {
    struct told told = {.frees = 1, .calls_back = round};
    upload(&told, LINQ_OK, 0);
    CHECK(told.count == 2);
    CHECK(told.all[0].step == LINQ_STEP_RESERVE && told.all[1].step == LINQ_STEP_PUT);
    for (int i = 0; i < 2; i++) {
      CHECK_TEXT(told.host[i], "127.0.0.1");
      CHECK(strlen(told.request_id[i]) > 5 && told.all[i].http_status == 200);
      CHECK(told.all[i].number == 1 && told.all[i].again_in_ms == 0);
      CHECK(told.all[i].bytes_sent > 100 && told.all[i].bytes_received > 50);
      CHECK(told.all[i].total_us > 0 && told.all[i].tls_us == 0 && told.all[i].proxy_us == 0);
      if (told.all[i].reused) CHECK(told.all[i].lookup_us == 0 && told.all[i].connect_us == 0);
    }
    CHECK(told.all[0].reused == (uint32_t)round && told.all[1].reused == (uint32_t)round);
  }
}

static void failures_are_told_with_their_reasons(void) {
  calm();
  fault("{\"side\":\"storage\",\"method\":\"PUT\",\"fault\":{\"respond\":{\"status\":503,\"code\":"
        "\"SlowDown\",\"headers\":[[\"retry-after-ms\",\"20\"]]}}}");
  struct told told = {.count = 0};
  upload(&told, LINQ_OK, 0);
  CHECK(told.count == 3);
  CHECK(told.all[1].status == LINQ_STORAGE && told.all[1].http_status == 503);
  CHECK(told.all[1].again_in_ms == 20 && told.all[1].number == 1);
  CHECK_HAS(told.reason[1], "SlowDown");
  CHECK(told.all[2].status == LINQ_OK && told.all[2].number == 2);
  CHECK(strstr(told.reason[1], "X-Amz-Signature") == NULL);

  calm();
  fault("{\"side\":\"api\",\"fault\":{\"no_answer\":true}}");
  struct told late = {.count = 0};
  upload(&late, LINQ_TIMEOUT, 200);
  CHECK(late.count == 1 && late.all[0].status == LINQ_TIMEOUT && late.all[0].http_status == 0);
  CHECK(late.all[0].wait_us > 50000 && late.all[0].again_in_ms == 0);
}

static void other_calls_tell_theirs(void) {
  calm();
  struct told told = {.count = 0};
  linq_call_options call = linq_call_options_default();
  call.attempt = collect;
  call.attempt_user_data = &told;
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_presign(g_client, &file, &call, &place, &error), LINQ_OK, error);
  linq_attachment_info *info = NULL;
  CHECK_STATUS(linq_attachment_get(g_client, place->attachment_id, &call, &info, &error), LINQ_OK,
               error);
  CHECK_STATUS(linq_attachment_delete(g_client, place->attachment_id, &call, &error), LINQ_OK, error);
  CHECK_STATUS(linq_attachment_delete(g_client, "x y", &call, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK(told.count == 3); /* what sends nothing tells nothing */
  CHECK(told.all[0].step == LINQ_STEP_RESERVE && told.all[1].step == LINQ_STEP_OTHER);
  CHECK(told.all[2].step == LINQ_STEP_OTHER && told.all[2].http_status / 100 == 2);
  linq_free(error);
  linq_free(info);
  linq_free(place);
}

static void an_older_caller_hears_nothing(void) {
  calm();
  struct told told = {.count = 0};
  linq_call_options call = linq_call_options_default();
  call.attempt = collect;
  call.attempt_user_data = &told;
  call.struct_size = offsetof(linq_call_options, attempt);
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  CHECK(linq_presign(g_client, &file, &call, &place, NULL) == LINQ_OK && told.count == 0);
  linq_free(place);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(each_request_of_an_upload_is_told);
  RUN(failures_are_told_with_their_reasons);
  RUN(other_calls_tell_theirs);
  RUN(an_older_caller_hears_nothing);
  linq_free(g_client);
  return done("attempt");
}
