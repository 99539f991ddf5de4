// Sends an arbitrary request to the resources of a worker, wired as main.cc wires them over a store in
// memory: one response, with a status and fields that this method may get there, whose content is what it
// says. Input: flags, then "METHOD PATH", a line for each field ("NAME: value", CGI names), an empty line,
// the body. Corpus: corpus/router_fuzz.

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "fcgi-worker/drop/upload.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/bulk.h"
#include "fcgi-worker/resources/health.h"
#include "fcgi-worker/resources/message.h"
#include "fcgi-worker/resources/messages.h"
#include "fcgi-worker/resources/problems_page.h"
#include "fcgi-worker/router.h"
#include "lib/json/json.h"
#include "lib/utf8/utf8.h"
#include "store/group_committer.h"
#include "tests/fuzz/require.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace {

using namespace hashpost;

constexpr std::size_t kMaxMessageBytes = 100;
constexpr std::size_t kMostMessages = 100;
constexpr std::int64_t kCreated = 784111777000;

class MemoryStore final : public store::MessageStore {
 public:
  class MemoryTurn final : public CommitTurn {
   public:
    explicit MemoryTurn(MemoryStore& store) : store_(store) {}
    std::vector<store::Outcome> Apply(std::span<const store::Change> changes) override {
      std::vector<store::Outcome> outcomes;
      for (const auto& change : changes) outcomes.push_back(store_.Make(change));
      return outcomes;
    }

   private:
    MemoryStore& store_;
  };
  std::unique_ptr<CommitTurn> AwaitTurn() override { return std::make_unique<MemoryTurn>(*this); }
  std::optional<store::StoredMessage> Get(const store::Digest& digest, const store::Admit& admit) override {
    const auto found = messages_.find(digest);
    if (found == messages_.end()) return {};
    admit(found->second.size());
    return store::StoredMessage{kCreated, found->second};
  }
  bool Holds(const store::Digest& digest, std::string_view message) override {
    const auto found = messages_.find(digest);
    return found != messages_.end() && found->second == message;
  }
  std::optional<store::MessageInfo> Find(const store::Digest& digest) override {
    const auto found = messages_.find(digest);
    if (found == messages_.end()) return {};
    return store::MessageInfo{kCreated, found->second.size()};
  }
  void CheckWritable() override {}
  void Maintain() override {}

  void ForgetSome() {
    if (messages_.size() > kMostMessages) messages_.clear();
  }

 private:
  store::Outcome Make(const store::Change& change) {
    if (!change.message) {
      return messages_.erase(change.digest) > 0 ? store::Outcome::kDeleted : store::Outcome::kAbsent;
    }
    Require(crypto::HashSha256(*change.message) == change.digest && utf8::IsValid(*change.message));
    const bool fresh = messages_.emplace(change.digest, *change.message).second;
    return fresh ? store::Outcome::kCreated : store::Outcome::kExisted;
  }

  std::map<store::Digest, std::string> messages_;
};

struct Worker {
  MemoryStore store;
  store::GroupCommitter committer{store, {.alone_at_once = true}};
  memory::Budget budget{1U << 20U};
  resources::ProblemRenderer renderer{[](const std::string&) { std::abort(); }};
  resources::FixedResponse health{R"({"msg":"Server is healthy","status_code":200})"};
  resources::FixedResponse liveness{R"({"status":"alive"})"};
  resources::ProblemsPage problems;
  resources::Bulk bulk{store, budget, renderer, {kMaxMessageBytes, 0}, 3};
  resources::Messages messages{store, committer, budget, renderer, kMaxMessageBytes};
  resources::Message message{store, committer, budget, renderer, true};
  drop::UploadResource upload{nullptr, drop::UploadResource::Off()};
  Router router{renderer};

  Worker() {
    router.AddStream("/messages", resources::Bulk::kMediaTypes, http::Lane::kBulk, bulk);
    router.Add("/messages", messages);
    router.Add(std::string(resources::Message::kPath), message);
    router.AddStream(std::string(drop::UploadResource::kPath), {}, http::Lane::kUpload, upload);
    router.Add(std::string(drop::UploadResource::kPath), upload);
    router.Add(std::string(resources::ProblemsPage::kPath), problems);
    router.Add("/", health);
    router.Add("/livez", liveness);
  }
};

struct Input {
  bool breaks_off;
  bool length_is_known;
  std::string_view method;
  std::string_view path;
  std::vector<http::Field> fields;
  std::string_view body;
};

