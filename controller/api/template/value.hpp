#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace weave::controller::api::text_template {

/// A value while a template is carried out: a piece of the report's JSON, or what a function made. Copies share it.
///
/// Templates were written for the original's Go types, of which JSON shows less: whether `null` is an empty list or an
/// absent service, and whether an object is a structure (its fields are known: another one is an error) or a map. That
/// is decided here, by the member's name.
class Value {
 public:
  enum class Nature {
    ordinary, ///< a null is an empty list
    map,
    pointer, ///< a null is nothing, printed `<nil>`
    missing  ///< of a map; printed `<no value>`
  };

  Value() : Value{boost::json::value(nullptr), Nature::missing} {}
  explicit Value(boost::json::value data, Nature nature = Nature::ordinary)
      : data_{std::make_shared<boost::json::value const>(std::move(data))}, nature_{nature} {}

  [[nodiscard]] boost::json::value const& json() const { return *data_; }
  [[nodiscard]] Nature nature() const { return nature_; }
  /// Neither a list nor a map nor anything else.
  [[nodiscard]] bool is_nothing() const {
    return data_->is_null() && (nature_ == Nature::pointer || nature_ == Nature::missing);
  }
  [[nodiscard]] bool is_list() const { return data_->is_array() || (data_->is_null() && nature_ == Nature::ordinary); }
  [[nodiscard]] bool is_map() const { return nature_ == Nature::map; }

  /// Of a structure or a map. Error not_found: a structure without that field, or no structure at all.
  [[nodiscard]] Result<Value> field(std::string_view name) const;
  /// Of a list; `index` is within it.
  [[nodiscard]] Value element(std::size_t index) const;
  /// What conditions take for true: all but false, 0, nothing and what is empty.
  [[nodiscard]] bool is_true() const;
  /// As Go prints it: text bare, lists `[a b]`, structures `{a b}`, maps `map[a:1 b:2]`.
  [[nodiscard]] std::string text() const;

 private:
  Value(std::shared_ptr<boost::json::value const> data, Nature nature) : data_{std::move(data)}, nature_{nature} {}
  [[nodiscard]] Value member(std::string_view name, boost::json::value const& data) const;

  std::shared_ptr<boost::json::value const> data_;
  Nature nature_;
  std::string described_; ///< printed instead of the fields, if not empty
};

} // namespace weave::controller::api::text_template
