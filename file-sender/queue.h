// Queue: the names that wait for a delivery, and those in flight, of which no name is there twice. A name
// that is added while it is in flight, because its file has changed, comes again afterwards; so what is sent
// last is the newest. Thread-safe. About 200 bytes of memory for each name.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>

#include "file-sender/file_record.h"

namespace hashpost::sender {

class Queue {
 public:
  using Clock = std::chrono::steady_clock;

  struct Job {
    std::string name;
    unsigned failures;  // in a row, of the file as it is
  };

  // The file `name` has `stamp` now, and is to be delivered from `due` on. If it waits with another stamp, it
  // is a new file: it starts afresh. If it waits with the same one, it keeps its place, or comes earlier if
  // it never failed. If it is in flight with another stamp, it comes again.
  void Add(const std::string& name, const FileStamp& stamp, Clock::time_point due = Clock::now());

  // Nothing will be added from now on: Take ends when all is done.
  void Close();

  // From this size on a file is a big one: it may keep a thread for long.
  static constexpr std::uint64_t kBigBytes = std::uint64_t{1} << 20U;
  enum class Wanted { kAny, kSmall };

  // Waits for a name that is due, of a file as `wanted`, and puts it in flight; nullopt: the end (`stop`, or
  // Close). Whoever took it calls Done or Again.
  [[nodiscard]] std::optional<Job> Take(const std::stop_token& stop, Wanted wanted = Wanted::kAny);

  // There is nothing more to do with `name`, unless it was added again.
  void Done(const std::string& name);

  // To be tried again after `delay`; `failures` is what the Job will say.
  void Again(const std::string& name, std::chrono::milliseconds delay, unsigned failures);

  [[nodiscard]] std::size_t Size() const;  // names that wait or are in flight

 private:
  using Order = std::pair<Clock::time_point, std::uint64_t>;  // due, then first come

  struct QueuedFile {
    FileStamp stamp;
    unsigned failures = 0;
    std::optional<Order> place = std::nullopt;              // waiting; without one it is in flight
    std::optional<Clock::time_point> again = std::nullopt;  // in flight, and added again
  };

  using Names = std::map<Order, std::string>;

  void Wait(const std::string& name, QueuedFile& entry, Clock::time_point due);
  // The names of which the first one is the first that is `wanted`; nullptr if there is none.
  [[nodiscard]] Names* FirstOf(Wanted wanted);
  [[nodiscard]] bool AtEnd() const { return closed_ && entries_.empty(); }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::unordered_map<std::string, QueuedFile> entries_;
  Names small_;  // that wait
  Names big_;
  std::uint64_t next_ = 0;
  bool closed_ = false;
};

}  // namespace hashpost::sender
