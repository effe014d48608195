// The programs, one frame at a time: rows of data, every truncation of them, and random frames
// against the model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bpf/bench_programs.h"
#include "tests/bpf/frames.h"
#include "tests/bpf/rows.h"

namespace sluice::packet {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

constexpr size_t kLeastBytes = 14;  // an Ethernet header

using Counts = std::array<uint64_t, VERDICT_COUNT>;

std::vector<Row> AllRows() {
  std::vector<Row> rows = ArpRows();
  for (Row& row : NdpRows()) rows.push_back(std::move(row));
  return rows;
}

Counts CountsOf(std::optional<verdict_reason> reason) {
  Counts counts{};
  if (reason.has_value()) counts[*reason] = 1;
  return counts;
}

class VerdictTest : public testing::TestWithParam<Run> {
 protected:
  void Load(BenchPrograms::Rates rates) {
    programs_ = BenchPrograms::Load(rates, world_);
    if (programs_ == nullptr) GTEST_SKIP() << "needs CAP_BPF and CAP_NET_ADMIN";
  }

  const World world_ = ModelWorld();
  std::unique_ptr<BenchPrograms> programs_;
};

class IngressTest : public VerdictTest {};

INSTANTIATE_TEST_SUITE_P(Hooks, IngressTest, testing::Values(Run::kXdp, Run::kIngress),
                         [](const auto& hook) { return hook.param == Run::kXdp ? "Xdp" : "Tcx"; });

TEST_P(IngressTest, JudgesEveryRow) {
  Load(BenchPrograms::Rates::kUnbounded);
  if (IsSkipped()) return;
  for (const Row& row : AllRows()) {
    const Outcome expected = {row.fate, row.out.value_or(row.in)};
    EXPECT_EQ(expected, programs_->Send(GetParam(), row.in)) << row.description;
    EXPECT_EQ(CountsOf(row.reason), programs_->TakeCounts()) << row.description;
    EXPECT_EQ(expected, PredictIngress(world_, row.in).outcome) << "model: " << row.description;
  }
}

TEST_P(IngressTest, JudgesEveryTruncation) {
  Load(BenchPrograms::Rates::kUnbounded);
  if (IsSkipped()) return;
  for (const Row& row : AllRows()) {
    for (size_t size = kLeastBytes; size < row.in.size(); ++size) {
      const Frame cut(row.in.begin(), row.in.begin() + static_cast<ptrdiff_t>(size));
      if (!BenchPrograms::Takes(GetParam(), cut)) continue;
      const Prediction expected = PredictIngress(world_, cut);
      EXPECT_EQ(expected.outcome, programs_->Send(GetParam(), cut)) << row.description << size;
      EXPECT_EQ(CountsOf(expected.reason), programs_->TakeCounts()) << row.description << size;
    }
  }
}

TEST_P(IngressTest, IsSilentAfterTheDeadline) {
  Load(BenchPrograms::Rates::kUnbounded);
  if (IsSkipped()) return;
  programs_->RenewDeadline(0);
  for (const Frame& frame : {ArpFrame({}), NdpFrame({})}) {
    EXPECT_EQ((Outcome{Fate::kDrop, frame}), programs_->Send(GetParam(), frame));
    EXPECT_EQ(CountsOf(VERDICT_EXPIRED), programs_->TakeCounts());
  }
}

TEST_P(IngressTest, BoundsOneRequester) {
  Load(BenchPrograms::Rates::kShipped);
  if (IsSkipped()) return;
  constexpr int kRequests = 3000;
  const absl::Time begin = absl::Now();
  for (int i = 0; i < kRequests; ++i) programs_->Send(GetParam(), ArpFrame({}));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  const Counts counts = programs_->TakeCounts();
  EXPECT_EQ(kRequests,
            static_cast<int>(counts[VERDICT_ARP_ANSWERED] + counts[VERDICT_RATE_LIMITED]));
  // A bucket of 100 for each CPU that the test ran on, and 900 a second.
  const auto bound = static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_CONF) * (101 + 900 * seconds));
  EXPECT_THAT(counts[VERDICT_ARP_ANSWERED], AllOf(Ge(100u), Le(bound)));
  EXPECT_EQ(Fate::kReply,
            programs_->Send(GetParam(), ArpFrame({.from = "02:00:00:00:77:01"})).fate);
}

// Frames that are nearly right: a row with a few fields changed, its checksum mended half the time.
class NearlySound {
 public:
  explicit NearlySound(unsigned seed) : random_(seed) {}

