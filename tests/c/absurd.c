/* No length, count or number of the caller's may crash it, however absurd. */
#include "support/check.h"

#include <fcntl.h>

static linq_client *g_client;
static linq_error *g_error;

static void refused(linq_status status, linq_status expected, const char *part) {
  CHECK_STATUS(status, expected, g_error);
  CHECK_HAS(g_error->message, part);
  linq_free(g_error);
  g_error = NULL;
}

static void absurd_lengths_of_bytes_are_refused(void) {
  const uint64_t beyond[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 4095};
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = POISON(linq_attachment);
  for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
    linq_source source = from_memory("x", 1);
    source.length = beyond[i];
    refused(linq_upload(g_client, &source, &options, &attachment, &g_error),
            LINQ_INVALID_ARGUMENT, "linq_source.length is ");
    CHECK(attachment == NULL);
  }
  linq_source source = from_memory("x", 1);
  source.bytes = (const void *)(UINTPTR_MAX - 2); /* its end lies beyond the address space */
  source.length = 16;
  refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.length is 16");
}

/* A length that memory might have, but no upload: nothing of it is looked at. */
static void lengths_above_the_limit_are_refused_unread(void) {
  const uint64_t above[] = {104857601, (uint64_t)1 << 32, (uint64_t)1 << 40};
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = POISON(linq_attachment);
  for (size_t i = 0; i < sizeof above / sizeof *above; i++) {
    if (above[i] > SIZE_MAX / 2) continue;
    linq_source source = from_memory("x", (size_t)above[i]);
    refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_UNSUPPORTED, "");
    CHECK(attachment == NULL);
  }
}

static int64_t never_asked(void *user_data, void *buffer, size_t capacity) {
  (void)user_data, (void)buffer, (void)capacity;
  CHECK(!"the callback was asked");
  return 0;
}

static void a_reader_of_absurd_length_is_not_asked(void) {
  const uint64_t lengths[] = {0, 104857601, UINT64_MAX};
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    linq_source source = linq_source_default();
    source.kind = LINQ_SOURCE_READER;
    source.read = never_asked;
    source.length = lengths[i];
    refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_UNSUPPORTED, "");
  }
}

static void sizes_of_files_are_held_to_the_limit(void) {
  const uint64_t sizes[] = {0, 104857601, UINT64_MAX};
  linq_presigned *presigned = NULL;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    linq_file file = linq_file_default();
    file.filename = "a.txt";
    file.size_bytes = sizes[i];
    refused(linq_presign(g_client, &file, NULL, &presigned, &g_error), LINQ_UNSUPPORTED, "");
  }
}

static void absurd_counts_are_refused(void) {
  const char *one[] = {"+15550002222"};
  const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << (sizeof(size_t) * 8 - 4), 65537};
  linq_receipt *receipt = POISON(linq_receipt);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    linq_message message = linq_message_default();
    message.from = from_number();
    message.to = one;
    message.to_count = counts[i];
    refused(linq_send_message(g_client, &message, NULL, &receipt, &g_error), LINQ_INVALID_ARGUMENT,
            "linq_message.to_count is ");
    CHECK(receipt == NULL);
    message.to_count = 1;
    message.attachment_ids = one;
    message.attachment_count = counts[i];
    refused(linq_send_message(g_client, &message, NULL, &receipt, &g_error), LINQ_INVALID_ARGUMENT,
            "linq_message.attachment_count is ");
  }
}

static void absurd_json_is_refused(void) {
  linq_presigned *presigned = POISON(linq_presigned);
  refused(linq_presigned_parse("{}", SIZE_MAX, &presigned, &g_error), LINQ_INVALID_ARGUMENT,
          "length is ");
  refused(linq_presigned_parse("{}", (size_t)2 << 20, &presigned, &g_error), LINQ_INVALID_ARGUMENT,
          "length is ");
  refused(linq_presigned_parse("", 0, &presigned, &g_error), LINQ_INVALID_ARGUMENT, "JSON");
  /* Nesting that would use up a parser's stack. */
  size_t deep = 500000;
  char *brackets = malloc(deep);
  CHECK(brackets != NULL);
  memset(brackets, '[', deep);
  refused(linq_presigned_parse(brackets, deep, &presigned, &g_error), LINQ_INVALID_ARGUMENT, "JSON");
  free(brackets);
  CHECK(presigned == NULL);
}

