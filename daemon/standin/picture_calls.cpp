// Picture links, as a content network serves them, and PREFIX/image/ID.
#include <algorithm>
#include <charconv>
#include <ctime>

#include "daemon/standin/gateway_impl.hpp"

namespace mjwatchd::standin {

namespace {

http::ServerResponse text_reply(int status, const std::string& text) {
  http::ServerResponse response;
  response.status = status;
  response.headers.emplace_back("content-type", "text/plain");
  response.body = text;
  return response;
}

/// "bytes=A-B", "bytes=A-", "bytes=-N" of a body of `size` bytes: first and length. Nothing for
/// any other text, which is then ignored, as RFC 9110 wants; length 0 when it lies outside.
std::optional<std::pair<std::size_t, std::size_t>> range_of(std::string_view text, std::size_t size) {
  if (!text.starts_with("bytes=")) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::size_t> {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1));
  if (!first && !last) return std::nullopt;
  if (!first) return std::pair(size - std::min(*last, size), std::min(*last, size));
  if (*first >= size || (last && *last < *first)) return std::pair(std::size_t{0}, std::size_t{0});
  const auto end = last ? std::min(*last + 1, size) : size;
  return std::pair(*first, end - *first);
}

std::optional<PictureKind> kind_by_name(std::string_view name) {
  for (const auto kind : {PictureKind::png, PictureKind::jpeg, PictureKind::webp, PictureKind::mp4}) {
    if (name.ends_with(extension(kind))) return kind;
  }
  return std::nullopt;
}

/// "Tue, 24 Nov 2026 06:49:44 GMT".
std::string http_date(Moment when) {
  const auto seconds = static_cast<std::time_t>(when.time_since_epoch().count() / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};
  char text[64];
  const auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

http::ServerResponse whole_or_part(const http::ServerRequest& request, const std::string& bytes, PictureKind kind,
                                   const std::string& etag) {
  http::ServerResponse response;
  response.headers.emplace_back("content-type", std::string(content_type(kind)));
  response.headers.emplace_back("etag", etag);
  response.headers.emplace_back("accept-ranges", "bytes");
  if (request.header("if-none-match") == etag) {
    response.status = 304;
    return response;
  }
  const auto condition = request.header("if-range");
  const auto range =
      condition.empty() || condition == etag ? range_of(request.header("range"), bytes.size()) : std::nullopt;
  if (!range) {
    response.body = bytes;
    return response;
  }
  const auto total = std::to_string(bytes.size());
  if (range->second == 0) {
    response.status = 416;
    response.headers.emplace_back("content-range", "bytes */" + total);
    return response;
  }
  response.status = 206;
  response.headers.emplace_back("content-range", "bytes " + std::to_string(range->first) + "-" +
                                                     std::to_string(range->first + range->second - 1) + "/" + total);
  response.body = bytes.substr(range->first, range->second);
  return response;
}

}  // namespace

void GatewayServer::Impl::cdn(const http::ServerRequest& request, const http::ResponderPtr& to) {
  ++calls["cdn"];
  if (!request.header("authorization").empty() || !request.header("mj-api-secret").empty()) ++cdn_with_token;
  const auto& path = request.path;
  // …/cdn/attachments/ID/NUMBER.ext
  const std::size_t base = prefix.size();
  const bool shaped = path.size() == base + 4 && path[base + 1] == "attachments";
  const auto kind = shaped ? kind_by_name(path[base + 3]) : std::nullopt;
  const auto* task = kind ? find(path[base + 2]) : nullptr;
  int number = -1;
  if (kind) std::from_chars(path[base + 3].data(), path[base + 3].data() + path[base + 3].size(), number);
  if (task == nullptr || number < 0 || number > 64 || vices.strikes("nocdn") ||
      (request.method != "GET" && request.method != "HEAD")) {
    to->reply(text_reply(404, "This content is no longer available."));
    return;
  }
  const auto ex = request.param("ex").value_or("");
  std::int64_t expiry = 0;
  std::from_chars(ex.data(), ex.data() + ex.size(), expiry, 16);
  if (expiry * 1000 < now().time_since_epoch().count()) {
    to->reply(text_reply(403, "This content is no longer available."));
    return;
  }
  picture(request, path[base + 2], number, *kind, to);
}

void GatewayServer::Impl::image(const http::ServerRequest& request, const std::string& id,
                                const http::ResponderPtr& to) {
  const auto* task = find(id);
  const auto kind = gallery.kind_of(id);
  if (task == nullptr || !kind || !has_pictures(task->script) || task->at(now()).status != "SUCCESS") {
    to->reply(json_reply(404, R"({"description":"image not found","type":"upstream_error","code":4})"));
    return;
  }
  picture(request, id, 0, task->script.action == "VIDEO" ? PictureKind::jpeg : *kind, to);
}

void GatewayServer::Impl::picture(const http::ServerRequest& request, const std::string& id, int number,
                                  PictureKind kind, const http::ResponderPtr& to) {
  const auto etag =
      "\"" + std::to_string(digest(id, static_cast<std::uint64_t>(number) * 8 + static_cast<std::uint64_t>(kind))) +
      "\"";
  const bool cut = vices.strikes("cut");
  const auto* task = book.find(id, now());
  const auto modified = http_date(task != nullptr ? task->at(now()).finished.value_or(start) : start);
  gallery.get(id, number, kind, [request, kind, etag, cut, modified, to](const Gallery::Bytes& bytes) {
    if (!bytes) {
      to->reply(text_reply(500, "the picture cannot be made"));
      return;
    }
    auto response = whole_or_part(request, *bytes, kind, etag);
    response.headers.emplace_back("last-modified", modified);
    if (cut && !response.body.empty()) {
      // The length of what is sent is announced, so only the content tells that the rest is missing.
      response.body.resize(response.body.size() * 2 / 3);
      response.headers.emplace_back("connection", "close");
    }
    to->reply(std::move(response));
  });
}

}  // namespace mjwatchd::standin
