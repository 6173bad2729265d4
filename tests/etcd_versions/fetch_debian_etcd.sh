#!/bin/sh
# fetch_debian_etcd.sh SUITE DIRECTORY: unpacks Debian's etcd of that suite into the directory.
#
# apt gets a configuration of its own, and nothing is installed: the system stays as it is.
# The mirror is the one that this system uses.
set -eu
suite=$1
directory=$2
mirror=$(
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
    2>/dev/null |
    awk '
      $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }
      $1 == "URIs:" { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }
    ' | head -n 1
)
if [ -z "$mirror" ]; then
  echo "no Debian mirror was found in /etc/apt" >&2
  exit 1
fi
apt="$directory/apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
set -- -q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
  -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root
apt-get "$@" update >/dev/null
cd "$apt/packages"
apt-get "$@" download etcd-server etcd-client >/dev/null
for package in ./*.deb; do
  dpkg -x "$package" "$directory"
done
"$directory/usr/bin/etcd" --version | head -n 1
