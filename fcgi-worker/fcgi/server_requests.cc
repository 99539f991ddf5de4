// What the server does with a request that was read: who works on it, and how its answer leaves.

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fcgi-worker/fcgi/server.h"
#include "fcgi-worker/http/problem.h"
#include "lib/log/log.h"
#include "lib/utf8/utf8.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost::fcgi {
namespace {

std::uint64_t ContentSize(const http::Response& response) {
  return response.streamed ? response.streamed->Size() : response.content.size();
}

std::string_view NameOf(http::Lane lane) {
  if (lane == http::Lane::kBulk) return "bulk";
  return lane == http::Lane::kUpload ? "upload" : "ordinary";
}

void LogRoute(const http::Request& request, const http::Route& route, bool spooled) {
  if (!log::IsOn(log::Level::kDebug)) return;
  constexpr std::size_t kShown = 100;
  log::Debug("server", utf8::Printable(request.method, kShown) + " " + utf8::Printable(request.path, kShown) +
                           " goes to " + std::string(route.path) + ", lane " +
                           std::string(NameOf(route.lane)) + ", spooled " + (spooled ? "yes" : "no"));
}

}  // namespace

class Server::LiveExchange : public http::Exchange {
 public:
  LiveExchange(Server& server, std::size_t index) : server_(server), index_(index) {}
  ~LiveExchange() override {
    if (begun_) {
      End(http::Ending::kCut);
    } else if (!answered_) {
      Respond(http::ToResponse(http::InternalError()));
    }
  }
  [[nodiscard]] const http::Request& request() const override {
    return server_.slots_[index_].connection->inbound().request();
  }
  void Respond(http::Response response) noexcept override {
    answered_ = true;
    server_.Respond(index_, std::move(response));
  }
  [[nodiscard]] http::ResponseStream& Begin(const http::Response& head) override {
    begun_ = answered_ = true;
    http::Response own{.status = head.status, .headers = head.headers, .content = {}};
    server_.CloseIfClosing(own);
    return server_.slots_[index_].connection->BeginAnswer(own, server_.options_.spool_folder);
  }
  void End(http::Ending ending) noexcept override {
    begun_ = false;
    if (ending == http::Ending::kWhole) {
      server_.Finish(index_);
    } else {
      server_.Cut(index_);
    }
  }

 private:
  Server& server_;
  const std::size_t index_;
  bool answered_ = false;
  bool begun_ = false;
};

namespace {

// What a thread of a pool does, and what is done instead if none gets to it.
template <typename Work, typename Otherwise>
class PoolTask : public BlockingPool::Task {
 public:
  PoolTask(const char* what, Work work, Otherwise otherwise)
      : what_(what), work_(std::move(work)), otherwise_(std::move(otherwise)) {}
  void Run() noexcept override {
    const watchdog::Working working(what_);
    work_();
  }
  void Refuse() noexcept override { otherwise_(); }

 private:
  const char* const what_;
  Work work_;
  Otherwise otherwise_;
};

template <typename Work, typename Otherwise>
std::unique_ptr<BlockingPool::Task> MakeTask(const char* what, Work work, Otherwise otherwise) {
  return std::make_unique<PoolTask<Work, Otherwise>>(what, std::move(work), std::move(otherwise));
}

}  // namespace

// The head of a request, of which an I/O thread saw only a part, or too much.
void Server::AwaitHead(std::size_t index) {
  Connection& connection = *slots_[index].connection;
  const Preview preview = connection.AwaitHead();
  if (preview.head == Head::kWhole) {
    TakeRequest(index, preview);
  } else if (preview.head == Head::kTooLarge && connection.RefuseLargeHead(preview)) {
    Arm(index, EPOLL_CTL_MOD);
  } else {
    Close(index);
  }
}

bool Server::SubmitRequest(std::size_t index, BlockingPool& pool) {
  return Submit(index, pool,
                MakeTask(
                    "answering a request that may take long", [this, index] { RunHandler(index); },
                    [this, index] { RefuseAsBusy(index); }));
}

bool Server::SubmitResponse(std::size_t index, http::Response response) {
  return Submit(index, answers_,
                MakeTask(
                    "writing a big answer",
                    [this, index, kept = std::move(response)]() mutable { Respond(index, std::move(kept)); },
                    [this, index] { Close(index); }));
}

