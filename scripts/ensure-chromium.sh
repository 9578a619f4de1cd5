#!/usr/bin/env bash
# Prints the path of a Chromium that the page's tests can drive, installing Debian's where none is
# found and we are root. Exits 1 with one sentence where there is no way to get one.
set -u

find_chromium() {
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" && return 0
  done
  return 1
}

find_chromium && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "chromium is not installed, and only root on Debian can install it from here" >&2
  exit 1
fi

# One at a time: two test runs that install together would fight over dpkg's lock.
exec 9>/tmp/tidemark-ensure-chromium.lock
flock 9
if ! find_chromium >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >&2; then
    echo "apt-get could not install chromium" >&2
    exit 1
  fi
fi
find_chromium || { echo "apt-get installed chromium, but it is not on the PATH" >&2; exit 1; }
