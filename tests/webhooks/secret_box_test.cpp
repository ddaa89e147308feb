#include "daemon/webhooks/secret_box.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using mjwatchd::webhooks::SecretBox;

TEST_CASE("a sealed secret opens under its key and context, and under no other") {
  const SecretBox box(std::string(32, 'k'));
  const std::string sealed = box.seal("whsec_abc", "task 1");
  CHECK(sealed.find("whsec") == std::string::npos);
  CHECK(box.open(sealed, "task 1") == "whsec_abc");
  CHECK_FALSE(box.open(sealed, "task 2"));
  CHECK_FALSE(SecretBox(std::string(32, 'x')).open(sealed, "task 1"));
  CHECK(box.seal("whsec_abc", "task 1") != sealed);
  CHECK(box.open(box.seal("", ""), "") == "");
}

TEST_CASE("any damaged or shortened byte is noticed") {
  const SecretBox box(std::string(32, 'k'));
  const std::string sealed = box.seal("secret", "context");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CHECK_FALSE(box.open(damaged, "context"));
    CHECK_FALSE(box.open(sealed.substr(0, i), "context"));
  }
  CHECK_THROWS_AS(SecretBox("short"), std::invalid_argument);
}
