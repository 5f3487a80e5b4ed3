#!/bin/sh
# Installs the device agent of the telemetry hub at @URL@ on this machine, and joins the machine to that hub.
#
# Options go on to `device-agent install`:  ... | sh -s -- --name attic --label room=attic
#
# Nothing runs before the whole script is there, so a download that is cut off does nothing. The agent is checked against
# the SHA-256 below before it runs. When the installation fails, everything is as it was before.
set -eu

url='@URL@'
# Where the agent is, which is checked against its SHA-256 below.
from='@FROM@'
hub='@HUB@'
token='@TOKEN@'
# A line each: <machine> <SHA-256 of its agent>
agents='@AGENTS@'

program=/usr/local/bin/device-agent
config=/etc/device-agent.toml
state=/var/lib/device-agent

as_root=
folder=
# no, or from the first change to the last: fresh where nothing was there before, else again
installing=no

say() { echo "device-agent: $*"; }
fail() {
  echo "device-agent: $*" >&2
  exit 1
}

main() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s); the agent runs on Linux"
  case $(uname -m) in
    x86_64) machine=x86_64 ;;
    aarch64) machine=aarch64 ;;
    armv7* | armv8*) machine=armhf ;;
    *) fail "there is no agent for $(uname -m), only for x86_64, aarch64 and armv7 with floating point" ;;
  esac
  wanted=$(echo "$agents" | sed -n "s/^$machine //p")
  [ -n "$wanted" ] || fail "the hub at $url has no agent for $machine: put device-agent-$machine into its agents folder"
  become_root
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  make_folder

  say "downloading the agent for $machine from $url"
  fetch "$from/agent/$machine" "$folder/device-agent" || fail "the download failed; nothing was changed"
  [ "$(sum "$folder/device-agent")" = "$wanted" ] ||
    fail "what arrived is not the hub's agent, its SHA-256 is another; nothing was changed. Get this script anew and try again"
  chmod 755 "$folder/device-agent"

  remember
  $as_root "$folder/device-agent" install --hub "$hub" --join-token "$token" "$@" || fail "the installation failed"
  installing=no
  wait_until_joined
}

become_root() {
  [ "$(id -u)" != 0 ] || return 0
  for tool in sudo doas; do
    if command -v $tool >/dev/null; then
      as_root=$tool
      return 0
    fi
  done
  fail "only root may install: run this as root"
}

# A folder of our own from which programs may run: /tmp often forbids it.
make_folder() {
  for place in "${TMPDIR:-/tmp}" /var/tmp "${HOME:-/root}"; do
    folder=$(mktemp -d "$place/device-agent.XXXXXX" 2>/dev/null) || continue
    printf '#!/bin/sh\n' >"$folder/try" && chmod 755 "$folder/try"
    if "$folder/try" 2>/dev/null; then return 0; fi
    rm -rf "$folder"
  done
  folder=
  fail "no program may run from ${TMPDIR:-/tmp}, /var/tmp or ${HOME:-/root}: set TMPDIR to a folder where one may"
}

# A hub on this machine or in a private network is asked itself: a proxy could not reach it.
go_straight() {
  case ${url#*://} in
    localhost | localhost:* | *.local | *.local:* | 127.* | 10.* | 192.168.* | 169.254.* | 172.1[6-9].* | 172.2[0-9].* | \
      172.3[01].* | '[::1]'* | '[fe8'* | '[fe9'* | '[fea'* | '[feb'* | '[fc'* | '[fd'*)
      unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
      ;;
  esac
}

fetch() {
  go_straight
  if command -v curl >/dev/null; then
    curl -fsS --connect-timeout 10 --max-time 300 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    # Without a timeout of ours: BusyBox 1.35 crashes with one. Every wget has its own.
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is here to download with"
  fi
}

sum() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null; then
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
  else
    fail "neither sha256sum nor openssl is here to check the download with"
  fi
}

# Keeps what will be replaced.
remember() {
  installing=fresh
  if [ -e "$program" ] || [ -e "$config" ] || [ -e "$state" ]; then
    for file in "$program" "$config"; do
      if [ -e "$file" ]; then $as_root cp -p "$file" "$folder/was-${file##*/}"; fi
    done
    installing=again
  fi
}

finish() {
  code=$?
  trap - EXIT
  case $installing in
    fresh)
      $as_root "$folder/device-agent" uninstall --purge >/dev/null 2>&1 || remove_by_hand
      say "nothing of it is left" >&2
      ;;
    again)
      for file in "$program" "$config"; do
        was=$folder/was-${file##*/}
        if [ -e "$was" ]; then $as_root cp -p "$was" "$file.undo" && $as_root mv "$file.undo" "$file"; fi
      done
      say "program and configuration are the ones from before" >&2
      ;;
  esac
  if [ -n "$folder" ]; then $as_root rm -rf "$folder"; fi
  exit $code
}

# For a service manager that refuses even to stop.
remove_by_hand() {
  $as_root rm -rf "$program" "$config" "$state" /etc/systemd/system/device-agent.service \
    /etc/systemd/system/multi-user.target.wants/device-agent.service \
    /etc/init.d/device-agent /etc/runlevels/default/device-agent
  $as_root userdel device-agent 2>/dev/null || $as_root deluser device-agent 2>/dev/null || :
}

wait_until_joined() {
  say "installed as a service; waiting for the hub at $hub"
  tries=0
  while [ $tries -lt 30 ]; do
    report=$($as_root "$program" status --json --state "$state" 2>/dev/null) || report=
    case $report in
      *'"state":"streaming"'*)
        name=$(echo "$report" | sed -n 's/.*[{,]"name":"\([^"]*\)".*/\1/p')
        words=$(echo "$report" | sed -n 's/.*[{,]"words":"\([^"]*\)".*/\1/p')
        say "joined as $name ($words); its readings are at $url"
        return 0
        ;;
    esac
    tries=$((tries + 1))
    sleep 1
  done
  fail "it runs, but the hub has not let it in within 30 s, and it keeps trying. This tells why: $program doctor --state $state"
}

main "$@"
