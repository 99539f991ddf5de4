// Feeds arbitrary bytes to the reader of an upload's lines, in pieces, and reads of each line as much as the
// input says: its lines are those that lie between the line feeds, whatever was read of them and wherever the
// pieces end, and there is no line past a limit. Corpus: corpus/line_reader_fuzz.

#include <algorithm>
#include <string>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/line_reader.h"
#include "fcgi-worker/resources/message_json.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;

constexpr std::size_t kMaxMessageBytes = 8;

class Body final : public http::BodyReader {
 public:
  Body(std::string_view content, std::size_t piece, bool breaks_off)
      : rest_(content), piece_(piece), breaks_off_(breaks_off) {}
  [[nodiscard]] std::size_t Read(std::span<char> buffer) override {
    Require(!ended_);
    const std::size_t size = rest_.copy(buffer.data(), std::min(buffer.size(), piece_));
    rest_.remove_prefix(size);
    ended_ = size == 0;
    if (ended_ && breaks_off_) throw http::BodyIncomplete();
    return size;
  }
  [[nodiscard]] bool Ready(std::chrono::milliseconds) override {
    paused_ = !paused_ && rest_.size() % 3 == 0;
    return !paused_;
  }

 private:
  std::string_view rest_;
  const std::size_t piece_;
  const bool breaks_off_;
  bool ended_ = false;
  bool paused_ = false;
};

enum class End { kWhole, kBrokenOff, kTooLarge };

// The lines that `content` has: of the last one only what came, if the end did not.
std::vector<std::string_view> Split(std::string_view content) {
  std::vector<std::string_view> lines;
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    lines.push_back(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
  }
  return lines;
}

// Reads `most` bytes of each line, in `room` bytes at a time, and checks them.
End ReadLines(resources::LineReader& reader, const std::vector<std::string_view>& lines, std::size_t most,
              std::size_t room) {
  std::vector<char> buffer(room);
  std::size_t count = 0;
  try {
    while (reader.Next()) {
      Require(count < lines.size());
      const std::string_view line = lines[count++];
      Require(reader.number() == count);
      std::string taken;
      while (taken.size() < most) {
        const std::size_t got = reader.line().Read(buffer);
        if (got == 0) break;
        taken.append(buffer.data(), got);
      }
      Require(taken.size() >= most || taken == line);
      Require(line.starts_with(taken));
    }
  } catch (const resources::UploadEnds&) {
    return End::kTooLarge;
  } catch (const http::BodyIncomplete&) {
    return End::kBrokenOff;
  }
  Require(count == lines.size());
  return End::kWhole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view content = Text(data, size).substr(4);
  const std::size_t piece = 1 + data[0];
  const bool breaks_off = data[1] % 2 != 0;
  const std::uint64_t limit = data[1] / 2 * std::uint64_t{8};  // 0: any
  const std::size_t most = data[2];
  Body body(content, piece, breaks_off);
  memory::Budget budget(1U << 20U);
  std::size_t pauses = 0;
  resources::LineReader reader(body, budget, {kMaxMessageBytes, limit}, [&] { ++pauses; });
  const bool too_large = limit > 0 && content.size() > limit;
  const End end = ReadLines(reader, Split(too_large ? content.substr(0, limit) : content), most, 1 + data[3]);
  Require(end == (too_large ? End::kTooLarge : breaks_off ? End::kBrokenOff : End::kWhole));
  if (too_large) reader.PassOver({});
  return 0;
}
