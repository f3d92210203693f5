// Every promise of linq.hpp, against the sandbox; nothrow.cpp has what is meant for -fno-exceptions, next.cpp what is meant
// for another version of the header.
#include "support.hpp"

#include <array>
#include <fcntl.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <sstream>

using linq::Client;
using linq::Error;
using linq::Source;
using linq::Status;

namespace {

Client* g_client;
Client* g_tls;
const bool nothing_was_thrown = false;

/// The error that this throws.
/// Unlike an Error it may be dropped.
struct Thrown : Error {
  explicit Thrown(const Error& error) : Error(error) {}
};

Thrown thrown(Status expected, const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    check_status(static_cast<linq_status>(error.status()), static_cast<linq_status>(expected), error.get(), __FILE__,
                 __LINE__, "the call");
    CHECK(error.message() == error.what() && !error.message().empty());
    return Thrown(error);
  }
  CHECK(nothing_was_thrown);
  abort();
}

/// Something that only a test throws.
struct Mine {
  int number;
};

void throws_mine(int number, const std::function<void()>& function) {
  try {
    function();
  } catch (const Mine& mine) {
    CHECK(mine.number == number);
    return;
  }
  CHECK(nothing_was_thrown);
}

std::string slurp(const char* variable) {
  const char* path = getenv(variable);
  CHECK(path != nullptr);
  std::ifstream file(path);
  std::stringstream all;
  all << file.rdbuf();
  CHECK(!all.str().empty());
  return all.str();
}

void every_status_has_a_name() {
  static const struct {
    Status status;
    const char* name;
  } table[] = {
      {Status::ok, "LINQ_OK"},
      {Status::invalid_argument, "LINQ_INVALID_ARGUMENT"},
      {Status::file, "LINQ_FILE"},
      {Status::unsupported, "LINQ_UNSUPPORTED"},
      {Status::network, "LINQ_NETWORK"},
      {Status::tls, "LINQ_TLS"},
      {Status::timeout, "LINQ_TIMEOUT"},
      {Status::cancelled, "LINQ_CANCELLED"},
      {Status::unauthorized, "LINQ_UNAUTHORIZED"},
      {Status::not_found, "LINQ_NOT_FOUND"},
      {Status::rate_limited, "LINQ_RATE_LIMITED"},
      {Status::api, "LINQ_API"},
      {Status::storage, "LINQ_STORAGE"},
      {Status::expired, "LINQ_EXPIRED"},
      {Status::protocol, "LINQ_PROTOCOL"},
      {Status::no_memory, "LINQ_NO_MEMORY"},
      {Status::internal, "LINQ_INTERNAL"},
  };
  for (const auto& row : table) CHECK(linq::status_name(row.status) == row.name);
  // And linq.h has no other: there, a status is a number whose name the library knows.
  std::istringstream header(slurp("LINQ_TEST_HEADER"));
  std::string define, name, value;
  std::size_t found = 0;
  for (std::string line; std::getline(header, line);) {
    std::istringstream words(line);
    if (!(words >> define >> name >> value) || define != "#define" || name.rfind("LINQ_", 0) != 0) continue;
    char* end = nullptr;
    const long number = strtol(value.c_str(), &end, 10);
    if (*end == '\0' && linq_status_name(static_cast<linq_status>(number)) == name) found++;
  }
  CHECK(found == sizeof table / sizeof *table);
  CHECK(linq::status_name(static_cast<Status>(12345)) == "LINQ_INTERNAL");
}

void all_of_the_c_header_is_reached() {
  const std::string c = slurp("LINQ_TEST_HEADER"), cpp = slurp("LINQ_TEST_HPP");
  int functions = 0, fields = 0;
  std::string type;
  std::istringstream lines(c);
  for (std::string line; std::getline(lines, line);) {
    // The functions that the library exports begin a line that opens a parenthesis.
    const std::size_t at = line.find("linq_"), open = line.find('(');
    if (line[0] == '}') type.clear();
    if (line.rfind("typedef struct ", 0) == 0) type = line.substr(15, line.find(' ', 15) - 15);
    if (!line.empty() && line[0] != ' ' && line[0] != '/' && line[0] != '#' && at != std::string::npos &&
        open != std::string::npos && line.rfind("typedef", 0) != 0 && line.rfind("static", 0) != 0) {
      const std::size_t begin = line.rfind("linq_", open);
      const std::string name = line.substr(begin, open - begin);
      if (!has(cpp, name + "(")) fprintf(stderr, "linq.hpp does not call %s\n", name.c_str());
      CHECK(has(cpp, name + "("));
      functions++;
    }
    if (!type.empty() && line.rfind("  ", 0) == 0 && line[2] != ' ' && line[2] != '/' && line.back() == ';') {
      const std::size_t begin = line.find_last_of(" *") + 1;
      const std::string name = line.substr(begin, line.size() - begin - 1);
      if (has(name, "struct_size") || has(name, "reserved") || type == "linq_header") continue;
      const bool input = type == "linq_source" || type == "linq_file" || type == "linq_message" || type == "linq_request" ||
                         has(type, "_options");
      const bool reached = input ? has(cpp, "c." + name + " = ") || has(cpp, "c_." + name + " = ")
                                 : has(cpp, "->" + name);
      if (!reached) fprintf(stderr, "linq.hpp does not have %s.%s\n", type.c_str(), name.c_str());
      CHECK(reached);
      fields++;
    }
  }
  CHECK(functions == 26 && fields >= 100);
  CHECK(linq::version() == LINQ_VERSION_STRING && linq::abi_version() == LINQ_ABI_VERSION);
}

void good(const linq::Attachment& attachment, std::string_view filename, const std::string& bytes) {
  CHECK(attachment.filename() == filename);
  CHECK(attachment.content_type() == "text/plain");
  CHECK(attachment.size_bytes() == bytes.size() && attachment.attempts() == 1);
  CHECK(attachment.attachment_id().size() == 36);
  CHECK(attachment.download_url().rfind("http", 0) == 0);
  CHECK(stored(attachment.attachment_id()) == bytes);
}

void a_file_is_uploaded() {
  const std::filesystem::path path = file_of("photo notes.txt", 300000);
  good(g_client->upload_file(path), "photo notes.txt", content(300000));
  good(g_tls->upload_file(path.string()), "photo notes.txt", content(300000));
  good(*g_tls->try_upload_file(path.c_str()), "photo notes.txt", content(300000));
}

/// A read callback that gives these bytes.
Source::Read reads(const std::string& bytes) {
  return [&bytes, at = std::size_t{0}](void* buffer, std::size_t capacity) mutable {
    const std::size_t count = std::min(capacity, bytes.size() - at);
    memcpy(buffer, bytes.data() + at, count);
    at += count;
    return static_cast<std::int64_t>(count);
  };
}

template <class Range, class = void>
struct Taken : std::false_type {};
template <class Range>
struct Taken<Range, std::void_t<decltype(Source::bytes(std::declval<Range>()))>> : std::true_type {};
static_assert(Taken<std::string&>() && Taken<const std::string&>() && Taken<std::string_view>() && Taken<const char*>());
static_assert(Taken<std::vector<std::byte>&>() && Taken<const std::array<signed char, 3>&>() && Taken<const char (&)[6]>());
static_assert(!Taken<std::string>() && !Taken<const std::string>() && !Taken<std::vector<unsigned char>>(), "temporaries");
static_assert(!Taken<std::vector<int>&>() && !Taken<std::vector<bool>&>() && !Taken<std::wstring&>(), "not bytes");

void values_as_std_expected_has_them() {
  auto place = g_client->try_upload(Source::bytes("hello"), called("a.txt"));
  CHECK(place.value().filename() == "a.txt" && std::as_const(place).value().size_bytes() == 5);
  const linq::Attachment taken = g_client->try_upload(Source::bytes("hello"), called("b.txt")).value();
  CHECK(taken.filename() == "b.txt");
  g_client->try_attachment_delete(taken.attachment_id()).value();
  int thrown_here = 0;
  try {
    (void)g_client->try_upload_file("/nowhere/at/all.txt").value();
  } catch (const std::exception&) {
    thrown_here++;
  }
  try {
    g_client->try_attachment_delete("no id").value();
  } catch (const std::exception&) {
    thrown_here++;
  }
  CHECK(thrown_here == 2);
}

