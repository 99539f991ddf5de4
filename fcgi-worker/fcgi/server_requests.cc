// What the server does with a request that was read: who works on it, and how its answer leaves.

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "fcgi-worker/fcgi/server.h"
#include "fcgi-worker/http/standard_problems.h"
#include "lib/progress/progress.h"

namespace hashpost::fcgi {
namespace {

// Bodies and answers above this leave the I/O threads, which must never wait for a slow peer: it is well
// under what a unix socket buffers.
constexpr std::uint64_t kInlineBytes = 64U << 10U;

std::uint64_t ContentSize(const http::Response& response) {
  return response.streamed ? response.streamed->Size() : response.content.size();
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
  [[nodiscard]] bool MayTakeLong() const override { return BlockingPool::OnThread(); }
  void Postpone() noexcept override {
    answered_ = true;
    server_.Postpone(index_, server_.answers_);
  }
  void Respond(http::Response response) noexcept override {
    answered_ = true;
    server_.Respond(index_, std::move(response));
  }
  [[nodiscard]] http::AnswerStream& Begin(const http::Response& head) override {
    begun_ = answered_ = true;
    return server_.slots_[index_].connection->BeginAnswer(head, server_.options_.spool_folder);
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

class Server::RequestTask : public BlockingPool::Task {
 public:
  RequestTask(Server& server, std::size_t index) : server_(server), index_(index) {}
  void Run() noexcept override {
    const progress::Working working("answering a big request");
    server_.handler_(std::make_unique<LiveExchange>(server_, index_));
  }

 private:
  Server& server_;
  const std::size_t index_;
};

class Server::UploadTask : public BlockingPool::Task {
 public:
  UploadTask(Server& server, std::size_t index, Lane& lane) : server_(server), index_(index), lane_(lane) {}
  void Run() noexcept override {
    const progress::Working working("taking an upload");
    server_.handler_(std::make_unique<Upload>(server_, index_, lane_));
  }

 private:
  // Counts as done before its end can be seen, or else who asks next could be refused for it.
  class Upload : public LiveExchange {
   public:
    Upload(Server& server, std::size_t index, Lane& lane) : LiveExchange(server, index), lane_(lane) {}
    ~Upload() override { Leave(); }
    void Respond(http::Response response) noexcept override {
      Leave();
      LiveExchange::Respond(std::move(response));
    }
    void End(http::Ending ending) noexcept override {
      Leave();
      LiveExchange::End(ending);
    }

   private:
    void Leave() {
      if (!std::exchange(left_, true)) --lane_.at_work;
    }
    Lane& lane_;
    bool left_ = false;
  };

  Server& server_;
  const std::size_t index_;
  Lane& lane_;
};

class Server::AnswerTask : public BlockingPool::Task {
 public:
  AnswerTask(Server& server, std::size_t index, http::Response response)
      : server_(server), index_(index), response_(std::move(response)) {}
  void Run() noexcept override {
    const progress::Working working("writing a big answer");
    server_.Respond(index_, std::move(response_));
  }

 private:
  Server& server_;
  const std::size_t index_;
  http::Response response_;
};

void Server::Handle(std::size_t index) {
  const http::Request& request = slots_[index].connection->inbound().request();
  const bool is_post = request.method == "POST";
  for (const std::unique_ptr<Lane>& lane : uploads_) {
    if (lane->options.takes(request)) return HandleUpload(index, *lane);
  }
  slots_[index].connection->ExpectSpooledContent();
  const bool is_small = request.content_length ? *request.content_length <= kInlineBytes : !is_post;
  if (is_small) {
    handler_(std::make_unique<LiveExchange>(*this, index));
    return;
  }
  Postpone(index, requests_);
}

void Server::Postpone(std::size_t index, BlockingPool& pool) {
  std::unique_ptr<BlockingPool::Task> task = std::make_unique<RequestTask>(*this, index);
  if (!pool.Submit(task)) Respond(index, http::ToResponse(http::Busy()));
}

void Server::HandleUpload(std::size_t index, Lane& lane) {
  slots_[index].connection->StreamContent();
  std::unique_ptr<BlockingPool::Task> task = std::make_unique<UploadTask>(*this, index, lane);
  if (++lane.at_work <= lane.options.threads && lane.pool.Submit(task)) return;
  --lane.at_work;
  // Refused on another thread, since who refuses waits until the peer has closed.
  task = std::make_unique<AnswerTask>(*this, index, lane.options.refuse(http::Busy()));
  if (!answers_.Submit(task)) Close(index);
}

void Server::Respond(std::size_t index, http::Response response) {
  if (ContentSize(response) > kInlineBytes && !BlockingPool::OnThread()) {
    std::unique_ptr<BlockingPool::Task> task =
        std::make_unique<AnswerTask>(*this, index, std::move(response));
    if (answers_.Submit(task)) return;
    response = http::ToResponse(http::Busy());
  }
  slots_[index].connection->WriteAnswer(response);
  Finish(index);
}

void Server::Finish(std::size_t index) {
  if (slots_[index].connection->FinishRequest()) {
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
