#include "tools/former_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace weave::tools {
namespace {

struct Former {
  std::string_view name;
  std::string_view now;    ///< empty: what it asks for is so anyway
  std::string_view prefix; ///< of its value
};

constexpr std::array kFormer{
    Former{"--iprange", "--ipalloc-range", ""},
    Former{"--ipsubnet", "--ipalloc-default-subnet", ""},
    Former{"--init-peer-count", "--ipalloc-init", "consensus="},
    Former{"--no-default-ipam", "--no-default-ipalloc", ""},
    Former{"--with-dns", "", ""},
};

bool has_one_dash(std::string_view word) {
  return word.size() > 2 && word[0] == '-' && word[1] >= 'a' && word[1] <= 'z';
}

} // namespace

TodaysWords without_former_options(std::vector<std::string> const& words) {
  TodaysWords today;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (words[at] == "--") {
      today.words.insert(today.words.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
      break;
    }
    auto word = words[at];
    bool const one_dash = has_one_dash(word);
    if (one_dash) word.insert(0, 1, '-');
    auto const name = word.substr(0, word.find('='));
    auto const* const former = std::ranges::find(kFormer, std::string_view{name}, &Former::name);
    if (former == kFormer.end()) {
      if (one_dash) today.warnings.push_back(fmt::format("{} is deprecated: use {}", name.substr(1), name));
      today.words.push_back(std::move(word));
      // May begin with a dash, and is not for others to see.
      if (today.words.back() == "--password" && at + 1 < words.size()) today.words.push_back(words[++at]);
      continue;
    }
    auto const typed = name.substr(one_dash ? 1 : 0);
    if (former->now.empty()) {
      today.warnings.push_back(fmt::format("{} is deprecated: leave it out, it is so without it", typed));
      continue;
    }
    today.warnings.push_back(fmt::format("{} is deprecated: use {}{}", typed, former->now,
                                         former->prefix.empty() ? "" : fmt::format(" {}<n>", former->prefix)));
    bool const inside = name.size() < word.size();
    auto value = inside ? word.substr(name.size() + 1) : std::string{};
    if (!inside && !former->prefix.empty() && at + 1 < words.size()) value = words[++at];
    auto next = std::string{former->now};
    if (inside || !former->prefix.empty()) next += fmt::format("={}{}", former->prefix, value);
    today.words.push_back(std::move(next));
  }
  return today;
}

std::vector<std::string> variables_without_effect(Settings const& settings) {
  std::vector<std::string> lines;
  for (auto const* name :
       {"WEAVE_CONTAINER_NAME", "WEAVE_DOCKER_ARGS", "WEAVEPROXY_DOCKER_ARGS", "WEAVEPLUGIN_DOCKER_ARGS"}) {
    if (settings.non_empty(name)) lines.push_back(fmt::format("{} has no effect: weave runs in no container", name));
  }
  return lines;
}

} // namespace weave::tools
