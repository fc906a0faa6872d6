#include "datapath/tunnel/path_mtu.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "datapath/tunnel/sleeve_special.hpp"

namespace weave::datapath {
namespace {

/// What paths usually carry: IPv6's minimum, tunnels and clouds, PPPoE, Ethernet, jumbo frames.
constexpr std::array<std::uint32_t, 14> kUsualPathMtus{1280, 1300, 1350, 1400, 1420, 1440, 1450,
                                                       1460, 1472, 1480, 1492, 1500, 8900, 9000};
/// Steps of equal width beside them.
constexpr std::uint32_t kEvenSteps = 10;

/// Some lengths mean something else.
bool is_test(std::uint32_t mtu) {
  return special_kind(SleeveMtu::test_frame_size(mtu)) == SpecialKind::path_mtu_test &&
         (mtu < PathMtu::kSmallTest || mtu >= PathMtu::kSmallTest + PathMtu::kSmallTests);
}

} // namespace

PathMtu::PathMtu(Scheduler& scheduler, Effects effects, bool encrypted)
    : scheduler_{scheduler}, effects_{std::move(effects)}, sizes_{encrypted} {}

void PathMtu::too_big(std::uint32_t path_mtu) {
  kernel_mtu_ = sizes_.mtu(path_mtu);
  if (!limited() || kernel_mtu_ < mtu_) {
    rise_interval_ = kFirstRise;
    rise_due_ = scheduler_.now() + rise_interval_;
    use(kernel_mtu_, sizes_.max_payload(kernel_mtu_));
    check();
    look_timer_ = scheduler_.after(kWatch, [this] { look(); });
    return;
  }
  // A test went past what the kernel remembers, so that it was the device that refused it; unless the kernel says what
  // is known to be wrong.
  if (state_ != State::rising || kernel_mtu_ < good_) return;
  bad_ = std::min(bad_, kernel_mtu_ + 1);
  std::erase_if(sizes_under_test_, [this](std::uint32_t size) { return size >= bad_; });
  if (sizes_under_test_.empty()) conclude();
}

void PathMtu::acknowledged(std::uint32_t mtu) {
  if (!limited() || settled()) return;
  if (mtu == small_) return on_small_passed();
  auto const found = std::ranges::find(sizes_under_test_, mtu);
  if (found == sizes_under_test_.end()) return;
  if (rounds_ == 1) note_round_trip();
  if (state_ == State::checking) return settle(mtu_);
  good_ = std::max(good_, mtu);
  // What is smaller needs no answer.
  sizes_under_test_.erase(found, sizes_under_test_.end());
  if (sizes_under_test_.empty()) conclude();
}

void PathMtu::ask_for_more() { rise_due_ = scheduler_.now(); }

void PathMtu::stop() {
  round_timer_.reset();
  look_timer_.reset();
}

void PathMtu::look() {
  auto const large = effects_.large_packets();
  bool const in_use = std::exchange(large_seen_, large) != large;
  look_timer_ = scheduler_.after(in_use ? kWatch : kIdleWatch, [this] { look(); });
  if (!settled()) return;
  auto const now = scheduler_.now();
  if (now >= rise_due_) return rise();
  if (in_use || now - checked_ >= kIdleCheck) check();
}

void PathMtu::check() {
  good_ = std::min(mtu_, sizes_.mtu(kSmallestPathMtu));
  bad_ = mtu_ + 1;
  test(State::checking, {is_test(mtu_) ? mtu_ : mtu_ - 1});
}

/// Mostly there is no more: one byte tells.
void PathMtu::rise() {
  rise_interval_ = std::min(2 * rise_interval_, kRise);
  rise_due_ = scheduler_.now() + rise_interval_;
  good_ = mtu_;
  bad_ = sizes_.mtu(kMaxIpPacket) + 1;
  if (good_ + 1 >= bad_) return;
  test(State::rising, {is_test(good_ + 1) ? good_ + 1 : good_ + 2});
}

void PathMtu::narrow(std::uint32_t good, std::uint32_t bad) {
  good_ = good;
  bad_ = bad;
  auto sizes = steps(good_, bad_);
  if (sizes.empty()) return settle(good_);
  test(state_ == State::rising ? State::rising : State::searching, std::move(sizes));
}

void PathMtu::settle(std::uint32_t mtu) {
  auto const now = scheduler_.now();
  if (mtu != mtu_) {
    rise_interval_ = kFirstRise;
    rise_due_ = now + rise_interval_;
  }
  state_ = State::settled;
  round_timer_.reset();
  checked_ = now;
  if (mtu > kernel_mtu_) {
    kernel_mtu_ = mtu;
    effects_.forget();
  }
  use(mtu, sizes_.max_payload(mtu));
  if (std::exchange(said_, mtu) != mtu) effects_.verified();
}

/// Nothing passes at all, which says nothing about sizes.
void PathMtu::give_up() {
  state_ = State::settled;
  checked_ = scheduler_.now();
  use(mtu_, sizes_.max_payload(mtu_));
}

void PathMtu::test(State state, std::vector<std::uint32_t> sizes) {
  state_ = state;
  sizes_under_test_ = std::move(sizes);
  rounds_ = 0;
  small_passed_ = 0;
  // Of a size of its own, so that late answers to the tests before say nothing about these.
  small_ = kSmallTest + (small_ + 1) % kSmallTests;
  test_began_ = scheduler_.now();
  send_round();
}

void PathMtu::send_round() {
  if (++rounds_ > kRounds) return give_up();
  bool const first_check = state_ == State::checking && rounds_ == 1;
  auto const pause = first_check ? patience() : rounds_ <= kQuickRounds ? kRound : kSlowRound;
  round_timer_ = scheduler_.after(pause, [this] { send_round(); });
  for (auto const size : sizes_under_test_) effects_.test(size, searching());
  // Behind the others, so that these have arrived before it if they pass.
  if (!first_check) effects_.test(small_, searching());
}

void PathMtu::on_small_passed() {
  ++small_passed_;
  if (searching()) {
    if (small_passed_ >= kStep) conclude();
    return;
  }
  if (small_passed_ == kDoubt) use(mtu_, std::min(max_payload_, sizes_.max_payload(good_)));
  if (small_passed_ < kRefuted) return;
  state_ = State::searching;
  // With it among the sizes, in case that chance was against it.
  narrow(good_, mtu_ + 1);
}

/// What has not been acknowledged by now does not pass.
void PathMtu::conclude() {
  if (state_ == State::rising && good_ == mtu_) return settle(mtu_);
  auto const bad = sizes_under_test_.empty() ? bad_ : std::min(bad_, sizes_under_test_.back());
  narrow(good_, bad);
}

void PathMtu::note_round_trip() {
  auto const sample = scheduler_.now() - test_began_;
  round_trip_ = round_trip_ == Duration{} ? sample : (3 * round_trip_ + sample) / 4;
}

Duration PathMtu::patience() const { return std::max(kPatience, 2 * round_trip_); }

std::vector<std::uint32_t> PathMtu::steps(std::uint32_t good, std::uint32_t bad) const {
  std::vector<std::uint32_t> sizes{good + 1, bad - 1};
  for (std::uint32_t step = 1; step <= kEvenSteps; ++step)
    sizes.push_back(good + (bad - good) * step / (kEvenSteps + 1));
  for (auto const usual : kUsualPathMtus) sizes.push_back(sizes_.mtu(usual));
  std::erase_if(sizes, [=](std::uint32_t size) { return size <= good || size >= bad || !is_test(size); });
  std::ranges::sort(sizes, std::greater{});
  auto const rest = std::ranges::unique(sizes);
  sizes.erase(rest.begin(), rest.end());
  return sizes;
}

void PathMtu::use(std::uint32_t mtu, std::uint32_t max_payload) {
  if (mtu == mtu_ && max_payload == max_payload_) return;
  mtu_ = mtu;
  max_payload_ = max_payload;
  effects_.changed();
}

} // namespace weave::datapath
