# SPDX-License-Identifier: GPL-2.0
# Programs of another release of Debian, run with that release's libraries: sourced by
# bash, not run.
#
# shellcheck shell=bash

is_program()
{
	[ -f "$1" ] && [ ! -L "$1" ] && [ -x "$1" ] && [ "$(head -c 4 "$1" | tail -c 3)" = ELF ]
}

# wrap PROGRAM ROOT [BESIDE]: run it by the loader and the libraries below ROOT, a path
# relative to the program's folder
wrap()
{
	local program=$1 root=$2 name=${1##*/}

	mv "$program" "${program%/*}/.$name.elf"
	cat >"$program" <<-END
		#!/bin/sh
		here=\${0%/*}
		root=\$here/$root
		exec "\$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --argv0 "\$0" \\
			--library-path "\$root/lib/x86_64-linux-gnu:\$root/usr/lib/x86_64-linux-gnu" \\
			"\$here/.$name.elf" "\$@"
	END
	chmod 755 "$program"
}

wrap_all()
{
	local folder=$1 root=$2 program

	while IFS= read -r program; do
		if is_program "$program"; then
			wrap "$program" "$(realpath -m --relative-to="${program%/*}" "$root")"
		fi
	done < <(find "$folder" -type f -perm -u+x)
}
