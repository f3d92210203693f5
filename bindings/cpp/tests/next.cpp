// A part of the program that was compiled with the next version of the headers, whose UploadOptions has one more field.
#include "support.hpp"

static_assert(LINQ_VERSION_PATCH == 99, "scripts/test-cpp makes these headers");

void next_version_uploads() {
  linq::UploadOptions options = called("next.txt");
  options.added = "a text of its own that is too long for the object itself";
  const auto attachment = linq::Client(settings(api())).try_upload(linq::Source::bytes("hello"), options);
  CHECK(attachment && attachment->filename() == "next.txt" && stored(attachment->attachment_id()) == "hello");
}
