#include "datapath/tunnel/tunnel_switch.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "datapath/tunnel/tunnel_overlay.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/tunnel/vector_list.hpp"

namespace weave::datapath {
namespace {

using Control = std::pair<int, Bytes>;

/// A kind whose forwarder does what the test says.
class FakeKind final : public ForwarderKind {
 public:
  explicit FakeKind(std::string name) : name_{std::move(name)} {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] Result<std::unique_ptr<Forwarder>> prepare(TunnelPeer const&, ForwarderEvents given) override {
    if (broken) return failure(ErrorKind::unavailable, "no such port");
    events = std::move(given);
    alive = true;
    return std::make_unique<Fake>(*this);
  }

  [[nodiscard]] bool available() const override { return offered; }

  bool broken = false;
  bool offered = true;
  std::string explanation;
  std::optional<std::uint32_t> carried;
  std::uint32_t needed = 0;
  bool alive = false;
  bool confirmed = false;
  ForwarderEvents events;
  std::vector<Control> controls;

 private:
  class Fake final : public Forwarder {
   public:
    explicit Fake(FakeKind& kind) : kind_{kind} {}
    ~Fake() override { kind_.alive = false; }
    void confirm() override { kind_.confirmed = true; }
    void on_control(std::uint8_t sub_tag, ByteView payload) override {
      kind_.controls.emplace_back(sub_tag, Bytes(payload.begin(), payload.end()));
    }
    [[nodiscard]] std::map<std::string, std::string> attributes() const override { return {{"mtu", kind_.name_}}; }
    [[nodiscard]] std::string explanation() const override { return kind_.explanation; }
    [[nodiscard]] std::optional<std::uint32_t> carried_packet() const override { return kind_.carried; }
    [[nodiscard]] std::uint32_t needed_packet() const override { return kind_.needed; }

   private:
    FakeKind& kind_;
  };

  std::string name_;
};

class TunnelSwitchTest : public testing::Test {
 protected:
  /// An overlay with these kinds prepares a connection to a peer with that feature.
  void connect(std::vector<ForwarderKind*> kinds, std::optional<std::string> feature,
               std::optional<std::string> announced = {}) {
    TunnelOverlay const overlay{scheduler_, Logger{log_}, std::move(kinds)};
    TunnelConnectionParameters parameters;
    parameters.peer.remote = PeerName{2};
    parameters.peer.nickname = "host2";
    parameters.overlays = std::move(feature);
    parameters.announced = std::move(announced);
    parameters.on_best = [this](std::optional<std::string> const& name) { bests_.push_back(name.value_or("none")); };
    parameters.send_control = [this](std::uint8_t tag, Bytes body) { sent_.emplace_back(tag, std::move(body)); };
    parameters.on_established = [this] { ++established_; };
    parameters.on_error = [this](Error error) { errors_.push_back(error.text()); };
    auto made = overlay.prepare(std::move(parameters));
    if (made) {
      switch_ = std::move(*made);
    } else {
      refused_ = made.error().text();
    }
  }
  std::string in_use() const { return switch_->attributes().at("name"); }
  void control(Bytes const& body, std::uint8_t tag = kTagOverlayControl) { switch_->on_control(tag, body); }

