# bc, dc, expr, factor, seq, date, cal, test.
exec 2>&1
echo 'scale=100; 4*a(1)' | BC_LINE_LENGTH=70 bc -l
echo 'scale=60; sqrt(2); e(1); l(10); s(1); c(1); j(0,1)' | bc -l
bc <<'END'
define f(n) { if (n < 2) return (1); return (n * f(n - 1)); }
f(40)
2^521 - 1
obase=16; 2^128 - 159
ibase=2; 101101
obase=10; ibase=1010
scale=20
1/7
for (i = 0; i < 5; i++) { i^i; }
a[3] = 7; a[3] * a[3]
x = 5; x++ ; ++x; x % 4; -x^2
length(12345); scale(1.234)
if (x > 3 && !(x == 2)) { print "text ", x, "\n"; }
END
dc -e '10 k 2 v p 3 5 ^ p [la 1 + sa la 10 >b] sb 0 sa lb x la p 16 o 255 p 2 i 1010 p'
dc <<'END'
5k 1 3 / p 100 23 ~ f c 7 d * p
[d 1 - d 1 <F *] d sF x
20 lF x p
END
expr 7 + 3 \* 2; expr 10 / 3; expr 10 % 3; expr length hello; expr substr hello 2 3; expr index hello l; expr foobar : 'foo\(.*\)'; expr 3 \> 2; expr a = b; expr 9223372036854775807 - 1; expr 1 / 0; echo $?
factor 600851475143 9223372036854775807 1000000000039 1000000007 97 1
seq 5; seq 2 3 11; seq 5 -2 1; seq -w 8 11; seq -s, 1 0.25 2; seq 1 0; echo done
for t in 0 86399 951782400 1000000000 1709210096 2147483648 4102444800 -1; do date -u -d @$t '+%Y-%m-%d %H:%M:%S %a %j %U %s %p %y %b'; done
date -u -d '2024-02-29 12:34:56' +%s; date -u -d 2000.01.01-00:00 '+%A %d %B %Y'; TZ=EST5EDT date -d @1710054000 '+%F %T %Z'; TZ=CET-1CEST,M3.5.0,M10.5.0/3 date -d @1711846800 '+%F %T %Z'; date -u -R -d @0; date -u -I -d @0
cal 2 2024; cal 1752 | sed -n '25,33p'; cal -y 2023 | md5sum
test 5 -gt 3; echo $?; test abc = abc; echo $?; test -z ""; echo $?; [ 1 -eq 01 ]; echo $?; [ a -eq 1 ]; echo $?
crc32 $DATA/blob.bin $DATA/empty $DATA/prose.txt 2>&1 | sed 's/ .*//'
