#include "datapath/ipsec/secured_link.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "test/fakes/fake_xfrm.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::datapath::ipsec {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 6784;

/// One end of a connection with a kernel of its own.
struct Host {
  Host(test::VirtualScheduler& scheduler, std::shared_ptr<test::LogRecorder> const& log, std::uint64_t number)
      : name{number}, address{0x0a000000U + static_cast<std::uint32_t>(number)}, random{number}, logger{log} {
    kernel.next_spi = static_cast<std::uint32_t>(number << 16U);
    protection.emplace(Protection::Dependencies{
        .kernel = kernel, .scheduler = scheduler, .random = random, .logger = logger, .self = name});
    EXPECT_TRUE(protection->start({address}, kPort));
  }
  std::unique_ptr<SecuredLink> link_to(Host const& other) {
    static auto const key = std::make_shared<Secret const>(Bytes(32, 7));
    return std::make_unique<SecuredLink>(
        *protection,
        SecuredLink::Peer{.name = other.name,
                          .ends = {.local = address, .remote = other.address, .udp_port = kPort},
                          .session_key = key},
        logger,
        SecuredLink::Events{.send_offer = [this](Bytes offer) { offers.push_back(std::move(offer)); },
                            .ready = [this] { ++ready; },
                            .failed = [this](Error error) { errors.push_back(error.text()); }});
  }
  [[nodiscard]] std::optional<Policy> towards(Host const& other) const {
    return kernel.decision(Direction::out, address, other.address, kPort);
  }
  /// The key under which this host sends to the other now; none: nothing leaves.
  [[nodiscard]] std::optional<Bytes> sends_under(Host const& other) const {
    auto const policy = towards(other);
    if (policy->treatment != Treatment::encrypted) return std::nullopt;
    auto const found = kernel.keys.find({address, other.address, *policy->spi});
    return found == kernel.keys.end() ? std::nullopt : std::optional{found->second};
  }
  /// What it sends is decrypted by the other.
  [[nodiscard]] bool reaches(Host const& other) const {
    auto const key = sends_under(other);
    auto const policy = towards(other);
    if (!key) return false;
    auto const found = other.kernel.keys.find({address, other.address, *policy->spi});
    return found != other.kernel.keys.end() && found->second == *key;
  }
  void lose_associations() {
    kernel.keys.clear();
    protection->on_change();
  }

  PeerName name;
  Ipv4Address address;
  SeededRandom random;
  Logger logger;
  test::FakeXfrm kernel;
  std::optional<Protection> protection;
  std::vector<Bytes> offers;
  int ready = 0;
  std::vector<std::string> errors;
};

class SecuredLinkTest : public testing::Test {
 protected:
  /// Hands over what waits, as TCP would, until nothing does.
  void exchange() {
    for (int round = 0; round < 10 && (!a_.offers.empty() || !b_.offers.empty()); ++round) {
      for (auto const& offer : std::exchange(a_.offers, {})) b_link_->on_offer(offer);
      for (auto const& offer : std::exchange(b_.offers, {})) a_link_->on_offer(offer);
    }
    EXPECT_TRUE(a_.offers.empty() && b_.offers.empty()) << "offers without end";
  }
  void connect() {
    a_link_ = a_.link_to(b_);
    b_link_ = b_.link_to(a_);
    a_link_->start();
    b_link_->start();
    exchange();
  }

  test::VirtualScheduler scheduler_;
  std::shared_ptr<test::LogRecorder> log_ = std::make_shared<test::LogRecorder>();
  Host a_{scheduler_, log_, 1};
  Host b_{scheduler_, log_, 2};
  std::unique_ptr<SecuredLink> a_link_;
  std::unique_ptr<SecuredLink> b_link_;
};

TEST_F(SecuredLinkTest, NothingLeavesBeforeThePeersOffer) {
  a_link_ = a_.link_to(b_);
  a_link_->start();
  EXPECT_EQ(a_.offers.size(), 1U);
  EXPECT_EQ(a_.kernel.keys.size(), 1U);
  EXPECT_FALSE(a_link_->is_ready());
  EXPECT_EQ(a_.towards(b_)->treatment, Treatment::block);
}

TEST_F(SecuredLinkTest, BothEndsAgree) {
  connect();
  EXPECT_TRUE(a_.reaches(b_));
  EXPECT_TRUE(b_.reaches(a_));
  EXPECT_NE(a_.sends_under(b_), b_.sends_under(a_));
  EXPECT_EQ(a_.ready, 1);
  EXPECT_EQ(a_.kernel.keys.size(), 2U);
}

TEST_F(SecuredLinkTest, ItsEndTakesAllWithItAndBlocks) {
  connect();
  a_.kernel.calls.clear();
  a_link_.reset();
  EXPECT_TRUE(a_.kernel.keys.empty());
  EXPECT_EQ(a_.towards(b_)->treatment, Treatment::block);
  EXPECT_EQ(a_.kernel.calls.front(), "remove policy");
}

