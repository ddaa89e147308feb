// The description of the API against the server's own routes.
#include "daemon/control/openapi.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "daemon/control/routes.hpp"
#include "mjwatchd/ascii.hpp"
#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

Json description() {
  std::string wrong;
  auto json = read_json(std::string(openapi_json()), wrong);
  REQUIRE_MESSAGE(json, wrong);
  return *json;
}

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// The query parameters that an operation documents, its references followed.
std::set<std::string> documented_query(const Json& document, const Json& operation) {
  std::set<std::string> names;
  const auto* const list = operation.find("parameters");
  if (list == nullptr) return names;
  for (const auto& one : list->values) {
    const std::string prefix = "#/components/parameters/";
    const auto reference = at(one, "$ref");
    REQUIRE(reference.starts_with(prefix));
    const auto where = "components.parameters." + reference.substr(prefix.size());
    if (at(document, where + ".in") == "query") names.insert(at(document, where + ".name"));
  }
  return names;
}

const std::vector<std::string> kMethods{"GET", "PUT", "POST", "DELETE", "PATCH"};

}  // namespace

TEST_CASE("every route is described, with exactly its query parameters") {
  const auto document = description();
  const auto* const paths = document.find("paths");
  for (const auto& path : known_paths()) {
    const auto* const described = paths->find(path);
    REQUIRE_MESSAGE(described, path);
    for (const auto& method : kMethods) {
      const auto route = find_route(method, segments(path));
      const auto* const operation = described->find(lower(method));
      CAPTURE(path);
      CAPTURE(method);
      // GET /v1/deliveries/replay would be the delivery of that name: a route of another path.
      const bool own = route.call && std::all_of(route.names.begin(), route.names.end(),
                                                 [](const std::string& name) { return name.starts_with('{'); });
      REQUIRE((operation != nullptr) == own);
      if (operation == nullptr) continue;
      const auto taken = parameters_of(*route.call);
      CHECK(documented_query(document, *operation) == std::set<std::string>(taken.begin(), taken.end()));
    }
  }
}

TEST_CASE("nothing is described that the server doesn't have") {
  const auto document = description();
  const auto known = known_paths();
  for (const auto& path : document.find("paths")->keys) {
    CHECK_MESSAGE(std::find(known.begin(), known.end(), path) != known.end(), path);
  }
}

TEST_CASE("the server answers its description") {
  RunningControl control;
  const auto reply = control.get("/openapi.json");
  CHECK(reply.status == 200);
  CHECK(reply.headers.at("content-type") == "application/json");
  CHECK(at(reply, "openapi") == "3.1.0");
}

TEST_CASE("a page in a browser is turned away, whatever it asks for") {
  RunningControl control;
  const auto reply = control.call("GET", "/v1/status", "", {"Origin: https://evil.example"});
  CHECK(is_problem(reply, 403, "https://evil.example"));
  CHECK(is_problem(control.call("PUT", "/v1/tasks/t", "", {"Origin: null"}), 403));
  CHECK_FALSE(control.on_loop([&] { return control.desk.has({"octopusx", "t"}); }));
}
