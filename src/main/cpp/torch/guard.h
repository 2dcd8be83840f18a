// The core's guard, which also knows what libtorch throws.
#pragma once

#include <c10/util/Exception.h>

#include "core/guard.h"

namespace optibridge::torch_bridge {

template <class Body>
ob_result guarded(const char* operation, Body&& body) noexcept {
  ob_result of_torch = 0;
  const ob_result other = optibridge::guarded(operation, [&] {
    try {
      body();
    } catch (const c10::OutOfMemoryError& e) {
      of_torch = error_from(OB_OUT_OF_MEMORY, operation, e.what_without_backtrace());
    } catch (const c10::Error& e) {
      of_torch = error_from(OB_FRAMEWORK, operation, e.what_without_backtrace());
    }
  });
  return of_torch != 0 ? of_torch : other;
}

}  // namespace optibridge::torch_bridge
