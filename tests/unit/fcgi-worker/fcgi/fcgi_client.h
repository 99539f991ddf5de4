// The web server's side of FastCGI, as Apache speaks it, for tests: a listening socket in a temporary folder,
// connections to it, records written by hand and answers read back.

#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/io/unique_fd.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::fcgi {

class ListeningSocket {
 public:
  ListeningSocket()
      : path_(folder_.path() + "/fcgi.sock"), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = Address();
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd_.get(), 128) != 0) {
      throw std::runtime_error("cannot listen on " + path_);
    }
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

  // A new connection; reads on it end after 20 s at the latest, so that a test cannot hang.
  [[nodiscard]] io::UniqueFd Connect() const {
    io::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const sockaddr_un address = Address();
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to " + path_);
    }
    return client;
  }

 private:
  [[nodiscard]] sockaddr_un Address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    return address;
  }

  TempFolder folder_;
  std::string path_;
  io::UniqueFd fd_;
};

using Params = std::vector<std::pair<std::string, std::string>>;

enum RecordType : unsigned char { kBegin = 1, kEnd = 3, kParams = 4, kStdin = 5, kStdout = 6 };

inline std::string Record(RecordType type, std::string_view content) {
  const auto high = static_cast<char>(content.size() >> 8U);
  const auto low = static_cast<char>(content.size() & 0xFFU);
  const char header[] = {1, static_cast<char>(type), 0, 1, high, low, 0, 0};
  return std::string(header, sizeof header).append(content);
}

inline std::string BeginRecord(bool keep) {
  const char body[] = {0, 1, static_cast<char>(keep ? 1 : 0), 0, 0, 0, 0, 0};
  return Record(kBegin, {body, sizeof body});
}

inline std::string ParamsRecords(const Params& params) {
  std::string content;
  for (const auto& [name, value] : params) {
    content.push_back(static_cast<char>(name.size()));
    content.push_back(static_cast<char>(value.size()));
    content.append(name).append(value);
  }
  return Record(kParams, content) + Record(kParams, "");
}

inline std::string StdinRecords(std::string_view body) {
  constexpr std::size_t kMost = 60000;
  std::string records;
  for (; !body.empty(); body.remove_prefix(std::min(body.size(), kMost))) {
    records += Record(kStdin, body.substr(0, kMost));
  }
  return records + Record(kStdin, "");
}

// A whole request with a kept connection.
inline std::string RequestBytes(const std::string& method, const std::string& path,
                                std::string_view body = {}) {
  Params params = {{"REQUEST_METHOD", method}, {"SCRIPT_NAME", path}};
  if (method == "POST") {
    params.push_back({"CONTENT_LENGTH", std::to_string(body.size())});
    params.push_back({"CONTENT_TYPE", "text/plain"});
  }
  return BeginRecord(true) + ParamsRecords(params) + StdinRecords(body);
}

inline bool Send(const io::UniqueFd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

inline bool ReadExactly(const io::UniqueFd& fd, char* place, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(fd.get(), place, size, 0);
    if (got <= 0) return false;
    place += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// The same with content that the caller sends, in records of its own, of a length that is not told.
inline std::string UploadHead(const std::string& path) {
  return BeginRecord(true) + ParamsRecords({{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", path}});
}

// What arrives on STDOUT up to the end of the request; throws if the connection ends before.
inline std::string ReadAnswer(const io::UniqueFd& fd) {
  std::string out;
  for (;;) {
    unsigned char header[8];
    if (!ReadExactly(fd, reinterpret_cast<char*>(header), sizeof header))
      throw std::runtime_error("answer cut");
    std::string content(static_cast<std::size_t>(header[4] * 256 + header[5] + header[6]), '\0');
    if (!ReadExactly(fd, content.data(), content.size())) throw std::runtime_error("record cut");
    content.resize(content.size() - header[6]);
    if (header[1] == kEnd) return out;
    if (header[1] == kStdout) out += content;
  }
}

// The content of the next record; throws if the connection ends before.
inline std::string ReadPiece(const io::UniqueFd& fd) {
  unsigned char header[8];
  if (!ReadExactly(fd, reinterpret_cast<char*>(header), sizeof header))
    throw std::runtime_error("answer cut");
  std::string content(static_cast<std::size_t>(header[4] * 256 + header[5] + header[6]), '\0');
  if (!ReadExactly(fd, content.data(), content.size())) throw std::runtime_error("record cut");
  content.resize(content.size() - header[6]);
  return content;
}

// Whether the peer has closed the connection (waits for it, within the time limit of Connect).
inline bool AwaitClosed(const io::UniqueFd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, 0) == 0;
}

}  // namespace hashpost::fcgi
