#include "torch/line_search.h"

#include <utility>

namespace optibridge::torch_bridge {
namespace {

constexpr double kDecrease = 1e-4;   // of the loss: share of what the slope promises
constexpr double kCurvature = 0.9;   // of the slope
constexpr double kNarrowest = 1e-9;  // bracket, in terms of the weights

// The minimum of the cubic through two points and their slopes, within bounds.
Number minimum(const LineSearch::Point& a, const LineSearch::Point& b, Number least, Number most) {
  const Number d1 = a.slope + b.slope - Number(3 * (a.loss - b.loss)) / (a.t - b.t);
  const Number square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const Number d2 = sqrt(square);
  const Number found =
      a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                 : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
  return smaller(larger(found, least), most);
}

}  // namespace

bool LineSearch::tell(double loss, at::Tensor gradient, Number slope) {
  ++evaluations_;
  const Point now{t_, loss, slope, std::move(gradient)};
  return narrowing_ ? narrow(now) : expand(now);
}

bool LineSearch::too_high(const Point& now) const {
  return Number(now.loss) > start_.loss + kDecrease * now.t * start_.slope;
}

bool LineSearch::flat_enough(const Point& now) const {
  return abs(now.slope) <= -kCurvature * start_.slope;
}

bool LineSearch::expand(const Point& now) {
  if (evaluations_ > 1) ++iterations_;
  if (iterations_ >= most_) {
    bracket(start_, now);
    return false;
  }
  if (too_high(now) || (iterations_ > 1 && now.loss >= previous_.loss)) {
    bracket(previous_, now);
    return try_inside();
  }
  if (flat_enough(now)) {
    ends_[0] = ends_[1] = now;
    return false;
  }
  if (now.slope >= 0) {
    bracket(previous_, now);
    return try_inside();
  }
  t_ = minimum(previous_, now, now.t + 0.01 * (now.t - previous_.t), now.t * 10);
  previous_ = now;
  return true;
}

void LineSearch::bracket(const Point& first, const Point& second) {
  ends_[0] = first;
  ends_[1] = second;
  order();
  narrowing_ = true;
}

void LineSearch::order() { low_ = ends_[0].loss <= ends_[1].loss ? 0 : 1; }

// Chooses a step size within the bracket, unless the search is over.
bool LineSearch::try_inside() {
  if (done_ || iterations_ >= most_) return false;
  const Number first = ends_[0].t;
  const Number second = ends_[1].t;
  if (abs(second - first) * largest_ < kNarrowest) return false;
  const bool rising = first <= second;
  Number t = minimum(ends_[0], ends_[1], rising ? first : second, rising ? second : first);

  // Close to an end twice, or at it: a tenth of the bracket away from it.
  const Number least = smaller(first, second);
  const Number most = larger(first, second);
  const Number margin = 0.1 * (most - least);
  if (smaller(most - t, t - least) < margin) {
    if (little_progress_ || t >= most || t <= least) {
      t = abs(t - most) < abs(t - least) ? most - margin : least + margin;
      little_progress_ = false;
    } else {
      little_progress_ = true;
    }
  } else {
    little_progress_ = false;
  }
  t_ = t;
  return true;
}

bool LineSearch::narrow(const Point& now) {
  ++iterations_;
  const int high = 1 - low_;
  if (too_high(now) || now.loss >= ends_[low_].loss) {
    ends_[high] = now;
    order();
  } else {
    if (flat_enough(now)) {
      done_ = true;
    } else if (now.slope * (ends_[high].t - ends_[low_].t) >= 0) {
      ends_[high] = ends_[low_];
    }
    ends_[low_] = now;
  }
  return try_inside();
}

}  // namespace optibridge::torch_bridge
