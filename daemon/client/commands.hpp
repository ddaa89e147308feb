// The commands, by what they are about. Each answers the exit code, or throws Trouble.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/client/session.hpp"

namespace mjwatchd::client {

struct AddOrder {
  std::vector<std::string> ids;
  std::string gateway;
  std::vector<std::string> webhooks;  ///< names or URLs
  std::vector<std::string> events;
  std::vector<std::string> meta;  ///< K=V
  std::string from;               ///< file of ids or NDJSON registrations; "-" is standard input
  std::string secret_file;        ///< signs for webhooks given as URLs
  bool no_webhooks = false;
  std::string save, action;
};
/// The JSON body of a registration, without an id. Throws Trouble(usage).
[[nodiscard]] std::string registration_body(const AddOrder& order, const std::vector<std::string>* ids);
Exit add(Session& session, const AddOrder& order);

struct ListOrder {
  std::string status, gateway;
  bool active = false, ended = false, all = false;
  std::size_t limit = 100;
};
Exit list(Session& session, const ListOrder& order);
Exit show(Session& session, const std::string& id, const std::string& gateway);
Exit forget(Session& session, const std::vector<std::string>& ids, const std::string& gateway);
Exit refresh(Session& session, const std::vector<std::string>& ids, const std::string& gateway);
/// `file` empty: named after the task, in the working directory; "-" is standard output.
Exit save(Session& session, const std::string& id, const std::string& gateway, std::string file, int number);

struct WaitOrder {
  std::vector<std::string> ids;
  std::string gateway;
  std::string save_directory;
  std::string timeout;  ///< empty: none
};
Exit wait(Session& session, const WaitOrder& order);

struct EventsOrder {
  bool follow = false;
  std::string task, gateway, since;
  std::vector<std::string> types;
};
Exit events(Session& session, const EventsOrder& order);

struct DeliveriesOrder {
  std::string id, state, endpoint, task;
  bool all = false;
  std::size_t limit = 100;
};
Exit deliveries(Session& session, const DeliveriesOrder& order);
struct ReplayOrder {
  std::vector<std::string> ids;
  std::string endpoint, state, since, until;
};
Exit replay(Session& session, const ReplayOrder& order);
/// `action` is empty (list), test, enable or disable.
Exit endpoints(Session& session, const std::string& action, const std::string& name);
struct StatusOrder {
  bool check = false;  ///< whether the daemon's own parts move, as its /healthz says
  bool ready = false;  ///< whether gateways, receivers and disks are well, too, as its /readyz says
};
Exit status(Session& session, const StatusOrder& order);
/// Prints a link that opens the daemon's page in a browser, once.
Exit page(Session& session);

struct TopOrder {
  bool once = false;
  std::string interval = "1s";
};
/// A live view on a terminal; else, or with `once`, how things stand now.
Exit top(Session& session, const TopOrder& order);

struct ListenOrder {
  int port = 8000;  ///< 0: picked by the system
  std::string host = "127.0.0.1";
  std::vector<std::string> secret_files;
  std::string exec;
  int count = 0;  ///< ends after so many good webhooks; 0: never
};
/// Needs no daemon.
Exit listen(const Terminal& terminal, bool json, const ListenOrder& order);

}  // namespace mjwatchd::client
