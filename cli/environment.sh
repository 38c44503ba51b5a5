# shellcheck shell=sh
# Makes the clone's virtual environment .venv/ and keeps it up to date; sourced by cli/gencl and cli/test, which set
# $root to the clone's physical path and then call `environment EXTRA`. Every message goes to stderr: stdout belongs to
# the program that is started afterwards.

: "${root:?}"
venv=$root/.venv
stamp=$venv/install.stamp # line 1: the clone's path; 2: making, partial, or pyproject.toml's checksum; 3: the extra
lock=$venv/install.lock   # held with flock(2), which the kernel lets go when the holder dies; its text: who holds it
log=$venv/install.log     # what venv and pip say
scratch=$venv/install.tmp # pip's temporary files: /tmp is often too small for PyTorch
child='' locked='' ended=0

say() { printf 'gencl: %s\n' "$*" >&2; }

fail() {
  [ -z "$locked" ] || rm -rf "$scratch"
  say "$*"
  exit 1
}

interrupted() { # SIGNAL STATUS
  trap '' HUP INT TERM
  [ "$child" != starting ] || child=${!:-}
  tries=0 # more than one: a signal between fork and exec is lost
  while [ -n "$child" ] && [ "$tries" -lt 50 ] && kill -0 "$child" 2>/dev/null; do
    kill -s TERM -- "-$child" 2>/dev/null || kill -s TERM "$child" 2>/dev/null
    sleep 0.1 2>/dev/null || sleep 1
    tries=$((tries + 1))
  done
  [ -z "$child" ] || wait "$child" 2>/dev/null # dash tells of its end there
  [ -z "$locked" ] || rm -rf "$scratch"
  [ ! -t 2 ] || printf '\r%60s\r' '' >&2
  say 'set-up interrupted; run the command again to go on'
  trap - "$1"
  kill -s "$1" $$
  exit "$2" # reached where the signal is ignored
}

# --- the Python to build with -------------------------------------------------------------------------------------

probe_code='
import sys
word = "old"
if sys.version_info >= (3, 10):
    try:
        import ensurepip, venv
        word = "good"
    except ImportError:
        word = "bare"
print("%s %d.%d" % ((word,) + tuple(sys.version_info[:2])))
'

probe() { # COMMAND: sets $word (good, old, bare; empty when it does not run) and $version
  set -- "$1" "$("$1" -I -c "$probe_code" 2>/dev/null </dev/null)"
  word=${2%% *} version=${2#* }
  case $word in good | old | bare) ;; *) word='' version='' ;; esac
}

find_python() { # sets $python, or ends with one line
  python='' old='' bare=''
  if [ -n "${GENCL_PYTHON:-}" ]; then
    probe "$GENCL_PYTHON"
    case $word in
      good)
        python=$GENCL_PYTHON
        return
        ;;
      old) fail "gencl needs Python 3.10 or newer; GENCL_PYTHON ($GENCL_PYTHON) is Python $version" ;;
      bare) bare=$GENCL_PYTHON ;;
      *) fail "GENCL_PYTHON ($GENCL_PYTHON) does not run: name a Python 3.10 or newer there" ;;
    esac
  else
    # Every place in PATH, and each is run: a version manager's shim exists even where its Python does not.
    for name in python3 python3.13 python3.12 python3.11 python3.10; do
      rest=$PATH:
      while [ -n "$rest" ]; do
        candidate=${rest%%:*}
        rest=${rest#*:}
        candidate=${candidate:-.}/$name
        case $candidate in "$venv"/*) continue ;; esac # an activated .venv/ cannot rebuild itself
        if [ ! -f "$candidate" ] || [ ! -x "$candidate" ]; then continue; fi
        probe "$candidate"
        case $word in
          good)
            python=$candidate
            return
            ;;
          old) old=${old:-$version ($candidate)} ;;
          bare) bare=${bare:-$candidate} ;;
        esac
      done
    done
  fi
  [ -z "$bare" ] || fail "$bare has no venv module: install it (Debian, Ubuntu: apt install python3-venv)," \
    'or name another Python in GENCL_PYTHON'
  [ -z "$old" ] || fail "gencl needs Python 3.10 or newer, and found only $old: install one, or name it in GENCL_PYTHON"
  fail 'no Python found: install Python 3.10 or newer, or name it in GENCL_PYTHON'
}

# --- what .venv/ holds --------------------------------------------------------------------------------------------

write_stamp() { # STATE EXTRA
  { printf '%s\n' "$root" "$1" "$2" >"$stamp.new" && mv -f "$stamp.new" "$stamp"; } 2>>"$log" || explain
}

ready() { # EXTRA: a finished environment, made here, for this pyproject.toml, with this extra
  stamp_root='' stamp_state='' stamp_extra=''
  if [ -f "$stamp" ]; then
    { IFS= read -r stamp_root && IFS= read -r stamp_state && IFS= read -r stamp_extra; } <"$stamp"
  fi
  sum=$({ cksum <"$root/pyproject.toml"; } 2>/dev/null) || fail "cannot read $root/pyproject.toml"
  [ "$stamp_root" = "$root" ] && [ "$stamp_state" = "$sum" ] &&
    { [ -z "$1" ] || [ "$stamp_extra" = "$1" ]; } &&
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/gencl" ]
}

usable() { # its Python runs, is new enough and has pip
  "$venv/bin/python" -I -c 'import sys, pip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 </dev/null
}

inhabited() { # .venv/ holds something besides the files named above
  for entry in "$venv"/* "$venv"/.[!.]*; do
    case ${entry##*/} in
      install.*) ;;
      *) { [ -e "$entry" ] || [ -h "$entry" ]; } && return 0 ;;
    esac
  done
  return 1
}

