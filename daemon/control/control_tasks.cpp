// The calls about tasks.
#include <unistd.h>

#include "daemon/control/bulk.hpp"
#include "daemon/control/control_impl.hpp"
#include "daemon/control/line_sink.hpp"
#include "daemon/control/picture.hpp"
#include "daemon/control/registration.hpp"
#include "daemon/control/search.hpp"
#include "daemon/control/views.hpp"
#include "daemon/control/which_task.hpp"
#include "daemon/webhooks/receiver.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

constexpr std::size_t kMostWaiters = 1000, kMostStreams = 500;

Problem refused(const Refusal& refusal) {
  Problem problem{400, refusal.text(), {}, {}};
  if (!refusal.where.empty()) problem.with("key", refusal.where);
  return problem;
}

std::string gateway_of(const Ask& ask) { return std::string(ask.request.param("gateway").value_or("")); }

/// Where a client finds the task again.
std::string location_of(const TaskKey& key) { return "/v1/tasks/" + key.id + "?gateway=" + key.gateway; }

bool pictures_missing(const TaskView& task) {
  return task.record.status == Status::success && has_ended(task) && task.images.error.has_value();
}

}  // namespace

void ControlServer::Impl::put_task(const AskPtr& ask) {
  const auto json = body(*ask);
  if (!json) return;
  auto decoded = decode_registration(*json, ask->names.front(), gateway_of(*ask), desk_);
  if (const auto* wrong = std::get_if<Refusal>(&decoded)) {
    ask->refuse(refused(*wrong));
    return;
  }
  auto& wish = std::get<Registration>(decoded);
  change::Register change{wish, desk_.wall()};
  desk_.change(std::move(change), later(&Impl::registered, ask, std::move(wish)));
}

void ControlServer::Impl::registered(const AskPtr& ask, const Registration& wish, const CommitResult& result) {
  if (result.code == CommitResult::Code::done && result.task) {
    auto response = respond(201, control::show_task(fresh_view(*result.task, wish)));
    response.headers.emplace_back("location", location_of(wish.key));
    ask->reply(std::move(response));
    return;
  }
  if (result.code != CommitResult::Code::existing) {
    auto problem = problem_of(result, "The task could not be registered");
    if (result.code == CommitResult::Code::conflict) {
      problem.detail = "The task is registered already, and was asked for differently: " + result.detail;
    }
    ask->refuse(problem.with("id", wish.key.id).with("gateway", wish.key.gateway));
    return;
  }
  TaskQuery query;
  query.gateway = wish.key.gateway;
  query.id = wish.key.id;
  desk_.tasks(std::move(query), [ask](const Listing<TaskView>& found) {
    if (found.unread) return ask->refuse(unreadable());
    // Deleted between the two: the client may well ask again.
    if (found.empty()) return ask->refuse(busy("The task was deleted just now"));
    ask->reply(respond(200, control::show_task(found.front())));
  });
}

void ControlServer::Impl::add_tasks(const AskPtr& ask) {
  if (ask->request.sink) {
    std::static_pointer_cast<LineSink>(ask->request.sink)->finish(ask->to);
    return;
  }
  const auto json = body(*ask);
  if (!json) return;
  auto decoded = decode_many(*json, gateway_of(*ask), desk_);
  if (const auto* wrong = std::get_if<Refusal>(&decoded)) {
    ask->refuse(refused(*wrong));
    return;
  }
  const auto bulk =
      std::make_shared<Bulk>(io_, desk_, make_source(std::get<ManyTasks>(std::move(decoded))), std::function<void()>());
  bulk->finish(ask->to);
}

void ControlServer::Impl::list_tasks(const AskPtr& ask) {
  Parameters parameters(ask->request);
  auto query = task_query(parameters, desk_.wall());
  const bool brief = parameters.truth("brief").value_or(false);
  if (parameters.wrong()) return ask->refuse(*parameters.wrong());
  search_tasks(desk_, std::move(query), [ask, brief](const Listing<TaskView>& found, TaskNo next) {
    if (found.unread) return ask->refuse(unreadable());
    ask->reply(respond(200, show_tasks(found, next, brief)));
  });
}

