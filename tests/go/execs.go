// os/exec: of itself, of a C program of the same machine, of host programs; pipes, statuses, signals, groups.
//
// Argument 1 is a static C program, tests/guest/hello.c. Called with a word as argument 1 it is its own child.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var children = map[string]func(args []string){
	"yes": func([]string) {
		for {
			fmt.Println("yes")
		}
	},
	"args": func(args []string) { fmt.Printf("%q %q\n", args, os.Getenv("CHILD")) },
	"cat":  func([]string) { _, err := io.Copy(os.Stdout, os.Stdin); must(err, "cat") },
	"exit": func(args []string) { n, _ := strconv.Atoi(args[0]); os.Exit(n) },
	"kill": func(args []string) {
		n, _ := strconv.Atoi(args[0])
		signal.Reset()
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(10 * time.Second)
	},
	"panic": func([]string) { panic("on purpose") },
	"hang":  func([]string) { fmt.Println("ready"); time.Sleep(time.Hour) },
	"spin":  func([]string) { fmt.Println("ready"); spin() },
	"group": func([]string) { fmt.Println(syscall.Getpgrp() == os.Getpid()) },
	"fds": func([]string) {
		f := os.NewFile(3, "three")
		_, err := f.WriteString("from the child")
		must(err, "write to 3")
		_, err = os.NewFile(4, "four").Stat()
		fmt.Println("4 is open:", err == nil)
	},
	"nest": func(args []string) {
		n, _ := strconv.Atoi(args[0])
		if n > 0 {
			out, err := exec.Command("/proc/self/exe", "nest", strconv.Itoa(n-1)).Output()
			must(err, "nest")
			fmt.Print(strings.TrimSpace(string(out)), " ")
		}
		fmt.Println(n)
	},
	"become": func(args []string) {
		must(syscall.Exec(args[0], append([]string{"renamed"}, args[1:]...), append(os.Environ(), "CHILD=become")), "exec")
	},
}

func spin() {
	for x := 0; ; x++ {
	}
}

func self(args ...string) *exec.Cmd { return exec.Command(os.Args[0], args...) }

func output(cmd *exec.Cmd) string {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s(%v)", out, err)
	}
	return string(out)
}

func basics(peer string) {
	cmd := self("args", "", "a b", "ü\n")
	cmd.Env = append(os.Environ(), "CHILD=yes")
	fmt.Print("itself: ", output(cmd))
	fmt.Print("/proc/self/exe: ", output(exec.Command("/proc/self/exe", "args", "x")))
	fmt.Print("peer: ", output(exec.Command(peer)))
	fmt.Print("host: ", output(exec.Command("/bin/echo", "from", "the host")))
	fmt.Print("shell: ", output(exec.Command("sh", "-c", "echo $((6*7)); exit 9")), "\n")
	fmt.Print("become: ", output(self("become", os.Args[0], "args", "y")))
	fmt.Print("nest: ", output(self("nest", "5")))
	for _, n := range []string{"0", "1", "77", "255"} {
		fmt.Println("exit", n, output(self("exit", n)))
	}
	for _, n := range []string{"1", "2", "9", "15"} {
		err := self("kill", n).Run()
		var ee *exec.ExitError
		check(errors.As(err, &ee), "kill %s: %v", n, err)
		fmt.Println("kill", n, ee.Sys().(syscall.WaitStatus).Signal(), ee.ExitCode())
	}
	out := output(self("panic"))
	fmt.Println("panic:", strings.Contains(out, "panic: on purpose"), strings.Contains(out, "main.main()"), strings.HasSuffix(out, "(exit status 2)"))
}

func failures(dir string) {
	_, err := exec.Command("/does/not/exist").Output()
	fmt.Println("absent:", errors.Is(err, os.ErrNotExist))
	_, err = exec.LookPath("no-such-program-anywhere")
	fmt.Println("not in PATH:", errors.Is(err, exec.ErrNotFound))
	plain := filepath.Join(dir, "plain")
	must(os.WriteFile(plain, []byte("not a program\n"), 0o644), "write")
	fmt.Println("plain file:", errors.Is(exec.Command(plain).Run(), os.ErrPermission))
	must(os.Chmod(plain, 0o755), "chmod")
	fmt.Println("no format:", errors.Is(exec.Command(plain).Run(), syscall.ENOEXEC))
	cmd := self("exit", "0")
	cmd.Dir = "/does/not/exist"
	fmt.Println("no folder:", errors.Is(cmd.Run(), os.ErrNotExist))
	script := filepath.Join(dir, "script")
	must(os.WriteFile(script, []byte("#!/bin/sh\necho script $0 $1\n"), 0o755), "write")
	fmt.Print("script: ", strings.ReplaceAll(output(exec.Command(script, "1")), dir, "DIR"))
	exe, err := filepath.Abs(os.Args[0])
	must(err, "abs")
	must(os.WriteFile(script+"2", []byte("#!"+exe+" args\n"), 0o755), "write")
	fmt.Print("own script: ", strings.ReplaceAll(output(exec.Command(script+"2", "1")), dir, "DIR"))
}

