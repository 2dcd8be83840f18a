#!/usr/bin/env bash
# Builds src/main/cpp with CMake. Maven calls `cppbuild.sh install`; people may call any of these:
#
#   cppbuild.sh install   the shared libraries, into target/native (the default)
#   cppbuild.sh test      the same sources and src/main/cpp/test under ASan and UBSan, then ctest
#   cppbuild.sh format    clang-format over src/main/cpp (format-check: only tell whether anything would change)
#   cppbuild.sh headers   only find or fetch the headers, and say where they are
#   cppbuild.sh plugin-flags   what CMake has to know to build a plug-in library, see docs/own-optimizer.md
#
# LIBTORCH_HOME         an installed libtorch, or the folder of a pip-installed torch, of the version the pom names
# OPTIBRIDGE_CACHE      where fetched headers are kept (default: ${XDG_CACHE_HOME:-~/.cache}/optibridge)
# TENSORFLOW_LIB        the folder of libtensorflow_cc.so.2, which the C++ tests of that bridge need
# CXX, CMAKE            other tools than g++ and cmake
# BUILD_PATH, PLATFORM, PLATFORM_EXTENSION   set by Maven: folders of the frameworks' shared libraries; what is built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  printf 'cppbuild.sh: %s\n' "$*" >&2
  exit 1
}

# The one place that names the version is the pom.
TORCH_VERSION=$(sed -n 's:.*<torch\.version>\(.*\)</torch\.version>.*:\1:p' pom.xml)
CLANG_FORMAT_VERSION=19.1.7
CACHE=${OPTIBRIDGE_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/optibridge}
PLATFORM=${PLATFORM:-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)}
PLATFORM_EXTENSION=${PLATFORM_EXTENSION:-}
BUILD_DIR=$PWD/target/cppbuild/$PLATFORM$PLATFORM_EXTENSION
BUILD_PATH_FILE=$BUILD_DIR/framework-folders.txt

need_tools() {
  CMAKE=${CMAKE:-cmake}
  CXX=${CXX:-${PLATFORM_COMPILER:-g++}}
  command -v "${CXX%% *}" >/dev/null ||
    fail "the C++ compiler '$CXX' is missing: install g++ 9 or newer, or set CXX to a C++17 compiler."
  command -v "$CMAKE" >/dev/null ||
    fail "cmake is missing: install CMake 3.21 or newer, or set CMAKE to its path."
  command -v ninja >/dev/null || command -v make >/dev/null ||
    fail "neither ninja nor make was found: install one of them."
  export CXX
}

torch_version_of() { # an include folder; prints e.g. 2.10.0
  local header
  for header in "$1/torch/headeronly/version.h" "$1/torch/csrc/api/include/torch/version.h"; do
    [ -f "$header" ] || continue
    sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) *\([0-9][0-9]*\).*/\2/p' "$header" | paste -sd. -
    return
  done
}

# Sets TORCH_INCLUDE to libtorch's include folder: LIBTORCH_HOME's, the cached one, or one fetched now.
find_torch_headers() {
  local have
  if [ -n "${LIBTORCH_HOME:-}" ]; then
    TORCH_INCLUDE=$LIBTORCH_HOME/include
    [ -f "$TORCH_INCLUDE/torch/csrc/api/include/torch/torch.h" ] ||
      fail "LIBTORCH_HOME ($LIBTORCH_HOME) holds no include/torch: set it to an installed libtorch $TORCH_VERSION, or unset it."
    have=$(torch_version_of "$TORCH_INCLUDE")
    [ "$have" = "$TORCH_VERSION" ] ||
      fail "LIBTORCH_HOME ($LIBTORCH_HOME) is libtorch ${have:-of an unknown version}: set it to $TORCH_VERSION, the version that is loaded at run time, or unset it."
    return
  fi
  TORCH_INCLUDE=$CACHE/libtorch-headers-$TORCH_VERSION/include
  [ -d "$TORCH_INCLUDE" ] || fetch_torch_headers
}

PIP_OPTIONS=(--quiet --no-input --disable-pip-version-check --no-cache-dir --retries 2 --timeout 60)

need_pip() { # what it fetches, what to do otherwise
  python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip, which fetches $1, is missing: install python3-pip, $2."
}

# Why pip failed: the system's own words when there are any, else pip's last line.
pip_error() {
  { sed -n "s/.*\[Errno [-0-9]*\] \([^')]*\).*/\1/p" "$TEMPORARY/pip.log" | tail -n 1 | grep . ||
    tail -n 1 "$TEMPORARY/pip.log"; } | cut -c1-200
}

