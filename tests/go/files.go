// Files: folders, walking, links, times, locks, mappings.
package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

func build(root string, n int) {
	r := random(7)
	for i := 0; i < n; i++ {
		dir := filepath.Join(root, fmt.Sprint("d", r.below(5)), fmt.Sprint("e", r.below(4)))
		must(os.MkdirAll(dir, 0o755), "mkdir")
		must(os.WriteFile(filepath.Join(dir, fmt.Sprint("f", i)), r.bytes(r.below(9000)), 0o640), "write")
	}
}

func walk(root string) {
	h := sha256.New()
	files, bytes := 0, int64(0)
	must(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		must(err, "walk")
		info, err := d.Info()
		must(err, "stat")
		rel, _ := filepath.Rel(root, path)
		fmt.Fprintln(h, rel, info.Mode())
		if d.Type().IsRegular() {
			f, err := os.Open(path)
			must(err, "open")
			n, err := io.Copy(h, f)
			must(err, "read")
			check(n == info.Size(), "%s: size %d, read %d", rel, info.Size(), n)
			f.Close()
			files, bytes = files+1, bytes+n
		}
		return nil
	}), "walk")
	fmt.Printf("walk %d %d %x\n", files, bytes, h.Sum(nil)[:8])
}

func names(root string) {
	in := func(s string) string { return filepath.Join(root, s) }
	must(os.Symlink("d0/../d0", in("link")), "symlink")
	to, err := os.Readlink(in("link"))
	must(err, "readlink")
	real, err := filepath.EvalSymlinks(in("link"))
	must(err, "evaluate")
	base, err := filepath.EvalSymlinks(root)
	must(err, "evaluate")
	fmt.Println("link", to, strings.TrimPrefix(real, base))
	must(os.WriteFile(in("a"), []byte("a"), 0o600), "write")
	must(os.Link(in("a"), in("b")), "link")
	sa, _ := os.Stat(in("a"))
	sb, _ := os.Stat(in("b"))
	fmt.Println("same", os.SameFile(sa, sb), sa.Sys().(*syscall.Stat_t).Nlink)
	must(os.Rename(in("b"), in("c")), "rename")
	at := time.Unix(1234567890, 123456789)
	must(os.Chtimes(in("c"), at, at), "times")
	must(os.Chmod(in("c"), 0o4751), "mode")
	sc, _ := os.Stat(in("c"))
	fmt.Println("times", sc.ModTime().Equal(at), sc.Mode())
	_, err = os.Stat(in("b"))
	fmt.Println("gone", errors.Is(err, fs.ErrNotExist))
	fmt.Println("taken", errors.Is(os.Mkdir(in("d0"), 0o755), fs.ErrExist))
	fmt.Println("full", errors.Is(os.Remove(in("d0")), syscall.ENOTEMPTY))
	all, err := filepath.Glob(in("[abc]"))
	must(err, "glob")
	for i := range all {
		all[i] = filepath.Base(all[i])
	}
	sort.Strings(all)
	fmt.Println("glob", all)
	must(os.Chdir(root), "chdir")
	wd, err := os.Getwd()
	must(err, "getwd")
	w, _ := os.Stat(wd)
	r, _ := os.Stat(root)
	fmt.Println("here", os.SameFile(w, r))
}

func contents(root string) {
	f, err := os.OpenFile(filepath.Join(root, "lines"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	must(err, "create")
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := 0; i < 20000; i++ {
		fmt.Fprintf(w, "%d %x\n", i, i*i)
	}
	must(w.Flush(), "flush")
	_, err = f.WriteAt([]byte("XYZ"), 5000)
	must(err, "pwrite")
	must(f.Sync(), "sync")
	_, err = f.Seek(0, io.SeekStart)
	must(err, "seek")
	lines, sum := 0, 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		sum += len(s.Text()) * lines
	}
	fmt.Println("lines", lines, sum)
	must(f.Truncate(100000), "truncate")
	m, err := syscall.Mmap(int(f.Fd()), 4096, 50000, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must(err, "mmap")
	fmt.Printf("mapped %q\n", m[5000-4096:5003-4096])
	copy(m[100:], "by memory")
	must(syscall.Munmap(m), "munmap")
	buf := make([]byte, 9)
	_, err = f.ReadAt(buf, 4196)
	must(err, "pread")
	fmt.Printf("read %q\n", buf)
	_, err = syscall.Mmap(int(f.Fd()), 1, 10, syscall.PROT_READ, syscall.MAP_SHARED)
	fmt.Println("odd offset", err)
	must(syscall.Flock(int(f.Fd()), syscall.LOCK_EX), "flock")
	g, err := os.Open(f.Name())
	must(err, "open")
	fmt.Println("locked", syscall.Flock(int(g.Fd()), syscall.LOCK_SH|syscall.LOCK_NB))
	g.Close()
	var st syscall.Statfs_t
	must(syscall.Statfs(root, &st), "statfs")
	check(st.Bsize > 0 && st.Blocks > 0, "statfs %+v", st)
}

// together has goroutines append to one file; no line may be torn.
func together(root string, n int) {
	f, err := os.OpenFile(filepath.Join(root, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	must(err, "create")
	var wg sync.WaitGroup
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; i < n; i++ {
				_, err := fmt.Fprintf(f, "%d %s\n", g, strings.Repeat("x", g*10))
				must(err, "append")
			}
		}(g)
	}
	wg.Wait()
	must(f.Close(), "close")
	data, err := os.ReadFile(f.Name())
	must(err, "read")
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	sort.Strings(lines)
	fmt.Printf("together %d %x\n", len(lines), sha256.Sum256([]byte(strings.Join(lines, "\n"))))
}

func main() {
	root, err := os.MkdirTemp("", "gofiles")
	must(err, "folder")
	defer os.RemoveAll(root)
	build(root, 100*scale)
	walk(root)
	names(root)
	contents(root)
	together(root, 100*scale)
}
