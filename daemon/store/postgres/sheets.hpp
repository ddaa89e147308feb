// Everything a batch writes, table by table.
#pragma once

#include "daemon/store/postgres/sheet.hpp"
#include "daemon/store/postgres/standing.hpp"
#include "daemon/store/tables.hpp"

namespace mjwatchd::store::postgres {

/// The rows of a batch, until they are written. A row that is written twice in a batch must be put in once.
struct Sheets {
  Sheets();

  void insert(const TaskRow& row, const TaskTexts& texts, DaemonNo holder);
  void update(const TaskRow& row);
  void update(TaskNo task, const TaskTexts& texts);
  void insert(TaskNo task, const CommittedEvent& event, DaemonNo daemon);
  /// `holder` only of a delivery of no task.
  void insert(const NewDelivery& delivery, std::optional<DaemonNo> holder);
  void update(const change::Delivery& change);
  void insert(DeliveryNo no, std::int64_t number, const SendResult& result);

  /// All that is to be written before events are numbered; nothing of it is left afterwards.
  [[nodiscard]] std::vector<Connection::Statement> take_quiet();
  /// The rest, for the end: the events and what names them. An event's number below 0 is that of the `events` that
  /// this transaction numbered so far: -1 is the first of them.
  [[nodiscard]] std::vector<Connection::Statement> take_numbered(EventNo events);

  Sheet bodies;

 private:
  Sheet new_tasks_, new_texts_, tasks_, texts_, events_, new_deliveries_, deliveries_, attempts_, middle_, old_;
};

}  // namespace mjwatchd::store::postgres