std::string_view TakeUntil(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

Input Read(std::string_view text) {
  const auto flags = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  Input input{(flags & 1U) != 0, (flags & 2U) == 0, {}, {}, {}, {}};
  input.path = TakeUntil(text, '\n');
  input.method = TakeUntil(input.path, ' ');
  for (std::string_view line = TakeUntil(text, '\n'); !line.empty(); line = TakeUntil(text, '\n')) {
    const std::string_view name = TakeUntil(line, ':');
    input.fields.push_back({name, line.starts_with(' ') ? line.substr(1) : line});
  }
  input.body = text;
  return input;
}

class Exchange final : public http::Exchange {
 public:
  Exchange(const Input& input, std::optional<http::Response>& answer)
      : body_(input.body, input.breaks_off), answer_(answer), live_(answer) {
    request_.method = input.method;
    request_.path = input.path;
    if (input.length_is_known) request_.content_length = input.body.size() + (input.breaks_off ? 1 : 0);
    for (const http::Field& field : input.fields) request_.fields.Add(field.name, field.value);
    request_.body = &body_;
  }
  [[nodiscard]] const http::Request& request() const override { return request_; }
  void Respond(http::Response response) noexcept override {
    Require(!answer_);
    answer_ = std::move(response);
  }
  [[nodiscard]] http::ResponseStream& Begin(const http::Response& head) override {
    Require(!answer_);
    answer_.emplace();
    answer_->headers = head.headers;
    return live_;
  }
  void End(http::Ending) noexcept override {}

 private:
  class Body final : public http::BodyReader {
   public:
    Body(std::string_view content, bool breaks_off) : rest_(content), breaks_off_(breaks_off) {}
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override {
      const std::size_t size = rest_.copy(buffer.data(), buffer.size());
      rest_.remove_prefix(size);
      if (size == 0 && breaks_off_) throw http::BodyIncomplete();
      return size;
    }

   private:
    std::string_view rest_;
    const bool breaks_off_;
  };
  struct Live final : http::ResponseStream {
    explicit Live(std::optional<http::Response>& kept) : answer(kept) {}
    void Write(std::string_view bytes) override { answer->content += bytes; }
    [[nodiscard]] bool Flush() override { return true; }
    std::optional<http::Response>& answer;
  };
  http::Request request_;
  Body body_;
  std::optional<http::Response>& answer_;
  Live live_;
};

std::string_view Header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string Member(const std::string& text, std::string_view name) {
  io::MemorySource source(text, SIZE_MAX);
  const auto value = json::ReadStringMember(source, name, {.max_value_bytes = 1U << 16U});
  Require(std::holds_alternative<std::string>(value));
  return std::get<std::string>(value);
}

// The value of Allow at `path`; empty: there is nothing.
std::string_view AllowedAt(std::string_view path) {
  if (path == "/messages") return "POST, OPTIONS";
  if (path.starts_with("/messages/")) return "GET, HEAD, DELETE, OPTIONS";
  if (path.starts_with("/upload/")) return "POST, OPTIONS";
  if (path.starts_with("/problems/") || path == "/" || path == "/livez") return "GET, HEAD, OPTIONS";
  return {};
}

bool IsIn(std::string_view method, std::string_view allowed) {
  while (!allowed.empty()) {
    if (TakeUntil(allowed, ',') == method) return true;
    if (!allowed.empty()) allowed.remove_prefix(1);
  }
  return false;
}

// What may have endless content, and only that, is on a thread of its own.
void CheckLane(const Input& input, const http::Request& request, http::Lane lane) {
  const auto& types = resources::Bulk::kMediaTypes;
  const bool is_bulk = input.path == "/messages" && input.method == "POST" &&
                       std::any_of(types.begin(), types.end(), [&](std::string_view type) {
                         return http::HasEssence(request.Header("CONTENT_TYPE").value_or(""), type);
                       });
  const bool is_upload = input.path.starts_with("/upload/") && input.method == "POST";
  Require((lane == http::Lane::kBulk) == is_bulk && (lane == http::Lane::kUpload) == is_upload);
}

void CheckRoute(const Input& input, const http::Response& response) {
  const std::string_view allowed = AllowedAt(input.path);
  if (allowed.empty()) {
    Require(response.status == 404);
  } else if (response.status == 405) {
    Require(!IsIn(input.method, allowed) && Header(response, "Allow") == allowed);
  } else {
    Require(IsIn(input.method, allowed) || response.status == 400);  // (a repeated field is seen first)
    if (input.method == "OPTIONS" && response.status == 204) Require(Header(response, "Allow") == allowed);
  }
}

void CheckContent(const Input& input, const http::Response& response) {
  for (const auto& [name, value] : response.headers) {
    Require(std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
  }
  if (response.status >= 400) {
    Require(Header(response, "Content-Type") == "application/problem+json");
    Require(!Member(response.content, "err_msg").empty() &&
            Member(response.content, "type").starts_with('/'));
  }
  const bool is_json = Header(response, "Content-Type") == "application/json";
  if (input.path == "/messages" && is_json && response.status < 300) {
    const std::string digest = Member(response.content, "digest");
    Require(Header(response, "Location") == "/messages/" + digest);
  }
  if (input.path.starts_with("/messages/") && input.method == "GET" && response.status == 200) {
    const std::string message = is_json ? Member(response.content, "message") : response.content;
    const auto digest = store::Digest::FromHex(input.path.substr(sizeof "/messages/" - 1));
    Require(digest && crypto::HashSha256(message) == *digest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Worker worker;
  static constexpr std::array kStatuses = {200, 201, 204, 304, 400, 404, 405, 406, 411, 412, 413, 415, 503};
  if (size == 0) return 0;
  const Input input = Read(Text(data, size));
  std::optional<http::Response> response;
  auto exchange = std::make_unique<Exchange>(input, response);
  const http::Route route = worker.router.Find(exchange->request(), true);
  CheckLane(input, exchange->request(), route.lane);
  route.handler->Handle(std::move(exchange));
  Require(response.has_value());
  Require(std::find(kStatuses.begin(), kStatuses.end(), response->status) != kStatuses.end());
  CheckRoute(input, *response);
  CheckContent(input, *response);
  worker.store.ForgetSome();
  return 0;
}
