// Groups of tensors, each with an algorithm of its own, behind one handle.
#include <algorithm>
#include <cmath>
#include <utility>

#include "torch/handle.h"

namespace optibridge::torch_bridge {
namespace {

bool same(const SlotSpec& a, const SlotSpec& b) { return a.name == b.name && a.kind == b.kind; }

bool same(const std::vector<SlotSpec>& a, const std::vector<SlotSpec>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const SlotSpec& x, const SlotSpec& y) { return same(x, y); });
}

SlotShape shapes_of(const Algorithm& algorithm) {
  return [&algorithm](size_t slot, c10::IntArrayRef param) {
    return algorithm.slot_shape(slot, param);
  };
}

// Descriptions of some tensors, with their slots, in an order of their own.
struct Tables {
  std::vector<ob_tensor> params, grads;
  std::vector<std::vector<ob_tensor>> slots;

  Binding binding(const ob_torch_optimizer& optimizer) const {
    std::vector<int64_t> addresses;
    for (const auto& slot : slots) addresses.push_back(reinterpret_cast<int64_t>(slot.data()));
    return make_binding(params.data(), grads.data(), addresses.data(),
                        static_cast<int32_t>(slots.size()), static_cast<int64_t>(params.size()),
                        optimizer.slots, shapes_of(*optimizer.algorithm));
  }
};

void check_tables(const ob_torch_optimizer& optimizer, const ob_tensor* params,
                  const ob_tensor* grads, int64_t count, const int64_t* which, const int64_t* slots,
                  int32_t slot_count, int64_t tensors) {
  if (tensors < 0 || count < 0 || (which == nullptr && count != tensors)) {
    throw std::invalid_argument("the numbers of tensors are negative or differ");
  }
  if (static_cast<size_t>(slot_count) != optimizer.slots.size()) {
    throw std::invalid_argument(std::to_string(slot_count) + " slots are given, " +
                                std::to_string(optimizer.slots.size()) + " are needed");
  }
  if (slots == nullptr || (count > 0 && (params == nullptr || grads == nullptr))) {
    throw std::invalid_argument("parameters, gradients and slots must not be null");
  }
  for (int32_t s = 0; s < slot_count; ++s) {
    if (tensors > 0 && slots[s] == 0) {
      throw std::invalid_argument("slot '" + optimizer.slots[s].name + "' is null");
    }
  }
  for (int64_t j = 0; which != nullptr && j < count; ++j) {
    if (which[j] < 0 || which[j] >= tensors || (j > 0 && which[j] <= which[j - 1])) {
      throw std::invalid_argument("the positions of tensors must rise, below " +
                                  std::to_string(tensors));
    }
  }
  if (!optimizer.groups.empty() && optimizer.members.size() != static_cast<size_t>(tensors)) {
    throw std::invalid_argument(std::to_string(optimizer.members.size()) +
                                " tensors have a group, " + std::to_string(tensors) +
                                " are to be bound");
  }
}

}  // namespace

void set_slots(ob_torch_optimizer& optimizer, std::vector<SlotSpec> slots) {
  std::vector<std::string> names;
  for (const SlotSpec& slot : slots) names.push_back(slot.name);
  optimizer.slots = std::move(slots);
  optimizer.slots_text = join(names);
}

std::unique_ptr<ob_torch_optimizer> join(ob_torch_optimizer* const* parts, const double* rates,
                                         int32_t count) {
  if (count < 1 || parts == nullptr || rates == nullptr) {
    throw std::invalid_argument("there must be a group");
  }
  auto joined = std::make_unique<ob_torch_optimizer>();
  std::vector<SlotSpec> all;
  for (int32_t g = 0; g < count; ++g) {
    if (parts[g] == nullptr || parts[g]->algorithm == nullptr) {
      throw std::invalid_argument("a group must be one optimizer");
    }
    if (!std::isfinite(rates[g]) || rates[g] < 0) {
      throw std::invalid_argument("a group's rate must be a finite number that is not negative");
    }
    ob_torch_optimizer::Group group{nullptr, rates[g], {}};
    for (const SlotSpec& slot : parts[g]->slots) {
      auto found = std::find_if(all.begin(), all.end(),
                                [&](const SlotSpec& other) { return other.name == slot.name; });
      if (found == all.end()) found = all.insert(all.end(), slot);
      if (!same(*found, slot)) throw std::invalid_argument("the groups are of different classes");
      group.columns.push_back(static_cast<int32_t>(found - all.begin()));
    }
    joined->groups.push_back(std::move(group));
  }
  set_slots(*joined, std::move(all));
  for (int32_t g = 0; g < count; ++g) joined->groups[g].optimizer.reset(parts[g]);
  return joined;
}

