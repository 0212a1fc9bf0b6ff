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
	if [ -n "$gdb" ] && ! { : >"$gdb"; } 2>/dev/null; then
		die "--gdb: cannot write $gdb"
	fi
	if [ -n "$trace" ] && ! { : >"$trace"; } 2>/dev/null; then
		die "--trace: cannot write $trace"
	fi
}

# add_out G[:H]: with G as tar has it, without . and ..
add_out()
{
	local from=${1%%:*} to=''

	[[ $1 != *:* ]] || to=:${1#*:}
	[[ $from == /* ]] || from=/guest/$from
	outs+=("$(realpath -ms -- "$from")$to")
}

check_guest_paths()
{
	local -A taken=()
	local i from to

	for ((i = 0; i < ${#list[@]}; i += 2)); do
		from=${list[i]} to=${list[i + 1]}
		[ "${taken[$to]:-$from}" = "$from" ] ||
			die "--file: there would be two of $to in the guest"
		taken[$to]=$from
	done
}

# Unpack what the guest has sent: one archive with all of it.
unpack_taken()
{
	mkdir -p "$tmp/taken"
	[ -s "$tmp/files" ] || return 0
	! grep -qx 'files failed' "$tmp/report" ||
		fail "$ST_FAIL" "--out: the guest could not pack all of it"
	tar -xpif "$tmp/files" -C "$tmp/taken" 2>"$tmp/tar" ||
		fail "$ST_FAIL" "--out: what came is not whole: $(head -n 1 "$tmp/tar")"
	open_taken
}

# What the guest has closed is to be copied all the same, and what it makes runs with nobody's
# rights but its user's: what has its rights changed here is in the array opened, in the order
# of the paths, with the rights it is to have in the array rights.
open_taken()
{
	local mode path

	while IFS=' ' read -r -d '' mode path; do
		opened+=("$path")
		rights[$path]=$(without_ids "$mode")
	done < <(find "$tmp/taken" -mindepth 1 ! -type l \
		\( -type d ! -perm -u=rwx -o ! -perm -u=r -o -perm /ug=s \) \
		-printf '%m %p\0' -exec chmod ug-s,u+rwX {} \;)
}

without_ids()
{
	printf %o $((0$1 & 01777))
}

# The rights that a file or folder had in the guest, or has here.
rights_of()
{
	echo "${rights[${1%/}]:-$(without_ids "$(stat -c %a "$1")")}"
}

# close_again FROM TO: what was opened below FROM has its rights in the copy TO.
close_again()
{
	local i path

	for ((i = ${#opened[@]} - 1; i >= 0; i--)); do
		path=${opened[i]}
		[[ $path/ != "$1"/* ]] || chmod "${rights[$path]}" "$2${path#"$1"}"
	done
}

# Put what the guest has sent where --out says, and what has changed where --share does.
take_out()
{
	local -A rights=()
	local opened=() out to i

	unpack_taken
	[ -z "$trace" ] || cp "$tmp/taken/vpt-run/trace" "$trace" ||
		fail "$ST_FAIL" "--trace: there is none; was vpt inserted?"
	for out in "${outs[@]}"; do
		to=.
		[[ $out != *:* ]] || to=${out#*:}
		out=${out%%:*}
		if ! [ -e "$tmp/taken/$out" ] && ! [ -L "$tmp/taken/$out" ]; then
			say "--out: there is no $out in the guest"
			continue
		fi
		cp -rf --preserve=mode "$tmp/taken/$out" "$to/"
		close_again "$tmp/taken$out" "$to/${out##*/}"
	done
	for ((i = 0; i < ${#shared[@]}; i += 2)); do
		if ! [ -d "$tmp/taken/${shared[i + 1]}" ]; then
			say "--share: there is no ${shared[i + 1]} in the guest any more"
			continue
		fi
		share_back "$tmp/shared/$i" "$tmp/taken${shared[i + 1]}" "${shared[i]}"
	done
}

# --share copies in and out rather than mounting: Debian's cloud kernels have no 9p, 6.1's
# virtio is modules, which are not fetched with the kernel, and the virtiofsd that comes with
# QEMU 7.2 wants root.
#
# What goes in is kept, so that only what the guest has changed is changed here.
share_in()
{
	local i to

	for ((i = 0; i < ${#shared[@]}; i += 2)); do
		to=${shared[i + 1]}
		mkdir -p "$tmp/shared/$i"
		cp -rL --preserve=mode,timestamps "${shared[i]}/." "$tmp/shared/$i/"
		list+=("$tmp/shared/$i" "$to")
		share_paths+=("$to")
	done
	for to in "${share_paths[@]}"; do
		for ((i = 1; i < ${#list[@]}; i += 2)); do
			[[ ${list[i]} != "$to"/* ]] ||
				die "--share: ${list[i]} would lie in the shared folder $to"
		done
	done
}

# What a name stands for: a link, a folder, a file, another kind of thing, or nothing.
kind_of()
{
	[ -L "$1" ] && echo link && return
	[ -e "$1" ] || return 0
	stat -c %F "$1" | sed 's/^regular.*/file/; s/^directory/folder/'
}

# share_back BEFORE AFTER FOLDER: what is gone or of another kind now is removed first, so that
# a file can stand where a folder was.
share_back()
{
	local before=$1 after=$2 folder=$3 name

	while IFS= read -r -d '' name; do
		[ "$(kind_of "$before/$name")" = "$(kind_of "$after/$name")" ] ||
			# A folder in which something was made here meanwhile stays.
			rm -df "$folder/$name" 2>/dev/null || true
	done < <(find "$before" -mindepth 1 -depth -printf '%P\0')
	while IFS= read -r -d '' name; do
		put_back "$before/$name" "$after/$name" "$folder/$name" ||
			say "--share: cannot put back $folder/$name"
	done < <(find "$after" -mindepth 1 -printf '%P\0')
	# What a folder held is in its place by now: its rights may forbid to write to it.
	while IFS= read -r -d '' name; do
		[ ! -d "$before/$name" ] || rights_back "$before/$name" "$after/$name" "$folder/$name" ||
			say "--share: cannot change the rights of $folder/$name"
	done < <(find "$after" -depth -type d -printf '%P\0')
}

# Rights are part of what the guest may have changed, the owner is not.
rights_back()
{
	[ "$(rights_of "$1")" = "$(rights_of "$2")" ] || chmod "$(rights_of "$2")" "$3"
}

# What is new here gets rights as from cp.
put_back()
{
	local before=$1 after=$2 to=$3 kind

	kind=$(kind_of "$after")
	case $kind in
	folder)	mkdir -p "$to" ;;
	file)
		if cmp -s "$before" "$after" 2>/dev/null; then
			rights_back "$before" "$after" "$to"
		else
			cp -f "$after" "$to" || return
			[ "$(kind_of "$before")" != file ] || chmod "$(rights_of "$after")" "$to"
		fi ;;
	link)
		# Where a folder stands that is not empty here, cp says so, and it stays.
		rm -df "$to" 2>/dev/null || true
		cp -PT "$after" "$to" ;;
	*)	[ -e "$before" ] || say "--share: $kind left out: ${to##*/}" ;;
	esac
}

# gdb: the guest says where vpt.ko lies, on its report, and waits before it starts the program
# for a line on its second serial port, which the script that gdb reads sends.
#
# Set gdb_args, for QEMU.
gdb_prepare()
{
	[ -n "$module" ] || die "--gdb: no module is inserted"
	mkfifo "$tmp/go"
	# Open at both ends, so that neither QEMU nor gdb waits for the other to open it.
	exec {gdb_go}<>"$tmp/go"
	gdb_args=(-chardev "pipe,id=go,path=$qemu_tmp/go" -serial chardev:go
		-chardev "socket,id=gdb,path=$qemu_tmp/gdb,server=on,wait=off" -gdb chardev:gdb)
	: >"$tmp/wait"
	list+=("$tmp/wait" /vpt-run/gdb)
	append="nokaslr 8250.nr_uarts=6 $append"
}

# In the background, until the guest has said where the module lies: write the script.
gdb_watch()
{
	local sections

	until grep -qs '^sections end' "$tmp/report"; do
		sleep 0.2
		[ -d "$tmp" ] || return 0
	done
	sections=$(sed -n 's/^section \(\.[a-z]* 0x[0-9a-f]*\).*/ -s \1/p' "$tmp/report" |
		tr -d '\n')
	{
		echo "target remote $tmp/gdb"
		echo "add-symbol-file \"$(realpath "$module")\"$sections"
		echo "shell echo go >'$tmp/go'"
	} >"$gdb"
	say "vpt is inserted and the guest waits; now: gdb -x $gdb"
}

# Rows and columns; a terminal that does not know its own says 0 0, which no terminal can be set to.
terminal_size()
{
	local size

	size=$(stty size 2>/dev/null) || size='0 0'
	[ "$size" != '0 0' ] || size='24 80'
	echo "$size"
}

restore_terminal()
{
	[ -z "$terminal" ] || stty "$terminal" 2>/dev/null || true
}

# A guest that runs is ended; its QEMU, when it does not hang, puts the terminal right itself.
end_guest()
{
	[ -n "${qemu:-}" ] || return 0
	trap '' INT TERM HUP
	kill "$qemu" 2>/dev/null || true
	wait "$qemu" || true
	restore_terminal
}
