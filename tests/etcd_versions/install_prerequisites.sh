#!/usr/bin/env bash
# A fresh Debian 12 has Python 3.11, pip and root; the tests need nothing more than CA certificates
# for the package index. Changes nothing where they are there.
set -euo pipefail
if [ ! -e /etc/ssl/certs/ca-certificates.crt ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ca-certificates
fi
