// linq.hpp - liblinq for C++17 and later. Only this header, over linq.h; link as a C program does.
//
//     #include <linq.hpp>
//     #include <iostream>
//
//     int main() {                      // the key is in the environment: LINQ_API_V3_API_KEY
//       try {
//         std::cout << linq::upload_file("photo.jpg").attachment_id() << '\n';
//       } catch (const linq::Error& error) {
//         std::cerr << error.what() << '\n';
//       }
//     }
//
// linq.h is the manual: limits, defaults, what each status means. What C++ adds:
//
//  Two forms   upload_file() throws linq::Error. try_upload_file() returns a Result: std::expected where there is one, else a
//              small class that is used alike. With -fno-exceptions only the second form is there.
//  Objects     Clients, tokens, results and errors own a block of the library and free it. Copies are cheap and share it;
//              moving copies, so nothing is ever empty. A Queue can only be moved. All may be used from any thread at the same
//              time.
//  Text        comes as a std::string of your own; where linq.h says NULL, it is empty. What you pass in must not have a NUL
//              inside: that is refused.
//  Callbacks   may throw: the call ends, and it is your exception that comes out of it, in both forms. They may be callables that
//              can only be moved; copies of options and sources share them.
//  Options     What is not set is the library's default.
#ifndef LINQ_HPP
#define LINQ_HPP

#include <linq.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <istream>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_expected
#include <expected>
#endif
#ifdef __cpp_lib_jthread
#include <stop_token>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif

// Files that are compiled for different standards, with and without exceptions, or with another version of this header, see
// different things under the same names. So that the linker does not take one for the other, the names differ underneath.
#ifdef __cpp_exceptions
#define LINQ_HPP_EXCEPTIONS throwing
#else
#define LINQ_HPP_EXCEPTIONS unthrowing
#endif
#if defined __cpp_lib_expected
#define LINQ_HPP_LIBRARY with_expected
#elif defined __cpp_lib_jthread
#define LINQ_HPP_LIBRARY with_stop_token
#else
#define LINQ_HPP_LIBRARY plain
#endif
#define LINQ_HPP_PASTE(major, minor, patch) v##major##_##minor##_##patch
#define LINQ_HPP_VERSION(major, minor, patch) LINQ_HPP_PASTE(major, minor, patch)

