/* The options of a client, and what they do. */
#include "support/check.h"

static linq_status upload(linq_client *client, const void *bytes, size_t length, const char *name,
                          linq_error **error) {
  linq_source source = from_memory(bytes, length);
  linq_upload_options options = named(name, NULL);
  linq_attachment *attachment = NULL;
  linq_status status = linq_upload(client, &source, &options, &attachment, error);
  linq_free(attachment);
  return status;
}

static linq_status upload_text(linq_client *client, linq_error **error) {
  return upload(client, "hello", 5, "a.txt", error);
}

static void refused(const linq_client_options *options, linq_status expected) {
  linq_client *client = POISON(linq_client);
  linq_error *error = NULL;
  CHECK_STATUS(linq_client_new(options, &client, &error), expected, error);
  CHECK(client == NULL);
  CHECK(strstr(error->message, "secret") == NULL);
  linq_free(error);
}

static void base_urls_are_understood_or_refused(void) {
  static const char *const wrong[] = {"x", "ftp://example.com", "http://example.com",
                                      "https://user:secret@example.com", "https://", "://"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    linq_client_options options = options_for(wrong[i], key());
    refused(&options, LINQ_INVALID_ARGUMENT);
  }
  static const char *const endings[] = {"", "/", "/v3", "/v3/"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    char url[256];
    snprintf(url, sizeof url, "%s%s", api(), endings[i]);
    linq_client *client = client_of(url, key());
    linq_error *error = NULL;
    CHECK_STATUS(upload_text(client, &error), LINQ_OK, error);
    linq_free(client);
  }
}

static void certificates_come_from_a_file_or_a_text(void) {
  linq_error *error = NULL;
  FILE *file = fopen(ca_file(), "rb");
  CHECK(file != NULL);
  static char pem[65536];
  size_t length = fread(pem, 1, sizeof pem - 1, file);
  pem[length] = '\0';
  fclose(file);
  linq_client_options options = options_for(api_tls(), key());
  options.ca_file = NULL;
  options.ca_pem = pem;
  linq_client *client = client_with(&options);
  CHECK_STATUS(upload_text(client, &error), LINQ_OK, error);
  linq_free(client);

  options.ca_pem = "no certificate in here";
  linq_client *none = POISON(linq_client);
  CHECK(linq_client_new(&options, &none, &error) != LINQ_OK);
  CHECK(none == NULL);
  linq_free(error);
  options.ca_pem = NULL;
  options.ca_file = "/nowhere/ca.pem";
  CHECK_STATUS(linq_client_new(&options, &none, &error), LINQ_FILE, error);
  CHECK_HAS(error->message, "/nowhere/ca.pem");
  linq_free(error);
}

static void the_user_agent_gets_a_suffix(void) {
  calm();
  linq_client_options options = options_for(api(), key());
  options.user_agent = "MyApp/2.1";
  linq_client *client = client_with(&options);
  linq_error *error = NULL;
  CHECK_STATUS(upload_text(client, &error), LINQ_OK, error);
  linq_free(client);
  char *all = requests();
  char agent[64];
  snprintf(agent, sizeof agent, "liblinq/%s MyApp/2.1\"", LINQ_VERSION_STRING);
  CHECK(count(all, agent) == 2);
  free(all);
  options.user_agent = "evil\r\nX-Header: 1";
  refused(&options, LINQ_INVALID_ARGUMENT);
}

static void a_key_that_cannot_be_sent_is_refused(void) {
  linq_client_options options = options_for(api(), "secret\r\nX: y");
  refused(&options, LINQ_INVALID_ARGUMENT);
}

static void webp_and_svg_need_a_flag(void) {
  static const unsigned char webp[] = "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11";
  linq_error *error = NULL;
  linq_client *client = client_of(api(), key());
  CHECK_STATUS(upload(client, webp, sizeof webp, "a.webp", &error), LINQ_UNSUPPORTED, error);
  CHECK_HAS(error->message, "allow WebP and SVG");
  linq_free(error);
  linq_free(client);
  linq_client_options options = options_for(api(), key());
  options.flags |= LINQ_CLIENT_ALLOW_WEBP_SVG;
  client = client_with(&options);
  CHECK_STATUS(upload(client, webp, sizeof webp, "a.webp", &error), LINQ_OK, error);
  linq_free(client);
}