void every_kind_of_source_is_uploaded() {
  const std::string bytes = content(5000);
  const char* path = file_of("source.txt", bytes.size());
  good(g_client->upload(Source::file(path)), "source.txt", bytes);
  good(g_client->upload(Source::bytes(bytes), called("a.txt")), "a.txt", bytes);
  good(g_client->upload(Source::bytes(bytes.data(), 100), called("a.txt")), "a.txt", bytes.substr(0, 100));
  const std::vector<unsigned char> numbers(bytes.begin(), bytes.end());
  good(g_client->upload(Source::bytes(numbers), called("a.txt")), "a.txt", bytes);
  std::array<std::byte, 100> array{};
  memcpy(array.data(), bytes.data(), array.size());
  good(g_client->upload(Source::bytes(array), called("a.txt")), "a.txt", bytes.substr(0, 100));
  good(g_client->upload(Source::bytes(std::string_view(bytes).substr(7)), called("a.txt")), "a.txt", bytes.substr(7));
  const unsigned char plain[] = {'h', 'e', 'l', 'l', 'o'};
  good(g_client->upload(Source::bytes(plain), called("a.txt")), "a.txt", "hello");
#ifdef __cpp_lib_span
  std::vector<std::uint8_t> changeable(bytes.begin(), bytes.end());
  good(g_client->upload(Source::bytes(std::span(changeable)), called("a.txt")), "a.txt", bytes);
  const auto span = std::as_bytes(std::span(bytes));
  good(g_client->upload(Source::bytes(span.subspan(7)), called("a.txt")), "a.txt", bytes.substr(7));
#endif

  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  good(g_client->upload(Source::descriptor(descriptor), called("a.txt")), "a.txt", bytes);
  good(g_client->upload(Source::descriptor(descriptor, 20, 300), called("a.txt")), "a.txt", bytes.substr(20, 300));
  close(descriptor);

  good(g_client->upload(Source::reader(bytes.size(), reads(bytes)), called("a.txt")), "a.txt", bytes);

  std::ifstream file(path, std::ios::binary);
  good(g_client->upload(Source::stream(file), called("a.txt")), "a.txt", bytes);
  file.clear();
  file.seekg(1000);
  good(g_client->upload(Source::stream(file), called("a.txt")), "a.txt", bytes.substr(1000));
  std::istringstream text(bytes);
  good(g_client->upload(Source::stream(text, 77), called("a.txt")), "a.txt", bytes.substr(0, 77));
  CHECK(text.tellg() == std::istream::pos_type(77));
}

/// A stream that cannot seek, such as a pipe.
struct Pipe : std::stringbuf {
  explicit Pipe(const std::string& bytes) : std::stringbuf(bytes) {}
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override { return pos_type(off_type(-1)); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(off_type(-1)); }
};

void a_stream_that_cannot_seek_needs_a_length() {
  const std::string bytes = content(3000);
  Pipe pipe(bytes);
  std::istream stream(&pipe);
  calm();
  const Error error =
      thrown(Status::invalid_argument, [&] { g_client->upload(Source::stream(stream), called("a.txt")); });
  CHECK(has(error.message(), "Source::stream(stream, length)"));
  CHECK(!has(text(requests()), "/v3/"));
  good(g_client->upload(Source::stream(stream, bytes.size()), called("a.txt")), "a.txt", bytes);
  // Shorter than was said.
  std::istringstream small("hello");
  thrown(Status::file, [&] { g_client->upload(Source::stream(small, 6), called("a.txt")); });
}

void a_stream_that_has_failed_is_not_read() {
  calm();
  const auto fails = [](const Source& source) {
    const Error error = thrown(Status::file, [&] { g_client->upload(source, called("a.txt")); });
    CHECK(has(error.message(), "stream has failed") && error.attempts() == 0);
  };
  std::ifstream missing("/nowhere/x.txt");
  fails(Source::stream(missing));
  fails(Source::stream(missing, 5));
  CHECK(missing.rdstate() == std::ios::failbit);
  for (const std::ios::iostate state : {std::ios::badbit, std::ios::failbit, std::ios::badbit | std::ios::eofbit}) {
    std::istringstream stream("hello");
    stream.setstate(state);
    const std::ios::iostate before = stream.rdstate();
    fails(Source::stream(stream));
    fails(Source::stream(stream, 5));
    CHECK(stream.rdstate() == before);
  }
  // Between the source and the upload.
  std::istringstream late("hello");
  const Source source = Source::stream(late);
  late.setstate(std::ios::badbit);
  const Error error = thrown(Status::file, [&] { g_client->upload(source, called("a.txt")); });
  CHECK(has(error.message(), "cannot be read") && late.bad());
  std::istream none(nullptr);
  fails(Source::stream(none));
  CHECK(!has(text(requests()), "/v3/"));
}

void a_stream_at_its_end_has_nothing_left() {
  calm();
  const auto empty = [](std::istream& stream) {
    CHECK(has(thrown(Status::unsupported, [&] { g_client->upload(Source::stream(stream), called("a.txt")); }).message(),
              "empty"));
  };
  std::string word;
  std::istringstream read("hello");
  read >> word;
  CHECK(read.rdstate() == std::ios::eofbit);
  empty(read);
  CHECK(read.rdstate() == std::ios::eofbit);
  read >> word;  // which fails
  empty(read);
  thrown(Status::file, [&] { g_client->upload(Source::stream(read, 5), called("a.txt")); });
  std::ifstream beyond(file_of("ten.txt", 10));
  beyond.seekg(1000);
  empty(beyond);
  CHECK(!has(text(requests()), "/v3/"));
  read.clear();
  read.seekg(1);
  good(g_client->upload(Source::stream(read), called("a.txt")), "a.txt", "ello");
}

const char* const g_one_reset = R"({"side":"storage","method":"PUT","times":1,"fault":{"respond":{"status":503,
    "headers":[["retry-after-ms","1"]]}}})";

void what_can_rewind_is_sent_again() {
  const std::string bytes = content(300000);
  std::istringstream stream("12345" + bytes);
  stream.seekg(5);
  calm();
  fault(g_one_reset);
  const linq::Attachment attachment = g_client->upload(Source::stream(stream), called("a.txt"));
  CHECK(attachment.attempts() == 2 && stored(attachment.attachment_id()) == bytes);

  Pipe pipe(bytes);
  std::istream unseekable(&pipe);
  calm();
  fault(g_one_reset);
  const Error error =
      thrown(Status::storage, [&] { g_client->upload(Source::stream(unseekable, bytes.size()), called("a.txt")); });
  CHECK(error.attempts() == 1 && error.http_status() == 503);
}

void a_short_reader_is_sent_again_without_rewind() {
  for (const std::size_t size : {std::size_t{1000}, std::size_t{100000}}) {
    const std::string bytes = content(size);
    calm();
    fault(g_one_reset);
    const auto result = g_client->try_upload(Source::reader(size, reads(bytes)), called("a.txt"));
    if (size == 1000) {
      CHECK(result && result->attempts() == 2 && stored(result->attachment_id()) == bytes);
    } else {
      CHECK(!result && result.error().status() == Status::storage && result.error().attempts() == 1);
    }
  }
}

void a_rewind_that_does_not_work_ends_the_upload() {
  const std::string bytes = content(300000);
  calm();
  fault(g_one_reset);
  int rewinds = 0;
  const auto rewind = [&] { return ++rewinds == 0; };
  const Error error = thrown(
      Status::file, [&] { g_client->upload(Source::reader(bytes.size(), reads(bytes), rewind), called("a.txt")); });
  CHECK(rewinds == 1 && error.attempts() == 2 && has(error.message(), "cannot be rewound"));
}

void an_error_has_every_field() {
  calm();
  linq::ClientOptions once = settings(api());
  once.max_attempts = 1;
  const Client client(once);
  const auto upload = [&] { client.upload(Source::bytes("hello"), called("a.txt")); };

  fault(R"({"side":"api","times":1,"fault":{"respond":{"status":429,"headers":[["Retry-After","7"]],"body":{
      "success":false,"error":{"status":429,"code":1007,"message":"slower","doc_url":"https://docs.example/1007"},
      "trace_id":"trace-1"}}}})");
  const Error limited = thrown(Status::rate_limited, upload);
  CHECK(limited.http_status() == 429 && limited.api_code() == 1007 && limited.attempts() == 1);
  CHECK(limited.retry_after() == std::chrono::seconds(7) && limited.retryable());
  CHECK(limited.doc_url() == "https://docs.example/1007" && limited.trace_id() == "trace-1");
  CHECK(limited.storage_code().empty() && limited.storage_request_id().empty() && limited.storage_id_2().empty());
  CHECK(limited.attachment_id().empty() && has(limited.what(), "slower"));

  fault(R"({"side":"storage","times":1,"fault":{"respond":{"status":403,"headers":[],"body":)"
        R"("<Error><Code>SignatureDoesNotMatch</Code><RequestId>REQ1</RequestId><HostId>ID2</HostId></Error>"}}})");
  const Error refused = thrown(Status::storage, upload);
  CHECK(refused.http_status() == 403 && refused.api_code() == 0 && !refused.retryable());
  CHECK(refused.retry_after().count() == 0);
  CHECK(refused.storage_code() == "SignatureDoesNotMatch" && refused.storage_request_id() == "REQ1");
  CHECK(refused.storage_id_2() == "ID2" && refused.attachment_id().size() == 36);
  CHECK(refused.get()->struct_size == sizeof(linq_error));

  // It is a std::exception, and a copy outlives it.
  static_assert(std::is_nothrow_copy_constructible_v<Error> && std::is_nothrow_copy_assignable_v<Error>);
  std::exception_ptr kept;
  fault(R"({"side":"api","times":1,"fault":{"respond":{"status":401}}})");
  try {
    upload();
  } catch (const std::exception&) {
    kept = std::current_exception();
  }
  try {
    std::rethrow_exception(kept);
  } catch (const Error& error) {
    CHECK(error.status() == Status::unauthorized && error.http_status() == 401);
  }
}

