#include <doctest/doctest.h>

#include <cctype>
#include <random>

#include "daemon/control/registration.hpp"
#include "tests/control/fake_desk.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;

namespace {

const std::vector<std::string> kSeeds{
    R"({"gateway":"second","webhooks":["crm",{"url":"https://a.example/x","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","events":["task.failed"],"format":"cloudevents"}],"events":["task.succeeded"],"action":"IMAGINE","submitted_at":1712158011464,"metadata":{"a":[1,2.5e-3,"\u00e4\ud83d\ude00",null,true]},"save":"all","expire_after":"24h"})",
    R"({"ids":["a","b","1712158011464906"],"webhooks":[]})",
    R"({"id":"x","metadata":"\n\t\\\"","expire_after":"250ms"})",
    R"({"url":"http://127.0.0.1:1/","format":"notify-hook"})"};

/// Changes a few bytes, or cuts, doubles or swaps a piece.
std::string mutated(std::string text, std::mt19937_64& dice) {
  constexpr std::string_view kBytes = "{}[]\",:\\/.0123456789eE+-truefalsn u\n\xff\xc3";
  const auto roll = [&](std::size_t sides) { return std::uniform_int_distribution<std::size_t>(0, sides - 1)(dice); };
  for (std::size_t changes = 1 + roll(4); changes > 0 && !text.empty(); --changes) {
    const auto at = roll(text.size());
    switch (roll(9)) {
      case 0:
        text[at] = kBytes[roll(kBytes.size())];
        break;
      case 1:
        text.erase(at, 1 + roll(12));
        break;
      case 2:
        text.insert(at, text.substr(roll(text.size()), 1 + roll(20)));
        break;
      case 3:
        text[at] = static_cast<char>(roll(256));
        break;
      case 4:
        text.resize(at);
        break;
      default:  // a word or number that is only slightly another one
        if (std::isalnum(static_cast<unsigned char>(text[at])) != 0) text[at] = static_cast<char>(text[at] ^ 1);
    }
  }
  return text;
}

/// What was taken is within every bound, and reads as the same again.
void check_taken(const Registration& wish, const Desk& desk) {
  CHECK_FALSE(refuse_id(wish.key.id));
  CHECK(desk.has_gateway(wish.key.gateway));
  CHECK(wish.metadata.size() <= kMostMetadata);
  CHECK((!wish.webhooks || wish.webhooks->size() <= kMostReceivers));
  std::string again = "{";
  for (const auto& [key, value] : wish.given) {
    if (key != "webhooks") again += (again.size() > 1 ? ",\"" : "\"") + key + "\":" + value;
  }
  std::string wrong;
  const auto body = read_json(again + "}", wrong);
  REQUIRE_MESSAGE(body, wrong, " in ", again);
  const auto decoded = decode_registration(*body, wish.key.id, wish.key.gateway, desk);
  REQUIRE(std::holds_alternative<Registration>(decoded));
  auto given = wish.given;
  given.erase("webhooks");
  CHECK(std::get<Registration>(decoded).given == given);
}

}  // namespace

TEST_CASE("no mutation of a registration crashes the decoder or slips through its bounds") {
  asio::io_context io;
  EventHub hub;
  const test::FakeDesk desk(io, hub);
  std::mt19937_64 dice(20261123);
  std::size_t taken = 0, refused = 0, no_json = 0;
  for (int round = 0; round < 40000; ++round) {
    const auto text = mutated(kSeeds[static_cast<std::size_t>(round) % kSeeds.size()], dice);
    std::string wrong;
    const auto body = read_json(text, wrong);
    if (!body) {
      ++no_json;
      CHECK_FALSE(wrong.empty());
      continue;
    }
    for (const auto& decoded : {decode_registration(*body, "t1", "", desk), decode_line(*body, "", desk)}) {
      if (const auto* refusal = std::get_if<Refusal>(&decoded)) {
        ++refused;
        CHECK_FALSE(refusal->what.empty());
        CHECK(refusal->text().size() < 2500);
      } else {
        ++taken;
        check_taken(std::get<Registration>(decoded), desk);
      }
    }
    static_cast<void>(decode_many(*body, "", desk));
    static_cast<void>(decode_receiver(*body, desk));
  }
  // The dice reach every outcome often.
  CHECK(taken > 500);
  CHECK(refused > 2000);
  CHECK(no_json > 10000);
}
