// InboundRequest: libfcgi's parameters (RFC 3875 names) and STDIN as an http::Request. Reused for each
// request on a connection; its views point into libfcgi's memory. One thread at a time.

#pragma once

#include <fcgiapp.h>

#include <cstdint>
#include <span>
#include <string>

#include "fcgi-worker/http/request.h"

namespace hashpost::fcgi {

class InboundRequest {
 public:
  // Reads the parameters of `raw`, which must outlive the use of request().
  void Parse(FCGX_Request& raw);

  [[nodiscard]] const http::Request& request() const { return request_; }

  // Reads and forgets what is left of the content.
  void DiscardBody();

 private:
  class Body : public http::BodyReader {
   public:
    void Reset(FCGX_Stream* stream, std::uint64_t length);
    // Throws http::BodyIncomplete.
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override;
    void Discard();

   private:
    FCGX_Stream* stream_ = nullptr;
    std::uint64_t left_ = 0;  // of the announced length
  };

  http::Request request_;
  std::string path_;
  Body body_;
};

}  // namespace hashpost::fcgi
