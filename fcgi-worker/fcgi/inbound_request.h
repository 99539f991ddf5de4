// InboundRequest: libfcgi's parameters (RFC 3875 names) and STDIN as an http::Request. Reused for each
// request on a connection; its views point into libfcgi's memory. One thread at a time.

#pragma once

#include <fcgiapp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "fcgi-worker/http/request.h"

namespace hashpost::fcgi {

// Since when a thread has been blocked in a read from the peer; other threads may ask.
class ReadClock {
 public:
  using Clock = std::chrono::steady_clock;

  // While it lives, the calling thread reads. Does not nest.
  class Scope {
   public:
    explicit Scope(ReadClock& clock) : clock_(clock) {
      clock_.since_ = Clock::now().time_since_epoch().count();
    }
    ~Scope() { clock_.since_ = 0; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ReadClock& clock_;
  };

  [[nodiscard]] bool BlockedSince(Clock::time_point deadline) const {
    const Clock::rep since = since_;
    return since != 0 && since < deadline.time_since_epoch().count();
  }

 private:
  std::atomic<Clock::rep> since_{0};  // 0: nobody reads
};

class InboundRequest {
 public:
  // Reads the parameters of `raw`; both must outlive the use of request().
  void Parse(FCGX_Request& raw, ReadClock& clock);

  [[nodiscard]] const http::Request& request() const { return request_; }

  // Whether the web server can pass on no answer while it still takes content (it says so by the parameter
  // HASHPOST_ANSWER_LAST).
  [[nodiscard]] bool WantsAnswerLast() const { return answer_last_; }

  // For a request whose content the web server has spooled, so that reading it waits for nobody: only a POST
  // may have content of unknown length, which whoever answers it reads; of others it is read and forgotten.
  void ExpectNoneUnlessTold();

  // Reads and forgets what is left of the content.
  void DiscardBody() { body_.Discard(); }

  // From now on the content is read in the pieces in which it comes, and may be of unknown length.
  void StreamBody() { body_.Stream(); }

  // From now on a read of a streamed content throws http::BodyIncomplete unless it blocks already. Any
  // thread.
  void EndBody() { body_.MakeOver(); }

  // Whether all of the content was read.
  [[nodiscard]] bool BodyEnded() const { return body_.ended(); }

 private:
  class Body : public http::BodyReader {
   public:
    void Reset(FCGX_Request& raw, ReadClock& clock, std::optional<std::uint64_t> length);
    void Stream() { streamed_ = true; }
    void MakeOver() { over_ = true; }
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override;  // throws http::BodyIncomplete
    [[nodiscard]] bool Ready(std::chrono::milliseconds patience) override;
    void Discard();
    [[nodiscard]] bool ended() const { return ended_; }

   private:
    [[nodiscard]] std::size_t ReadSome(std::span<char> buffer);
    [[nodiscard]] std::size_t Buffered() const;

    FCGX_Stream* stream_ = nullptr;
    int fd_ = -1;
    ReadClock* clock_ = nullptr;
    std::optional<std::uint64_t> left_;  // of the announced length
    bool streamed_ = false;
    std::atomic<bool> over_{false};  // no more of it is wanted
    bool ended_ = false;
  };

  http::Request request_;
  std::string path_;
  bool answer_last_ = false;
  Body body_;
};

}  // namespace hashpost::fcgi
