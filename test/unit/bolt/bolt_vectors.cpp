#include "test/unit/bolt/bolt_vectors.hpp"

#include <algorithm>
#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "test/fixtures/vectors.hpp"

namespace weave::test {

boost::json::object const& bolt_vector(std::string_view name) {
  for (auto const& item : VectorFile::load("ipam").document().at("bolt").as_array()) {
    if (std::string_view{item.at("name").as_string()} == name) return item.as_object();
  }
  throw std::out_of_range{std::string{name}};
}

Bytes bolt_file_of(boost::json::object const& vector) {
  Bytes file(vector.at("file_size").to_number<std::size_t>());
  for (auto const& segment : vector.at("file_segments").as_array()) {
    auto const bytes = parse_hex(std::string_view{segment.at(1).as_string()}).value();
    std::ranges::copy(bytes, file.begin() + segment.at(0).to_number<std::ptrdiff_t>());
  }
  return file;
}

} // namespace weave::test