void options_reach_the_library() {
  calm();
  linq::ClientOptions options = settings(api());
  options.user_agent = "CppTest/1.0";
  const Client named(options);
  linq::UploadOptions as;
  as.filename = "given.csv";
  as.content_type = "text/csv; charset=utf-8";
  const linq::Attachment attachment = named.upload_file(file_of("other.txt", 100), as);
  CHECK(attachment.filename() == "given.csv" && attachment.content_type() == "text/csv");
  CHECK(has(text(requests()), "CppTest/1.0"));

  options = settings(api_tls());
  options.ca_file.reset();
  const Client untrusting(options);
  thrown(Status::tls, [&] { untrusting.upload(Source::bytes("hello"), called("a.txt")); });
  options.ca_pem = slurp("LINQ_TEST_CA");
  good(Client(options).upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");

  options = settings("http://api.linq.test:1/api/partner");
  options.base_url = "https://api.linq.test" + std::string(strrchr(strstr(api_tls(), "localhost"), ':'));
  options.proxy = getenv("LINQ_TEST_PROXY");
  good(Client(options).upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  options.proxy = "not a proxy";
  CHECK(has(thrown(Status::invalid_argument, [&] { Client client(options); }).message(), "proxy"));

  options = settings(api());
  thrown(Status::unsupported, [&] { Client(options).upload(Source::bytes("<svg xmlns='http://www.w3.org/2000/svg'/>"), called("a.svg")); });
  options.allow_webp_svg = true;
  Client(options).upload(Source::bytes("<svg xmlns='http://www.w3.org/2000/svg'/>"), called("a.svg"));
  options = linq::ClientOptions();
  options.no_environment = true;
  thrown(Status::unauthorized, [&] { Client(options).upload(Source::bytes("hello"), called("a.txt")); });
  options = settings(api());
  options.ca_file = "/nowhere/ca.pem";
  thrown(Status::file, [&] { Client client(options); });
  options = settings(api());
  options.api_key.reset();
  const Client keyless(options);
  thrown(Status::unauthorized, [&] { keyless.upload(Source::bytes("hello"), called("a.txt")); });

  options = settings(api());
  options.max_attempts = 2;
  calm();
  fault(R"({"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["retry-after-ms","1"]]}}})");
  const Client twice(options);
  CHECK(thrown(Status::api, [&] { twice.attachment_get("x"); }).attempts() == 2);
  calm();
}

void times_are_milliseconds() {
  calm();
  fault(R"({"side":"api","times":0,"fault":{"no_answer":true}})");
  linq::UploadOptions upload = called("a.txt");
  upload.timeout = std::chrono::milliseconds(50);
  thrown(Status::timeout, [&] { g_client->upload(Source::bytes("hello"), upload); });
  linq::CallOptions call;
  call.timeout = std::chrono::milliseconds(50);
  thrown(Status::timeout, [&] { g_client->attachment_get("x", call); });
  linq::ClientOptions options = settings(api());
  options.stall_timeout = std::chrono::milliseconds(50);
  options.max_attempts = 1;
  const Client stalling(options);
  thrown(Status::timeout, [&] { stalling.attachment_get("x"); });
  calm();

  options = settings((std::string(getenv("LINQ_TEST_BLACK_HOLE")) + "/api/partner").c_str());
  options.connect_timeout = std::chrono::milliseconds(50);
  options.max_attempts = 1;
  const Client unconnected(options);
  thrown(Status::timeout, [&] { unconnected.attachment_get("x"); });

  upload.timeout = call.timeout = std::chrono::milliseconds(4294967295);
  const std::string id = g_client->upload(Source::bytes("hello"), upload).attachment_id();
  CHECK(stored(id) == "hello" && g_client->attachment_get(id, call).size_bytes() == 5);
  for (const auto time : {std::chrono::milliseconds(-1), std::chrono::milliseconds(4294967296)}) {
    upload.timeout = call.timeout = time;
    CHECK(has(thrown(Status::invalid_argument, [&] { g_client->upload(Source::bytes("a"), upload); }).message(),
              "linq_upload_options.timeout_ms"));
    CHECK(has(thrown(Status::invalid_argument, [&] { g_client->attachment_get("x", call); }).message(),
              "linq_call_options.timeout_ms"));
    options.connect_timeout = time;
    CHECK(has(thrown(Status::invalid_argument, [&] { Client client(options); }).message(), "connect_timeout_ms"));
    options.connect_timeout = std::chrono::seconds(0);
    options.stall_timeout = time;
    CHECK(has(thrown(Status::invalid_argument, [&] { Client client(options); }).message(), "stall_timeout_ms"));
  }
}

void a_nul_inside_a_text_is_refused() {
  calm();
  const std::string bad("a\0b.txt", 7);
  const auto names = [](const char* argument, const std::function<void()>& function) {
    const Error error = thrown(Status::invalid_argument, function);
    CHECK(has(error.message(), argument) && has(error.message(), "has a NUL inside"));
    CHECK(error.attempts() == 0);
  };
  names("the path", [&] { g_client->upload_file(bad); });
  names("the path", [&] { g_client->upload(Source::file(bad)); });
  linq::UploadOptions options = called(bad);
  names("linq_upload_options.filename", [&] { g_client->upload(Source::bytes("a"), options); });
  options = called("a.txt");
  options.content_type = bad;
  names("linq_upload_options.content_type", [&] { g_client->upload(Source::bytes("a"), options); });
  names("attachment_id", [&] { g_client->attachment_get(bad); });
  names("attachment_id", [&] { g_client->attachment_delete(bad); });
  linq::File file;
  file.filename = bad;
  names("linq_file.filename", [&] { g_client->presign(file); });
  file.filename = "a.txt";
  file.content_type = bad;
  names("linq_file.content_type", [&] { g_client->presign(file); });
  const auto message = [&](const char* argument, auto change) {
    linq::Message broken;
    broken.from = from_number();
    broken.to = {"+15550002222"};
    change(broken);
    names(argument, [&] { g_client->send_message(broken); });
  };
  message("linq_message.from", [&](linq::Message& m) { m.from = bad; });
  message("linq_message.to", [&](linq::Message& m) { m.to.push_back(bad); });
  message("linq_message.text", [&](linq::Message& m) { m.text = bad; });
  message("linq_message.attachment_ids", [&](linq::Message& m) { m.attachment_ids = {bad}; });
  message("linq_message.idempotency_key", [&](linq::Message& m) { m.idempotency_key = bad; });
  const auto client = [&](const char* argument, auto change) {
    linq::ClientOptions broken;
    change(broken);
    names(argument, [&] { Client made(broken); });
  };
  client("linq_client_options.api_key", [&](linq::ClientOptions& o) { o.api_key = bad; });
  client("linq_client_options.base_url", [&](linq::ClientOptions& o) { o.base_url = bad; });
  client("linq_client_options.user_agent", [&](linq::ClientOptions& o) { o.user_agent = bad; });
  client("linq_client_options.ca_file", [&](linq::ClientOptions& o) { o.ca_file = bad; });
  client("linq_client_options.ca_pem", [&](linq::ClientOptions& o) { o.ca_pem = bad; });
  client("linq_client_options.proxy", [&](linq::ClientOptions& o) { o.proxy = bad; });
  thrown(Status::invalid_argument, [&] { linq::parse_presigned(bad); });
  CHECK(linq::content_type(bad).empty() && linq::content_type(std::string("a.txt\0.exe", 10)).empty());
  CHECK(!has(text(requests()), "/v3/"));
}

std::uint64_t g_told;
void tells(std::uint64_t sent, std::uint64_t) { g_told = sent; }
bool ends(std::uint64_t, std::uint64_t) { return false; }

void progress_is_told_and_may_end_the_upload() {
  const std::string bytes = content(200000);
  std::vector<std::uint64_t> seen;
  linq::UploadOptions options = called("a.txt");
  options.progress = [&](std::uint64_t sent, std::uint64_t total) {
    CHECK(total == bytes.size());
    seen.push_back(sent);
  };
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  CHECK(seen.size() >= 2 && seen.front() == 0 && seen.back() == bytes.size());
  CHECK(std::is_sorted(seen.begin(), seen.end()));

  options.progress = [](std::uint64_t, std::uint64_t) { return true; };
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes(bytes), options); });
  options.progress = tells;
  good(g_client->upload(Source::bytes("plain"), options), "a.txt", "plain");
  CHECK(g_told == 5);
  options.progress = ends;
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes(bytes), options); });
  options.progress = &ends;
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes(bytes), options); });
  options.progress = static_cast<void (*)(std::uint64_t, std::uint64_t)>(nullptr);
  good(g_client->upload(Source::bytes("w"), options), "a.txt", "w");
  options.progress = nullptr;
  good(g_client->upload(Source::bytes("x"), options), "a.txt", "x");
  options.progress = std::function<void(std::uint64_t, std::uint64_t)>();
  CHECK(!options.progress);
  good(g_client->upload(Source::bytes("y"), options), "a.txt", "y");
}

