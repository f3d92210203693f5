/* A place of the split use that expires, and the callback that gives the next. */
#include "support/check.h"

static linq_client *g_server;
static linq_client *g_phone;

static linq_presigned *reserve(const char *filename, uint64_t size) {
  linq_file file = linq_file_default();
  file.filename = filename;
  file.size_bytes = size;
  linq_presigned *presigned = POISON(linq_presigned);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_presign(g_server, &file, NULL, &presigned, &error), LINQ_OK, error);
  return presigned;
}

static linq_presigned *reserve_expired(void) {
  calm();
  fault("{\"side\":\"api\",\"method\":\"POST\",\"times\":1,\"fault\":{\"expired\":true}}");
  return reserve("a.txt", 5);
}

/* What the callback below gives, and what it saw. */
struct app {
  linq_presigned *old;
  void *gives;
  int times;
  int frees_the_view;
  int gives_the_view;
  int asks_the_server;
  int frees_what_is_in_use;
  linq_cancel_token *cancels;
};

static linq_presigned *renew(void *renew_user_data, const linq_presigned *expired) {
  struct app *app = renew_user_data;
  app->times++;
  CHECK(expired != NULL && expired != app->old && expired->struct_size == sizeof *expired);
  CHECK_TEXT(expired->filename, "a.txt");
  CHECK_TEXT(expired->content_type, "text/plain");
  CHECK(expired->size_bytes == 5 && strlen(expired->attachment_id) == 36);
  CHECK(expired->json[0] == '{' && expired->header_count >= 2);
  if (app->frees_the_view) {
    linq_free((void *)(uintptr_t)expired); /* left alone */
    CHECK_TEXT(expired->filename, "a.txt");
  }
  if (app->cancels != NULL) linq_cancel_token_cancel(app->cancels);
  if (app->frees_what_is_in_use) { /* takes effect after the call */
    linq_free(g_phone);
    linq_free(app->old);
  }
  if (app->gives_the_view) return (linq_presigned *)(uintptr_t)expired;
  if (app->asks_the_server) return reserve(expired->filename, expired->size_bytes);
  return app->gives;
}

static linq_status upload(struct app *app, linq_attachment **attachment, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = linq_upload_options_default();
  options.renew = renew;
  options.renew_user_data = app;
  options.cancel = app->cancels;
  *attachment = POISON(linq_attachment);
  *error = POISON(linq_error);
  return linq_upload_presigned(g_phone, app->old, &source, &options, attachment, error);
}

static void the_call_goes_on_with_the_place_that_is_given(void) {
  for (int again = 0; again < 2; again++) {
    struct app app = {.old = reserve_expired(), .frees_the_view = 1, .asks_the_server = again};
    linq_presigned *next = again ? NULL : reserve("a.txt", 5);
    char id[64] = "";
    if (next != NULL) snprintf(id, sizeof id, "%s", next->attachment_id);
    app.gives = next;
    linq_attachment *attachment;
    linq_error *error;
    CHECK_STATUS(upload(&app, &attachment, &error), LINQ_OK, error);
    CHECK(error == NULL && app.times == 1 && attachment->attempts == 2);
    if (next != NULL) CHECK_TEXT(attachment->attachment_id, id);
    CHECK(strcmp(attachment->attachment_id, app.old->attachment_id) != 0);
    linq_free(attachment);
    linq_free(next); /* the library's, and gone: left alone */
    linq_free(app.old);
  }
}

static void without_another_place_it_is_expired(void) {
  struct app app = {.old = reserve_expired()};
  linq_attachment *attachment;
  linq_error *error;
  CHECK_STATUS(upload(&app, &attachment, &error), LINQ_EXPIRED, error);
  CHECK(attachment == NULL && app.times == 1 && error->http_status == 403);
  CHECK(error->attempts == 2 && error->retryable == 0);
  CHECK_TEXT(error->storage_code, "AccessDenied");
  CHECK_TEXT(error->attachment_id, app.old->attachment_id);
  CHECK_HAS(error->message, "no other was given");
  CHECK(strstr(error->message, "X-Amz-Signature") == NULL);
  linq_free(error);
  linq_free(app.old);
}

