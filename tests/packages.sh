# packages.sh: the set-up of a fresh Debian or Ubuntu, sourced by demos/run, demos/explorer/run and tests/run.

build_packages=(gcc libc6-dev meson ninja-build pkg-config uthash-dev libopenblas-dev libcjson-dev libzip-dev libmpfr-dev)
test_packages=(check clang tcc valgrind)
peer_packages=(python3-numpy python3-torch)
browser_packages=(chromium fonts-dejavu-core)
explorer_packages=(clang lld llvm wasi-libc meson ninja-build uthash-dev)

# need_packages PACKAGE...: installs those that are missing. Says nothing when there are none. Without the right to install, prints the one
# command that does and exits 2. Where there is no dpkg, prints what is needed and goes on.
need_packages() {
  local missing=() package log
  if ! command -v dpkg-query >/dev/null; then
    echo "This system has no dpkg. Needed, under Debian's names: $*" >&2
    return 0
  fi
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
      echo "Packages are missing. Type: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
      exit 2
    fi
  fi
  echo "Installing ${missing[*]}" >&2
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -qq &&
         "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
       >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    echo "The packages could not be installed: ${missing[*]}" >&2
    exit 2
  fi
  rm -f "$log"
}

# clang's sanitizers live in a package of their own, named after its version: libclang-rt-14-dev on Debian 12.
need_clang_sanitizers() {
  local major
  if ! echo 'int main(void) { return 0; }' | clang -x c -fsanitize=address,undefined -o /dev/null - 2>/dev/null; then
    major=$(clang -dumpversion)
    need_packages "libclang-rt-${major%%.*}-dev"
  fi
}

# Chromium, and Node with npm, from wherever they came.
need_browser() {
  need_packages "${browser_packages[@]}"
  command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
}

# What demos/explorer takes: clang with what it links WebAssembly from, and node 18 or later, from wherever it came, with npm.
need_explorer_packages() {
  local major
  need_packages "${explorer_packages[@]}"
  major=$(clang -dumpversion)
  need_packages "libclang-rt-${major%%.*}-dev-wasm32"
  command -v node >/dev/null || need_packages nodejs
  command -v npm >/dev/null || need_packages npm
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 18 ]; then
    echo "The page needs node 18 or later, and this is $(node --version)" >&2
    exit 2
  fi
}

# build FOLDER [NINJA OPTION...]: runs ninja. Its output is shown only when it fails.
build() {
  local folder=$1
  shift
  case $(ninja -C "$folder" -n "$@" 2>/dev/null) in
    *'no work to do'*) return 0 ;;
  esac
  echo "Building ${folder#"$root"/}" >&2
  if ! ninja -C "$folder" "$@" >"$folder/ninja.log" 2>&1; then
    cat "$folder/ninja.log" >&2
    return 1
  fi
}