void what_a_callback_throws_comes_out_of_the_call() {
  const std::string bytes = content(200000);
  linq::UploadOptions options = called("a.txt");
  const auto upload = [&] { g_client->upload(Source::bytes(bytes), options); };
  int calls = 0;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    calls++;
    throw Mine{1};
  };
  throws_mine(1, upload);
  CHECK(calls == 1);
  throws_mine(1, [&] { (void)g_client->try_upload(Source::bytes(bytes), options); });
  throws_mine(1, [&] { (void)g_client->try_upload_file(file_of("p.txt", 1000), options); });

  // The upload was as good as done: it is the exception all the same, and nothing leaks.
  options.progress = [](std::uint64_t sent, std::uint64_t total) {
    if (sent == total) throw Mine{2};
  };
  throws_mine(2, upload);

  options.progress = nullptr;
  const auto throwing_read = [](void*, std::size_t) -> std::int64_t { throw Mine{3}; };
  throws_mine(3, [&] { g_client->upload(Source::reader(5, throwing_read), options); });

  calm();
  fault(g_one_reset);
  const auto rewinds = []() -> bool { throw Mine{4}; };
  throws_mine(4, [&] { g_client->upload(Source::reader(bytes.size(), reads(bytes), rewinds), options); });

  // A stream that is set to throw.
  struct Broken : std::streambuf {
    int_type underflow() override { throw Mine{5}; }
    std::streamsize xsgetn(char*, std::streamsize) override { throw Mine{5}; }
  } broken;
  std::istream throwing(&broken);
  throwing.exceptions(std::ios::badbit);
  throws_mine(5, [&] { g_client->upload(Source::stream(throwing, 5), options); });
  std::istream silent(&broken);
  CHECK(thrown(Status::file, [&] { g_client->upload(Source::stream(silent, 5), options); }).attempts() <= 1);

  // Standard exceptions keep their words; what is not an exception at all is carried too.
  options.progress = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("mine"); };
  try {
    upload();
    CHECK(nothing_was_thrown);
  } catch (const std::runtime_error& error) {
    CHECK_TEXT(error.what(), "mine");
  }
  options.progress = [](std::uint64_t, std::uint64_t) { throw 7; };
  try {
    upload();
    CHECK(nothing_was_thrown);
  } catch (int seven) {
    CHECK(seven == 7);
  }
}

linq::Presigned reserved(bool expired, std::uint64_t size) {
  calm();
  if (expired) fault(R"({"side":"api","method":"POST","times":1,"fault":{"expired":true}})");
  linq::File file;
  file.filename = "a.txt";
  file.size_bytes = size;
  return g_client->presign(file);
}

/// Each of them owns something that cannot be copied.
void callbacks_may_be_movable_only() {
  const std::string bytes = content(5000);
  const auto counter = [] { return std::make_unique<int>(0); };
  int progress = 0, attempts = 0, lines = 0;
  linq::UploadOptions options = called("a.txt");
  options.progress = [&progress, owned = counter()](std::uint64_t, std::uint64_t) mutable { progress = ++*owned; };
  options.attempt = [&attempts, owned = counter()](const linq::Attempt&) mutable { attempts = ++*owned; };
  linq::set_log([&lines, owned = counter()](linq::LogLevel, std::string_view) mutable { lines = ++*owned; },
                linq::LogLevel::debug);
  calm();
  fault(g_one_reset);
  auto at = std::make_unique<std::size_t>(0);
  std::size_t* const position = at.get();
  const Source source = Source::reader(
      bytes.size(),
      [&bytes, at = std::move(at)](void* buffer, std::size_t capacity) -> std::int64_t {
        const std::size_t count = (std::min)(capacity, bytes.size() - *at);
        bytes.copy(static_cast<char*>(buffer), count, *at);
        *at += count;
        return static_cast<std::int64_t>(count);
      },
      [position, owned = counter()] {
        *position = 0;
        return *owned == 0;
      });
  const linq::Attachment again = g_client->upload(source, options);
  linq::set_log(nullptr);
  CHECK(again.attempts() == 2 && stored(again.attachment_id()) == bytes);
  CHECK(progress >= 2 && attempts == 3 && lines >= 3);

  // A copy is the same callback, with the same state.
  const linq::UploadOptions copy = options;
  const int before = attempts;
  good(g_client->upload(Source::bytes(bytes), copy), "a.txt", bytes);
  CHECK(attempts == before + 2);

  options.progress = [owned = counter()](std::uint64_t, std::uint64_t) { return *owned != 0; };
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes(bytes), options); });

  const linq::Presigned old = reserved(true, 5);
  options = linq::UploadOptions();
  options.renew = [next = std::make_unique<linq::Presigned>(reserved(false, 5))](const linq::Presigned&) { return *next; };
  CHECK(g_client->upload_presigned(old, Source::bytes("hello"), options).attachment_id() != old.attachment_id());
  // What it is when converted to bool is its own business.
  struct Counter {
    int* seen;
    explicit operator bool() const { return *seen > 0; }
    void operator()(std::uint64_t, std::uint64_t) const { ++*seen; }
  };
  int seen = 0;
  options = called("a.txt");
  options.progress = Counter{&seen};
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  CHECK(seen >= 2);
  options.progress = std::function<bool(std::uint64_t, std::uint64_t)>();
  CHECK(!options.progress);
#ifdef __cpp_lib_move_only_function
  int moved = 0;
  options = called("a.txt");
  options.progress = std::move_only_function<void(std::uint64_t, std::uint64_t)>([&](std::uint64_t, std::uint64_t) { moved++; });
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  CHECK(moved >= 2);
  options.progress = std::move_only_function<void(std::uint64_t, std::uint64_t)>();
  CHECK(!options.progress);
#endif
}

void an_expired_place_is_renewed() {
  const linq::Presigned old = reserved(true, 5), next = reserved(false, 5);
  linq::UploadOptions options;
  int calls = 0;
  options.renew = [&](const linq::Presigned& expired) {
    calls++;
    CHECK(expired.attachment_id() == old.attachment_id() && expired.filename() == "a.txt");
    return next;
  };
  const auto upload = [&] { return g_client->upload_presigned(old, Source::bytes("hello"), options); };
  const linq::Attachment attachment = upload();
  CHECK(attachment.attachment_id() == next.attachment_id() && attachment.attempts() == 2 && calls == 1);
  CHECK(stored(attachment.attachment_id()) == "hello" && next.size_bytes() == 5);

  options.renew = [](const linq::Presigned&) { return std::nullopt; };
  const Error error = thrown(Status::expired, [&] { upload(); });
  CHECK(error.storage_code() == "AccessDenied" && error.attempts() == 2);
  options.renew = [&](const linq::Presigned&) { return reserved(false, 6); };
  thrown(Status::unsupported, [&] { upload(); });
  options.renew = [&](const linq::Presigned& expired) { return expired; };
  CHECK(has(thrown(Status::expired, [&] { upload(); }).message(), "it was renewed just now"));

  options.renew = [](const linq::Presigned&) -> std::optional<linq::Presigned> { throw Mine{6}; };
  throws_mine(6, [&] { upload(); });
  throws_mine(6, [&] { (void)g_client->try_upload_presigned(old, Source::bytes("hello"), options); });
  options.renew = nullptr;
  thrown(Status::expired, [&] { upload(); });

  const linq::CancelToken token;
  options.cancel = token;
  options.renew = [&](const linq::Presigned&) {
    token.cancel();
    return next;
  };
  thrown(Status::cancelled, [&] { upload(); });
}

void the_network_may_change() {
  const std::string bytes = content(200000);
  linq::UploadOptions options = called("a.txt");
  bool reused = false;
  options.attempt = [&](const linq::Attempt& attempt) {
    // Not the PUT: its connection may have been made while the place was reserved.
    if (attempt.step() == linq::Step::reserve) reused = attempt.reused();
  };
  options.progress = [](std::uint64_t, std::uint64_t) { linq::Client::default_client().network_changed(); };
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  CHECK(reused);  // that was another client
  g_client->network_changed();
  good(g_client->upload(Source::bytes(bytes), options), "a.txt", bytes);
  CHECK(!reused);
}

void each_request_is_told() {
  calm();
  fault(R"({"side":"storage","method":"PUT","fault":{"respond":{"status":503,"code":"SlowDown",
            "headers":[["retry-after-ms","20"]]}}})");
  struct Told {
    linq::Step step;
    std::uint32_t number, http_status;
    Status status;
    bool has_reason;
  };
  std::vector<Told> told;
  const auto collect = [&](const linq::Attempt& a) {
    const auto parts = a.lookup() + a.connect() + a.proxy() + a.tls() + a.send() + a.wait() + a.receive();
    CHECK(parts <= a.total() && a.total() - parts < std::chrono::milliseconds(1));
    CHECK(a.host() == "127.0.0.1" && !a.request_id().empty() && a.bytes_sent() > 100 && a.bytes_received() > 50);
    CHECK(!a.reused() || (a.connect() + a.lookup()).count() == 0);
    CHECK(a.again_in().count() == (a.status() == Status::ok ? 0 : 20));
    told.push_back({a.step(), a.number(), a.http_status(), a.status(), !a.reason().empty()});
  };
  linq::UploadOptions options = called("a.txt");
  options.attempt = collect;
  g_client->upload(Source::bytes("hello"), options);
  CHECK(told.size() == 3 && told[0].step == linq::Step::reserve && told[1].step == linq::Step::put);
  CHECK(told[1].status == Status::storage && told[1].http_status == 503 && told[1].has_reason);
  CHECK(told[2].status == Status::ok && told[2].number == 2 && !told[2].has_reason);

  told.clear();
  linq::CallOptions call;
  call.attempt = collect;
  linq::File file;
  file.filename = "a.txt";
  file.size_bytes = 5;
  const linq::Presigned place = g_client->presign(file, call);
  (void)g_client->attachment_get(place.attachment_id(), call);
  g_client->attachment_delete(place.attachment_id(), call);
  CHECK(told.size() == 3 && told[0].step == linq::Step::reserve && told[2].step == linq::Step::other);

  // What it throws comes out, and nothing is uploaded.
  calm();
  int calls = 0;
  options.attempt = call.attempt = [&](const linq::Attempt&) {
    calls++;
    throw Mine{7};
  };
  throws_mine(7, [&] { g_client->upload(Source::bytes("hello"), options); });
  CHECK(calls == 1 && text(request(text(requests()).c_str(), "\"method\":\"PUT\"", "\"ended\":\"complete\"", 0)).empty());
  throws_mine(7, [&] { (void)g_client->presign(file, call); });
  throws_mine(7, [&] { (void)g_client->try_presign(file, call); });
  throws_mine(7, [&] { g_client->attachment_delete(place.attachment_id(), call); });
  throws_mine(7, [&] { (void)g_client->attachment_get(place.attachment_id(), call); });
  linq::Request request;
  request.method = "GET";
  request.path = "/v3/attachments/" + place.attachment_id();
  throws_mine(7, [&] { (void)g_client->send_request(request, call); });
  linq::Message message;
  message.from = from_number();
  message.to = {"+15550002222"};
  message.text = "hello";
  throws_mine(7, [&] { (void)g_client->send_message(message, call); });
}

