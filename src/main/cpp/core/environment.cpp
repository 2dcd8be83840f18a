// The environment of the process.
#include <cstdlib>

#include "core/ob_environment.h"

extern "C" void ob_default_variable(const char* name, const char* value) noexcept {
  if (std::getenv(name) == nullptr) {
#if defined(_WIN32)
    _putenv_s(name, value);
#else
    setenv(name, value, 0);
#endif
  }
}
