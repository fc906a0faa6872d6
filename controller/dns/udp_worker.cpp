#include "controller/dns/udp_worker.hpp"

#include <bit>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>

namespace weave::controller::dns {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kQueryRoom = 4096;
/// Batches of one socket before the others have their turn.
constexpr int kBatchesInARow = 4;

using CountArray = std::array<std::uint64_t, sizeof(QueryCounts) / sizeof(std::uint64_t)>;

} // namespace

void QueryCounts::count(Decision const& decision) {
  ++queries;
  truncated += decision.truncated ? 1U : 0U;
  switch (decision.verdict) {
    case Verdict::drop: ++dropped; break;
    case Verdict::positive: ++positive; break;
    case Verdict::negative: ++negative; break;
    case Verdict::malformed: ++malformed; break;
    case Verdict::forward: ++forwarded; break;
  }
}

QueryCounts& QueryCounts::operator+=(QueryCounts const& other) {
  auto sum = std::bit_cast<CountArray>(*this);
  auto const more = std::bit_cast<CountArray>(other);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
  return *this = std::bit_cast<QueryCounts>(sum);
}

/// The memory for one recvmmsg and one sendmmsg. Everything is set up once, and of what a call has changed only that is
/// set back: most batches are small.
struct UdpWorker::Batch {
  struct Slot {
    UdpClient client;
    alignas(cmsghdr) std::array<std::uint8_t, 128> control;
    iovec query_part;
    iovec reply_part;
  };
  std::array<mmsghdr, kBatch> received{};
  std::array<mmsghdr, kBatch> replies{};
  std::array<Slot, kBatch> slots{};
  std::array<std::array<std::uint8_t, kQueryRoom>, kBatch> queries;
  std::array<std::array<std::uint8_t, Answering::kUdpRoom>, kBatch> reply_rooms;
  unsigned reply_count = 0;

  Batch() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      auto& slot = slots[i];
      slot.query_part = {queries[i].data(), queries[i].size()};
      slot.reply_part.iov_base = reply_rooms[i].data();
      auto& header = received[i].msg_hdr;
      header.msg_name = &slot.client.address.storage;
      header.msg_iov = &slot.query_part;
      header.msg_iovlen = 1;
      header.msg_control = slot.control.data();
      reset(i);
    }
  }

  int receive(UdpSocket const& socket) {
    reply_count = 0;
    return ::recvmmsg(socket.fd(), received.data(), kBatch, MSG_DONTWAIT, nullptr);
  }
  /// The query in that slot, and who sent it; to be called for every one received.
  ByteView take(std::size_t index, UdpSocket const& socket) {
    auto& client = slots[index].client;
    auto const& message = received[index];
    client.address.length = message.msg_hdr.msg_namelen;
    client.source.size = 0;
    if (socket.is_wildcard()) client.source = UdpSocket::source_of(message.msg_hdr);
    reset(index);
    return ByteView{queries[index]}.first(message.msg_len);
  }
  void reply(std::size_t index, std::size_t size) {
    auto& slot = slots[index];
    slot.reply_part.iov_len = size;
    auto& header = replies[reply_count++].msg_hdr;
    header.msg_name = &slot.client.address.storage;
    header.msg_namelen = slot.client.address.length;
    header.msg_iov = &slot.reply_part;
    header.msg_iovlen = 1;
    header.msg_control = slot.client.source.size == 0 ? nullptr : slot.client.source.control.data();
    header.msg_controllen = slot.client.source.size;
  }
  void send(UdpSocket const& socket) {
    for (unsigned sent = 0; sent < reply_count;) {
      auto const count = ::sendmmsg(socket.fd(), replies.data() + sent, reply_count - sent, MSG_NOSIGNAL);
      // What cannot be sent is passed over, and the rest gets its chance.
      sent += count > 0 ? static_cast<unsigned>(count) : 1U;
    }
  }

 private:
  void reset(std::size_t index) {
    auto& header = received[index].msg_hdr;
    header.msg_namelen = sizeof slots[index].client.address.storage;
    header.msg_controllen = slots[index].control.size();
  }
};

UdpWorker::UdpWorker(std::vector<UdpSocket> sockets, NameLookup const& names, AnsweringOptions const& options,
                     std::uint64_t random_seed, Forward forward)
    : sockets_{std::move(sockets)},
      names_{names},
      random_{random_seed},
      answering_{options, random_},
      forward_{std::move(forward)},
      stop_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      batch_{std::make_unique<Batch>()} {}

UdpWorker::~UdpWorker() {
  if (!thread_.joinable()) return;
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

Result<void> UdpWorker::start() {
  if (!stop_) return std::unexpected{system_error("eventfd", errno)};
  // Signals are for the control thread.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  Result<void> started;
  try {
    thread_ = std::thread{[this] { run(); }};
    ::pthread_setname_np(thread_.native_handle(), "weave-dns");
  } catch (std::system_error const& problem) {
    started = failure(ErrorKind::system, problem.what());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void UdpWorker::run() {
  std::vector<pollfd> polled;
  for (auto const& socket : sockets_) polled.push_back({.fd = socket.fd(), .events = POLLIN, .revents = 0});
  polled.push_back({.fd = stop_.get(), .events = POLLIN, .revents = 0});
  while (true) {
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled.back().revents != 0) return;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (polled[i].revents == 0) continue;
      for (int batch = 0; batch < kBatchesInARow && serve(sockets_[i]); ++batch) {
      }
    }
  }
}

/// One batch; whether there may be more.
bool UdpWorker::serve(UdpSocket const& socket) {
  auto const count = batch_->receive(socket);
  if (count <= 0) return false;
  // One look at the clock for many questions costs them nothing.
  auto const taken = std::chrono::steady_clock::now();
  QueryCounts counts;
  auto const& names = names_.current();
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    auto const query = batch_->take(i, socket);
    auto const decision = answering_.answer(query, Transport::udp, names, batch_->reply_rooms[i]);
    counts.count(decision);
    if (decision.size > 0) batch_->reply(i, decision.size);
    if (decision.verdict == Verdict::forward) forward_(socket, batch_->slots[i].client, query);
  }
  batch_->send(socket);
  auto const answered = counts.positive + counts.negative + counts.malformed;
  if (answered > 0) latency_.add(std::chrono::steady_clock::now() - taken, answered);
  publish(counts);
  return static_cast<std::size_t>(count) == kBatch;
}

void UdpWorker::publish(QueryCounts const& counts) {
  auto const more = std::bit_cast<CountArray>(counts);
  for (std::size_t i = 0; i < more.size(); ++i) {
    if (more[i] > 0) counts_[i].fetch_add(more[i], std::memory_order_relaxed);
  }
}

QueryCounts UdpWorker::counts() const {
  CountArray sum{};
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = counts_[i].load(std::memory_order_relaxed);
  return std::bit_cast<QueryCounts>(sum);
}

} // namespace weave::controller::dns
