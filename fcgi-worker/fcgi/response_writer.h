// ResponseWriter: one answer as FastCGI records (FastCGI 1.0 §5.3 and §5.5): STDOUT, then END_REQUEST.
// libfcgi's own writer is not used for it: a web server takes each record with several system calls, and
// libfcgi makes more of them than an answer needs (padding, an empty record before the end, 8 KiB in each).
// One thread at a time.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/io/byte_stream.h"

namespace hashpost::fcgi {

class ResponseWriter : public io::ByteSink {
 public:
  // Answers the request `request_id` on the blocking socket `fd`, and adds to `sent` the bytes of content
  // that the peer has taken. Both must outlive the object; other threads may read `sent`.
  ResponseWriter(int fd, int request_id, std::atomic<std::uint64_t>& sent)
      : fd_(fd), request_id_(request_id), sent_(sent) {}

  // Sends when enough for a large record has come together. Never throws: what fails shows in Finish.
  void Write(std::string_view bytes) override;

  // Sends what is still here at once. False: the peer is gone.
  bool Flush();

  // Sends what is left and the end of the request: an answer of up to 64 KiB leaves in one piece. False: the
  // peer is gone, and the connection can carry nothing more.
  [[nodiscard]] bool Finish();

 private:
  void SendRecord(std::string_view content, std::string_view behind);

  const int fd_;
  const int request_id_;
  std::atomic<std::uint64_t>& sent_;
  std::string pending_;  // room for a record's header, then content
  bool failed_ = false;
};

}  // namespace hashpost::fcgi
