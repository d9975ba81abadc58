# shellcheck shell=bash
# A private apt beside the machine's own, for scripts/bootstrap and scripts/fetch-guest (sourced).
#
# kitemu wants a few packages of a Debian release, or of an architecture, that this machine does not
# follow. Adding those to the machine's own sources would offer it upgrades across releases. So we
# give apt a configuration with folders and a source list of its own: the list is derived from the
# archive that the machine already uses, with the release replaced. Proxies, mirrors and passwords
# stay as they are configured, for apt still reads the rest of the machine's configuration.

KIT_CACHE=${KIT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kitemu}
KIT_LIST_MAX_AGE_MIN=1440

kit_say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
kit_die() { kit_say "$@"; exit 1; }

# Run a command as root: directly, or through sudo.
kit_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		kit_die "this needs root or sudo: $*"
	fi
}

# The machine's own package lists, fetched once a run, and only when something is missing.
kit_apt_updated=no
kit_apt_update() {
	[ $kit_apt_updated = no ] || return 0
	kit_say "fetching the package lists"
	kit_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2 || kit_say "apt-get update failed, going on with the lists at hand"
	kit_apt_updated=yes
}

# Print "REPO-URI FILE:STANZA" of the Debian archive proper that this machine uses. apt itself parses
# its sources here, so both the one-line and the deb822 form work; third-party sources have another
# Origin, and the security archive and -updates have another suite.
kit_apt_archive() {
	apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)|$(SOURCESENTRY)' \
		'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && $4 == "main" && $2 !~ /-/ && $3 !~ /-/ && $5 !~ /security/ \
			{ print $5, $6; exit }'
}

# Print the Signed-By value that stands in entry $1 = FILE:NUMBER, if it is a path: a line's number in a
# .list file, a stanza's in a .sources file.
kit_apt_signed_by() {
	local file=${1%:*} nr=${1##*:}

	[ -r "$file" ] || return 0
	case $file in
	*.sources)
		awk -v RS= -v nr="$nr" 'NR == nr' "$file" | sed -n 's/^Signed-By:[ \t]*\(\/[^ \t]*\)[ \t]*$/\1/Ip'
		;;
	*)
		sed -n "${nr}s/.*signed-by=\(\/[^] ,]*\).*/\1/p" "$file"
		;;
	esac
}

# kit_apt_private SUITE ARCH: make the private configuration and fetch its lists when they are missing
# or old. ARCH source is for source packages. Leaves the configuration file's name in $kit_apt_conf.
kit_apt_private() {
	local suite=$1 arch=$2 dir=$KIT_CACHE/apt/$1-$2 archive key kind=deb list=Packages

	kit_apt_conf=$dir/apt.conf
	if [ -n "$(find "$dir/ok" -mmin -$KIT_LIST_MAX_AGE_MIN 2>/dev/null)" ]; then
		return 0
	fi
	archive=$(kit_apt_archive)
	if [ -z "$archive" ]; then # the origin is known only once lists were fetched
		kit_apt_update
		archive=$(kit_apt_archive)
	fi
	[ -n "$archive" ] || kit_die "no Debian archive among this machine's apt sources"
	key=$(kit_apt_signed_by "${archive#* }")
	[ -n "$key" ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -r "$key" ] && key="[signed-by=$key] " || key=
	[ "$arch" != source ] || { kind=deb-src list=Sources arch=$(dpkg --print-architecture); }

	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" "$dir/parts"
	: >"$dir/status" # nothing counts as installed
	printf '%s %s%s %s main\n' $kind "$key" "${archive%% *}" "$suite" >"$dir/sources.list"
	cat >"$kit_apt_conf" <<-END
		#clear APT::Architectures;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::Update::Post-Invoke;
		#clear DPkg::Post-Invoke;
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Sandbox::User "root";
		APT::Default-Release "";
		Acquire::Languages "none";
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "$dir/parts";
		Dir::Etc::preferences "$dir/none";
		Dir::Etc::preferencesparts "$dir/parts";
	END
	kit_say "fetching the package lists of $suite for $arch"
	# Without lists, apt-get update ends with success and a warning: so look for the file.
	if apt-get -q -c "$kit_apt_conf" update >"$dir/log" 2>&1 && ls "$dir"/state/lists/*_$list* >/dev/null 2>&1; then
		touch "$dir/ok"
	elif [ -e "$dir/ok" ]; then
		kit_say "could not refresh them, going on with the old ones"
	else
		cat "$dir/log" >&2
		kit_die "cannot fetch the package lists of $suite for $arch"
	fi
}

# kit_apt_debs SUITE ARCH PACKAGE...: download the .deb files, print their names. A file once fetched
# is kept, so that a second run needs no network.
kit_apt_debs() {
	local suite=$1 arch=$2 pkg tmp
	local debs=$KIT_CACHE/debs/$1-$2

	shift 2
	mkdir -p "$debs"
	for pkg; do
		if ! ls "$debs/${pkg}"_*.deb >/dev/null 2>&1; then
			kit_apt_private "$suite" "$arch"
			tmp=$(mktemp -d "$debs/tmp.XXXXXX")
			kit_say "fetching $pkg ($suite, $arch)"
			(cd "$tmp" && apt-get -q -c "$kit_apt_conf" download "$pkg:$arch") >"$tmp/log" 2>&1 ||
				(cd "$tmp" && apt-get -q -c "$kit_apt_conf" download "$pkg") >"$tmp/log" 2>&1 || {
				cat "$tmp/log" >&2
				rm -rf "$tmp"
				kit_die "cannot fetch package $pkg of $suite for $arch"
			}
			mv "$tmp"/*.deb "$debs/"
			rm -rf "$tmp"
		fi
		ls "$debs/${pkg}"_*.deb | tail -n 1
	done
}

# kit_apt_source SUITE PACKAGE: download a source package's files, print the folder that they are in.
kit_apt_source() {
	local suite=$1 pkg=$2 dir=$KIT_CACHE/sources/$1/$2 tmp

	if [ ! -e "$dir" ]; then
		mkdir -p "${dir%/*}"
		kit_apt_private "$suite" source
		tmp=$(mktemp -d "${dir%/*}/tmp.XXXXXX")
		kit_say "fetching the source of $pkg ($suite)"
		if ! (cd "$tmp" && apt-get -q -c "$kit_apt_conf" --download-only source "$pkg") >"$tmp.log" 2>&1; then
			cat "$tmp.log" >&2
			rm -rf "$tmp" "$tmp.log"
			kit_die "cannot fetch the source of $pkg of $suite"
		fi
		rm -f "$tmp.log"
		mv -T "$tmp" "$dir"
	fi
	echo "$dir"
}
