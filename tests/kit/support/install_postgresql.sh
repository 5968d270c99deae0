#!/bin/sh
# PostgreSQL's server for the test of nbgrader on it, where there is none yet: the package of Debian and Ubuntu.
set -u
command -v initdb >/dev/null 2>&1 && exit 0
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
if [ -e /etc/debian_version ]; then
    # The test starts a server of its own; the package need not start one with the machine.
    $as_root apt-get update -qq && install postgresql-common &&
        echo "create_main_cluster = false" | $as_root tee -a /etc/postgresql-common/createcluster.conf >/dev/null &&
        install postgresql && exit 0
fi
echo "The test of nbgrader on PostgreSQL needs its server, which could not be installed: install it, for example with" >&2
echo "  sudo apt-get install postgresql      (on macOS: brew install postgresql)" >&2
exit 1
