/* linq_content_type: from the bytes, else from the name; static; NULL for what the API does not take. */
#include "support/check.h"

static const char *of_name(const char *name) { return linq_content_type(name, NULL, 0); }
static const char *of_bytes(const void *bytes, size_t length) {
  return linq_content_type(NULL, bytes, length);
}

static void names_stand_for_types(void) {
  CHECK_TEXT(of_name("photo.jpg"), "image/jpeg");
  CHECK_TEXT(of_name("PHOTO.JPEG"), "image/jpeg");
  CHECK_TEXT(of_name("/some/dir.png/clip.mov"), "video/quicktime");
  CHECK_TEXT(of_name("a.docx"),
             "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
  CHECK_TEXT(of_name("a.wav"), "audio/x-wav");
  CHECK_TEXT(of_name("a.pkpass"), "application/vnd.apple.pkpass");
  CHECK_TEXT(of_name("a.webp"), "image/webp");
  CHECK_TEXT(of_name("a.svg"), "image/svg+xml");
}

static void names_that_stand_for_nothing(void) {
  CHECK_TEXT(of_name(""), NULL);
  CHECK_TEXT(of_name("."), NULL);
  CHECK_TEXT(of_name("jpg"), NULL);
  CHECK_TEXT(of_name("a.jpg/"), NULL);
  CHECK_TEXT(of_name("a.exe"), NULL);
  CHECK_TEXT(of_name("a.flac"), NULL);
  CHECK_TEXT(of_name("a.no-such-extension"), NULL);
  CHECK_TEXT(of_name("\xff\xfe.jpg"), "image/jpeg"); /* a path is bytes */
}

static void bytes_say_more_than_names(void) {
  static const unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0";
  static const unsigned char flac[] = "fLaC\0\0\0\x22";
  static const unsigned char elf[] = "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0";
  CHECK_TEXT(of_bytes(png, sizeof png), "image/png");
  CHECK_TEXT(linq_content_type("a.jpg", png, sizeof png), "image/png");
  CHECK_TEXT(linq_content_type("a.wav", flac, sizeof flac), NULL);
  CHECK_TEXT(linq_content_type("a.txt", elf, sizeof elf), NULL);
  CHECK_TEXT(of_bytes("%PDF-1.7\n", 9), "application/pdf");
}

static void old_texts_and_keys_are_seen(void) {
  static const char page[] = "<!DOCTYPE html><p>Gr\xfc\xdf" "e</p>";
  static const char key[] = "# Schl\xfcssel\n-----BEGIN PRIVATE KEY-----\nMIIE";
  CHECK_TEXT(linq_content_type("page", page, strlen(page)), "text/html");
  CHECK_TEXT(linq_content_type("photo.jpg", page, strlen(page)), NULL); /* a page is no photo */
  CHECK_TEXT(linq_content_type("server.key", key, strlen(key)), NULL);
  CHECK_TEXT(linq_content_type("server.key", "\x30\x82\x04\xbd", 4), NULL); /* the same in DER */
  CHECK_TEXT(of_name("talk.key"), "application/x-iwork-keynote-sffkey");
}

static void names_of_photos_need_photos(void) {
  static const char error[] = "{\"error\":\"not found\"}";
  static const char zeros[4096];
  static const char mp4[] = "\0\0\0\x14" "ftypmp42\0\0\0\0isom";
  static const char heic[] = "\0\0\0\x14" "ftypheic\0\0\0\0mif1";
  CHECK_TEXT(linq_content_type("photo.jpg", error, strlen(error)), NULL);
  CHECK_TEXT(linq_content_type("clip.mp4", error, strlen(error)), NULL);
  CHECK_TEXT(linq_content_type("photo.heic", zeros, sizeof zeros), NULL);
  CHECK_TEXT(linq_content_type("a.xls", "a,b\n1,2\n", 8), "text/csv");
  CHECK_TEXT(linq_content_type("a.pdf", error, strlen(error)), "application/pdf");
  CHECK_TEXT(linq_content_type("voice.mp3", mp4, sizeof mp4), "audio/x-m4a");
  CHECK_TEXT(linq_content_type("photo.heic", mp4, sizeof mp4), "video/mp4");
  CHECK_TEXT(linq_content_type("clip.mp4", heic, sizeof heic), "image/heic");
  CHECK_TEXT(linq_content_type("a.wav", "RIFF\x24\0\0\0WEBPVP8 ", 16), "image/webp");
  CHECK_TEXT(linq_content_type("www.example.com", "plain text\n", 11), "text/plain");
  CHECK_TEXT(linq_content_type("www.example.com", NULL, 0), NULL);
}

/* FLAC behind an ID3 tag that is longer than what is looked at first. */
enum { TAG = 10 + 70000, SONG = TAG + 4 };
static const unsigned char *song(void) {
  static unsigned char bytes[SONG];
  memcpy(bytes, "ID3\4\0\0\0\4\x22\x70", 10); /* 4 * 128 * 128 + 34 * 128 + 112 */
  memcpy(bytes + TAG, "fLaC", 4);
  return bytes;
}

static void what_lies_further_is_not_seen(void) {
  CHECK_TEXT(linq_content_type("a.mp3", song(), SONG), NULL);
  CHECK_TEXT(linq_content_type("a.mp3", song(), 65536), "audio/mpeg");
}

static int64_t read_song(void *user_data, void *buffer, size_t capacity) {
  size_t *position = user_data, n = SONG - *position < capacity ? SONG - *position : capacity;
  memcpy(buffer, song() + *position, n);
  *position += n;
  return (int64_t)n;
}
static int32_t rewind_song(void *user_data) {
  *(size_t *)user_data = 0;
  return 0;
}

/* A read callback is followed beyond its first 4 KiB where it can rewind. */
static void a_callback_that_rewinds_is_looked_into(void) {
  linq_client *client = client_of(api(), key());
  for (int rewinds = 0; rewinds < 2; rewinds++) {
    size_t position = 0;
    linq_source source = linq_source_default();
    source.kind = LINQ_SOURCE_READER;
    source.read = read_song;
    source.rewind = rewinds ? rewind_song : NULL;
    source.user_data = &position;
    source.length = SONG;
    linq_upload_options options = named("song.mp3", NULL);
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    calm();
    CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error),
                 rewinds ? LINQ_UNSUPPORTED : LINQ_OK, error);
    if (rewinds) CHECK_HAS(error->message, "song.mp3 is a FLAC audio file");
    else CHECK_TEXT(attachment->content_type, "audio/mpeg");
    char *all = requests();
    CHECK(count(all, "\"path\"") == (rewinds ? 0 : 2));
    free(all);
    linq_free(attachment);
    linq_free(error);
  }
  linq_free(client);
}