func pipes(dir string) {
	r := random(1)
	data := r.bytes(300000)
	cmd := self("cat")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	must(err, "cat")
	fmt.Println("through a pipe:", bytes.Equal(out, data))

	a, b, c := self("cat"), exec.Command("cat"), self("cat")
	a.Stdin = bytes.NewReader(data)
	b.Stdin, err = a.StdoutPipe()
	must(err, "pipe")
	c.Stdin, err = b.StdoutPipe()
	must(err, "pipe")
	var got bytes.Buffer
	c.Stdout = &got
	for _, cmd := range []*exec.Cmd{a, b, c} {
		must(cmd.Start(), "start")
	}
	for _, cmd := range []*exec.Cmd{c, b, a} {
		must(cmd.Wait(), "wait")
	}
	fmt.Println("through three:", bytes.Equal(got.Bytes(), data))

	cmd = self("yes")
	ready, err := cmd.StdoutPipe()
	must(err, "pipe")
	must(cmd.Start(), "start")
	_, err = io.ReadFull(ready, make([]byte, 8))
	must(err, "read")
	must(ready.Close(), "close")
	fmt.Println("reader gone:", cmd.Wait())

	pr, pw, err := os.Pipe()
	must(err, "pipe")
	cmd = self("fds")
	cmd.ExtraFiles = []*os.File{pw}
	fmt.Print(output(cmd))
	pw.Close()
	text, err := io.ReadAll(pr)
	must(err, "read")
	fmt.Println("descriptor 3:", string(text))
}

func ready(cmd *exec.Cmd) {
	out, err := cmd.StdoutPipe()
	must(err, "pipe")
	must(cmd.Start(), "start")
	line, err := bufio.NewReader(out).ReadString('\n')
	must(err, "ready")
	check(line == "ready\n", "child said %q", line)
}

func kills() {
	for _, what := range []string{"hang", "spin"} {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, os.Args[0], what)
		ready(cmd)
		cancel()
		fmt.Println(what, "by context:", cmd.Wait())

		cmd = self(what)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		ready(cmd)
		must(syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM), "kill the group")
		fmt.Println(what, "by group:", cmd.Wait())

		cmd = self(what)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		ready(cmd)
		must(cmd.Process.Signal(syscall.SIGSTOP), "stop")
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(cmd.Process.Pid, &ws, syscall.WUNTRACED, nil)
		must(err, "wait4")
		fmt.Println(what, "stopped:", ws.Stopped())
		must(cmd.Process.Signal(syscall.SIGCONT), "continue")
		must(cmd.Process.Signal(os.Interrupt), "interrupt")
		fmt.Println(what, "interrupted:", cmd.Wait())
	}
	cmd := self("group")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fmt.Print("session: ", output(cmd))
}

// crowd starts programs from many goroutines at once, while others allocate.
func crowd(n int, peer string) {
	var wg sync.WaitGroup
	var limit = make(chan bool, 8)
	for i := 0; i < n; i++ {
		wg.Add(1)
		limit <- true
		go func(i int) {
			defer func() { <-limit; wg.Done() }()
			switch i % 4 {
			case 0:
				err := self("exit", strconv.Itoa(i%100)).Run()
				var ee *exec.ExitError
				check(i%100 == 0 && err == nil || errors.As(err, &ee) && ee.ExitCode() == i%100, "status of %d: %v", i, err)
			case 1:
				out := output(self("args", strconv.Itoa(i)))
				check(out == fmt.Sprintf("[\"%d\"] \"\"\n", i), "output of %d: %s", i, out)
			case 2:
				out := output(exec.Command(peer))
				check(len(out) > 5, "output of the peer: %s", out)
			case 3:
				out := output(exec.Command("/bin/echo", strconv.Itoa(i)))
				check(out == fmt.Sprintln(i), "output of echo: %s", out)
			}
		}(i)
	}
	wg.Wait()
	fmt.Println("crowd", n)
}

func main() {
	if child, ok := children[os.Args[1]]; ok {
		child(os.Args[2:])
		return
	}
	peer := os.Args[1]
	dir, err := os.MkdirTemp("", "goexec")
	must(err, "folder")
	defer os.RemoveAll(dir)
	basics(peer)
	failures(dir)
	pipes(dir)
	kills()
	crowd(40*scale, peer)
}