static void what_is_no_place_is_refused_and_not_freed(void) {
  static const char *const why = "renew returned something that is not a live linq_presigned";
  linq_attachment *attachment;
  linq_error *error;
  int stranger = 7;
  struct app app = {.old = reserve_expired()};
  linq_presigned *freed = reserve("a.txt", 5); /* after the old place, which could get its address */
  linq_free(freed);
  void *wrong[] = {&stranger, freed, g_server, (void *)1};
  for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
    app.gives_the_view = i == sizeof wrong / sizeof *wrong;
    if (!app.gives_the_view) app.gives = wrong[i];
    CHECK_STATUS(upload(&app, &attachment, &error), LINQ_INVALID_ARGUMENT, error);
    CHECK_HAS(error->message, why);
    CHECK(attachment == NULL);
    linq_free(error);
  }
  CHECK(stranger == 7);
  linq_free(reserve("a.txt", 5)); /* the client is still there */
  linq_free(app.old);
}

static void a_place_for_another_file_is_refused(void) {
  linq_attachment *attachment;
  linq_error *error;
  for (int named = 0; named < 2; named++) {
    struct app app = {.old = reserve_expired()};
    app.gives = named ? reserve("b.txt", 5) : reserve("a.txt", 6);
    CHECK_STATUS(upload(&app, &attachment, &error), LINQ_UNSUPPORTED, error);
    CHECK_HAS(error->message, named ? "b.txt" : "6");
    CHECK(attachment == NULL && app.times == 1);
    linq_free(error);
    linq_free(app.gives); /* the library's all the same: left alone */
    linq_free(app.old);
  }
}

static void a_place_that_is_expired_too_ends_the_call(void) {
  linq_attachment *attachment;
  linq_error *error;
  struct app app = {.old = reserve_expired()};
  app.gives = reserve_expired();
  CHECK_STATUS(upload(&app, &attachment, &error), LINQ_EXPIRED, error);
  CHECK(app.times == 1 && error->attempts == 2 && error->retryable == 0);
  CHECK_HAS(error->message, "it was renewed just now");
  linq_free(error);
  linq_free(app.old);
}

static void cancelling_while_it_runs(void) {
  linq_attachment *attachment;
  linq_error *error;
  for (int given = 0; given < 2; given++) {
    struct app app = {.old = reserve_expired()};
    app.cancels = linq_cancel_token_new();
    if (given) app.gives = reserve("a.txt", 5);
    CHECK_STATUS(upload(&app, &attachment, &error), LINQ_CANCELLED, error);
    CHECK(app.times == 1 && attachment == NULL && error->http_status == 403);
    linq_free(error);
    linq_free(app.cancels);
    linq_free(app.old);
  }
}

static void an_older_caller_has_none(void) {
  struct app app = {.old = reserve_expired()};
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = linq_upload_options_default();
  options.renew = renew;
  options.renew_user_data = &app;
  options.struct_size = offsetof(linq_upload_options, renew);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload_presigned(g_phone, app.old, &source, &options, &attachment, &error),
               LINQ_EXPIRED, error);
  CHECK(app.times == 0 && error->attempts == 1);
  linq_free(error);
  linq_free(app.old);
}

/* Last, as it takes the client along. */
static void what_the_call_uses_may_be_freed_in_there(void) {
  struct app app = {.old = reserve_expired(), .frees_what_is_in_use = 1, .asks_the_server = 1};
  linq_attachment *attachment;
  linq_error *error;
  CHECK_STATUS(upload(&app, &attachment, &error), LINQ_OK, error);
  CHECK(app.times == 1 && attachment->attempts == 2);
  linq_free(attachment);
}

int main(void) {
  g_server = client_of(api(), key());
  linq_client_options options = options_for(NULL, NULL);
  options.flags |= LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
  g_phone = client_with(&options);
  RUN(the_call_goes_on_with_the_place_that_is_given);
  RUN(without_another_place_it_is_expired);
  RUN(what_is_no_place_is_refused_and_not_freed);
  RUN(a_place_for_another_file_is_refused);
  RUN(a_place_that_is_expired_too_ends_the_call);
  RUN(cancelling_while_it_runs);
  RUN(an_older_caller_has_none);
  RUN(what_the_call_uses_may_be_freed_in_there);
  linq_free(g_server);
  return done("renew");
}