static void no_bytes_have_no_length(void) {
  CHECK_TEXT(linq_content_type("a.jpg", NULL, 0), "image/jpeg");
  CHECK_TEXT(linq_content_type("a.jpg", NULL, 5), NULL);
  CHECK_TEXT(linq_content_type(NULL, NULL, 0), NULL);
}

static void the_text_is_static(void) {
  const char *one = of_name("a.jpg"), *other = of_name("b.jpeg");
  CHECK(one == other);
  linq_free((void *)(uintptr_t)one); /* not ours to free: left alone */
  CHECK_TEXT(one, "image/jpeg");
}

/* Memory of exactly that many bytes, of every length, so that a sanitizer sees a look beyond it. */
static void no_length_is_read_beyond(void) {
  static const char heads[][32] = {"\x89PNG\r\n\x1a\n", "RIFF\x24\0\0\0WAVEfmt ",
                                      "PK\3\4\x14\0\0\0\x08\0", "\0\0\0\x18" "ftypmp42",
                                      "MZ\x90\0", "ID3\3\0\0\0\0\x7f\x7f", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
                                      "<?xml version=\"1.0\"?><svg", "\x1f\x8b\x08\0"};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    for (size_t length = 0; length < 600; length++) {
      unsigned char *exact = malloc(length > 0 ? length : 1);
      CHECK(exact != NULL);
      memset(exact, 0xff, length);
      memcpy(exact, heads[i], length < sizeof *heads ? length : sizeof *heads);
      (void)linq_content_type("a.bin", exact, length);
      free(exact);
    }
  }
}

int main(void) {
  RUN(names_stand_for_types);
  RUN(names_that_stand_for_nothing);
  RUN(bytes_say_more_than_names);
  RUN(old_texts_and_keys_are_seen);
  RUN(names_of_photos_need_photos);
  RUN(what_lies_further_is_not_seen);
  RUN(a_callback_that_rewinds_is_looked_into);
  RUN(no_bytes_have_no_length);
  RUN(the_text_is_static);
  RUN(no_length_is_read_beyond);
  return done("content_type");
}
