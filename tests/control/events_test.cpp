// Streams of events.
#include <doctest/doctest.h>

#include "daemon/control/event_text.hpp"
#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

const TaskKey kTask{"octopusx", "t1"};

/// A stream whose head has come.
struct Listening {
  Listening(RunningControl& control, const std::string& target, const std::vector<std::string>& headers = {})
      : client(control.begin("GET", target, headers)), head(client->read_until("\r\n\r\n")) {}
  /// Everything up to and with `text`; chunk sizes are in it.
  std::string until(const std::string& text) { return client->read_until(text); }

  std::unique_ptr<RawClient> client;
  std::string head;
};

std::string last_id(EventNo no) { return "Last-Event-ID: " + std::to_string(no); }

/// The ids that the text of server-sent events has, in order: those of events, and of what only says how far it came.
std::vector<int> ids_in(const std::string& text) {
  std::vector<int> ids;
  for (auto at = text.find("id: "); at != std::string::npos; at = text.find("id: ", at + 1)) {
    if (at == 0 || text[at - 1] == '\n') ids.push_back(std::stoi(text.substr(at + 4)));
  }
  return ids;
}

std::vector<int> counted(int from, int to) {
  std::vector<int> ids;
  for (int i = from; i <= to; ++i) ids.push_back(i);
  return ids;
}

}  // namespace

TEST_CASE("a stream begins now, and tells what is committed") {
  RunningControl control;
  control.on_loop([&] { control.desk.announce(kTask, EventType::started); });
  Listening stream(control, "/v1/events");
  CHECK(stream.head.find("HTTP/1.1 200") == 0);
  CHECK(stream.head.find("content-type: text/event-stream") != std::string::npos);
  CHECK(stream.until("\n\n").find("retry: ") != std::string::npos);
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  const auto text = stream.until("\n\n");
  CHECK(text.find("id: 2\nevent: task.succeeded\ndata: {\"type\":\"task.succeeded\"") != std::string::npos);
  CHECK(ids_in(text) == std::vector<int>{2});
}

TEST_CASE("who is cut off before the first event knows what to resume after") {
  RunningControl control;
  control.on_loop([&] { control.hub.pass(0); });
  Listening early(control, "/v1/events");
  CHECK(early.head.find("\r\nlast-event-id: 0\r\n") != std::string::npos);
  CHECK(ids_in(early.until("\n\n")) == std::vector<int>{0});
  control.on_loop([&] { control.desk.announce(kTask, EventType::started); });
  Listening later(control, "/v1/events?type=task.failed");
  CHECK(ids_in(later.until("\n\n")) == std::vector<int>{1});
  Listening lines(control, "/v1/events", {"Accept: application/x-ndjson"});
  CHECK(lines.head.find("\r\nlast-event-id: 1\r\n") != std::string::npos);
  Listening resumed(control, "/v1/events", {last_id(0)});
  CHECK(resumed.head.find("\r\nlast-event-id: 0\r\n") != std::string::npos);
  CHECK(ids_in(resumed.until("id: 1\n")) == std::vector<int>{1});
}

TEST_CASE("a stream that began before it was known after what misses nothing of another daemon's") {
  RunningControl control;
  Listening stream(control, "/v1/events");
  control.on_loop([&] {
    for (int i = 0; i < 3; ++i) control.desk.record(kTask, EventType::started);
    control.hub.pass(3);
    const auto theirs = control.desk.record(kTask, EventType::modal);
    control.desk.announce(kTask, EventType::succeeded);  // ours is heard of first
    control.desk.publish(theirs);
  });
  CHECK(ids_in(stream.until("id: 5\n")) == counted(4, 5));
}

TEST_CASE("what keeps a stream alive says how far it came, for it may want little of what happens") {
  CHECK(heartbeat(StreamFormat::server_sent, 7) == ": still here\nid: 7\n\n");
  CHECK(heartbeat(StreamFormat::server_sent, -1) == ": still here\n\n");
  CHECK(heartbeat(StreamFormat::lines, 7) == "\n");
}

