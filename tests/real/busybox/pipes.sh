# Pipelines, descriptors, subshells, background processes, traps and signals.
exec 2>&1
seq 1 1000 | grep 7 | sed 's/7/seven/g' | tail -n 2
seq 1 20000 | awk '{ s += $1 } END { print s }'
(echo out; echo err >&2) 2>/dev/null
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/got /'
exec 3>file; echo to three >&3; exec 3>&-; cat file
exec 4<file; read a b <&4; echo "$b $a"; exec 4<&-
echo one >f; echo two >>f; cat <f; cat f - <<END
three
END
while read -r l; do n=$((n + 1)); done <$DATA/prose.txt; echo "lines $n"
x=$(seq 1 5000 | md5sum); echo "$x"
false | true; echo "pipe $?"; set -o pipefail; false | true; echo "pipefail $?"; set +o pipefail
yes | head -n 3; yes ab cd | head -c 10; echo
sleep 0.05 & wait $!; echo "waited $?"
sh -c 'exit 9' & wait $!; echo "waited $?"
(sleep 0.05; exit 3) & (sleep 0.01; exit 4) & wait; echo "all $?"
for i in 1 2 3 4 5 6 7 8; do (echo "job $i") & done | sort; wait
trap 'echo USR1' USR1; kill -USR1 $$; kill -s USR1 $$; trap - USR1
sh -c 'kill -TERM $$'; echo "term $?"
sh -c 'kill -9 $$'; echo "kill $?"
sh -c 'trap "echo caught; exit 5" TERM; kill $$; echo never'; echo "trap $?"
sh -c 'trap "" TERM; kill $$; echo ignored'; echo "ign $?"
sh -c 'trap "echo last words" EXIT; exit 2'; echo "exit $?"
sh -c 'trap "echo alarm; exit 6" ALRM; (sleep 0.1; kill -ALRM $$) & while :; do :; done'; echo "loop $?"
# Whether the shell tells of a death depends on which is first, that or wait.
sleep 10 & p=$!; kill $p; { wait $p; echo "killed $?"; } 2>/dev/null
sleep 10 & p=$!; kill -0 $p && echo alive; kill -INT $p 2>/dev/null; kill -9 $p; { wait $p; echo "killed $?"; } 2>/dev/null
timeout 0.2 sleep 10; echo "timeout $?"
timeout 10 sh -c 'exit 11'; echo "timeout $?"
mkfifo pipe; (cat pipe | tr a-z A-Z) & echo "through a fifo" >pipe; wait
(trap 'echo child got it; exit 0' HUP; echo ready >go; while :; do sleep 0.02; done) & p=$!
until [ -s go ]; do sleep 0.02; done; kill -HUP $p; wait $p; echo "hup $?"
(sleep 5 & kill $!; wait $!; echo "inner $?")
echo a | (read x; echo "sub $x"); echo "outer ${x%% *}" | cut -c 1-10
exec 5<>both; echo rw >&5; cat both; exec 5>&-
dd if=$DATA/blob.bin bs=1000 count=7 2>/dev/null | wc -c
cat /no/such/file; echo "status $?"
/no/such/program; echo "status $?"
echo data >notexec; ./notexec; echo "status $?"
echo "echo from a script \$1" >script2; sh ./script2 arg; . ./script2
ulimit -n 64; ulimit -n
umask 027; echo >masked; stat -c %a masked
cd /; pwd; cd - >/dev/null