  test::VirtualScheduler scheduler_;
  std::shared_ptr<test::LogRecorder> log_ = std::make_shared<test::LogRecorder>();
  FakeKind fastdp_{"fastdp"};
  FakeKind sleeve_{"sleeve"};
  std::unique_ptr<TunnelSwitch> switch_;
  std::vector<Control> sent_;
  std::vector<std::string> bests_;
  std::vector<std::string> errors_;
  std::string refused_;
  int established_ = 0;
};

std::vector<std::string> words(boost::json::value const& array) {
  std::vector<std::string> words;
  for (auto const& item : array.as_array()) words.emplace_back(item.as_string());
  return words;
}

TEST(OverlayVectors, Negotiation) {
  for (auto const* const vector : test::datapath_vectors("overlay-negotiation")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    std::vector<std::string> ours;
    auto const feature = test::text(*vector, "our_feature");
    for (std::size_t at = 0; at < feature.size();) {
      auto const end = std::min(feature.find(' ', at), feature.size());
      ours.push_back(feature.substr(at, end - at));
      at = end + 1;
    }
    EXPECT_EQ(common_overlays(ours, test::text(*vector, "their_feature")), words(vector->at("common")));

    // The same through the overlay, with the original's error text.
    if (vector->at("their_feature_present").as_bool()) {
      test::VirtualScheduler scheduler;
      std::vector<FakeKind> kinds;
      for (auto const& name : ours) kinds.emplace_back(name);
      std::vector<ForwarderKind*> pointers;
      for (auto& kind : kinds) pointers.push_back(&kind);
      TunnelOverlay const overlay{scheduler, {}, pointers};
      EXPECT_EQ(overlay.feature(), feature);
      TunnelConnectionParameters parameters;
      parameters.overlays = test::text(*vector, "their_feature");
      auto const made = overlay.prepare(std::move(parameters));
      EXPECT_EQ(made.has_value(), !vector->contains("original_error"));
      if (!made) {
        EXPECT_EQ(made.error().text(), test::text(*vector, "original_error"));
      }
    }
    test::passed(*vector);
  }
}

/// Mesh message (tag and body) as it leaves and enters a switch whose remote announced `feature`.
class ControlVectors : public TunnelSwitchTest {
 protected:
  void expect(Bytes const& message, FakeKind& kind, std::uint8_t sub_tag, Bytes const& payload) {
    kind.events.send_control(sub_tag, payload);
    EXPECT_TRUE(sent_.empty()); // never inside a method
    scheduler_.settle();
    ASSERT_EQ(sent_.size(), 1U);
    Bytes out{static_cast<std::uint8_t>(sent_[0].first)};
    out.insert(out.end(), sent_[0].second.begin(), sent_[0].second.end());
    EXPECT_EQ(to_hex(out), to_hex(message));
    switch_->on_control(message[0], ByteView{message}.subspan(1));
    ASSERT_EQ(kind.controls.size(), 1U);
    EXPECT_EQ(kind.controls[0], (Control{sub_tag, payload}));
    sent_.clear();
    kind.controls.clear();
  }
};

TEST_F(ControlVectors, OverlayMessages) {
  for (auto const* const vector : test::datapath_vectors("overlay-control-message")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    auto const message = test::hex_member(*vector, "hex");
    if (vector->contains("overlay")) {
      connect({&fastdp_, &sleeve_}, test::text(*vector, "peer_overlays_feature"));
      auto& kind = test::text(*vector, "overlay") == "fastdp" ? fastdp_ : sleeve_;
      expect(message, kind, static_cast<std::uint8_t>(test::number(*vector, "sub_tag")),
             test::hex_member(*vector, "payload_hex"));
    } else {
      connect({&fastdp_, &sleeve_}, std::nullopt);
      expect(message, sleeve_, message[0], Bytes(message.begin() + 1, message.end()));
      EXPECT_FALSE(fastdp_.alive);
    }
    test::passed(*vector);
  }
}

TEST_F(ControlVectors, CapturedOverlayMessages) {
  for (auto const* const vector : test::datapath_vectors("capture-overlay-control")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    auto const framed = test::hex_member(*vector, "hex");
    ASSERT_EQ(ByteReader{framed}.u32(), framed.size() - 4);
    auto const index = test::number(*vector, "sub_index");
    bool const both = test::text(*vector, "name").find("e1b") != std::string::npos;
    connect({&fastdp_, &sleeve_}, both ? "fastdp sleeve" : "sleeve");
    expect(Bytes(framed.begin() + 4, framed.end()), both && index == 0 ? fastdp_ : sleeve_,
           static_cast<std::uint8_t>(test::number(*vector, "sub_tag")), test::hex_member(*vector, "payload_hex"));
    test::passed(*vector);
  }
}

TEST_F(TunnelSwitchTest, WithAPeerThatHasMoreOurOnlyKindIsIndexZero) {
  connect({&sleeve_}, "fastdp sleeve");
  control({0, 1});
  EXPECT_EQ(sleeve_.controls, (std::vector<Control>{{1, {}}}));
}

TEST_F(TunnelSwitchTest, OldSleeveTagsAreParsedTheSameWay) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  control({1, 3, 5, 6}, 2);
  EXPECT_EQ(sleeve_.controls, (std::vector<Control>{{3, {5, 6}}}));
}

TEST_F(TunnelSwitchTest, MalformedControlIsDroppedWithOneLine) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  for (int i = 0; i < 100; ++i) {
    control({});
    control({0});
    control({2, 1});
    control({255, 255, 0});
  }
  EXPECT_EQ(log_->count("dropped a control message"), 1U);
  EXPECT_TRUE(fastdp_.controls.empty());
  EXPECT_TRUE(sleeve_.controls.empty());
}

TEST_F(TunnelSwitchTest, CompatPeersHaveNoOverlayMessages) {
  connect({&fastdp_, &sleeve_}, std::nullopt);
  control({0, 1});
  EXPECT_TRUE(sleeve_.controls.empty());
  control({}, 3);
  EXPECT_EQ(sleeve_.controls, (std::vector<Control>{{3, {}}}));
}

