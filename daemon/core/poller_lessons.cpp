// What a poller has learned: its own memory of it, and what it gives to the other daemons of a shared list.
#include "daemon/core/poller.hpp"

namespace mjwatchd {

void Poller::restore(std::string_view state) {
  restored_ = state;
  if (schedule_) schedule_->restore(state);
}

void Poller::keep_lessons() {
  keeps_lessons_ = true;
  if (schedule_) schedule_->keep_lessons();
}

std::string Poller::send_lessons() {
  taught_ = false;
  if (schedule_) lessons_.add(schedule_->take_lessons());
  return lessons_.send();
}

void Poller::lessons_arrived(std::string_view known) {
  const std::string all = lessons_.arrived(known);
  if (all != restored_) restore(all);  // else nobody has learned anything
}

}  // namespace mjwatchd
