# Programs that execute other riscv64 programs: kitemu has to run those too.
exec 2>&1
$BIN/echo through a link
$BIN/sh -c 'echo $0 $1' zero one
$BIN/bash -c 'echo ${BASH_VERSINFO[0]} $((6 * 7))'
env -i A=1 B=2 $BIN/env | sort
env -u HOME C=3 $BIN/sh -c 'echo ${HOME-none} $C'
$BIN/sh -c 'exec $BIN/expr 6 \* 7'
$BIN/sh -c 'exec -a renamed $BIN/sh -c "echo \$0"' 2>/dev/null || echo "no exec -a"
n=0; while [ $n -lt 40 ]; do $BIN/true || echo failed; n=$((n + 1)); done; echo "$n processes"
$BIN/sh -c '$BIN/sh -c "$BIN/sh -c \"exit 23\""'; echo "status $?"
seq 1 50 | $BIN/xargs -n 7 $BIN/echo
(cd $DATA; $BIN/find tree -name '*.c' -exec $BIN/wc -c {} \; | $BIN/sort | $BIN/md5sum)
printf '#!%s\necho "script $1 $2"\n' "$BIN/sh" >script3; chmod +x script3; ./script3 a b
printf '#!%s -f\nBEGIN { print "awk script", ARGC, ARGV[1] }\n' "$BIN/awk" >script4; chmod +x script4; ./script4 x
printf '#! %s -x\necho traced\n' "$BIN/sh" >script5; chmod +x script5; ./script5
printf '#!/no/such/interpreter\n' >script6; chmod +x script6; ./script6; echo "status $?"
cp $BIN/busybox ./echo; ./echo a copy; (exec ./echo replaced); PATH=.:$PATH; hash -r
mkdir d; cp $BIN/busybox d/busybox; (cd d; ./busybox echo relative; ./busybox sh -c './busybox echo deeper')
chmod -x echo; ./echo no; echo "status $?"
: >nothing; chmod +x nothing; ./nothing; echo "status $?"
printf '\177ELF garbage' >broken; chmod +x broken; $BIN/env ./broken >/dev/null 2>&1; [ $? -ne 0 ] && echo "refused"
./d; echo "status $?"
time $BIN/true 2>&1 | grep -c . >/dev/null; echo timed
$BIN/setsid $BIN/sh -c 'echo own session'
$BIN/env - PATH=/ $BIN/sh -c 'echo $PATH'
exec $BIN/sh -c 'echo last; exit 17'
