"""The scripts that start a detached job on a node, follow it, and end it.

A job is a directory: `script`; `taken/`, made once by whoever runs it; `process`, its id, when it
started and in which boot; `begun`, the node's uptime at its start; `out` and `err`; `status`, there
once it has ended; `ended`, there once all its output is written.
"""

from __future__ import annotations

from recovery.ssh.receiving import absolute
from recovery.ssh.script import script

NOT_ALLOWED = 75
"""The start script's status where the guard does not allow the start."""

MOST_AT_ONCE = 4 * 2**20
"""Bytes of output in one go; of more the follower is given only the end."""

# The output goes through dd, not straight into a file: when the disk is full the output is lost
# and the job goes on, instead of failing at its next echo. dd hands on what it reads at once.
_RUNNER = """
mkdir "$JOB/taken" 2> /dev/null || exit 0
read -r BOOT < /proc/sys/kernel/random/boot_id
read -r STAT < "/proc/$$/stat"
# Behind the command's name; the 20th of these is when the process started.
set -- ${STAT##*) }
cat /proc/uptime > "$JOB/begun"
printf '%s %s %s\\n' "$$" "${20}" "$BOOT" > "$JOB/process.new"
mv "$JOB/process.new" "$JOB/process"
keep() {
  dd bs=65536 count=16384 of="$1" 2> /dev/null || true
  cat > /dev/null
}
{
  {
    (
      sh "$JOB/script" < /dev/null
      printf '%s\\n' "$?" > "$JOB/status.new"
      mv "$JOB/status.new" "$JOB/status"
    ) 2>&1 >&3 3>&- | keep "$JOB/err"
  } 3>&1
} | keep "$JOB/out"
: > "$JOB/ended"
"""

# Frames on stdout, see below: F where the job was started before, N where it is new.
_START = """
umask 077
start() {
  @GUARD@
  cat > "$JOB/script.$$"
  # A connection lost in the middle leaves half a script, which must not be run.
  [ "$(($(wc -c < "$JOB/script.$$")))" -eq "$SIZE" ] || { echo "half a script came" >&2; exit 74; }
  mv "$JOB/script.$$" "$JOB/script"
  cat > "$JOB/runner.$$" <<'END_OF_RUNNER'
@RUNNER@
END_OF_RUNNER
  mv "$JOB/runner.$$" "$JOB/runner"
  # A session of its own: what ends this connection, or the SSH server, does not end the job.
  if command -v setsid > /dev/null; then
    JOB="$JOB" setsid sh "$JOB/runner" < /dev/null > /dev/null 2>&1 &
  else
    JOB="$JOB" nohup sh "$JOB/runner" < /dev/null > /dev/null 2>&1 &
  fi
  WAITED=0
  until [ -s "$JOB/process" ]; do
    [ "$WAITED" -lt 120 ] || { echo "the job did not start within 10 s" >&2; exit 1; }
    if [ "$WAITED" -lt 20 ]; then sleep 0.02; else sleep 0.1; fi
    WAITED=$((WAITED + 1))
  done
}
mkdir -p "$JOB"
if [ -d "$JOB/taken" ]; then
  cat > /dev/null
  echo "F 0"
else
  start
  echo "N 0"
fi
"""

# Only what the shell does by itself: this is asked again and again.
_ALIVE = """
# Succeeds while the job's process runs: the same id, started at the same moment of the same boot.
alive() {
  [ -s "$JOB/process" ] || return 1
  read -r PID BEGAN BOOT < "$JOB/process"
  read -r BOOTED < /proc/sys/kernel/random/boot_id
  [ "$BOOT" = "$BOOTED" ] || return 1
  { read -r STAT < "/proc/$PID/stat"; } 2> /dev/null || return 1
  set -- ${STAT##*) }
  [ "${20-}" = "$BEGAN" ]
}
"""

