#include "daemon/client/top_view.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

#include "daemon/client/json.hpp"
#include "daemon/client/table.hpp"

namespace mjwatchd::client {

namespace {

using Value = rapidjson::Value;

double number(const Value& value) { return value.IsNumber() ? value.GetDouble() : 0.0; }

std::string shown(double value, const char* format) {
  char text[32];
  const int size = std::snprintf(text, sizeof text, format, value);
  return {text, static_cast<std::size_t>(std::max(size, 0))};
}

std::string up_for(const Value& status) {
  auto seconds = static_cast<long long>(number(member(status, "uptime_s")));
  const auto days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return std::to_string(days) + "d " + std::to_string(hours) + "h";
  if (hours > 0) return std::to_string(hours) + "h " + std::to_string(minutes) + "m";
  return minutes > 0 ? std::to_string(minutes) + "m" : std::to_string(seconds) + "s";
}

std::string line(const Terminal& terminal, const std::string& text, Colour colour = Colour::plain) {
  const auto clean = harmless(text);
  return coloured(terminal, colour, terminal.width == 0 ? clean : fit(clean, terminal.width)) + "\n";
}

/// Of a watch list that several daemons share; empty when it is one daemon's own.
std::string shared(const Value& status, const Terminal& terminal) {
  const auto& sharing = member(status, "sharing");
  const auto& daemons = member(sharing, "daemons");
  if (!daemons.IsArray()) return {};
  const auto all = daemons.GetArray();
  const auto fresh =
      std::count_if(all.begin(), all.end(), [](const Value& one) { return text(one, "newcomer") == "true"; });
  const bool valid = text(member(sharing, "lease"), "valid") == "true";
  return line(terminal,
              "shared by " + std::to_string(all.Size()) + " daemons" +
                  (fresh == 0 ? "" : " (" + std::to_string(fresh) + " new)") + ": " + text(sharing, "tasks") +
                  " tasks are this one's" + (valid ? "" : "   its lease has run out"),
              valid ? Colour::plain : Colour::yellow);
}

std::string header(const Value& status, const Terminal& terminal) {
  const auto& tasks = member(status, "tasks");
  const auto& deliveries = member(status, "deliveries");
  const bool stopping = text(status, "stopping") == "true", ready = text(status, "ready") == "true";
  std::string out = line(terminal, "mjwatchd " + text(status, "version") + "  up " + up_for(status) + "  " +
                                       (stopping ? "stopping"
                                        : ready  ? "ready"
                                                 : "starting") +
                                       "  " + text(status, "now"));
  out += line(terminal, "tasks: " + text(tasks, "watching") + " watched, " + text(tasks, "saving") + " saving, " +
                            text(tasks, "done") + " done   webhooks: " + text(deliveries, "pending") + " pending, " +
                            text(deliveries, "held") + " held, " + text(deliveries, "dead") + " dead");
  out += shared(status, terminal);
  const auto& troubles = member(status, "troubles");
  if (!troubles.IsArray()) return out;
  for (const auto& trouble : troubles.GetArray()) {
    out += line(terminal, text(trouble, "part") + ": " + text(trouble, "text"),
                text(trouble, "ours") == "true" ? Colour::red : Colour::yellow);
  }
  return out;
}

/// A section of the screen: its rows, of which the first few may be shown.
struct Section {
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;