# A folder in the cache to fetch into, gone at exit whatever happens.
make_temporary() {
  if ! mkdir -p "$CACHE" 2>/dev/null || ! TEMPORARY=$(mktemp -d "$CACHE/fetch.XXXXXX" 2>/dev/null); then
    fail "cannot write to the cache folder $CACHE: set OPTIBRIDGE_CACHE to one that can be written."
  fi
  trap 'rm -rf "$TEMPORARY"' EXIT
}

# Makes TEMPORARY/done the cache's folder $1. A rename, so that no build ever sees half a cache; when another build was
# faster, its folder stays.
keep() {
  mv -T "$TEMPORARY/done" "$1" 2>/dev/null || [ -d "$1" ] || fail "cannot create $1: set OPTIBRIDGE_CACHE to a folder that can be written."
  rm -rf "$TEMPORARY"
}

# No Maven artifact holds the headers; the wheels do, and they are the same for every platform. The smallest wheel
# for Linux is taken, its headers are kept and the rest is thrown away.
fetch_torch_headers() {
  need_pip "libtorch's headers" "or set LIBTORCH_HOME to an installed libtorch $TORCH_VERSION"
  make_temporary
  echo "cppbuild.sh: fetching the headers of libtorch $TORCH_VERSION (about 150 MB, once) into $CACHE"
  python3 -m pip download "${PIP_OPTIONS[@]}" --no-deps --only-binary=:all: --platform manylinux_2_28_aarch64 \
    --python-version 3.12 --implementation cp --abi cp312 --dest "$TEMPORARY" "torch==$TORCH_VERSION" \
    >"$TEMPORARY/pip.log" 2>&1 </dev/null ||
    fail "libtorch's headers are not cached and pip could not fetch them ($(pip_error)): connect to a network with a Python package index, or set LIBTORCH_HOME to an installed libtorch $TORCH_VERSION."
  python3 - "$TEMPORARY" <<'PYTHON' || fail "the fetched torch wheel could not be unpacked in $CACHE: check the free disk space."
import glob, os, sys, zipfile

folder = sys.argv[1]
with zipfile.ZipFile(glob.glob(os.path.join(folder, "torch-*.whl"))[0]) as wheel:
    wheel.extractall(folder, [n for n in wheel.namelist() if n.startswith("torch/include/")])
PYTHON
  mkdir "$TEMPORARY/done"
  mv "$TEMPORARY/torch/include" "$TEMPORARY/done/include"
  keep "${TORCH_INCLUDE%/include}"
}

