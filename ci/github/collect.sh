#!/bin/sh
# collect.sh LIST FOLDER: clones each repository of the list to FOLDER/STUDENT and keeps its notebooks and Python files.
# A line of the list is: STUDENT REPOSITORY [REVISION]. The repository is OWNER/NAME on GitHub, read with $GH_TOKEN, or a URL
# or path. With a revision (a commit, or a tag that students cannot move), what was pushed later does not count.
set -eu
list=$1
folder=$2
mkdir -p "$folder"
while read -r student repository revision; do
    case $student in '' | '#'*) continue ;; esac
    case $repository in
        *:* | /* | ./*) ;;
        *) repository="https://x-access-token:${GH_TOKEN:-}@github.com/$repository" ;;
    esac
    work=$(mktemp -d)
    if git -c core.hooksPath=/dev/null clone --quiet --no-recurse-submodules "$repository" "$work" 2> "$work.log" &&
        git -C "$work" -c core.hooksPath=/dev/null checkout --quiet "${revision:-HEAD}" 2>> "$work.log"; then
        mkdir -p "$folder/$student"
        find "$work" -maxdepth 1 -type f \( -name '*.ipynb' -o -name '*.py' \) -exec cp -P {} "$folder/$student/" \;
    else
        echo "NOT COLLECTED: $student" >&2
    fi
    rm -rf "$work" "$work.log"
done < "$list"
