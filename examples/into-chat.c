/*
 * into-chat: uploads a file and sends it into a chat that is there.
 *
 *     into-chat CHAT_ID FILE
 *
 *     cc into-chat.c -llinq -o into-chat
 *
 * The key is in LINQ_API_V3_API_KEY. Linq's answer goes to stdout as JSON.
 */
#include <linq.h>

#include <stdio.h>

static int failed(const char *what, linq_error *error) {
  fprintf(stderr, "into-chat: %s: %s\n", what, error->message);
  linq_free(error);
  return 1;
}

/* POST /v3/chats/{chatId}/messages has no function of its own in linq.h. */
static linq_status send_into(const char *chat_id, const char *attachment_id, linq_response **response,
                             linq_error **error) {
  char path[256], json[1024];
  int length = snprintf(path, sizeof path, "/v3/chats/%s/messages", chat_id);
  if (length < 0 || (size_t)length >= sizeof path) path[0] = '\0'; /* too long for an id: refused as an empty path */
  /* Sent once: the file is new, so its id may be the key of the message. That makes it safe to try again. */
  snprintf(json, sizeof json,
           "{\"message\":{\"parts\":[{\"type\":\"media\",\"attachment_id\":\"%s\"}],\"idempotency_key\":\"%s\"}}",
           attachment_id, attachment_id);
  linq_request request = linq_request_default();
  request.method = "POST";
  request.path = path;
  request.json = json;
  request.flags = LINQ_REQUEST_REPEATABLE;
  return linq_send_request(NULL, &request, NULL, response, error);
}

int main(int count, char **words) {
  if (count != 3) {
    fputs("usage: into-chat CHAT_ID FILE\n", stderr);
    return 2;
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
