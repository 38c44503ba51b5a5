# shellcheck shell=sh
# Makes the clone's virtual environment .venv/ and keeps it up to date. Sourced by the launchers, which set $root to the
# clone's physical path and then call `environment EXTRA`. Every message goes to stderr: stdout is the program's.

: "${root:?}"
venv=$root/.venv
stamp=$venv/installed # "unfinished", or pyproject.toml's checksum and the clone's path; one more for an extra
log=$root/.venv.log   # what uv, venv and pip say. It is the lock too: the kernel lets go of it when its holders end

say() { printf 'gencl: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

interrupted() { # SIGNAL
  trap '' HUP INT TERM
  kill -- "-${!:-}" 2>/dev/null || kill "${!:-}" 2>/dev/null
  say 'set-up interrupted; run the command again to go on'
  trap - "$1"
  kill -s "$1" $$
  exit 1
}

command -v flock >/dev/null || flock() { # [-n] DESCRIPTOR: macOS has no such command
  python3 -c 'import fcntl, sys; fcntl.flock(int(sys.argv[-1]), 2 | 4 * ("-n" in sys.argv))' "$@" 2>/dev/null
}

group='import os, sys; os.setpgid(0, 0); os.execvp(sys.argv[1], sys.argv[1:])' # pip's own children end with it

step() { # COMMAND ...: runs it in the clone's folder; in the background, so that signals act at once
  (
    export TMPDIR="$venv/tmp" PIP_USER=0 # /tmp is often too small for PyTorch
    [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
    [ "$1" = uv ] || set -- "$1" -I -c "$group" "$@"
    cd "$root" && exec "$@"
  ) >&9 2>&1 &
  wait "$!"
}

probe='
import sys
if sys.version_info < (3, 10):
    sys.exit(print("gencl needs Python 3.10 or newer; %s is Python %d.%d" % ((sys.executable,) + sys.version_info[:2])) or 1)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(print("%s has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" % sys.executable) or 1)
print(sys._base_executable)  # not that of .venv/ itself, where that is activated
'

find_python() { # sets $python, or ends with one line
  why=''
  set -- python3 python3.13 python3.12 python3.11 python3.10
  [ -z "${GENCL_PYTHON:-}" ] || set -- "$GENCL_PYTHON"
  for name; do
    python=$("$name" -I -c "$probe" 2>/dev/null) && return # is run: a version manager's shim may stand for nothing
    why=${why:-$python}
  done
  fail "${why:-no Python found ($*): install Python 3.10 or newer}; GENCL_PYTHON may name another"
}

explain() { # ends with one line on why the last step failed
  [ -z "$old" ] || printf '%s\n' "$old" >"$stamp" # what a failed update leaves is still whole
  reason=$(grep -E '^ *(ERROR|[Ee]rror|×)' "$log" | tail -n 1 | cut -c 1-400)
  if grep -Eiq 'new connection|connection (broken|refused|reset)|name resolution|timed out|dns error|proxyerror|sslerror|failed to fetch' "$log"; then
    reason='cannot reach the package registry: check the network, or name a mirror in PIP_INDEX_URL'
  fi
  fail "${reason:-set-up failed: $(tail -n 1 "$log")} (log: $log)"
}

ready() { # a finished environment, made here, for this pyproject.toml, with $extra
  now="$(cksum <"$root/pyproject.toml") $root"
  [ "$(cat "$stamp${extra:+-$extra}" 2>/dev/null)" = "$now" ] && [ -x "$venv/bin/python" ] && [ -x "$venv/bin/gencl" ]
}

install() {
  true >"$log"
  old=$(cat "$stamp" 2>/dev/null)
  [ ! -e "$stamp-dev" ] || extra=dev
  if [ "${old#* * }" = "$root" ] && [ -x "$venv/bin/python" ]; then
    say 'updating .venv …'
  else # none, another place's, or one that was cut off
    [ -n "$old" ] || [ -z "$(ls -A "$venv" 2>/dev/null)" ] || fail "$venv was not made by cli/: move it away"
    say 'setting up .venv (about 6 GB with the CUDA builds of PyTorch; once) …'
    old=''
  fi
  { mkdir -p "$venv" && echo unfinished >"$stamp"; } 2>&9 || explain
  [ -n "$old" ] || find "$venv" -mindepth 1 -maxdepth 1 ! -name installed -exec rm -rf {} + 2>&9 || explain
  rm -rf "$venv/tmp" && mkdir "$venv/tmp"
  if command -v uv >/dev/null; then
    [ -x "$venv/bin/python" ] || step uv venv --allow-existing --python "${GENCL_PYTHON:->=3.10}" "$venv" || explain
    step uv pip install --quiet --python "$venv/bin/python" -e ".${extra:+[$extra]}" || explain
  else
    [ -x "$venv/bin/pip" ] || { find_python && step "$python" -I -m venv "$venv"; } || explain
    # as with uv, Python compiles a file when it first imports it; most are never imported
    step "$venv/bin/python" -I -m pip install -q --no-compile --disable-pip-version-check --no-input \
      -e ".${extra:+[$extra]}" || explain
  fi
  rm -rf "$venv/tmp"
  [ -z "$extra" ] || printf '%s\n' "$now" >"$stamp-$extra"
  printf '%s\n' "$now" >"$stamp"
}

environment() { # EXTRA ('' or dev): returns when .venv/ is ready, or ends with one line and status 1
  extra=$1
  ! ready || return 0
  { true >>"$log"; } 2>/dev/null || fail "cannot write $log"
  for signal in HUP INT TERM; do trap "interrupted $signal" "$signal"; done
  exec 9>>"$log"
  if ! flock -n 9; then
    say 'waiting for another gencl set-up …'
    flock 9 >&9 2>&9 & # a signal may come before $! names it: left behind, it must not hold the caller's pipes
    wait "$!"
  fi
  ready || install # else another process has done it meanwhile
  exec 9>&-
  trap - HUP INT TERM
}
