// A database that something else wrote into: whatever stands in its rows, reading them ends in values or in
// an error that is caught, and looking it over says what it finds.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "daemon/store/adoption.hpp"
#include "daemon/store/check.hpp"
#include "daemon/store/lists.hpp"
#include "daemon/store/schema.hpp"
#include "daemon/store/stored_json.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using mjwatchd::fuzz::must;

namespace {

std::filesystem::path put(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path base =
      std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  static const std::filesystem::path file = base / ("mjwatchd-fuzz-" + std::to_string(::getpid()) + ".db");
  std::filesystem::remove(file.string() + "-wal");
  std::filesystem::remove(file.string() + "-journal");
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  must(fd >= 0 && ::write(fd, data, size) == static_cast<ssize_t>(size));
  ::close(fd);
  return file;
}

void read_all(const std::filesystem::path& file, std::size_t size) {
  const auto db = open_for_reading(file);
  Adoption adoption;
  for (int pages = 0; pages < 100 && !adoption.next(*db).empty(); ++pages) {
  }
  StoreRules rules;
  rules.default_list = {"app"};
  const webhooks::SecretBox box(std::string(32, 'k'));
  for (const TaskView& task : list_tasks(*db, rules, {})) must(task.record.key.id.size() <= size);
  for (const DeliveryView& delivery : list_deliveries(*db, {})) {
    static_cast<void>(load_outgoing(*db, box, delivery.record.no));
  }
  static_cast<void>(list_events(*db, {}));
  static_cast<void>(count(*db));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = put(data, size);
  try {
    read_all(file, size);
  } catch (const std::runtime_error& error) {
    must(error.what()[0] != '\0');
  }
  try {
    static_cast<void>(check_store(file));
  } catch (const std::runtime_error& error) {
    must(error.what()[0] != '\0');
  }
  const std::string text(fuzz::text_of(data, size < 4096 ? size : 4096));
  static_cast<void>(decode_images(text));
  try {
    static_cast<void>(decode_given(text));
  } catch (const std::runtime_error&) {
  }
  return 0;
}
