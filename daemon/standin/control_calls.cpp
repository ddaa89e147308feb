// The calls under /_/ by which tests and demos steer the stand-in.
#include <rapidjson/document.h>

#include <stdexcept>

#include "daemon/standin/duration.hpp"
#include "daemon/standin/gateway_impl.hpp"

namespace mjwatchd::standin {

namespace {

http::ServerResponse refuse(const std::string& why) { return json_reply(400, R"({"error":)" + in_quotes(why) + "}"); }

std::optional<std::string> text_of(const rapidjson::Document& document, const char* key) {
  const auto found = document.FindMember(key);
  if (found == document.MemberEnd() || found->value.IsNull()) return std::nullopt;
  if (!found->value.IsString()) throw std::invalid_argument(std::string(key) + " must be a text");
  return std::string(found->value.GetString(), found->value.GetStringLength());
}

std::optional<milliseconds> time_of(const rapidjson::Document& document, const char* key) {
  const auto text = text_of(document, key);
  if (!text) return std::nullopt;
  const auto time = parse_duration(*text);
  if (!time) throw std::invalid_argument(std::string(key) + " must be a time such as 500ms or 20s");
  return time;
}

/// An object; an empty body counts as {}.
rapidjson::Document object_of(const std::string& body) {
  rapidjson::Document document;
  if (body.empty()) {
    document.SetObject();
    return document;
  }
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (document.HasParseError() || !document.IsObject()) throw std::invalid_argument("the body must be a JSON object");
  return document;
}

Wish wish_of(const rapidjson::Document& document) {
  Wish wish;
  wish.id = text_of(document, "id").value_or("");
  wish.action = text_of(document, "action").value_or(wish.action);
  wish.ending = text_of(document, "ending").value_or(wish.ending);
  wish.duration = time_of(document, "duration");
  const auto& e = wish.ending;
  if (e != "SUCCESS" && e != "FAILURE" && e != "CANCEL" && e != "MODAL" && e != "NEVER") {
    throw std::invalid_argument("ending must be SUCCESS, FAILURE, CANCEL, MODAL or NEVER");
  }
  if (wish.id.size() > 128) throw std::invalid_argument("id is too long");
  return wish;
}

}  // namespace

http::ServerResponse GatewayServer::Impl::control(const http::ServerRequest& request) {
  if (!is_loopback(options.host)) return json_reply(403, R"({"error":"only when listening on a loopback address"})");
  const auto call = request.method + " " + (request.path.size() == 2 ? request.path[1] : "");
  try {
    if (call == "GET tasks") {
      std::string ids;
      for (const auto& id : book.ids()) ids += (ids.empty() ? "" : ",") + in_quotes(id);
      return json_reply(200, R"({"ids":[)" + ids + "]}");
    }
    if (call == "GET stats") {
      std::string counts;
      for (const auto& [name, count] : calls) counts += in_quotes(name) + ":" + std::to_string(count) + ",";
      return json_reply(200, "{" + counts + R"("cdn_with_token":)" + std::to_string(cdn_with_token) + R"(,"tasks":)" +
                                 std::to_string(book.size()) + "}");
    }
    if (call == "GET told") {
      std::string moments;
      for (const auto& [id, moment] : told)
        moments += (moments.empty() ? "" : ",") + in_quotes(id) + ":" + std::to_string(moment);
      return json_reply(200, "{" + moments + "}");
    }
    if (call == "POST misbehave") {
      // {"misbehave":"429:0.1,…"}, or the bare list.
      const bool json = request.body.find('{') != std::string::npos;
      vices.set(json ? text_of(object_of(request.body), "misbehave").value_or("") : request.body);
      arm_restart();
      return json_reply(200, R"({"ok":true})");
    }
    if (call == "POST task") return control_task(request.body);
    if (call == "POST restart") return control_restart(request.body);
  } catch (const std::invalid_argument& wrong) {
    return refuse(wrong.what());
  }
  return json_reply(404, R"({"error":"GET tasks, GET stats, GET told, POST misbehave, POST task, POST restart"})");
}

http::ServerResponse GatewayServer::Impl::control_task(const std::string& body) {
  const auto document = object_of(body);
  auto wish = wish_of(document);
  if (wish.id.empty()) wish.id = next_id();
  wish.seed = options.seed;
  std::optional<int> pictures;
  if (const auto found = document.FindMember("pictures"); found != document.MemberEnd()) {
    if (!found->value.IsInt() || found->value.GetInt() < 0 || found->value.GetInt() > 64) {
      throw std::invalid_argument("pictures must be a number from 0 to 64");
    }
    pictures = found->value.GetInt();
  }
  const auto seed = text_of(document, "seed");
  const auto prompt = text_of(document, "prompt");
  const bool made_it = make_task(wish, [&](Script& script) {
    script.pictures = pictures;
    if (seed) script.seed = *seed;
    if (prompt) script.prompt = *prompt;
  });
  if (!made_it) return json_reply(507, R"({"error":"too many tasks"})");
  return json_reply(200, R"({"id":)" + in_quotes(wish.id) + "}");
}

http::ServerResponse GatewayServer::Impl::control_restart(const std::string& body) {
  const auto document = object_of(body);
  const auto forget = document.FindMember("forget");
  if (forget != document.MemberEnd() && forget->value.IsBool() && forget->value.GetBool()) book.forget_all();
  if (const auto down = time_of(document, "down")) down_until = now() + *down;
  return json_reply(200, R"({"ok":true})");
}

}  // namespace mjwatchd::standin
