// What the tests of the server share: a handler that answers in each way that there is, and a pool's socket.

#pragma once

#include <cppunit/TestAssert.h>
#include <cppunit/TestFixture.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fcgi-worker/fcgi/server.h"
#include "fcgi-worker/http/problem.h"
#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace hashpost::fcgi {

using std::chrono::milliseconds;

inline constexpr milliseconds kPlenty{20000};
inline constexpr std::chrono::seconds kHour{3600};

inline http::Response Text(std::string content) {
  http::Response response;
  response.content = std::move(content);
  return response;
}

inline std::string Content(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

// Answers "<name> <path> <length of the body>"; /big with 2 MB; /hold and /block when Release is called,
// /block keeping its thread; /drop never; /begin-and-drop a part; /long, whose lane is kBigResponse, as
// "late".
class Answering : public http::Handler {
 public:
  explicit Answering(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] http::Response Tell(const http::Problem& problem) const override {
    return http::ToResponse(problem);
  }
  void Handle(std::unique_ptr<http::Exchange> exchange) const noexcept override {
    const http::Request& request = exchange->request();
    if (request.path == "/drop") return;
    if (request.path == "/begin-and-drop") {
      http::ResponseStream& answer = exchange->Begin(Text(""));
      answer.Write("a part");
      (void)answer.Flush();
      return;
    }
    if (request.path == "/echo") return Echo(std::move(exchange));
    if (request.path == "/refuse") return exchange->Respond(Text("refused"));
    if (request.path == "/hold") {
      const std::scoped_lock lock(mutex_);
      held_.push_back(std::move(exchange));
      arrived_.notify_all();
      return;
    }
    if (request.path == "/long") return exchange->Respond(Text("late"));
    if (request.path == "/block") {
      std::unique_lock lock(mutex_);
      ++blocked_;
      arrived_.notify_all();
      arrived_.wait(lock, [&] { return released_; });
      return exchange->Respond(Text("unblocked"));
    }
    if (request.path == "/big") return exchange->Respond(Text(std::string(2'000'000, 'b')));
    std::size_t length = 0;
    std::vector<char> buffer(16384);
    try {
      while (const std::size_t got = request.body->Read(buffer)) length += got;
    } catch (const http::BodyIncomplete&) {
      return exchange->Respond(Text("incomplete"));
    }
    exchange->Respond(Text(name_ + " " + std::string(request.path) + " " + std::to_string(length)));
  }

  void AwaitHeld(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, kPlenty, [&] { return held_.size() >= count; });
    CPPUNIT_ASSERT_EQUAL(count, held_.size());
  }

  void AwaitBlocked(int count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, kPlenty, [&] { return blocked_ >= count; });
    CPPUNIT_ASSERT_EQUAL(count, blocked_);
  }

  void Release() {
    const std::scoped_lock lock(mutex_);
    released_ = true;
    arrived_.notify_all();
    for (auto& exchange : held_) exchange->Respond(Text("released"));
    held_.clear();
  }

 private:
  // Answers each piece as it comes; "cut" ends it at once.
  static void Echo(std::unique_ptr<http::Exchange> exchange) {
    http::ResponseStream& answer = exchange->Begin(Text(""));
    std::vector<char> buffer(100);
    try {
      while (const std::size_t got = exchange->request().body->Read(buffer)) {
        const std::string_view piece(buffer.data(), got);
        if (piece == "cut") return exchange->End(http::Ending::kCut);
        answer.Write(piece);
        if (!answer.Flush()) break;
      }
      exchange->End(http::Ending::kWhole);
    } catch (const http::BodyIncomplete&) {
      exchange->End(http::Ending::kCut);
    }
  }

  const std::string name_;
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  mutable std::vector<std::unique_ptr<http::Exchange>> held_;
  mutable int blocked_ = 0;
  bool released_ = false;
};

class ServerFixture : public CppUnit::TestFixture {
 protected:
  [[nodiscard]] std::unique_ptr<Server> Start(const Answering& handler, std::size_t max_connections = 512,
                                              const std::string& closing_file = {}) const {
    return std::make_unique<Server>(
        ServerOptions{.listen_fd = pool_.fd(),
                      .blocking_threads = 2,
                      .bulk_threads = 2,
                      .max_connections = max_connections,
                      .closing_file = closing_file},
        [&](const http::Request& request, bool content_has_come) {
          const bool is_bulk = request.method == "POST" && !request.content_length;
          http::Lane lane = is_bulk ? http::Lane::kBulk : http::LaneOfContent(request, content_has_come);
          if (request.path == "/long") lane = http::Lane::kBigResponse;
          return http::Route{lane, &handler, "/"};
        });
  }

  // Drains a server whose clients have gone: its connections close by themselves, or go into the socket's
  // queue.
  static std::size_t AwaitEmpty(Server& server) { return server.Drain(kPlenty); }

  static bool HungUp(const io::UniqueFd& fd) {
    pollfd peer{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&peer, 1, 0) == 1;
  }

  static bool Readable(const io::UniqueFd& fd, milliseconds limit) {
    const timeval brief{.tv_sec = 0, .tv_usec = limit.count() * 1000};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
    char byte = 0;
    const bool readable = ::recv(fd.get(), &byte, 1, MSG_PEEK) >= 0;
    const timeval plenty{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &plenty, sizeof plenty);
    return readable;
  }

  ListeningSocket pool_;
  Answering first_{"first"};
  Answering second_{"second"};
};

}  // namespace hashpost::fcgi
