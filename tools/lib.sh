# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts in tools/: sourced by bash, not run.
#
# shellcheck shell=bash disable=SC2034

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${VPT_BUILD:-$top/build}
[[ $build == /* ]] || build=$PWD/$build
# What is started from another folder takes the same one.
[ -z "${VPT_BUILD:-}" ] || VPT_BUILD=$build
me=${0##*/}

# The statuses of our own that every script here uses the same way.
readonly ST_UNAVAILABLE=77	# this machine cannot provide it: a skip, no failure
readonly ST_TIMEOUT=124		# the time limit passed
readonly ST_FAIL=125		# something around the guest went wrong
readonly ST_SPLAT=126		# the guest's kernel complained

say()
{
	echo "$me: $*" >&2
}

die()
{
	say "$@"
	exit "$ST_FAIL"
}

# has_value OPTION [VALUE]: of the words of a command from that option on
has_value()
{
	[ $# -gt 1 ] || die "$1 needs a value"
}

unavailable()
{
	say "$@"
	exit "$ST_UNAVAILABLE"
}

# locked NAME COMMAND...: one at a time on this build folder. Descriptor 9 is
# closed for the command's children, lest a stray one hold the lock for ever.
locked()
{
	local name=$1
	shift
	mkdir -p "$build/lock"
	(
		flock 9
		"$@" 9>&-
	) 9>"$build/lock/$name"
}

# What begins with this works on the inserted module of the machine itself.
warn_of_risk()
{
	say "running on this machine's own vpt: a fault in the module can stop the machine or"
	say "damage what runs on it; CPUs are busy, and memory is short, while this runs"
}

available_gib()
{
	echo $(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) >> 20))
}

# Sets mem and pool, for a guest with two frames of 1 GiB, or, where this machine has
# too little memory for that, without.
size_guest()
{
	mem=6G pool=2
	[ "$(available_gib)" -ge 6 ] || mem=2G pool=0
}

# How many such guests may run at a time.
guests_at_once()
{
	if [ "$(available_gib)" -ge 10 ] && [ "$(nproc)" -ge 2 ]; then
		echo 2
	else
		echo 1
	fi
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		say "must be root (or have sudo) to run: $*"
		return 1
	fi
}

no_install()
{
	[ "${NO_INSTALL:-0}" != 0 ]
}

apt_lists_present()
{
	compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

# Bring the package lists up to date, at most once an hour: a kernel that the
# sources lack would otherwise cost an update every time it is asked for. Fails
# without a way to become root; then the lists we have must do.
apt_update()
{
	local stamp=$build/lock/apt-update

	if [ -n "$(find "$stamp" -mmin -60 2>/dev/null)" ]; then
		return 0
	fi
	say "running apt-get update: $1"
	as_root apt-get update -qq >&2 || return 0
	mkdir -p "$build/lock"
	touch "$stamp"
}

# apt_download FOLDER PACKAGE...: the packages themselves, into the folder.
apt_download()
{
	local dir=$1
	shift
	# apt's sandbox user cannot write here; harmless, but it would say so.
	(cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$@" >&2) && return
	no_install && die "could not download: $*"
	[ -n "${APT_CONFIG:-}" ] || apt_update "the download failed; the lists may be old"
	(cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$@" >&2) ||
		die "could not download: $*"
}
