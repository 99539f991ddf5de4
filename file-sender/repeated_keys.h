// RepeatedKeys: finds the members of JSON objects whose key comes again in the same object, and says how to
// read the text so that the last value stands in the first one's place (as in a dict of Python) and the
// others are not there.
//
// Bounds: the keys of the objects that are open at one time may be 131,072 and take 4 MiB; one more, and the
// object with most of them is given up: what it repeats from there on stays in the text. So it is after
// 131,072 splices. Memory: 16 MiB at most. One thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "file-sender/spliced_text.h"
#include "lib/json/events.h"

namespace hashpost::sender {

class RepeatedKeys : public json::Events {
 public:
  struct Bounds {
    std::size_t keys = 131072;
    std::size_t key_bytes = 4U << 20U;
    std::size_t splices = 131072;
  };

  RepeatedKeys() : RepeatedKeys(Bounds()) {}
  explicit RepeatedKeys(const Bounds& bounds) : bounds_(bounds) {}

  void Null(std::uint64_t end) override { EndValue(end); }
  void Bool(bool, std::uint64_t end) override { EndValue(end); }
  void Number(std::string_view, std::uint64_t end) override { EndValue(end); }
  void String(std::string_view, std::uint64_t end) override { EndValue(end); }
  void StartObject(std::uint64_t end) override { Start(true, end); }
  void Key(std::string_view utf8, std::uint64_t end) override;
  void EndObject(std::uint64_t end) override { End(end); }
  void StartArray(std::uint64_t end) override { Start(false, end); }
  void EndArray(std::uint64_t end) override { End(end); }

  // After the whole text: the splices of it, sorted.
  [[nodiscard]] std::vector<Splice> TakeSplices();

  // How many members were left out, and whether a bound was met (so repeated keys may have stayed).
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  [[nodiscard]] bool met_bound() const { return met_bound_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct KnownKey {
    std::uint32_t hash;
    std::uint32_t text;            // where it begins in texts_
    std::uint32_t splice = kNone;  // that replaces its value
    std::uint64_t begin, end;      // of its first value, from behind the key
  };

  struct Container {
    bool watched;  // false for arrays, too
    std::size_t first_key;
    std::vector<std::uint32_t> index = {};  // hash table of keys, from first_key on, if they are many
    std::uint32_t member = kNone;           // the key, from first_key on, of the member that is read now
    bool repeats = false;                   // it had come before
    std::uint64_t member_begin = 0;         // position behind its key
    std::uint64_t last_end = 0;             // of the value before
    std::uint32_t removal = kNone;          // the last splice that left out a member
  };

  void Start(bool object, std::uint64_t end);
  void End(std::uint64_t end);
  void EndValue(std::uint64_t end);
  bool MakeRoom(std::size_t key_bytes);
  void GiveUp(std::size_t container);
  void Override(Container& container, std::uint64_t end);
  [[nodiscard]] std::size_t KeysOf(std::size_t container) const;
  [[nodiscard]] std::string_view TextOf(std::size_t key) const;
  [[nodiscard]] std::uint32_t Find(const Container& container, std::string_view utf8,
                                   std::uint32_t hash) const;
  void Index(Container& container, std::uint32_t key);

  const Bounds bounds_;
  std::vector<Container> open_;  // from the outermost on
  std::vector<KnownKey> keys_;   // of the open objects, from the outermost on
  std::string texts_;            // of keys_, one behind another
  std::vector<Splice> splices_;
  std::uint64_t left_out_ = 0;
  bool met_bound_ = false;
};

}  // namespace hashpost::sender