/// How long a call goes on after it was cancelled while Linq says nothing.
template <class Stop>
std::int64_t stopped(const linq::Cancel& cancel, Stop stop) {
  calm();
  fault(R"({"side":"api","times":1,"fault":{"no_answer":true}})");
  linq::UploadOptions options = called("a.txt");
  options.cancel = cancel;
  std::int64_t told = 0, returned = 0;
  std::thread caller([&] {
    thrown(Status::cancelled, [&] { g_client->upload(Source::bytes("hello"), options); });
    returned = now_ms();
  });
  until_requested("\"method\":\"POST\"", "\"ended\":null");
  told = now_ms();
  stop();
  caller.join();
  calm();
  return returned - told;
}

/// About 10 ms are promised; a busy machine takes its time to wake anybody, so it is the middle one of several, and
/// there are some rounds.
template <class Measure>
void prompt(Measure measure) {
  std::int64_t times[5];
  for (int round = 0; round < 10; ++round) {
    for (std::int64_t& time : times) time = measure();
    std::sort(std::begin(times), std::end(times));
    if (times[2] <= 50 * slow()) break;
  }
  printf("stopped within %lld ms (%lld to %lld)\n", static_cast<long long>(times[2]),
         static_cast<long long>(times[0]), static_cast<long long>(times[4]));
  CHECK(times[2] <= 50 * slow());
}

void a_token_ends_calls() {
  prompt([] {
    linq::CancelToken token;
    return stopped(token, [&] { token.cancel(); });
  });
  // Before the call, and for good.
  const linq::CancelToken token;
  token.cancel();
  calm();
  linq::UploadOptions upload = called("a.txt");
  upload.cancel = token;
  linq::CallOptions call;
  call.cancel = token;
  linq::File file;
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq::Message message;
  message.from = from_number();
  message.to = {"+15550002222"};
  message.text = "hello";
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes("hello"), upload); });
  thrown(Status::cancelled, [&] { g_client->upload_file(file_of("c.txt", 10), upload); });
  thrown(Status::cancelled, [&] { g_client->presign(file, call); });
  thrown(Status::cancelled, [&] { g_client->attachment_get("x", call); });
  thrown(Status::cancelled, [&] { g_client->attachment_delete("x", call); });
  thrown(Status::cancelled, [&] { g_client->send_message(message, call); });
  CHECK(!has(text(requests()), "/v3/"));
}

#ifdef __cpp_lib_jthread
void a_stop_token_ends_calls() {
  prompt([] {
    std::stop_source source;
    return stopped(source.get_token(), [&] { source.request_stop(); });
  });
  std::stop_source source;
  linq::UploadOptions options = called("a.txt");
  options.cancel = source.get_token();
  good(g_client->upload(Source::bytes("hello"), options), "a.txt", "hello");
  source.request_stop();  // after the call: nothing
  calm();
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes("hello"), options); });
  linq::CallOptions call;
  call.cancel = source.get_token();
  thrown(Status::cancelled, [&] { g_client->attachment_get("x", call); });
  CHECK(!has(text(requests()), "/v3/"));
  options.cancel = std::stop_token();  // one that nobody can stop
  good(g_client->upload(Source::bytes("hello"), options), "a.txt", "hello");

  // From inside a callback of the same call.
  std::stop_source inside;
  options.cancel = inside.get_token();
  options.progress = [&](std::uint64_t, std::uint64_t) { inside.request_stop(); };
  const std::string large = content(200000);
  thrown(Status::cancelled, [&] { g_client->upload(Source::bytes(large), options); });
  options.progress = nullptr;

  // At any moment around the end of the call.
  for (int i = 0; i < 60; i++) {
    std::stop_source late;
    options.cancel = late.get_token();
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(50 * i));
      late.request_stop();
    });
    const auto result = g_client->try_upload(Source::bytes("hello"), options);
    CHECK(result.has_value() || result.error().status() == Status::cancelled);
    stopper.join();
  }
}
#endif

/// While it lives, no descriptor is left.
class NoDescriptors {
 public:
  NoDescriptors() {
    CHECK(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit few = before_;
    few.rlim_cur = 256;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int one; (one = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken_.push_back(one);
  }
  ~NoDescriptors() {
    for (const int one : taken_) close(one);
    CHECK(setrlimit(RLIMIT_NOFILE, &before_) == 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_{};
};

void a_token_that_cannot_be_made_is_an_error() {
  const auto says = [](const Error& error) {
    CHECK(error.status() == Status::no_memory && error.attempts() == 0 && has(error.message(), "cancel token"));
  };
  calm();
  {
    const NoDescriptors none;
    const auto token = linq::CancelToken::try_make();
    CHECK(!token);
    says(token.error());
    says(thrown(Status::no_memory, [] { linq::CancelToken thrown; }));
#ifdef __cpp_lib_jthread
    // A call that could not be stopped is not begun.
    std::stop_source source;
    linq::UploadOptions upload = called("a.txt");
    upload.cancel = source.get_token();
    says(thrown(Status::no_memory, [&] { g_client->upload(Source::bytes("hello"), upload); }));
    linq::CallOptions call;
    call.cancel = source.get_token();
    says(thrown(Status::no_memory, [&] { g_client->attachment_get("x", call); }));
#endif
  }
  CHECK(!has(text(requests()), "/v3/"));
  CHECK(linq::CancelToken::try_make().has_value());
}

void a_place_is_reserved_here_and_used_there() {
  calm();
  linq::File file;
  file.filename = "split.txt";
  file.size_bytes = 1000;
  const std::string json = g_tls->presign(file).json();
  const linq::Presigned place = linq::parse_presigned(json);
  CHECK(place.attachment_id().size() == 36 && place.http_method() == "PUT");
  CHECK(place.filename() == "split.txt" && place.content_type() == "text/plain" && place.size_bytes() == 1000);
  CHECK(has(place.upload_url(), "X-Amz-Signature") && place.download_url().rfind("https://", 0) == 0);
  const auto left = place.expires_at_time() - std::chrono::system_clock::now();
  CHECK(left > std::chrono::minutes(10) && left < std::chrono::minutes(20) && !place.expires_at().empty());
  bool typed = false;
  for (const auto& [name, value] : place.headers()) typed |= value == "text/plain" && name.size() == 12;
  CHECK(typed && place.headers().size() == place.get()->header_count);

  linq::ClientOptions options = settings(api_tls());
  options.api_key.reset();
  const Client keyless(options);
  const std::string bytes = content(1000);
  const linq::Attachment attachment = keyless.upload_presigned(place, Source::bytes(bytes));
  CHECK(attachment.attachment_id() == place.attachment_id() && stored(place.attachment_id()) == bytes);
  const Error error =
      thrown(Status::unsupported, [&] { keyless.upload_presigned(place, Source::bytes("other")); });
  CHECK(has(error.message(), "1000") || has(error.message(), "1 000"));
  file.content_type = "text/csv";
  CHECK(g_tls->presign(file).content_type() == "text/csv");
  thrown(Status::invalid_argument, [] { linq::parse_presigned("{}"); });
  place.check(200, {});
  CHECK(place.try_check(204, "").has_value());
  const Error refused = thrown(Status::storage, [&] { place.check(503, "<Error><Code>SlowDown</Code></Error>"); });
  CHECK(refused.storage_code() == "SlowDown" && refused.retryable() && refused.attachment_id() == place.attachment_id());
  CHECK(place.try_check(200, "<!doctype html>").error().status() == Status::protocol);
  CHECK(place.try_check(0, {}).error().status() == Status::invalid_argument);
  thrown(Status::invalid_argument, [] { linq::parse_presigned({}); });
  linq::UploadOptions throwing;
  throwing.progress = [](std::uint64_t, std::uint64_t) { throw Mine{6}; };
  throws_mine(6, [&] { keyless.upload_presigned(place, Source::bytes(bytes), throwing); });
}

/// A JSON as it would be with another date behind this key.
std::string dated(std::string json, const std::string& key, const char* date) {
  const std::size_t at = json.find('"', json.find("\"" + key + "\"") + key.size() + 2) + 1;
  return json.replace(at, json.find('"', at) - at, date);
}

void any_date_is_a_time() {
  using std::chrono::system_clock;
  linq::File file;
  file.filename = "split.txt";
  file.size_bytes = 1000;
  const std::string json = g_client->presign(file).json();
  const auto expires = [&](const char* date) {
    const linq::Presigned place = linq::parse_presigned(dated(json, "expires_at", date));
    CHECK(place.expires_at() == date);
    return place.expires_at_time();
  };
  CHECK(expires("2024-01-15T10:45:00.250Z") == system_clock::time_point(std::chrono::milliseconds(1705315500250)));
  CHECK(expires("1970-01-01T00:00:00Z") == system_clock::time_point());
  CHECK(expires("9999-12-31T23:59:59Z") - system_clock::now() > std::chrono::hours(24 * 365 * 200));
  CHECK(expires("0001-01-01T00:00:00Z") == system_clock::time_point());

  calm();
  fault(R"({"side":"api","times":1,"fault":{"respond":{"status":200,"body":{"id":"x","filename":"a.txt",
      "content_type":"text/plain","size_bytes":5,"created_at":"9999-12-31T23:59:59Z"}}}})");
  const linq::AttachmentInfo info = g_client->attachment_get("x");
  CHECK(info.created_at() == "9999-12-31T23:59:59Z");
  CHECK(info.created_at_time() - system_clock::now() > std::chrono::hours(24 * 365 * 200));
}

