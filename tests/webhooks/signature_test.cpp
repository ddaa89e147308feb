#include "daemon/webhooks/signature.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd;
using namespace mjwatchd::webhooks;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTime = 1614265330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr std::string_view kEd25519 =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr std::string_view kEd25519Signature =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

SigningKey key(std::string_view text) {
  auto parsed = parse_signing_key(text);
  REQUIRE(parsed);
  return *parsed;
}

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

}  // namespace

TEST_CASE("the specification's vectors come out") {
  CHECK(sign({key(kSecret)}, kId, kTime, kBody) == kSignature);
  CHECK(sign({key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")}, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
             R"({"email":"test@example.com","username":"test_user"})") ==
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
  CHECK(sign({key(kEd25519)}, kId, kTime, kBody) == kEd25519Signature);
}

TEST_CASE("a signature depends on nothing that was signed before, with the same key or another") {
  const std::string_view other_secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
  const auto other = sign({key(other_secret)}, kId, kTime, kBody);
  REQUIRE(other);
  CHECK(*other != kSignature);
  const std::string large(100'000, 'x');
  for (int i = 0; i < 3; ++i) {
    CHECK(sign({key(kSecret)}, kId, kTime, kBody) == kSignature);
    CHECK(sign({key(kSecret)}, kId, kTime, large) != kSignature);
    CHECK(sign({key(kSecret)}, kId, kTime, kBody) == kSignature);
    CHECK(sign({key(other_secret), key(kSecret)}, kId, kTime, kBody) == *other + " " + std::string(kSignature));
  }
}

TEST_CASE("several keys give several signatures, in their order, and each receiver finds its own") {
  const auto both = sign({key(kSecret), key(kEd25519)}, kId, kTime, kBody);
  REQUIRE(both);
  CHECK(*both == std::string(kSignature) + " " + std::string(kEd25519Signature));
  const auto pub = public_key(key(kEd25519));
  REQUIRE(pub);
  CHECK(pub->starts_with("whpk_"));
  const auto time = std::to_string(kTime);
  CHECK(verify({key(kSecret)}, kId, time, *both, kBody, at(kTime)) == Verification::good);
  CHECK(verify({key(*pub)}, kId, time, *both, kBody, at(kTime)) == Verification::good);
  const std::string joined = std::string(kEd25519Signature) + ", " + std::string(kSignature);
  CHECK(verify({key(kSecret)}, kId, time, joined, kBody, at(kTime)) == Verification::good);
  CHECK_FALSE(sign({key(*pub)}, kId, kTime, kBody));
}

TEST_CASE("whatever is changed no longer verifies") {
  const auto time = std::to_string(kTime);
  const auto check = [&](std::string_view id, std::string_view when, std::string_view signature,
                         std::string_view body) {
    return verify({key(kSecret)}, id, when, signature, body, at(kTime));
  };
  CHECK(check(kId, time, kSignature, kBody) == Verification::good);
  CHECK(check("msg_other", time, kSignature, kBody) == Verification::bad_signature);
  CHECK(check(kId, std::to_string(kTime + 1), kSignature, kBody) == Verification::bad_signature);
  CHECK(check(kId, time, kSignature, "{}") == Verification::bad_signature);
  CHECK(check(kId, time, "v2" + std::string(kSignature.substr(2)), kBody) == Verification::bad_signature);
  CHECK(check(kId, time, "v1,AAAA", kBody) == Verification::bad_signature);
  CHECK(check(kId, time, "v1,%%% , ,,v1a", kBody) == Verification::bad_signature);
  CHECK(check(kId, "soon", kSignature, kBody) == Verification::bad_timestamp);
  CHECK(check("", time, kSignature, kBody) == Verification::incomplete);
}

TEST_CASE("a timestamp is good for five minutes, before and after") {
  const auto when = [](std::int64_t now) {
    return verify({key(kSecret)}, kId, std::to_string(kTime), kSignature, kBody, at(now));
  };
  CHECK(when(kTime + 300) == Verification::good);
  CHECK(when(kTime - 300) == Verification::good);
  CHECK(when(kTime + 301) == Verification::bad_timestamp);
  CHECK(when(kTime - 301) == Verification::bad_timestamp);
}

TEST_CASE("a secret is 24 to 64 bytes of base64, padded or not, and errors do not show it") {
  CHECK(parse_signing_key("whsec_" + std::string(32, 'A')));
  CHECK(parse_signing_key("whsec_" + std::string(34, 'A') + "=="));
  CHECK(parse_signing_key("whsec_" + std::string(34, 'A')));
  std::string why;
  CHECK_FALSE(parse_signing_key("whsec_" + std::string(31, 'A'), &why));
  CHECK(why.find("24 to 64") != std::string::npos);
  CHECK_FALSE(parse_signing_key("whsec_" + std::string(88, 'A'), &why));
  CHECK_FALSE(parse_signing_key("whsec_topsecret!", &why));
  CHECK(why.find("topsecret") == std::string::npos);
  CHECK_FALSE(parse_signing_key("", &why));
  CHECK_FALSE(parse_signing_key("whsk_" + std::string(40, 'A'), &why));
  CHECK(why.find("32 bytes, or 64") != std::string::npos);
  std::string mismatched(kEd25519);
  mismatched.replace(60, 4, "AAAA");
  CHECK_FALSE(parse_signing_key(mismatched));
}

TEST_CASE("people are told what is wrong with a webhook, and each thing otherwise") {
  CHECK(describe(Verification::good) == "good");
  CHECK(describe(Verification::bad_signature).find("fits no key") != std::string_view::npos);
  CHECK(describe(Verification::bad_timestamp).find("5 minutes") != std::string_view::npos);
  CHECK(describe(Verification::incomplete).find("missing") != std::string_view::npos);
}