# Sets TORCH_LIB (a CMake list) to the folders with libtorch_cpu.so and what it needs.
find_torch_libraries() {
  local folders=${BUILD_PATH:-}
  if [ -z "$folders" ] && [ -f "$BUILD_PATH_FILE" ]; then
    folders=$(cat "$BUILD_PATH_FILE")
    [ -f "${folders%%:*}/libtorch_cpu.so" ] || folders=
  fi
  if [ -z "$folders" ] && [ -f "${LIBTORCH_HOME:-}/lib/libtorch_cpu.so" ]; then
    folders=$LIBTORCH_HOME/lib
  fi
  if [ -z "$folders" ]; then
    command -v mvn >/dev/null ||
      fail "libtorch's libraries are not unpacked yet: install Maven, which fetches them, or set LIBTORCH_HOME."
    # Maven fetches and unpacks the libraries, then calls `cppbuild.sh install`, which notes where they are.
    mvn -B -q org.bytedeco:javacpp:build@cppbuild >&2 </dev/null
    folders=$(cat "$BUILD_PATH_FILE")
  fi
  mkdir -p "$BUILD_DIR"
  # Written only when it differs, so that nothing that looks at its time starts over.
  [ "$(cat "$BUILD_PATH_FILE" 2>/dev/null)" = "$folders" ] || printf '%s\n' "$folders" >"$BUILD_PATH_FILE"
  TORCH_LIB=${folders//:/;}
}

# Sets TENSORFLOW_LIB to the folder of libtensorflow_cc.so, where JavaCPP unpacks it when Java first loads it. Only the
# C++ tests need it; without it those of the TensorFlow bridge are left out.
find_tensorflow_library() {
  local version
  version=$(sed -n 's:.*<tensorflow\.version>\(.*\)</tensorflow\.version>.*:\1:p' pom.xml)
  TENSORFLOW_LIB=${TENSORFLOW_LIB:-$HOME/.javacpp/cache/tensorflow-core-native-$version-$PLATFORM.jar/org/tensorflow/internal/c_api/$PLATFORM}
  [ -f "$TENSORFLOW_LIB/libtensorflow_cc.so.2" ] || {
    echo "cppbuild.sh: SKIPPED the tests tensorflow_*: $TENSORFLOW_LIB holds no libtensorflow_cc.so.2; run 'mvn test' first, which unpacks it, or set TENSORFLOW_LIB to its folder." >&2
    TENSORFLOW_LIB=
  }
}

configure() { # build folder, CMake options...
  local dir=$1 generator=()
  shift
  if [ ! -f "$dir/CMakeCache.txt" ] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  "$CMAKE" -S src/main/cpp -B "$dir" ${generator[@]+"${generator[@]}"} -Wno-dev --log-level=NOTICE \
    -DOPTIBRIDGE_PLATFORM="$PLATFORM$PLATFORM_EXTENSION" \
    -DOPTIBRIDGE_TORCH_INCLUDE="$TORCH_INCLUDE" -DOPTIBRIDGE_TORCH_LIB="$TORCH_LIB" "$@"
}

# Sets CLANG_FORMAT to the version the sources are formatted with; another one would change its mind about some lines.
find_clang_format() {
  CLANG_FORMAT=$(command -v clang-format || true)
  if [ -n "$CLANG_FORMAT" ] && "$CLANG_FORMAT" --version | grep -qF " $CLANG_FORMAT_VERSION"; then
    return
  fi
  local folder=$CACHE/clang-format-$CLANG_FORMAT_VERSION
  CLANG_FORMAT=$folder/clang_format/data/bin/clang-format
  if [ ! -x "$CLANG_FORMAT" ]; then
    need_pip "clang-format $CLANG_FORMAT_VERSION" "or put clang-format $CLANG_FORMAT_VERSION on the PATH"
    make_temporary
    python3 -m pip install "${PIP_OPTIONS[@]}" --no-deps --only-binary=:all: --target "$TEMPORARY/done" \
      "clang-format==$CLANG_FORMAT_VERSION" >"$TEMPORARY/pip.log" 2>&1 </dev/null ||
      fail "clang-format $CLANG_FORMAT_VERSION could not be fetched ($(pip_error)): connect to a network with a Python package index, or put it on the PATH."
    keep "$folder"
  fi
}

jobs() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

case ${1:-install} in
  install)
    need_tools
    find_torch_headers
    find_torch_libraries
    configure "$BUILD_DIR" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$PWD/target/native/org/optibridge"
    "$CMAKE" --build "$BUILD_DIR" --parallel "$(jobs)"
    "$CMAKE" --install "$BUILD_DIR" | sed '/Up-to-date/d;/Install configuration/d'
    ;;
  test)
    need_tools
    find_torch_headers
    find_torch_libraries
    find_tensorflow_library
    dir=$PWD/target/cppbuild-asan
    configure "$dir" -DCMAKE_BUILD_TYPE=Debug -DOPTIBRIDGE_TENSORFLOW_LIB="$TENSORFLOW_LIB" -DOPTIBRIDGE_SANITIZE=ON -DOPTIBRIDGE_TESTS=ON \
      -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
    "$CMAKE" --build "$dir" --parallel "$(jobs)"
    ctest --test-dir "$dir" --output-on-failure --no-tests=error
    ;;
  format | format-check)
    find_clang_format
    files=()
    while IFS= read -r file; do files+=("$file"); done < <(find src/main/cpp -name '*.cpp' -o -name '*.h')
    if [ "$1" = format ]; then
      "$CLANG_FORMAT" -i "${files[@]}"
    else
      "$CLANG_FORMAT" --dry-run --Werror "${files[@]}" || fail "the C++ sources are not formatted: run 'bash cppbuild.sh format'."
    fi
    ;;
  headers)
    find_torch_headers
    echo "libtorch: $TORCH_INCLUDE"
    ;;
  plugin-flags)
    find_torch_headers >&2
    find_torch_libraries
    # One a line: folders may have blanks in their names.
    printf '%s\n' "-DOPTIBRIDGE_INCLUDE=$PWD/src/main/cpp/torch/plugin" "-DTORCH_INCLUDE=$TORCH_INCLUDE" \
      "-DTORCH_LIB=${TORCH_LIB%%;*}"
    ;;
  *)
    fail "unknown command '$1': use install, test, format, headers or plugin-flags."
    ;;
esac
