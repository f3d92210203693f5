/* Uploads files with libcurl's easy interface. The API and its key are in the environment. */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct text {
  size_t length;
  char bytes[8192];
};

static size_t collect(char *data, size_t size, size_t count, void *user_data) {
  struct text *text = user_data;
  if (size * count >= sizeof text->bytes - text->length) return 0;
  memcpy(text->bytes + text->length, data, size * count);
  text->length += size * count;
  text->bytes[text->length] = '\0';
  return size * count;
}

/* The value of a member that is a string without escapes. */
static int member(const char *json, const char *name, char *value, size_t room) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\":\"", name);
  const char *found = strstr(json, key);
  if (found == NULL) return 0;
  found += strlen(key);
  snprintf(value, room, "%.*s", (int)strcspn(found, "\""), found);
  return 1;
}

static CURLcode reserve(CURL *curl, const char *path, long long size, struct text *place) {
  char url[256], key[256], body[512];
  snprintf(url, sizeof url, "%s/v3/attachments", getenv("LINQ_API_V3_BASE_URL"));
  snprintf(key, sizeof key, "Authorization: Bearer %s", getenv("LINQ_API_V3_API_KEY"));
  const char *slash = strrchr(path, '/');
  snprintf(body, sizeof body, "{\"filename\":\"%s\",\"content_type\":\"text/plain\",\"size_bytes\":%lld}",
           slash == NULL ? path : slash + 1, size);
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  headers = curl_slist_append(headers, key);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, place);
  CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  return code;
}

static CURLcode put(CURL *curl, FILE *file, long long size, const char *url, const char *type) {
  char header[256];
  snprintf(header, sizeof header, "Content-Type: %s", type);
  struct curl_slist *headers = curl_slist_append(NULL, header);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READDATA, file);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
  CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  return code;
}

/* curl_easy_reset keeps connections, and nothing else. */
static void begin(CURL *curl, struct text *answer) {
  curl_easy_reset(curl);
  answer->length = 0;
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static int upload(CURL *curl, const char *path) {
  struct text answer;
  char url[4096], type[128];
  struct stat status;
  FILE *file = fopen(path, "rb");
  if (file == NULL || fstat(fileno(file), &status) != 0) {
    perror(path);
    return 0;
  }
  begin(curl, &answer);
  CURLcode code = reserve(curl, path, (long long)status.st_size, &answer);
  if (code == CURLE_OK && member(answer.bytes, "upload_url", url, sizeof url) &&
      member(answer.bytes, "Content-Type", type, sizeof type)) {
    begin(curl, &answer);
    code = put(curl, file, (long long)status.st_size, url, type);
  } else if (code == CURLE_OK) {
    code = CURLE_WEIRD_SERVER_REPLY;
  }
  fclose(file);
  if (code != CURLE_OK) fprintf(stderr, "%s: %s\n", path, curl_easy_strerror(code));
  return code == CURLE_OK;
}

int main(int count, char **files) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *curl = curl_easy_init();
  for (int i = 1; i < count; i++)
    if (!upload(curl, files[i])) return 1;
  curl_easy_cleanup(curl);
  curl_global_cleanup();
}
