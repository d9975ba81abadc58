# shellcheck shell=bash
# For suites in shell: source this, then
#     tap NAME SECONDS COMMAND...      the test passes when COMMAND ends with status 0 in time
#     tap_skip NAME WHY
#     exit $tap_bad
tap_bad=0

tap() {
	local name=$1 limit=$2 out status=0
	shift 2
	if [ "$(type -t "$1")" = function ]; then
		# A function cannot be given to timeout(1): run it in a new shell that knows all of them.
		export BUILD WORK
		out=$(timeout -k 5 "$limit" bash -c "$(declare -f)"$'\n''"$@"' bash "$@" </dev/null 2>&1) || status=$?
	else
		out=$(timeout -k 5 "$limit" "$@" </dev/null 2>&1) || status=$?
	fi
	if [ $status = 0 ]; then
		echo "ok $name"
	else
		tap_bad=1
		echo "not ok $name"
		[ $status != 124 ] || echo "  no end after $limit s"
		printf '%s\n' "status $status" "$out" | tail -n 60 | sed 's/^/  /'
	fi
}

tap_skip() { echo "skip $*"; }
