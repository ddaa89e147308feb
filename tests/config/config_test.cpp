#include "daemon/config/config.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/config/support.hpp"

using namespace mjwatchd;
using namespace mjwatchd::config;
using namespace std::chrono_literals;

TEST_CASE("the annotated example loads and says exactly the defaults") {
  const Config example = load(EXAMPLE_CONFIG);
  CHECK(example.warnings.empty());
  const Config bare = parse(
      "state_dir: /var/lib/mjwatchd\n"
      "gateways: {octopusx: {url: 'https://octopusx.ai', token_file: octopusx.token}}\n"
      "webhooks:\n"
      "  default: [app]\n"
      "  endpoints: {app: {url: 'https://app.example.com/hooks/midjourney', secret_file: app.secret}}\n",
      EXAMPLE_CONFIG);
  CHECK(print(example) == print(bare));
  CHECK(example.images.directory == "/var/lib/mjwatchd/images");
  CHECK(example.webhooks.retry.size() == 10);
}

TEST_CASE("the settings of the core come from the file") {
  const Config config = parse(
      "state_dir: /s\n"
      "gateways:\n"
      "  one: {url: 'https://a.example', token_file: t, batch: 7, call_cost: 250ms, max_in_flight: 3}\n"
      "  two: {url: 'http://127.0.0.1:81/', token_env: T, prefix: /mj-fast/mj/}\n"
      "watch: {expire_after: 2h, max_gap: 5s}\n"
      "images: {give_up: 30s, seed: true}\n"
      "webhooks:\n  retry: [1s, 2s]\n  endpoints: {e: {url: 'https://e.example', format: notify-hook, "
      "max_per_second: 2.5}}\n",
      "/etc/x.yaml");
  const Settings settings = core_settings(config, 42);
  CHECK(settings.seed == 42);
  CHECK(settings.gateways.at("one").batch == 7);
  CHECK(settings.gateways.at("one").call_cost == 250ms);
  CHECK(settings.gateways.at("one").max_in_flight == 3);
  CHECK(settings.watch.expire_after == 2h);
  CHECK(settings.images.give_up == 30s);
  CHECK(settings.images.seed);
  CHECK(settings.webhooks.retry == std::vector<milliseconds>{1s, 2s});
  CHECK(settings.webhooks.endpoints.at("e").max_per_second == doctest::Approx(2.5));
  CHECK(config.gateways.front().name == "one");  // the file's order: the first is the default
  CHECK(config.gateways[1].url == "http://127.0.0.1:81");
  CHECK(config.gateways[1].prefix == "/mj-fast/mj");
}

TEST_CASE("what is printed loads again as the same, and holds no secret") {
  const Config config = good("  headers: {Authorization: Bearer verysecret}\n", "?key=verysecret");
  const std::string printed = print(config);
  CHECK(printed.find("verysecret") == std::string::npos);
  const Config again = parse(printed, "/etc/mjwatchd/mjwatchd.yaml");
  CHECK(print(again) == printed);
  CHECK(config.webhooks.endpoints.at("app").headers.front().second == "Bearer verysecret");
}

TEST_CASE("the state folder comes from systemd when the file names none") {
  const std::string text = "gateways: {g: {url: 'https://g.example', token_file: t}}\n";
  {
    const Variable variable("STATE_DIRECTORY", "/var/lib/one:/var/lib/two");
    CHECK(parse(text, "/x.yaml").state_dir == "/var/lib/one");
  }
  const Variable variable("STATE_DIRECTORY", nullptr);
  CHECK(mistakes(text) == Lines{"/x.yaml:1:1: state_dir: is missing, and there is no $STATE_DIRECTORY; name an "
                                "absolute folder"});
}

TEST_CASE("http to a receiver elsewhere is worth a warning, to loopback not") {
  const std::string head = "state_dir: /s\ngateways: {g: {url: 'https://g.example', token_file: t}}\n";
  const auto warnings = [&](const std::string& url) {
    return parse(head + "webhooks: {endpoints: {e: {url: '" + url + "', format: notify-hook}}}\n", "/x.yaml").warnings;
  };
  CHECK(warnings("http://app.example/") ==
        Lines{"/x.yaml:3:33: webhooks.endpoints.e.url: http:// sends webhooks unencrypted"});
  CHECK(warnings("http://127.0.0.1:9/x").empty());
  CHECK(warnings("http://[::1]:9/x").empty());
}

TEST_CASE("a file that can't be read is a mistake of the configuration") {
  CHECK_THROWS_WITH_AS((void)load("/no/such/file.yaml"),
                       "/no/such/file.yaml:1:1: can't be read: No such file or directory", ConfigError);
  CHECK_THROWS_AS((void)load("/"), ConfigError);
}
