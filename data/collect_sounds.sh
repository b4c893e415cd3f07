#!/bin/sh
# Collects free recordings of single sources from Debian packages, for v2s-train synth.
#
#   sh data/collect_sounds.sh [--few] [--cache FOLDER] FOLDER
#
# Packages are downloaded (apt-get download) and unpacked (dpkg-deb) in the cache, nothing is
# installed. --few takes the five small packages (0.3 GB), otherwise all (1.6 GB).
#   FOLDER/<kind>/<package>/<name>.flac   mono, 16 bit, at the recording's own rate, <= 30 s
#   FOLDER/licences.tsv                   file, licence, package and version, path in the package,
#                                         length
#   FOLDER/copyright/<package>            the package's own copyright file
# Left out: music and loops; what is shorter than 0.3 s or silent; and every recording that this
# project measures with, so that training never hears it (the names below; alsa-utils as a whole).
# Needs apt-get with a Debian (bookworm) source, dpkg-deb, ffmpeg, perl.
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
for tool in apt-get dpkg-deb ffmpeg perl; do
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
        (cd "$cache/debs" && apt-get -qq download "$1" 2>/dev/null) || {
            echo "collect_sounds.sh: cannot download $1 (apt-get download $1)" >&2
            exit 1
        }
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

# kind PACKAGE PATH: prints the kind of sound, or nothing for what is left out
kind() {
    case $1:$2 in
    *[mM]usic/* | */silence/* | */letters/* | */world/* | *loop_*) ;;
    klettres-data:* | asterisk-*:* | gcin-voice:*) echo speech ;;
    fillets-ng-data-*:*) echo speech ;;
    ktuberling-data:*) echo speech ;;
    tuxpaint-*_desc*) echo speech ;;
    tuxpaint-*:*/birds/*) echo birds ;;
    tuxpaint-*:*/animals/* | tuxpaint-*:*/dinosaurs/*) echo animals ;;
    tuxpaint-*:*/[hm]*[ui]*s*ical*/*) echo instruments ;;
    tuxpaint-*:*/vehicles/*) echo vehicles ;;
    tuxpaint-*:*) echo effects ;;
    gcompris-*:*explore_farm_animals/*) echo animals ;;
    gcompris-*:*/explore_world_music/* | gcompris-*:*/core/*) ;;
    gcompris-*:*/instruments/* | gcompris-*:*_LA*) echo instruments ;;
    gcompris-*:*memory-sound/*) echo effects ;;
    gcompris-*:*) echo effects ;;
    sonic-pi-*:*/buffers/*) ;;
    sonic-pi-*:*/ambi_* | sonic-pi-*:*/vinyl_hiss*) echo ambience ;;
    sonic-pi-*:*/bass_* | sonic-pi-*:*/guit_* | sonic-pi-*:*/elec_*) echo instruments ;;
    sonic-pi-*:*/misc_* | sonic-pi-*:*/vinyl_* | sonic-pi-*:*/mehackit_*) echo effects ;;
    sonic-pi-*:*/glitch_*) echo effects ;;
    sonic-pi-*:*) echo percussion ;;
    fillets-ng-data:*/linux/en/* | fillets-ng-data:*/elk/*) echo speech ;;
    fillets-ng-data:*) echo effects ;;
    hedgewars-*:*/voices/*) echo voices ;;
    hedgewars-*:*) echo effects ;;
    wesnoth-*:*/ambient/*) echo ambience ;;
    wesnoth-*:*/horse* | wesnoth-*:*/bat-* | wesnoth-*:*/wolf* | wesnoth-*:*/gryphon*) echo animals ;;
    wesnoth-*:*-die* | wesnoth-*:*-hit-* | wesnoth-*:*laugh* | wesnoth-*:*groan*) echo voices ;;
    wesnoth-*:*/horn-*) echo instruments ;;
    wesnoth-*:*) echo effects ;;
    widelands-*:*/bird* | widelands-*:*/duck*) echo birds ;;
    widelands-*:*/animals/* | widelands-*:*/farm/*) echo animals ;;
    widelands-*:*/biginn* | widelands-*:*/inn_* | widelands-*:*/tavern_* | widelands-*:*/lobby_*) echo ambience ;;
    widelands-*:*) echo tools ;;
    scorched3d-*:*/bird* | scorched3d-*:*/gull* | scorched3d-*:*/rooster*) echo birds ;;
    scorched3d-*:*/cow* | scorched3d-*:*/dog* | scorched3d-*:*/moo* | scorched3d-*:*/sheep*) echo animals ;;
    scorched3d-*:*/frogs* | scorched3d-*:*/wolf* | scorched3d-*:*/bats* | scorched3d-*:*/bees*) echo animals ;;
    scorched3d-*:*/car* | scorched3d-*:*/cessna* | scorched3d-*:*/f1[68]* | scorched3d-*:*/heli*) echo vehicles ;;
    scorched3d-*:*/jet* | scorched3d-*:*/apache* | scorched3d-*:*/t38* | scorched3d-*:*/fire*) echo vehicles ;;
    scorched3d-*:*/police* | scorched3d-*:*/tank* | scorched3d-*:*/movement/*) echo vehicles ;;
    scorched3d-*:*/city* | scorched3d-*:*/ocean* | scorched3d-*:*/rain* | scorched3d-*:*/factory*) echo ambience ;;
    scorched3d-*:*/cheering*) echo ambience ;;
    scorched3d-*:*/scream*) echo voices ;;
    scorched3d-*:*) echo effects ;;
    flare-*:*/npcs/*) echo speech ;;
    flare-*:*_loop.ogg | flare-*:*/rain*) echo ambience ;;
    flare-*:*/enemies/* | flare-*:*male_*) echo voices ;;
    flare-*:*) echo effects ;;
    lmms-*:*/drums/* | lmms-*:*/latin_[!bg]*) echo percussion ;;
    lmms-*:*/instruments/* | lmms-*:*/stringsnpads/* | lmms-*:*/latin/*) echo instruments ;;
    lmms-*:*/misc/* | lmms-*:*/effects/*) echo effects ;;
    lmms-*:*) ;; # waveforms, beats and loops
    hydrogen-drumkits-effects:*) echo instruments ;;
    hydrogen-drumkits:*) echo percussion ;;
    esac
}

# licence PACKAGE PATH: the licence's short name; fails where the package's copyright file does not
# hold the words that stand for it
licence() {
    words=
    case $1:$2 in
    klettres-data:* | ktuberling-data:*) name=GPL-2+ ;;
    tuxpaint-*:*) name=GPL-2 ;;
    sonic-pi-*:*) name=CC0 ;;
    gcompris-*:*) name="GPL-3+ and others, see copyright/$1" words=GPL-3+ ;;
    asterisk-*-it-*:* | asterisk-*-ru-*:*) name=CC-BY-3.0 ;;
    asterisk-*:*) name=CC-BY-SA-3.0 ;;
    fillets-*:*) name=GPL-2 words="version 2 dated June, 1991" ;;
    gcin-voice:*/3.ogg) name="GPL-3 or LGPL-3" ;;
    gcin-voice:*) name=CC-BY-3 ;;
    hedgewars-*:*/Droplet*) name=CC-BY-SA-3.0 ;;
    hedgewars-*:*) name=GFDL-1.3 ;;
    wesnoth-*:*) name=GPL-2+ words="GNU General Public License" ;;
    widelands-*:* | lmms-*:*) name=GPL-2+ ;;
    scorched3d-*:*/apoc/*) name=CC-BY-SA-3 ;;
    scorched3d-*:*) name=GPL-2+ ;;
    flare-*:*) name=CC-BY-SA-3.0+ ;;
    hydrogen-*:*/belofilms* | hydrogen-*:*/rumpf*) name=CC-BY-3.0 ;;
    hydrogen-*:*/Colombo*) name="GPL-2+ with composition exception" ;;
    hydrogen-*:*/BJA_*) name=CC-BY-SA-3.0-us ;;
    hydrogen-*:*/Audiophob/*) name=CC0 ;;
    hydrogen-*:*/Electric* | hydrogen-*:*/HardElectro*) name=GPL-2+ ;;
    hydrogen-*:*) name=GPL-2 ;;
    esac
    grep -q "${words:-$name}" "$out/copyright/$1" || {
        echo "collect_sounds.sh: the copyright file of $1 does not say ${words:-$name}" >&2
        exit 1
    }
    echo "$name"
}

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

