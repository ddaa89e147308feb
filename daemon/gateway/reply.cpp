#include "daemon/gateway/reply.hpp"

#include <curl/curl.h>

#include <chrono>
#include <optional>
#include <utility>

#include "daemon/gateway/codec.hpp"
#include "daemon/gateway/one_line.hpp"
#include "daemon/webhooks/http_date.hpp"

namespace mjwatchd::gateway {
namespace {

using http::Fault;
using http::Response;
using Verdict = FetchReply::Verdict;

std::string fit(std::string_view text, std::string_view token) {
  return one_line(without_secret(std::string(text), token));
}

/// A page out of a cache bears the time at which it was made, not that of the answer.
std::optional<WallTime> gateway_clock(const Response& response) {
  const std::string date(response.header("date"));
  const std::string_view age = response.header("age");
  if (!age.empty() && age != "0") return std::nullopt;
  // curl takes "17" for a date, too; HTTP's forms begin with the day's name.
  if (date.size() < 24 || date.size() > 64 || (date[0] >= '0' && date[0] <= '9')) return std::nullopt;
  const std::time_t at = curl_getdate(date.c_str(), nullptr);
  if (at <= 0) return std::nullopt;
  return WallTime(std::chrono::seconds(at));
}

/// A date is held against the gateway's own clock: ours may differ by hours.
std::optional<milliseconds> retry_after(const Response& response, std::optional<WallTime> clock) {
  const auto ours = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  return webhooks::parse_retry_after(response.header("retry-after"), clock.value_or(ours));
}

std::string_view fault_words(Fault fault) {
  switch (fault) {
    case Fault::dns:
      return "its name is not found: ";
    case Fault::connect:
      return "no connection: ";
    case Fault::tls:
      return "TLS failed: ";
    case Fault::timeout:
      return "no answer in time: ";
    case Fault::proxy:
      return "the proxy failed: ";
    case Fault::invalid_url:
      return "no such call can be made: ";
    case Fault::too_large:
      return "the reply is too large: ";
    default:
      return "the exchange broke off: ";
  }
}

/// What a status means that is neither success nor redirect, and whose body need not be read.
Verdict verdict_of(int status, bool batch) {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 422:
      return Verdict::rejected;
    case 401:
    case 403:
      return Verdict::refused;
    case 404:
    case 410:
      return batch ? Verdict::unsupported : Verdict::unknown_task;
    case 405:
    case 501:
      return batch ? Verdict::unsupported : Verdict::nonsense;  // a fetch is never "unsupported"
    case 407:
    case 408:
    case 425:
      return Verdict::unavailable;
    case 429:
      return Verdict::throttled;
    case 500:
      return Verdict::failed;
    default:
      return status > 501 ? Verdict::unavailable : Verdict::nonsense;
  }
}

/// An exchange that broke off. Its status still tells something, unless it takes a whole body to.
Verdict verdict_of_broken(const Response& response, bool batch) {
  // Half of the batch may come within the bound.
  if (response.fault == Fault::too_large) return batch ? Verdict::rejected : Verdict::nonsense;
  const bool speaks = response.status == 401 || response.status == 403 || response.status == 429;
  return speaks || response.status == 500 ? verdict_of(response.status, batch) : Verdict::unavailable;
}

void read_body(const Response& response, const Question& question, std::string_view token, FetchReply& reply) {
  const auto decode = [&](std::string_view body) {
    return question.batch ? decode_batch(body, question.ids) : decode_one(body, question.ids.front());
  };
  Decoded decoded = decode(response.body);
  // Words are cut to length by the decoder, a token among them perhaps: it must go before.
  if (!decoded.detail.empty() && !token.empty() && response.body.find(token) != std::string::npos) {
    decoded.detail = decode(without_secret(response.body, token)).detail;
  }
  reply.verdict = decoded.verdict;
  reply.tasks = std::move(decoded.tasks);
  reply.detail = fit(decoded.detail, token);
}

std::string redirect_words(const Response& response) {
  std::string_view to = response.header("location");
  to = to.substr(0, to.find_first_of("?#"));
  return "HTTP " + std::to_string(response.status) + ": a redirect to " + one_line(to, 80) +
         ", which is not followed; the gateway's url must be the one that answers";
}

}  // namespace

FetchReply sort_reply(const Response& response, const Question& question, std::string_view token) {
  FetchReply reply;
  const int status = response.status;
  reply.http_status = status;
  reply.gateway_clock = gateway_clock(response);
  if (status >= 400) reply.retry_after = retry_after(response, reply.gateway_clock);
  if (response.fault != Fault::none) {
    reply.verdict = verdict_of_broken(response, question.batch);
    const std::string code = status >= 400 ? "HTTP " + std::to_string(status) + ", then " : std::string();
    reply.detail = fit(code + std::string(fault_words(response.fault)) + response.detail, token);
    return reply;
  }
  if (status >= 200 && status < 300) {
    read_body(response, question, token, reply);
    return reply;
  }
  if (status < 400) {
    reply.verdict = Verdict::nonsense;
    reply.detail = fit(redirect_words(response), token);
    return reply;
  }
  reply.verdict = verdict_of(status, question.batch);
  if (!question.batch && status == 400 && is_denial(response.body)) reply.verdict = Verdict::unknown_task;
  const std::string said = describe_body(without_secret(response.body, token));
  reply.detail = fit("HTTP " + std::to_string(status) + ": " + said, token);
  return reply;
}

Gateway::Seed sort_seed(const Response& response, std::string_view token) {
  Gateway::Seed seed;
  if (response.fault == Fault::none) {
    seed = decode_seed(response.status, without_secret(response.body, token));
  } else {
    seed.retry = response.status != 401 && response.status != 403 && response.fault != Fault::invalid_url;
    seed.detail = std::string(fault_words(response.fault)) + response.detail;
  }
  seed.detail = fit(seed.detail, token);
  return seed;
}

}  // namespace mjwatchd::gateway
