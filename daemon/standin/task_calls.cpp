// The documented task API, with the replies that servers were recorded to give.
#include <rapidjson/document.h>

#include "daemon/standin/gateway_impl.hpp"

namespace mjwatchd::standin {

namespace {

constexpr const char* kUnknown = R"({"description":"task_no_found ","type":"upstream_error","code":4})";
constexpr std::size_t kMostIds = 5000;
constexpr std::size_t kMostTold = 1'000'000;

std::string wrapped(const std::string& inner) { return R"({"code":0,"msg":"success","data":)" + inner + "}"; }

http::ServerResponse html(int status, const std::string& title) {
  http::ServerResponse response;
  response.status = status;
  response.headers.emplace_back("content-type", "text/html");
  response.body =
      "<!DOCTYPE html><html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n";
  return response;
}

/// The ids of {"ids":["…"]}; nothing when it is something else.
std::optional<std::vector<std::string>> ids_of(const rapidjson::Document& document) {
  if (!document.IsObject()) return std::nullopt;
  const auto found = document.FindMember("ids");
  if (found == document.MemberEnd() || !found->value.IsArray() || found->value.Size() > kMostIds) return std::nullopt;
  std::vector<std::string> ids;
  for (const auto& id : found->value.GetArray()) {
    if (!id.IsString()) return std::nullopt;
    ids.emplace_back(id.GetString(), id.GetStringLength());
  }
  return ids;
}

}  // namespace

bool GatewayServer::Impl::authorized(const http::ServerRequest& request) const {
  if (options.token.empty()) return true;
  const auto bearer = request.header("authorization");
  const auto secret = request.header("mj-api-secret");
  // One server refuses a call that carries both.
  if (!bearer.empty() && !secret.empty()) return false;
  if (options.auth == Auth::mj_api_secret) return secret == options.token;
  return bearer == "Bearer " + options.token;
}

std::optional<http::ServerResponse> GatewayServer::Impl::mishap() {
  if (vices.strikes("401")) return json_reply(401, "");
  if (vices.strikes("403")) return html(403, "Access denied");
  if (vices.strikes("429")) {
    auto response = json_reply(429, R"({"description":"too many requests","code":23})");
    response.headers.emplace_back("retry-after", "2");
    return response;
  }
  if (vices.strikes("500"))
    return json_reply(500, R"({"description":"internal error","type":"upstream_error","code":5})");
  if (vices.strikes("502")) return html(502, "502 Bad Gateway");
  if (vices.strikes("html")) return html(200, "Just a moment…");
  return std::nullopt;
}

void GatewayServer::Impl::task_call(const http::ServerRequest& request, std::vector<std::string> path,
                                    const http::ResponderPtr& to) {
  const auto is = [&](const char* method, std::size_t count, const char* first) {
    return request.method == method && path.size() == count && path[0] == first;
  };
  if (!authorized(request)) {
    ++calls["unauthorized"];
    to->reply(json_reply(401, R"({"description":"无效的令牌","type":"new_api_error","code":401})"));
    return;
  }
  const bool task_get = is("GET", 3, "task");
  const bool listing = is("POST", 2, "task") && path[1] == "list-by-condition";
  ++calls[listing ? "list" : task_get ? path[2] : path.empty() ? "other" : path[0]];
  if (auto failed = mishap()) {
    to->reply(std::move(*failed));
  } else if (listing && !vices.on("nobatch")) {
    to->reply(list(request.body));
  } else if (task_get && path[2] == "fetch") {
    to->reply(fetch(path[1]));
  } else if (task_get && path[2] == "image-seed") {
    to->reply(image_seed(path[1]));
  } else if (is("GET", 2, "image") || is("HEAD", 2, "image")) {
    image(request, path[1], to);
  } else if (is("POST", 2, "submit") && path[1] == "imagine") {
    to->reply(imagine(request.body));
  } else {
    to->reply(json_reply(404, R"({"status":404,"error":"Not Found"})"));
  }
}

/// A task's object, on its way to whoever asked. When its end is told for the first time is kept, for
/// measuring how soon the news is passed on.
std::string GatewayServer::Impl::tell(const BookedTask& task) {
  if (task.at(now()).finished && told.size() < kMostTold) {
    const auto moment = std::chrono::system_clock::now().time_since_epoch();
    told.try_emplace(task.script.id, std::chrono::duration_cast<std::chrono::microseconds>(moment).count());
  }
  return task_json(task, frame(task), vices);
}

http::ServerResponse GatewayServer::Impl::fetch(const std::string& id) {
  const auto* task = find(id);
  if (task == nullptr) return json_reply(400, kUnknown);
  const auto object = tell(*task);
  return json_reply(200, vices.strikes("wrapped") ? wrapped(object) : object);
}

http::ServerResponse GatewayServer::Impl::list(const std::string& body) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  const auto ids = document.HasParseError() ? std::nullopt : ids_of(document);
  if (!ids) return json_reply(200, R"({"success":false,"code":-1,"message":"ids must be an array of strings"})");
  std::string array = "[";
  std::map<std::string, bool> seen;
  for (const auto& id : *ids) {
    if (vices.on("poison") && vices.strikes_id("poison", id)) {
      return json_reply(400, R"({"description":"invalid request","type":"upstream_error","code":4})");
    }
    if (!seen.emplace(id, true).second || vices.strikes("absent")) continue;
    const auto* task = find(id);
    if (task == nullptr) continue;
    if (array.size() > 1) array += ',';
    array += tell(*task);
  }
  array += ']';
  return json_reply(200, vices.strikes("wrapped") ? wrapped(array) : array);
}

http::ServerResponse GatewayServer::Impl::image_seed(const std::string& id) {
  const auto* task = find(id);
  if (task == nullptr) return json_reply(404, R"({"code":3,"description":"task not found","result":null})");
  const auto sight = task->at(now());
  if (sight.status != "SUCCESS")
    return json_reply(400, R"({"code":4,"description":"task is not finished","result":null})");
  if (const auto late = vices.duration("seed-late"); late && sight.finished && now() < *sight.finished + *late) {
    return json_reply(200, R"({"code":3,"description":"seed not found yet","result":null})");
  }
  return json_reply(200, R"({"code":1,"description":"成功","result":)" + in_quotes(seed_of(task->script)) + "}");
}

http::ServerResponse GatewayServer::Impl::imagine(const std::string& body) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (document.HasParseError() || !document.IsObject()) {
    return json_reply(400, R"({"code":4,"description":"the body must be JSON","result":null})");
  }
  const auto prompt = document.FindMember("prompt");
  if (prompt == document.MemberEnd() || !prompt->value.IsString() || prompt->value.GetStringLength() == 0) {
    return json_reply(200, R"({"code":4,"description":"prompt must not be empty","result":null})");
  }
  const std::string words = prompt->value.GetString();
  Wish wish;
  wish.id = next_id();
  wish.seed = options.seed;
  if (!make_task(wish, [&words](Script& script) { script.prompt = words; })) {
    return json_reply(200, R"({"code":23,"description":"the queue is full","result":null})");
  }
  return json_reply(200, R"({"code":1,"description":"Submit success","result":)" + in_quotes(wish.id) + "}");
}

}  // namespace mjwatchd::standin