void ControlServer::Impl::show_task(const AskPtr& ask) {
  Parameters parameters(ask->request);
  const auto wait = parameters.duration("wait");
  if (parameters.wrong()) return ask->refuse(*parameters.wrong());
  if (wait && *wait > milliseconds(0)) return wait_for_task(ask, gateway_of(*ask), *wait);
  with_task(ask, &Impl::answer_task);
}

void ControlServer::Impl::answer_task(const AskPtr& ask, const TaskView& task) {
  ask->reply(respond(200, control::show_task(task)));
}

void ControlServer::Impl::wait_for_task(const AskPtr& ask, std::string gateway, milliseconds longest) {
  if (const auto why = refuse_id(ask->names.front())) return ask->refuse(refused({"id", *why}));
  if (waiters_.size() >= kMostWaiters) return ask->refuse(busy("1000 clients are waiting for tasks already"));
  if (stopping_) return ask->refuse(busy("The daemon is stopping"));
  const auto number = next_client_++;
  const auto waiter = std::make_shared<Waiter>(io_, desk_, hub_, ask->names.front(), std::move(gateway), ask->to,
                                               later(&Impl::waiter_ended, number));
  waiters_.emplace(number, waiter);
  waiter->begin(longest);
}

void ControlServer::Impl::with_task(const AskPtr& ask, ForTask then) {
  const auto& id = ask->names.front();
  if (const auto why = refuse_id(id)) return ask->refuse(refused({"id", *why}));
  TaskQuery query;
  query.id = id;
  query.gateway = gateway_of(*ask);
  desk_.tasks(std::move(query), later(&Impl::found_task, ask, then));
}

void ControlServer::Impl::found_task(const AskPtr& ask, ForTask then, Listing<TaskView> found) {
  const auto chosen = choose_task(std::move(found), ask->names.front(), gateway_of(*ask), desk_.default_gateway());
  if (const auto* problem = std::get_if<Problem>(&chosen)) return ask->refuse(*problem);
  (this->*then)(ask, std::get<TaskView>(chosen));
}

void ControlServer::Impl::forget_task(const AskPtr& ask, const TaskView& task) {
  desk_.change(change::Forget{task.record.key}, later(&Impl::forgotten, ask, task.record.key));
}

void ControlServer::Impl::forgotten(const AskPtr& ask, const TaskKey& key, const CommitResult& result) {
  if (result.code != CommitResult::Code::done) {
    ask->refuse(problem_of(result, "The task " + key.id + " is not watched").with("id", key.id));
    return;
  }
  http::ServerResponse response;
  response.status = 204;
  ask->reply(std::move(response));
  // No event tells of it, so those who wait for the task are told here.
  const auto waiters = waiters_;
  for (const auto& [number, waiter] : waiters) waiter->changed(key.id);
}

void ControlServer::Impl::refresh_task(const AskPtr& ask, const TaskView& task) {
  const auto& key = task.record.key;
  const bool pictures = pictures_missing(task);
  const bool live = !has_ended(task);
  if (!desk_.has_gateway(key.gateway)) {
    Problem problem{
        409, "The gateway " + in_quotes(key.gateway) + " is gone from the configuration; the task is held.", {}, {}};
    return ask->refuse(problem.with("id", key.id).with("gateway", key.gateway));
  }
  if (live || pictures) desk_.refresh(task.record, pictures);
  JsonText out;
  out.object().text("id", key.id).text("gateway", key.gateway);
  out.text("asking", live && task.record.phase == Phase::watching ? "gateway"
                     : live || pictures                           ? "pictures"
                                                                  : "nothing");
  ask->reply(respond(live || pictures ? 202 : 200, out.end_object().take()));
}

