#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/app/engine_survey.hpp"
#include "datapath/link/sandbox_interface.hpp"
#include "plugin/network_driver.hpp"

namespace weave::controller {

/// Takes away what crashes have left at bad moments and what is certainly nobody's: veth pairs of ours of which neither
/// end has gone into a container and that belong to no endpoint known to us or to Docker; endpoints on record without
/// an interface in a container that Docker does not know; networks on record that Docker does not know and on which
/// there are no endpoints. Each must be so in two looks with some time between: of a container that is being started
/// Docker does not say which endpoints it has, and that can take long. Control thread only; what it is given must
/// outlive it.
class Leftovers {
 public:
  struct Ports {
    Scheduler& scheduler;
    plugin::NetworkDriver& driver;
    std::function<Result<std::vector<datapath::HostEnd>>()> host_ends;
    std::function<Result<void>(std::string const& host_name)> remove;
    /// Has Docker asked again; the answer comes as look().
    std::function<void()> ask;
    Logger logger;
  };
  struct Config {
    /// Longer than a pair, or a network, that is being made is nobody's.
    Duration grace = std::chrono::seconds{10};
    /// Longer than what is left of the start of a container at which a daemon ended.
    Duration inherited_grace = std::chrono::seconds{20};
    /// Longer than the start of a container from its endpoint on, on a host that has little time for it.
    Duration start_grace = std::chrono::minutes{3};
    /// Whether Docker's list has every network that its drivers may be asked about.
    bool networks_are_listed = true;
  };

  Leftovers(Ports ports, Config config) : ports_{std::move(ports)}, config_{config} {}

  void look(EngineSurvey const& survey);

 private:
  enum class Kind { interface, endpoint, network };
  struct Suspect {
    Kind kind;
    std::string name;
    datapath::LinkIndex index{}; ///< of an interface: another one of the name is another suspect

    friend auto operator<=>(Suspect const&, Suspect const&) = default;
  };

  [[nodiscard]] std::set<Suspect> suspects(EngineSurvey const& survey,
                                           std::vector<datapath::HostEnd> const& ends) const;
  [[nodiscard]] Duration grace_of(Suspect const& suspect) const;
  void remove(Suspect const& suspect);

  Ports ports_;
  Config config_;
  std::map<Suspect, TimePoint> since_;
  Timer again_;
};

} // namespace weave::controller