TEST_F(TunnelSwitchTest, AKernelPathSaysThatItDoesNotReachCompatPeers) {
  connect({&sleeve_}, std::nullopt);
  EXPECT_EQ(log_->count("too old for short ids"), 0U);
  connect({&fastdp_, &sleeve_}, "sleeve");
  EXPECT_EQ(log_->count("too old for short ids"), 0U);
  connect({&fastdp_, &sleeve_}, std::nullopt);
  EXPECT_EQ(log_->count("00:00:00:00:00:02(host2) is too old for short ids"), 1U);
}

TEST_F(TunnelSwitchTest, TheBestIsTheFirstEstablishedElseTheFirst) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  EXPECT_EQ(in_use(), "fastdp");
  sleeve_.events.established();
  scheduler_.settle();
  EXPECT_EQ(in_use(), "sleeve");
  fastdp_.events.established();
  scheduler_.settle();
  EXPECT_EQ(in_use(), "fastdp");
  EXPECT_EQ(established_, 1);
  EXPECT_EQ(switch_->attributes().at("mtu"), "fastdp");
  EXPECT_EQ(log_->count("using fastdp"), 2U);
}

TEST_F(TunnelSwitchTest, OnHoldGivesWayAndComesBack) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  fastdp_.events.established();
  fastdp_.events.health(false);
  scheduler_.settle();
  EXPECT_EQ(in_use(), "sleeve");
  fastdp_.events.health(true);
  scheduler_.settle();
  EXPECT_EQ(in_use(), "fastdp");
}

TEST_F(TunnelSwitchTest, TellsTheBestAtTheStartAndWhenItChanges) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  EXPECT_TRUE(bests_.empty()); // never inside a method
  scheduler_.settle();
  EXPECT_EQ(bests_, (std::vector<std::string>{"fastdp"}));
  sleeve_.events.established();
  scheduler_.settle();
  fastdp_.events.established();
  fastdp_.events.established();
  scheduler_.settle();
  fastdp_.events.health(false);
  fastdp_.events.health(false);
  scheduler_.settle();
  fastdp_.events.health(true);
  scheduler_.settle();
  sleeve_.events.health(false);
  fastdp_.events.failed(Error{ErrorKind::system, "broken"});
  scheduler_.settle();
  EXPECT_EQ(bests_, (std::vector<std::string>{"fastdp", "sleeve", "fastdp", "sleeve", "fastdp", "none"}));
  EXPECT_EQ(errors_.size(), 1U);
}

TEST_F(TunnelSwitchTest, AnUnhealthyFastOneThatWasNeverEstablishedGivesWay) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  fastdp_.events.health(false);
  scheduler_.settle();
  EXPECT_EQ(in_use(), "sleeve");
  sleeve_.events.established();
  scheduler_.settle();
  fastdp_.events.health(true);
  scheduler_.settle();
  EXPECT_EQ(in_use(), "sleeve"); // healthy, but not seen to work
  fastdp_.events.established();
  scheduler_.settle();
  EXPECT_EQ(in_use(), "fastdp");
}

TEST_F(TunnelSwitchTest, ExplainsWhyThePreferredOneIsNotUsed) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  EXPECT_EQ(switch_->explanation(), "");
  sleeve_.events.established();
  scheduler_.settle();
  EXPECT_EQ(switch_->explanation(), "fastdp: not established yet");
  fastdp_.explanation = "not answered since noon";
  EXPECT_EQ(switch_->explanation(), "fastdp: not answered since noon");
  ASSERT_EQ(switch_->states().size(), 2U);
  EXPECT_FALSE(switch_->states()[0].works);
  EXPECT_EQ(switch_->states()[0].problem, "not answered since noon");
  EXPECT_EQ(switch_->states()[1].name, "sleeve");
  EXPECT_TRUE(switch_->states()[1].works);
  EXPECT_EQ(switch_->states()[1].problem, "");
  fastdp_.events.established();
  scheduler_.settle();
  EXPECT_EQ(switch_->explanation(), "");
  fastdp_.events.failed(Error{ErrorKind::system, "broken"});
  scheduler_.settle();
  EXPECT_EQ(switch_->explanation(), "fastdp: broken");
  sleeve_.events.failed(Error{ErrorKind::timed_out, "silence"});
  scheduler_.settle();
  EXPECT_EQ(switch_->explanation(), "fastdp: broken; sleeve: silence");

  fastdp_.broken = true;
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  EXPECT_EQ(switch_->explanation(), "fastdp: no such port");
}

