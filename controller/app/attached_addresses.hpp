#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/logger.hpp"
#include "controller/app/background_worker.hpp"
#include "controller/docker/container_engine.hpp"
#include "controller/ipam/allocator.hpp"

namespace weave::controller {

/// The bridge's addresses (`weave expose`) that nobody is recorded to hold; filed as the command files them.
[[nodiscard]] std::vector<ipam::ReclaimedAddress> exposed_addresses(std::string const& bridge,
                                                                    ipam::OwnedTable const& owned);

/// Finds the addresses that `weave attach`, ours or the original's, has given to containers that run: the engine knows
/// nothing of them, they are on the containers' interfaces. Control thread; reads interfaces on the worker. What it is
/// given must outlive it.
class AttachedAddresses {
 public:
  using Found = std::function<void(std::vector<ipam::ReclaimedAddress>)>;

  AttachedAddresses(docker::ContainerEngine& engine, BackgroundWorker& worker, Logger logger)
      : engine_{engine}, worker_{worker}, logger_{std::move(logger)} {}

  /// Among these, by full id; filed under it. Calls back once, perhaps inside the call. A container that cannot be
  /// looked at is logged.
  void find(std::vector<std::string> const& containers, Found done);

 private:
  struct Search;

  [[nodiscard]] static bool is_attached(Search const& search, std::int64_t pid);
  void read(std::shared_ptr<Search> const& search, docker::ContainerInfo const& info);

  docker::ContainerEngine& engine_;
  BackgroundWorker& worker_;
  Logger logger_;
};

} // namespace weave::controller