TEST_CASE("a stream has only what it asked for") {
  RunningControl control;
  Listening stream(control, "/v1/events?task=t1&gateway=octopusx&type=task.failed,task.succeeded");
  control.on_loop([&] {
    control.desk.announce({"octopusx", "t2"}, EventType::succeeded);
    control.desk.announce({"second", "t1"}, EventType::succeeded);
    control.desk.announce(kTask, EventType::started);
    control.desk.announce(kTask, EventType::failed);
  });
  CHECK(ids_in(stream.until("id: 4")) == std::vector<int>{4});
  CHECK(is_problem(control.get("/v1/events?type=task.fail"), 400, "did you mean task.failed?"));
}

TEST_CASE("what another daemon committed is told in its place, and once, however late one hears of it") {
  RunningControl control;
  Listening stream(control, "/v1/events");
  control.on_loop([&] {
    control.desk.announce(kTask, EventType::started);
    const auto theirs = control.desk.record(kTask, EventType::modal);
    control.desk.announce(kTask, EventType::succeeded);  // ours is heard of first
    control.desk.publish(theirs);
  });
  auto text = stream.until("id: 3\n");
  control.on_loop([&] { control.desk.announce(kTask, EventType::images); });
  text += stream.until("id: 4\n");
  CHECK(ids_in(text) == counted(1, 4));
}

TEST_CASE("a stream that begins while an earlier event is still on its way has that, and all that follow") {
  RunningControl control;
  CommittedEvent late;
  control.on_loop([&] {
    control.desk.announce(kTask, EventType::started);
    late = control.desk.record(kTask, EventType::modal);
    control.desk.announce(kTask, EventType::succeeded);
  });
  Listening stream(control, "/v1/events");
  control.on_loop([&] { control.desk.announce(kTask, EventType::images); });
  control.on_loop([&] { control.desk.publish(late); });
  CHECK(ids_in(stream.until("id: 4\n")) == counted(1, 4));  // 1: what it says it begins after
}

TEST_CASE("a stream that wants little reads on for what it may have missed, and not for what it does not want") {
  RunningControl control;
  Listening stream(control, "/v1/events?type=task.succeeded");
  control.on_loop([&] {
    control.desk.announce(kTask, EventType::started);
    const auto theirs = control.desk.record(kTask, EventType::succeeded);
    for (int i = 0; i < 50; ++i) control.desk.announce(kTask, EventType::progress);
    control.desk.publish(theirs);
  });
  auto text = stream.until("id: 2\n");
  control.until([&] { return control.desk.event_reads >= 2; });
  control.on_loop([&] {
    for (int i = 0; i < 50; ++i) control.desk.announce(kTask, EventType::progress);
    control.desk.announce(kTask, EventType::succeeded);
  });
  text += stream.until("id: 103\n");
  CHECK(ids_in(text) == std::vector<int>{2, 103});
  CHECK(control.desk.event_reads <= 3);
}

TEST_CASE("a stream of lines has the webhook's body with the id in front") {
  RunningControl control;
  Listening stream(control, "/v1/events", {"Accept: application/x-ndjson"});
  CHECK(stream.head.find("content-type: application/x-ndjson") != std::string::npos);
  control.on_loop([&] { control.desk.announce(kTask, EventType::failed); });
  CHECK(stream.until("}}\n").find(R"({"id":1,"type":"task.failed","data":{"id":"t1"}})") != std::string::npos);
}

TEST_CASE("Last-Event-ID resumes after it, over many pages, without a gap or a double") {
  RunningControl control;
  control.on_loop([&] {
    for (int i = 0; i < 1000; ++i) control.desk.record(kTask, EventType::started);
  });
  Listening stream(control, "/v1/events", {last_id(100)});
  auto text = stream.until("id: 1000\n");
  control.until([&] { return control.desk.event_reads >= 6; });
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  text += stream.until("id: 1001\n");
  CHECK(ids_in(text) == counted(101, 1001));
}

