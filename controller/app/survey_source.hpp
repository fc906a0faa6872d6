#pragma once

#include <functional>
#include <string>

#include "controller/app/engine_survey.hpp"
#include "plugin/network_source.hpp"

namespace weave::controller {

/// Lets the network driver learn about a network that it does not know: the engine is asked for all of them, and `tell`
/// hears of them together before the driver has its answer, so that rules of before for several networks never make way
/// for those of one. The engine must outlive it; nothing is called after the engine's end.
class SurveySource final : public plugin::NetworkSource {
 public:
  SurveySource(docker::ContainerEngine& engine, std::function<void(EngineSurvey const&)> tell)
      : engine_{engine}, tell_{std::move(tell)} {}

  void look_up(std::string const& network_id, Found found) override;

 private:
  docker::ContainerEngine& engine_;
  std::function<void(EngineSurvey const&)> tell_;
};

} // namespace weave::controller
