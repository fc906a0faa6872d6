#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "controller/app/store_service.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::controller {
namespace {

TEST(NamesOnDisk, are_what_was_saved) {
  test::TemporaryDirectory const directory;
  dns::OwnName const first{"weave:extern", "a.weave.local.", Ipv4Address{0x0a20'0001}};
  dns::OwnName const second{"an id with blanks", "B.weave.local.", Ipv4Address{0x0a20'0002}};
  {
    auto const store = StoreService::open(directory.file("state.db")).value();
    ASSERT_TRUE(store->names().save({{first, dns::Wish::present}, {second, dns::Wish::absent}}));
  }
  {
    auto const store = StoreService::open(directory.file("state.db")).value();
    EXPECT_EQ(store->names().load().value(),
              (std::vector<dns::NameStore::Row>{{first, dns::Wish::present}, {second, dns::Wish::absent}}));
    ASSERT_TRUE(store->names().save({{first, std::nullopt}}));
    EXPECT_EQ(store->names().load().value(), (std::vector<dns::NameStore::Row>{{second, dns::Wish::absent}}));
  }
}

} // namespace
} // namespace weave::controller
