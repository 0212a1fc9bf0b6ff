# SPDX-License-Identifier: GPL-2.0
# Reading one program's TAP: sourced by bash, not run. tap_begin; tap_line for each line;
# tap_end; or tap_count, which does all this. What TAP says of directives, plans and giving up
# is here; tests/mutants/scratch.py, which ends a program at its first failure, reads by itself.
#
# shellcheck shell=bash disable=SC2034

shopt -s extglob

tap_begin()
{
	planned='' seen=0 bad=0 bailed='' why=''
}

# tap_line LINE: what it is goes to $tap - plan, bail, pass, skip, todo (known to fail), fail, or
# nothing - and its words, without number and dash, to $text
tap_line()
{
	local how

	tap='' text=''
	if [[ $1 =~ ^1\.\.([0-9]+)[[:space:]]*(.*) ]]; then
		tap=plan planned=${BASH_REMATCH[1]} text=${BASH_REMATCH[2]}
	elif [[ $1 =~ ^Bail\ out!(.*) ]]; then
		tap=bail text=${BASH_REMATCH[1]# } bailed="gave up:${BASH_REMATCH[1]}"
	elif [[ $1 =~ ^(ok|not\ ok)($|[[:space:]].*) ]]; then
		seen=$((seen + 1)) tap=fail how=${BASH_REMATCH[1]}
		text=${BASH_REMATCH[2]##*([[:space:]])}
		text=${text##*([0-9])}
		text=${text##*([[:space:]])?(-)*([[:space:]])}
		if [ "$how" = ok ]; then
			tap=pass
			[[ ! $text =~ \#\ *[Ss][Kk][Ii][Pp] ]] || tap=skip
		elif [[ $text =~ \#\ *[Tt][Oo][Dd][Oo] ]]; then
			tap=todo
		else
			bad=$((bad + 1))
		fi
	fi
}

# tap_end STATUS: what is wrong with the program as a whole goes to $why, or nothing
tap_end()
{
	if [ -n "$bailed" ]; then
		why=$bailed
	elif [ "$1" != 0 ] && [ "$bad" = 0 ]; then
		why="exited with status $1"
	elif [ -z "$planned" ]; then
		why="printed no plan"
	elif [ "$planned" != "$seen" ]; then
		why="planned $planned tests and reported $seen"
	fi
}

# tap_count STATUS: the TAP of one program, read to its end, goes to $passed, $skipped and $failed:
# how many; what is wrong with the program as a whole is one failure more
tap_count()
{
	local line

	passed=0 skipped=0 failed=0
	tap_begin
	while IFS= read -r line || [ -n "$line" ]; do
		tap_line "$line"
		case $tap in
		pass)	passed=$((passed + 1)) ;;
		skip)	skipped=$((skipped + 1)) ;;
		fail)	failed=$((failed + 1)) ;;
		esac
	done
	tap_end "$1"
	[ "$planned" != 0 ] || skipped=$((skipped + 1))
	[ -z "$why" ] || failed=$((failed + 1))
}
