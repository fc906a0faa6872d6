#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "test/fixtures/vectors.hpp"

namespace weave::test {

inline std::vector<boost::json::object const*> datapath_vectors(std::string_view kind) {
  std::vector<boost::json::object const*> found;
  for (auto const& item : VectorFile::load("datapath").all()) {
    if (item.at("kind").as_string() == kind) found.push_back(&item.as_object());
  }
  EXPECT_FALSE(found.empty()) << kind;
  return found;
}

inline std::string text(boost::json::object const& object, std::string_view key) {
  return std::string{object.at(key).as_string()};
}

inline std::uint32_t number(boost::json::object const& object, std::string_view key) {
  return object.at(key).to_number<std::uint32_t>();
}

/// Notes the vector as passed unless the running test has failed.
inline void passed(boost::json::object const& vector) {
  if (!testing::Test::HasFailure()) VectorFile::load("datapath").covered(text(vector, "name"));
}

} // namespace weave::test