TEST_F(TunnelSwitchTest, ExplainsThatTheNetworkCarriesTooLittleForThePreferredOne) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  sleeve_.events.established();
  scheduler_.settle();
  fastdp_.explanation = "not answered";
  fastdp_.needed = 1426;
  EXPECT_EQ(switch_->explanation(), "fastdp: not answered") << "nobody has measured";
  sleeve_.carried = 1400;
  EXPECT_EQ(
      switch_->explanation(),
      "fastdp: not answered (the network carries packets of 1400 bytes to the peer, 1426 are needed: 26 too many)");
  sleeve_.carried = 1426;
  EXPECT_EQ(switch_->explanation(), "fastdp: not answered");
}

TEST_F(TunnelSwitchTest, AKindThatIsNotAvailableIsNotAnnounced) {
  TunnelOverlay const overlay{scheduler_, {}, {&fastdp_, &sleeve_}};
  EXPECT_EQ(overlay.feature(), "fastdp sleeve");
  fastdp_.offered = false;
  EXPECT_EQ(overlay.feature(), "sleeve");
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  control({0, 1});
  EXPECT_EQ(sleeve_.controls.size(), 1U);
}

TEST_F(TunnelSwitchTest, ItsNumberFollowsWhatWasAnnouncedOnThisConnection) {
  fastdp_.offered = false;
  fastdp_.broken = true;
  connect({&fastdp_, &sleeve_}, "fastdp sleeve", "fastdp sleeve"); // lost since
  control({1, 1});
  EXPECT_EQ(sleeve_.controls.size(), 1U);
  fastdp_.offered = true;
  fastdp_.broken = false;
  connect({&fastdp_, &sleeve_}, "fastdp sleeve", "sleeve"); // found since
  control({0, 1});
  EXPECT_EQ(sleeve_.controls.size(), 2U);
  EXPECT_FALSE(fastdp_.alive);
}

TEST_F(TunnelSwitchTest, AFailedForwarderIsGoneForTheConnection) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  fastdp_.events.failed(Error{ErrorKind::system, "broken"});
  scheduler_.settle();
  EXPECT_FALSE(fastdp_.alive);
  EXPECT_EQ(in_use(), "sleeve");
  control({0, 0});
  EXPECT_TRUE(fastdp_.controls.empty());
  EXPECT_TRUE(errors_.empty());
  sleeve_.events.failed(Error{ErrorKind::timed_out, "silence"});
  scheduler_.settle();
  EXPECT_EQ(errors_, std::vector<std::string>{"no working forwarders to 00:00:00:00:00:02(host2)"});
  EXPECT_EQ(in_use(), "none");
}

TEST_F(TunnelSwitchTest, AKindThatCannotBePreparedKeepsItsIndex) {
  fastdp_.broken = true;
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  EXPECT_EQ(in_use(), "sleeve");
  control({0, 0});
  control({1, 1});
  EXPECT_EQ(sleeve_.controls, (std::vector<Control>{{1, {}}}));
  EXPECT_EQ(log_->count("fastdp cannot be used: no such port"), 1U);
}

TEST_F(TunnelSwitchTest, NothingUsableRefusesTheConnection) {
  sleeve_.broken = true;
  connect({&sleeve_}, "fastdp sleeve");
  EXPECT_EQ(refused_, "no working forwarders to 00:00:00:00:00:02(host2): no such port");
}

TEST_F(TunnelSwitchTest, ConfirmsAllAndStopsAll) {
  connect({&fastdp_, &sleeve_}, "fastdp sleeve");
  switch_->confirm();
  EXPECT_TRUE(fastdp_.confirmed && sleeve_.confirmed);
  sleeve_.events.established();
  sleeve_.events.send_control(1, {});
  switch_.reset();
  scheduler_.settle();
  EXPECT_FALSE(fastdp_.alive || sleeve_.alive);
  EXPECT_EQ(established_, 0);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(TunnelSwitchTest, CallbacksMayDestroyTheSwitch) {
  for (bool const fail : {true, false}) {
    TunnelConnectionParameters parameters;
    parameters.overlays = "sleeve";
    std::string const note(100, 'x'); // too long to live inside the callback object
    std::size_t seen = 0;
    parameters.on_established = [this, note, &seen] {
      switch_.reset();
      seen = note.size();
    };
    parameters.on_error = [this, note, &seen](Error const&) {
      switch_.reset();
      seen = note.size();
    };
    switch_ = *TunnelSwitch::create(scheduler_, {}, {&sleeve_}, std::move(parameters));
    if (fail) {
      sleeve_.events.failed(Error{ErrorKind::system, "x"});
    } else {
      sleeve_.events.established();
    }
    scheduler_.settle();
    EXPECT_EQ(seen, 100U);
  }
}

} // namespace
} // namespace weave::datapath
