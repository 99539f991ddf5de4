// Connection: one kept-alive FastCGI connection from the web server, and libfcgi's state for the request on
// it. One thread at a time works on it; the server's table says which (server.h). It leans on three fields of
// FCGX_Request that libfcgi's header does not promise (listen_sock, ipcFd, keepConnection);
// tests/unit/fcgi-worker/fcgi/connection_test.cc pins what is used.

#pragma once

#include <fcgiapp.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fcgi-worker/fcgi/answer_writer.h"
#include "fcgi-worker/fcgi/inbound_request.h"
#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/response.h"
#include "lib/io/spool.h"
#include "lib/io/unique_fd.h"

namespace hashpost::fcgi {

class Connection {
 public:
  // Takes over a connected socket; needs a second descriptor for libfcgi. FCGX_Init was called.
  explicit Connection(io::UniqueFd socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Reads the next request's head. False: the peer closed, or what it sent is no FastCGI; close the
  // connection.
  [[nodiscard]] bool ReadRequest();

  // Ends the answer and frees the request. If content is left over, waits until the peer has read the answer
  // and closes. False: the connection can carry no further request; close it.
  [[nodiscard]] bool FinishRequest();

  // The request that was read last; valid until FinishRequest.
  [[nodiscard]] const InboundRequest& inbound() const { return inbound_; }

  // Instead of FinishRequest: breaks off an answer that was begun, so that the peer sees that it is not
  // whole. What was written of it arrives: if content is left over, this waits until the peer has closed.
  // Of an answer that was held (BeginAnswer) nothing arrives, but 503 in its place.
  void CutAnswer();

  // Reads what is left of the request's content (FastCGI wants it read before the answer ends), and writes
  // the answer, without its content if the method was HEAD. Errors show in FinishRequest.
  void WriteAnswer(http::Response& response);

  // For a request whose content was spooled: instead of StreamContent, before it is handled.
  void ExpectSpooledContent() { inbound_.ExpectNoneUnlessTold(); }

  // For a request whose content may be endless: it is read in the pieces in which it comes, and what is left
  // of it does not hold up the answer. Its client may be slower by a minute (CutIfStuck).
  void StreamContent();

  // Makes the reading of such a content throw http::BodyIncomplete soon; call it again until it has. For any
  // thread, while the object lives.
  void EndContent();

  // Writes the head of an answer and returns where its content goes; valid until FinishRequest. If the web
  // server wants no answer before the end of the content, all of it is held until then, in a file in
  // `spool_folder` if it is long: writing then throws std::system_error if the disk is full.
  [[nodiscard]] http::AnswerStream& BeginAnswer(const http::Response& head, const std::string& spool_folder);

  // Ends a read of a request that has blocked since before `deadline`, and an answer that takes more than a
  // minute and what its content takes at 16 KiB a second. For any thread, while the object lives. (Time-outs
  // of the socket would do, but then a worker that is stopped and continued, or looked at with a debugger,
  // fails its reads with EINTR, which libfcgi takes for the end of the request.)
  void CutIfStuck(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  class LiveAnswer : public http::AnswerStream {
   public:
    explicit LiveAnswer(Connection& connection) : connection_(connection) {}
    void Write(std::string_view bytes) override;
    [[nodiscard]] bool Flush() override;
    [[nodiscard]] bool Held() const override { return connection_.held_.has_value(); }

   private:
    Connection& connection_;
  };
  struct Held {
    Held(std::string its_fields, const std::string& spool_folder)
        : fields(std::move(its_fields)), content(spool_folder) {}
    std::string fields;  // status and fields, but for Content-Length
    io::Spool content;
  };
  void WriteLive(std::string_view bytes);
  [[nodiscard]] bool WriteHeld();
  void AwaitClose();

  io::UniqueFd socket_;
  FCGX_Request request_{};
  ReadClock read_clock_;
  std::atomic<std::chrono::steady_clock::rep> answer_due_{0};  // 0: none is being written
  InboundRequest inbound_;
  bool peer_keeps_ = true;
  std::optional<AnswerWriter> writer_;  // of the request that was read last
  std::atomic<bool> streams_{false};
  LiveAnswer live_answer_{*this};
  std::optional<Held> held_;  // the answer, as long as it may not leave
};

}  // namespace hashpost::fcgi
