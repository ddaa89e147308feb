// page: a way into the daemon's page.
#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"

namespace mjwatchd::client {

Exit page(Session& session) {
  const auto answer = session.daemon.need({.method = "POST", .path = "/v1/page/links"});
  print((session.json ? answer.body.substr(0, answer.body.find('\n')) : text(parse_json(answer.body), "url")) + "\n");
  return Exit::done;
}

}  // namespace mjwatchd::client
