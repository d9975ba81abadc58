# tar, cpio, ar, gzip, bzip2, xz, unzip, dpkg-deb: round trips on a tree.
exec 2>&1
cp -a $DATA/tree tree; cp $DATA/blob.bin $DATA/empty tree; ln -s blob.bin tree/sym; ln tree/blob.bin tree/hard
tar cf t.tar tree; tar tf t.tar | wc -l; mkdir o; tar xf t.tar -C o; diff -r tree o/tree && echo tar; [ -L o/tree/sym ] && stat -c %h o/tree/hard
tar czf t.tgz tree; tar tzf t.tgz | sort | md5sum; rm -r o; mkdir o; tar xzf t.tgz -C o; diff -r tree o/tree && echo tgz; tar xOzf t.tgz tree/empty | wc -c; tar xOf t.tar tree/a/x/art1.c | cmp - tree/a/x/art1.c && echo stdout
tar cjf t.tbz tree; tar tjf t.tbz | wc -l; rm -r o; mkdir o; tar xjf t.tbz -C o; diff -r tree o/tree && echo tbz
tar cf - -C tree a | tar xf - -C o; diff -r tree/a o/a && echo piped; tar tvf t.tar tree/empty | awk '{ print $1, $3, $6 }'; (cd tree; tar cf - b) | (rm -rf o/b; cd o; tar xf -); diff -r tree/b o/b && echo piped
(cd tree; find . -type f | sort | cpio -o -H newc 2>/dev/null) >t.cpio; cpio -t <t.cpio 2>/dev/null | wc -l; mkdir c; (cd c; cpio -idm <../t.cpio 2>/dev/null); diff -r tree/a c/a && echo cpio
for f in prose.txt access.log blob.bin empty; do
	cp $DATA/$f .; gzip $f; [ -e $f ] || echo gone; gzip -t $f.gz && zcat $f.gz | cmp - $DATA/$f && gunzip $f.gz && cmp $f $DATA/$f && echo "gzip $f"
	bzip2 $f; bzcat $f.bz2 | cmp - $DATA/$f && bunzip2 $f.bz2 && cmp $f $DATA/$f && echo "bzip2 $f"; gzip -1 -c $f | gzip -d | cmp - $f && gzip -9 <$f | wc -c
done
gzip -k prose.txt; ls prose.txt*; gunzip -c prose.txt.gz | md5sum; echo garbage >g.gz; gunzip g.gz; echo "status $?"; head -c 1000 prose.txt.gz >cut.gz; gunzip -c cut.gz >/dev/null; echo "status $?"
cp prose.txt p1; sed 's/time/TIME/g;10d;20s/^/inserted /' p1 >p2; diff p1 p2 | md5sum; diff -u p1 p2 >p.diff; echo "status $?"; grep -c '^@@' p.diff; cp p1 p3; patch p3 <p.diff; cmp p2 p3 && echo patched; patch -R p3 <p.diff; cmp p1 p3 && echo reversed; diff -q p1 p2; diff p1 p1; echo $?; diff -bw p1 p1 && echo same; mkdir n m; cp p1 n/f; cp p2 m/f; : >n/only; diff -r n m | grep -v '^[<>-]' | head -n 3; diff -ruN n m | grep -c .; patch -p0 <<END
--- /dev/null
+++ new.txt
@@ -0,0 +1,2 @@
+one
+two
END
cat new.txt
