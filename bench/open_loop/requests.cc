#include "bench/open_loop/requests.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace hashpost::bench {
namespace {

constexpr std::size_t kDigits = 10;

std::string Setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') throw std::runtime_error(std::string(name) + " is not set.");
  return value;
}

}  // namespace

Requests::Requests() {
  std::istringstream statuses(Setting("BENCH_EXPECTED"));
  for (int status = 0; statuses >> status;) expected_.insert(status);
  const std::string load = Setting("BENCH_LOAD");
  const std::string host = "Host: localhost:" + Setting("BENCH_PORT") + "\r\n";
  if (load == "post-new") {
    const std::string begin = R"({"message":")" + Setting("BENCH_SEED") + "-";
    const std::size_t size = std::stoull(Setting("BENCH_SIZE"));
    const std::size_t fixed = Setting("BENCH_SEED").size() + 1 + kDigits;
    if (size < fixed) throw std::runtime_error("BENCH_SIZE is too small for BENCH_SEED.");
    post_head_ = "POST " + Setting("BENCH_POST_PATH") + " HTTP/1.1\r\n" + host +
                 "Content-Type: application/json\r\nContent-Length: " + std::to_string(size + 14) +
                 "\r\n\r\n" + begin + std::string(size - fixed, '0');
    return;
  }
  if (load != "get") throw std::runtime_error("The open loop knows get and post-new, not " + load + ".");
  const std::string path = Setting("BENCH_GET_PATH");
  const std::size_t at = path.find("{digest}");
  std::ifstream digests(Setting("BENCH_DIGESTS"));
  for (std::string digest; std::getline(digests, digest);) {
    std::string own = path;
    if (at != std::string::npos) own.replace(at, std::string("{digest}").size(), digest);
    own.insert(0, "GET ").append(" HTTP/1.1\r\n").append(host).append("\r\n");
    reads_.push_back(std::move(own));
  }
  if (reads_.empty()) throw std::runtime_error("BENCH_DIGESTS names no digest.");
}

const std::string& Requests::Next(std::size_t slot) {
  const std::uint64_t index = count_++;
  if (post_head_.empty()) return reads_[index % reads_.size()];
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  std::array<char, kDigits + 11> digits;
  std::snprintf(digits.data(), digits.size(), "%010llu\"}", static_cast<unsigned long long>(index));
  slots_[slot] = post_head_ + digits.data();
  return slots_[slot];
}

}  // namespace hashpost::bench