void ControlServer::Impl::add_receiver(const AskPtr& ask, const TaskView& task) {
  const auto json = body(*ask);
  if (!json) return;
  auto decoded = decode_receiver(*json, desk_);
  if (const auto* wrong = std::get_if<Refusal>(&decoded)) return ask->refuse(refused(*wrong));
  change::AddReceiver change{task.record.key, std::get<WebhookTarget>(std::move(decoded)), desk_.wall()};
  auto name = webhooks::receiver_of(change.target).name;
  desk_.change(std::move(change), later(&Impl::receiver_added, ask, task.record.key, std::move(name)));
}

void ControlServer::Impl::receiver_added(const AskPtr& ask, const TaskKey& key, const std::string& name,
                                         const CommitResult& result) const {
  const bool added = result.code == CommitResult::Code::done;
  if (!added && result.code != CommitResult::Code::existing) {
    return ask->refuse(problem_of(result, "The task " + key.id + " is not watched").with("id", key.id));
  }
  JsonText out;
  out.object().text("id", key.id).text("gateway", key.gateway).text("endpoint", name).truth("added", added);
  out.key("deliveries").array();
  for (const auto& delivery : result.deliveries) out.number(delivery.no);
  ask->reply(respond(added ? 201 : 200, out.end_array().end_object().take()));
}

std::optional<std::size_t> ControlServer::Impl::picture_number(const Ask& ask) {
  if (ask.names.size() < 2) return 0;
  const auto number = parse_number(ask.names[1]);
  if (number) return static_cast<std::size_t>(*number);
  ask.refuse(Problem{404, in_quotes(ask.names[1]) + " is no picture's number; they count from 0", {}, {}});
  return std::nullopt;
}

void ControlServer::Impl::show_thumbnail(const AskPtr& ask, const TaskView& task) {
  const auto number = picture_number(*ask);
  if (!number) return;
  if (const auto problem = refuse_thumbnail(task, *number, desk_.picture_folder())) return ask->refuse(*problem);
  const auto image = task.images.images[*number];
  desk_.thumbnail(image, [ask, image](const std::string& file, const std::string& error) {
    ask->reply(answer_thumbnail(image, file, error, ask->request));
  });
}

void ControlServer::Impl::show_picture(const AskPtr& ask, const TaskView& task) {
  const auto number = picture_number(*ask);
  if (!number) return;
  auto answer = answer_picture(task, *number, desk_.picture_folder(), ask->request);
  if (auto* response = std::get_if<http::ServerResponse>(&answer)) return ask->reply(std::move(*response));
  const auto image = std::get<SavedImage>(std::move(answer));
  desk_.fetch_picture(image, [ask, image](const std::string& file, const std::string& error) {
    ask->reply(answer_fetched(image, file, error, ask->request));
    // It is open for the answer by now, and nobody needs its name.
    if (!file.empty()) static_cast<void>(::unlink(file.c_str()));
  });
}

void ControlServer::Impl::stream_events(const AskPtr& ask) {
  Parameters parameters(ask->request);
  StreamWish wish;
  wish.filter.id = parameters.text("task");
  wish.filter.gateway = parameters.text("gateway");
  wish.filter.types = parameters.types();
  if (parameters.wrong()) return ask->refuse(*parameters.wrong());
  wish.format = format_of(ask->request.header("accept"));
  if (const auto last = ask->request.header("last-event-id"); !last.empty()) {
    wish.resume = parse_number(last);
    if (!wish.resume) {
      return ask->refuse(Problem{400, "Last-Event-ID: " + in_quotes(last) + " must be the number of an event", {}, {}});
    }
  }
  if (stopping_) return ask->refuse(busy("The daemon is stopping"));
  if (streams_.size() >= kMostStreams) return ask->refuse(busy("500 event streams are open already"));
  const auto number = next_client_++;
  const auto stream =
      std::make_shared<EventStream>(io_, desk_, hub_, std::move(wish), ask->to, later(&Impl::stream_ended, number));
  streams_.emplace(number, stream);
  stream->begin();
}

}  // namespace mjwatchd::control
