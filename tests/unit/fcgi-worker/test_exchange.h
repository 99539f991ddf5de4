// An Exchange whose request a test makes up, and whose answer it can look at. One that was cut has status 0.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/problem.h"

namespace hashpost::http {

class TestExchange : public Exchange {
 public:
  TestExchange(std::string method, std::string path, std::string body, std::optional<Response>& answer)
      : method_(std::move(method)), path_(std::move(path)), body_(std::move(body)), answer_(answer) {
    request_.method = method_;
    request_.path = path_;
    request_.content_length = body_.bytes.size();
    request_.body = &body_;
  }
  ~TestExchange() override {
    if (begun_) End(Ending::kCut);
  }
  [[nodiscard]] const Request& request() const override { return request_; }
  void Respond(Response response) noexcept override { answer_ = std::move(response); }

  [[nodiscard]] ResponseStream& Begin(const Response& head) override {
    begun_ = true;
    live_.answer.status = head.status;
    live_.answer.headers = head.headers;
    return live_;
  }
  void End(Ending ending) noexcept override {
    begun_ = false;
    if (ending == Ending::kCut) live_.answer.status = 0;
    answer_ = std::move(live_.answer);
  }

  // The content breaks off where the body given ends.
  void BreakOff() { body_.breaks_off = true; }
  // After the body given nothing comes any more.
  void FallSilent() { body_.falls_silent = true; }
  // The body given comes again and again.
  void NeverEnd() { body_.never_ends = true; }
  // The answer waits for its end.
  void HoldAnswer() { live_.held = true; }
  // Where it is counted how many bytes of the body were read.
  void CountReads(std::size_t& bytes) { body_.read = &bytes; }
  void ForgetLength() { request_.content_length.reset(); }
  void AddField(std::string_view name, std::string_view value) { request_.fields.Add(name, value); }

 private:
  struct Body : BodyReader {
    explicit Body(std::string content) : bytes(std::move(content)) {}
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override {
      if (never_ends && at == bytes.size()) at = 0;
      const std::size_t size = std::min(buffer.size(), bytes.size() - at);
      if (size == 0 && falls_silent && !gives_up) throw std::logic_error("This would wait without end.");
      if (size == 0 && (breaks_off || falls_silent)) throw BodyIncomplete();
      std::memcpy(buffer.data(), bytes.data() + at, size);
      at += size;
      if (read != nullptr) *read += size;
      return size;
    }
    [[nodiscard]] bool Ready(std::chrono::milliseconds) override {
      return at < bytes.size() || !falls_silent;
    }
    void GiveUpAfter(std::chrono::milliseconds patience) override { gives_up = patience.count() != 0; }
    std::string bytes;
    std::size_t at = 0;
    bool gives_up = false;
    bool breaks_off = false;
    bool falls_silent = false;
    bool never_ends = false;
    std::size_t* read = nullptr;
  };
  struct Live : ResponseStream {
    void Write(std::string_view bytes) override { answer.content += bytes; }
    [[nodiscard]] bool Flush() override { return true; }
    [[nodiscard]] bool Held() const override { return held; }
    Response answer;
    bool held = false;
  };
  std::string method_;
  std::string path_;
  Body body_;
  Request request_;
  Live live_;
  bool begun_ = false;
  std::optional<Response>& answer_;
};

// The value of header field `name`; empty if there is none.
inline std::string Header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace hashpost::http