  Frame Next() {
    Frame frame = seeds_[Below(seeds_.size())].in;
    for (size_t changes = Below(4); changes > 0; --changes) Change(frame);
    if (Below(2) == 0) MendChecksum(frame);
    if (Below(8) == 0) frame.resize(std::max<size_t>(kLeastBytes, Below(frame.size() + 20)));
    return frame;
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  void Change(Frame& frame) {
    constexpr uint8_t kTelling[] = {0,  1,   2,   6,   8,   24,  32,  40,
                                    58, 135, 136, 200, 201, 202, 254, 255};
    uint8_t& byte = frame[Below(frame.size())];
    if (Below(2) == 0) {
      byte = kTelling[Below(std::size(kTelling))];
    } else {
      byte ^= uint8_t{1} << Below(8);
    }
  }

  static void MendChecksum(Frame& frame) {
    const size_t length = frame.size() < 78 ? 0 : frame[18] << 8 | frame[19];
    if (length < 4 || frame.size() < 54 + length) return;
    frame[56] = frame[57] = 0;
    uint32_t sum = static_cast<uint32_t>(length) + 58;
    for (size_t at = 22; at + 1 < 54 + length; at += 2) sum += frame[at] << 8 | frame[at + 1];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    frame[56] = static_cast<uint8_t>(~sum >> 8);
    frame[57] = static_cast<uint8_t>(~sum);
  }

  const std::vector<Row> seeds_ = AllRows();
  std::mt19937 random_;
};

TEST_P(IngressTest, AgreesWithTheModelOnRandomFrames) {
  Load(BenchPrograms::Rates::kUnbounded);
  if (IsSkipped()) return;
  constexpr int kFrames = 100'000;
  NearlySound frames(20'26);
  Counts expected_counts{};
  for (int i = 0; i < kFrames; ++i) {
    const Frame frame = frames.Next();
    if (!BenchPrograms::Takes(GetParam(), frame)) continue;
    const Prediction expected = PredictIngress(world_, frame);
    if (expected.reason.has_value()) ++expected_counts[*expected.reason];
    ASSERT_EQ(expected.outcome, programs_->Send(GetParam(), frame)) << i << ": " << Hex(frame);
  }
  EXPECT_EQ(expected_counts, programs_->TakeCounts());
  for (const verdict_reason reason :
       {VERDICT_ARP_ANSWERED, VERDICT_NDP_ANSWERED, VERDICT_BAD_CHECKSUM, VERDICT_MALFORMED}) {
    EXPECT_GT(expected_counts[reason], 1000u) << "the frames no longer get that far";
  }
}

class EgressTest : public VerdictTest {};

TEST_F(EgressTest, MendsWhatTheKernelSaysInAVipsName) {
  Load(BenchPrograms::Rates::kUnbounded);
  if (IsSkipped()) return;
  const auto ours = [](ArpFields fields) {
    fields.from = fields.sender_mac = "02:00:00:00:00:0a";
    return ArpFrame(fields);
  };
  const NdpFields solicitation = {
      .source = "2001:db8::200", .destination = "ff02::1:ff00:7", .target = "2001:db8::7"};
  NdpFields announcement = solicitation;
  announcement.type = 136;
  const Row rows[] = {
      {"request in an owned VIP's name",
       ours({.sender = "192.168.0.200", .target = "192.168.0.99"}), Fate::kPass,
       VERDICT_SENDER_REWRITTEN, ours({.sender = "192.168.0.10", .target = "192.168.0.99"})},
      {"request in another's VIP's name",
       ours({.sender = "192.168.0.201", .target = "192.168.0.99"}), Fate::kPass,
       VERDICT_SENDER_REWRITTEN, ours({.sender = "192.168.0.10", .target = "192.168.0.99"})},
      {"request in the node's name", ours({.sender = "192.168.0.10", .target = "192.168.0.99"}),
       Fate::kPass, std::nullopt},
      {"gratuitous request", ours({.sender = "192.168.0.200", .target = "192.168.0.200"}),
       Fate::kPass, std::nullopt},
      {"answer", ours({.operation = 2, .sender = "192.168.0.200", .target = "192.168.0.99"}),
       Fate::kPass, std::nullopt},
      {"solicitation in a VIP's name", NdpFrame(solicitation), Fate::kDrop, VERDICT_SENDER_DROPPED},
      {"solicitation in the node's name", NdpFrame({.source = "2001:db8::10"}), Fate::kPass,
       std::nullopt},
      {"advertisement of a VIP", NdpFrame(announcement), Fate::kPass, std::nullopt},
  };
  for (const Row& row : rows) {
    const Outcome expected = {row.fate, row.out.value_or(row.in)};
    EXPECT_EQ(expected, programs_->Send(Run::kEgress, row.in)) << row.description;
    EXPECT_EQ(CountsOf(row.reason), programs_->TakeCounts()) << row.description;
    for (size_t size = kLeastBytes; size < row.in.size(); ++size) {
      const Frame cut(row.in.begin(), row.in.begin() + static_cast<ptrdiff_t>(size));
      if (!BenchPrograms::Takes(Run::kEgress, cut)) continue;
      EXPECT_EQ(PredictEgress(world_, cut).outcome, programs_->Send(Run::kEgress, cut))
          << row.description << size;
    }
    programs_->TakeCounts();
  }
}

TEST_F(EgressTest, AgreesWithTheModelOnRandomFrames) {
  Load(BenchPrograms::Rates::kUnbounded);
  if (IsSkipped()) return;
  constexpr int kFrames = 50'000;
  NearlySound frames(7);
  for (int i = 0; i < kFrames; ++i) {
    const Frame frame = frames.Next();
    if (!BenchPrograms::Takes(Run::kEgress, frame)) continue;
    ASSERT_EQ(PredictEgress(world_, frame).outcome, programs_->Send(Run::kEgress, frame))
        << i << ": " << Hex(frame);
  }
}

}  // namespace
}  // namespace sluice::packet
