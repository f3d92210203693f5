// What all files of tests share: the support of the C tests, and what C++ adds to it.
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <linq.hpp>
#include <linq.hpp>  // a second time

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include "../../../tests/c/support/check.h"
}

/// The test of next.cpp.
void next_version_uploads();
/// The tests of nothrow.cpp.
void nothrow_tests();
/// Sets no log function there; whether that was taken.
bool nothrow_hears_nothing();

// Each file has its own: they are compiled in different ways, and types of linq.hpp then differ.
namespace {

inline std::string text(char* owned) {
  std::string text = owned != nullptr ? owned : "";
  free(owned);
  return text;
}

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Bytes that the C support makes, as text.
inline std::string content(std::size_t bytes) {
  std::unique_ptr<unsigned char, decltype(&free)> memory(bytes_of(bytes), free);
  return std::string(reinterpret_cast<const char*>(memory.get()), bytes);
}

/// What the sandbox's S3 has stored.
inline std::string stored(std::string_view attachment_id) {
  return text(control("GET", ("/objects/" + std::string(attachment_id)).c_str(), ""));
}

inline linq::ClientOptions settings(const char* base_url) {
  linq::ClientOptions options;
  options.api_key = key();
  options.base_url = base_url;
  options.ca_file = ca_file();
  options.no_environment = true;
  return options;
}

inline linq::UploadOptions called(std::string filename) {
  linq::UploadOptions options;
  options.filename = std::move(filename);
  return options;
}

/// Waits until the sandbox has a request that holds all of this.
inline void until_requested(const char* part, const char* and_part) {
  while (text(request(text(requests()).c_str(), part, and_part, 0)).empty()) sleep_ms(1);
}

}  // namespace

#endif
