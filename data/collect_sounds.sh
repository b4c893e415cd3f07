#!/bin/sh
# Collects free recordings of single sources from Debian packages, for v2s-train synth.
#
#   sh data/collect_sounds.sh [--few] [--cache FOLDER] FOLDER
#
# Packages are downloaded (apt-get download) and unpacked (dpkg-deb) in the cache, nothing is
# installed. --few takes the five small packages (0.3 GB), otherwise all (1.6 GB).
#   FOLDER/<kind>/<package>/...           the recordings, as they stand in the package
#   FOLDER/licences.tsv                   file, licence, package and version, path in the package,
#                                         length
#   FOLDER/copyright/<package>            the package's own copyright file
# Left out: music and loops; what is shorter than 0.3 s; and every recording that this project
# measures with, so that training never hears it (the names below; alsa-utils as a whole). Silent
# ones and duplicates are passed over by synth.
# Needs apt-get with a Debian (bookworm) source, dpkg-deb, perl.
set -eu
LC_ALL=C
export LC_ALL

usage() {
    echo "usage: sh data/collect_sounds.sh [--few] [--cache FOLDER] FOLDER" >&2
    exit 2
}

few="klettres-data ktuberling-data sonic-pi-samples tuxpaint-stamps-default gcompris-qt-data"
more="asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 asterisk-core-sounds-fr-g722
      asterisk-core-sounds-it-g722 asterisk-core-sounds-ru-g722 fillets-ng-data fillets-ng-data-cs
      fillets-ng-data-nl gcin-voice hedgewars-data wesnoth-1.16-data widelands-data scorched3d-data
      flare-game lmms-common hydrogen-drumkits hydrogen-drumkits-effects"

# Test material of this project that comes from these packages (Sonic Pi), and the trombone, a kind
# of sound that the test set keeps for itself.
excluded="drum_cymbal_hard drum_cymbal_open drum_roll drum_splash_hard drum_splash_soft
          drum_tom_lo_hard elec_chime guit_e_slide guit_harmonics perc_till tabla_ghe2 tabla_ghe3
          tabla_ghe5 tabla_ghe6 tabla_ghe7 tabla_na_o tabla_tas1 tabla_tas2 tabla_tas3 tabla_tun1
          tabla_tun2 tabla_tun3 loop_tabla trombone"

excluded=$(echo "$excluded" | tr -s ' \n' '  ')
packages="$few $more"
cache=
out=
while [ $# -gt 0 ]; do
    case $1 in
    --few) packages=$few ;;
    --cache)
        [ $# -ge 2 ] || usage
        cache=$2
        shift
        ;;
    -*) usage ;;
    *)
        [ -z "$out" ] || usage
        out=$1
        ;;
    esac
    shift
done
[ -n "$out" ] || usage
cache=${cache:-$out.cache}
for tool in apt-get dpkg-deb perl; do
    command -v $tool >/dev/null || {
        echo "collect_sounds.sh: $tool is missing" >&2
        exit 1
    }
done
mkdir -p "$cache/debs" "$out/copyright"
cache=$(cd "$cache" && pwd)
out=$(cd "$out" && pwd)

# fetch PACKAGE: into $cache/debs and, the sounds and the copyright file, into $cache/PACKAGE
fetch() {
    set -- "$1" "$cache/debs/$1"_*.deb
    if [ ! -e "$2" ]; then
        # In a folder of its own: half of a package must not stand for it in the next run.
        rm -rf "$cache/part"
        mkdir "$cache/part"
        (cd "$cache/part" && apt-get -qq download "$1" 2>"$cache/part/errors") || {
            cat "$cache/part/errors" >&2
            echo "collect_sounds.sh: cannot download $1 (apt-get download $1)" >&2
            exit 1
        }
        mv "$cache/part/$1"_*.deb "$cache/debs/"
        rm -rf "$cache/part"
        set -- "$1" "$cache/debs/$1"_*.deb
    fi
    [ -e "$cache/$1/.complete" ] && return
    rm -rf "$cache/${1:?}"
    mkdir -p "$cache/$1"
    dpkg-deb --fsys-tarfile "$2" | tar -x -C "$cache/$1" --wildcards \
        './usr/share/doc/*/copyright*' '*.ogg' '*.wav' '*.flac' '*.g722' '*.rcc' \
        2>/dev/null || true # a pattern that a package has no file for
    find "$cache/$1" -name '*.rcc' | while read -r rcc; do
        unpack_rcc "$rcc" "$cache/$1/rcc/$(basename "$rcc" .rcc)"
    done
    touch "$cache/$1/.complete"
}