void an_attachment_is_looked_at_and_deleted() {
  const std::string id = g_client->upload(Source::bytes("hello"), called("h\xc3\xa4h.txt")).attachment_id();
  const linq::AttachmentInfo info = g_client->attachment_get(id);
  CHECK(info.attachment_id() == id && info.filename() == "h\xc3\xa4h.txt" && info.content_type() == "text/plain");
  CHECK(info.size_bytes() == 5 && !info.created_at().empty() && !info.download_url().empty());
  CHECK(info.status() == (info.get()->status != nullptr ? info.get()->status : ""));
  const auto age = std::chrono::system_clock::now() - info.created_at_time();
  CHECK(age > std::chrono::minutes(-1) && age < std::chrono::minutes(10));
  g_client->attachment_delete(id);
  CHECK(thrown(Status::not_found, [&] { g_client->attachment_get(id); }).http_status() == 404);
  CHECK(thrown(Status::not_found, [&] { g_client->attachment_delete(id); }).http_status() == 404);
}

void a_message_is_sent() {
  calm();
  linq::Message message;
  message.from = from_number();
  message.to = {"+15550002222", "+15550003333"};
  message.text = "look: \"this\"";
  for (const char* name : {"a.txt", "b.txt"}) {
    message.attachment_ids.push_back(g_client->upload(Source::bytes("hello"), called(name)).attachment_id());
  }
  const linq::Receipt receipt = g_client->send_message(message);
  CHECK(!receipt.chat_id().empty() && !receipt.message_id().empty() && receipt.idempotency_key().size() >= 16);
  const std::string sent = text(request(text(requests()).c_str(), "/v3/chats", "", 0));
  const auto in_order = [&](const std::vector<std::string>& both) {
    return has(sent, both[0]) && has(sent, both[1]) && sent.find(both[0]) < sent.find(both[1]);
  };
  CHECK(in_order(message.to) && in_order(message.attachment_ids) && has(sent, "look: "));
  message.idempotency_key = receipt.idempotency_key();
  const linq::Receipt again = g_client->send_message(message);
  CHECK(again.message_id() == receipt.message_id() && again.idempotency_key() == receipt.idempotency_key());
  message.to.clear();
  thrown(Status::invalid_argument, [&] { g_client->send_message(message); });
}

void a_message_that_may_have_arrived_tells_its_key() {
  calm();
  linq::ClientOptions once = settings(api());
  once.max_attempts = 1;
  const Client client(once);
  linq::Message message;
  message.from = from_number();
  message.to = {"+15550002222"};
  message.text = "look";
  fault(R"({"side":"api","path_contains":"/v3/chats","times":1,"fault":{"die_before_answer":"close"}})");
  const Error lost = thrown(Status::network, [&] { client.send_message(message); });
  CHECK(lost.idempotency_key().size() == 36 && has(text(requests()), lost.idempotency_key()));
  message.idempotency_key = lost.idempotency_key();
  CHECK(client.send_message(message).message_id() == client.send_message(message).message_id());
  message.from = "555";
  CHECK(thrown(Status::api, [&] { client.send_message(message); }).idempotency_key().empty());
  CHECK(Error(Status::file, "ours").idempotency_key().empty() && !Error(Status::file, "ours").system_error());

  const Error missing = thrown(Status::file, [&] { client.upload_file("/nowhere/at/all"); });
  CHECK(missing.system_error() == std::errc::no_such_file_or_directory);
  CHECK(!thrown(Status::api, [&] { client.send_message(message); }).system_error());
}

void any_other_call_is_made() {
  calm();
  linq::Request request;
  request.method = "POST";
  request.path = "/v3/messages?a=b";
  request.json = R"({"to":["+15550002222"],"message":{"parts":[{"type":"text","value":"h\u00e4h"}]}})";
  request.idempotency_key = "key-1";
  const linq::Response response = g_client->send_request(request);
  CHECK(response.http_status() == 202 && has(response.json(), "\"chat_id\"") && !response.trace_id().empty());
  const std::string sent = text(::request(text(requests()).c_str(), "/v3/messages?a=b", "", 0));
  CHECK(has(sent, "key-1") && has(sent, "+15550002222"));

  const char* const lost = R"({"side":"api","path_contains":"/v3/messages","times":1,"fault":{"die_before_answer":"close"}})";
  fault(lost);
  const Error once = thrown(Status::network, [&] { g_client->send_request(request); });
  CHECK(once.attempts() == 1 && !once.retryable() && once.idempotency_key() == "key-1");
  fault(lost);
  request.repeatable = true;
  CHECK(g_client->send_request(request).http_status() == 202);

  linq::Request gone;
  gone.method = "DELETE";
  gone.path = "attachments/" + g_client->upload(Source::bytes("hello"), called("a.txt")).attachment_id();
  CHECK(g_client->send_request(gone).json().empty());
  gone.path = "https://evil.example/";
  thrown(Status::invalid_argument, [&] { g_client->send_request(gone); });
  gone.path = std::string("a\0b", 3);
  CHECK(has(thrown(Status::invalid_argument, [&] { g_client->send_request(gone); }).what(), "linq_request.path"));
}

void a_type_is_told_without_opening_anything() {
  CHECK(linq::content_type("holiday.mov") == "video/quicktime");
  CHECK(linq::content_type("%PDF-1.7\n", 9) == "application/pdf");
  CHECK(linq::content_type("wrong.txt", "%PDF-1.7\n", 9) == "application/pdf");
  CHECK(linq::content_type("a.exe").empty() && linq::content_type(nullptr, 0).empty());
}

