// Transfer: one upload as libcurl's callbacks see it: what is sent, what comes back, and when it is broken
// off. Used by upload.cc only.

#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace hashpost::sender {

class Transfer {
 public:
  // Sends the first `size` bytes of `fd`. After the last byte, or after its own first line if that comes
  // earlier, the response may take up to `response_time`.
  Transfer(CURL* curl, int fd, std::uint64_t size, const std::function<void()>& before_last_byte,
           std::chrono::seconds response_time, const std::stop_token& stop)
      : curl_(curl),
        fd_(fd),
        size_(size),
        before_last_byte_(before_last_byte),
        response_time_(response_time),
        stop_(stop) {}

  // Sets the callbacks for `part`, the form's one, and for all of `curl`.
  void Attach(curl_mimepart* part);

  // What was wrong with the response itself, or nullopt.
  [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }
  [[nodiscard]] const std::string& body() const { return body_; }  // its front
  // libcurl's words for what went wrong, or "".
  [[nodiscard]] const char* error() const { return error_.data(); }

 private:
  using Clock = std::chrono::steady_clock;

  static std::size_t Read(char* buffer, std::size_t unit, std::size_t units, void* self);
  static int Seek(void* self, curl_off_t offset, int origin);
  static std::size_t Header(char* line, std::size_t unit, std::size_t units, void* self);
  static std::size_t Body(char* bytes, std::size_t unit, std::size_t units, void* self);
  static int Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  [[nodiscard]] bool IsSent() const;

  CURL* const curl_;
  const int fd_;
  const std::uint64_t size_;
  const std::function<void()>& before_last_byte_;
  const std::chrono::seconds response_time_;
  const std::stop_token& stop_;
  std::uint64_t position_ = 0;
  std::string body_;
  std::optional<std::string> fault_;
  bool responds_ = false;                           // a status line came that is not an interim one (1xx)
  std::optional<Clock::time_point> waiting_since_;  // for the end of the response
  std::optional<Clock::time_point> stopping_since_;
  std::array<char, CURL_ERROR_SIZE> error_ = {};
};

}  // namespace hashpost::sender
