// The page in a browser: its files, and who is let in to it.
#include <spdlog/spdlog.h>

#include "daemon/config/values.hpp"
#include "daemon/control/control_impl.hpp"
#include "daemon/control/json_text.hpp"
#include "daemon/page/files.hpp"

namespace mjwatchd::control {
namespace {

/// Where a browser on this machine finds the page.
std::string page_url(const std::string& listen, std::uint16_t port) {
  std::string wrong;
  const auto address = config::parse_host_port(listen, wrong);
  auto host = address ? address->host : std::string("localhost");
  if (host == "0.0.0.0" || host == "::" || host == "*" || host.empty()) host = "localhost";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port) + "/";
}

bool accepts_gzip(const http::ServerRequest& request) {
  const auto accepted = request.header("accept-encoding");
  const auto at = accepted.find("gzip");
  return at != std::string_view::npos && !accepted.substr(at).starts_with("gzip;q=0");
}

const std::string* text_of(const Json& json, std::string_view key) {
  const Json* const value = json.find(key);
  return value != nullptr && value->is(Json::Kind::text) ? &value->text : nullptr;
}

}  // namespace

http::ServerResponse answer_page_file(const http::ServerRequest& request) {
  const auto& path = request.path;
  const auto* const file = page::find_file(path.size() == 2 ? std::string_view(path.back()) : "index.html");
  http::ServerResponse response;
  // Of the same version for as long as the daemon is: a browser asks, and is told that nothing has changed.
  response.headers = {
      {"etag", "W/" + std::string(file->etag)}, {"cache-control", "no-cache"}, {"vary", "accept-encoding"}};
  if (request.header("if-none-match").find(file->etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.headers.insert(response.headers.end(), {{"content-type", std::string(page::content_type(file->name))},
                                                   {"content-security-policy", std::string(page::kPolicy)},
                                                   {"x-content-type-options", "nosniff"},
                                                   {"referrer-policy", "no-referrer"},
                                                   {"cross-origin-opener-policy", "same-origin"},
                                                   {"cross-origin-resource-policy", "same-origin"}});
  const auto small = accepts_gzip(request) ? page::gzipped(*file) : std::string_view();
  if (!small.empty()) response.headers.emplace_back("content-encoding", "gzip");
  response.body = std::string(small.empty() ? file->body : small);
  return response;
}

void ControlServer::Impl::make_page_link(const AskPtr& ask) {
  if (!object_body(*ask, {})) return;
  if (!ask->request.local) {
    return ask->refuse(Problem{403, "Links to the page are made over the Unix socket only (mjwatch page).", {}, {}});
  }
  if (!access_) {
    return ask->refuse(Problem{409,
                               "The page is served over TCP, which is off: set control.listen, such as "
                               "127.0.0.1:7780, and control.token_file.",
                               {},
                               {}});
  }
  const auto now = desk_.wall();
  const auto secret = access_->sessions().make_link(now);
  JsonText out;
  // Behind the #, so that it is in no log and no Referer, and nothing that only looks at the link uses it up.
  out.object().text("url", page_url(options_.listen, port_) + "#link=" + secret);
  out.time("expires_at", now + page::Sessions::kLinkLife).end_object();
  ask->reply(respond(201, out.take()));
}

void ControlServer::Impl::sign_in(const AskPtr& ask) {
  const auto json = object_body(*ask, {"token", "link"});
  if (!json) return;
  if (ask->request.local || !access_) {
    return ask->refuse(Problem{409, "Over the Unix socket nobody signs in: its file's mode says who may ask.", {}, {}});
  }
  const auto* const token = text_of(*json, "token");
  const auto* const link = text_of(*json, "link");
  if ((token == nullptr) == (link == nullptr)) {
    return ask->refuse(Problem{400, "The body needs one text: \"token\" or \"link\".", {}, {}});
  }
  const auto now = desk_.wall();
  if (token != nullptr && !access_->is_token(*token)) {
    return ask->refuse(Problem{401, "The token is not that of control.token_file.", {}, {}});
  }
  if (link != nullptr && !access_->sessions().use_link(*link, now)) {
    return ask->refuse(Problem{401,
                               "The link was used already, or is older than five minutes: make a new one with "
                               "mjwatch page.",
                               {},
                               {}});
  }
  spdlog::info("the page was opened over TCP, by {}", token != nullptr ? "the token" : "a one-time link");
  const auto session = access_->sessions().open(now);
  JsonText out;
  out.object().text("proof", access_->sessions().proof_of(session)).end_object();
  auto response = respond(200, out.take());
  const auto life = std::chrono::seconds(page::Sessions::kSessionLife).count();
  const bool tls = ask->request.header("origin").starts_with("https:");  // ended before us
  response.headers.emplace_back("set-cookie", access_->cookie() + "=" + session +
                                                  "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
                                                  std::to_string(life) + (tls ? "; Secure" : ""));
  ask->reply(std::move(response));
}

void ControlServer::Impl::sign_out(const AskPtr& ask) {
  http::ServerResponse response;
  response.status = 204;
  if (access_) {
    access_->sessions().close(access_->session_of(ask->request), desk_.wall());
    response.headers = {{"set-cookie", access_->cookie() + "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"},
                        {"cache-control", "no-store"}};
  }
  ask->reply(std::move(response));
}

}  // namespace mjwatchd::control