# unpack_rcc FILE FOLDER: the sounds of a Qt resource file (Qt 5 qrcformat, versions 1 to 3), which
# are stored as they are. A node: name offset, flags (2: folder), then number and first of the
# children, or language and data offset; from version 2 on a time of 8 bytes.
unpack_rcc() {
    mkdir -p "$2"
    perl -e '
        my ($path, $folder) = @ARGV;
        open(my $f, "<:raw", $path) or die "$path: $!\n";
        my $all = do { local $/; <$f> };
        my ($magic, $version, $tree, $data, $names) = unpack("a4N4", $all);
        die "$path: not a Qt resource file\n" if $magic ne "qres";
        my $size = $version >= 2 ? 22 : 14;
        sub walk {
            my ($first, $count) = @_;
            for my $i ($first .. $first + $count - 1) {
                my ($at, $flags, $a, $b) = unpack("NnNN", substr($all, $tree + $i * $size, 14));
                if ($flags & 2) { walk($b, $a); next; }
                my $length = unpack("n", substr($all, $names + $at, 2));
                my $name = join "", map { chr } unpack("n*", substr($all, $names + $at + 6, 2 * $length));
                next if $name !~ /^[\w.-]+\.(ogg|wav)$/ || $flags & 5;
                my $bytes = unpack("N", substr($all, $data + $b, 4));
                open(my $o, ">:raw", "$folder/$name") or die "$folder/$name: $!\n";
                print $o substr($all, $data + $b + 4, $bytes);
                close $o or die "$folder/$name: $!\n";
            }
        }
        my ($at, $flags, $count, $first) = unpack("NnNN", substr($all, $tree, 14));
        walk($first, $count);
    ' "$1" "$2"
}