# Frames on stdout: a letter, a number and a newline, and for O and E that many bytes behind it.
# O and E: output. K and L: bytes of the one or the other that were left out. T: still there.
# S: the exit status. B: the node was rebooted. G: the process is gone. X: time was up.
_FOLLOW = (
    """
size() { if [ -e "$1" ]; then wc -c < "$1"; else echo 0; fi; }
# What there is of file $1 from byte $2 on: letter $3, or $4 for what is left out.
tell() {
  SIZE=$(($(size "$1")))
  FROM=$2
  if [ $((SIZE - FROM)) -gt "$MOST" ]; then
    printf '%s %s\\n' "$4" $((SIZE - MOST / 4 - FROM))
    FROM=$((SIZE - MOST / 4))
  fi
  if [ "$SIZE" -gt "$FROM" ]; then
    printf '%s %s\\n' "$3" $((SIZE - FROM))
    tail -c +$((FROM + 1)) "$1" | head -c $((SIZE - FROM))
  fi
}
"""
    + _ALIVE
    + """
# Seconds since the job's start, by the uptime: the node's clock may be set meanwhile.
age() {
  if read -r SINCE REST < "$JOB/begun" && read -r UPTIME REST < /proc/uptime; then
    echo $((${UPTIME%%.*} - ${SINCE%%.*}))
  else
    echo $(($(date +%s) - $(stat -c %Y "$JOB/taken")))
  fi 2> /dev/null
}
# A round costs the node nothing but a sleep, except where there is output, and each tenth.
OVER=
LATE=0
GONE=0
ROUND=0
while :; do
  TENTH=$((ROUND % 10 == 0))
  # Looked at before the output is: what is written until then is told before the end is.
  if [ -e "$JOB/status" ]; then
    # Something that the job has left running may hold its output open: not waited for.
    if [ -e "$JOB/ended" ] || [ "$LATE" -ge 8 ]; then OVER=status; fi
    LATE=$((LATE + 1))
  elif [ "$TENTH" = 1 ] || [ "$GONE" -gt 0 ]; then
    if ! alive; then
      # Its last act may be on the way to the disk.
      if [ "$GONE" -ge 3 ]; then OVER=gone; fi
      GONE=$((GONE + 1))
    fi
  fi
  if [ -n "$OVER" ] || [ "$TENTH" = 1 ] ||
    [ "$JOB/out" -nt "$JOB/heard" ] || [ "$JOB/err" -nt "$JOB/heard" ]; then
    true > "$JOB/heard" || true
    tell "$JOB/out" "$OUT_FROM" O K
    OUT_FROM=$SIZE
    tell "$JOB/err" "$ERR_FROM" E L
    ERR_FROM=$SIZE
  fi
  case $OVER in
    status) echo "S $(cat "$JOB/status")"; exit 0 ;;
    gone)
      read -r PID BEGAN BOOT < "$JOB/process" || BOOT=
      if [ "$BOOT" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
        echo "G 0"
      else
        echo "B 0"
      fi
      exit 0 ;;
  esac
  if [ "$TENTH" = 1 ]; then
    if [ "$(age)" -ge "$LIMIT" ]; then
      echo "X 0"
      exit 0
    fi
    echo "T 0"
  fi
  ROUND=$((ROUND + 1))
  # At first it is looked at closely: most jobs are over soon.
  if [ "$GONE" -gt 0 ] || [ "$LATE" -gt 0 ]; then
    sleep 0.1
  elif [ "$ROUND" -lt 10 ]; then
    sleep 0.05
  elif [ "$ROUND" -lt 30 ]; then
    sleep 0.1
  else
    sleep 0.3
  fi
done
"""
)

_END = (
    _ALIVE
    + """
alive || exit 0
kill -s TERM -- "-$PID" 2> /dev/null || kill -s TERM "$PID" 2> /dev/null || true
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  alive || exit 0
  sleep 0.2
done
kill -s KILL -- "-$PID" 2> /dev/null || kill -s KILL "$PID" 2> /dev/null || true
"""
)


def start_script(directory: str, size: int, guard: str, limit: float) -> str:
    """Starts the job whose script of `size` bytes comes on stdin, unless it was started before.

    Tells which of the two, then all of its output, as `follow_script` does.
    """
    allowed = f"(\n{guard.strip()}\n) < /dev/null || exit {NOT_ALLOWED}" if guard else ""
    start = _START.replace("@RUNNER@", _RUNNER.strip("\n")).replace("@GUARD@", allowed)
    return script(start + _FOLLOW, size=size, **_following(directory, 0, 0, limit))


def follow_script(directory: str, out_from: int, err_from: int, limit: float) -> str:
    """Tells the job's output from these bytes on, until it ends or `limit` seconds are over."""
    return script(_FOLLOW, **_following(directory, out_from, err_from, limit))


def _following(directory: str, out_from: int, err_from: int, limit: float) -> dict[str, str]:
    return {
        "job": absolute(directory),
        "out_from": str(out_from),
        "err_from": str(err_from),
        "limit": str(int(limit) + 1),
        "most": str(MOST_AT_ONCE),
    }


def end_script(directory: str) -> str:
    """Ends the job's processes, first gently."""
    return script(_END, job=absolute(directory))
