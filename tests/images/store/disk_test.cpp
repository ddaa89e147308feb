// A disk that does not take pictures.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/images/pictures.hpp"
#include "tests/images/store/house.hpp"

namespace mjwatchd::images::test {

TEST_CASE("a full disk pauses saving, and says so") {
  const RawServer gateway([](const std::string&) { return close_reply(200, make_png(30, 30)); });
  House house(gateway.url());
  house.options.keep_free = ~0ULL;
  CHECK(house.save(image_at(gateway.url() + "/x.png")).verdict == SaveVerdict::try_again);
  run_until(house.io, [&] { return !house.store->paused().empty(); });
  CHECK(has(house.store->paused(), "too little free space"));
  CHECK(has(house.save(image_at(gateway.url() + "/y.png")).result.error.value(), "too little free space"));
  CHECK(gateway.requests().empty());
  CHECK(house.files_left() == 0);
}

namespace {

/// While it lasts, no file of this process can have a mebibyte.
struct SmallFiles {
  SmallFiles() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 512U << 10;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() { ::setrlimit(RLIMIT_FSIZE, &before); }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  rlimit before{};
};

}  // namespace

TEST_CASE("a pause ends by itself when the disk takes pictures again, and that is told once") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern("{id}{suffix}{ext}"), 0);
  asio::io_context io;
  FileWorker worker(io, 8);
  int resumed = 0;
  DiskPause pause(io, worker, folder, milliseconds(1), [&] { ++resumed; });
  {
    const SmallFiles limit;
    pause.suspect(1000);
    CHECK(pause.paused().empty());  // it may be that picture's own trouble
    run_until(io, [&] { return !pause.paused().empty(); });
    CHECK(has(pause.paused(), "File too large"));
    pause.suspect(1000);  // of which nothing new is to be learned
    io.run_for(milliseconds(20));
    CHECK_FALSE(pause.paused().empty());
    CHECK(resumed == 0);
  }
  run_until(io, [&] { return pause.paused().empty(); });
  CHECK(resumed == 1);
  CHECK(where.files() == 0);
}

TEST_CASE("a folder that is in the way of one picture does not stop the others") {
  const RawServer gateway([](const std::string&) { return close_reply(200, make_png(30, 30)); });
  House house(gateway.url());
  int resumed = 0;
  house.options.resumed = [&] { ++resumed; };
  house.options.name = "{gateway}/{id}/p{suffix}{ext}";
  std::filesystem::create_directories(house.where.path / "gw");
  std::ofstream(house.where.path / "gw" / "t1") << "not a folder";
  CHECK(has(house.save(image_at(gateway.url() + "/x.png")).result.error.value(), "opening a folder"));
  run_until(house.io, [&] { return house.store->orders() == 0; });
  std::filesystem::remove(house.where.path / "gw" / "t1");
  CHECK(house.save(image_at(gateway.url() + "/x.png")).verdict == SaveVerdict::saved);
  CHECK(house.store->paused().empty());
  CHECK(resumed == 0);
}

TEST_CASE("a picture for which there is no room is not fetched, and is no reason to pause for smaller ones") {
  const std::string png = make_png(30, 30);
  const RawServer gateway([&](const std::string& head) {
    return has(head, "large") ? close_reply(200, png, "", 100'000'000'000) : close_reply(200, png);
  });
  House house(gateway.url());
  struct statvfs space {};
  REQUIRE(::statvfs(house.where.path.c_str(), &space) == 0);
  const std::uint64_t free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  house.options.max_size = 200'000'000'000;
  house.options.keep_free = free < 100'000'000'000 ? 0 : free - 90'000'000'000;
  const SaveReport report = house.save(image_at(gateway.url() + "/large.png"));
  CHECK(report.verdict == SaveVerdict::try_again);
  CHECK(has(report.result.error.value(), "95368 MiB are needed"));
  CHECK(house.save(image_at(gateway.url() + "/small.png")).verdict == SaveVerdict::saved);
  CHECK(house.store->paused().empty());
}

}  // namespace mjwatchd::images::test
