# Arrays, arithmetic, expansions, patterns, functions: bash's own language.
# modes: jit interp
exec 2>&1
a=(zero one "two words" three); a[7]=seven; a+=(eight)
echo ${#a[@]} "${!a[@]}" "${a[2]}" "${a[-1]}" "${a[@]:1:2}"; unset 'a[1]'; declare -p a
declare -A m=([x]=1 [y z]=2); m[k]=v; for k in "${!m[@]}"; do echo "$k=${m[$k]}"; done | sort; [[ -v m[x] && ! -v m[q] ]] && echo has; unset 'm[x]'; echo ${#m[@]}
echo $((2 ** 62)) $((2 ** 63)) $((-2 ** 63 - 1)) $((7 / -2)) $((7 % -2)) $((-7 % 2)) $((1 << 63)) $((-1 >> 1)) $((16#ff)) $((2#1011)) $((36#zz)) $((64#_)) $((0x1F)) $((017))
(( x = 3, y = x++ * ++x, z = x > 4 ? y : -y )); echo $x $y $z $((x & y | 8 ^ 3)) $((~x)) $((!x)) $((x && 0 || 1)); let 'w = 5' 'w *= 3'; echo $w; ((0)) || echo false; echo $((9223372036854775807 + 1)) $((-9223372036854775808 / -1 + 0)) 2>&1
echo $((1 / 0)) || echo "after"; (echo $((08))) ; echo "status $?"
s=/path/to/some.file.txt
echo ${s##*/} ${s%.*} ${s%%.*} ${s#*/} ${s/o/0} ${s//o/0} ${s/#\/path/X} ${s/%txt/Y} ${s:6:2} ${s: -3} ${s:(-8):4} ${#s} ${s^^} ${s^} ${s,,}
v=hello; echo ${v^} ${v^^[aeiou]} ${v~~} ${v@Q} ${v@U} ${v@u}; n=v; echo ${!n}; v1=a v2=b; echo ${!v@} ${!v*}
p='it'\''s "q" $x \n'; echo "${p@Q}"; printf '%q\n' "$p" $'a\nb' ''; echo $'\x41\u00e9\t|\101\cA' | od -A n -t x1
unset u; echo "${u:-d}" "${u:=set}" "${u:+alt}"; (: ${nope:?must be}); echo "status $?"
echo {1..5} {a..e..2} {01..10..3} x{a,b{1,2}}y {5..1} "{no}"
echo ${a[@]/#/p-} "${a[*]^^}"; IFS=,; echo "${a[*]}"; unset IFS; set -- "${a[@]}"; echo $# "${@:2:2}" "${@: -1}"
[[ "abc123def456" =~ ([a-z]+)([0-9]+)([a-z]+) ]] && echo "${BASH_REMATCH[@]}" ${#BASH_REMATCH[@]}
re='^(([0-9]{1,3})\.){3}([0-9]{1,3})$'; for ip in 192.168.1.1 1.2.3 999.1.1.1; do [[ $ip =~ $re ]] && echo "$ip ${BASH_REMATCH[3]}" || echo "$ip no"; done
[[ foo == f* && foo != b?? && ! foo == "f*" && a < b && -n x ]] && echo tests
shopt -s extglob nullglob
for f in foo.c foo.h bar.c foo; do case $f in !(*.c|*.h)) echo "$f other" ;; +(f|o).@(c|h)) echo "$f foo" ;; ?(b)ar.*) echo "$f bar" ;; esac; done; e=aaabbb; echo ${e/+(a)/X} ${e##*(a)} ; echo no*such
case abc in a*) echo one ;;& *c) echo two ;& zzz) echo three ;; *) echo four ;; esac
printf '%d %i %u %x %X %#o %c %s %b %%|%5s|%-5s|%05d|%+d|%.2s|%*d\n' 42 -1 7 255 255 8 xyz str 'a\tb' ab ab 42 42 abcdef 6 12
printf '%f %.3f %e %E %g %G %10.2f|%-10.2f|%+.1f\n' 3.14159 2.71828 12345.678 0.00012 1e20 1e-10 3.14159 3.14159 2.5
printf '%s=%d\n' a 1 b 2 c; printf '%(%Y-%m-%d %H:%M:%S)T\n' 86400; printf -v out '%03d' 7; echo $out; printf '%d\n' \'A 0x1f 017 2>&1; printf '%d\n' 12abc; echo "status $?"
local_test() { local x=1 -a; local -i n=5+5; local -r c=9; x=2; inner; echo "lt $x $n $c"; }; inner() { x=inner; }; x=outer; local_test; echo $x
ref() { local -n r=$1; r=changed; }; target=old; ref target; echo $target; upper() { declare -u u=$1; declare -l l=$1; echo $u $l; }; upper MiXed
fact() { (($1 < 2)) && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }; fact 12
deep() { (($1)) && deep $(($1 - 1)) || echo "depth ${#FUNCNAME[@]}"; }; deep 300
declare -f ref fact; declare -i num=10; num+=5; echo $num; declare -r ro=1; (ro=2; echo no); echo "status $?"; declare -x exported=yes; bash -c 'echo $exported'; export -f fact; bash -c 'fact 5'
read -r one two rest <<<"first second third fourth"; echo "$rest|$two"; IFS=: read -ra parts <<<"a:b::d"; echo ${#parts[@]} "${parts[3]}"; read -n 3 three <<<abcdef; echo $three; read -d ';' semi <<<"up to;here"; echo "$semi"; read -t 0.05 slow < <(sleep 1); [ $? -gt 128 ] && echo timed out
mapfile -t lines < <(printf '%s\n' l1 l2 l3 l4); echo ${#lines[@]} ${lines[2]}; mapfile -t -s 1 -n 2 part <<<$'a\nb\nc\nd'; echo "${part[@]}"
while IFS=, read -r id name group price count; do [[ $group == c ]] && ((n_c++, sum_c += count)); done <$DATA/table.csv; echo $n_c $sum_c
diff <(sort $DATA/words.txt | head -n 5) <(sort $DATA/words.txt | head -n 5) && echo "process substitution"; paste -d- <(seq 3) <(seq 4 6); tee >(wc -l >count) >(md5sum >hash) <$DATA/words.txt >/dev/null; until [[ -s count && -s hash ]]; do sleep 0.02; done; cat count hash
cat <<-"A" - <<B
	quoted $x
	A
B
cat <<B
doc $((1 + 1)) $(echo sub) ${a[0]} \$esc
B
coproc BC { while read -r l; do echo "co $((l * 2))"; done; }; echo 21 >&${BC[1]}; read -r ans <&${BC[0]}; echo "$ans"; exec {BC[1]}>&-; wait
exec {fd}>tmpfile; echo "fd ok" >&$fd; exec {fd}>&-; cat tmpfile; echo "$(<tmpfile)"; { echo o; echo e >&2; } |& cat; { echo 1 >&2; } 2>&1 >/dev/null
getopts_test() { local OPTIND o; while getopts ':ab:' o; do case $o in a) echo A ;; b) echo "B=$OPTARG" ;; :) echo "missing $OPTARG" ;; \?) echo "bad $OPTARG" ;; esac; done; shift $((OPTIND - 1)); echo "rest $*"; }; getopts_test -a -b val -x more; getopts_test -b
echo $BASHPID $$ | awk '{ print $1 == $2 }'; (echo $BASH_SUBSHELL; (echo $BASH_SUBSHELL)); echo $SHLVL ${BASH_VERSINFO[5]%%-*} | wc -w; echo ${FUNCNAME-none} $LINENO; echo "${PIPESTATUS[@]}"; false | true | (exit 3); echo "${PIPESTATUS[@]}"; [[ $RANDOM != $RANDOM$RANDOM ]] && echo random; RANDOM=42; echo $((RANDOM == RANDOM)); echo $EPOCHSECONDS | wc -c; [[ $SECONDS -ge 0 ]] && echo seconds
select c in red green; do echo "chose $c"; break; done <<<2
for ((i = 0, j = 10; i < j; i += 3, j--)); do echo -n "$i,$j "; done; echo; for i in "${!parts[@]}"; do :; done; until ((i-- <= 0)); do :; done; time_out=$({ time :; } 2>&1 | grep -c real); echo "time $time_out"
set -e; f() { false; echo "not stopped in ||"; }; f || :; (false; echo no) || echo "subshell"; set +e; set -u; (echo $unset_x); echo "status $?"; set +u; set -f; echo *; set +f; set -o pipefail; false | true; echo $?; set +o pipefail; set -o noclobber; echo x >nc; echo y >nc; echo z >|nc; cat nc; set +C
hash -r; type -t if fact ls nosuch echo; command -v cat | sed 's|.*/||'; builtin echo b; enable -n echo; echo "external" ; enable echo; help : | head -n 1; complete -W "a b" cmd; compgen -W "apple ant bee" a; alias x=y; alias; umask 077; umask -S; umask 022; ulimit -c 0; ulimit -c; times | wc -l; caller || echo "no caller"; shopt -q extglob && echo on; dirs | wc -l; pushd / >/dev/null; popd >/dev/null; kill -l 15 SIGINT 137
(exec -a othername bash -c 'echo $0'); exec bash -c 'echo "replaced $0"; exit 42' zero