TEST_CASE("who resumes after more than a restored list has is told where it begins, and misses nothing from there") {
  RunningControl control;
  control.on_loop([&] {
    control.hub.pass(0);
    for (int i = 0; i < 3; ++i) control.desk.announce(kTask, EventType::started);
  });
  control.desk.while_reading_events = [&] { control.desk.announce(kTask, EventType::modal); };
  Listening stream(control, "/v1/events", {last_id(500)});
  CHECK(stream.head.find("\r\nlast-event-id: 3\r\n") != std::string::npos);
  auto text = stream.until("id: 4\n");
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  text += stream.until("id: 5\n");
  CHECK(ids_in(text) == counted(3, 5));
}

TEST_CASE("the same while it is not known yet how far the list had come") {
  RunningControl control;
  control.on_loop([&] {
    for (int i = 0; i < 3; ++i) control.desk.record(kTask, EventType::started);
  });
  control.desk.while_reading_events = [&] {
    control.hub.pass(3);
    control.desk.announce(kTask, EventType::modal);
  };
  Listening stream(control, "/v1/events", {last_id(500)});
  CHECK(stream.head.find("\r\nlast-event-id: 3\r\n") != std::string::npos);
  CHECK(ids_in(stream.until("id: 4\n")) == counted(3, 4));
}

TEST_CASE("who resumes after more than a list has that was put back under its daemon hears what is new") {
  RunningControl control;
  control.on_loop([&] {
    control.hub.pass(500);
    for (int i = 0; i < 3; ++i) control.desk.record(kTask, EventType::started);
  });
  Listening stream(control, "/v1/events", {last_id(400)});
  control.until([&] { return control.desk.event_reads >= 2; });
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  CHECK(ids_in(stream.until("id: 4\n")) == std::vector<int>{4});
}

TEST_CASE("0 resumes from the oldest that is kept") {
  RunningControl control;
  control.on_loop([&] {
    for (int i = 0; i < 3; ++i) control.desk.record(kTask, EventType::started);
    control.desk.oldest_kept = 2;
  });
  Listening stream(control, "/v1/events", {last_id(0)});
  CHECK(ids_in(stream.until("id: 3\n")) == counted(1, 3));
}

TEST_CASE("events committed while a page is read are neither lost nor said twice") {
  RunningControl control;
  control.on_loop([&] {
    for (int i = 0; i < 250; ++i) control.desk.record(kTask, EventType::started);
  });
  int rounds = 0;
  std::function<void()> meanwhile = [&] {
    if (++rounds > 5) return;
    control.desk.announce(kTask, EventType::modal);  // too late for the page that is being read
    control.desk.while_reading_events = meanwhile;
  };
  control.desk.while_reading_events = meanwhile;
  Listening stream(control, "/v1/events", {last_id(0)});
  auto text = stream.until("id: 255\n");
  control.until([&] { return rounds == 6; });
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  text += stream.until("id: 256\n");
  CHECK(ids_in(text) == counted(1, 256));
}

TEST_CASE("an event that a page brought before it was told of is not said again") {
  RunningControl control;
  const auto event = control.on_loop([&] { return control.desk.record(kTask, EventType::started); });
  Listening stream(control, "/v1/events", {last_id(0)});
  auto text = stream.until("id: 1\n");
  control.until([&] { return control.desk.event_reads == 2; });
  control.on_loop([&] { control.hub.publish(std::span(&event, 1)); });
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  text += stream.until("id: 2\n");
  CHECK(ids_in(text) == counted(1, 2));
}

TEST_CASE("progress that is not recorded goes to live streams, without an id") {
  RunningControl control;
  Listening stream(control, "/v1/events");
  control.on_loop([&] {
    CommittedEvent event;
    event.type = EventType::progress;
    event.key = kTask;
    event.body = std::make_shared<const std::string>(R"({"type":"task.progress"})");
    control.hub.publish(std::span(&event, 1));
  });
  const auto text = stream.until("data: {\"type\":\"task.progress\"}");
  CHECK(text.find("event: task.progress\n") != std::string::npos);
  CHECK(ids_in(text).empty());
}

