// What the functions ob_*_raise_for_test have in common: one kind of exception after the other.
#pragma once

#include <cstdint>
#include <new>
#include <stdexcept>

namespace optibridge {

// 1 to 4 throw; other kinds are the caller's.
inline void raise_for_test(int32_t kind) {
  switch (kind) {
    case 1:
      throw std::bad_alloc();
    case 2:
      throw std::invalid_argument("raised for a test");
    case 3:
      throw std::runtime_error("raised for a test");
    case 4:
      throw 4;
    default:
      return;
  }
}

}  // namespace optibridge