clear_venv() {
  for entry in "$venv"/* "$venv"/.[!.]*; do
    case ${entry##*/} in
      install.lock | install.log | install.stamp) ;;
      *) rm -rf "$entry" 2>/dev/null || { sleep 1 && rm -rf "$entry" 2>>"$log"; } || fail "cannot remove $entry" ;;
    esac
  done
}

# --- one set-up at a time -----------------------------------------------------------------------------------------

lock_code='
import errno, fcntl, os, sys
try:
    fcntl.flock(0, fcntl.LOCK_EX | (fcntl.LOCK_NB if sys.argv[1] == "try" else 0))
except OSError as error:
    sys.exit(75 if error.errno in (errno.EAGAIN, errno.EACCES) else 74)
try:
    os.ftruncate(0, os.pwrite(0, (sys.argv[2] + "\n").encode(), 0))
except OSError:
    pass  # a full disk: the installation is about to say so
'

flock_9() { # PYTHON try|wait: Python locks descriptor 9, and this shell and its pip go on holding the lock
  child=starting
  "$1" -I -c "$lock_code" "$2" "$$" <&9 >/dev/null 2>&1 &
  child=$!
  wait "$child"
  set -- "$?"
  child=''
  return "$1"
}

take_lock() { # PYTHON
  flock_9 "$1" try
  status=$?
  if [ "$status" -eq 75 ]; then
    holder=''
    IFS= read -r holder <"$lock"
    say "waiting for another gencl set-up (process ${holder:-unknown}) …"
    flock_9 "$1" wait
    status=$?
  fi
  case $status in
    0) ;;
    74) say 'this file system has no locks: please start no second set-up meanwhile' ;;
    *) fail "cannot lock $lock: run the command again" ;;
  esac
  locked=yes
}

# --- installing ---------------------------------------------------------------------------------------------------

# Starts a command as the leader of a process group: a signal must end pip's and venv's own children too.
group_code='
import os, sys
os.setpgid(0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
'

await() { # WHAT: waits for $child, in the background so that signals act at once; counts seconds on a terminal
  if [ -t 2 ]; then
    seconds=0
    while kill -0 "$child" 2>/dev/null; do
      printf '\rgencl: %s, %d s ' "$1" "$seconds" >&2
      sleep 1
      seconds=$((seconds + 1))
    done
    printf '\r%60s\r' '' >&2
  fi
  wait "$child" 2>/dev/null
  ended=$?
  child=''
  return "$ended"
}

explain() { # ends with one line on why the step that wrote the log failed
  free=$(df -Pk "$venv" 2>/dev/null | { read -r _ && read -r _ _ _ free _ && printf '%s' "$free"; })
  case $free in '' | *[!0-9]*) free=1000000 ;; esac
  recent=$(tail -n 60 "$log" 2>/dev/null)
  matches() { printf '%s\n' "$recent" | grep -Eiq "$1"; }
  if [ "$free" -lt 65536 ] || matches 'no space left on device|errno 28|quota exceeded'; then
    reason="the disk is full (a set-up takes about 6 GB and its downloads): make room in $root"
  elif matches 'connection ?(error|broken|refused|reset|aborted)|establish a new connection|max retries|unreachable' ||
    matches 'name resolution|name or service not known|nodename nor servname|timed? ?out|proxyerror|sslerror'; then
    reason='cannot reach the package registry: check the network, or name a mirror that you can reach in PIP_INDEX_URL'
  elif [ "$ended" -gt 128 ]; then
    reason="set-up failed: it was killed by signal $((ended - 128)) (9: perhaps too little memory)"
  else
    reason=$(printf '%s\n' "$recent" | grep -E '^ *(ERROR|Error)' | tail -n 1)
    [ -n "$reason" ] || reason=$(printf '%s\n' "$recent" | grep . | tail -n 1)
    reason="set-up failed: $(printf '%s' "${reason:-no message}" | cut -c 1-400)"
  fi
  fail "$reason (log: $log)"
}

