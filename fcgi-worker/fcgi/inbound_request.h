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

  // Whether the web server has taken all of the content before it sent any of it here, so that reading it
  // waits for no client (it says so by the parameter HASHPOST_SPOOLED, which no header field of a client can
  // become).
  [[nodiscard]] bool IsSpooled() const { return spooled_; }

  // Whether a handler may want the content: only that of a POST.
  [[nodiscard]] bool MayWantContent() const {
    return request_.method == "POST" && request_.content_length != std::uint64_t{0};
  }

  // Reads and forgets what is left of the content, up to its end and nothing behind it: what follows on the
  // connection is another request. False: its end was not reached, within 64 MiB and half a minute unless the
  // web server has spooled it. Throws nothing.
  [[nodiscard]] bool PassOver() { return body_.PassOver(!spooled_); }

  // The same, but gives up if nothing comes for `patience`.
  [[nodiscard]] bool PassOverSoon(std::chrono::milliseconds patience);

  // From now on the content is read in the pieces in which it comes, and may be of unknown length.
  void StreamBody() { body_.Stream(); }

  // From now on a read of a streamed content throws http::BodyIncomplete unless it blocks already. Any
  // thread.
  void EndBody() { body_.MakeOver(); }

  // Whether all of the content was read.
  [[nodiscard]] bool BodyEnded() const { return body_.ended(); }

  // Bytes of content that were read on this connection so far. Any thread.
  [[nodiscard]] std::uint64_t BytesRead() const { return body_.bytes_read(); }

 private:
  class Body : public http::BodyReader {
   public:
    void Reset(FCGX_Request& raw, ReadClock& clock, std::optional<std::uint64_t> length);
    void Stream() { streamed_ = true; }
    void MakeOver() { over_ = true; }
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override;  // throws http::BodyIncomplete
    [[nodiscard]] bool Ready(std::chrono::milliseconds patience) override;
    void GiveUpAfter(std::chrono::milliseconds patience) override;
    [[nodiscard]] bool PassOver(bool bounded);
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

   private:
    [[nodiscard]] std::size_t ReadSome(std::span<char> buffer);
    [[nodiscard]] std::size_t ReadPiece(std::span<char> buffer);
    void ReadEnd();
    [[nodiscard]] std::size_t Buffered() const;

    FCGX_Stream* stream_ = nullptr;
    int fd_ = -1;
    ReadClock* clock_ = nullptr;
    std::optional<std::uint64_t> left_;  // of the announced length
    bool streamed_ = false;
    std::atomic<bool> over_{false};  // no more of it is wanted
    bool ended_ = false;
    std::atomic<std::uint64_t> bytes_read_{0};
  };

  http::Request request_;
  std::string path_;
  bool answer_last_ = false;
  bool spooled_ = false;
  Body body_;
};

}  // namespace hashpost::fcgi
