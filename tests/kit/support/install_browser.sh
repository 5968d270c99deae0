#!/bin/sh
# Chromium for the browser test, where there is none yet: Debian's package, else the one that Playwright brings.
set -u
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    "$name" --version >/dev/null 2>&1 && exit 0 # Ubuntu has one that only says that there is none
done
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if [ -e /etc/debian_version ] && ! grep -qi ubuntu /etc/os-release; then
    $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null &&
        exit 0
fi
"$1/playwright" install --with-deps chromium </dev/null && exit 0
"$1/playwright" install chromium && exit 0 # without root its libraries may be there already
echo "The browser test needs Chromium, which could not be installed: install it, for example with" >&2
echo "  sudo apt-get install chromium      (on Ubuntu: sudo $1/playwright install --with-deps chromium)" >&2
exit 1
