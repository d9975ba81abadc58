# Text tools on real amounts of text.
exec 2>&1
cd $DATA
sum() { md5sum | cut -c 1-32; }
sort words.txt | sum; sort -r words.txt | sum; sort -u words.txt | wc -l; sort -n numbers.txt | sed -n '1p;1000p;$p'
sort -t, -k4,4n -k2,2r table.csv | head -n 5; sort -t, -k3,3 -k5,5nr -s table.csv | sum; sort -c numbers.txt 2>/dev/null; echo $?
sort words.txt | uniq -c | sort -rn | head -n 5; sort words.txt | uniq -d | wc -l; sort words.txt | uniq -u | wc -l
cut -d, -f2,4 table.csv | tail -n 3; cut -c 5-15 access.log | head -n 2; cut -d' ' -f1 access.log | sort -u | wc -l
tr a-z A-Z <prose.txt | head -n 2; tr -d aeiou <prose.txt | sum; tr -s ' \n' '\n' <prose.txt | wc -l; tr -cd 0-9 <access.log | wc -c
wc prose.txt access.log table.csv; wc -L prose.txt
head -n 3 prose.txt; tail -n 2 access.log | cut -d' ' -f 9; head -c 20 prose.txt; echo; tail -c 5 table.csv; tail -n +1499 table.csv | head -n 1
paste words.txt numbers.txt | head -n 3; paste -d: -s words.txt | cut -c 1-60
rev words.txt | head -n 2; tac words.txt | head -n 2; nl prose.txt | sed -n '3,5p'; fold -w 30 prose.txt | head -n 3
expand -t 4 <<END
a	b	c
END
unexpand -a <<END
        x       y
END
grep -c GET access.log; grep -cv GET access.log; grep -n ' 500 ' access.log | head -n 3 | cut -c 1-40; grep -io 'Kernel' prose.txt | sort | uniq -c
grep -E '^10\.[0-3]\.7\.2[0-4][0-9] ' access.log | wc -l; grep -E -o '/[a-z]+/[a-z]+ HTTP' access.log | sort | uniq -c | sort -rn | head -n 3
grep -w art prose.txt | wc -l; grep -x '' prose.txt | wc -l; grep -F -f empty prose.txt | wc -l; grep -rl register tree | sort | head -n 3; grep -L e tree/a/x/* | wc -l
grep -q zzzz prose.txt; echo $?; grep -A1 -B1 -m1 Signal prose.txt; egrep '(a|b)+c{1,2}' words.txt | head -n 2; fgrep -c . access.log
sed -n '/kernel/p' prose.txt | wc -l; sed 's/\([a-z]*\) \([a-z]*\)/\2 \1/' prose.txt | head -n 2; sed '/^$/d' prose.txt | sed -n '$='
sed -n '10,20{/a/{s/a/A/gp}}' prose.txt | head -n 3; sed '1!G;h;$!d' words.txt | head -n 2; sed 'y/abc/xyz/;3q' words.txt
sed -e ':a' -e 'N;$!ba' -e 's/\n/,/g' words.txt | sum; sed '5,$d;2i\
inserted' words.txt; sed -E 's/([0-9]+)/<\1>/2' access.log | head -n 1 | cut -c 1-30; sed 's/x/&&/;t end;s/^/no x: /;:end' words.txt | head -n 3
sed -n 'l' <<END | head -n 2
tab	here \ é
END
tr 'a-z' 'n-za-m' <words.txt | tr 'a-z' 'n-za-m' | cmp - words.txt && echo same
strings blob.bin | sum; od -A d -t x1 -N 48 blob.bin; od -c -N 20 blob.bin; od -t d4 -N 16 blob.bin; od -t f8 -N 16 blob.bin
hexdump -C blob.bin | sed -n '1,3p'; hexdump -C blob.bin | sum; hexdump -e '4/1 "%02x" "\n"' -n 12 blob.bin; xxd blob.bin | head -n 2; xxd blob.bin | sum; xxd -p blob.bin | xxd -r -p | cmp - blob.bin && echo back
base64 blob.bin | sum; base64 blob.bin | base64 -d | cmp - blob.bin && echo back; uuencode -m blob.bin x <blob.bin | sum; uuencode x <blob.bin | uudecode -o - | cmp - blob.bin && echo back
dos2unix <words.txt | unix2dos | wc -c
shuf -e a >/dev/null && echo shuf; seq 1 9 | shuf | sort | tr -d '\n'; echo; shuf -i 1-100 -n 5 | wc -l
cmp prose.txt access.log | cut -d: -f 1; cmp -s blob.bin blob.bin; echo $?