static void absurd_responses_are_refused(void) {
  const char *reply = "{\"attachment_id\":\"550e8400-e29b-41d4-a716-446655440000\",\"http_method\":\"PUT\","
                      "\"upload_url\":\"https://a.example/\",\"expires_at\":\"2024-01-15T10:45:00Z\","
                      "\"required_headers\":{}}";
  linq_presigned *place = NULL;
  CHECK(linq_presigned_parse(reply, strlen(reply), &place, NULL) == LINQ_OK);
  const uint32_t statuses[] = {0, 99, 1000, 65736, UINT32_MAX};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    refused(linq_presigned_check(place, statuses[i], "", 0, &g_error), LINQ_INVALID_ARGUMENT, "is not an HTTP status");
  refused(linq_presigned_check(place, 200, "", SIZE_MAX, &g_error), LINQ_INVALID_ARGUMENT, "length is ");
  refused(linq_presigned_check(place, 200, NULL, 1, &g_error), LINQ_INVALID_ARGUMENT, "body is NULL, but length is 1");
  linq_free(place);
}

static void absurd_lengths_have_no_content_type(void) {
  CHECK(linq_content_type("a.txt", "x", SIZE_MAX) == NULL);
  CHECK(linq_content_type("a.txt", NULL, SIZE_MAX) == NULL);
}

static void what_is_no_descriptor_is_refused(void) {
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_DESCRIPTOR;
  source.descriptor = UINT32_MAX;
  refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.descriptor is -1,");
  source.descriptor = 1000000; /* might be one, but is not open */
  refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_FILE, "");
}

/* Offset and length together are more than 64 bits hold. */
static void parts_beyond_the_end_of_a_file_are_refused(void) {
  const uint64_t absurd[] = {6, (uint64_t)INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = POISON(linq_attachment);
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_DESCRIPTOR;
  int file = open(file_of("five.txt", 5), O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0);
  source.descriptor = (uint32_t)file;
  for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
    source.offset = absurd[i];
    source.length = UINT64_MAX;
    refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_FILE,
            "ends before offset");
    CHECK(attachment == NULL);
  }
  source.offset = 1;
  refused(linq_upload(g_client, &source, &options, &attachment, &g_error), LINQ_FILE,
          "has 4 bytes from offset 1 on, not 18446744073709551615");
  close(file);
}

static void unknown_kinds_and_flags_are_refused(void) {
  linq_attachment *attachment = NULL;
  linq_source source = linq_source_default();
  refused(linq_upload(g_client, &source, NULL, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.kind is 0");
  source.kind = 5;
  refused(linq_upload(g_client, &source, NULL, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.kind is 5");
  linq_client *client = POISON(linq_client);
  for (unsigned bit = 3; bit < 32; bit++) {
    linq_client_options options = options_for(api(), key());
    options.flags |= (uint32_t)1 << bit;
    refused(linq_client_new(&options, &client, &g_error), LINQ_INVALID_ARGUMENT,
            "linq_client_options.flags has an unknown bit");
    CHECK(client == NULL);
  }
}

static int32_t never_rewound(void *user_data) {
  (void)user_data;
  CHECK(!"the callback was asked");
  return 0;
}

static void fields_of_another_kind_of_source_are_refused(void) {
  linq_attachment *attachment = NULL;
  linq_source source = from_memory("x", 1);
  source.path = "x";
  refused(linq_upload(g_client, &source, NULL, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.path does not belong to this kind of source");
  source = from_memory("x", 1);
  source.offset = 1;
  refused(linq_upload(g_client, &source, NULL, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.offset does not belong to this kind of source");
  source = from_memory("x", 1);
  source.user_data = &source;
  refused(linq_upload(g_client, &source, NULL, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.user_data does not belong to this kind of source");
  source = from_memory("x", 1);
  source.rewind = never_rewound;
  refused(linq_upload(g_client, &source, NULL, &attachment, &g_error), LINQ_INVALID_ARGUMENT,
          "linq_source.rewind does not belong to this kind of source");
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(absurd_lengths_of_bytes_are_refused);
  RUN(lengths_above_the_limit_are_refused_unread);
  RUN(a_reader_of_absurd_length_is_not_asked);
  RUN(sizes_of_files_are_held_to_the_limit);
  RUN(absurd_counts_are_refused);
  RUN(absurd_json_is_refused);
  RUN(absurd_responses_are_refused);
  RUN(absurd_lengths_have_no_content_type);
  RUN(what_is_no_descriptor_is_refused);
  RUN(parts_beyond_the_end_of_a_file_are_refused);
  RUN(unknown_kinds_and_flags_are_refused);
  RUN(fields_of_another_kind_of_source_are_refused);
  linq_free(g_client);
  return done("absurd");
}
