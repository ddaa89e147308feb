// What the store's tests save pictures with.
#pragma once

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "daemon/images/directory_store.hpp"
#include "tests/images/temporary_folder.hpp"
#include "tests/support/raw_server.hpp"

namespace mjwatchd::images::test {

using mjwatchd::test::close_reply;
using mjwatchd::test::RawServer;

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <typename Condition>
void run_until(asio::io_context& io, Condition condition) {
  io.restart();
  while (!condition() && io.run_one_for(std::chrono::seconds(20)) > 0) {
  }
  REQUIRE(condition());
}

/// A store in a folder of its own, whose gateway is at `url`.
struct House {
  explicit House(const std::string& url) {
    options.directory = where.path.string();
    options.keep_free = 0;
    options.seed_wait = milliseconds(200);
    options.seed_pause = milliseconds(1);
    options.allow_http = [](const std::string&) { return true; };
    GatewayOptions gateway;
    gateway.name = "gw";
    gateway.url = url;
    gateway.image_url = [url](const std::string& id) { return url + "/mj/image/" + id; };
    gateway.auth_header = "mj-api-secret: s3cret";
    options.gateways.push_back(gateway);
  }

  SaveReport save(const std::string& object, SaveMode mode = SaveMode::image, bool seed = false) {
    if (!store) store = std::make_unique<DirectoryImageStore>(io, client, options);
    std::optional<SaveReport> report;
    SaveOrder order;
    order.key = {"gw", "t1"};
    order.mode = mode;
    order.seed = seed;
    order.object = object;
    store->save(std::move(order), [&](SaveReport got) { report = std::move(got); });
    REQUIRE_FALSE(report.has_value());
    io.restart();
    while (!report && io.run_one_for(std::chrono::seconds(20)) > 0) {
    }
    REQUIRE(report.has_value());
    return *report;
  }

  /// After the store's end: part files are removed by the worker, perhaps after the answer.
  std::size_t files_left() {
    store.reset();
    return where.files();
  }

  TemporaryFolder where;
  asio::io_context io;
  http::Client client{io};
  Options options;
  std::unique_ptr<DirectoryImageStore> store;
};

inline std::string image_at(const std::string& url) { return R"({"imageUrl":")" + url + "\"}"; }

}  // namespace mjwatchd::images::test