# group PACKAGE PATH: what the limit counts (language, speaker or folder)
group() {
    case $1:$2 in
    tuxpaint-*_desc*) echo "$2" | sed 's/.*\(_desc[A-Za-z_]*\)\..*/\1/' ;;
    tuxpaint-*) echo effect ;;
    gcin-voice:*) basename "$2" ;;
    *) dirname "$2" ;;
    esac
}

# convert KIND PACKAGE PATH TARGET LICENCE VERSION: a line of licences.tsv if the sound is usable
convert='
    mkdir -p "$(dirname "$4")"
    ffmpeg -nostdin -hide_banner -y -t 30 -i "$3" -map 0:a:0 -af "pan=mono|c0=c0,volumedetect" \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact -sample_fmt s16 -c:a flac "$4" \
        2>"$4.log" || { rm -f "$4" "$4.log"; exit 0; }
    length_s=$(awk "/Output #0/ { output = 1 }
        output && / Hz, / { rate = \$0; sub(/ Hz, .*/, \"\", rate); sub(/.* /, \"\", rate) }
        /n_samples:/ { n = \$NF } /max_volume:/ { top = \$(NF - 1) }
        END { if (rate > 0 && n >= 0.3 * rate && top > -45) printf \"%.2f\", n / rate }" \
        "$4.log")
    rm -f "$4.log"
    if [ -n "$length_s" ]; then
        printf "%s\t%s\t%s\t%s\t%s\n" "${4#"$7"/}" "$5" "$6" "${3#"$8"/}" "$length_s"
    else
        rm -f "$4"
    fi
'

list=$cache/list.tmp
: >"$list"
for package in $packages; do
    fetch "$package"
    cp "$(find "$cache/$package/usr/share/doc/$package/" -name 'copyright*' | head -n 1)" \
        "$out/copyright/$package"
    version=$(dpkg-deb -f "$cache/debs/$package"_*.deb Version)
    count=0
    (cd "$cache/$package" && find . -type f \( -name '*.ogg' -o -name '*.wav' -o -name '*.flac' \
        -o -name '*.g722' \) | sort) >"$cache/files.tmp"
    while read -r path; do
        path=${path#./}
        stem=$(basename "${path%.*}")
        case " $(echo $excluded) " in *" ${stem%_LA*} "*) continue ;; esac
        is=$(kind "$package" "$path")
        [ -n "$is" ] || continue
        printf '%s\t%s\t%s\t%s\n' "$(group "$package" "$path")" "$is" "$path" \
            "$(licence "$package" "$path")"
    done <"$cache/files.tmp" |
        awk -F '\t' -v most="$(limit "$package")" 'n[$1]++ < most' >"$cache/chosen.tmp"
    while IFS='	' read -r of is path terms; do
        # The folders' names make the file's name unique; common beginnings tell nothing.
        name=$(echo "${path%.*}" | sed -E 's,^(usr/share/|rcc/),,; s,^[^/]*/,,; s,[^A-Za-z0-9._-],_,g')
        printf '%s\0' "$is" "$package" "$cache/$package/$path" "$out/$is/$package/$name.flac" \
            "$terms" "$package $version" "$out" "$cache/$package" >>"$list"
        count=$((count + 1))
    done <"$cache/chosen.tmp"
    echo "$package $version: $count recordings" >&2
done
echo "converting" >&2
xargs -0 -n 8 -P "$(nproc)" sh -c "$convert" convert <"$list" | sort >"$cache/licences.tmp"
rm -f "$list" "$cache/files.tmp" "$cache/chosen.tmp"
{
    printf 'file\tlicence\tpackage\tpath\tseconds\n'
    cat "$cache/licences.tmp"
} >"$out/licences.tsv"
rm -f "$cache/licences.tmp"
awk -F '\t' 'NR > 1 { kind = $1; sub(/\/.*/, "", kind); n[kind]++; s[kind] += $5 }
    END { for (kind in n) printf "%-12s %5d recordings %7.1f minutes\n", kind, n[kind], s[kind] / 60 }' \
    "$out/licences.tsv" | sort
