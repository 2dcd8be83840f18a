// Whether a part of a program has the shape of a pattern. Included by the planner alone.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "core/pattern.h"
#include "core/program.h"

namespace optibridge {
namespace {

constexpr int32_t kNever = -1;

constexpr int kMaxSteps = 4;

template <int N>
struct Nodes {
  int32_t node[N];
  Nodes() { std::fill(node, node + N, kNever); }
  int32_t& operator[](int i) { return node[i]; }
  int32_t operator[](int i) const { return node[i]; }
  const int32_t* begin() const { return node; }
  const int32_t* end() const { return node + N; }
};

// What the leaves of a pattern stand for, and the steps of a bundle but the last.
struct Match {
  Nodes<kMaxRows> row;
  Nodes<kMaxScalars> scalar;
  Nodes<kMaxSteps> step;
};

template <class P>
struct Tag {};

struct Graph {
  const std::vector<Node>& nodes;
  const std::vector<int32_t>& uses;    // readers of each node in the stage, stores among them
  const std::vector<int32_t>& stores;  // of each node
};

template <class P>
struct Shape;

template <int I>
struct Shape<R<I>> {
  static_assert(I < kMaxRows);
  static bool fits(const Graph& graph, int32_t node, bool, Match& match) {
    if (graph.nodes[node].rank != Rank::kElements) return false;
    if (match.row[I] == kNever) match.row[I] = node;
    return match.row[I] == node;
  }
};

template <int I>
struct Shape<S<I>> {
  static_assert(I < kMaxScalars);
  static bool fits(const Graph& graph, int32_t node, bool, Match& match) {
    if (graph.nodes[node].rank == Rank::kElements) return false;
    if (match.scalar[I] == kNever) match.scalar[I] = node;
    return match.scalar[I] == node;
  }
};

template <int I>
struct Shape<L<I>> {
  static_assert(I < kMaxSteps);
  static bool fits(const Graph& graph, int32_t node, bool, Match& match) {
    if (graph.nodes[node].rank != Rank::kElements) return false;
    if (match.step[I] == kNever) match.step[I] = node;
    return match.step[I] == node;
  }
};

// An inner node that others read too has to be computed by itself.
bool is_inner(const Graph& graph, int32_t node, bool root, int op) {
  return graph.nodes[node].op == op && graph.nodes[node].rank == Rank::kElements &&
         (root || graph.uses[node] == 1);
}

template <int Op, class A>
struct Shape<Tree<Op, A>> {
  static bool fits(const Graph& graph, int32_t node, bool root, Match& match) {
    return is_inner(graph, node, root, Op) &&
           Shape<A>::fits(graph, graph.nodes[node].a, false, match);
  }
};

template <int Op, class A, class B>
struct Shape<Tree<Op, A, B>> {
  static bool fits(const Graph& graph, int32_t node, bool root, Match& match) {
    if (!is_inner(graph, node, root, Op)) return false;
    const int32_t a = graph.nodes[node].a, b = graph.nodes[node].b;
    const Match before = match;
    if (Shape<A>::fits(graph, a, false, match) && Shape<B>::fits(graph, b, false, match)) {
      return true;
    }
    match = before;
    constexpr bool kCommutes =
        Op == OB_ADD || Op == OB_MULTIPLY || Op == OB_MINIMUM || Op == OB_MAXIMUM;
    return kCommutes && Shape<A>::fits(graph, b, false, match) &&
           Shape<B>::fits(graph, a, false, match);
  }
};

// How often a tree reads L<K>.
template <int K, class P>
struct Reads {
  static constexpr int kCount = 0;
};
template <int K>
struct Reads<K, L<K>> {
  static constexpr int kCount = 1;
};
template <int K, int Op, class A>
struct Reads<K, Tree<Op, A>> : Reads<K, A> {};
template <int K, int Op, class A, class B>
struct Reads<K, Tree<Op, A, B>> {
  static constexpr int kCount = Reads<K, A>::kCount + Reads<K, B>::kCount;
};

template <class... Steps>
struct Shape<Bundle<Steps...>> {
  static constexpr int kSteps = sizeof...(Steps);
  static_assert(kSteps <= kMaxSteps);

  static bool fits(const Graph& graph, int32_t node, bool, Match& match) {
    return from<kSteps - 1>(graph, node, match);
  }

 private:
  // Later steps say which nodes the earlier ones are. Nobody else may read those: the loop runs
  // where its last step would.
  template <int K>
  static bool from(const Graph& graph, int32_t node, Match& match) {
    using This = std::tuple_element_t<K, std::tuple<Steps...>>;
    if (node == kNever || !Shape<typename This::Value>::fits(graph, node, true, match))
      return false;
    if constexpr (K < kSteps - 1) {
      constexpr int kReads = (0 + ... + Reads<K, typename Steps::Value>::kCount);
      if (graph.uses[node] != kReads + graph.stores[node] ||
          (graph.stores[node] > 0) != This::kKept) {
        return false;
      }
    }
    if constexpr (K > 0) {
      return from<K - 1>(graph, match.step[K - 1], match);
    } else {
      return true;
    }
  }
};

// What the planner has to know of a pattern.
struct Traits {
  bool (*fits)(const Graph&, int32_t, bool, Match&);
  int32_t cost;
  int32_t steps;
  uint32_t kept;  // a bit for each step
};

template <class P>
constexpr Traits traits_of(Tag<P>) {
  return {Shape<P>::fits, Loop<P>::Body::kCost, 1, 1};
}

template <class... Steps>
constexpr Traits traits_of(Tag<Bundle<Steps...>>) {
  uint32_t kept = 0, bit = 1;
  ((kept |= Steps::kKept ? bit : 0, bit <<= 1), ...);
  return {Shape<Bundle<Steps...>>::fits, Loop<Bundle<Steps...>>::Body::kCost, sizeof...(Steps),
          kept};
}

template <class... P>
const Traits* table(List<P...>) {
  static constexpr Traits kTraits[] = {traits_of(Tag<P>())...};
  return kTraits;
}

// The first of a list that fits.
template <class... P>
int32_t find(List<P...> list, const Graph& graph, int32_t node, bool root, Match& match) {
  for (size_t i = 0; i < sizeof...(P); i++) {
    match = Match();
    if (table(list)[i].fits(graph, node, root, match)) return static_cast<int32_t>(i);
  }
  throw std::logic_error("no instruction for an operation");
}

}  // namespace
}  // namespace optibridge
