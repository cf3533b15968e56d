#!/usr/bin/env bash
# The library call behind `msb logs`: entries {time, source, session, data, cursor} in order of time, by
# tail, since, until and sources; reading goes on behind a cursor.
. "$(dirname "$0")/../lib.sh"
[ -x "$MSB_BUILD/tests/logs_test" ] || skip "unit tests were not built"
run_ok "$MSB_BUILD/tests/logs_test" --gtest_filter='LogsTest.*:LogLineTest.*:LogTimeTest.*'
assert_contains "$out" "PASSED"
for test in ReadingGoesOnBehindACursor TheLogsAreMergedByTime SinceIsInclusiveAndUntilExclusive \
    AFollowerAcrossRotationsSeesEveryLineOnce EveryByteSurvives; do
    assert_contains "$out" "OK ] LogsTest.$test"
done

# The same on a live sandbox and on a handle, by the library.
python_tests test_logs.Logs
no_leftovers
