// The calls about the daemon itself.
#include <asio/steady_timer.hpp>

#include "daemon/control/control_impl.hpp"
#include "daemon/control/views.hpp"

namespace mjwatchd::control {
namespace {

/// A store that takes longer to count its rows is not moving.
constexpr std::chrono::seconds kPatience{5};

http::ServerResponse respond_health(const std::string& verdict, const std::vector<Trouble>& troubles) {
  if (verdict.empty()) {
    JsonText out;
    return respond(200, out.object().text("status", "ok").end_object().take());
  }
  Problem problem{503, verdict, {}, {}};
  return respond(problem.with_json("troubles", show_troubles(troubles)));
}

}  // namespace

void ControlServer::Impl::show_status(const AskPtr& ask) { desk_.status(later(&Impl::answer_status, ask)); }

void ControlServer::Impl::answer_status(const AskPtr& ask, const StatusView& status) const {
  ask->reply(respond(200, control::show_status(status, {server_.connections(), streams_.size(), waiters_.size()})));
}

void ControlServer::Impl::show_health(const AskPtr& ask, bool ready) {
  // The status comes from the store: if that hangs, this must not.
  const auto patience = std::make_shared<asio::steady_timer>(io_, kPatience);
  patience->async_wait([ask, patience](const std::error_code& cancelled) {
    if (cancelled) return;
    const Trouble trouble{"store", "it does not answer: the disk hangs, or is far too slow", true};
    ask->reply(respond_health("store: " + trouble.text, {trouble}));
  });
  desk_.status([ask, patience, ready](const StatusView& status) {
    patience->cancel();
    judge_health(*ask, status, ready);
  });
}

void ControlServer::Impl::show_metrics(const AskPtr& ask) {
  desk_.metrics([ask](std::string text) {
    http::ServerResponse response;
    response.headers = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}, {"cache-control", "no-store"}};
    response.body = std::move(text);
    ask->reply(std::move(response));
  });
}

void ControlServer::Impl::judge_health(const Ask& ask, const StatusView& status, bool ready) {
  std::string verdict;
  std::vector<Trouble> troubles;
  if (ready && !status.ready) verdict = "the daemon is starting and still reads its watch list";
  if (ready && status.stopping) verdict = "the daemon is stopping";
  for (const auto& trouble : status.troubles) {
    if (!ready && !trouble.ours) continue;
    verdict += (verdict.empty() ? "" : "; ") + trouble.part + ": " + trouble.text;
    troubles.push_back(trouble);
  }
  ask.reply(respond_health(verdict, troubles));
}

}  // namespace mjwatchd::control