set_up() { # EXTRA
  problem=$({ mkdir -p "$venv" && : >>"$lock"; } 2>&1) || fail "cannot write in $venv: ${problem##*: }"
  python=''
  if [ -n "$stamp_root" ] && [ "$stamp_root" = "$root" ] && [ "$stamp_state" != making ] && usable; then
    helper=$venv/bin/python # so that GENCL_PYTHON is needed only where .venv/ is made
  else
    find_python
    helper=$python
  fi
  trap 'interrupted HUP 129' HUP
  trap 'interrupted INT 130' INT
  trap 'interrupted TERM 143' TERM
  exec 9<>"$lock"
  take_lock "$helper"
  if ! ready "$1"; then # else another process has done it meanwhile
    install "$1"
  fi
  rm -rf "$scratch"
  exec 9>&-
  locked=''
  trap - HUP INT TERM
}

install() { # EXTRA; the lock is held, and `ready` has just read the stamp
  extra=${1:-$stamp_extra} # there is but one extra, dev; a plain cli/gencl keeps it
  size='about 6 GB with the CUDA builds of PyTorch; once'
  make=yes
  if [ -n "$stamp_root" ] && [ "$stamp_root" != "$root" ]; then
    say "the clone has moved: setting up .venv again ($size) …"
  elif [ -n "$stamp_root" ] && [ "$stamp_state" != making ] && usable; then
    make=no
    case $stamp_state in
      partial) say "setting up .venv ($size) …" ;;
      "$sum") say 'adding what is missing to .venv …' ;;
      *) say 'updating .venv to the changed pyproject.toml …' ;;
    esac
  elif [ -z "$stamp_root" ] && inhabited; then # made by hand
    { [ -e "$venv/pyvenv.cfg" ] && usable; } ||
      fail "$venv is no virtual environment with pip and Python 3.10 or newer: move it away and run this again"
    make=no
    say "installing into the .venv that is there ($size) …"
  else
    say "setting up .venv ($size) …"
  fi
  { true >"$log"; } 2>/dev/null || fail "cannot write $log"
  rm -rf "$scratch"

  if [ "$make" = yes ]; then
    [ -n "$python" ] || find_python
    case $python in "$venv"/*) fail 'GENCL_PYTHON lies in the .venv that is to be replaced: name another Python' ;; esac
    write_stamp making "$extra"
    clear_venv
    child=starting
    "$python" -I -c "$group_code" "$python" -I -m venv "$venv" </dev/null >>"$log" 2>&1 &
    child=$!
    await 'making the virtual environment' || explain
  fi

  write_stamp partial "$extra"
  # pip writes RECORD last: a package without one was cut off, and pip would take it for installed.
  for entry in "$venv"/lib/python*/site-packages/*.dist-info; do
    if [ -d "$entry" ] && [ ! -e "$entry/RECORD" ]; then rm -rf "$entry"; fi
  done
  mkdir -p "$scratch" 2>>"$log" || explain
  child=starting
  (
    unset PYTHONPATH PYTHONHOME
    export TMPDIR="$scratch" PIP_USER=0
    cd "$root" && exec "$venv/bin/python" -I -c "$group_code" "$venv/bin/python" -I -m pip install -q \
      --disable-pip-version-check --no-input --no-color -e ".${extra:+[$extra]}"
  ) </dev/null >>"$log" 2>&1 &
  child=$!
  await 'installing packages' || explain
  [ -x "$venv/bin/gencl" ] || fail "the installation made no $venv/bin/gencl (log: $log)"
  write_stamp "$sum" "$extra"
}

environment() { # EXTRA ('' or dev): returns when .venv/ is ready, or ends with one line and status 1
  ready "$1" || set_up "$1"
}
