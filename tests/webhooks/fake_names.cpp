#include "tests/webhooks/fake_names.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

namespace {

struct Name {
  std::vector<std::vector<std::string>> answers;
  int asked = 0;
};

// curl looks names up on threads of its own.
std::mutex mutex;
std::map<std::string, Name> names;

using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

Lookup real() {
  static const auto found = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return found;
}

std::optional<std::vector<std::string>> answer_of(const char* node) {
  const std::lock_guard lock(mutex);
  const auto found = node == nullptr ? names.end() : names.find(node);
  if (found == names.end()) return std::nullopt;
  Name& name = found->second;
  const auto turn = static_cast<std::size_t>(name.asked++);
  return name.answers.at(std::min(turn, name.answers.size() - 1));
}

}  // namespace

// The program's own symbol comes before the C library's, for libraries, too. What it answers is made of
// real answers, which the real freeaddrinfo() takes apart.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  const auto addresses = answer_of(node);
  if (!addresses) return real()(node, service, hints, result);
  addrinfo numeric{};
  if (hints != nullptr) numeric = *hints;
  numeric.ai_family = AF_UNSPEC;
  numeric.ai_flags = AI_NUMERICHOST;
  addrinfo** end = result;
  *end = nullptr;
  for (const std::string& address : *addresses) {
    if (const int code = real()(address.c_str(), service, &numeric, end); code != 0) return code;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return *result == nullptr ? EAI_NONAME : 0;
}

namespace mjwatchd::webhooks::test {

FakeNames::FakeNames() = default;

FakeNames::~FakeNames() {
  const std::lock_guard lock(mutex);
  names.clear();
}

void FakeNames::say(const std::string& name, std::vector<std::vector<std::string>> answers) {
  const std::lock_guard lock(mutex);
  names[name] = {std::move(answers), 0};
}

int FakeNames::asked(const std::string& name) const {
  const std::lock_guard lock(mutex);
  const auto found = names.find(name);
  return found == names.end() ? 0 : found->second.asked;
}

}  // namespace mjwatchd::webhooks::test