// On an I/O thread, or on one that may wait if only there the head came whole.
void Server::TakeRequest(std::size_t index, const Preview& preview) {
  Connection& connection = *slots_[index].connection;
  if (preview.head == Head::kPartial || preview.head == Head::kTooLarge) {
    auto task = MakeTask(
        "awaiting the head of a request", [this, index] { AwaitHead(index); },
        [this, index] { Close(index); });
    if (!Submit(index, requests_, std::move(task))) Close(index);
  } else if (preview.head == Head::kWhole && connection.ReadRequest(preview.content_ended)) {
    Handle(index);
  } else {
    Close(index);
  }
}

void Server::Handle(std::size_t index) {
  Slot& slot = slots_[index];
  Connection& connection = *slot.connection;
  const http::Request& request = connection.inbound().request();
  const bool content_has_come = connection.ContentWaitsForNobody();
  slot.route = route_of_(request, content_has_come);
  const http::Lane lane = slot.route.lane;
  LogRoute(request, slot.route, connection.inbound().IsSpooled());
  if (!content_has_come || lane == http::Lane::kBulk || lane == http::Lane::kUpload)
    connection.StreamContent();
  if (slot.surplus) return RefuseAsBusy(index);
  if (lane == http::Lane::kIoThread) {
    connection.HandledOnIoThread(!BlockingPool::OnThread());
    return RunHandler(index);
  }
  if (!SubmitRequest(index, PoolOf(lane))) RefuseAsBusy(index);
}

void Server::RunHandler(std::size_t index) {
  Slot& slot = slots_[index];
  if (!slot.connection->PassOverUnwantedContent()) return Close(index);
  slot.route.handler->Handle(std::make_unique<LiveExchange>(*this, index));
}

BlockingPool& Server::PoolOf(http::Lane lane) {
  switch (lane) {
    case http::Lane::kBulk:
      return bulk_;
    case http::Lane::kUpload:
      return uploads_;
    case http::Lane::kBigResponse:
      return answers_;
    case http::Lane::kBigRequest:
    case http::Lane::kIoThread:
      break;
  }
  return requests_;
}

// False: the pool's queue is full. Otherwise the connection is the task's, which may have run already.
bool Server::Submit(std::size_t index, BlockingPool& pool, std::unique_ptr<BlockingPool::Task> task) {
  slots_[index].connection->HandledOnIoThread(false);
  BlockingPool* const before = slots_[index].pool.exchange(&pool);
  if (!pool.Submit(task)) {
    slots_[index].pool = before;
    return false;
  }
  if (pool.Waiting() > 0) {
    const std::scoped_lock lock(mutex_);
    EvictFor(pool);
  }
  return true;
}

// On a thread that may wait where the rest of the content does not come at once.
void Server::RefuseAsBusy(std::size_t index) {
  http::Response busy = slots_[index].route.handler->Tell(http::Busy());
  if (slots_[index].connection->ContentWaitsForNobody()) return Respond(index, std::move(busy));
  if (!SubmitResponse(index, std::move(busy))) Close(index);
}

void Server::Respond(std::size_t index, http::Response response) {
  if (ContentSize(response) > http::kInlineBytes && !BlockingPool::OnThread()) {
    if (SubmitResponse(index, std::move(response))) return;
    response = http::ToResponse(http::Busy());
  }
  CloseIfClosing(response);
  slots_[index].connection->WriteAnswer(response);
  Finish(index);
}

// To the web server this is about its connection with the client (RFC 3875 §6.3.4).
void Server::CloseIfClosing(http::Response& response) const {
  if (closing_) response.headers.emplace_back("Connection", "close");
}

void Server::Finish(std::size_t index) {
  Slot& slot = slots_[index];
  const bool usable = slot.connection->FinishRequest();
  slot.pool = nullptr;
  if (usable && !slot.surplus) {
    Arm(index, EPOLL_CTL_MOD);
  } else {
    Close(index);
  }
}

void Server::Cut(std::size_t index) {
  slots_[index].connection->CutAnswer();
  Close(index);
}

}  // namespace hashpost::fcgi
