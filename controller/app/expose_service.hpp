#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/api/host_port.hpp"
#include "controller/api/messages.hpp"
#include "controller/app/background_worker.hpp"
#include "datapath/link/addresses.hpp"
#include "datapath/link/firewall.hpp"
#include "datapath/link/firewall_watch.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::controller {

/// Exposures as they are stored: `10.2.1.254/24 masquerade, 10.2.2.254/24 plain`.
[[nodiscard]] std::string to_text(std::vector<datapath::Exposure> const& exposures);
[[nodiscard]] Result<std::vector<datapath::Exposure>> parse_exposures(std::string_view text);

/// Addresses of this host on the overlay's bridge (`weave expose`), and the firewall of the overlay, which goes with
/// them: both are put in place at start, after any change, and again when somebody else has taken them away. Control
/// thread; only programs run on the worker. What it is given must outlive it.
class ExposeService final : public api::ExposePort {
 public:
  struct Settings {
    /// What the firewall shall let pass, but for the exposures.
    datapath::FirewallWish firewall;
    /// As stored.
    std::vector<datapath::Exposure> exposures;
  };
  struct Ports {
    Scheduler& scheduler;
    FdWatcher& watcher;
    BackgroundWorker& worker;
    /// Keeps them for the next start.
    std::function<Result<void>(std::vector<datapath::Exposure> const&)> save;
    Logger logger;
  };

  [[nodiscard]] static Result<std::unique_ptr<ExposeService>> create(Settings settings, Ports ports);

  /// Puts everything in place, with addresses that the bridge has without our knowledge (an original daemon's). The
  /// firewall follows from the worker. What fails is logged and tried again.
  void start();
  void stop() {
    notices_.reset();
    for (auto* const timer : {&timer_, &older_timer_, &soon_, &zone_timer_}) timer->reset();
  }

  /// From now on, traffic to these is not masqueraded (`--no-masq-local`).
  void spare(std::vector<Ipv4Cidr> ranges);
  /// What people should know about this host's firewall, empty if there is nothing.
  [[nodiscard]] std::vector<api::HostWarning> const& remarks() const { return remarks_; }
  [[nodiscard]] datapath::FirewallState const& firewall_state() const { return state_; }
  /// Why rules or addresses are not in place; empty: they are.
  [[nodiscard]] std::string const& obstacle() const { return obstacle_; }

  void expose(Ipv4Cidr address, bool masquerade, api::Completion<void> done) override;
  void hide(Ipv4Address address, api::Completion<void> done) override;

 private:
  struct Checked {
    Result<bool> intact;
    datapath::FirewallState state;
  };

  ExposeService(Settings settings, Ports ports, datapath::RouteSocket socket);
  [[nodiscard]] Result<void> adopt();
  [[nodiscard]] Result<void> put_on_bridge();
  [[nodiscard]] Result<void> keep(std::vector<datapath::Exposure> exposures);
  [[nodiscard]] datapath::FirewallWish wish();
  void apply(api::Completion<void> done);
  void watch();
  void watch_firewall();
  void ask_older_tables();
  /// In a moment, with what else changes until then; sooner where rules of ours may have gone.
  void check_soon(bool loss);
  void check();
  void on_checked(Checked const& checked);
  /// Logs what is new in it, and does about it what can be done.
  void see(datapath::FirewallState state);
  /// Not at once: while firewalld reloads, its zones are gone for a moment.
  void join_zone_soon();
  void join_zone();
  /// Logs what hinders us, but not again and again.
  void note(std::string obstacle);

  Settings settings_;
  Ports ports_;
  datapath::RouteSocket socket_;
  datapath::Links links_{socket_};
  datapath::Addresses addresses_{socket_};
  /// Touched by the worker's jobs alone.
  std::shared_ptr<datapath::OverlayFirewall> firewall_ = std::make_shared<datapath::OverlayFirewall>();
  /// As last logged; empty while nothing is wrong.
  std::string obstacle_;
  std::vector<api::HostWarning> remarks_;
  datapath::FirewallState state_;
  /// Its programs take seconds, during which the firewall may need us; none before it is needed.
  std::unique_ptr<BackgroundWorker> zone_worker_;
  /// An attempt is due, or under way.
  bool joining_ = false;
  /// Why firewalld did not take the bridge; tried again at intervals.
  std::string zone_obstacle_;
  Timer zone_timer_;
  /// As last given to the worker.
  std::optional<datapath::FirewallWish> applied_;
  /// A check waits for the worker or is under way there.
  bool checking_ = false;
  /// Something changed meanwhile, and may have taken rules of ours.
  bool again_ = false;
  bool loss_ = false;
  /// Not before is the next check, except those at intervals.
  TimePoint rested_at_{};
  std::unique_ptr<datapath::FirewallWatch> firewall_watch_;
  FdWatch notices_;
  Timer timer_;
  Timer older_timer_;
  Timer soon_;
};

} // namespace weave::controller
