#!/bin/sh
# PrairieLearn runs this for each submission: serverFilesCourse/autograde/run.sh, beside the course's folder `course`.
# GRADE_ROOT is another folder than /grade when it is tried elsewhere.
set -eu
root=${GRADE_ROOT:-/grade}
exec autograde run-prairielearn --root "$root" --course "$root/serverFilesCourse/autograde/course" --topic "$AUTOGRADE_TOPIC"