void bind_some(ob_torch_optimizer& optimizer, const ob_tensor* params, const ob_tensor* grads,
               int64_t count, const int64_t* which, const int64_t* slots, int32_t slot_count,
               int64_t tensors) {
  if (optimizer.algorithm != nullptr && which == nullptr) {
    optimizer.algorithm->bind(make_binding(params, grads, slots, slot_count, tensors,
                                           optimizer.slots, shapes_of(*optimizer.algorithm)));
    optimizer.bound = true;
    return;
  }
  check_tables(optimizer, params, grads, count, which, slots, slot_count, tensors);
  const size_t parts = optimizer.groups.empty() ? 1 : optimizer.groups.size();
  const auto part = [&](size_t g) -> ob_torch_optimizer& {
    return optimizer.groups.empty() ? optimizer : *optimizer.groups[g].optimizer;
  };
  const auto column = [&](size_t g, size_t slot) {
    return optimizer.groups.empty() ? slot : static_cast<size_t>(optimizer.groups[g].columns[slot]);
  };
  std::vector<Tables> tables(parts);
  for (size_t g = 0; g < parts; ++g) tables[g].slots.resize(part(g).slots.size());
  std::vector<ob_torch_optimizer::Place> places;
  for (int64_t j = 0; j < count; ++j) {
    const int64_t i = which == nullptr ? j : which[j];
    const int32_t g = optimizer.groups.empty() ? 0 : optimizer.members[i];
    Tables& own = tables[g];
    places.push_back({g, static_cast<int64_t>(own.params.size())});
    own.params.push_back(params[j]);
    own.grads.push_back(grads[j]);
    for (size_t s = 0; s < own.slots.size(); ++s) {
      own.slots[s].push_back(reinterpret_cast<const ob_tensor*>(slots[column(g, s)])[i]);
    }
  }
  // Whatever is wrong shows here, before anything is changed.
  std::vector<Binding> bindings;
  for (size_t g = 0; g < parts; ++g) bindings.push_back(tables[g].binding(part(g)));
  if (!optimizer.groups.empty()) optimizer.bound = false;  // until all groups are
  for (size_t g = 0; g < parts; ++g) part(g).algorithm->bind(std::move(bindings[g]));
  optimizer.places = std::move(places);
  optimizer.bound = true;
}

void take(ob_torch_optimizer& optimizer, ob_torch_optimizer& from) {
  if (optimizer.groups.size() != from.groups.size()) {
    throw std::invalid_argument("the optimizers have different numbers of groups");
  }
  const size_t parts = optimizer.groups.empty() ? 1 : optimizer.groups.size();
  const auto part = [](ob_torch_optimizer& o, size_t g) -> ob_torch_optimizer& {
    return o.groups.empty() ? o : *o.groups[g].optimizer;
  };
  bool keeps = optimizer.bound;
  for (size_t g = 0; g < parts; ++g) {
    keeps = keeps && same(part(optimizer, g).slots, part(from, g).slots);
  }
  for (size_t g = 0; keeps && g < parts; ++g) {
    part(from, g).algorithm->bind(part(optimizer, g).algorithm->binding());
  }
  from.members = optimizer.members;
  from.places = optimizer.places;
  from.names = optimizer.names;
  from.bound = keeps;
  std::swap(optimizer, from);
  from.bound = false;
}

}  // namespace optibridge::torch_bridge
