#!/bin/sh
# collect.sh LIST FOLDER: clones each repository of the list, and keeps in FOLDER/STUDENT what a student may hand in: files, and
# folders of files, but nothing hidden, no links, and none of the release's own folders.
# A line of the list is: STUDENT REPOSITORY [REVISION]. The repository is OWNER/NAME on GitHub, read with $GH_TOKEN, or a URL
# or path. With a revision (a commit, or a tag that students cannot move), what was pushed later does not count.
# Who could not be collected is named. The exit code is 1 if nobody could: then the token is wrong, or the list.
set -eu
list=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
collected=0
missing() {
    echo "NOT COLLECTED: $student ($1)" >&2
}
quiet_git() {
    git -c core.hooksPath=/dev/null "$@" > /dev/null 2>&1 < /dev/null
}
# A list from Windows has carriage returns, and the last line may lack its end.
carriage_return=$(printf '\r')
while read -r student repository revision || [ -n "$student" ]; do
    student=${student%"$carriage_return"} repository=${repository%"$carriage_return"} revision=${revision%"$carriage_return"}
    case $student in '' | '#'*) continue ;; esac
    case $repository in
        *:* | /* | ./*) ;;
        *) repository="https://x-access-token:${GH_TOKEN:-}@github.com/$repository" ;;
    esac
    work=$(mktemp -d)
    if ! quiet_git clone --no-recurse-submodules "$repository" "$work"; then
        missing 'the repository cannot be cloned'
    elif ! quiet_git -C "$work" checkout "${revision:-HEAD}" --; then
        missing "there is no revision $revision"
    else
        mkdir -p "$folder/$student"
        # Names with these characters cannot be in an artifact of GitHub's, and would keep the whole class from being graded.
        (
            cd "$work"
            find . -maxdepth 4 \( -name '.?*' -o -path ./checks -o -path ./hints -o -path ./keys -o -path ./solutions \
                -o -path ./wheels -o -name '*[":<>|*?\\[:cntrl:]]*' \) -prune -o -type f -size -64M \
                -exec cp --parents '{}' "$folder/$student/" \;
        )
        collected=$((collected + 1))
        [ -n "$(find "$folder/$student" -maxdepth 2 \( -name '*.ipynb' -o -name '*.py' \))" ] ||
            missing 'the repository has no notebook and no Python file'
    fi
    rm -rf "$work"
done < "$list"
[ "$collected" -gt 0 ]
