// The form without exceptions, compiled with -fno-exceptions, beside the other in one program.
#include "support.hpp"

#include <sstream>

#ifdef __cpp_exceptions
#error "this file is for -fno-exceptions"
#endif

using linq::Client;
using linq::Source;
using linq::Status;

namespace {

template <class T>
void fails(const linq::Result<T>& result, Status expected) {
  CHECK(!result && !result.has_value());
  check_status(static_cast<linq_status>(result.error().status()), static_cast<linq_status>(expected),
               result.error().get(), __FILE__, __LINE__, "the call");
  CHECK(!result.error().message().empty());
}

Client made() {
  const auto client = Client::try_make(settings(api()));
  CHECK(client.has_value());
  return *client;
}

void every_function_without_exceptions() {
  const Client client = made();
  const auto attachment = client.try_upload(Source::bytes("hello"), called("a.txt"));
  CHECK(attachment && attachment->filename() == "a.txt" && stored(attachment->attachment_id()) == "hello");
  const auto file = client.try_upload_file(file_of("nothrow.txt", 3000));
  CHECK(file && stored((*file).attachment_id()) == content(3000));
  CHECK(linq::try_upload_file(file_of("default.txt", 10)).has_value());
  const auto id = client.try_upload(Source::bytes("hello"), called("a.txt"))->attachment_id();
  CHECK(client.try_attachment_get(id)->size_bytes() == 5);
  CHECK(client.try_attachment_delete(id).has_value());
  fails(client.try_attachment_delete(id), Status::not_found);
  fails(client.try_attachment_get(id), Status::not_found);

  linq::File reserved;
  reserved.filename = "split.txt";
  reserved.size_bytes = 5;
  const auto place = client.try_presign(reserved);
  CHECK(place.has_value());
  const auto parsed = linq::try_parse_presigned(place->json());
  CHECK(parsed && parsed->attachment_id() == place->attachment_id());
  CHECK(client.try_upload_presigned(*parsed, Source::bytes("hello")).has_value());
  CHECK(stored(place->attachment_id()) == "hello");
  fails(linq::try_parse_presigned("[]"), Status::invalid_argument);
  CHECK(parsed->try_check(200, {}).has_value());
  fails(parsed->try_check(403, "<Error><Code>AccessDenied</Code></Error>"), Status::storage);

  linq::Message message;
  message.from = from_number();
  message.to = {"+15550002222"};
  message.attachment_ids = {place->attachment_id()};
  CHECK(!client.try_send_message(message)->chat_id().empty());
  message.from = "nobody";
  CHECK(!client.try_send_message(message));
}

void failures_are_values() {
  const Client client = made();
  fails(client.try_upload_file("/nowhere/at/all.txt"), Status::file);
  fails(client.try_upload_file(std::string("a\0b", 3)), Status::invalid_argument);
  fails(client.try_attachment_delete(std::string("a\0b", 3)), Status::invalid_argument);
  linq::ClientOptions options = settings("no URL");
  fails(Client::try_make(options), Status::invalid_argument);

  const auto token = linq::CancelToken::try_make();
  CHECK(token.has_value());
  token->cancel();
  linq::UploadOptions upload = called("a.txt");
  upload.cancel = *token;
  fails(client.try_upload(Source::bytes("hello"), upload), Status::cancelled);

  upload = called("a.txt");
  upload.progress = [owned = std::make_unique<bool>(false)](std::uint64_t, std::uint64_t) { return *owned; };
  fails(client.try_upload(Source::bytes("hello"), upload), Status::cancelled);
  upload.progress = nullptr;
  fails(client.try_upload(Source::reader(5, [](void*, std::size_t) { return -1; }), upload), Status::file);
  fails(client.try_upload(Source::reader(5, nullptr), upload), Status::invalid_argument);
  fails(client.try_upload(Source::descriptor(-1), upload), Status::invalid_argument);
  std::istringstream stream("hello");
  CHECK(stored(client.try_upload(Source::stream(stream), upload)->attachment_id()) == "hello");
}

void a_queue_without_exceptions() {
  auto made_queue = linq::Queue::try_make(made());
  CHECK(made_queue.has_value());
  const linq::Queue queue = *std::move(made_queue);
  CHECK(queue.try_add(Source::bytes("hello"), 1, called("a.txt")).has_value());
  auto event = queue.try_next();
  while (event && event->kind() == linq::EventKind::progress) event = queue.try_next();
  CHECK(event && event->tag() == 1 && stored(event->attachment()->attachment_id()) == "hello");
  const auto none = queue.try_next(std::chrono::milliseconds(0));
  CHECK(none && !none->has_value());
  fails(queue.try_add(Source::bytes("hello"), LINQ_QUEUE_ALL), Status::invalid_argument);
  fails(linq::Queue::try_make(made(), {1000}), Status::invalid_argument);
}

void log_lines_are_heard_here_too() {
  int lines = 0;
  CHECK(linq::try_set_log([&](linq::LogLevel, std::string_view) { lines++; }, linq::LogLevel::debug).has_value());
  CHECK(made().try_upload(Source::bytes("hello"), called("a.txt")).has_value() && lines > 0);
  CHECK(linq::try_set_log(nullptr).has_value());
  fails(linq::try_set_log([](linq::LogLevel, std::string_view) {}, static_cast<linq::LogLevel>(0)),
        Status::invalid_argument);
}

}  // namespace

bool nothrow_hears_nothing() { return linq::try_set_log(nullptr).has_value(); }

void nothrow_tests() {
  RUN(every_function_without_exceptions);
  RUN(failures_are_values);
  RUN(a_queue_without_exceptions);
  RUN(log_lines_are_heard_here_too);
}
