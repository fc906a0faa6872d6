#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/docker/container_engine.hpp"
#include "controller/ipam/allocator.hpp"

namespace weave::controller {

/// What an engine says of its containers, stopped ones too, and of its networks. Value type.
struct EngineSurvey {
  std::vector<docker::ContainerSummary> containers;
  std::vector<docker::NetworkInfo> networks;
};

/// Asks for both; an error if either cannot be had. `done` runs once, and not any more when the engine's client has
/// gone.
void take_survey(docker::ContainerEngine& engine, std::function<void(Result<EngineSurvey>)> done);

/// By full id.
[[nodiscard]] std::vector<std::string> alive_containers(EngineSurvey const& survey);

/// Unknown: no container goes by what may have been a name, or the beginning of an id.
enum class Life { alive, stopped, gone, unknown };
/// Whether the container goes by this id, the beginning of one, or a name: what people allocate for is what they typed.
[[nodiscard]] bool goes_by(docker::ContainerSummary const& container, std::string_view id);
/// Of the container that goes by `id`.
[[nodiscard]] Life life_of(EngineSurvey const& survey, std::string_view id);

/// The networks whose addresses we gave out: those with one of our IPAM drivers, whatever their network driver.
[[nodiscard]] std::set<std::string> networks_of_ours(EngineSurvey const& survey, std::set<std::string> const& drivers);

/// Addresses of live containers on our networks, to be filed as the IPAM driver files them.
[[nodiscard]] std::vector<ipam::ReclaimedAddress> container_addresses(EngineSurvey const& survey,
                                                                      std::set<std::string> const& drivers);
/// Gateways and auxiliary addresses of our networks, without those that stand for "none".
[[nodiscard]] std::vector<Ipv4Cidr> reserved_addresses(EngineSurvey const& survey,
                                                       std::set<std::string> const& drivers);
/// Every address that the engine mentions, on whatever network. Nothing if that cannot be all: a live container of ours
/// whose address is not told.
[[nodiscard]] std::optional<std::set<Ipv4Address>> mentioned_addresses(EngineSurvey const& survey,
                                                                       std::set<std::string> const& drivers);

/// Addresses that are held and that nobody seems to use, until that has been so for long enough. Value type.
class UnusedAddresses {
 public:
  explicit UnusedAddresses(Duration grace) : grace_{grace} {}

  /// These are unused now, and all others are not. Gives, and forgets, those that were so in every look since `grace`.
  [[nodiscard]] std::vector<Ipv4Address> look(TimePoint now, std::set<Ipv4Address> const& unused);
  /// It has been given out or back since the last look.
  void touch(Ipv4Address address) { since_.erase(address); }
  /// Nothing is known for sure any more.
  void forget() { since_.clear(); }

 private:
  Duration grace_;
  std::map<Ipv4Address, TimePoint> since_;
};

} // namespace weave::controller
