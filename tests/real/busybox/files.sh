# Files and directories: what is made, moved, linked, found, and what stat says of it.
exec 2>&1
umask 022
mkdir -p a/b/c d; echo 1 >a/1; echo 22 >a/b/22; echo 333 >a/b/c/333; ln a/1 a/one; ln -s b/22 a/link; ln -s nowhere dangling; mkfifo a/fifo
stat -c '%n %F %a %h' a a/1 a/link dangling a/fifo; stat -c '%s' a/b/c/333; stat -L -c '%F' a/link; readlink a/link; readlink -f a/link | sed 's|.*/a/|a/|'; realpath a/../a/b | sed 's|.*/a/|a/|'
find a | sort; find a -type f -size -3c | sort; find a -type l; find a -name '[0-9]*' ! -type d | sort; find a -mindepth 2 -maxdepth 2 | sort; find a -perm 644 -type f | wc -l; find a -newer a/1 -type d | wc -l | tr -d 0-9; find a -empty | sort; find a -path '*b/c*' | sort; find a -name b -prune -o -print | sort; find a -links +1 -type f | sort
find a -type f -exec cat {} + | sort; find a -type f -print0 | xargs -0 -n 1 basename | sort; find a -type f | sort | xargs -I @ echo "<@>"; seq 1 3000 | xargs echo | wc; echo "a 'b c' d" | xargs -n 1
cp -a a copy; diff -r a copy && echo equal; stat -c '%n %F %h' copy/1 copy/link copy/fifo; cp -r a/b d/; cp -l a/1 d/hard; stat -c %h a/1; cp a/1 a/b/22 d; ls d; cp /no/such d; echo $?; cp -p a/1 kept; cp a d; echo $?
mv d/22 d/b/moved; mv d e; ls -R e; rm e/hard; rm -r e; ls e; echo $?; rm nothing; rm -f nothing; echo $?; rmdir a; echo $?; mkdir a; mkdir -p a; echo $?
touch -d '2001-02-03 04:05:06' t; stat -c '%Y %y' t; date -r t -u +%s; ls -l --full-time t | awk '{ print $1, $6, $7 }'; touch -r t u; stat -c %Y u; touch -c absent; ls absent
chmod 4751 t; stat -c '%a %A' t; chmod u=rw,g-r,o+w t; stat -c '%a %A' t; chmod -R a+X copy; chmod 1777 copy; stat -c %A copy; chmod +x t; [ -x t ] && echo executable
truncate -s 5000 sparse; stat -c %s sparse; truncate -s 10 sparse; wc -c <sparse; dd if=$DATA/blob.bin of=part bs=512 skip=3 count=4 seek=1 2>/dev/null; stat -c %s part; dd if=part of=part bs=1 seek=2 count=3 conv=notrunc 2>/dev/null; md5sum <part; dd if=$DATA/words.txt conv=swab 2>/dev/null | md5sum; dd if=/dev/zero bs=1M count=3 2>/dev/null | sha1sum
fallocate -l 100 fa; stat -c %s fa; shred -n 1 -z fa; od -A n -t x1 fa | head -n 1; mktemp -d tmp.XXXXXX | wc -c; mktemp tmp.XXXXXX | cut -c 1-4; rm -r tmp.*; tee t1 t2 <$DATA/words.txt >/dev/null; cmp $DATA/words.txt t1 && cmp t1 t2 && echo tee
install -m 640 a/1 inst; stat -c %a inst; install -d x/y/z; ls x/y; unlink inst; ln -sf a/1 sl; ln -sfn copy sl; readlink sl; link a/1 a/two; stat -c %h a/two; basename /a/b.c .c; dirname /a/b.c
ls -1; ls -a a | head -n 4; ls -F a; ls -p copy; ls -i a/1 | wc -w; ls -S -r -1 a/b; ls -d */; ls -l a/link | sed 's/.*-> /-> /'; ls -C $DATA | wc -l | tr -d 0-9
mkdir many; i=0; while [ $i -lt 300 ]; do : >many/f$i; i=$((i + 1)); done; ls many | wc -l; rm many/f*; ls many | wc -l; rmdir many
mkdir glob; cd glob; touch a1 a2 b1 .hid 'sp ace'; echo *; echo a*; echo [ab]1; echo ?1; echo .h*; echo no*; for f in *; do echo "[$f]"; done; cd ..
cat $DATA/words.txt $DATA/empty - <a/1 | tail -n 1; cat -n a/b/22; cat -A a/1; printf 'x\n\n\ny\n' | cat -b | tr '\t' ' '
du -a a | wc -l; du -s $DATA/empty | cut -f 1; df . | sed -n '1p' | awk '{ print $1, NF }'; test a/1 -ef a/one && echo same; test t -ot a/1 && echo older; [ -p a/fifo ] && [ -L a/link ] && [ -d a ] && [ -s a/1 ] && [ -h dangling ] && [ ! -e dangling ] && echo kinds; tty; pwd | sed 's|.*/||'
id -u >/dev/null && whoami >/dev/null && logname >/dev/null 2>&1; hostname >/dev/null && echo names; uname -s; uname -m | wc -w; nproc | tr -d 0-9; arch | wc -w
