#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/dns/name_registry.hpp"
#include "test/unit/dns_names/gossiper_fakes.hpp"

namespace weave::test {

struct FakeNameStore final : controller::dns::NameStore {
  std::map<controller::dns::OwnName, controller::dns::Wish> rows;
  std::string failure_text;

  [[nodiscard]] Result<std::vector<Row>> load() override { return std::vector<Row>{rows.begin(), rows.end()}; }
  [[nodiscard]] Result<void> save(std::vector<Change> const& changes) override {
    if (!failure_text.empty()) return failure(ErrorKind::system, failure_text);
    for (auto const& [name, wish] : changes) {
      rows.erase(name);
      if (wish) rows.emplace(name, *wish);
    }
    return {};
  }
};

struct RegistryRig : GossiperRig {
  using GossiperRig::GossiperRig;

  /// A new life of the daemon, with what was stored.
  static std::unique_ptr<RegistryRig> restarted(RegistryRig const& old) {
    auto rig = std::make_unique<RegistryRig>(old.gossiper->self());
    rig->store = old.store;
    (void)rig->registry.restore().value();
    return rig;
  }

  FakeNameStore store;
  controller::dns::NameRegistry registry{*gossiper, store, "weave.local", Logger{log}};
};

} // namespace weave::test
