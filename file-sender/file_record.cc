#include "file-sender/file_record.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "lib/io/big_endian.h"

namespace hashpost::sender {
namespace {

constexpr char kFormat = 1;
constexpr char kHasDelivered = 1;
constexpr std::size_t kFixedBytes = 3 + 2 * crypto::Sha256Digest::kSize + 8 * sizeof(std::uint64_t);

// Reads on from the front of bytes that are long enough.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t TakeByte() { return static_cast<std::uint8_t>(Take(1).front()); }

  std::uint64_t TakeNumber() { return io::FromBigEndian(Take(sizeof(std::uint64_t))); }

  crypto::Sha256Digest TakeDigest() {
    std::array<std::uint8_t, crypto::Sha256Digest::kSize> bytes{};
    std::copy_n(Take(bytes.size()).begin(), bytes.size(), bytes.begin());
    return crypto::Sha256Digest(bytes);
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view Take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace

bool FileRecord::IsSettled(const FileStamp& now, std::uint64_t settings_now) const {
  if (kind == RecordKind::kPending || stamp != now || !stamp.IsCertainAt(read_at)) return false;
  return kind == RecordKind::kDelivered || settings == settings_now;
}

bool FileRecord::AddsTo(const FileRecord& before) {
  const bool is_same_file = stamp == before.stamp && content == before.content;
  if (is_same_file && before.stamp.IsCertainAt(before.read_at)) {
    read_at = std::max(read_at, before.read_at);
  } else if (is_same_file && read_at > before.read_at + FileStamp::kCoarsest) {
    read_at = std::max(read_at, stamp.ctime + FileStamp::kCoarsest + 1);
  }
  if (stamp.IsCertainAt(read_at) != before.stamp.IsCertainAt(before.read_at)) return true;
  FileRecord otherwise = *this;
  otherwise.read_at = before.read_at;
  return otherwise != before;
}

std::string Encode(const FileRecord& record) {
  std::string bytes{kFormat, static_cast<char>(record.kind), record.delivered ? kHasDelivered : '\0'};
  bytes.append(record.delivered.value_or(crypto::Sha256Digest()).Bytes());
  bytes.append(record.content.Bytes());
  for (const std::uint64_t number :
       {record.stamp.size, record.stamp.mtime, record.stamp.ctime, record.stamp.inode, record.read_at,
        record.token_time, record.since, record.settings}) {
    bytes.append(io::ToBigEndian(number).data(), sizeof number);
  }
  return bytes.append(record.reason);
}

std::optional<FileRecord> Decode(std::string_view bytes) {
  if (bytes.size() < kFixedBytes) return std::nullopt;
  RecordReader reader(bytes);
  if (reader.TakeByte() != kFormat) return std::nullopt;
  FileRecord record;
  record.kind = static_cast<RecordKind>(reader.TakeByte());
  if (record.kind < RecordKind::kDelivered || record.kind > RecordKind::kPending) {
    return std::nullopt;
  }
  const bool has_delivered = reader.TakeByte() == kHasDelivered;
  const crypto::Sha256Digest delivered = reader.TakeDigest();
  if (has_delivered) record.delivered = delivered;
  record.content = reader.TakeDigest();
  for (std::uint64_t* number :
       {&record.stamp.size, &record.stamp.mtime, &record.stamp.ctime, &record.stamp.inode, &record.read_at,
        &record.token_time, &record.since, &record.settings}) {
    *number = reader.TakeNumber();
  }
  record.reason = reader.rest();
  return record;
}

}  // namespace hashpost::sender
