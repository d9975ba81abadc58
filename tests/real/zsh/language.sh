# zsh: arrays, parameter flags, floating point, glob qualifiers, functions, modules.
exec 2>&1
a=(one two three four); echo $#a $a[1] $a[-1] $a[2,3] ${a[(i)three]} ${a[(r)t*]}; a[2]=(x y); print -l $a | tail -n 2; typeset -p a
print ${(o)a} ${(O)a} ${(U)a} ${(C)a} ${(j:-:)a} ${(s:,:):-p,q,r} ${(u)${(s: :):-a b a c}} ${(l:6::.:):-ab} ${(r:6::_:):-ab}
typeset -A h; h=(k1 v1 k2 v2); print ${(ok)h} ${(ov)h} $h[k2] ${+h[k3]} ${#h}; for k v in ${(kv)h}; do echo $k=$v; done | sort
float f=1.5; integer i=7; print $((f * 3)) $((i / 2)) $((i / 2.0)) $((2 ** 0.5)) $((1e3)) $((16#ff)) $(([#16] 255)) $(([#2] 10)) $((5 % 3)) $((-5 / 2)) $((0x10 + 8#17))
printf '%.10f %e %g %5d|%-5s|%q\n' $((1.0 / 3)) $((1.0e10 / 7)) $((10.0 ** 20)) 42 ab 'a b'
s=hello_world; print ${s#*_} ${s%_*} ${s/o/0} ${s//o/0} ${s:2:3} $s[1] $s[-1] $s[2,4] ${(c)#s} ${s:u} ${s/(#b)(h*)_(w*)/$match[2]} ; setopt extendedglob; print ${s/(#b)(h*)_(w*)/$match[2]-$match[1]} ${s//(#m)o/<$MATCH>}
[[ $s == hello* && $s = (hello|bye)_* && $s = (#b)h(*)d ]] && print pattern $match[1]; [[ abc == a(b|x)c(#e) ]] && print glob
for ((n = 0; n < 3; n++)) print -n "$n "; print; repeat 3 print -n r; print; for x in {1..3} {a..c}; print -n $x; print; while ((n-- > 0)) { print -n "w$n " }; print; case abc { (a*) print case ;; }; if [[ -n x ]] { print braces }
fib() { local -i n=$1; ((n < 2)) && { REPLY=$n; return }; fib $((n - 1)); local -i t=$REPLY; fib $((n - 2)); ((REPLY += t)) }; fib 15; print $REPLY
() { print anonymous $1 $# } x y; f() { emulate -L sh; set -- a b; echo $#; }; f; alias -g G='| grep -c'; eval 'print -l a b a G a'; try() { { print try; return 3 } always { print always } }; try; print $?
cp -a $DATA/tree .; print -l tree/**/*.c(.on:t) | head -n 3; print -l tree/*(/) ; print ${#${(f)"$(print -l tree/**/*(.))"}}; print -l tree/**/*(.L+3000:t) | wc -l; print none no*such(N)
print -r -- ${(q)${:-it\'s $x}} ${(Q)${:-\'quoted\'}} ${(V)${:-$'\t'}} ${(P)${:-s}} ${(%):-%n} | cut -c 1-40; x='$((1 + 2))'; print ${(e)x}; print -P '%B%F{red}p%f%b' | od -A n -c | head -n 1
sort <(print -l c a b) | tr '\n' ' '; print; cat =(print temp); diff =(seq 3) <(seq 3) && print same; seq 5 > >(wc -l >zw); until [[ -s zw ]] { sleep 0.02 }; cat zw; print multi >f1 >f2; cat <f1 <f2; print ${(F)$(<f1)}
zmodload zsh/datetime && { strftime %Y-%m-%d 86400; ((EPOCHREALTIME > 1e9)) && print clock }; zmodload zsh/stat && { zstat -A st +size $DATA/blob.bin; print $st }; zmodload zsh/parameter && print ${+functions[fib]} $+commands[ls] ${#${(k)options}} | wc -w; zmodload zsh/files && { mkdir zd; mv f1 zd/f3; ls zd; rm -r zd }
trap 'print USR1' USR1; kill -USR1 $$; TRAPUSR2() { print USR2 $1 }; kill -USR2 $$; (trap 'print sub exit' EXIT; exit 3); print $?; sleep 5 & kill $!; wait $!; print $?; (sleep 0.05; exit 6) & wait $!; print $?
true | false | true; print $pipestatus; { print to stderr >&2 } 2>&1 | tr a-z A-Z; print -u1 fd; exec {fd}>zf; print -u $fd hi; exec {fd}>&-; cat zf; read -r l <zf; print $l; print -l 3 1 2 | while read n; do ((t += n)); done; print $t; coproc cat; print -p co; read -p c; print $c; coproc exit
zparseopts -D -E -A opts a b: -- ; set -- -a -b val rest; zmodload zsh/zutil 2>/dev/null && { zparseopts -D -A opts a b:; print ${(kv)opts} $@ } | wc -w; local -a m; print ${a:|m} ${a:^m}; print -s history; print $((RANDOM >= 0)) $ZSH_VERSION $((SECONDS >= 0)); whence -w print fib if cat nosuch; typeset -i16 hx=255; print $hx; typeset -Z5 z=42; print $z; typeset -U uq=(a b a); print $uq; print ${#:-length}; print $(( ${#a} > 3 ? 1 : 0 )); vared_absent=1
mandel() { local -F x y a b t; local -i i; for ((y = -1.2; y <= 1.21; y += 0.3)) { local l=; for ((x = -2; x <= 0.6; x += 0.1)) { a=0 b=0; for ((i = 0; i < 30 && a * a + b * b < 4; i++)) ((t = a * a - b * b + x, b = 2 * a * b + y, a = t)); ((i == 30)) && l+='*' || l+=. }; print $l } }; mandel
exit 9