TEST_F(SecuredLinkTest, AReplacingConnectionTakesOverWithoutAGap) {
  connect();
  auto const old_a = std::move(a_link_);
  auto const old_b = std::move(b_link_);
  auto const before = a_.sends_under(b_);
  connect();
  EXPECT_NE(a_.sends_under(b_), before);
  EXPECT_TRUE(a_.reaches(b_));
}

TEST_F(SecuredLinkTest, TheEndOfAReplacedConnectionLeavesItsSuccessorAlone) {
  connect();
  auto old = std::move(a_link_);
  connect();
  old.reset();
  EXPECT_TRUE(a_.reaches(b_));
  EXPECT_TRUE(b_.reaches(a_));
}

TEST_F(SecuredLinkTest, LostAssociationsAreMadeAnewWithOtherKeys) {
  connect();
  auto const before = a_.sends_under(b_);
  a_.lose_associations();
  scheduler_.advance(0s);
  EXPECT_FALSE(a_link_->is_ready());
  EXPECT_EQ(a_.towards(b_)->treatment, Treatment::block);
  scheduler_.advance(SecuredLink::kRenewPause);
  exchange();
  EXPECT_TRUE(a_.reaches(b_));
  EXPECT_TRUE(b_.reaches(a_));
  EXPECT_NE(a_.sends_under(b_), before);
  EXPECT_EQ(a_.ready, 2);
}

TEST_F(SecuredLinkTest, BothLosingAtOnceHealsToo) {
  connect();
  a_.lose_associations();
  b_.lose_associations();
  scheduler_.advance(SecuredLink::kRenewPause);
  exchange();
  EXPECT_TRUE(a_.reaches(b_));
  EXPECT_TRUE(b_.reaches(a_));
}

TEST_F(SecuredLinkTest, OldAssociationsStayForWhatIsOnItsWay) {
  connect();
  a_.lose_associations();
  scheduler_.advance(SecuredLink::kRenewPause);
  exchange();
  EXPECT_EQ(b_.kernel.keys.size(), 3U);
  scheduler_.advance(SecuredLink::kOverlap);
  EXPECT_EQ(b_.kernel.keys.size(), 2U);
  EXPECT_TRUE(a_.reaches(b_));
  EXPECT_TRUE(b_.reaches(a_));
}

TEST_F(SecuredLinkTest, AnOriginalPeerThatNeverAnswersStaysBlocked) {
  connect();
  a_.lose_associations();
  scheduler_.advance(1min);
  // It makes a new association for us, and that is all.
  EXPECT_EQ(a_.offers.size(), 1U);
  EXPECT_EQ(a_.towards(b_)->treatment, Treatment::block);
}

TEST_F(SecuredLinkTest, AnOfferThatComesTwiceChangesNothing) {
  connect();
  a_link_ = a_.link_to(b_);
  b_link_ = b_.link_to(a_);
  a_link_->start();
  b_link_->start();
  auto const offer = b_.offers.front();
  exchange();
  a_.kernel.calls.clear();
  a_link_->on_offer(offer);
  EXPECT_TRUE(a_.kernel.calls.empty());
}

TEST_F(SecuredLinkTest, OffersWithoutEndDoNotFillTheKernel) {
  connect();
  for (std::uint32_t i = 1; i <= 100; ++i) {
    a_link_->on_offer(encode_offer({.nonce = {}, .spi = Spi{0x5000 + i}}));
    scheduler_.advance(1s);
  }
  EXPECT_LE(a_.kernel.keys.size(), 5U);
  scheduler_.advance(SecuredLink::kOverlap);
  EXPECT_EQ(a_.kernel.keys.size(), 2U);
  EXPECT_TRUE(a_.errors.empty());
}

TEST_F(SecuredLinkTest, ABadOfferIsItsEnd) {
  a_link_ = a_.link_to(b_);
  a_link_->start();
  a_link_->on_offer(Bytes(36));
  ASSERT_EQ(a_.errors.size(), 1U);
  EXPECT_EQ(a_.errors.front(), "bad offer of the peer to encrypt: invalid payload size: 36");
  EXPECT_EQ(a_.towards(b_)->treatment, Treatment::block);
}

TEST_F(SecuredLinkTest, AKernelThatRefusesIsItsEnd) {
  a_link_ = a_.link_to(b_);
  a_.kernel.refusal = Error{ErrorKind::system, "no memory"};
  a_link_->start();
  EXPECT_EQ(a_.errors, std::vector<std::string>{"no memory"});
  EXPECT_TRUE(a_.offers.empty());
}

} // namespace
} // namespace weave::datapath::ipsec