void the_default_client_is_there() {
  good(linq::upload_file(file_of("default.txt", 10)), "default.txt", content(10));
  good(*linq::try_upload_file(file_of("default.txt", 10)), "default.txt", content(10));
  good(Client().upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  good(Client::default_client().upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  CHECK(Client::default_client().get() == nullptr && Client().get() != nullptr);
}

void objects_are_copied_moved_and_assigned_to_themselves() {
  Client first(settings(api()));
  Client second = std::move(first);
  CHECK(first.get() == second.get());  // NOLINT: a client that was moved from is still one
  Client& same = second;
  second = std::move(same);
  second = same;
  good(first.upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");

  linq::Attachment attachment = second.upload(Source::bytes("hello"), called("a.txt"));
  const linq::Attachment moved = std::move(attachment);
  CHECK(attachment.attachment_id() == moved.attachment_id());
  linq::Attachment& alias = attachment;
  attachment = std::move(alias);
  CHECK(stored(attachment.attachment_id()) == "hello");
  attachment = second.upload(Source::bytes("other"), called("a.txt"));
  CHECK(stored(attachment.attachment_id()) == "other" && stored(moved.attachment_id()) == "hello");

  linq::CancelToken token, other = std::move(token);
  CHECK(token.get() == other.get());
  Error error(Status::api, "why");
  const Error kept = std::move(error);
  CHECK(error.message() == "why" && kept.message() == "why" && kept.status() == Status::api);
  CHECK(kept.get()->struct_size == sizeof(linq_error));

  // Taken over from C, and freed.
  linq_cancel_token* raw = linq_cancel_token_new();
  const linq::CancelToken taken(raw);
  CHECK(taken.get() == raw);
}

void texts_outlive_their_objects() {
  const auto upload = [] { return g_client->try_upload(Source::bytes("hello"), called("a.txt")); };
  const auto id = upload()->attachment_id();
  CHECK(stored(id) == "hello");
  const auto& message = linq::try_parse_presigned("{").error().message();
  CHECK(!message.empty());
}

void a_client_may_go_while_it_is_used() {
  auto client = std::make_unique<Client>(settings(api()));
  auto token = std::make_unique<linq::CancelToken>();
  linq::UploadOptions options = called("a.txt");
  options.cancel = *token;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    client.reset();
    token.reset();
  };
  good(client->upload(Source::bytes("hello"), options), "a.txt", "hello");
}

void log_lines_are_logged() {
  std::atomic<int> lines{0}, refused{0};
  std::string all;
  linq::set_log(
      [&](linq::LogLevel level, std::string_view line) {
        CHECK(level >= linq::LogLevel::error && level <= linq::LogLevel::debug && !line.empty());
        all += std::string(line) + '\n';
        lines++;
        const auto inside = linq::try_set_log(nullptr);
        if (!inside && inside.error().status() == Status::invalid_argument) refused++;
        throw Mine{8};  // dropped
      },
      linq::LogLevel::debug);
  good(g_client->upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  CHECK(lines > 0 && refused == lines && !has(all, key()) && !has(all, "X-Amz-Signature"));
  linq::set_log([&](linq::LogLevel, std::string_view) { refused++; }, linq::LogLevel::error);
  const int before = lines;
  good(g_client->upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  CHECK(lines == before && refused == before);
  linq::set_log(nullptr);
  CHECK(has(thrown(Status::invalid_argument,
                   [] { linq::set_log([](linq::LogLevel, std::string_view) {}, static_cast<linq::LogLevel>(99)); })
                .message(),
            "level"));
}

/// Sets a log function by `set`. While it runs, another thread replaces it by `replace`, and it does so itself: that is refused,
/// and all go on.
template <class Set, class Replace>
void refused_inside(Set set, Replace replace) {
  static std::atomic<bool> inside, replacing, refused;
  inside = replacing = refused = false;
  set([](linq::LogLevel, std::string_view) {
    if (inside.exchange(true)) return;
    while (!replacing) sleep_ms(1);
    sleep_ms(30);  // the other thread now waits for this function to return
    refused = !linq::try_set_log(nullptr) && !nothrow_hears_nothing();
  });
  std::thread replacer([&] {
    while (!inside) sleep_ms(1);
    replacing = true;
    replace();
  });
  good(g_client->upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  replacer.join();
  CHECK(refused);
}

void log_lines_are_logged_up_to_a_level() {
  using linq::LogLevel;
  for (const LogLevel level : {LogLevel::error, LogLevel::warn, LogLevel::info, LogLevel::debug}) {
    std::vector<LogLevel> logged;
    linq::set_log([&](LogLevel one, std::string_view) { logged.push_back(one); }, level);
    calm();
    fault(g_one_reset);  // a warning
    CHECK(g_client->upload(Source::bytes("hello"), called("a.txt")).attempts() == 2);
    thrown(Status::file, [] { g_client->upload_file("/nowhere/at/all.txt"); });
    linq::set_log(nullptr);
    for (const LogLevel one : {LogLevel::error, LogLevel::warn, LogLevel::info, LogLevel::debug}) {
      CHECK((std::find(logged.begin(), logged.end(), one) != logged.end()) == (one <= level));
    }
  }
}

void a_log_function_is_refused_while_another_thread_replaces_it() {
  const auto here = [] { linq::set_log(nullptr); };
  const auto there = [] { CHECK(nothrow_hears_nothing()); };
  const auto set = [](const linq::Log& log) { linq::set_log(log, linq::LogLevel::debug); };
  refused_inside(set, here);
  // Where it is replaced by a file that was compiled in another way.
  refused_inside(set, there);
  // Where it was set in C.
  static linq::Log g_log;
  const auto set_in_c = [](const linq::Log& log) {
    g_log = log;
    const auto line = [](void*, std::uint32_t, const char* text) { g_log(linq::LogLevel::debug, text); };
    CHECK(linq_set_log(line, nullptr, LINQ_LOG_DEBUG) == LINQ_OK);
  };
  refused_inside(set_in_c, here);
  refused_inside(set_in_c, there);
}

void an_old_log_function_is_destroyed() {
  const auto kept = std::make_shared<int>(5);
  const auto log = [kept](linq::LogLevel, std::string_view) { CHECK(*kept == 5); };
  linq::set_log(log, linq::LogLevel::debug);
  CHECK(kept.use_count() == 3);
  thrown(Status::invalid_argument, [&] { linq::set_log(log, static_cast<linq::LogLevel>(99)); });
  CHECK(kept.use_count() == 3);
  good(g_client->upload(Source::bytes("hello"), called("a.txt")), "a.txt", "hello");
  linq::set_log(log, linq::LogLevel::debug);
  CHECK(kept.use_count() == 3);
  linq::set_log(nullptr);
  CHECK(kept.use_count() == 2);

  // Each is whole until the last thread has left it, even where it is replaced meanwhile.
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; j++) {
        linq::set_log(
            [kept, own = std::vector<int>{5}](linq::LogLevel, std::string_view) {
              std::this_thread::yield();
              CHECK(own.front() == *kept);
            },
            linq::LogLevel::debug);
        (void)g_client->try_upload_file("/nowhere");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  linq::set_log(nullptr);
  CHECK(kept.use_count() == 2);
}

/// Dies at exit, after what the header keeps of its own would have died if it did; and makes a call that says a log line.
struct LastWords {
  const Client client{settings(api())};
  ~LastWords() {
    const std::size_t before = g_lines;
    const auto attachment = client.try_upload_file("/nowhere/at/all.txt");
    if (attachment || attachment.error().status() != Status::file || g_lines == before || !linq::try_set_log(nullptr)) {
      fprintf(stderr, "a call at exit was not well, or its log lines were not logged\n");
      _exit(1);
    }
  }
  static inline std::atomic<std::size_t> g_lines{0};
};

void log_lines_are_logged_at_exit() {
  linq::set_log([](linq::LogLevel, std::string_view) { LastWords::g_lines++; }, linq::LogLevel::debug);
}

void a_connection_is_made_ahead() {
  calm();
  const Client client(settings(api_tls()));
  client.connect();
  CHECK(text(requests()) == "[]");
  linq::File file;
  file.filename = "split.txt";
  file.size_bytes = 5;
  const linq::Presigned place = client.presign(file);
  client.connect(place);
  CHECK(client.try_connect(place).has_value() && client.try_connect().has_value());
  CHECK(client.upload_presigned(place, Source::bytes("hello")).attempts() == 1);
  linq::ClientOptions nowhere = settings("http://127.0.0.1:1");
  nowhere.max_attempts = 1;
  thrown(Status::network, [&] { Client(nowhere).connect(); });
  const linq::CancelToken token;
  token.cancel();
  linq::CallOptions options;
  options.cancel = token;
  thrown(Status::cancelled, [&] { Client(settings(api_tls())).connect(options); });
}

/// The last event of the next upload that ends.
linq::Event last(const linq::Queue& queue) {
  for (;;) {
    linq::Event event = queue.next();
    if (event.kind() == linq::EventKind::finished || event.kind() == linq::EventKind::failed) return event;
  }
}

void a_queue_uploads_and_tells() {
  const linq::Queue queue(*g_client, {2});
  CHECK(queue.descriptor() >= 0);
  CHECK(!queue.next(std::chrono::milliseconds(0)) && !queue.next(std::chrono::milliseconds(50)));
  const std::string bytes = content(3000);
  queue.add(Source::bytes(bytes), 7, called("a.txt"));
  const linq::Event event = last(queue);
  CHECK(event.kind() == linq::EventKind::finished && event.tag() == 7 && event.remaining() == 0);
  CHECK(event.sent() == 3000 && event.total() == 3000 && !event.error());
  CHECK(event.attachment()->filename() == "a.txt" && stored(event.attachment()->attachment_id()) == bytes);

  queue.add(Source::file("/nowhere/x.txt"), 8);
  const auto failed = queue.next(std::chrono::seconds(30));
  CHECK(failed && failed->kind() == linq::EventKind::failed && failed->tag() == 8 && !failed->attachment());
  CHECK(failed->error()->status() == Status::file && failed->error()->system_error() == std::errc::no_such_file_or_directory);
}

void a_queue_tells_of_another_attempt() {
  fault(R"({"side":"storage","times":1,"fault":{"respond":{"status":503,"headers":[["Retry-After","1"]]}}})");
  const linq::Queue queue(*g_client);
  const linq::Event idle = [&] {
    queue.add(Source::bytes("hello"), 1, called("a.txt"));
    for (;;) {
      linq::Event event = queue.next();
      if (event.kind() != linq::EventKind::progress) return event;
      CHECK(event.attempt() == 1 && event.max_attempts() == 4 && event.step() && event.again_in() == std::chrono::milliseconds(0));
    }
  }();
  CHECK(idle.kind() == linq::EventKind::retry && idle.attempt() == 2 && idle.step() == linq::Step::put);
  CHECK(idle.again_in() == std::chrono::seconds(1) && idle.error()->http_status() == 503);
  const linq::Event event = last(queue);
  CHECK(event.kind() == linq::EventKind::finished && event.attempt() == 2 && !event.error());
}

/// What an event holds lives as long as the last that came out of it.
void parts_of_an_event_outlive_it() {
  std::optional<linq::Attachment> attachment;
  std::optional<Error> error;
  {
    const linq::Queue queue(*g_client);
    queue.add(Source::bytes("hello"), 1, called("a.txt"));
    attachment = last(queue).attachment();
    queue.add(Source::file("/nowhere/x.txt"), 2);
    error = last(queue).error();
  }
  const linq::Attachment copy = *attachment;
  CHECK(copy.filename() == "a.txt" && has(error->message(), "/nowhere/x.txt"));
}

void events_are_iterated_until_all_is_told() {
  const linq::Queue queue(*g_client);
  for (const linq::Event& event : queue.events()) CHECK(event.tag() == 99);  // nothing was added
  const std::string path = file_of("many.txt", 100);
  for (std::uint64_t tag = 0; tag < 10; tag++) queue.add(Source::file(path), tag);
  std::uint64_t ended = 0;
  for (const linq::Event& event : queue.events()) {
    if (event.kind() == linq::EventKind::progress) continue;
    CHECK(event.kind() == linq::EventKind::finished);
    if (ended++ == 3) queue.add(Source::bytes("one more"), 10, called("a.txt"));
  }
  CHECK(ended == 11);
  static_assert(std::is_same_v<std::iterator_traits<linq::Queue::Iterator>::value_type, linq::Event>);
}

/// An event that tells of another attempt is not the last of its upload.
void events_are_iterated_beyond_another_attempt() {
  fault(R"({"side":"storage","times":2,"fault":{"respond":{"status":503,"headers":[["Retry-After","1"]]}}})");
  const linq::Queue queue(*g_client);
  queue.add(Source::bytes("hello"), 1, called("a.txt"));
  std::string kinds;
  for (const linq::Event& event : queue.events()) {
    if (event.kind() == linq::EventKind::retry) kinds += 'r';
    if (event.kind() == linq::EventKind::finished) kinds += 'f';
  }
  CHECK(kinds == "rrf");
  for (const linq::Event& event : queue.events()) CHECK(event.tag() == 99);  // nothing is left to wait for
}

void a_queue_moves() {
  static_assert(!std::is_copy_constructible_v<linq::Queue> && !std::is_copy_assignable_v<linq::Queue>);
  static_assert(std::is_nothrow_move_constructible_v<linq::Queue> && std::is_nothrow_move_assignable_v<linq::Queue>);
  linq::Queue first(*g_client);
  first.add(Source::bytes("hello"), 1, called("a.txt"));
  linq::Queue second(std::move(first));
  CHECK(last(second).tag() == 1);
  first = linq::Queue(*g_client);
  first.add(Source::bytes("hello"), 2, called("a.txt"));
  second = std::move(first);
  CHECK(last(second).tag() == 2);
}

void uploads_of_a_queue_are_cancelled() {
  calm();
  fault(R"({"side":"storage","times":0,"fault":{"no_answer":true}})");
  const linq::Queue queue(*g_client, {3});
  const linq::CancelToken token;
  linq::UploadOptions options = called("a.txt");
  options.cancel = token;
  queue.add(Source::bytes("hello"), 1, options);
  for (std::uint64_t tag = 2; tag < 6; tag++) queue.add(Source::bytes("hello"), tag, called("a.txt"));
  sleep_ms(300);
  token.cancel();
  linq::Event event = last(queue);
  CHECK(event.tag() == 1 && event.error()->status() == Status::cancelled);
  queue.cancel(5);
  event = last(queue);
  CHECK(event.tag() == 5 && event.error()->status() == Status::cancelled && event.remaining() == 3);
  queue.cancel_all();
  for (int left = 3; left > 0; left--) CHECK(last(queue).error()->status() == Status::cancelled);
  queue.add(Source::bytes("hello"), 6, called("a.txt"));  // and the end of the queue ends it
  calm();
}

void a_queue_takes_nothing_that_runs_code_of_the_host() {
  const linq::Queue queue(*g_client);
  linq::UploadOptions options = called("a.txt");
  options.progress = [](std::uint64_t, std::uint64_t) {};
  CHECK(has(thrown(Status::invalid_argument, [&] { queue.add(Source::bytes("hello"), 1, options); }).message(), "progress"));
  options = called("a.txt");
  options.renew = [](const linq::Presigned&) { return std::nullopt; };
  CHECK(has(thrown(Status::invalid_argument, [&] { queue.add(Source::bytes("hello"), 1, options); }).message(), "renew"));
  options.renew = nullptr;
  options.attempt = [](const linq::Attempt&) {};
  CHECK(has(thrown(Status::invalid_argument, [&] { queue.add(Source::bytes("hello"), 1, options); }).message(), "attempt"));
  const Source reader = Source::reader(5, [](void*, std::size_t) { return -1; });
  CHECK(has(thrown(Status::invalid_argument, [&] { queue.add(reader, 1, called("a.txt")); }).message(), "linq_source.read"));
  thrown(Status::invalid_argument, [&] { queue.add(Source::bytes("hello"), LINQ_QUEUE_ALL, called("a.txt")); });
  thrown(Status::invalid_argument, [&] { queue.add(Source::file(std::string("a\0b", 3)), 1); });
  thrown(Status::invalid_argument, [&] { (void)queue.next(std::chrono::milliseconds(-1)); });
  thrown(Status::invalid_argument, [] { linq::Queue(*g_client, {257}); });
#ifdef __cpp_lib_jthread
  std::stop_source stop;
  options = called("a.txt");
  options.cancel = stop.get_token();
  CHECK(has(thrown(Status::invalid_argument, [&] { queue.add(Source::bytes("hello"), 1, options); }).message(), "stop_token"));
#endif
  for (const linq::Event& event : queue.events()) CHECK(event.tag() == 99);  // what was refused is not waited for
}

void a_queue_puts_to_a_place_too() {
  linq::File file;
  file.filename = "split.txt";
  file.size_bytes = 5;
  const linq::Queue queue(*g_client);
  const linq::Presigned place = g_client->presign(file);
  queue.add_presigned(place, Source::bytes("hello"), 3);
  CHECK(last(queue).attachment()->attachment_id() == place.attachment_id());
  CHECK(stored(place.attachment_id()) == "hello");
}

void threads_share_a_client() {
  std::atomic<int> done{0}, cancelled{0};
  std::vector<std::thread> threads;
  const std::string bytes = content(100000);
  const linq::CancelToken token;
  linq::set_log([](linq::LogLevel, std::string_view) {}, linq::LogLevel::debug);
  for (int i = 0; i < 6; i++) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 5; j++) {
        linq::UploadOptions options = called("t" + std::to_string(i) + ".txt");
        if (i == 5) options.cancel = token;
        if (i == 5 && j == 2) token.cancel();
        std::uint64_t last = 0;
        options.progress = [&](std::uint64_t sent, std::uint64_t) { last = sent; };
        const auto result = (j % 2 == 0 ? g_client : g_tls)->try_upload(Source::bytes(bytes), options);
        if (result) {
          CHECK(last == bytes.size());
          done++;
        } else {
          CHECK(result.error().status() == Status::cancelled);
          cancelled++;
        }
        if (i == 0) linq::set_log([](linq::LogLevel, std::string_view) {}, linq::LogLevel::debug);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  linq::set_log(nullptr);
  CHECK(done == 27 && cancelled == 3);
}

}  // namespace

int main() {
  static const LastWords last_words;
  Client client(settings(api())), tls(settings(api_tls()));
  g_client = &client;
  g_tls = &tls;
  RUN(every_status_has_a_name);
  RUN(all_of_the_c_header_is_reached);
  RUN(a_file_is_uploaded);
  RUN(every_kind_of_source_is_uploaded);
  RUN(values_as_std_expected_has_them);
  RUN(a_stream_that_cannot_seek_needs_a_length);
  RUN(a_stream_that_has_failed_is_not_read);
  RUN(a_stream_at_its_end_has_nothing_left);
  RUN(what_can_rewind_is_sent_again);
  RUN(a_short_reader_is_sent_again_without_rewind);
  RUN(a_rewind_that_does_not_work_ends_the_upload);
  RUN(an_error_has_every_field);
  RUN(options_reach_the_library);
  RUN(times_are_milliseconds);
  RUN(a_nul_inside_a_text_is_refused);
  RUN(progress_is_told_and_may_end_the_upload);
  RUN(callbacks_may_be_movable_only);
  RUN(what_a_callback_throws_comes_out_of_the_call);
  RUN(an_expired_place_is_renewed);
  RUN(each_request_is_told);
  RUN(the_network_may_change);
  RUN(a_token_ends_calls);
#ifdef __cpp_lib_jthread
  RUN(a_stop_token_ends_calls);
#endif
  RUN(a_token_that_cannot_be_made_is_an_error);
  RUN(a_place_is_reserved_here_and_used_there);
  RUN(any_date_is_a_time);
  RUN(an_attachment_is_looked_at_and_deleted);
  RUN(a_message_is_sent);
  RUN(a_message_that_may_have_arrived_tells_its_key);
  RUN(any_other_call_is_made);
  RUN(a_type_is_told_without_opening_anything);
  RUN(the_default_client_is_there);
  RUN(objects_are_copied_moved_and_assigned_to_themselves);
  RUN(texts_outlive_their_objects);
  RUN(a_client_may_go_while_it_is_used);
  RUN(log_lines_are_logged);
  RUN(log_lines_are_logged_up_to_a_level);
  RUN(a_log_function_is_refused_while_another_thread_replaces_it);
  RUN(an_old_log_function_is_destroyed);
  RUN(threads_share_a_client);
  RUN(a_connection_is_made_ahead);
  RUN(a_queue_uploads_and_tells);
  RUN(a_queue_tells_of_another_attempt);
  RUN(parts_of_an_event_outlive_it);
  RUN(events_are_iterated_until_all_is_told);
  RUN(events_are_iterated_beyond_another_attempt);
  RUN(a_queue_moves);
  RUN(uploads_of_a_queue_are_cancelled);
  RUN(a_queue_takes_nothing_that_runs_code_of_the_host);
  RUN(a_queue_puts_to_a_place_too);
  RUN(next_version_uploads);
  nothrow_tests();
  RUN(log_lines_are_logged_at_exit);
  return done("cpp");
}
