#!/bin/sh
# The demo: a server, five devices, work with the cable out, cover, a conflict, the merged caseload.
set -eu
cd "$(dirname "$0")/../.."
exec /usr/bin/python3 -B tests/demo/demo.py "$@"