  [[nodiscard]] std::string print(const Terminal& terminal, std::size_t most) const {
    Table table(headings);
    for (std::size_t i = 0; i < rows.size() && i < most; ++i) table.add(rows[i]);
    return table.print(terminal);
  }
};

template <typename Cells>
Section section(std::vector<std::string> headings, const Value& list, Cells cells) {
  Section out{std::move(headings), {}};
  if (!list.IsArray()) return out;
  for (const auto& one : list.GetArray()) out.rows.push_back(cells(one));
  return out;
}

Section gateways(const Value& answer) {
  return section({"GATEWAY", "STATE", "LIVE", "CALLS", "FILL", "DELAY", "BUDGET"}, member(answer, "gateways"),
                 [](const Value& one) {
                   const auto& fill = member(one, "batch_fill");
                   const auto& delay = member(one, "detection_delay");
                   const bool noticed = number(member(delay, "count")) > 0;
                   return std::vector<std::string>{text(one, "name"),
                                                   text(one, "state"),
                                                   text(one, "live"),
                                                   text(one, "calls"),
                                                   fill.IsNumber() ? shown(fill.GetDouble() * 100, "%.0f%%") : "",
                                                   noticed ? shown(number(member(delay, "p50_s")), "%.1fs") : "",
                                                   shown(number(member(member(one, "budget"), "left")), "%.0f")};
                 });
}

Section endpoints(const Value& answer) {
  return section({"ENDPOINT", "STATE", "PENDING", "SENDING", "HELD", "URL"}, member(answer, "endpoints"),
                 [](const Value& one) {
                   return std::vector<std::string>{text(one, "name"),      text(one, "state"), text(one, "pending"),
                                                   text(one, "in_flight"), text(one, "held"),  text(one, "url")};
                 });
}

Section watched(const Value& answer) {
  return section({"WATCHED", "GATEWAY", "ACTION", "STATE", "PROGRESS"}, member(answer, "tasks"), [](const Value& one) {
    const auto progress = text(one, "progress");
    const auto phase = text(one, "phase");
    return std::vector<std::string>{text(one, "id"), text(one, "gateway"), text(one, "action"),
                                    phase == "watching" ? text(one, "status") : phase,
                                    progress.empty() ? "" : progress + "%"};
  });
}

Section made(const Value& answer) {
  return section({"MADE", "GATEWAY", "STATE", "PICTURE"}, member(answer, "tasks"), [](const Value& one) {
    const auto& images = member(one, "images");
    const bool any = images.IsArray() && !images.Empty();
    return std::vector<std::string>{text(one, "id"), text(one, "gateway"), text(one, "ending"),
                                    any ? text(images[0], "path") : text(one, "image_error")};
  });
}

Section webhooks(const Value& answer) {
  return section(
      {"WEBHOOK", "STATE", "TYPE", "TASK", "ENDPOINT", "ATTEMPTS"}, member(answer, "deliveries"), [](const Value& one) {
        return std::vector<std::string>{text(one, "id"),   text(one, "state"),    text(one, "type"),
                                        text(one, "task"), text(one, "endpoint"), text(one, "attempts_made")};
      });
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

std::string draw_top(const TopData& data, const Terminal& terminal, std::size_t rows) {
  const auto all = ~std::size_t{0};
  // Few, and what a look is for: these come whole.
  auto out = header(data.status, terminal) + "\n" + gateways(data.gateways).print(terminal, all) + "\n";
  const auto receivers = endpoints(data.endpoints);
  if (!receivers.rows.empty())
    out += receivers.print(terminal, rows == 0 ? all : std::max<std::size_t>(rows / 6, 1)) + "\n";
  const std::vector<Section> sections{watched(data.watched), made(data.made), webhooks(data.deliveries)};
  // What is left is shared, each with its headings and a blank line; what one doesn't need the next may have.
  std::size_t left = rows == 0 ? all : rows - std::min(rows, lines_of(out) + 2 * sections.size());
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const auto most = rows == 0 ? all : left / (sections.size() - i);
    out += sections[i].print(terminal, most) + (i + 1 < sections.size() ? "\n" : "");
    if (rows != 0) left -= std::min(most, sections[i].rows.size());
  }
  if (rows == 0 || lines_of(out) <= rows) return out;
  std::size_t end = 0;
  for (std::size_t i = 0; i < rows; ++i) end = out.find('\n', end) + 1;
  return out.substr(0, end);
}

}  // namespace mjwatchd::client
