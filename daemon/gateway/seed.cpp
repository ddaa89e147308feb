#include <algorithm>
#include <optional>

#include "daemon/gateway/codec.hpp"
#include "daemon/gateway/envelope.hpp"
#include "daemon/gateway/json.hpp"
#include "daemon/gateway/one_line.hpp"
#include "daemon/gateway/task_fields.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

/// Seeds are numbers of up to ten digits; room is left for servers that name them.
bool is_seed(const std::string& word) {
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; };
  return !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), allowed) &&
         std::any_of(word.begin(), word.end(), is_digit);
}

std::string seed_in(const Json& reply) {
  const Json* value = &reply;
  for (int wrappers = 0; wrappers < 4 && value != nullptr && value->is(Json::Kind::object); ++wrappers) {
    value = value->find({"seed", "result", "data"});
  }
  std::string word = read_word(value);
  return is_seed(word) ? word : std::string();
}

/// Whether the seed may come yet: while it is being made, while the task is not finished, after an
/// error of the server's; not when the task or the call is unknown, or we are refused.
bool may_come(int status) {
  switch (status) {
    case 400:
    case 408:
    case 425:
    case 429:
      return true;
    default:
      return (status >= 200 && status < 300) || (status >= 500 && status != 501);
  }
}

}  // namespace

Gateway::Seed decode_seed(int http_status, std::string_view body) {
  Gateway::Seed seed;
  seed.detail = "HTTP " + std::to_string(http_status) + ": " + describe_body(body);
  seed.retry = may_come(http_status);
  if (http_status < 200 || http_status >= 300) return seed;
  const auto json = parse_json(body, nullptr, {64U << 10, 16, 1000});
  if (!json || !json->is(Json::Kind::object)) return seed;
  const std::string code = read_word(json->find("code"));
  if (!code.empty() && code != "0" && code != "1" && code != "200") return seed;
  std::string word = seed_in(*json);
  if (word.empty()) return seed;
  seed.seed = std::move(word);
  seed.retry = false;
  seed.detail.clear();
  return seed;
}

}  // namespace mjwatchd::gateway
