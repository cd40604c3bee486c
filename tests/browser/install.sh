#!/bin/sh
# A browser for the tests: one that is there, else the system's package where we may
# install it, else Playwright's own, else a failure that names the remedy.
# Usage: install.sh FOLDER_OF_PYTHON
bin=$1
found() { "$bin/python" -m tests.browser.chromium >/dev/null 2>&1; }

found && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium with apt-get (for the browser tests)"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } </dev/null >/dev/null
  found && exit 0
fi
echo "Installing Playwright's own Chromium (for the browser tests)"
"$bin/python" -m playwright install chromium </dev/null
found && exit 0
"$bin/python" -m tests.browser.chromium
