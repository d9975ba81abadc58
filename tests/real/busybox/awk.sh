# awk: words, sums, floating point, functions, strings.
exec 2>&1
cd $DATA
awk '{ for (i = 1; i <= NF; i++) { w = tolower($i); gsub(/[^a-z]/, "", w); if (w) c[w]++ } }
	END { for (w in c) print c[w], w }' prose.txt | sort -k1,1nr -k2 | head -n 6
awk -F, 'NR > 1 { s[$3] += $4 * $5; n[$3]++ } END { for (g in s) printf "%s %.2f %.4f\n", g, s[g], s[g] / n[g] }' table.csv | sort
awk '$8 == 404 { b += $9; n++ } END { print n, b, b / n }' access.log
awk 'BEGIN { print int(-3.7), int(1e9 / 7), 7 % 3, -7 % 3, 7.5 % 2, 1e3, .5e-3, 0x10, 1 / 8 * 8 == 1 }'
awk 'function root(x, r, i) { r = x; for (i = 0; i < 60; i++) r = (r + x / r) / 2; return r } BEGIN { printf "%.15f %.12e %.17g\n", root(2), root(1e50), root(3) }'
awk 'BEGIN { for (i = 1; i <= 20; i++) s += 1 / (i * i); printf "%.15g %e %g %G %a\n", s, s, s * 1e10, s * 1e-10, 0.5 }' | cut -d' ' -f 1-4
awk 'BEGIN { pi = 0; for (i = 0; i < 20000; i++) pi += (i % 2 ? -1 : 1) * 4 / (2 * i + 1); printf "%.9f\n", pi }'
awk 'function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } BEGIN { print fib(14) }'
awk 'function hanoi(n, a, b, c) { if (n) { hanoi(n - 1, a, c, b); moves++; last = a b; hanoi(n - 1, c, b, a) } } BEGIN { hanoi(10, "A", "B", "C"); print moves, last }'
awk 'BEGIN { n = split("the quick brown fox", a); for (i = n; i; i--) printf "%s ", a[i]; print ""; print substr("hello", 2, 3), index("hello", "ll"), length("hello"), toupper("abc"), match("foobar", /o+/), RSTART, RLENGTH }'
awk 'BEGIN { s = "aaa"; print gsub(/a/, "b&b", s), s; t = "hello world"; sub(/o/, "[&]", t); print t; print sprintf("%05d|%-8s|%8s|%c|%c|%x|%o", 42, "ab", "cd", 65, "xyz", 255, 8) }'
awk 'BEGIN { x["a"]; x["b"] = 1; delete x["a"]; print ("a" in x), ("b" in x), length(x); y[1, 2] = 3; for (k in y) { split(k, p, SUBSEP); print p[1], p[2], y[k] } }'
awk 'BEGIN { while ((getline l < "words.txt") > 0) n++; close("words.txt"); print n; "echo from a command" | getline v; print v; print 1 == 1.0, "a" < "b", "10" < "9", 10 < 9, 1 "" == "1" }'
awk -v a=5 -v 'b=x y' 'BEGIN { print a + 1, b; print ENVIRON["LC_ALL"], ARGC; printf "%d %i %s\n", "12abc", 3.99, 1e6; print 1e300 * 1e300, -1e300 * 1e300, 0.1 + 0.2, 1e16 + 1, 123456789012 }'
awk 'NR == 3, NR == 5 { print FNR ": " $1 } END { print NR }' words.txt
awk 'BEGIN { RS = ""; FS = "\n" } { n++; l += NF } END { print n, l }' prose.txt
awk '{ l[NR] = $0 } END { for (i = NR; i > NR - 3; i--) print l[i] }' words.txt
awk 'BEGIN { N = 2000; for (i = 2; i <= N; i++) if (!c[i]) { n++; last = i; for (j = i * i; j <= N; j += i) c[j] = 1 } print n, last }'
awk 'BEGIN { for (y = -1.2; y <= 1.2; y += 0.2) { s = ""; for (x = -2; x <= 0.6; x += 0.1) { a = b = 0; for (i = 0; i < 50 && a * a + b * b < 4; i++) { t = a * a - b * b + x; b = 2 * a * b + y; a = t } s = s (i == 50 ? "*" : i > 5 ? "+" : ".") } print s } }'
awk 'BEGIN { srand(1); a = rand(); srand(1); print (a == rand()), (a >= 0 && a < 1); exit 3 } END { print "end" }'; echo "status $?"
awk '{ print > "/dev/stderr"; exit }' words.txt
awk 'BEGIN { printf "%s\n", substr("abc", 0); print length(), -0, 1/3; OFS = "-"; $0 = "a b c"; $2 = "X"; print; NF = 2; print; $5 = "e"; print; print and(12, 10), or(12, 10), xor(12, 10), lshift(1, 40), rshift(256, 3), compl(0) > 0 }'
awk 'BEGIN { print 1 / 0 }'; echo "status $?"
