// How fast a gateway's reply is read: 100 tasks with their buttons, some 300 KB, from its bytes to
// what the core compares; and the same when one task in ten has changed and its object is kept.
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "daemon/gateway/codec.hpp"

namespace {

constexpr int kTasks = 100, kButtons = 20, kTurns = 300;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string task(int number) {
  const std::string id = std::to_string(1712158000000000 + number);
  std::string text = R"({"id":")" + id +
                     R"(","action":"IMAGINE","status":"IN_PROGRESS","progress":"50%","submitTime":1712158011464,)"
                     R"("startTime":1712158011999,"finishTime":0,"imageUrl":"https://cdn.example/attachments/1/)" +
                     id +
                     R"(.png?ex=66a1b2c3","failReason":null,"promptEn":"a cat on a roof, golden light",)"
                     R"("prompt":"a cat on a roof, golden light — 猫 --ar 16:9 --v 6","buttons":[)";
  for (int i = 0; i < kButtons; ++i) {
    text += (i == 0 ? "" : ",") + std::string(R"({"customId":"MJ::JOB::upsample::)") + std::to_string(i) + "::" + id +
            R"(-9f1b-4c2d-8e3f-0a1b2c3d4e5f","emoji":"🔄","label":"U)" + std::to_string(i) + R"(","type":2,"style":1})";
  }
  return text + R"(],"properties":{"notifyHook":null,"botType":"MID_JOURNEY","finalPrompt":"a cat"}})";
}

}  // namespace

int main() {
  std::vector<std::string> ids;
  std::string body = "[";
  for (int i = 0; i < kTasks; ++i) {
    ids.push_back(std::to_string(1712158000000000 + i));
    body += (i == 0 ? "" : ",") + task(i);
  }
  body += "]";
  std::uint64_t sum = 0;
  const double begin = cpu_seconds();
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto decoded = mjwatchd::gateway::decode_batch(body, ids);
    if (decoded.tasks.size() != static_cast<std::size_t>(kTasks)) return 1;
    sum += decoded.tasks.back().digest;
  }
  const double took = cpu_seconds() - begin;
  std::printf("%zu %.1f %llu\n", body.size(), static_cast<double>(body.size()) * kTurns / took / 1e6,
              static_cast<unsigned long long>(sum));
  return 0;
}
