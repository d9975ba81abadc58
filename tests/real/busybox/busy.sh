# A larger program: a game of life, sorting, a calculator, all in the shell's own language.
exec 2>&1
life() { # width height generations
	local w=$1 h=$2 g=$3 x y n row dx dy next
	while [ $g -gt 0 ]; do
		next=
		y=0
		while [ $y -lt $h ]; do
			x=0
			while [ $x -lt $w ]; do
				n=0
				for dy in -1 0 1; do
					for dx in -1 0 1; do
						case $dx$dy in 00) continue ;; esac
						case ${world:$((((y + dy + h) % h) * w + (x + dx + w) % w)):1} in '#') n=$((n + 1)) ;; esac
					done
				done
				case ${world:$((y * w + x)):1}$n in \#2|\#3|.3) next=$next# ;; *) next=$next. ;; esac
				x=$((x + 1))
			done
			y=$((y + 1))
		done
		world=$next g=$((g - 1))
	done
	y=0; while [ $y -lt $h ]; do echo "${world:$((y * w)):$w}"; y=$((y + 1)); done
}
world=.#........#.......###......................................; world=$world....................
life 10 8 6
sieve() { local n=2 i; eval "p=$(seq -s' ' 2 $1 | sed 's/.*/"&"/')"; for n in $p; do eval "[ -z \"\$c$n\" ]" || continue; echo $n; i=$((n * n)); while [ $i -le $1 ]; do eval c$i=1; i=$((i + n)); done; done; }
sieve 200 | tr '\n' ' '; echo
isort() { local out= x y done; for x; do y= done=; for z in $out; do [ -z "$done" ] && [ $x -lt $z ] && { y="$y $x"; done=1; }; y="$y $z"; done; [ -z "$done" ] && y="$y $x"; out=$y; done; echo $out; }
isort 5 3 9 1 8 2 7 33 21 0 -4
collatz() { local n=$1 s=0; while [ $n -ne 1 ]; do if [ $((n & 1)) = 0 ]; then n=$((n / 2)); else n=$((3 * n + 1)); fi; s=$((s + 1)); done; echo $s; }
for i in 27 97 871 6171; do collatz $i; done
gcd() { while [ $2 -ne 0 ]; do set -- $2 $(($1 % $2)); done; echo $1; }
gcd 1071 462; gcd 123456789012 987654321098
hex() { local n=$1 s=; while [ $n -gt 0 ]; do s=$(printf %x $((n % 16)))$s; n=$((n / 16)); done; echo $s; }
hex 3735928559
rot() { local s=$1 r= c; while [ -n "$s" ]; do c=${s%"${s#?}"}; s=${s#?}; r=$c$r; done; echo "$r"; }
rot "never odd or even, said the shell"
crc=0; for c in 104 101 108 108 111; do crc=$((crc ^ c)); for b in 1 2 3 4 5 6 7 8; do crc=$(((crc >> 1) ^ (0xedb88320 * (crc & 1)))); done; done; echo $crc
seed=42; i=0; while [ $i -lt 2000 ]; do seed=$(((seed * 1103515245 + 12345) & 0x7fffffff)); i=$((i + 1)); done; echo $seed
