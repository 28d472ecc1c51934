#!/bin/sh
# What the tests need from the system. Installs it where that is possible without a question (root, apt-get); else
# says what is missing: the tests that need it are then skipped with a reason, and fail where CI is set.
set -u
missing=""
command -v git >/dev/null 2>&1 || missing="$missing git"
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
command -v tmux >/dev/null 2>&1 || missing="$missing tmux"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 \
        || echo "system: could not install:$missing" >&2
else
    echo "system: missing:$missing (tests that need them are skipped)" >&2
fi
exit 0
