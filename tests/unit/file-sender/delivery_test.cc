#include "file-sender/delivery.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "lib/fernet/open.h"
#include "lib/io/byte_stream.h"
#include "tests/unit/lib/fernet/open_file.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::sender {
namespace {

using Kind = DeliveryKind;

class Text final : public io::ByteSink {
 public:
  void Write(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

class DeliveryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DeliveryTest);
  CPPUNIT_TEST(SendsTheSealedXmlAndRemembersIt);
  CPPUNIT_TEST(RemembersNothingBeforeTheReceiverHasIt);
  CPPUNIT_TEST(WithdrawsWhatWasDeliveredBeforeItSendsAnother);
  CPPUNIT_TEST(SealsWithATimeThatNeverGoesBack);
  CPPUNIT_TEST(SealsOneTokenOfANameASecondAndNeverDatesOneAhead);
  CPPUNIT_TEST(SealsByTheClockAgainAfterTheReceiverRefusedATime);
  CPPUNIT_TEST(ForgetsTheTimeOfATokenThatTheReceiverRefused);
  CPPUNIT_TEST(AsksAgainWhenTheFileChangesMeanwhile);
  CPPUNIT_TEST(SetsAsideWithAReason);
  CPPUNIT_TEST(LeavesAFileAtAStopDuringTheConversion);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    config_.input_dir = folder_.path();
    config_.status_db_path = folder_.path() + "/state";
    std::filesystem::create_directory(config_.status_db_path);
    state_ = std::make_unique<State>(config_.status_db_path);
  }
  void tearDown() override { state_.reset(); }

