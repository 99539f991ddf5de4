#include "file-sender/workers.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "file-sender/backoff.h"
#include "file-sender/upload.h"
#include "lib/log/log.h"

namespace hashpost::sender {
namespace {

constexpr std::chrono::seconds kLongestPause{300};
// A file that changed while it was read: by then it may be whole.
constexpr std::chrono::milliseconds kUnrest{500};
constexpr unsigned kTriesOfOnce = 10;
constexpr unsigned kTrialsOfOnce = 5;  // of a receiver that takes no file: some 15 s

}  // namespace

Workers::Workers(const Config& config, const fernet::Key& key, State& state, Queue& queue, Options options)
    : config_(config),
      key_(key),
      state_(state),
      queue_(queue),
      options_(std::move(options)),
      gate_(!options_.once) {
  threads_.reserve(config.sender_parallel);
  for (std::size_t i = 0; i < config.sender_parallel; ++i) {
    // Of several one is kept for small files, so that slow big ones hold none of those up.
    const auto wanted = config.sender_parallel > 1 && i == 0 ? Queue::Wanted::kSmall : Queue::Wanted::kAny;
    threads_.emplace_back([this, wanted](const std::stop_token& stop) { Run(stop, wanted); });
  }
}

void Workers::Stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  Join();
}

void Workers::Join() {
  for (std::jthread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Workers::Run(const std::stop_token& stop, Queue::Wanted wanted) {
  try {
    Work(stop, wanted);
  } catch (const std::exception& error) {
    log::Error("sender", std::string(error.what()) + "; ending.");
    failed_ = true;
    options_.on_failure();
  }
}

void Workers::Work(const std::stop_token& stop, Queue::Wanted wanted) {
  Uploader uploader(config_.receiver, stop);
  Delivery delivery(
      config_, key_, state_, unrecorded_,
      [&](const std::string& target, int fd, std::uint64_t size,
          const std::function<void()>& before_last_byte) {
        UploadResult result = uploader.Upload(target, fd, size, before_last_byte);
        Report(target, result);
        return result;
      },
      stop);
  while (const auto job = queue_.Take(stop, wanted)) {
    try {
      const bool may = gate_.Pass(stop, [&] { return uploader.Probe(); });
      const CircuitBreaker::Leave leave = breaker_.Ask(stop);
      if (leave.delay()) {
        PutOff(*job, *leave.delay());
        continue;
      }
      Settle(*job, may && !stop.stop_requested() ? delivery.Deliver(job->name)
                                                 : DeliveryOutcome{DeliveryKind::kStopped});
    } catch (...) {
      ++tally_.pending;
      queue_.Done(job->name);  // or else the other threads would wait for its end
      throw;
    }
  }
}

// Files that failed come behind those that were not tried yet: they may be the reason why none is taken.
void Workers::PutOff(const Queue::Job& job, std::chrono::milliseconds delay) {
  if (options_.once && breaker_.failures() >= kTrialsOfOnce) {
    ++tally_.pending;
    return queue_.Done(job.name);
  }
  if (job.failures > 0) delay += Backoff(job.failures, kLongestPause);
  queue_.Again(job.name, delay, job.failures);
}

void Workers::Report(const std::string& target, const UploadResult& result) {
  switch (result.kind) {
    case UploadKind::kAccepted:
    case UploadKind::kRefused:
    case UploadKind::kStale:
      return breaker_.Worked();
    case UploadKind::kFailed:
      return breaker_.Failed(target, result.message, result.wait_at_least);
    case UploadKind::kUnreachable:
    case UploadKind::kStopped:
      return;
  }
}

void Workers::Settle(const Queue::Job& job, const DeliveryOutcome& outcome) {
  switch (outcome.kind) {
    case DeliveryKind::kDelivered:
      ++tally_.delivered;
      return queue_.Done(job.name);
    case DeliveryKind::kKnown:
    case DeliveryKind::kGone:
      ++tally_.known;
      return queue_.Done(job.name);
    case DeliveryKind::kQuarantined:
      ++tally_.quarantined;
      return queue_.Done(job.name);
    case DeliveryKind::kChanged:
      if (!options_.once || job.failures < kTriesOfOnce)
        return queue_.Again(job.name, kUnrest, job.failures + 1);
      break;
    case DeliveryKind::kTooSoon:
      return queue_.Again(job.name, outcome.wait_at_least, job.failures);
    case DeliveryKind::kUnreachable:
      gate_.Shut(outcome.reason);
      if (!options_.once) return queue_.Again(job.name, std::chrono::milliseconds(0), 0);
      break;
    case DeliveryKind::kFailed:
      if (!options_.once) return Retry(job, outcome.wait_at_least);
      break;
    case DeliveryKind::kStopped:
      break;
  }
  ++tally_.pending;
  queue_.Done(job.name);
}

void Workers::Retry(const Queue::Job& job, std::chrono::milliseconds at_least) {
  queue_.Again(job.name, std::max(at_least, Backoff(job.failures + 1, kLongestPause)), job.failures + 1);
}

}  // namespace hashpost::sender
