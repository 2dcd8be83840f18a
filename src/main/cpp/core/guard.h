// Keeps C++ exceptions on the native side of a C ABI.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "core/ob_status.h"

namespace optibridge {

// Thrown for what is valid but cannot be done here; reaches the caller as OB_UNSUPPORTED.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline ob_result error_from(int32_t code, const char* operation, const char* text) noexcept {
  try {
    return ob_error_make(code, (std::string(operation) + ": " + text).c_str());
  } catch (...) {
    return ob_error_make(code, operation);
  }
}

// Runs `body`; whatever it throws becomes an error block that starts with the operation's name.
template <class Body>
ob_result guarded(const char* operation, Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    return error_from(OB_OUT_OF_MEMORY, operation, "native memory ran out");
  } catch (const std::invalid_argument& e) {
    return error_from(OB_INVALID, operation, e.what());
  } catch (const Unsupported& e) {
    return error_from(OB_UNSUPPORTED, operation, e.what());
  } catch (const std::exception& e) {
    return error_from(OB_INTERNAL, operation, e.what());
  } catch (...) {
    return error_from(OB_INTERNAL, operation, "an exception that is no std::exception");
  }
}

}  // namespace optibridge
