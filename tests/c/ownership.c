/* linq_free: one function for everything; what is not live is left alone. */
#include "support/check.h"

static linq_client *g_client;
static int g_warnings;
static char g_warning[512];

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data;
  if (level != LINQ_LOG_WARN) return;
  g_warnings++;
  snprintf(g_warning, sizeof g_warning, "%s", line);
}

static linq_attachment *upload(void) {
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  return attachment;
}

static void null_is_fine(void) {
  int before = g_warnings;
  linq_free(NULL);
  CHECK(g_warnings == before);
}

static void a_member_string_is_left_alone_and_logged(void) {
  linq_attachment *attachment = upload();
  char id[64];
  snprintf(id, sizeof id, "%s", attachment->attachment_id);
  int before = g_warnings;
  linq_free((void *)(uintptr_t)attachment->attachment_id);
  linq_free((void *)(uintptr_t)attachment->filename);
  CHECK(g_warnings == before + 2);
  CHECK_HAS(g_warning, "linq_free");
  CHECK_TEXT(attachment->attachment_id, id); /* still alive */
  linq_free(attachment);
}

static void a_second_free_is_left_alone_and_logged(void) {
  linq_attachment *attachment = upload();
  linq_error *error = NULL;
  linq_free(attachment);
  int before = g_warnings;
  linq_free(attachment);
  CHECK(g_warnings == before + 1);
  CHECK(linq_upload_file(g_client, NULL, NULL, &attachment, &error) == LINQ_INVALID_ARGUMENT);
  linq_free(error);
  before = g_warnings;
  linq_free(error);
  CHECK(g_warnings == before + 1);
}

static void what_was_never_ours_is_left_alone(void) {
  int on_the_stack = 7;
  char *on_the_heap = malloc(16);
  CHECK(on_the_heap != NULL);
  int before = g_warnings;
  linq_free(&on_the_stack);
  linq_free(on_the_heap);
  linq_free((void *)(uintptr_t)1);
  linq_free((void *)UINTPTR_MAX);
  linq_free((void *)(uintptr_t)linq_version());
  linq_free((void *)(uintptr_t)linq_status_name(LINQ_OK));
  CHECK(g_warnings == before + 6);
  CHECK(on_the_stack == 7);
  free(on_the_heap);
}

static void a_freed_client_or_token_is_found_out(void) {
  linq_client *client = client_of(api(), key());
  linq_cancel_token *token = linq_cancel_token_new();
  CHECK(token != NULL);
  linq_free(client);
  linq_free(token);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file(client, "x", NULL, &attachment, &error), LINQ_INVALID_ARGUMENT,
               error);
  CHECK_HAS(error->message, "client is not a live linq_client");
  linq_free(error);
  linq_upload_options options = linq_upload_options_default();
  options.cancel = token;
  CHECK_STATUS(linq_upload_file(g_client, "x", &options, &attachment, &error),
               LINQ_INVALID_ARGUMENT, error);
  CHECK_HAS(error->message, "linq_upload_options.cancel is not a live linq_cancel_token");
  linq_free(error);
  int before = g_warnings;
  linq_free(client);
  linq_free(token);
  CHECK(g_warnings == before + 2);
}

static void one_object_is_not_taken_for_another(void) {
  linq_cancel_token *token = linq_cancel_token_new();
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file((linq_client *)token, "x", NULL, &attachment, &error),
               LINQ_INVALID_ARGUMENT, error);
  linq_free(error);
  linq_upload_options options = linq_upload_options_default();
  options.cancel = (linq_cancel_token *)g_client;
  CHECK_STATUS(linq_upload_file(g_client, "x", &options, &attachment, &error),
               LINQ_INVALID_ARGUMENT, error);
  linq_free(error);
  linq_free(token);
}

static void the_strings_of_a_result_are_inside_its_block(void) {
  linq_attachment *attachment = upload();
  const char *texts[] = {attachment->attachment_id, attachment->download_url, attachment->filename,
                         attachment->content_type};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    ptrdiff_t distance = texts[i] - (const char *)attachment;
    CHECK(distance >= (ptrdiff_t)sizeof *attachment && distance < 4096);
  }
  linq_free(attachment);
}

static void results_outlive_their_client(void) {
  linq_client *client = client_of(api(), key());
  linq_presigned *presigned = NULL;
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  CHECK(linq_presign(client, &file, NULL, &presigned, NULL) == LINQ_OK);
  linq_free(client);
  CHECK_TEXT(presigned->http_method, "PUT");
  linq_free(presigned);
}

int main(void) {
  g_client = client_of(api(), key());
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_WARN) == LINQ_OK);
  RUN(null_is_fine);
  RUN(a_member_string_is_left_alone_and_logged);
  RUN(a_second_free_is_left_alone_and_logged);
  RUN(what_was_never_ours_is_left_alone);
  RUN(a_freed_client_or_token_is_found_out);
  RUN(one_object_is_not_taken_for_another);
  RUN(the_strings_of_a_result_are_inside_its_block);
  RUN(results_outlive_their_client);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  linq_free(g_client);
  return done("ownership");
}
