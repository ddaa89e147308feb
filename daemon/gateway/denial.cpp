#include "daemon/gateway/denial.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "daemon/gateway/words.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr std::size_t kLongest = 1024;

using Words = std::vector<std::string>;

/// The words in lower case; an underscore parts them as a blank does.
Words words_of(std::string_view text) {
  Words words(1);
  for (const char given : text) {
    const char c = lower(given);
    if (is_letter_or_digit(c) || c == '\'' || c == '-') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

/// What may stand between "task" and "not found": its id and small words.
bool is_filling(const std::string& word) {
  return is_one_of(word, {"id", "is", "was", "does", "did", "do", "could", "with", "the", "this"}) ||
         std::any_of(word.begin(), word.end(), is_digit);
}

bool denied_at(const Words& words, std::size_t at) {
  if (at + 1 >= words.size()) return false;
  if (is_one_of(words[at], {"not", "no"})) {
    const std::size_t next = at + 1 + (words[at + 1] == "be" ? 1 : 0);
    return next < words.size() && is_one_of(words[next], {"found", "exist", "exists"});
  }
  return is_one_of(words[at], {"doesn't", "didn't"}) && words[at + 1] == "exist";
}

}  // namespace

bool denies_task(std::string_view text) {
  text = text.substr(0, kLongest);
  for (const std::string_view phrase : {"任务不存在", "任务未找到", "未找到任务", "找不到任务", "任务已失效"}) {
    if (text.find(phrase) != std::string_view::npos) return true;
  }
  const Words words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_one_of(words[i], {"task", "taskid", "job"})) continue;
    if (i > 0 && is_one_of(words[i - 1], {"such", "unknown"})) return true;
    std::size_t next = i + 1;
    while (next < words.size() && is_filling(words[next])) ++next;
    if (denied_at(words, next)) return true;
  }
  return false;
}

}  // namespace mjwatchd::gateway
