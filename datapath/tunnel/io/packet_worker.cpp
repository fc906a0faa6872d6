#include "datapath/tunnel/io/packet_worker.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace weave::datapath {

namespace {

/// Asks the scheduler for turns of 0.1 ms instead of some ms: this thread gets no more time than others, but does not
/// wait for the end of their turns when packets come. Since Linux 6.12; elsewhere nothing changes.
void prefer_short_turns() {
  // Somebody wanted it otherwise.
  if (::sched_getscheduler(0) != SCHED_OTHER) return;
  struct Attributes { // struct sched_attr of linux/sched/types.h, first version
    std::uint32_t size = sizeof(Attributes);
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 100'000; // ns
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  };
  Attributes attributes;
  attributes.nice = ::getpriority(PRIO_PROCESS, 0);
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

} // namespace

PacketWorker::PacketWorker(Dependencies dependencies)
    : port_{std::move(dependencies.port)},
      sockets_{std::move(dependencies.sockets)},
      self_{dependencies.macs.self()},
      post_{std::move(dependencies.post)},
      on_port_failed_{std::move(dependencies.on_port_failed)} {
  set_mode(dependencies.mode, dependencies.macs);
}

PacketWorker::~PacketWorker() { stop(); }

Result<void> PacketWorker::start(SleeveEvents events) {
  if (mailbox_) return failure(ErrorKind::already_exists, "packet worker was started before");
  mailbox_ = std::make_shared<ControlMailbox>(std::move(events), post_);
  for (auto& part : parts_) {
    if (auto const started = start(part); !started) {
      stop();
      return started;
    }
  }
  return {};
}

Result<void> PacketWorker::start(Part& part) {
  part.wake.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!part.wake) return std::unexpected(system_error("create eventfd", errno));
  auto tunnel_socket = VxlanSender::open_socket();
  if (!tunnel_socket) return failure_of(tunnel_socket);
  auto loop = std::make_shared<WorkerLoop>(WorkerLoop::Dependencies{.duty = part.duty,
                                                                    .port = port_,
                                                                    .sockets = sockets_,
                                                                    .self = self_,
                                                                    .shared = shared_,
                                                                    .wake = part.wake.get(),
                                                                    .mailbox = mailbox_,
                                                                    .on_port_failed = on_port_failed_,
                                                                    .tunnel_socket = std::move(*tunnel_socket)});
  // The thread takes no signals: they belong to the control thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<void> started;
  try {
    part.thread = std::thread{[loop] {
      prefer_short_turns();
      loop->run();
    }};
    pthread_setname_np(part.thread.native_handle(),
                       part.duty == WorkerDuty::capture ? "packet-capture" : "packet-receive");
  } catch (std::system_error const& error) {
    started = failure(ErrorKind::unavailable, std::string{"start packet worker: "} + error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void PacketWorker::stop() {
  if (mailbox_) mailbox_->close();
  shared_.stopping.store(true, std::memory_order_release);
  wake();
  for (auto& part : parts_) {
    if (part.thread.joinable()) part.thread.join();
  }
}

void PacketWorker::set_path(SleevePath const& path) {
  paths_[path.peer] = path;
  publish_paths();
}

void PacketWorker::remove_path(PeerName peer, ConnectionUid connection) {
  auto const found = paths_.find(peer);
  if (found == paths_.end() || found->second.connection != connection) return;
  paths_.erase(found);
  publish_paths();
}

void PacketWorker::publish_paths() {
  auto paths = std::make_shared<SleevePaths>();
  paths->reserve(paths_.size());
  for (auto const& [peer, path] : paths_) paths->push_back(path);
  shared_.paths.publish(std::move(paths));
  wake();
}

void PacketWorker::send_special(SleeveSpecial special) {
  if (!shared_.specials.push(std::move(special))) return shared_.counters.commands_lost.add();
  wake();
}

void PacketWorker::forget_path_mtus() {
  // Where that is impossible, longer packets are refused, which is said then.
  (void)SleeveSockets::forget_path_mtus();
}

void PacketWorker::set_routes(std::shared_ptr<RouteLookup const> routes) {
  shared_.routes.publish(std::move(routes));
  wake();
}

void PacketWorker::set_mode(WorkerMode mode, MacLearning& macs) {
  shared_.role.publish(std::make_shared<WorkerRole const>(WorkerRole{.mode = mode, .macs = &macs}));
  wake();
}

void PacketWorker::set_forwarding(std::shared_ptr<ForwardingState const> state) {
  shared_.forwarding.publish(std::move(state));
  wake();
}

void PacketWorker::wake() {
  std::uint64_t const one = 1;
  for (auto const& part : parts_) {
    // Full means that it has been woken and did not look yet.
    if (part.wake) (void)!::write(part.wake.get(), &one, sizeof one);
  }
}

} // namespace weave::datapath
