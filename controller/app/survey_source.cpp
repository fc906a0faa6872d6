#include "controller/app/survey_source.hpp"

#include <algorithm>
#include <utility>

namespace weave::controller {

void SurveySource::look_up(std::string const& network_id, Found found) {
  take_survey(engine_, [network_id, tell = tell_, found = std::move(found)](Result<EngineSurvey> const& survey) {
    if (!survey) return found(failure_of(survey));
    tell(*survey);
    auto const network = std::ranges::find(survey->networks, network_id, &docker::NetworkInfo::id);
    if (network == survey->networks.end()) return found(failure(ErrorKind::not_found, "no such network"));
    found(plugin::NetworkFacts{.options = network->options, .pools = network->subnets});
  });
}

} // namespace weave::controller
