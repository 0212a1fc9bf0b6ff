# SPDX-License-Identifier: GPL-2.0
# Parts of tools/vpt-run: sourced by bash, not run.
#
# shellcheck shell=bash disable=SC2034,SC2154

# A run may be long: what it leaves must have a place before it begins.
check_outputs()
{
	local out

	for out in "${outs[@]}"; do
		[[ $out == *:* ]] || continue
		mkdir -p "${out#*:}" 2>/dev/null || die "--out: cannot make the folder ${out#*:}"
	done
	if [ -n "$log" ] && ! { : >"$log"; } 2>/dev/null; then
		die "--log: cannot write $log"
	fi
	if [ -n "$trace" ] && ! { : >"$trace"; } 2>/dev/null; then
		die "--trace: cannot write $trace"
	fi
}

# Put what the guest has sent where --out says: one archive with all of it.
take_out()
{
	local out to

	mkdir -p "$tmp/taken"
	if [ -s "$tmp/files" ]; then
		tar -xf "$tmp/files" -C "$tmp/taken" 2>"$tmp/tar" ||
			fail "$ST_FAIL" "--out: what came is not whole: $(head -n 1 "$tmp/tar")"
	fi
	[ -z "$trace" ] || cp "$tmp/taken/vpt-run/trace" "$trace" ||
		fail "$ST_FAIL" "--trace: there is none; was vpt inserted?"
	for out in "${outs[@]}"; do
		to=.
		[[ $out != *:* ]] || to=${out#*:}
		out=${out%%:*}
		if ! [ -e "$tmp/taken/$out" ]; then
			say "--out: there is no $out in the guest"
			continue
		fi
		cp -r "$tmp/taken/$out" "$to/"
	done
}
