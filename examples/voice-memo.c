/*
 * voice-memo: uploads a recording and sends it into a chat as a voice memo.
 *
 *     voice-memo CHAT_ID FILE
 *
 *     cc voice-memo.c -llinq -o voice-memo
 *
 * The key is in LINQ_API_V3_API_KEY. Linq's answer goes to stdout as JSON.
 */
#include <linq.h>

#include <stdio.h>
#include <string.h>

static int failed(const char *what, linq_error *error) {
  fprintf(stderr, "voice-memo: %s: %s\n", what, error->message);
  linq_free(error);
  return 1;
}

/* POST /v3/chats/{chatId}/voicememo takes no idempotency key: without LINQ_REQUEST_REPEATABLE it is never sent twice. */
static linq_status send_into(const char *chat_id, const char *attachment_id, linq_response **response,
                             linq_error **error) {
  char path[256], json[1024];
  int length = snprintf(path, sizeof path, "/v3/chats/%s/voicememo", chat_id);
  if (length < 0 || (size_t)length >= sizeof path) path[0] = '\0'; /* too long for an id: refused as an empty path */
  snprintf(json, sizeof json, "{\"attachment_id\":\"%s\"}", attachment_id);
  linq_request request = linq_request_default();
  request.method = "POST";
  request.path = path;
  request.json = json;
  return linq_send_request(NULL, &request, NULL, response, error);
}

int main(int count, char **words) {
  if (count != 3) {
    fputs("usage: voice-memo CHAT_ID FILE\n", stderr);
    return 2;
  }
  const char *type = linq_content_type(words[2], NULL, 0);
  if (type == NULL || strncmp(type, "audio/", 6) != 0) {
    fprintf(stderr, "voice-memo: %s: not a recording by its name\n", words[2]);
    return 1;
  }
  linq_attachment *attachment = NULL;
  linq_response *response = NULL;
  linq_error *error = NULL;
  if (linq_upload_file(NULL, words[2], NULL, &attachment, &error) != LINQ_OK) return failed(words[2], error);
  linq_status status = send_into(words[1], attachment->attachment_id, &response, &error);
  linq_free(attachment);
  if (status != LINQ_OK) return failed(words[1], error);
  printf("%s\n", response->json != NULL ? response->json : "");
  linq_free(response);
  return 0;
}