TEST_CASE("an event that is no longer kept is 410, and what is no number 400") {
  RunningControl control;
  control.on_loop([&] {
    for (int i = 0; i < 9; ++i) control.desk.record(kTask, EventType::started);
    control.desk.oldest_kept = 5;
  });
  const auto gone = control.call("GET", "/v1/events", "", {last_id(3)});
  CHECK(is_problem(gone, 410, "no longer kept"));
  CHECK(at(gone, "last_event_id") == "3");
  CHECK(is_problem(control.call("GET", "/v1/events", "", {"Last-Event-ID: abc"}), 400, "Last-Event-ID"));
  CHECK(is_problem(control.call("GET", "/v1/events", "", {"Last-Event-ID: -1"}), 400));
  CHECK(is_problem(control.call("GET", "/v1/events", "", {"Last-Event-ID: 99999999999999999999"}), 400));
  CHECK(control.on_loop([&] { return control.hub.listeners(); }) == 0);
}

TEST_CASE("a stream that can't be read on is ended, so that it is taken up again where it was") {
  RunningControl control;
  control.on_loop([&] {
    for (int i = 0; i < 3; ++i) control.desk.announce(kTask, EventType::progress);
    control.desk.unread = true;
  });
  const auto refused = control.call("GET", "/v1/events", "", {last_id(1)});
  CHECK(is_problem(refused, 503, "could not be read"));
  CHECK(refused.headers.at("retry-after") == "1");

  control.on_loop([&] { control.desk.unread = false; });
  Listening stream(control, "/v1/events", {last_id(1)});
  CHECK(ids_in(stream.until("id: 3\n")) == counted(2, 3));
  control.on_loop([&] {
    control.desk.unread = true;
    control.desk.record(kTask, EventType::progress);     // of another daemon, not told of yet
    control.desk.announce(kTask, EventType::succeeded);  // so that the stream reads
  });
  CHECK(ids_in(stream.until("0\r\n\r\n")).empty());  // which is its end
  control.on_loop([&] { control.desk.unread = false; });
  Listening again(control, "/v1/events", {last_id(3)});
  CHECK(ids_in(again.until("id: 5\n")) == counted(4, 5));
}

TEST_CASE("a reader that takes its time gets everything that was kept") {
  RunningControl control;
  const std::string body = R"({"type":"task.started","data":{"pad":")" + std::string(20000, 'x') + "\"}}";
  control.on_loop([&] {
    for (int i = 0; i < 300; ++i) control.desk.record(kTask, EventType::started, body);  // 6 MB, the queue is 1 MiB
  });
  auto client = control.begin("GET", "/v1/events", {last_id(0)});
  control.until([&] { return control.desk.event_reads >= 1; });
  CHECK(control.on_loop([&] { return control.hub.listeners(); }) == 1);
  CHECK(ids_in(client->read_until("id: 300\n")) == counted(1, 300));
}

TEST_CASE("a reader that is gone or stuck is let go") {
  RunningControl control;
  auto leaver = std::make_unique<Listening>(control, "/v1/events");
  Listening stuck(control, "/v1/events");
  control.until([&] { return control.hub.listeners() == 2; });
  leaver.reset();
  control.until([&] { return control.hub.listeners() == 1; });
  const std::string body = R"({"pad":")" + std::string(100000, 'x') + "\"}";
  control.until([&] {
    control.desk.announce(kTask, EventType::started, body);
    return control.hub.listeners() == 0;
  });
}

TEST_CASE("streams are ended when the daemon stops, and at HEAD they do not begin") {
  RunningControl control;
  const auto head = control.call("HEAD", "/v1/events");
  CHECK(head.status == 200);
  control.until([&] { return control.hub.listeners() == 0; });
  Listening stream(control, "/v1/events");
  control.on_loop([&] { control.server().stop(std::chrono::milliseconds(5000)); });
  CHECK(stream.client->read_to_end().find("0\r\n\r\n") != std::string::npos);
  control.until([&] { return control.hub.listeners() == 0 && control.server().connections() == 0; });
}

TEST_CASE("a stream outlives neither the server nor the other way round") {
  RunningControl control;
  control.on_loop([&] { control.desk.record(kTask, EventType::started); });
  Listening live(control, "/v1/events");
  control.destroy();
  control.on_loop([&] { control.desk.announce(kTask, EventType::succeeded); });
  CHECK(control.on_loop([&] { return control.hub.listeners(); }) == 0);
}