# kind PACKAGE PATH: sets $kind to the kind of sound, or to nothing for what is left out
kind() {
    kind=
    case $1:$2 in
    *[mM]usic/* | */silence/* | */letters/* | */world/* | *loop_*) ;;
    klettres-data:* | asterisk-*:* | gcin-voice:*) kind=speech ;;
    fillets-ng-data-*:*) kind=speech ;;
    ktuberling-data:*) kind=speech ;;
    tuxpaint-*_desc*) kind=speech ;;
    tuxpaint-*:*/birds/*) kind=birds ;;
    tuxpaint-*:*/animals/* | tuxpaint-*:*/dinosaurs/*) kind=animals ;;
    tuxpaint-*:*/[hm]*[ui]*s*ical*/*) kind=instruments ;;
    tuxpaint-*:*/vehicles/*) kind=vehicles ;;
    tuxpaint-*:*) kind=effects ;;
    gcompris-*:*explore_farm_animals/*) kind=animals ;;
    gcompris-*:*/explore_world_music/* | gcompris-*:*/core/*) ;;
    gcompris-*:*/instruments/* | gcompris-*:*_LA*) kind=instruments ;;
    gcompris-*:*memory-sound/*) kind=effects ;;
    gcompris-*:*) kind=effects ;;
    sonic-pi-*:*/buffers/*) ;;
    sonic-pi-*:*/ambi_* | sonic-pi-*:*/vinyl_hiss*) kind=ambience ;;
    sonic-pi-*:*/bass_* | sonic-pi-*:*/guit_* | sonic-pi-*:*/elec_*) kind=instruments ;;
    sonic-pi-*:*/misc_* | sonic-pi-*:*/vinyl_* | sonic-pi-*:*/mehackit_*) kind=effects ;;
    sonic-pi-*:*/glitch_*) kind=effects ;;
    sonic-pi-*:*) kind=percussion ;;
    fillets-ng-data:*/linux/en/* | fillets-ng-data:*/elk/*) kind=speech ;;
    fillets-ng-data:*) kind=effects ;;
    hedgewars-*:*/voices/*) kind=voices ;;
    hedgewars-*:*) kind=effects ;;
    wesnoth-*:*/ambient/*) kind=ambience ;;
    wesnoth-*:*/horse* | wesnoth-*:*/bat-* | wesnoth-*:*/wolf* | wesnoth-*:*/gryphon*) kind=animals ;;
    wesnoth-*:*-die* | wesnoth-*:*-hit-* | wesnoth-*:*laugh* | wesnoth-*:*groan*) kind=voices ;;
    wesnoth-*:*/horn-*) kind=instruments ;;
    wesnoth-*:*) kind=effects ;;
    widelands-*:*/bird* | widelands-*:*/duck*) kind=birds ;;
    widelands-*:*/animals/* | widelands-*:*/farm/*) kind=animals ;;
    widelands-*:*/biginn* | widelands-*:*/inn_* | widelands-*:*/tavern_* | widelands-*:*/lobby_*) kind=ambience ;;
    widelands-*:*) kind=tools ;;
    scorched3d-*:*/bird* | scorched3d-*:*/gull* | scorched3d-*:*/rooster*) kind=birds ;;
    scorched3d-*:*/cow* | scorched3d-*:*/dog* | scorched3d-*:*/moo* | scorched3d-*:*/sheep*) kind=animals ;;
    scorched3d-*:*/frogs* | scorched3d-*:*/wolf* | scorched3d-*:*/bats* | scorched3d-*:*/bees*) kind=animals ;;
    scorched3d-*:*/car* | scorched3d-*:*/cessna* | scorched3d-*:*/f1[68]* | scorched3d-*:*/heli*) kind=vehicles ;;
    scorched3d-*:*/jet* | scorched3d-*:*/apache* | scorched3d-*:*/t38* | scorched3d-*:*/fire*) kind=vehicles ;;
    scorched3d-*:*/police* | scorched3d-*:*/tank* | scorched3d-*:*/movement/*) kind=vehicles ;;
    scorched3d-*:*/city* | scorched3d-*:*/ocean* | scorched3d-*:*/rain* | scorched3d-*:*/factory*) kind=ambience ;;
    scorched3d-*:*/cheering*) kind=ambience ;;
    scorched3d-*:*/scream*) kind=voices ;;
    scorched3d-*:*) kind=effects ;;
    flare-*:*/npcs/*) kind=speech ;;
    flare-*:*_loop.ogg | flare-*:*/rain*) kind=ambience ;;
    flare-*:*/enemies/* | flare-*:*male_*) kind=voices ;;
    flare-*:*) kind=effects ;;
    lmms-*:*/drums/* | lmms-*:*/latin_[!bg]*) kind=percussion ;;
    lmms-*:*/instruments/* | lmms-*:*/stringsnpads/* | lmms-*:*/latin/*) kind=instruments ;;
    lmms-*:*/misc/* | lmms-*:*/effects/*) kind=effects ;;
    lmms-*:*) ;; # waveforms, beats and loops
    hydrogen-drumkits-effects:*) kind=instruments ;;
    hydrogen-drumkits:*) kind=percussion ;;
    esac
}

# licence PACKAGE PATH: sets $licence to the licence's short name; fails where the package's
# copyright file does not hold the words that stand for it
licence() {
    words=
    case $1:$2 in
    klettres-data:* | ktuberling-data:*) licence=GPL-2+ ;;
    tuxpaint-*:*) licence=GPL-2 ;;
    sonic-pi-*:*) licence=CC0 ;;
    gcompris-*:*) licence="GPL-3+ and others, see copyright/$1" words=GPL-3+ ;;
    asterisk-*-it-*:* | asterisk-*-ru-*:*) licence=CC-BY-3.0 ;;
    asterisk-*:*) licence=CC-BY-SA-3.0 ;;
    fillets-*:*) licence=GPL-2 words="version 2 dated June, 1991" ;;
    gcin-voice:*/3.ogg) licence="GPL-3 or LGPL-3" ;;
    gcin-voice:*) licence=CC-BY-3 ;;
    hedgewars-*:*/Droplet*) licence=CC-BY-SA-3.0 ;;
    hedgewars-*:*) licence=GFDL-1.3 ;;
    wesnoth-*:*) licence=GPL-2+ words="GNU General Public License" ;;
    widelands-*:* | lmms-*:*) licence=GPL-2+ ;;
    scorched3d-*:*/apoc/*) licence=CC-BY-SA-3 ;;
    scorched3d-*:*) licence=GPL-2+ ;;
    flare-*:*) licence=CC-BY-SA-3.0+ ;;
    hydrogen-*:*/belofilms* | hydrogen-*:*/rumpf*) licence=CC-BY-3.0 ;;
    hydrogen-*:*/Colombo*) licence="GPL-2+ with composition exception" ;;
    hydrogen-*:*/BJA_*) licence=CC-BY-SA-3.0-us ;;
    hydrogen-*:*/Audiophob/*) licence=CC0 ;;
    hydrogen-*:*/Electric* | hydrogen-*:*/HardElectro*) licence=GPL-2+ ;;
    hydrogen-*:*) licence=GPL-2 ;;
    esac
    words=${words:-$licence}
    [ "$1 $words" = "$verified" ] && return
    grep -q "$words" "$out/copyright/$1" || {
        echo "collect_sounds.sh: the copyright file of $1 does not say $words" >&2
        exit 1
    }
    verified="$1 $words"
}
verified=

