// Every kind of mistake, with the exact words the user reads.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "daemon/config/config.hpp"
#include "tests/config/support.hpp"

namespace {

const std::string kHead = "state_dir: /s\ngateways: {g: {url: 'https://g.example', token_file: t}}\n";

// The one mistake of a good file with this added as its third line; all of them when there are more.
std::string mistake(const std::string& third_line) {
  std::string all;
  for (const auto& line : mistakes(kHead + third_line)) all += (all.empty() ? "" : "\n") + line;
  return all;
}

std::string gateway(const std::string& keys) {
  std::string all;
  for (const auto& line : mistakes("state_dir: /s\ngateways: {g: {" + keys + "}}"))
    all += (all.empty() ? "" : "\n") + line;
  return all;
}

std::string endpoint(const std::string& keys) { return mistake("webhooks: {endpoints: {e: {" + keys + "}}}"); }

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("all mistakes are told at once, in the order of the file") {
  const Lines lines = mistakes(
      "state_dir: relative\n"
      "gateways:\n"
      "  octopusx:\n"
      "    url: ftp://octopusx.ai\n"
      "    batch: 0\n"
      "    timout: 30s\n"
      "watch:\n"
      "  max_gap: 60\n");
  CHECK(lines ==
        Lines{"/x.yaml:1:12: state_dir: must be an absolute path, like /var/lib/mjwatchd",
              "/x.yaml:3:3: gateways.octopusx.token_file: is missing; name a file that holds the token, or an "
              "environment variable by token_env",
              "/x.yaml:4:10: gateways.octopusx.url: \"ftp\" is not allowed; allowed: https://, or http:// to loopback",
              "/x.yaml:5:12: gateways.octopusx.batch: \"0\" is not allowed; allowed: a whole number from 1 to 1000",
              "/x.yaml:6:5: gateways.octopusx.timout: is not a key here; did you mean \"timeout\"?",
              "/x.yaml:8:12: watch.max_gap: \"60\" has no unit; write a duration like 250ms, 5s, 10m, 24h or 30d"});
}

TEST_CASE("durations and sizes need a known unit and must be in range") {
  CHECK(has(mistake("watch: {max_gap: 60}"), "has no unit"));
  CHECK(has(mistake("watch: {max_gap: 60x}"), "\"x\" is not a unit"));
  CHECK(has(mistake("watch: {max_gap: -5s}"), "is not a duration"));
  CHECK(has(mistake("watch: {max_gap: 1.5s}"), "is not a unit"));
  CHECK(has(mistake("watch: {max_gap: 0s}"), "is out of range; allowed: 1s to 1d"));
  CHECK(has(mistake("watch: {max_gap: 99999999999999999999s}"), "is not a duration"));
  CHECK(has(mistake("watch: {max_gap: 9999999999999999d}"), "is too large"));
  CHECK(has(mistake("images: {max_size: 100}"), "has no unit"));
  CHECK(has(mistake("images: {max_size: 5MB}"), "\"MB\" is not a unit"));
  CHECK(has(mistake("images: {max_size: 99999999999TiB}"), "is too large"));
  CHECK(mistake("images: {max_size: 5MiB, keep_free: 0B}") == "");
}

TEST_CASE("values of the wrong kind are refused where they stand") {
  CHECK(mistake("watch: [1, 2]") == "/x.yaml:3:8: watch: is a list, but must be a map");
  CHECK(mistake("log: {level: {a: b}}") == "/x.yaml:3:14: log.level: is a map, but must be a single value");
  CHECK(mistake("images: {allow: 10.0.0.0/8}") ==
        "/x.yaml:3:17: images.allow: is a single value, but must be a list, like [a, b]");
  CHECK(has(mistake("images: {seed: yes}"), "\"yes\" is not a truth value; allowed: true or false"));
  CHECK(has(mistake("log: {level: loud}"), "allowed: trace, debug, info, warn, error or off"));
  CHECK(has(mistake("images: {save: some}"), "allowed: image, all, video or none"));
}

TEST_CASE("a key given twice is refused, with the line of the first") {
  CHECK(mistake("log:\n  level: info\n  level: warn") ==
        "/x.yaml:5:3: level: is given twice; it was given before in line 4, keep one of them");
}

TEST_CASE("an unknown key near to nothing gets the list of what is allowed") {
  CHECK(mistake("log: {colour: red}") == "/x.yaml:3:7: log.colour: is not a key here; allowed: format or level");
  CHECK(has(mistake("gatewys: {}"), "did you mean \"gateways\"?"));
}

TEST_CASE("a gateway needs a safe URL, without path and user") {
  CHECK(has(gateway("url: 'http://g.example', token_file: t"), "http:// would send the token unencrypted"));
  CHECK(gateway("url: 'http://g.example', allow_http: true, token_file: t") == "");
  for (const char* url : {"http://localhost:1", "http://127.8.8.8", "http://[::1]:80"}) {
    CHECK(gateway("url: '" + std::string(url) + "', token_file: t") == "");
  }
  CHECK(has(gateway("url: 'http://localhost.example', token_file: t"), "unencrypted"));
  CHECK(has(gateway("url: 'https://g.example/mj', token_file: t"), "a path belongs into \"prefix\""));
  const std::string user = gateway("url: 'https://me:hunter2@g.example', token_file: t");
  CHECK(has(user, "must not hold a user or password"));
  CHECK_FALSE(has(user, "hunter2"));
  CHECK(has(gateway("token_file: t"), "gateways.g.url: is missing"));
  CHECK(has(gateway("url: 'not a url', token_file: t"), "is not a URL"));
  CHECK(has(gateway("url: 'https://g.example', token_file: t, token_env: T"), "keep one of them"));
  CHECK(has(gateway("url: 'https://g.example', token_file: t, prefix: mj"), "allowed: a path like /mj"));
  CHECK(has(gateway("url: 'https://g.example', token_file: t, proxy: 'socks4://p:1'"),
            "http://, https:// or socks5h://"));
  CHECK(has(gateway("url: 'https://g.example', token_file: t, auth: basic"), "bearer or mj-api-secret"));
  CHECK(has(gateway("url: 'https://g.example', token_file: t, rewrite_urls: {'ftp://a': 'https://b'}"),
            "http:// or https://"));
}

TEST_CASE("there must be a gateway, with a usable name") {
  CHECK(mistakes("state_dir: /s\n") == Lines{"/x.yaml:1:1: gateways: there must be at least one gateway"});
  CHECK(has(mistakes("state_dir: /s\ngateways: {'../up': {url: 'https://g', token_file: t}}").at(0),
            "is not a usable name"));
  CHECK(has(mistakes("state_dir: /s\ngateways: {}").at(0), "at least one gateway"));
}

TEST_CASE("endpoints need a secret, known events, and headers that are theirs to set") {
  CHECK(has(endpoint("url: 'https://e.example'"), "secret_file: is missing"));
  CHECK(endpoint("url: 'https://e.example', format: notify-hook") == "");
  CHECK(has(endpoint("url: 'https://e.example', secret_file: []"), "secret_file: is empty"));
  CHECK(has(endpoint("secret_file: s"), "url: is missing"));
  CHECK(has(endpoint("url: 'https://e.example', secret_file: s, events: [task.suceeded]"),
            "did you mean \"task.succeeded\"?"));
  CHECK(has(endpoint("url: 'https://e.example', secret_file: s, events: []"), "name at least one event"));
  for (const char* header : {"webhook-id: x", "Host: x", "Content-Type: x", "User-Agent: x", "Keep-Alive: x",
                             "Proxy-Connection: x", "Proxy-Authorization: x", "'a b': x"}) {
    CHECK(
        has(endpoint("url: 'https://e.example', secret_file: s, headers: {" + std::string(header) + "}"), "headers."));
  }
  CHECK(has(endpoint("url: 'https://e.example', secret_file: s, headers: {X-A: \"a\\r\\nB: c\"}"), "line break"));
  CHECK(has(endpoint("url: 'https://e.example', secret_file: s, timeout: 31s"), "allowed: 100ms to 30s"));
  CHECK(has(endpoint("url: 'https://e.example', secret_file: s, max_per_second: nan"), "a number from 0"));
  CHECK(has(mistake("webhooks: {default: [ap], endpoints: {app: {url: 'https://e', secret_file: s}}}"),
            "\"ap\" is not one of webhooks.endpoints; did you mean \"app\"?"));
  CHECK(has(mistake("webhooks: {retry: []}"), "at least one wait"));
}

TEST_CASE("ranges of addresses are checked, and a lone address is a range of one") {
  for (const char* bad : {"10.0.0.0/33", "10.0.0/8", "fd00::/129", "example.com", "10.0.0.0/", "10.0.0.0/8x"}) {
    CHECK(mistake("images: {allow: ['" + std::string(bad) + "']}") != "");
  }
  const auto config = mjwatchd::config::parse(kHead + "images: {allow: [10.1.2.3, 'fd00::/8', '::1']}", "/x.yaml");
  CHECK(config.images.allow == Lines{"10.1.2.3/32", "fd00::/8", "::1/128"});
}

TEST_CASE("what is not built in is refused, not ignored") {
  CHECK(has(mistake("images: {directory: 's3://B/x'}"), "allowed: s3://bucket/prefix"));
  CHECK(has(mistake("images: {directory: 's3://bucket/a//b'}"), "the prefix has an empty part"));
  CHECK(has(mistake("images: {s3: {endpoint: 'http://minio.example.com:9000'}}"), "allowed: https://"));
  CHECK(has(mistake("images: {s3: {endpoint: 'https://minio.example.com/x'}}"), "a host and a port only"));
  CHECK(has(mistake("images: {s3: {access_key_file: a}}"), "images.s3.secret_key_file: is missing"));
  CHECK(has(mistake("images: {s3: {regoin: eu-west-1}}"), "region"));
  CHECK(has(mistake("store: mysql"), "allowed: sqlite"));
}

TEST_CASE("a store's address holds no password, and a lease is long enough to be renewed") {
  CHECK(mistake("store: postgresql://mjwatchd@db.example/mjwatchd?sslmode=verify-full") == "");
  CHECK(mistake("store: 'postgresql://a@h1,h2:5433/x'") == "");
  CHECK(mistake("store_password_file: pg.password") == "");
  CHECK(has(mistake("store: postgresql://a:b@db/x"), "holds a password; write that into a file of its own"));
  CHECK(has(mistake("store: 'postgresql://db/x?password=b'"), "holds a password"));
  CHECK(has(mistake("store: 'postgresql://db/x?user=a&password=b'"), "holds a password"));
  CHECK(has(mistake("lease: 1s"), "allowed: 3s to 1h"));
  CHECK(has(mistake("lease: 15"), "has no unit"));
}

TEST_CASE("listening on TCP needs a token") {
  CHECK(has(mistake("control: {listen: '127.0.0.1:7780'}"), "needs control.token_file"));
  CHECK(mistake("control: {listen: '127.0.0.1:7780', token_file: t}") == "");
  CHECK(mistake("control: {listen: '[::1]:7780', token_file: t}") == "");
  for (const char* bad : {"7780", ":7780", "a:99999", "::1:7780", "http://x:1"}) {
    CHECK(has(mistake("control: {token_file: t, listen: '" + std::string(bad) + "'}"), "is not HOST:PORT"));
  }
  CHECK(mistake("control: {listen: '0.0.0.0:7780', token_file: t, hosts: [mjwatchd, mjwatchd.example.com]}") == "");
  for (const char* bad : {"http://x", "x:7780", "a b", "''"}) {
    CHECK(has(mistake("control: {token_file: t, listen: '127.0.0.1:7780', hosts: ['x', " + std::string(bad) + "]}"),
              "is not a host's name"));
  }
  CHECK(has(mistake("control: {mode: \"0999\"}"), "an octal mode"));
  CHECK(has(mistake("control: {socket: relative}"), "must be an absolute path"));
  CHECK(has(mistake("control: {socket: /" + std::string(120, 'x') + "}"), "107 bytes"));
}

TEST_CASE("a picture's name must keep pictures apart and inside their folder") {
  CHECK(has(mistake("images: {name: 'x{ext}'}"), "must hold {id} and {suffix}"));
  CHECK(has(mistake("images: {name: '{id}{suffix}{exd}'}"), "is not a placeholder"));
  CHECK(has(mistake("images: {name: '{id}{suffix'}"), "has no partner"));
  CHECK(has(mistake("images: {name: '../{id}{suffix}'}"), "must not hold \"..\""));
  CHECK(has(mistake("images: {name: '/{id}{suffix}'}"), "relative to images.directory"));
}