namespace linq {
inline namespace LINQ_HPP_VERSION(LINQ_VERSION_MAJOR, LINQ_VERSION_MINOR, LINQ_VERSION_PATCH) {
inline namespace LINQ_HPP_EXCEPTIONS {
inline namespace LINQ_HPP_LIBRARY {

/// What came of a call; linq.h says what each means. A number that is not here counts as internal.
enum class Status : linq_status {
  ok = LINQ_OK,
  invalid_argument = LINQ_INVALID_ARGUMENT,
  file = LINQ_FILE,
  unsupported = LINQ_UNSUPPORTED,
  network = LINQ_NETWORK,
  tls = LINQ_TLS,
  timeout = LINQ_TIMEOUT,
  cancelled = LINQ_CANCELLED,
  unauthorized = LINQ_UNAUTHORIZED,
  not_found = LINQ_NOT_FOUND,
  rate_limited = LINQ_RATE_LIMITED,
  api = LINQ_API,
  storage = LINQ_STORAGE,
  expired = LINQ_EXPIRED,
  protocol = LINQ_PROTOCOL,
  no_memory = LINQ_NO_MEMORY,
  internal = LINQ_INTERNAL,
};

/// Its name as linq.h writes it, such as "LINQ_TIMEOUT".
inline std::string_view status_name(Status status) noexcept {
  return linq_status_name(static_cast<linq_status>(status));
}

/// The version of the library that is loaded; LINQ_VERSION_STRING is the header's.
inline std::string_view version() noexcept { return linq_version(); }

/// The ABI of the library that is loaded. It works with this header where it equals LINQ_ABI_VERSION.
inline std::uint32_t abi_version() noexcept { return linq_abi_version(); }

namespace detail {

// LINQ_HAS, whose casts are those of C, which -Wold-style-cast warns about.
template <class Struct, class Field>
bool has(const Struct* from, Field Struct::*field) noexcept {
  const auto end = reinterpret_cast<const char*>(&(from->*field) + 1) - reinterpret_cast<const char*>(from);
  return from->struct_size >= static_cast<std::size_t>(end);
}

// One block of the library, shared by all copies. Only copying is declared, so that moving copies.
template <class C>
class Block {
 public:
  explicit Block(std::shared_ptr<C> block) noexcept : block_(std::move(block)) {}
  explicit Block(C* block) : block_(block, [](C* done) { linq_free(const_cast<std::remove_const_t<C>*>(done)); }) {}
  Block(const Block&) = default;
  Block& operator=(const Block&) = default;
  ~Block() = default;

  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  C* get() const noexcept { return block_.get(); }
  // A part of the block, which keeps all of it alive.
  template <class Part>
  std::shared_ptr<Part> part(Part* part) const noexcept {
    return {block_, part};
  }

 private:
  std::shared_ptr<C> block_;
};

inline std::string text(const char* text) { return text != nullptr ? text : ""; }

// A server may name any year; system_clock counts so finely that it ends in 2262 in some libraries.
inline std::chrono::system_clock::time_point time(std::int64_t unix_milliseconds) noexcept {
  using Time = std::chrono::system_clock::time_point;
  using std::chrono::milliseconds;
  constexpr auto last = std::chrono::duration_cast<milliseconds>((Time::max)().time_since_epoch());
  return Time(std::clamp(milliseconds(unix_milliseconds), milliseconds(0), last));
}

}  // namespace detail

/// What failed, on what, why, and what to do about it. Holds no secret. Copying it never throws.
class [[nodiscard]] Error : public std::exception {
 public:
  /// Takes over an error of linq.h.
  explicit Error(linq_error* error) : block_(error) {}
  // Part of something else.
  explicit Error(std::shared_ptr<const linq_error> error) noexcept : block_(std::move(error)) {}
  /// One of this header's own.
  Error(Status status, std::string message) : block_(make(status, std::move(message))) {}
  Error(const Error&) noexcept = default;
  Error& operator=(const Error&) noexcept = default;
  ~Error() override = default;

  /// The message.
  const char* what() const noexcept override { return block_.get()->message; }
  /// Decide by this.
  Status status() const noexcept { return static_cast<Status>(block_.get()->status); }
  /// A sentence for people, whose wording may change.
  std::string message() const { return detail::text(block_.get()->message); }
  /// The HTTP status of the refusal; 0: none.
  std::uint32_t http_status() const noexcept { return block_.get()->http_status; }
  /// Linq's own error code, such as 1007; 0: none.
  std::uint32_t api_code() const noexcept { return block_.get()->api_code; }
  /// Linq's page about api_code.
  std::string doc_url() const { return detail::text(block_.get()->doc_url); }
  /// Linq's trace id, which its support asks for.
  std::string trace_id() const { return detail::text(block_.get()->trace_id); }
  /// The storage host's own code, such as "SignatureDoesNotMatch".
  std::string storage_code() const { return detail::text(block_.get()->storage_code); }
  /// The storage host's request id, which its support asks for.
  std::string storage_request_id() const { return detail::text(block_.get()->storage_request_id); }
  /// The storage host's second id (x-amz-id-2), which its support asks for too.
  std::string storage_id_2() const { return detail::text(block_.get()->storage_id_2); }
  /// The attachment that had been reserved when it failed.
  std::string attachment_id() const { return detail::text(block_.get()->attachment_id); }
  /// How long the server asked to wait before another try; 0: it did not say.
  std::chrono::milliseconds retry_after() const noexcept {
    return std::chrono::milliseconds(block_.get()->retry_after_ms);
  }
  /// How many attempts were made, the last included; 0: it failed before any network.
  std::uint32_t attempts() const noexcept { return block_.get()->attempts; }
  /// Whether the same call may succeed later without a change.
  bool retryable() const noexcept { return block_.get()->retryable != 0; }
  /// The key of a message, or of a request with one, that may have been sent although this failed: send again with it.
  /// Empty: nothing was sent, or Linq refused it.
  std::string idempotency_key() const {
    return detail::has(get(), &linq_error::idempotency_key) ? detail::text(block_.get()->idempotency_key) : std::string();
  }
  /// What the system said, to be compared with std::errc; no error where it said nothing.
  std::error_code system_error() const noexcept {
    return {detail::has(get(), &linq_error::system_error) ? block_.get()->system_error : 0, std::generic_category()};
  }
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_error* get() const noexcept { return block_.get(); }

 private:
  static std::shared_ptr<const linq_error> make(Status status, std::string message) {
    struct Own {
      linq_error error{};
      std::string message{};
    };
    auto own = std::make_shared<Own>();
    own->message = std::move(message);
    own->error.struct_size = sizeof own->error;
    own->error.message = own->message.c_str();
    own->error.status = static_cast<linq_status>(status);
    return {own, &own->error};
  }

  detail::Block<const linq_error> block_;
};

#ifdef __cpp_lib_expected
/// A value, or why there is none.
template <class T>
using Result = std::expected<T, Error>;

namespace detail {
template <class T>
Result<T> failure(Error error) {
  return std::unexpected(std::move(error));
}
}  // namespace detail
#else
namespace detail {
[[noreturn]] inline void no_value([[maybe_unused]] const Error& error) {
#ifdef __cpp_exceptions
  throw error;
#else
  std::abort();
#endif
}
}  // namespace detail

/// A value, or why there is none: the part of std::expected<T, Error> that both have.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : either_(std::in_place_index<0>, std::move(value)) {}
  /// Without a value.
  Result(std::in_place_t, Error error) : either_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return either_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  /// The value; only where there is one.
  T& operator*() & noexcept { return *held(); }
  const T& operator*() const& noexcept { return *const_cast<Result*>(this)->held(); }
  T&& operator*() && noexcept { return std::move(*held()); }
  T* operator->() noexcept { return held(); }
  const T* operator->() const noexcept { return const_cast<Result*>(this)->held(); }
  /// The value; where there is none, its Error is thrown (std::expected wraps it), or std::abort ends a program without exceptions.
  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(*checked()); }
  /// Why there is none; only where there is none.
  const Error& error() const& noexcept {
    assert(!has_value());
    return *std::get_if<1>(&either_);
  }
  Error&& error() && noexcept {
    assert(!has_value());
    return std::move(*std::get_if<1>(&either_));
  }

 private:
  T* held() noexcept {
    assert(has_value());
    return std::get_if<0>(&either_);
  }
  T* checked() {
    if (!has_value()) detail::no_value(error());
    return held();
  }

  std::variant<T, Error> either_;
};

/// Done, or why not.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  /// Not done.
  Result(std::in_place_t, Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  /// Throws the Error if it was not done, as the value() of the others.
  void value() const {
    if (!has_value()) detail::no_value(*error_);
  }
  /// Why not; only where it was not.
  const Error& error() const& noexcept {
    assert(!has_value());
    return *error_;
  }
  Error&& error() && noexcept {
    assert(!has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_{};
};

namespace detail {
template <class T>
Result<T> failure(Error error) {
  return Result<T>(std::in_place, std::move(error));
}
}  // namespace detail
#endif

namespace detail {

#ifdef __cpp_exceptions
template <class T>
T value(Result<T> result) {
  if (!result) throw std::move(result).error();
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
#endif

// An exception on its way around the C functions, which it must not pass through.
class Carried {
 public:
  // Runs a callback; `otherwise` is what ends the call, as it does where another has thrown already.
  template <class Return, class Callback>
  Return run(Return otherwise, Callback&& callback) noexcept {
#ifdef __cpp_exceptions
    if (exception_) return otherwise;
    try {
      return callback();
    } catch (...) {
      exception_ = std::current_exception();
      return otherwise;
    }
#else
    (void)otherwise;
    return callback();
#endif
  }

  void rethrow() {
#ifdef __cpp_exceptions
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
#endif
  }

 private:
#ifdef __cpp_exceptions
  std::exception_ptr exception_{};
#endif
};

// A callback: as std::function, but of a callable that may be one that can only be moved. Copies share it.
template <class Signature>
class Function;

// Whether it may hold no function. A callable of another kind is one, whatever it is when converted to bool.
template <class Callable>
struct CanBeEmpty : std::disjunction<std::is_pointer<Callable>, std::is_member_pointer<Callable>> {};
template <class Signature>
struct CanBeEmpty<std::function<Signature>> : std::true_type {};
template <class Signature>
struct CanBeEmpty<Function<Signature>> : std::true_type {};
#ifdef __cpp_lib_move_only_function
template <class Signature>
struct CanBeEmpty<std::move_only_function<Signature>> : std::true_type {};
#endif

template <class Return, class... Arguments>
class Function<Return(Arguments...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}
  template <class Callable, class Kept = std::decay_t<Callable>,
            class = std::enable_if_t<std::conjunction_v<std::negation<std::is_same<Kept, Function>>,
                                                        std::is_invocable_r<Return, Kept&, Arguments...>>>>
  Function(Callable&& callable) {
    // A function itself is always there, and compilers warn of the question.
    if constexpr (CanBeEmpty<std::remove_cv_t<std::remove_reference_t<Callable>>>::value) {
      if (!static_cast<bool>(std::as_const(callable))) return;
    }
    kept_ = std::make_shared<Kept>(std::forward<Callable>(callable));
    call_ = [](void* kept, Arguments... arguments) -> Return {
      return static_cast<Return>(std::invoke(*static_cast<Kept*>(kept), std::forward<Arguments>(arguments)...));
    };
  }

  explicit operator bool() const noexcept { return call_ != nullptr; }
  Return operator()(Arguments... arguments) const { return call_(kept_.get(), std::forward<Arguments>(arguments)...); }

 private:
  std::shared_ptr<void> kept_{};
  Return (*call_)(void* kept, Arguments... arguments) = nullptr;
};

// C++ values to C's, and the first that is invalid.
class Input {
 public:
  const char* text(const std::string& text, const char* name) {
    if (text.find('\0') != std::string::npos) refuse(std::string(name) + " has a NUL inside");
    return text.c_str();
  }
  const char* text(const std::optional<std::string>& text, const char* name) {
    return text ? this->text(*text, name) : nullptr;
  }
  std::vector<const char*> texts(const std::vector<std::string>& texts, const char* name) {
    std::vector<const char*> all;
    for (const std::string& one : texts) all.push_back(text(one, name));
    return all;
  }
  std::uint32_t milliseconds(std::chrono::milliseconds time, const char* name) {
    if (time.count() < 0 || time.count() > std::int64_t{UINT32_MAX}) {
      refuse(std::string(name) + " must be 0 to 4 294 967 295 ms");
      return 0;
    }
    return static_cast<std::uint32_t>(time.count());
  }
  void refuse(std::string message) {
    if (!error) error = Error(Status::invalid_argument, std::move(message));
  }

  std::optional<Error> error{};
};

// Calls a function of linq.h that has a result, unless the input was refused.
template <class Wrapper, class C, class Function>
Result<Wrapper> call(Input& input, Carried& carried, Function function) {
  if (input.error) return failure<Wrapper>(*std::move(input.error));
  C* result = nullptr;
  linq_error* error = nullptr;
  const linq_status status = function(&result, &error);
  if (status != LINQ_OK) {
    Error owned(error);
    carried.rethrow();
    return failure<Wrapper>(std::move(owned));
  }
  Wrapper owned(result);
  carried.rethrow();
  return owned;
}

template <class Wrapper, class C, class Function>
Result<Wrapper> call(Input& input, Function function) {
  Carried none;
  return call<Wrapper, C>(input, none, function);
}

}  // namespace detail

/// Ends calls from anywhere, within about 10 ms. May be given to any number of calls; copies are the same token.
class CancelToken : public detail::Block<linq_cancel_token> {
 public:
#ifdef __cpp_exceptions
  /// Throws Error (no_memory) where memory or descriptors ran out.
  CancelToken() : CancelToken(detail::value(try_make())) {}
#endif
  /// The same without throwing.
  [[nodiscard]] static Result<CancelToken> try_make() {
    linq_cancel_token* token = linq_cancel_token_new();
    if (token == nullptr) {
      return detail::failure<CancelToken>(
          Error(Status::no_memory, "There is no memory or no descriptor left for a cancel token; free some."));
    }
    return CancelToken(token);
  }
  /// Takes over a token of linq.h.
  explicit CancelToken(linq_cancel_token* token) : Block(token) {}

  /// Ends every call that was given it, now and later. Never blocks; may be called in a signal handler.
  void cancel() const noexcept { linq_cancel_token_cancel(get()); }
};

/// What ends a call from outside: nothing, a CancelToken, or (C++20) a std::stop_token.
class Cancel {
 public:
  Cancel() = default;
  Cancel(CancelToken token) : token_(std::move(token)) {}
#ifdef __cpp_lib_jthread
  Cancel(std::stop_token stop) : stop_(std::move(stop)) {}
#endif

  // Whether it cancels a call only while it is watched.
  bool is_watched() const noexcept {
#ifdef __cpp_lib_jthread
    return stop_.stop_possible();
#else
    return false;
#endif
  }

  // For as long as one call lasts.
  class Link {
   public:
    Link(const Cancel& cancel, detail::Input& input) : token_(cancel.token_) {
#ifdef __cpp_lib_jthread
      if (!cancel.stop_.stop_possible()) return;
      if (auto made = CancelToken::try_make()) {
        token_ = *made;
        // Destroyed first, and waits for a callback that is running: the token outlives it.
        callback_.emplace(cancel.stop_, Stop{token_->get()});
      } else {
        input.error = made.error();
      }
#else
      (void)input;
#endif
    }
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    linq_cancel_token* get() const noexcept { return token_ ? token_->get() : nullptr; }

   private:
    std::optional<CancelToken> token_;
#ifdef __cpp_lib_jthread
    struct Stop {
      linq_cancel_token* token;
      void operator()() const noexcept { linq_cancel_token_cancel(token); }
    };
    std::optional<std::stop_callback<Stop>> callback_{};
#endif
  };

 private:
  std::optional<CancelToken> token_{};
#ifdef __cpp_lib_jthread
  std::stop_token stop_{};
#endif
};

/// Told how far an upload is: bytes sent so far in this attempt, and the total. A callable that returns nothing, or a bool:
/// false ends the upload, which then fails with Status::cancelled. May throw.
class Progress {
 public:
  Progress() = default;
  Progress(std::nullptr_t) {}
  template <class Callback, class = std::enable_if_t<!std::is_same_v<std::decay_t<Callback>, Progress>>>
  Progress(Callback&& callback) {
    using Answer = std::invoke_result_t<Callback&, std::uint64_t, std::uint64_t>;
    static_assert(std::is_void_v<Answer> || std::is_same_v<Answer, bool>,
                  "a progress callback returns nothing, or a bool: false ends the upload");
    if constexpr (std::is_void_v<Answer>) {
      detail::Function<void(std::uint64_t, std::uint64_t)> call(std::forward<Callback>(callback));
      if (!call) return;
      call_ = [call](std::uint64_t sent, std::uint64_t total) {
        call(sent, total);
        return true;
      };
    } else {
      call_ = std::forward<Callback>(callback);
    }
  }

  explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  bool operator()(std::uint64_t sent, std::uint64_t total) const { return call_(sent, total); }

 private:
  detail::Function<bool(std::uint64_t, std::uint64_t)> call_{};
};

/// Which step of a call a request belongs to.
enum class Step : std::uint32_t {
  reserve = LINQ_STEP_RESERVE,
  put = LINQ_STEP_PUT,
  other = LINQ_STEP_OTHER,
};

/// What one request took and how it ended, for metrics. A view, valid until the callback returns. The times are consecutive
/// parts, which add up to the total; a part that did not take place is 0.
class Attempt {
 public:
  explicit Attempt(const linq_attempt& attempt) noexcept : of_(&attempt) {}
  /// The host that it was sent to.
  std::string host() const { return detail::text(of_->host); }
  /// Linq's trace id, or the storage host's request id; empty: none.
  std::string request_id() const { return detail::text(of_->request_id); }
  /// Why it failed, for people; empty: it succeeded.
  std::string reason() const { return detail::text(of_->reason); }
  /// How many bytes were sent for it on the wire.
  std::uint64_t bytes_sent() const noexcept { return of_->bytes_sent; }
  /// How many bytes were received.
  std::uint64_t bytes_received() const noexcept { return of_->bytes_received; }
  /// Looking up the name.
  std::chrono::microseconds lookup() const noexcept { return time(of_->lookup_us); }
  /// Connecting.
  std::chrono::microseconds connect() const noexcept { return time(of_->connect_us); }
  /// Asking a proxy for a tunnel.
  std::chrono::microseconds proxy() const noexcept { return time(of_->proxy_us); }
  /// The TLS handshake.
  std::chrono::microseconds tls() const noexcept { return time(of_->tls_us); }
  /// From the first byte of the request until the system took its last.
  std::chrono::microseconds send() const noexcept { return time(of_->send_us); }
  /// From there until the head of the response had arrived.
  std::chrono::microseconds wait() const noexcept { return time(of_->wait_us); }
  /// The rest of the response.
  std::chrono::microseconds receive() const noexcept { return time(of_->receive_us); }
  /// All of it.
  std::chrono::microseconds total() const noexcept { return time(of_->total_us); }
  /// Which step of the call it belongs to.
  Step step() const noexcept { return static_cast<Step>(of_->step); }
  /// The number of the attempt within the call, from 1. A request whose pooled connection was dead is sent again under the
  /// same number.
  std::uint32_t number() const noexcept { return of_->number; }
  /// The HTTP status; 0: there was no response.
  std::uint32_t http_status() const noexcept { return of_->http_status; }
  /// Status::ok, or how it failed.
  Status status() const noexcept { return static_cast<Status>(of_->status); }
  /// Whether the connection was open already.
  bool reused() const noexcept { return of_->reused != 0; }
  /// How long until the next attempt; 0: there is none, or it is made at once.
  std::chrono::milliseconds again_in() const noexcept { return std::chrono::milliseconds(of_->again_in_ms); }

 private:
  static std::chrono::microseconds time(std::uint64_t microseconds) noexcept {
    return std::chrono::microseconds(static_cast<std::int64_t>(microseconds));
  }

  const linq_attempt* of_;
};

/// Called after each request. If it throws, the call fails with that exception; an upload that is running is ended first.
using Attempts = detail::Function<void(const Attempt& attempt)>;

/// Settings of a client, as in linq_client_options.
struct ClientOptions {
  /// The API key; not set: LINQ_API_V3_API_KEY. Without either the client still uploads presigned.
  std::optional<std::string> api_key{};
  /// Where the API is; not set: LINQ_API_V3_BASE_URL, else Linq's.
  std::optional<std::string> base_url{};
  /// Added to the library's own User-Agent, such as "MyApp/2.1".
  std::optional<std::string> user_agent{};
  /// A file of PEM certificates to trust besides the platform's.
  std::optional<std::filesystem::path> ca_file{};
  /// The same as text.
  std::optional<std::string> ca_pem{};
  /// "http://[user:password@]host:port"; "": none; not set: from the environment.
  std::optional<std::string> proxy{};
  /// Reads no environment variable at all: no key, no base URL, no proxy, no SSL_CERT_FILE.
  bool no_environment = false;
  /// Lets WebP and SVG through, about which Linq's own documents contradict each other.
  bool allow_webp_svg = false;
  /// Accepts a presigned URL that is plain http, towards loopback only; for tests.
  bool allow_http_loopback = false;
  /// For the name, the connection and TLS together; 0: see linq.h.
  std::chrono::milliseconds connect_timeout{0};
  /// How long nothing may move; 0: see linq.h.
  std::chrono::milliseconds stall_timeout{0};
  /// How often to try in all; 1: never again; 0: see linq.h.
  std::uint32_t max_attempts = 0;
};

class Presigned;

/// Called when the place that was passed to upload_presigned() has expired: ask your server for another, and return the result of
/// parse_presigned() or presign(). Without one the upload fails with Status::expired. Not called by upload(), which reserves
/// places itself, nor after a read from a reader that cannot rewind. May throw.
using Renew = detail::Function<std::optional<Presigned>(const Presigned& expired)>;

/// What an upload takes besides its source, as in linq_upload_options.
struct UploadOptions {
  /// The name to declare; not set: the last part of the path. A source without a path needs one.
  std::optional<std::string> filename{};
  /// The content type to declare; not set: from the bytes, else from the name.
  std::optional<std::string> content_type{};
  /// Told how far it is.
  Progress progress{};
  /// A CancelToken or a std::stop_token.
  Cancel cancel{};
  /// Bounds the whole call; 0: not bounded.
  std::chrono::milliseconds timeout{0};
  /// Gives another place when the one that was passed has expired.
  Renew renew{};
  /// Called after each request.
  Attempts attempt{};
};

/// What the other calls take, as in linq_call_options.
struct CallOptions {
  /// A CancelToken or a std::stop_token.
  Cancel cancel{};
  /// Bounds the whole call; 0: not bounded.
  std::chrono::milliseconds timeout{0};
  /// Called after each request.
  Attempts attempt{};
};

/// A file that is to be uploaded by somebody else; see presign().
struct File {
  /// Required. 1 to 255 characters, without control characters or path separators.
  std::string filename{};
  /// Not set: from the extension of filename.
  std::optional<std::string> content_type{};
  /// Required. Exactly how many bytes will be uploaded.
  std::uint64_t size_bytes = 0;
};

/// A message to send.
struct Message {
  /// Required. One of your own numbers, such as "+15551234567".
  std::string from{};
  /// Required. Numbers or e-mail addresses.
  std::vector<std::string> to{};
  /// Text that goes before the attachments.
  std::optional<std::string> text{};
  /// Ids, in order. May be empty where there is a text.
  std::vector<std::string> attachment_ids{};
  /// Linq never sends twice with the same key; not set: a fresh one, which Receipt tells, and an Error where the message may
  /// have arrived all the same.
  std::optional<std::string> idempotency_key{};
};

/// A call of the API that has no function of its own here.
struct Request {
  /// Required. "GET", "HEAD", "PUT", "DELETE", "POST" or "PATCH".
  std::string method{};
  /// Required. What follows the base URL, such as "/v3/chats/{id}/messages" with an id in it; a query is allowed.
  std::string path{};
  /// What to send, at most 1 MiB; not set: no body. GET and HEAD take none.
  std::optional<std::string> json{};
  /// Sent as the header Idempotency-Key, which only some paths honour.
  std::optional<std::string> idempotency_key{};
  /// A POST or PATCH may be done twice, so it may be tried again after any failure that may pass.
  bool repeatable = false;
};

/// A file that is there.
class Attachment {
 public:
  explicit Attachment(const linq_attachment* attachment) : block_(attachment) {}
  // Part of something else.
  explicit Attachment(std::shared_ptr<const linq_attachment> attachment) noexcept : block_(std::move(attachment)) {}
  /// For any number of messages as long as it lasts: an ephemeral attachment is removed 24 to 48 hours after the
  /// upload, a persistent one stays until it is deleted.
  std::string attachment_id() const { return detail::text(block_.get()->attachment_id); }
  /// Where the file is; empty where Linq does not send it.
  std::string download_url() const { return detail::text(block_.get()->download_url); }
  /// The name it was declared under.
  std::string filename() const { return detail::text(block_.get()->filename); }
  /// The type it was declared as.
  std::string content_type() const { return detail::text(block_.get()->content_type); }
  /// Its size.
  std::uint64_t size_bytes() const noexcept { return block_.get()->size_bytes; }
  /// How many attempts the call made in all.
  std::uint32_t attempts() const noexcept { return block_.get()->attempts; }
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_attachment* get() const noexcept { return block_.get(); }

 private:
  detail::Block<const linq_attachment> block_;
};

/// What Linq knows of an attachment.
class AttachmentInfo {
 public:
  explicit AttachmentInfo(const linq_attachment_info* info) : block_(info) {}
  /// Its id.
  std::string attachment_id() const { return detail::text(block_.get()->attachment_id); }
  /// Its name.
  std::string filename() const { return detail::text(block_.get()->filename); }
  /// Its content type.
  std::string content_type() const { return detail::text(block_.get()->content_type); }
  /// When it was reserved, as the server wrote it.
  std::string created_at() const { return detail::text(block_.get()->created_at); }
  /// Where the file is; empty where Linq does not send it.
  std::string download_url() const { return detail::text(block_.get()->download_url); }
  /// "pending", "complete" or "failed" where the API still sends it, else empty.
  std::string status() const { return detail::text(block_.get()->status); }
  /// Its size.
  std::uint64_t size_bytes() const noexcept { return block_.get()->size_bytes; }
  /// created_at as a time; what is before 1970 or too late for system_clock is the nearest that is not.
  std::chrono::system_clock::time_point created_at_time() const noexcept {
    return detail::time(block_.get()->created_at_ms);
  }
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_attachment_info* get() const noexcept { return block_.get(); }

 private:
  detail::Block<const linq_attachment_info> block_;
};

/// A reserved place: where the bytes go. A secret until it expires.
class Presigned {
 public:
  explicit Presigned(const linq_presigned* presigned) : block_(presigned) {}
  /// The id to use in messages once the bytes are there.
  std::string attachment_id() const { return detail::text(block_.get()->attachment_id); }
  /// Where to PUT the bytes. A secret: anyone who has it may upload.
  std::string upload_url() const { return detail::text(block_.get()->upload_url); }
  /// Where the file will be found; empty where Linq does not send it.
  std::string download_url() const { return detail::text(block_.get()->download_url); }
  /// Always "PUT".
  std::string http_method() const { return detail::text(block_.get()->http_method); }
  /// When upload_url expires, as the server wrote it.
  std::string expires_at() const { return detail::text(block_.get()->expires_at); }
  /// All of this for the one who uploads; see parse_presigned(). A secret too.
  std::string json() const { return detail::text(block_.get()->json); }
  /// The name it was reserved under; empty where the JSON did not say.
  std::string filename() const { return detail::text(block_.get()->filename); }
  /// The content type it was reserved for; empty where the JSON did not say.
  std::string content_type() const { return detail::text(block_.get()->content_type); }
  /// The headers to send with the PUT: names and values.
  std::vector<std::pair<std::string, std::string>> headers() const {
    std::vector<std::pair<std::string, std::string>> all;
    for (std::size_t i = 0; i < block_.get()->header_count; i++) {
      all.emplace_back(block_.get()->headers[i].name, block_.get()->headers[i].value);
    }
    return all;
  }
  /// expires_at as a time, by the server's clock; what is before 1970 or too late for system_clock is the nearest that
  /// is not.
  std::chrono::system_clock::time_point expires_at_time() const noexcept {
    return detail::time(block_.get()->expires_at_ms);
  }
  /// The size it was reserved for; 0 where the JSON did not say.
  std::uint64_t size_bytes() const noexcept { return block_.get()->size_bytes; }
  /// Whether the response to a PUT that you sent yourself means that the file is there. An Error is the one that an upload
  /// reports for this response; see linq_presigned_check.
  [[nodiscard]] Result<void> try_check(std::uint32_t http_status, std::string_view body) const {
    linq_error* error = nullptr;
    const linq_status status = linq_presigned_check(get(), http_status, body.data(), body.size(), &error);
    if (status != LINQ_OK) return detail::failure<void>(Error(error));
    return {};
  }
#ifdef __cpp_exceptions
  /// The same, and throws the Error.
  void check(std::uint32_t http_status, std::string_view body) const { detail::value(try_check(http_status, body)); }
#endif
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_presigned* get() const noexcept { return block_.get(); }

 private:
  detail::Block<const linq_presigned> block_;
};

/// What Linq answered to a message.
class Receipt {
 public:
  explicit Receipt(const linq_receipt* receipt) : block_(receipt) {}
  /// The chat it went to.
  std::string chat_id() const { return detail::text(block_.get()->chat_id); }
  /// The message; empty where the reply does not name it.
  std::string message_id() const { return detail::text(block_.get()->message_id); }
  /// The key it was sent with. To send the same message again, use the same key.
  std::string idempotency_key() const { return detail::text(block_.get()->idempotency_key); }
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_receipt* get() const noexcept { return block_.get(); }

 private:
  detail::Block<const linq_receipt> block_;
};

/// What Linq answered to a request.
class Response {
 public:
  explicit Response(const linq_response* response) : block_(response) {}
  /// The body; empty where there is none.
  std::string json() const { return detail::text(block_.get()->json); }
  /// Linq's trace id, which its support asks for.
  std::string trace_id() const { return detail::text(block_.get()->trace_id); }
  /// The status: 200 to 299, or 404 for a DELETE that was made again and found that it was done.
  std::uint32_t http_status() const noexcept { return block_.get()->http_status; }
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_response* get() const noexcept { return block_.get(); }

 private:
  detail::Block<const linq_response> block_;
};

namespace detail {
template <class Range>
using Element = std::remove_pointer_t<decltype(std::data(std::declval<Range&>()))>;

// A contiguous range of single bytes. An array of char is a text, whose NUL does not count.
template <class Range, class = void>
struct IsBytes : std::false_type {};
template <class Range>
struct IsBytes<Range, std::void_t<Element<Range>, decltype(std::size(std::declval<Range&>()))>>
    : std::bool_constant<sizeof(Element<Range>) == 1 && std::is_trivially_copyable_v<Element<Range>> &&
                         !(std::is_array_v<Range> && std::is_same_v<std::remove_cv_t<Element<Range>>, char>)> {};

// Whether what it refers to outlives it.
template <class Range>
struct IsView : std::false_type {};
template <class Char, class Traits>
struct IsView<std::basic_string_view<Char, Traits>> : std::true_type {};
#ifdef __cpp_lib_span
template <class Byte, std::size_t extent>
struct IsView<std::span<Byte, extent>> : std::true_type {};
#endif
}  // namespace detail

/// Where the bytes of an upload come from. What it was made from is borrowed until the upload returns.
class Source {
 public:
  /// Gives the next bytes: writes up to `capacity` of them and returns how many. 0 means the end, a negative number an error.
  /// May throw.
  using Read = detail::Function<std::int64_t(void* buffer, std::size_t capacity)>;
  /// Begins again at the first byte, and returns whether that worked. May throw.
  using Rewind = detail::Function<bool()>;

  Source(const Source&) = default;
  Source(Source&&) = default;
  Source& operator=(const Source&) = default;
  Source& operator=(Source&&) = default;

  /// A file on disk.
  static Source file(std::filesystem::path path) {
    Source source(LINQ_SOURCE_PATH);
    source.path_ = std::move(path);
    return source;
  }
  /// Part of an open regular file: `length` bytes from `offset`; 0: up to its end. It stays open and where it is.
  static Source descriptor(int descriptor, std::uint64_t offset = 0, std::uint64_t length = 0) {
    Source source(LINQ_SOURCE_DESCRIPTOR);
    source.descriptor_ = descriptor;
    source.offset_ = offset;
    source.length_ = length;
    return source;
  }
  /// Bytes in memory.
  static Source bytes(const void* bytes, std::size_t length) {
    Source source(LINQ_SOURCE_BYTES);
    source.bytes_ = bytes;
    source.length_ = length;
    return source;
  }
  static Source bytes(std::string_view bytes) { return Source::bytes(bytes.data(), bytes.size()); }
  /// Any contiguous range of bytes, such as a std::vector<unsigned char>, a std::array of std::byte, a std::span.
  template <class Range, std::enable_if_t<detail::IsBytes<std::remove_reference_t<Range>>::value &&
                                              (std::is_lvalue_reference_v<Range> ||
                                               detail::IsView<std::remove_cv_t<Range>>::value),
                                          int> = 0>
  static Source bytes(Range&& range) {
    return Source::bytes(static_cast<const void*>(std::data(range)), std::size(range));
  }
  /// A temporary would be gone before the upload: keep it in a variable.
  template <class Range, std::enable_if_t<detail::IsBytes<Range>::value && !std::is_lvalue_reference_v<Range> &&
                                              !detail::IsView<std::remove_cv_t<Range>>::value,
                                          int> = 0>
  static Source bytes(Range&& range) = delete;
  /// A callback that gives exactly `length` bytes. When an upload without `rewind` is tried again: see linq_source.rewind.
  static Source reader(std::uint64_t length, Read read, Rewind rewind = {}) {
    Source source(LINQ_SOURCE_READER);
    source.length_ = length;
    source.read_ = std::move(read);
    source.rewind_ = std::move(rewind);
    return source;
  }
  /// `length` bytes of a stream, from where it stands; what follows is not touched. For one upload. A stream that has failed
  /// before, such as a file that is not there, gives Status::file. It is rewound where it can seek.
  static Source stream(std::istream& stream, std::uint64_t length) {
    if (failed(stream)) return unread();
    const std::streampos begin = stream.rdbuf()->pubseekoff(0, std::ios::cur, std::ios::in);
    auto left = std::make_shared<std::uint64_t>(length);
    Read read = [&stream, left](void* buffer, std::size_t capacity) -> std::int64_t {
      const std::uint64_t wanted = std::min<std::uint64_t>(capacity, *left);
      if (wanted == 0 || stream.eof()) return 0;
      stream.read(static_cast<char*>(buffer), static_cast<std::streamsize>(wanted));
      if (failed(stream)) return -1;
      *left -= static_cast<std::uint64_t>(stream.gcount());
      return std::int64_t{stream.gcount()};
    };
    if (begin == std::streampos(-1)) return reader(length, std::move(read));
    return reader(length, std::move(read), [&stream, left, begin, length] {
      *left = length;
      return static_cast<bool>(stream.seekg(begin));
    });
  }
  /// The rest of a stream that can seek, such as a file. Of one that cannot, give the length.
  static Source stream(std::istream& stream) {
    if (failed(stream)) return unread();
    // The buffer is asked: a stream at its end tells no position, and what it cannot do counts as its failure.
    std::streambuf& buffer = *stream.rdbuf();
    const std::streampos begin = buffer.pubseekoff(0, std::ios::cur, std::ios::in);
    const std::streampos end = buffer.pubseekoff(0, std::ios::end, std::ios::in);
    if (begin == std::streampos(-1) || end == std::streampos(-1)) {
      return refused(Status::invalid_argument,
                     "This stream cannot seek, so its length is not known: use Source::stream(stream, length).");
    }
    buffer.pubseekpos(begin, std::ios::in);
    return Source::stream(stream, static_cast<std::uint64_t>((std::max)(end - begin, std::streamoff{0})));
  }

  // As C takes it, for one call; `carried` has what the callbacks throw.
  class Borrowed {
   public:
    Borrowed(const Source& source, detail::Input& input, detail::Carried& carried) : of_(source), carried_(carried) {
      c_.kind = source.kind_;
      c_.bytes = source.bytes_;
      c_.offset = source.offset_;
      c_.length = source.length_;
      if (source.kind_ == LINQ_SOURCE_PATH) c_.path = input.text(source.path_.native(), "the path");
      if (source.kind_ == LINQ_SOURCE_DESCRIPTOR) c_.descriptor = static_cast<std::uint32_t>(source.descriptor_);
      if (!input.error) input.error = source.refusal_;
      if (source.read_) c_.read = read;
      if (source.rewind_) c_.rewind = rewind;
      if (source.kind_ == LINQ_SOURCE_READER) c_.user_data = this;
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    const linq_source* get() const noexcept { return &c_; }

   private:
    static std::int64_t read(void* user_data, void* buffer, std::size_t capacity) noexcept {
      auto* self = static_cast<Borrowed*>(user_data);
      return self->carried_.run(std::int64_t{-1}, [&] { return self->of_.read_(buffer, capacity); });
    }
    static std::int32_t rewind(void* user_data) noexcept {
      auto* self = static_cast<Borrowed*>(user_data);
      return self->carried_.run(std::int32_t{1}, [&] { return self->of_.rewind_() ? 0 : 1; });
    }

    const Source& of_;
    detail::Carried& carried_;
    linq_source c_ = linq_source_default();
  };

 private:
  explicit Source(std::uint32_t kind) : kind_(kind) {}

  static Source refused(Status status, std::string message) {
    Source source(LINQ_SOURCE_READER);
    source.refusal_ = Error(status, std::move(message));
    return source;
  }
  static Source unread() {
    return refused(Status::file, "The stream has failed before the upload, so nothing can be read: was its file opened?");
  }
  // Having come to the end is no failure.
  static bool failed(const std::istream& stream) { return stream.bad() || (stream.fail() && !stream.eof()); }

  std::uint32_t kind_;
  std::filesystem::path path_{};
  const void* bytes_ = nullptr;
  std::uint64_t offset_ = 0;
  std::uint64_t length_ = 0;
  int descriptor_ = -1;
  Read read_{};
  Rewind rewind_{};
  std::optional<Error> refusal_{};
};

namespace detail {

// Upload options as C takes them, for one call.
class Uploading {
 public:
  Uploading(const UploadOptions& options, Input& input) : of_(options), link_(options.cancel, input) {
    c_.filename = input.text(options.filename, "linq_upload_options.filename");
    c_.content_type = input.text(options.content_type, "linq_upload_options.content_type");
    c_.timeout_ms = input.milliseconds(options.timeout, "linq_upload_options.timeout_ms");
    c_.cancel = link_.get();
    if (options.progress || options.attempt) c_.progress = progress;
    c_.user_data = this;
    if (options.renew) c_.renew = renew;
    c_.renew_user_data = this;
    if (options.attempt) c_.attempt = attempt;
    c_.attempt_user_data = this;
  }
  Uploading(const Uploading&) = delete;
  Uploading& operator=(const Uploading&) = delete;
  const linq_upload_options* get() const noexcept { return &c_; }

  Carried carried{};

 private:
  static std::int32_t progress(void* user_data, std::uint64_t sent, std::uint64_t total) noexcept {
    auto* self = static_cast<Uploading*>(user_data);
    return self->carried.run(std::int32_t{1},
                             [&] { return !self->of_.progress || self->of_.progress(sent, total) ? 0 : 1; });
  }
  static void attempt(void* user_data, const linq_attempt* attempt) noexcept {
    auto* self = static_cast<Uploading*>(user_data);
    self->carried.run(0, [&] {
      self->of_.attempt(Attempt(*attempt));
      return 0;
    });
  }
  static linq_presigned* renew(void* user_data, const linq_presigned* expired) noexcept {
    auto* self = static_cast<Uploading*>(user_data);
    linq_presigned* const none = nullptr;
    return self->carried.run(none, [&] {
      linq_presigned* const old = copy(expired);
      if (old == nullptr) return none;
      const std::optional<Presigned> next = self->of_.renew(Presigned(old));
      return next ? copy(next->get()) : none;
    });
  }
  // The library frees what it is given, and a Presigned may be shared.
  static linq_presigned* copy(const linq_presigned* place) noexcept {
    linq_presigned* made = nullptr;
    linq_presigned_parse(place->json, std::char_traits<char>::length(place->json), &made, nullptr);
    return made;
  }

  const UploadOptions& of_;
  Cancel::Link link_;
  linq_upload_options c_ = linq_upload_options_default();
};

// The same for the other calls.
class Calling {
 public:
  Calling(const CallOptions& options, Input& input) : of_(options), link_(options.cancel, input) {
    if (options.attempt) c_.attempt = attempt;
    c_.attempt_user_data = this;
    c_.timeout_ms = input.milliseconds(options.timeout, "linq_call_options.timeout_ms");
    c_.cancel = link_.get();
  }
  Calling(const Calling&) = delete;
  Calling& operator=(const Calling&) = delete;
  const linq_call_options* get() const noexcept { return &c_; }

  Carried carried{};

 private:
  static void attempt(void* user_data, const linq_attempt* attempt) noexcept {
    auto* self = static_cast<Calling*>(user_data);
    self->carried.run(0, [&] {
      self->of_.attempt(Attempt(*attempt));
      return 0;
    });
  }

  const CallOptions& of_;
  Cancel::Link link_;
  linq_call_options c_ = linq_call_options_default();
};

}  // namespace detail

/// Reads the JSON that a server handed over: Presigned::json(), or Linq's own reply. Nothing is sent.
[[nodiscard]] inline Result<Presigned> try_parse_presigned(std::string_view json) {
  detail::Input input;
  return detail::call<Presigned, linq_presigned>(input, [&](linq_presigned** presigned, linq_error** error) {
    return linq_presigned_parse(json.data(), json.size(), presigned, error);
  });
}

/// Holds the API key, the settings and the pooled connections. One per process is usually enough.
class Client {
 public:
#ifdef __cpp_exceptions
  /// Nothing is sent. Throws Error where a setting is invalid.
  explicit Client(const ClientOptions& options = {}) : Client(detail::value(try_make(options))) {}
#endif
  /// The same without throwing.
  [[nodiscard]] static Result<Client> try_make(const ClientOptions& options = {}) {
    detail::Input input;
    const std::optional<std::string> ca_file =
        options.ca_file ? std::optional<std::string>(options.ca_file->native()) : std::nullopt;
    linq_client_options c = linq_client_options_default();
    c.api_key = input.text(options.api_key, "linq_client_options.api_key");
    c.base_url = input.text(options.base_url, "linq_client_options.base_url");
    c.user_agent = input.text(options.user_agent, "linq_client_options.user_agent");
    c.ca_file = input.text(ca_file, "linq_client_options.ca_file");
    c.ca_pem = input.text(options.ca_pem, "linq_client_options.ca_pem");
    c.proxy = input.text(options.proxy, "linq_client_options.proxy");
    if (options.no_environment) c.flags |= LINQ_CLIENT_NO_ENVIRONMENT;
    if (options.allow_webp_svg) c.flags |= LINQ_CLIENT_ALLOW_WEBP_SVG;
    if (options.allow_http_loopback) c.flags |= LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
    c.connect_timeout_ms = input.milliseconds(options.connect_timeout, "linq_client_options.connect_timeout_ms");
    c.stall_timeout_ms = input.milliseconds(options.stall_timeout, "linq_client_options.stall_timeout_ms");
    c.max_attempts = options.max_attempts;
    return detail::call<Client, linq_client>(
        input, [&](linq_client** client, linq_error** error) { return linq_client_new(&c, client, error); });
  }
  /// Takes over a client of linq.h.
  explicit Client(linq_client* client) : block_(client) {}
  /// The default client, made from the environment at the first call that succeeds in making one.
  static Client default_client() noexcept { return Client(std::shared_ptr<linq_client>()); }
  /// For a function of linq.h; NULL for the default client. Borrowed: it lives as long as this object or a copy.
  linq_client* get() const noexcept { return block_.get(); }

  /// The network changed, from Wi-Fi to mobile, say: see linq_network_changed. Never blocks; any thread, in a callback too.
  void network_changed() const noexcept { linq_network_changed(get()); }

  /// Uploads a file on disk, and makes it usable in messages.
  [[nodiscard]] Result<Attachment> try_upload_file(const std::filesystem::path& path, const UploadOptions& options = {}) const {
    detail::Input input;
    detail::Uploading call(options, input);
    const char* c_path = input.text(path.native(), "the path");
    return detail::call<Attachment, linq_attachment>(
        input, call.carried, [&](linq_attachment** attachment, linq_error** error) {
          return linq_upload_file(get(), c_path, call.get(), attachment, error);
        });
  }
  /// Uploads from any source.
  [[nodiscard]] Result<Attachment> try_upload(const Source& source, const UploadOptions& options = {}) const {
    detail::Input input;
    detail::Uploading call(options, input);
    const Source::Borrowed borrowed(source, input, call.carried);
    return detail::call<Attachment, linq_attachment>(
        input, call.carried, [&](linq_attachment** attachment, linq_error** error) {
          return linq_upload(get(), borrowed.get(), call.get(), attachment, error);
        });
  }
  /// Uploads to a place that was reserved elsewhere. Needs no API key, and sends none.
  [[nodiscard]] Result<Attachment> try_upload_presigned(const Presigned& presigned, const Source& source,
                                          const UploadOptions& options = {}) const {
    detail::Input input;
    detail::Uploading call(options, input);
    const Source::Borrowed borrowed(source, input, call.carried);
    return detail::call<Attachment, linq_attachment>(
        input, call.carried, [&](linq_attachment** attachment, linq_error** error) {
          return linq_upload_presigned(get(), presigned.get(), borrowed.get(), call.get(), attachment, error);
        });
  }
  /// Reserves a place for a file that somebody else will upload; hand Presigned::json() to the one who has the bytes.
  [[nodiscard]] Result<Presigned> try_presign(const File& file, const CallOptions& options = {}) const {
    detail::Input input;
    detail::Calling call(options, input);
    linq_file c = linq_file_default();
    c.filename = input.text(file.filename, "linq_file.filename");
    c.content_type = input.text(file.content_type, "linq_file.content_type");
    c.size_bytes = file.size_bytes;
    return detail::call<Presigned, linq_presigned>(
        input, call.carried, [&](linq_presigned** presigned, linq_error** error) {
          return linq_presign(get(), &c, call.get(), presigned, error);
        });
  }
  /// Asks what Linq knows of an attachment.
  [[nodiscard]] Result<AttachmentInfo> try_attachment_get(const std::string& attachment_id, const CallOptions& options = {}) const {
    detail::Input input;
    detail::Calling call(options, input);
    const char* id = input.text(attachment_id, "attachment_id");
    return detail::call<AttachmentInfo, linq_attachment_info>(
        input, call.carried, [&](linq_attachment_info** info, linq_error** error) {
          return linq_attachment_get(get(), id, call.get(), info, error);
        });
  }
  /// Deletes an attachment for good. Messages stay, but lose it.
  [[nodiscard]] Result<void> try_attachment_delete(const std::string& attachment_id, const CallOptions& options = {}) const {
    detail::Input input;
    detail::Calling call(options, input);
    const char* id = input.text(attachment_id, "attachment_id");
    if (input.error) return detail::failure<void>(*std::move(input.error));
    linq_error* error = nullptr;
    const linq_status status = linq_attachment_delete(get(), id, call.get(), &error);
    std::optional<Error> failure;
    if (status != LINQ_OK) failure = Error(error);
    call.carried.rethrow();
    if (failure) return detail::failure<void>(*std::move(failure));
    return {};
  }
  /// Sends a message with attachments, into the chat that these people already share or into a new one.
  [[nodiscard]] Result<Receipt> try_send_message(const Message& message, const CallOptions& options = {}) const {
    detail::Input input;
    detail::Calling call(options, input);
    const std::vector<const char*> to = input.texts(message.to, "linq_message.to");
    const std::vector<const char*> ids = input.texts(message.attachment_ids, "linq_message.attachment_ids");
    linq_message c = linq_message_default();
    c.from = input.text(message.from, "linq_message.from");
    c.to = to.data();
    c.to_count = to.size();
    c.text = input.text(message.text, "linq_message.text");
    c.attachment_ids = ids.data();
    c.attachment_count = ids.size();
    c.idempotency_key = input.text(message.idempotency_key, "linq_message.idempotency_key");
    return detail::call<Receipt, linq_receipt>(input, call.carried, [&](linq_receipt** receipt, linq_error** error) {
      return linq_send_message(get(), &c, call.get(), receipt, error);
    });
  }
  /// Makes any other call of the API below /v3/: a message into a chat that is there, a voice memo; see linq_send_request.
  [[nodiscard]] Result<Response> try_send_request(const Request& request, const CallOptions& options = {}) const {
    detail::Input input;
    detail::Calling call(options, input);
    linq_request c = linq_request_default();
    c.method = input.text(request.method, "linq_request.method");
    c.path = input.text(request.path, "linq_request.path");
    c.json = input.text(request.json, "linq_request.json");
    c.idempotency_key = input.text(request.idempotency_key, "linq_request.idempotency_key");
    c.flags = request.repeatable ? LINQ_REQUEST_REPEATABLE : 0;
    return detail::call<Response, linq_response>(input, call.carried, [&](linq_response** response, linq_error** error) {
      return linq_send_request(get(), &c, call.get(), response, error);
    });
  }

  /// Opens a connection to Linq now and keeps it for 60 s, so that the next call need not wait for one.
  [[nodiscard]] Result<void> try_connect(const CallOptions& options = {}) const { return connect(nullptr, options); }
  /// The same to the storage of a place, for 4 s. Needs no API key.
  [[nodiscard]] Result<void> try_connect(const Presigned& place, const CallOptions& options = {}) const {
    return connect(place.get(), options);
  }

#ifdef __cpp_exceptions
  // The same ten, throwing Error.
  Attachment upload_file(const std::filesystem::path& path, const UploadOptions& options = {}) const {
    return detail::value(try_upload_file(path, options));
  }
  Attachment upload(const Source& source, const UploadOptions& options = {}) const {
    return detail::value(try_upload(source, options));
  }
  Attachment upload_presigned(const Presigned& presigned, const Source& source,
                              const UploadOptions& options = {}) const {
    return detail::value(try_upload_presigned(presigned, source, options));
  }
  Presigned presign(const File& file, const CallOptions& options = {}) const {
    return detail::value(try_presign(file, options));
  }
  AttachmentInfo attachment_get(const std::string& attachment_id, const CallOptions& options = {}) const {
    return detail::value(try_attachment_get(attachment_id, options));
  }
  void attachment_delete(const std::string& attachment_id, const CallOptions& options = {}) const {
    detail::value(try_attachment_delete(attachment_id, options));
  }
  Receipt send_message(const Message& message, const CallOptions& options = {}) const {
    return detail::value(try_send_message(message, options));
  }
  Response send_request(const Request& request, const CallOptions& options = {}) const {
    return detail::value(try_send_request(request, options));
  }
  void connect(const CallOptions& options = {}) const { detail::value(try_connect(options)); }
  void connect(const Presigned& place, const CallOptions& options = {}) const {
    detail::value(try_connect(place, options));
  }
#endif

 private:
  [[nodiscard]] Result<void> connect(const linq_presigned* place, const CallOptions& options) const {
    detail::Input input;
    detail::Calling call(options, input);
    if (input.error) return detail::failure<void>(*std::move(input.error));
    linq_error* error = nullptr;
    if (linq_client_connect(get(), place, call.get(), &error) != LINQ_OK) return detail::failure<void>(Error(error));
    return {};
  }
  explicit Client(std::shared_ptr<linq_client> client) noexcept : block_(std::move(client)) {}

  detail::Block<linq_client> block_;
};

/// What an event of a queue reports.
enum class EventKind : std::uint32_t {
  progress = LINQ_EVENT_PROGRESS,
  finished = LINQ_EVENT_FINISHED,
  failed = LINQ_EVENT_FAILED,
  retry = LINQ_EVENT_RETRY,
};

/// What happened to an upload of a queue.
class Event {
 public:
  explicit Event(const linq_event* event) : block_(event) {}
  /// Decide by this. `finished` and `failed` are the last event of an upload.
  EventKind kind() const noexcept { return static_cast<EventKind>(block_.get()->kind); }
  /// The tag that was passed to Queue::add.
  std::uint64_t tag() const noexcept { return block_.get()->tag; }
  /// The bytes sent so far in this attempt.
  std::uint64_t sent() const noexcept { return block_.get()->sent; }
  /// The size of the file, never 0 if kind() is progress; 0 if the upload failed before it was known.
  std::uint64_t total() const noexcept { return block_.get()->total; }
  /// The number of the attempt, from 1; of a retry, that of the next one. 0: the upload never started.
  std::uint32_t attempt() const noexcept { return block_.get()->attempt; }
  /// How many attempts the client makes at most.
  std::uint32_t max_attempts() const noexcept { return block_.get()->max_attempts; }
  /// What runs or, if it failed, what failed: reserve or put. Nothing, where nothing was begun.
  std::optional<Step> step() const noexcept {
    if (block_.get()->step == 0) return std::nullopt;
    return static_cast<Step>(block_.get()->step);
  }
  /// How long the upload waits before the next attempt, if kind() is retry.
  std::chrono::milliseconds again_in() const noexcept { return std::chrono::milliseconds(block_.get()->again_in_ms); }
  /// How many uploads will still have a last event after this event.
  std::uint64_t remaining() const noexcept { return block_.get()->remaining; }
  /// The attachment, if kind() is finished.
  std::optional<Attachment> attachment() const {
    if (block_.get()->attachment == nullptr) return std::nullopt;
    return Attachment(block_.part(block_.get()->attachment));
  }
  /// The error, if kind() is failed; why the attempt failed, if it is retry.
  std::optional<Error> error() const {
    if (block_.get()->error == nullptr) return std::nullopt;
    return Error(block_.part(block_.get()->error));
  }
  /// For a function of linq.h. Borrowed: it lives as long as this object or a copy.
  const linq_event* get() const noexcept { return block_.get(); }

 private:
  detail::Block<const linq_event> block_;
};

/// Options for a queue, as in linq_queue_options.
struct QueueOptions {
  /// How many uploads run at the same time; 0: see linq.h.
  std::uint32_t max_in_flight = 0;
};

/// Many uploads, several at a time, on threads of the library; none blocks the caller. The destructor cancels them and waits
/// until the threads have ended. May be used from any thread at the same time, but not in a child made by fork. It can be
/// moved, not copied; one that was moved from may only be destroyed or assigned to.
class Queue {
 public:
#ifdef __cpp_exceptions
  /// Nothing is sent. Throws Error.
  explicit Queue(const Client& client = Client::default_client(), const QueueOptions& options = {})
      : Queue(detail::value(try_make(client, options))) {}
#endif
  /// The same without throwing.
  [[nodiscard]] static Result<Queue> try_make(const Client& client = Client::default_client(), const QueueOptions& options = {}) {
    linq_queue_options c = linq_queue_options_default();
    c.max_in_flight = options.max_in_flight;
    linq_queue* queue = nullptr;
    linq_error* error = nullptr;
    if (linq_queue_new(client.get(), &c, &queue, &error) != LINQ_OK) return detail::failure<Queue>(Error(error));
    return Queue(queue);
  }
  /// Takes over a queue of linq.h to which nothing was added.
  explicit Queue(linq_queue* queue) : state_(new State(queue)) {}
  /// For a function of linq.h. Borrowed: it lives as long as this object.
  linq_queue* get() const noexcept { return state_->queue; }

  /// Adds an upload. A Source::bytes stays borrowed until the upload's last event; a Source::file is opened when the upload
  /// starts. Whatever runs your code is refused: other sources, a progress function (there are events), a renew or an
  /// attempt function, and a std::stop_token (use a CancelToken, or cancel()). The timeout begins when the upload starts.
  [[nodiscard]] Result<void> try_add(const Source& source, std::uint64_t tag, const UploadOptions& options = {}) const {
    return add(nullptr, source, tag, options);
  }
  /// The same to a place that was reserved elsewhere.
  [[nodiscard]] Result<void> try_add_presigned(const Presigned& presigned, const Source& source, std::uint64_t tag,
                                 const UploadOptions& options = {}) const {
    return add(presigned.get(), source, tag, options);
  }
  /// Waits for the next event; none if there was none in time. 0 does not wait.
  [[nodiscard]] Result<std::optional<Event>> try_next(std::chrono::milliseconds timeout) const {
    using Found = std::optional<Event>;
    detail::Input input;
    const std::uint32_t wait = input.milliseconds(timeout, "timeout_ms");
    if (input.error) return detail::failure<Found>(*std::move(input.error));
    return ask<Found>(wait);
  }
  /// Waits for the next event, without limit.
  [[nodiscard]] Result<Event> try_next() const {
    Result<std::optional<Event>> found = ask<std::optional<Event>>(UINT32_MAX);
    if (!found) return detail::failure<Event>(std::move(found).error());
    return **std::move(found);
  }
  /// Readable, level-triggered, while an event waits: for any event loop. It belongs to the queue.
  int descriptor() const noexcept { return linq_queue_descriptor(get()); }
  /// Cancels the uploads with this tag; the last event of each says so.
  void cancel(std::uint64_t tag) const noexcept { linq_queue_cancel(get(), tag); }
  /// Cancels every upload.
  void cancel_all() const noexcept { linq_queue_cancel(get(), LINQ_QUEUE_ALL); }

#ifdef __cpp_exceptions
  // The same four, throwing Error.
  void add(const Source& source, std::uint64_t tag, const UploadOptions& options = {}) const {
    detail::value(try_add(source, tag, options));
  }
  void add_presigned(const Presigned& presigned, const Source& source, std::uint64_t tag,
                     const UploadOptions& options = {}) const {
    detail::value(try_add_presigned(presigned, source, tag, options));
  }
  std::optional<Event> next(std::chrono::milliseconds timeout) const { return detail::value(try_next(timeout)); }
  Event next() const { return detail::value(try_next()); }

  /// Waits for one event after another, until the last event of every upload; uploads may be added meanwhile.
  class Iterator {
   public:
    Iterator(const Iterator&) = default;
    Iterator(Iterator&&) = default;
    Iterator& operator=(const Iterator&) = default;
    Iterator& operator=(Iterator&&) = default;
    using iterator_category = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    using pointer = const Event*;
    using reference = const Event&;

    Iterator() = default;
    explicit Iterator(const Queue& queue) : queue_(&queue) { ++*this; }
    const Event& operator*() const noexcept { return *event_; }
    const Event* operator->() const noexcept { return &*event_; }
    Iterator& operator++() {
      event_.reset();
      if (queue_->state_->pending > 0) event_ = queue_->next();
      if (!event_) queue_ = nullptr;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.queue_ == b.queue_; }
    friend bool operator!=(const Iterator& a, const Iterator& b) noexcept { return !(a == b); }

   private:
    const Queue* queue_ = nullptr;
    std::optional<Event> event_{};
  };
  /// Iterator() is the end.
  struct Events {
    Iterator first{};
    Iterator begin() const { return first; }
    Iterator end() const { return Iterator(); }
  };
  /// The events for one thread: `for (const linq::Event& event : queue.events())`.
  Events events() const { return Events{Iterator(*this)}; }
#endif

 private:
  struct State {
    explicit State(linq_queue* its) noexcept : queue(its) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { linq_free(queue); }

    linq_queue* queue;
    // Uploads whose last event was not fetched.
    std::atomic<std::uint64_t> pending{0};
  };

  [[nodiscard]] Result<void> add(const linq_presigned* place, const Source& source, std::uint64_t tag, const UploadOptions& options) const {
    detail::Input input;
    detail::Uploading call(options, input);
    const Source::Borrowed borrowed(source, input, call.carried);
    if (options.cancel.is_watched()) input.refuse("A queue takes no std::stop_token: give a CancelToken, or use cancel().");
    if (input.error) return detail::failure<void>(*std::move(input.error));
    linq_error* error = nullptr;
    state_->pending++;
    if (linq_queue_add(get(), place, borrowed.get(), call.get(), tag, &error) == LINQ_OK) return {};
    state_->pending--;
    return detail::failure<void>(Error(error));
  }
  template <class Found>
  Result<Found> ask(std::uint32_t timeout_ms) const {
    linq_event* event = nullptr;
    linq_error* error = nullptr;
    if (linq_queue_next(get(), timeout_ms, &event, &error) != LINQ_OK) return detail::failure<Found>(Error(error));
    if (event == nullptr) return Found();
    if (event->kind == LINQ_EVENT_FINISHED || event->kind == LINQ_EVENT_FAILED) state_->pending--;
    return Found(Event(event));
  }

  std::unique_ptr<State> state_;
};

/// Uploads a file on disk with the default client.
[[nodiscard]] inline Result<Attachment> try_upload_file(const std::filesystem::path& path, const UploadOptions& options = {}) {
  return Client::default_client().try_upload_file(path, options);
}

#ifdef __cpp_exceptions
/// The same, throwing Error.
inline Attachment upload_file(const std::filesystem::path& path, const UploadOptions& options = {}) {
  return Client::default_client().upload_file(path, options);
}
/// try_parse_presigned(), throwing Error.
inline Presigned parse_presigned(std::string_view json) { return detail::value(try_parse_presigned(json)); }
#endif

/// The content type that the library would declare; empty where it finds none that the API takes. Nothing is opened or read.
/// `bytes` are the first `length` bytes of the file, ideally all of it, as an upload looks further and may still refuse the file.
/// Without any, the name alone decides.
inline std::string content_type(const std::filesystem::path& path_or_name, const void* bytes = nullptr,
                                std::size_t length = 0) {
  // What is behind a NUL would not be seen, and there is no such file.
  if (path_or_name.native().find('\0') != std::string::npos) return "";
  return detail::text(linq_content_type(path_or_name.c_str(), bytes, length));
}
/// The same, from the bytes alone.
inline std::string content_type(const void* bytes, std::size_t length) {
  return detail::text(linq_content_type(nullptr, bytes, length));
}

/// Levels of log lines; each includes those before it.
enum class LogLevel : std::uint32_t {
  error = LINQ_LOG_ERROR,
  warn = LINQ_LOG_WARN,
  info = LINQ_LOG_INFO,
  debug = LINQ_LOG_DEBUG,
};

/// Receives a log line, which is gone after the call. Several threads may be in it at once. What it throws is dropped.
using Log = detail::Function<void(LogLevel level, std::string_view line)>;

namespace detail {

struct Logging {
  // Never held while a log function runs or is waited for: what that calls, in whatever file, must not wait for us.
  std::mutex mutex{};
  std::size_t setting = 0;
  bool set = false;
  // Those set since nobody was setting any, of which the library may call one, and those set before.
  std::list<Log> now{}, before{};

  // Never destroyed: other objects that die at exit may still have something to say.
  static Logging& instance() {
    static Logging* const logging = new Logging;
    return *logging;
  }
  static void line(void* user_data, std::uint32_t level, const char* line) noexcept {
    Carried dropped;
    dropped.run(0, [&] {
      (*static_cast<const Log*>(user_data))(static_cast<LogLevel>(level), line);
      return 0;
    });
  }
};

}  // namespace detail

/// Sets who gets the library's log lines up to a level, for the whole process; an empty function: nobody. No secret is in any
/// line. Returns once no thread is in the old function any more; it is destroyed then, or when other threads that are setting
/// one are done too. Fails (invalid_argument) inside a log function.
[[nodiscard]] inline Result<void> try_set_log(Log log, LogLevel level) {
  detail::Logging& logging = detail::Logging::instance();
  std::list<Log> next, gone;
  if (log) next.push_back(std::move(log));
  {
    const std::lock_guard<std::mutex> lock(logging.mutex);
    logging.setting++;
  }
  const linq_status status =
      linq_set_log(next.empty() ? nullptr : detail::Logging::line, next.empty() ? nullptr : &next.front(),
                   static_cast<std::uint32_t>(level));
  {
    const std::lock_guard<std::mutex> lock(logging.mutex);
    if (status == LINQ_OK) {
      logging.set = true;
      logging.now.splice(logging.now.end(), next);
    }
    // Only the library knows in which order it took those of several threads. It returned to each when the one that it
    // replaced had been left; so once it has returned to all, no thread is in any that was there before them.
    if (--logging.setting == 0 && logging.set) {
      logging.set = false;
      gone.swap(logging.before);
      logging.before.swap(logging.now);
    }
  }
  if (status != LINQ_OK) {
    return detail::failure<void>(
        Error(static_cast<Status>(status), "linq_set_log: the level is unknown, or it was called inside a log function."));
  }
  return {};
}
/// Nobody gets them any more; as above.
[[nodiscard]] inline Result<void> try_set_log(std::nullptr_t) { return try_set_log(Log(), LogLevel::error); }

#ifdef __cpp_exceptions
/// The same two, throwing Error.
inline void set_log(Log log, LogLevel level) { detail::value(try_set_log(std::move(log), level)); }
inline void set_log(std::nullptr_t) { detail::value(try_set_log(nullptr)); }
#endif

}  // namespace LINQ_HPP_LIBRARY
}  // namespace LINQ_HPP_EXCEPTIONS
}  // namespace LINQ_HPP_VERSION
}  // namespace linq

#undef LINQ_HPP_EXCEPTIONS
#undef LINQ_HPP_LIBRARY
#undef LINQ_HPP_PASTE
#undef LINQ_HPP_VERSION

#endif  // LINQ_HPP