# The most files from one folder: more of one voice teach nothing new.
limit() {
    case $1 in
    tuxpaint-*) echo 100 ;;
    gcin-voice) echo 300 ;;
    fillets-*) echo 40 ;;
    klettres-data) echo 60 ;;
    *) echo 100000 ;;
    esac
}

# group PACKAGE PATH: sets $group to what the limit counts (language, speaker or folder)
group() {
    case $1:$2 in
    tuxpaint-*_desc*)
        group=${2##*_desc}
        group=desc${group%.*}
        ;;
    tuxpaint-*) group=effect ;;
    gcin-voice:*) group=${2##*/} ;;
    *) group=${2%/*} ;;
    esac
}

# copy: reads lines of source, target, and what stands in the table between file and length; copies
# what is at least 0.3 s long, as its header says, and prints the lines of the table.
copy() {
    perl -e '
        use File::Copy "copy"; use File::Path "make_path"; use File::Basename "dirname";
        my ($out, %seen) = (shift);
        sub seconds {
            my ($path) = @_;
            my $size = -s $path or return 0;
            return $size / 8000 if $path =~ /\.g722$/; # 64 kbit/s
            open(my $f, "<:raw", $path) or die "$path: $!\n";
            read($f, my $head, 65536);
            seek($f, $size > 65536 ? $size - 65536 : 0, 0);
            read($f, my $end, 65536);
            if ($head =~ /^OggS/ && $head =~ /\x01vorbis.{5}(.{4})/s) {
                my ($rate, $last) = (unpack("V", $1), rindex($end, "OggS"));
                return $last < 0 ? 0 : unpack("V", substr($end, $last + 6, 4)) / $rate;
            }
            if ($head =~ /^RIFF....WAVE/s && $head =~ /fmt ....(..)(..)(....)(....)/s) {
                my $bytes = unpack("V", $4);
                my ($data) = $head =~ /data(....)/s or return 0;
                $data = unpack("V", $data);
                return ($data < $size ? $data : $size) / ($bytes || 1);
            }
            if ($head =~ /^fLaC/) {
                my ($high, $low) = unpack("NN", substr($head, 18, 8));
                return (($high & 15) * 2**32 + $low) / (($high >> 12) || 1);
            }
            return 0; # nothing that synth reads for certain
        }
        while (my $line = <STDIN>) {
            chomp $line;
            my ($from, $to, $terms) = split /\t/, $line, 3;
            my $seconds = seconds($from);
            next if $seconds < 0.3 || $seen{$to}++; # of one name in one package: the first
            make_path(dirname("$out/$to"));
            copy($from, "$out/$to") or die "$out/$to: $!\n";
            printf "%s\t%s\t%.2f\n", $to, $terms, $seconds;
        }
    ' "$out"
}

for package in $packages; do
    fetch "$package"
    cp "$(find "$cache/$package/usr/share/doc/$package/" -name 'copyright*' | head -n 1)" \
        "$out/copyright/$package"
    version=$(dpkg-deb -f "$cache/debs/$package"_*.deb Version)
    most=$(limit "$package")
    (cd "$cache/$package" && find . -type f \( -name '*.ogg' -o -name '*.wav' -o -name '*.flac' \
        -o -name '*.g722' \) | sort) |
        while read -r path; do
            path=${path#./}
            stem=${path##*/}
            stem=${stem%.*}
            case " $excluded " in *" ${stem%_LA*} "*) continue ;; esac
            kind "$package" "$path"
            [ -n "$kind" ] || continue
            group "$package" "$path"
            licence "$package" "$path"
            # The folders' names make the file's name unique; common beginnings tell nothing.
            name=${path#usr/share/}
            name=${name#rcc/}
            printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$group" "$cache/$package/$path" \
                "$kind/$package/${name#*/}" "$licence" "$package $version" "$path"
        done |
        awk -F '\t' -v most="$most" 'n[$1]++ < most' | cut -f 2- | copy >"$cache/$package.tmp"
    echo "$package $version: $(wc -l <"$cache/$package.tmp") recordings" >&2
done
{
    printf 'file\tlicence\tpackage\tpath\tseconds\n'
    for package in $packages; do cat "$cache/$package.tmp"; done | sort
} >"$out/licences.tsv"
for package in $packages; do rm -f "$cache/$package.tmp"; done
awk -F '\t' 'NR > 1 { kind = $1; sub(/\/.*/, "", kind); n[kind]++; s[kind] += $5 }
    END { for (kind in n) printf "%-12s %5d recordings %7.1f minutes\n", kind, n[kind], s[kind] / 60 }' \
    "$out/licences.tsv" | sort
