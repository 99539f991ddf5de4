// DamageMark: what is known to be damaged in a store, for all workers: the file `damage` beside its data.
// Where no file can be written (a disk that is read-only), this process alone knows. Thread-safe.

#pragma once

#include <mutex>
#include <optional>
#include <string>

namespace hashpost::store {

class DamageMark {
 public:
  struct Known {
    bool in_tree;          // messages may be there that cannot be found, and writing may destroy more
    std::string sentence;  // for the operator
  };

  explicit DamageMark(const std::string& folder);

  // nullopt: none. Without a damage it costs one access(2).
  [[nodiscard]] std::optional<Known> Read() const;

  // In place of what was known before.
  void Write(const Known& known);

  // Nothing is damaged any more.
  void Remove();

 private:
  const std::string file_;
  mutable std::mutex mutex_;
  std::optional<Known> unwritten_;  // guarded by mutex_
};

}  // namespace hashpost::store