/* A phone's client knows no base URL; a test's place is plain http. */
static void plain_places_need_a_flag(void) {
  linq_client *server = client_of(api(), key());
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  CHECK(linq_presign(server, &file, NULL, &place, NULL) == LINQ_OK);
  linq_free(server);
  linq_source source = from_memory("hello", 5);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_client *phone = client_of(NULL, NULL);
  CHECK_STATUS(linq_upload_presigned(phone, place, &source, NULL, &attachment, &error),
               LINQ_PROTOCOL, error);
  CHECK_HAS(error->message, "allow plain http to loopback");
  linq_free(error);
  linq_free(phone);
  linq_client_options options = options_for(NULL, NULL);
  options.flags |= LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
  phone = client_with(&options);
  CHECK_STATUS(linq_upload_presigned(phone, place, &source, NULL, &attachment, &error), LINQ_OK,
               error);
  linq_free(attachment);
  linq_free(place);
  linq_free(phone);
}

static void the_environment_is_used_unless_told_otherwise(void) {
  linq_error *error = NULL;
  setenv("LINQ_API_V3_API_KEY", key(), 1);
  setenv("LINQ_API_V3_BASE_URL", api(), 1);
  linq_client *client = client_with(NULL);
  CHECK_STATUS(upload_text(client, &error), LINQ_OK, error);
  linq_free(client);
  linq_client_options options = linq_client_options_default();
  options.api_key = "not-the-key"; /* what the caller says comes first */
  client = client_with(&options);
  CHECK_STATUS(upload_text(client, &error), LINQ_UNAUTHORIZED, error);
  CHECK(error->http_status == 401);
  linq_free(error);
  linq_free(client);
  options = linq_client_options_default();
  options.flags = LINQ_CLIENT_NO_ENVIRONMENT;
  options.base_url = api();
  client = client_with(&options);
  CHECK_STATUS(upload_text(client, &error), LINQ_UNAUTHORIZED, error);
  CHECK(error->http_status == 0); /* there was no key to be sent */
  linq_free(error);
  linq_free(client);
  unsetenv("LINQ_API_V3_API_KEY");
  unsetenv("LINQ_API_V3_BASE_URL");
}

/* The sandbox's proxy connects to loopback whatever host is asked for. */
static void a_proxy_is_used_where_it_is_given(void) {
  const char *port = strrchr(api_tls(), ':');
  char url[256];
  snprintf(url, sizeof url, "https://api.linq.test%s", port);
  linq_client_options options = options_for(url, key());
  options.proxy = getenv("LINQ_TEST_PROXY");
  linq_client *client = client_with(&options);
  linq_error *error = NULL;
  calm();
  CHECK_STATUS(upload_text(client, &error), LINQ_OK, error);
  linq_free(client);
  char *all = requests();
  CHECK(count(all, "\"method\":\"CONNECT\"") >= 1);
  CHECK(count(all, key()) == 1); /* the reserve call; the proxy never sees it */
  free(all);

  setenv("https_proxy", "http://127.0.0.1:1", 1);
  options = options_for(api_tls(), key());
  options.flags = 0;
  client = client_with(&options); /* loopback is never proxied */
  CHECK_STATUS(upload_text(client, &error), LINQ_OK, error);
  linq_free(client);
  unsetenv("https_proxy");
  options.proxy = "nonsense://";
  refused(&options, LINQ_INVALID_ARGUMENT);
}

static void attempts_are_limited(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":0,\"fault\":{\"respond\":{\"status\":503,\"headers\":"
        "[[\"retry-after-ms\",\"1\"]]}}}");
  static const uint32_t limits[] = {1, 2, 3, 0};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    linq_client_options options = options_for(api(), key());
    options.max_attempts = limits[i];
    linq_client *client = client_with(&options);
    linq_error *error = NULL;
    CHECK_STATUS(upload_text(client, &error), LINQ_STORAGE, error);
    CHECK(error->attempts == (limits[i] != 0 ? limits[i] : 4));
    linq_free(error);
    linq_free(client);
  }
  calm();
}

static void connecting_is_bounded(void) {
  char url[256];
  snprintf(url, sizeof url, "%s/api/partner", getenv("LINQ_TEST_BLACK_HOLE"));
  linq_client_options options = options_for(url, key());
  options.connect_timeout_ms = 300;
  options.max_attempts = 1;
  linq_client *client = client_with(&options);
  linq_error *error = NULL;
  int64_t start = now_ms();
  CHECK_STATUS(upload_text(client, &error), LINQ_TIMEOUT, error);
  int64_t took = now_ms() - start;
  CHECK(took >= 290 && took < 5000);
  linq_free(error);
  linq_free(client);
}

int main(void) {
  RUN(base_urls_are_understood_or_refused);
  RUN(certificates_come_from_a_file_or_a_text);
  RUN(the_user_agent_gets_a_suffix);
  RUN(a_key_that_cannot_be_sent_is_refused);
  RUN(webp_and_svg_need_a_flag);
  RUN(plain_places_need_a_flag);
  RUN(the_environment_is_used_unless_told_otherwise);
  RUN(a_proxy_is_used_where_it_is_given);
  RUN(attempts_are_limited);
  RUN(connecting_is_bounded);
  return done("options");
}
