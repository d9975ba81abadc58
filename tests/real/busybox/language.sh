# Control flow, functions, arithmetic, expansions.
# modes: jit interp selfcheck
exec 2>&1
for i in 1 2 3; do for j in a b; do [ $i$j = 2b ] && continue 2; echo "$i$j"; done; done
n=0; while :; do n=$((n + 1)); [ $n -gt 5 ] && break; [ $n = 3 ] && continue; echo "while $n"; done
until [ $n -le 2 ]; do n=$((n - 2)); done; echo "until $n"
fact() { if [ "$1" -le 1 ]; then echo 1; else local r; r=$(fact $(($1 - 1))); echo $((r * $1)); fi; }
fact 15
fib() { local a=0 b=1 i=0 t; while [ $i -lt $1 ]; do t=$((a + b)); a=$b; b=$t; i=$((i + 1)); done; echo $a; }
fib 90
ack() {
	if [ $1 -eq 0 ]; then r=$(($2 + 1))
	elif [ $2 -eq 0 ]; then ack $(($1 - 1)) 1
	else ack $1 $(($2 - 1)); ack $(($1 - 1)) $r; fi
}
ack 2 4; echo "ack $r"
f() { local x=inner; g; echo "f $x $y"; }; g() { x=changed; y=global; }; x=outer; f; echo "$x"
ret() { return $1; }; ret 7; echo "status $?"; ret 0 && echo and; ret 1 || echo or; ! ret 1 && echo not
for w in apple 42 -x "" "a b" /etc; do
	case $w in
	[0-9]*) echo "$w: number" ;;
	-*) echo "$w: option" ;;
	"") echo "empty" ;;
	*\ *) echo "$w: blank" ;;
	/*|~*) echo "$w: path" ;;
	*) echo "$w: word" ;;
	esac
done
echo $((7 / 2)) $((-7 / 2)) $((-7 % 3)) $((1 << 62)) $((0x7fffffffffffffff + 1)) $((017)) $((5 > 3 ? 10 : 20))
echo $((x = 5, x += 3, x *= x)) $x $((x & 0xc)) $((x | 3)) $((x ^ 1)) $((~x)) $((!x)) $((x >> 2))
i=0; echo $((i++)) $((++i)) $((i--)) $i $((2 ** 10))
p=/usr/lib/libfoo.so.1.2
echo ${p##*/} ${p#*/} ${p%.*} ${p%%.*} ${#p} ${p:5:3} ${p: -3} ${p/lib/LIB} ${p//lib/LIB}
unset u; e=
echo "${u-unset} ${u:-null} ${e-unset} ${e:-null} ${u+set} ${p+set} ${u:=assigned} $u"
(echo ${nothing?is missing}); echo "status $?"
set -- one "two words" three; echo $# "$2" "$*"; for a in "$@"; do echo "[$a]"; done; for a in $@; do echo "<$a>"; done
shift; echo "$1"; shift 2; echo $#
IFS=:; set -- a:b::c; set -- $1; echo $# "$4"; unset IFS
set -- $(echo "  spaced    out  "); echo $#
while getopts ab:c o -a -b val -c rest; do echo "opt $o ${OPTARG-}"; done; echo "index $OPTIND"
printf '%5d|%-5d|%05d|%x|%o|%c|%s|%10.3s|%%|%b\n' 42 42 42 255 8 xyz str abcdef 'a\tb'
printf '%.3f %e %g %5.1f|\n' 3.14159265 12345.678 0.0001 2.25
printf '%s-%s\n' a b c d e
echo "a$(echo b$(echo c$(echo d)))" `echo \`echo old\``
echo 'single $x' "double $x" mixed'$x'"$x" \$x $'tab\there'
eval 'v=$(echo evaluated); echo $v'
cat <<-END
	stripped $x $((x + 1)) $(echo cmd)
	\$quoted
	END
cat <<'END'
	raw $x $(no)
END
alias ll='echo aliased'; eval ll
readonly ro=1; (ro=2); echo "status $?"
(exit 3); echo $?; { exit_in_group=1; }; echo $exit_in_group
set -e; (false; echo not reached) || echo "caught"; set +e
set -u; (echo $undefined_name); echo "status $?"; set +u
type fact cd cat | head -n 2; command -v echo
a=1 b=2 eval 'echo $a $b'
test 1 -lt 2 -a 3 -gt 2 && [ -n x -o -z x ] && [ ! -e /no/such ] && echo test
[[ abc == a* ]] && [[ abc != b* ]] && echo double
echo ~ | grep -c /; echo {a,b}c $-x | cut -c 1-6
trap 'echo bye' EXIT
exit 4
