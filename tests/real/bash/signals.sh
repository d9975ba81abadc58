# Traps, signals, child processes, wait.
exec 2>&1
trap 'echo "USR1 at $BASH_SUBSHELL"' USR1; trap 'echo USR2; nested=1' USR2
kill -USR1 $$; kill -USR2 $BASHPID; echo "nested $nested"; for i in 1 2 3 4 5; do kill -USR1 $$; done
(trap - USR1; kill -USR1 $BASHPID; echo never); echo "status $?"
trap 'echo "ERR line $LINENO status $?"' ERR; false; (exit 7); ! true; trap - ERR
f() { trap 'echo "RETURN"' RETURN; echo in; }; f; trap - RETURN
trap 'n=$((n + 1))' DEBUG; :; :; :; trap - DEBUG; echo "debug $n"
sleep 5 & p=$!; kill $p; wait $p; echo "wait $?"
(exit 3) & a=$!; (exit 4) & b=$!; wait $a; echo $?; wait $b; echo $?; wait 999999; echo "status $?"
(sleep 0.8; exit 1) & (sleep 0.05; exit 2) & wait -n; echo "first $?"; wait -n; echo "second $?"; wait -n; echo "none $?"
trap 'echo "chld"; got=1' CHLD; (exit 0) & wait; trap - CHLD; echo "got $got"
sleep 3 & p=$!; trap 'echo interrupted' ALRM; (sleep 0.1; kill -ALRM $$) & wait $p; echo "wait $?"; kill $p; wait $p 2>/dev/null; trap - ALRM
bash -c 'trap "echo bye \$?" EXIT; exit 5'; echo $?; bash -c 'trap "echo bye" EXIT; kill -TERM $$'; echo $?; bash -c 'kill -SEGV $$'; echo $?
bash -c 'trap "" INT; kill -INT $$; echo survived'; bash -c 'trap "" TERM; bash -c "kill -TERM \$\$; echo inherited"'
bash -c 'ulimit -c 0; kill -ABRT $$' ; echo $?; bash -c 'kill -STOP $$; echo continued' & p=$!; while [[ $(ps -o pid,stat | awk -v p=$p '$1 == p { print $2 }') != T* ]]; do sleep 0.02; done; kill -CONT $p; wait $p; echo "stop $?"
yes | head -n 1; echo "${PIPESTATUS[@]}"
count=0; trap 'count=$((count + 1))' USR1; for i in {1..50}; do kill -USR1 $$; done; echo "count $count"
work() { local i=0; while ((i < 3000)); do ((i++)); done; echo "work $1"; }; for i in 1 2 3 4; do work $i & done | sort; wait
pids=(); for i in {1..20}; do (exit $i) & pids+=($!); done; sum=0; for p in ${pids[@]}; do wait $p; sum=$((sum + $?)); done; echo "sum $sum"
read -t 1 x < <(sleep 0.1; echo late); echo "$x"; disown -a; jobs; set -m; sleep 2 & jobs | sed 's/  */ /g'; fg >/dev/null; echo "fg $?"; set +m
exec 9<>/dev/null; (while :; do echo spin; done) >&9 & p=$!; kill -9 $p; wait $p; echo "spin $?"
trap 'echo "exit trap $?"' EXIT; (echo "subshell has none"); kill -TERM $$; echo never
