#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "controller/app/store_service.hpp"

namespace weave::controller {
namespace {

namespace fs = std::filesystem;

TEST(NamesOnDisk, are_what_was_saved) {
  std::string directory = (fs::temp_directory_path() / "weave-names-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  dns::OwnName const first{"weave:extern", "a.weave.local.", Ipv4Address{0x0a20'0001}};
  dns::OwnName const second{"an id with blanks", "B.weave.local.", Ipv4Address{0x0a20'0002}};
  {
    auto const store = StoreService::open(directory + "/state.db").value();
    ASSERT_TRUE(store->names().save({{first, dns::Wish::present}, {second, dns::Wish::absent}}));
  }
  {
    auto const store = StoreService::open(directory + "/state.db").value();
    EXPECT_EQ(store->names().load().value(),
              (std::vector<dns::NameStore::Row>{{first, dns::Wish::present}, {second, dns::Wish::absent}}));
    ASSERT_TRUE(store->names().save({{first, std::nullopt}}));
    EXPECT_EQ(store->names().load().value(), (std::vector<dns::NameStore::Row>{{second, dns::Wish::absent}}));
  }
  fs::remove_all(directory);
}

} // namespace
} // namespace weave::controller
