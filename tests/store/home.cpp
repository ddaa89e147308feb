#include "tests/store/home.hpp"

namespace mjwatchd::store::test {

std::unique_ptr<Home> make_home(const std::filesystem::path& folder) { return make_sqlite_home(folder); }

}  // namespace mjwatchd::store::test
