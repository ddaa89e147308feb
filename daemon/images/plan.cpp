#include "daemon/images/plan.hpp"

#include <algorithm>

#include "daemon/images/origin.hpp"

namespace mjwatchd::images {

namespace {

using Kind = gateway::PictureLink::Kind;
using Links = std::vector<gateway::PictureLink>;

constexpr std::size_t kMostWishes = 64;  // far over what any task has: a hostile object ends here

void add(std::vector<std::string>& sources, const std::string& url) {
  if (std::find(sources.begin(), sources.end(), url) == sources.end()) sources.push_back(url);
}

/// imageUrl → /image/{id} → the parts, where the mode allows them to stand in.
Wish picture(const Links& links, const std::string& own, bool parts_stand_in, WallTime now) {
  Wish wish;
  const auto fresh = [now](const gateway::PictureLink& link) { return !link.expires || *link.expires > now; };
  for (const auto& link : links) {
    if (link.kind == Kind::image && fresh(link)) add(wish.sources, link.url);
  }
  add(wish.sources, own);
  for (const auto& link : links) {
    if (link.kind == Kind::part && parts_stand_in && fresh(link)) add(wish.sources, link.url);
  }
  // A link past its time is worth one more request when nothing else helped: clocks differ.
  for (const auto& link : links) {
    const bool usable = link.kind == Kind::image || (link.kind == Kind::part && parts_stand_in);
    if (usable && !fresh(link)) add(wish.sources, link.url);
  }
  return wish;
}

void add_each(const Links& links, Kind kind, Plan& plan) {
  for (const auto& link : links) {
    if (link.kind == kind && plan.wishes.size() < kMostWishes) plan.wishes.push_back({{link.url}});
  }
}

}  // namespace

Plan make_plan(const SaveOrder& order, Links links, const GatewayOptions& gateway, WallTime now) {
  for (auto& link : links) {
    if (const auto absolute = resolve(gateway.url, link.url); absolute && !origin_of(link.url)) link.url = *absolute;
    link.url = rewritten(link.url, gateway.rewrite_urls);
  }
  Plan plan;
  if (order.mode == SaveMode::none) return plan;
  if (order.mode == SaveMode::video) {
    add_each(links, Kind::video, plan);
    return plan;
  }
  const auto any = [&](Kind kind) {
    return std::any_of(links.begin(), links.end(), [kind](const auto& link) { return link.kind == kind; });
  };
  const std::string own = gateway.image_url ? gateway.image_url(order.key.id) : std::string();
  const bool all = order.mode == SaveMode::all;
  const bool pictures = any(Kind::image) || any(Kind::part);
  if (!pictures && own.empty()) {
    if (all) add_each(links, Kind::video, plan);
    return plan;
  }
  if (!pictures && !(all && any(Kind::video))) {
    plan.probe = true;
    plan.wishes.push_back({{own}});
    return plan;
  }
  if (any(Kind::image) || !all) plan.wishes.push_back(picture(links, own, !all, now));
  if (all) {
    add_each(links, Kind::part, plan);
    add_each(links, Kind::video, plan);
  }
  for (Wish& wish : plan.wishes) std::erase(wish.sources, std::string());
  return plan;
}

}  // namespace mjwatchd::images