  void SendsTheSealedXmlAndRemembersIt() {
    Write("a.json", "[1]");
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kDelivered);
    CPPUNIT_ASSERT_EQUAL(std::string("a"), target_);
    CPPUNIT_ASSERT_EQUAL(
        std::string("<?xml version=\"1.0\" ?>\n<all>\n\t<item type=\"int\">1</item>\n</all>\n"), xml_);
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kKnown);
    CPPUNIT_ASSERT_EQUAL(1, uploads_);
    CPPUNIT_ASSERT(state_->Get("a.json")->delivered == crypto::HashSha256("[1]"));
    Write("big.json", '"' + std::string(1'000'000, 'x') + '"');
    CPPUNIT_ASSERT(Deliver("big.json").kind == Kind::kDelivered);
  }

  void RemembersNothingBeforeTheReceiverHasIt() {
    Write("a.json", "[1]");
    answer_ = {UploadKind::kUnreachable, "away"};
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kUnreachable);
    CPPUNIT_ASSERT(!state_->Get("a.json"));
    answer_ = {UploadKind::kFailed, "status 503: full", std::chrono::seconds(9)};
    const DeliveryOutcome outcome = Deliver("a.json");
    CPPUNIT_ASSERT(outcome.kind == Kind::kFailed && outcome.wait_at_least == std::chrono::seconds(9));
    const auto record = state_->Get("a.json");
    CPPUNIT_ASSERT(record->kind == RecordKind::kPending && !record->delivered);
    CPPUNIT_ASSERT_EQUAL(std::string("status 503: full"), record->reason);
  }

  void WithdrawsWhatWasDeliveredBeforeItSendsAnother() {
    Write("a.json", "[1]");
    (void)Deliver("a.json");
    Write("a.json", "[2]");
    on_upload_ = [&] { CPPUNIT_ASSERT(!state_->Get("a.json")->delivered); };
    answer_ = {UploadKind::kFailed, "the connection broke"};
    (void)Deliver("a.json");
    Write("a.json", "[1]");
    answer_ = {UploadKind::kAccepted, ""};
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kDelivered);
    CPPUNIT_ASSERT_EQUAL(3, uploads_);
  }

  void SealsWithATimeThatNeverGoesBack() {
    constexpr std::uint64_t kFuture = 9'000'000'000;
    FileRecord record;
    record.token_time = kFuture;
    state_->Put("a.json", record);
    Write("a.json", "[1]");
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kDelivered);
    CPPUNIT_ASSERT_EQUAL(kFuture + 1, token_time_);
    CPPUNIT_ASSERT_EQUAL(kFuture + 1, state_->Get("a.json")->token_time);
  }

  // Once each token was dated one second after the last: in the future, for a file that changes often.
  void SealsOneTokenOfANameASecondAndNeverDatesOneAhead() {
    clock_ = Now;
    std::uint64_t last = 0;
    for (int value = 0; value < 3; ++value) {
      Write("a.json", "[" + std::to_string(value) + "]");
      DeliveryOutcome outcome = Deliver("a.json");
      while (outcome.kind == Kind::kTooSoon) {
        CPPUNIT_ASSERT(outcome.wait_at_least.count() > 0 && outcome.wait_at_least.count() <= 1000);
        std::this_thread::sleep_for(outcome.wait_at_least);
        outcome = Deliver("a.json");
      }
      CPPUNIT_ASSERT(outcome.kind == Kind::kDelivered);
      CPPUNIT_ASSERT(token_time_ > last && token_time_ <= Now() / kNanosecondsPerSecond);
      last = token_time_;
    }
  }

  void SealsByTheClockAgainAfterTheReceiverRefusedATime() {
    FileRecord record;
    record.token_time = kTestTime + 3600;  // of a clock that was put back since
    state_->Put("a.json", record);
    Write("a.json", "[1]");
    answer_ = {UploadKind::kStale, "status 400: too far ahead."};
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kFailed);
    CPPUNIT_ASSERT_EQUAL(kTestTime + 3601, token_time_);
    CPPUNIT_ASSERT(state_->Get("a.json")->kind == RecordKind::kPending);
    answer_ = {UploadKind::kAccepted, ""};
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kDelivered);
    CPPUNIT_ASSERT(token_time_ >= kTestTime && token_time_ < kTestTime + 100);
  }

  void ForgetsTheTimeOfATokenThatTheReceiverRefused() {
    Write("a.json", "[1]");
    answer_ = {UploadKind::kRefused, "status 400: no key fits."};
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kQuarantined);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, state_->Get("a.json")->token_time);
  }

  void AsksAgainWhenTheFileChangesMeanwhile() {
    // The same size, and so soon that the stamp may be the same, too.
    Write("a.json", "[1]");
    const auto opened = InputFile::Open(folder_.path() + "/a.json");
    const auto& input = std::get<InputFile>(opened);
    CPPUNIT_ASSERT(input.IsUnchanged());
    Write("a.json", "[2]");
    CPPUNIT_ASSERT(!input.IsUnchanged());
  }

  void SetsAsideWithAReason() {
    Write("bad.json", "[1");
    std::filesystem::create_directory(folder_.path() + "/folder.json");
    std::filesystem::create_symlink("nowhere", folder_.path() + "/link.json");
    Write("tab\t.json", "[1]");
    for (const char* name : {"bad.json", "folder.json", "link.json", "tab\t.json"}) {
      CPPUNIT_ASSERT_MESSAGE(name, Deliver(name).kind == Kind::kQuarantined);
      CPPUNIT_ASSERT_MESSAGE(name, state_->Get(name)->kind == RecordKind::kQuarantined);
      CPPUNIT_ASSERT_MESSAGE(name, !state_->Get(name)->reason.empty());
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, state_->Get(name)->token_time);  // nothing was sent
    }
    CPPUNIT_ASSERT(Deliver("gone.json").kind == Kind::kGone);
    CPPUNIT_ASSERT_EQUAL(0, uploads_);
  }

  void LeavesAFileAtAStopDuringTheConversion() {
    Write("a.json", "[1]");
    clock_ = [this] {  // asked when the file was read and before it is converted
      stop_.request_stop();
      return kTestTime * kNanosecondsPerSecond;
    };
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kStopped);
    CPPUNIT_ASSERT(Deliver("a.json").kind == Kind::kStopped);  // while it is read
    CPPUNIT_ASSERT_EQUAL(0, uploads_);
    CPPUNIT_ASSERT(!state_->Get("a.json"));
  }

 private:
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() + "/" + name) << text;
  }

  DeliveryOutcome Deliver(const std::string& name) {
    Delivery delivery(
        config_, key_, *state_, unrecorded_,
        [this](const std::string& target, int fd, std::uint64_t size,
               const std::function<void()>& before_last_byte) {
          Text opened;
          token_time_ = fernet::OpenFile(fd, fernet::Keys(key_), std::nullopt, opened).Time();
          CPPUNIT_ASSERT_EQUAL(fernet::TokenBytes(opened.text.size()), size);
          target_ = target;
          xml_ = opened.text;
          ++uploads_;
          CPPUNIT_ASSERT(unrecorded_.IsTaken() == (size <= 512U * 1024U));
          before_last_byte();
          before_last_byte();
          CPPUNIT_ASSERT(unrecorded_.IsTaken());
          on_upload_();
          return answer_;
        },
        stop_.get_token(), clock_);
    const DeliveryOutcome outcome = delivery.Deliver(name);
    CPPUNIT_ASSERT(!unrecorded_.IsTaken());
    return outcome;
  }

  static constexpr std::uint64_t kTestTime = 5'000'000'000;  // seconds; no file was ever read then

  TempFolder folder_;
  std::stop_source stop_;
  std::uint64_t seconds_ = 0;  // a second goes by each time that somebody looks
  std::function<std::uint64_t()> clock_ = [this] { return (kTestTime + seconds_++) * kNanosecondsPerSecond; };
  Config config_{};
  const fernet::Key key_ = fernet::Key::Generate();
  std::unique_ptr<State> state_;
  Turn unrecorded_;
  UploadResult answer_{UploadKind::kAccepted, "saved"};
  std::function<void()> on_upload_ = [] {};
  int uploads_ = 0;
  std::string target_;
  std::string xml_;
  std::uint64_t token_time_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DeliveryTest);

}  // namespace
}  // namespace hashpost::sender
