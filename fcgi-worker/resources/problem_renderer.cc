#include "fcgi-worker/resources/problem_renderer.h"

#include <chrono>
#include <new>

#include "fcgi-worker/http/problem.h"
#include "lib/log/log.h"
#include "store/message_store.h"

namespace hashpost::resources {

void ProblemRenderer::Throttled::Log(const char* message) {
  constexpr std::int64_t kPauseMs = 1000;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  std::int64_t until = silent_until_;
  if (now_ms < until || !silent_until_.compare_exchange_strong(until, now_ms + kPauseMs)) {
    ++left_out_;
    return;
  }
  const std::uint64_t left_out = left_out_.exchange(0);
  std::string line(message);
  if (left_out > 0) line += " (and so for " + std::to_string(left_out) + " more requests)";
  log::Error("store", line);
}

http::Problem ProblemRenderer::Explain(const std::exception_ptr& error) const {
  try {
    std::rethrow_exception(error);
  } catch (const http::HttpError& refused) {
    return refused.problem();
  } catch (const http::BodyIncomplete& incomplete) {
    return {400, "body-incomplete", "Content incomplete", incomplete.what()};
  } catch (const store::StoreFull& full) {
    full_.Log(full.what());
    return {507, "store-full", "Store full",
            "The store is full, so nothing new can be kept: ask its operator for room, or delete "
            "messages."};
  } catch (const store::StoreReadOnly& read_only) {
    unavailable_.Log(read_only.what());
    return {
        503,
        "store-read-only",
        "Store read-only",
        "The store's disk is read-only, so nothing can be stored or deleted: ask its operator. Messages can "
        "still be read.",
        {{"Retry-After", "60"}}};
  } catch (const store::StoreUnavailable& away) {
    unavailable_.Log(away.what());
    return {503,
            "store-unavailable",
            "Store unavailable",
            "The store cannot answer now: try again in a few seconds.",
            {{"Retry-After", "5"}}};
  } catch (const store::StoreDamaged& damaged) {
    damaged_.Log(damaged.what());
    return {500, "store-damaged", "Store damaged",
            "The store is damaged: it cannot be said whether this message was stored, or nothing new may be "
            "written. Its operator must repair it; messages that can be found are served."};
  } catch (const store::RecordDamaged& damaged) {
    log::Error("store", damaged.what());
    return {500, "record-damaged", "Message damaged",
            "The stored bytes of this message no longer hash to its digest, so they are not given "
            "out: post the message again to repair it, or ask the operator to restore a backup."};
  } catch (const store::StoreBroken& broken) {
    log::Error("store", broken.what());
    on_broken_(broken.what());
  } catch (const std::bad_alloc&) {
    unavailable_.Log("Memory has run out for a request, which is answered with 503.");
    return http::Busy();
  } catch (const std::exception& unexpected) {
    log::Error("router", unexpected.what());
  } catch (...) {
    log::Error("router", "Something that is no exception object was thrown.");
  }
  return http::InternalError();
}

}  // namespace hashpost::resources
