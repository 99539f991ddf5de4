// Connection: one kept-alive FastCGI connection from the web server, and libfcgi's state for the request on
// it. One thread at a time works on it; the server's table says which (server.h). It leans on three fields of
// FCGX_Request that libfcgi's header does not promise (listen_sock, ipcFd, keepConnection);
// tests/unit/fcgi-worker/fcgi/connection_test.cc pins what is used.

#pragma once

#include <fcgiapp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fcgi-worker/fcgi/inbound_request.h"
#include "fcgi-worker/fcgi/pace.h"
#include "fcgi-worker/fcgi/request_preview.h"
#include "fcgi-worker/fcgi/response_writer.h"
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

  // Looks at the next request without taking any of it; does not wait (request_preview.h).
  [[nodiscard]] Preview PreviewRequest() const { return fcgi::PreviewRequest(fd()); }

  // The same for a head of which only a part has come: waits for the rest, until CutIfStuck or Evict ends
  // that. Head::kPartial: it was ended.
  [[nodiscard]] Preview AwaitHead();

  // Takes the next request's head, which PreviewRequest has called whole, and sets inbound(). `content_ended`
  // as there. False: close the connection.
  [[nodiscard]] bool ReadRequest(bool content_ended);

  // Takes a request whose head is too large, with its content, and answers 431. False: close the connection.
  [[nodiscard]] bool RefuseLargeHead(const Preview& preview);

  // Whether reading the content of the request that was read last, or its end, waits for no client.
  [[nodiscard]] bool ContentWaitsForNobody() const { return content_ended_ || inbound_.IsSpooled(); }

  // For a request that is handled on a thread that must not wait: CutIfStuck then is impatient.
  void HandledOnIoThread(bool yes) { on_io_thread_ = yes; }

  // Reads a content that no handler wants. False: it does not end within bounds; close the connection.
  [[nodiscard]] bool PassOverUnwantedContent();

  // Ends the answer and frees the request. A connection that the peer keeps has its request read to the end
  // first, within bounds; on another one the answer leaves before the rest is read. False: the connection can
  // carry no further request; close it.
  [[nodiscard]] bool FinishRequest();

  // The request that was read last; valid until FinishRequest.
  [[nodiscard]] const InboundRequest& inbound() const { return inbound_; }

  // Instead of FinishRequest: breaks off an answer that was begun, so that the peer sees that it is not
  // whole. What was written of it arrives: content that is left over is read within bounds.
  // Of an answer that was held (BeginAnswer) nothing arrives, but 503 in its place.
  void CutAnswer();

  // Writes the answer, without its content if the method was HEAD. Errors show in FinishRequest.
  void WriteAnswer(http::Response& response);

  // For a request whose content may be endless or its client slow: it is read in the pieces in which it
  // comes. Its client may be slower by a minute (CutIfStuck).
  void StreamContent();
  [[nodiscard]] bool Streams() const { return streams_; }

  // Makes the reading of such a content throw http::BodyIncomplete soon; call it again until it has. For any
  // thread, while the object lives.
  void EndContent();

  // Writes the head of an answer and returns where its content goes; valid until FinishRequest. If the web
  // server wants no answer before the end of the content, all of it is held until then, in a file in
  // `spool_folder` if it is long: writing then throws std::system_error if the disk is full.
  [[nodiscard]] http::ResponseStream& BeginAnswer(const http::Response& head,
                                                  const std::string& spool_folder);

  // Ends what has waited for the peer too long at `now`: a read for `limit`, or for a few seconds if it holds
  // an I/O thread, and an answer for more than a minute and what its content takes at 16 KiB a second. For
  // any thread, while the object lives. (Time-outs of the socket would do, but then a worker that is stopped
  // and continued, or looked at with a debugger, fails its reads with EINTR, which libfcgi takes for the end
  // of the request.)
  void CutIfStuck(std::chrono::steady_clock::time_point now, std::chrono::seconds limit);

  // Four times a second, by one thread: follows whether the client is slow.
  void LookAtPace();
  [[nodiscard]] const Pace& pace() const { return pace_; }

  // The thread at work on this connection is wanted for others: ends its read or write at once. A read throws
  // http::BodyIncomplete, and an answer can still be given. For any thread, while the object lives.
  void Evict();
  [[nodiscard]] bool evicted() const { return evicted_; }

  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  class LiveResponse : public http::ResponseStream {
   public:
    explicit LiveResponse(Connection& connection) : connection_(connection) {}
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
  [[nodiscard]] bool ReadContentBeforeAnswer();
  void ReadContentAfterAnswer();
  [[nodiscard]] bool Cut() const { return cut_ || evicted_; }

  io::UniqueFd socket_;
  FCGX_Request request_{};
  ReadClock read_clock_;
  std::atomic<std::chrono::steady_clock::rep> answer_due_{0};  // 0: none is being written
  InboundRequest inbound_;
  bool peer_keeps_ = true;
  std::optional<ResponseWriter> writer_;  // of the request that was read last
  std::atomic<bool> streams_{false};
  std::atomic<bool> on_io_thread_{false};
  std::atomic<bool> cut_{false};
  std::atomic<bool> evicted_{false};
  std::atomic<std::uint64_t> sent_{0};
  bool content_ended_ = false;
  bool content_was_passed_over_ = false;  // or it was tried, before the answer began
  Pace pace_;                             // of the thread that calls LookAtPace
  LiveResponse live_response_{*this};
  std::optional<Held> held_;  // the answer, as long as it may not leave
};

}  // namespace hashpost::fcgi
