// Uploader: sends sealed files to the receiver by HTTP/1.1 (libcurl), as multipart/form-data (RFC 7578) with
// the one part `file`, over a connection that is kept. One thread uses one object.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "file-sender/config.h"
#include "file-sender/upload_response.h"

namespace hashpost::sender {

// libcurl as a whole: made once, before any Uploader and any thread, and ended after them.
class UploadLibrary {
 public:
  UploadLibrary();
  ~UploadLibrary();
  UploadLibrary(const UploadLibrary&) = delete;
  UploadLibrary& operator=(const UploadLibrary&) = delete;
};

class Uploader {
 public:
  // `receiver` lives longer than this. At `stop` an upload may take 2 s to its end before it is broken off.
  Uploader(const Receiver& receiver, std::stop_token stop);
  ~Uploader();

  // Sends the first `size` bytes of the file `fd`, whatever its position, as `target`. Does not throw for
  // what happens on the way; an upload without any progress is broken off after RECEIVER_SILENT_SECONDS, and
  // more for big files. `before_last_byte` is called before the receiver can have all of it; more than once
  // if it is sent again.
  [[nodiscard]] UploadResult Upload(const std::string& target, int fd, std::uint64_t size,
                                    const std::function<void()>& before_last_byte);

  // Connects, with TLS if that is asked for, and sends nothing. What is wrong, or nullopt.
  [[nodiscard]] std::optional<std::string> Probe();

 private:
  class Connection;

  const Receiver& receiver_;
  const std::stop_token stop_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace hashpost::sender
