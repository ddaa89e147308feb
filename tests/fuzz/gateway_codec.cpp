// Whatever a gateway sends: decoded, merged and searched for pictures, and what must hold is checked.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/gateway/codec.hpp"
#include "daemon/gateway/json.hpp"
#include "daemon/gateway/links.hpp"
#include "daemon/gateway/merge.hpp"
#include "daemon/gateway/one_line.hpp"

namespace {

using namespace mjwatchd;
using namespace mjwatchd::gateway;
using Verdict = FetchReply::Verdict;

void must(bool holds) {
  if (!holds) std::abort();
}

void check_line(const std::string& detail) {
  must(detail.size() <= 200);
  must(std::none_of(detail.begin(), detail.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
}

/// An object, as it was sent or as we write it; and what we write of it we would write again.
std::string check_object(const std::string& object) {
  const auto json = parse_json(object);
  must(json && json->is(Json::Kind::object));
  std::string written = write_json(*json);
  const auto again = parse_json(written);
  must(again && write_json(*again) == written);
  return written;
}

void check_decoded(const Decoded& decoded, const std::vector<std::string>& asked) {
  check_line(decoded.detail);
  must(decoded.tasks.empty() || decoded.verdict == Verdict::answered);
  std::set<std::string> told;
  for (const Snapshot& task : decoded.tasks) {
    must(std::find(asked.begin(), asked.end(), task.id) != asked.end());
    must(told.insert(task.id).second);
    must(task.digest != 0 && task.progress.value_or(0) <= 100);
    check_object(std::string(*task.json));
  }
}

bool is_link(const std::string& key) { return key.starts_with("image") || key == "thumbnailUrl"; }

void check_merge(const std::string& stored, const std::string& fresh) {
  const std::string merged = merge_objects(stored, fresh);
  const std::string written = check_object(merged);
  must(written == check_object(merge_trees(stored, fresh)));  // the quick way leads where the long one does
  must(merge_objects(merged, fresh) == merged);               // said again, it is no news
  const auto before = parse_json(stored);
  const auto after = parse_json(merged);
  for (std::size_t i = 0; i < before->items.size(); ++i) {
    const Json* kept = after->find(before->keys[i]);
    if (kept == nullptr && is_link(before->keys[i])) continue;  // a preview's, which is not the picture's
    must(kept != nullptr);
    must(is_link(before->keys[i]) || !kept->empty() || before->find(before->keys[i])->empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> asked{"1705298817774894", "1712158011464906", "modal-wait", "1"};
  const Decoded batch = decode_batch(body, asked);
  check_decoded(batch, asked);
  const Decoded one = decode_one(body, asked.front());
  check_decoded(one, {asked.front()});
  must(one.verdict != Verdict::answered || one.tasks.size() == 1);
  for (const int status : {200, 400, 404, 500}) {
    const auto seed = decode_seed(status, body);
    check_line(seed.detail);
    must(!seed.seed || (status == 200 && !seed.retry && !seed.seed->empty()));
  }
  static_cast<void>(is_denial(body));
  check_line(describe_body(body));
  for (const PictureLink& link : picture_links(body)) must(!link.url.empty());
  for (std::size_t i = 1; i < batch.tasks.size(); ++i)
    check_merge(std::string(*batch.tasks[i - 1].json), std::string(*batch.tasks[i].json));
  for (const Snapshot& task : batch.tasks)
    check_merge(std::string(*task.json), R"({"status":"SUCCESS","startTime":0,"buttons":[]})");
  return 0;
}
