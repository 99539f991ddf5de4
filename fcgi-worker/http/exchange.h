// Exchange: one request and the way back to whoever asked. Whoever holds it answers it, at once or later, on
// any one thread; destroying it unanswered is an internal error, which it answers with 500 itself. An answer
// that was begun and not ended is cut.

#pragma once

#include "fcgi-worker/http/request.h"
#include "fcgi-worker/http/response.h"
#include "lib/io/byte_stream.h"

namespace hashpost::http {

// Where the content of an answer goes that is written while the request's content is still read. Blocks as
// long as the client takes nothing. One thread at a time, which need not be the one that reads.
class ResponseStream : public io::ByteSink {
 public:
  // Sends what was written. False: the client is gone, and nothing more will reach it.
  [[nodiscard]] virtual bool Flush() = 0;

  // Whether nothing of it leaves before its end, so that all of it takes room here until then.
  [[nodiscard]] virtual bool Held() const { return false; }
};

enum class Ending {
  kWhole,
  kCut,  // the connection breaks, so that what came does not pass for everything
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  // Valid as long as this object, and until Respond.
  [[nodiscard]] virtual const Request& request() const = 0;

  // Sends the answer, once; for HEAD without its content. A client that has gone away is nobody's error.
  virtual void Respond(Response response) noexcept = 0;

  // Instead of Respond: sends status and fields of `head`, and returns where its content goes, of a length
  // that nobody knows yet. The stream is valid until End. For requests that have a thread of their own.
  [[nodiscard]] virtual ResponseStream& Begin(const Response& head) = 0;

  // Ends an answer that was begun; afterwards nobody may read the request's content.
  virtual void End(Ending ending) noexcept = 0;
};

}  // namespace hashpost::http
