# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Read by scripts/kernels: folders of files from any of Debian's suites, for any architecture, out of
# its packages. Neither the host's packages nor its lists of them are touched.

# apt SUITE COMMAND...: Debian's tools with lists of their own.
apt()
{
	local state=$cache/apt-$1 command=$2
	shift 2
	"$command" -q -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
		-o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 \
		-o APT::Sandbox::User=root -o APT::Install-Recommends=false "$@"
}

# The suite's lists of packages.
fetch_lists()
{
	local state=$cache/apt-$1 options="[arch=amd64,arm64 signed-by=$keyring]"
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	: > "$state/status"
	echo "deb $options $mirror $1 main" > "$state/sources.list"
	[ "$1" = sid ] || echo "deb $options $mirror-security $1-security main" >> "$state/sources.list"
	if ! apt "$1" apt-get update -o APT::Update::Error-Mode=any > "$state/log" 2>&1; then
		cat "$state/log" >&2
		die "the lists of $1 cannot be fetched from $mirror"
	fi
	touch "$state/done"
}

have_lists()
{
	[ -e "$cache/apt-$1/done" ] || fetch_lists "$1"
}

# fetch ROOT SUITE PACKAGE...: the packages, and all that they depend on, into ROOT.debs.
fetch()
{
	local root=$1 suite=$2
	shift 2
	mkdir -p "$root.debs/partial"
	apt "$suite" apt-get install -y --download-only -o Dir::Cache::archives="$root.debs" "$@" > "$root.log" 2>&1 ||
		die "packages of $suite cannot be fetched, see $root.log (--update takes newer lists)"
}

# unpack ROOT: the packages in ROOT.debs become ROOT. Their scripts are not run: what is needed of
# what they do is done here.
unpack()
{
	local new=$1.new name
	rm -rf "$new"
	mkdir -p "$new"/{usr/{bin,sbin,lib,lib64},dev,etc,home,mnt,proc,root,run,src,sys,tmp,var}
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$new/$name"
	done
	for name in "$1.debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$name" | tar -x -C "$new" --keep-directory-symlink
	done
	mknod -m 666 "$new/dev/null" c 1 3
	ln -sf mawk "$new/usr/bin/awk"
	[ -e "$new/usr/bin/sh" ] || ln -s dash "$new/usr/bin/sh"
	[ ! -e "$new/usr/share/base-passwd" ] || cp "$new/usr/share/base-passwd/passwd.master" "$new/etc/passwd"
	rm -rf "$1" "$1.debs"
	mv "$new" "$1"
}

newest()
{
	apt "$suite" apt-cache show --no-all-versions "linux-headers-$arch:$arch" | sed -n 's/^Version: //p'
}

# Sets kernel and tools. An image may be split, and Debian builds each kernel with a certain compiler.
choose_packages()
{
	local all compiler
	all=$(apt "$suite" apt-cache depends --recurse -i "linux-headers-$arch:$arch" "linux-image-$arch:$arch" |
		grep -oE '^ *linux-[^ ]+|\bgcc-[0-9]+(-for-host)?(:|$)' | sort -u)
	mapfile -t kernel < <(grep -E '^linux-(image|headers|binary|modules|base)-[0-9]' <<< "$all" | grep -v -e -unsigned)
	compiler=$(grep -oE '^gcc-[0-9]+' <<< "$all" | sort -u) || die "$row: $suite has no such kernel"
	[ "$arch" = amd64 ] || compiler+=-aarch64-linux-gnu
	mapfile -t tools < <(grep -E '^linux-kbuild-[^:]*$' <<< "$all")
	tools+=("${base_packages[@]}" make "$compiler" "$libc")
}
