#include "file-sender/repeated_keys.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace hashpost::sender {
namespace {

constexpr std::size_t kFewKeys = 16;  // so few are compared one by one

}  // namespace

void RepeatedKeys::Start(bool object, std::uint64_t end) {
  open_.push_back({.watched = object, .first_key = keys_.size(), .last_end = end});
}

void RepeatedKeys::End(std::uint64_t end) {
  const std::size_t first = open_.back().first_key;
  if (first < keys_.size()) {
    texts_.resize(keys_[first].text);
    keys_.resize(first);
  }
  open_.pop_back();
  EndValue(end);
}

void RepeatedKeys::Key(std::string_view utf8, std::uint64_t end) {
  open_.back().member = kNone;
  open_.back().member_begin = end;
  if (!open_.back().watched) return;
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>()(utf8));
  const std::uint32_t known = Find(open_.back(), utf8, hash);
  open_.back().repeats = known != kNone;
  if (known != kNone) {
    open_.back().member = known;
    return;
  }
  if (!MakeRoom(utf8.size())) return;
  Container& object = open_.back();
  object.member = static_cast<std::uint32_t>(keys_.size() - object.first_key);
  keys_.push_back(
      {.hash = hash, .text = static_cast<std::uint32_t>(texts_.size()), .begin = end, .end = end});
  texts_ += utf8;
  if (object.member >= kFewKeys) Index(object, object.member);
}

void RepeatedKeys::EndValue(std::uint64_t end) {
  if (open_.empty()) return;
  Container& container = open_.back();
  if (container.member != kNone) {
    if (container.repeats) {
      Override(container, end);
    } else {
      keys_[container.first_key + container.member].end = end;
    }
    container.member = kNone;
  }
  container.last_end = end;
}

// The member that ends at `end` takes the place of the one that had its key first, and is left out itself.
void RepeatedKeys::Override(Container& container, std::uint64_t end) {
  KnownKey& key = keys_[container.first_key + container.member];
  const bool goes_on = container.removal != kNone && splices_[container.removal].resume == container.last_end;
  const std::size_t needed = (key.splice == kNone ? 1 : 0) + (goes_on ? 0 : 1);
  if (splices_.size() + needed > bounds_.splices) {
    met_bound_ = true;
    return;
  }
  if (key.splice == kNone) {
    key.splice = static_cast<std::uint32_t>(splices_.size());
    splices_.push_back({.at = key.begin, .resume = key.end});
  }
  splices_[key.splice].insert_begin = container.member_begin;
  splices_[key.splice].insert_end = end;
  if (goes_on) {
    splices_[container.removal].resume = end;
  } else {
    container.removal = static_cast<std::uint32_t>(splices_.size());
    splices_.push_back({.at = container.last_end, .resume = end});
  }
  ++left_out_;
}

// Returns whether the innermost object is still watched then.
bool RepeatedKeys::MakeRoom(std::size_t key_bytes) {
  while (open_.back().watched &&
         (keys_.size() == bounds_.keys || texts_.size() + key_bytes > bounds_.key_bytes)) {
    met_bound_ = true;
    std::size_t largest = open_.size() - 1;
    for (std::size_t i = 0; i < open_.size(); ++i) {
      if (KeysOf(i) > KeysOf(largest)) largest = i;
    }
    GiveUp(largest);
  }
  return open_.back().watched;
}

void RepeatedKeys::GiveUp(std::size_t container) {
  Container& object = open_[container];
  const std::size_t count = KeysOf(container);
  const std::size_t last = object.first_key + count;
  if (count > 0) {
    const std::uint32_t text = keys_[object.first_key].text;
    const std::uint32_t text_end =
        last < keys_.size() ? keys_[last].text : static_cast<std::uint32_t>(texts_.size());
    texts_.erase(text, text_end - text);
    for (std::size_t i = last; i < keys_.size(); ++i) keys_[i].text -= text_end - text;
    const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(object.first_key);
    keys_.erase(first, first + static_cast<std::ptrdiff_t>(count));
  }
  for (std::size_t i = container + 1; i < open_.size(); ++i) open_[i].first_key -= count;
  object.watched = false;
  object.member = kNone;
  object.index = {};
}

std::size_t RepeatedKeys::KeysOf(std::size_t container) const {
  const std::size_t end = container + 1 < open_.size() ? open_[container + 1].first_key : keys_.size();
  return end - open_[container].first_key;
}

std::string_view RepeatedKeys::TextOf(std::size_t key) const {
  const std::size_t end = key + 1 < keys_.size() ? keys_[key + 1].text : texts_.size();
  return std::string_view(texts_).substr(keys_[key].text, end - keys_[key].text);
}

// The innermost object's key `utf8`, from its first key on.
std::uint32_t RepeatedKeys::Find(const Container& container, std::string_view utf8,
                                 std::uint32_t hash) const {
  const std::size_t first = container.first_key;
  const auto is_it = [&](std::size_t key) {
    return keys_[first + key].hash == hash && TextOf(first + key) == utf8;
  };
  const std::size_t count = keys_.size() - first;
  for (std::size_t key = 0; key < std::min(count, kFewKeys); ++key) {
    if (is_it(key)) return static_cast<std::uint32_t>(key);
  }
  if (container.index.empty()) return kNone;
  const std::size_t mask = container.index.size() - 1;
  for (std::size_t slot = hash & mask; container.index[slot] != kNone; slot = (slot + 1) & mask) {
    if (is_it(container.index[slot])) return container.index[slot];
  }
  return kNone;
}

// The table has those behind the first kFewKeys, and at least half of it is free.
void RepeatedKeys::Index(Container& container, std::uint32_t key) {
  const auto insert = [&](std::uint32_t number) {
    const std::size_t mask = container.index.size() - 1;
    std::size_t slot = keys_[container.first_key + number].hash & mask;
    while (container.index[slot] != kNone) slot = (slot + 1) & mask;
    container.index[slot] = number;
  };
  const std::size_t count = key + 1 - kFewKeys;
  if (2 * count > container.index.size()) {
    container.index.assign(std::max<std::size_t>(2 * container.index.size(), 64), kNone);
    for (auto number = static_cast<std::uint32_t>(kFewKeys); number < key; ++number) insert(number);
  }
  insert(key);
}

std::vector<Splice> RepeatedKeys::TakeSplices() {
  std::ranges::sort(splices_, {}, &Splice::at);
  return std::exchange(splices_, {});
}

}  // namespace hashpost::sender
