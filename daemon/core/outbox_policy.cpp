#include "daemon/core/outbox_policy.hpp"

#include <algorithm>
#include <cassert>

#include "mjwatchd/names.hpp"

namespace mjwatchd::outbox {
namespace {

// An address does not become allowed by asking often; three attempts outlast a DNS mistake.
constexpr std::uint32_t kRefusedAttempts = 3;

bool overloaded(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

}  // namespace

std::string describe(const SendResult& result) {
  std::string text =
      result.http_status != 0 ? "HTTP " + std::to_string(result.http_status) : std::string(name(result.fault));
  if (text.empty()) text = "no answer";
  if (!result.detail.empty()) text += ": " + result.detail;
  return text;
}

Verdict judge(const SendResult& result, std::uint32_t attempts, std::size_t ladder) {
  Verdict verdict;
  // A 2xx counts however the rest of the answer went: the receiver has the event.
  if (result.http_status >= 200 && result.http_status < 300) {
    verdict.outcome = Outcome::delivered;
    return verdict;
  }
  if (result.fault == SendFault::cancelled || result.fault == SendFault::proxy) {
    verdict.outcome = result.fault == SendFault::proxy ? Outcome::uncharged : Outcome::cancelled;
    verdict.charged = false;
    return verdict;
  }
  if (result.http_status == 410) {
    verdict.outcome = Outcome::gone;
    verdict.reason = "the receiver answered 410 Gone";
    return verdict;
  }
  verdict.slow_down = overloaded(result.http_status);
  if (result.fault == SendFault::invalid) {
    verdict.outcome = Outcome::dead;
    verdict.charged = false;
    verdict.reason = describe(result);
    return verdict;
  }
  if (result.fault == SendFault::refused_address) {
    verdict.charged = false;
    if (attempts >= kRefusedAttempts) {
      verdict.outcome = Outcome::dead;
      verdict.reason = describe(result);
      return verdict;
    }
  }
  if (attempts > ladder) {
    verdict.outcome = Outcome::dead;
    verdict.reason = "every retry was used; the last: " + describe(result);
  }
  return verdict;
}

milliseconds Jitter::over(milliseconds base) {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  z ^= z >> 31U;
  const auto widest = std::min<milliseconds>(base / 5, std::chrono::minutes(15));
  if (widest.count() <= 0) return base;
  return base + milliseconds(static_cast<milliseconds::rep>(z % (static_cast<std::uint64_t>(widest.count()) + 1)));
}

milliseconds wait_after(const std::vector<milliseconds>& ladder, std::uint32_t attempts, const Verdict& verdict,
                        const SendResult& result, Jitter& jitter) {
  assert(attempts >= 1 && attempts <= ladder.size());
  milliseconds base = ladder[attempts - 1];
  if (verdict.slow_down) base = std::max(base, kOverloadPause);
  milliseconds wait = jitter.over(base);
  if (result.retry_after) wait = std::max(wait, std::min(*result.retry_after, kLongestRetryAfter));
  return wait;
}

Time due(const DeliveryRecord& delivery, Now now) {
  if (delivery.attempts == 0) return now.steady;
  const Time due = now.at(delivery.due);
  const milliseconds whole = due - now.at(delivery.tried_at.value_or(delivery.due));
  const bool known = whole > milliseconds(0) && whole <= kLongestWait;
  return std::min(due, now.steady + (known ? whole : kLongestRetryAfter + std::chrono::hours(1)));
}

}  // namespace mjwatchd::outbox
