// Signals: Notify, kill to self, preemption of loops without calls, faults that become panics, the CPU profile.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

func notify(n int) {
	ch := make(chan os.Signal, 10)
	sigs := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGCHLD, syscall.SIGWINCH, syscall.Signal(40)}
	for _, s := range sigs {
		signal.Notify(ch, s)
	}
	sum := 0
	for i := 0; i < n; i++ {
		s := sigs[i%len(sigs)]
		must(syscall.Kill(syscall.Getpid(), s), "kill")
		got := <-ch
		check(got == s, "got %v, sent %v", got, s)
		sum += int(s)
	}
	signal.Stop(ch)
	signal.Ignore(syscall.SIGUSR1)
	check(signal.Ignored(syscall.SIGUSR1), "not ignored")
	must(syscall.Kill(syscall.Getpid(), syscall.SIGUSR1), "kill")
	signal.Reset()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	must(syscall.Kill(syscall.Getpid(), syscall.SIGTERM), "kill")
	<-ctx.Done()
	stop()
	fmt.Println("notify", sum)
}

// loops: goroutines that never call anything are interrupted by SIGURG, and go on with all registers intact.
func loops(n int) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range expected {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for !stop.Load() {
				a, b, x, y := uint64(g), uint64(1), 1.5, 0.25
				for i := 0; i < 400000; i++ {
					a = a*6364136223846793005 + b
					b = b>>7 ^ a<<3 ^ b
					x = x*0.5 + float64(int32(a))
					y += x * 0.125
				}
				want := expected[g]
				check(a == want.a && b == want.b && x == want.x && y == want.y, "loop %d: registers were changed", g)
			}
		}(g)
	}
	for i := 0; i < n; i++ {
		time.Sleep(time.Millisecond)
		runtime.GC() // stops the world, so every loop
	}
	stop.Store(true)
	wg.Wait()
	fmt.Println("loops", n)
}

type state struct {
	a, b uint64
	x, y float64
}

var expected = func() (all [3]state) {
	for g := range all {
		s := state{uint64(g), 1, 1.5, 0.25}
		for i := 0; i < 400000; i++ {
			s.a = s.a*6364136223846793005 + s.b
			s.b = s.b>>7 ^ s.a<<3 ^ s.b
			s.x = s.x*0.5 + float64(int32(s.a))
			s.y += s.x * 0.125
		}
		all[g] = s
	}
	return
}()

// alone: with one P, a loop without end does not keep others from running.
func alone() {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	var counted uint64
	done := make(chan bool)
	go func() {
		for i := uint64(0); ; i++ {
			if i&0xfff == 0 && stop.Load() {
				counted = i
				close(done)
				return
			}
		}
	}()
	for i := 0; i < 10; i++ {
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	<-done
	check(counted > 0, "the loop did not run")
	fmt.Println("alone")
}

func recovered(name string, f func()) {
	defer func() {
		r := recover()
		err, ok := r.(runtime.Error)
		check(ok, "%s: recovered %v", name, r)
		fmt.Printf("%s: %v\n", name, err)
	}()
	f()
	check(false, "%s: no panic", name)
}

type big struct {
	pad [5000]byte
	v   int
}

var (
	nilInt *int
	nilBig *big
	nilMap map[string]int
	zero   int
	five   = 5
	face   any
	sink   int
)

func faults(n int) {
	recovered("load", func() { sink = *nilInt })
	recovered("store", func() { *nilInt = 1 })
	recovered("far field", func() { sink = nilBig.v })
	recovered("map", func() { nilMap["a"] = 1 })
	recovered("divide", func() { sink = 1 / zero })
	recovered("index", func() { sink = []int{1, 2}[five] })
	recovered("slice", func() { sink = len([]int{1, 2}[five:]) })
	recovered("type", func() { sink = face.(int) })
	recovered("call", func() { var f func(); f() })
	page, err := syscall.Mmap(-1, 0, 8192, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must(err, "mmap")
	defer syscall.Munmap(page)
	debug.SetPanicOnFault(true)
	func() {
		defer func() {
			err := recover().(interface {
				error
				Addr() uintptr
			})
			at := err.Addr() - uintptr(unsafe.Pointer(&page[0]))
			fmt.Println("protected:", at)
		}()
		page[4321] = 1
	}()
	var wg sync.WaitGroup
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				func() {
					defer func() { check(recover() != nil, "no panic") }()
					*nilInt = i
				}()
			}
		}()
	}
	wg.Wait()
	fmt.Println("faults", n)
}

//go:noinline
func spin(r *random, until time.Time) (x float64) {
	for time.Now().Before(until) {
		for i := 0; i < 20000; i++ {
			x += math.Sqrt(float64(r.next()))
		}
	}
	return
}

// profile: SIGPROF finds the loop. The profile is compressed; its strings stand in it as they are.
func profile() {
	var out bytes.Buffer
	must(pprof.StartCPUProfile(&out), "profile")
	var wg sync.WaitGroup
	for g := 0; g < 3; g++ {
		wg.Add(1)
		go func(r random) { spin(&r, time.Now().Add(300*time.Millisecond)); wg.Done() }(random(g))
	}
	wg.Wait()
	pprof.StopCPUProfile()
	z, err := gzip.NewReader(&out)
	must(err, "gzip")
	text, err := io.ReadAll(z)
	must(err, "gzip")
	fmt.Println("profile", bytes.Contains(text, []byte("main.spin")))
}

// everywhere: a system call that all threads make, asked for by the signal that C libraries use for the same.
func everywhere(n int) {
	for i := 0; i < n; i++ {
		_, _, err := syscall.AllThreadsSyscall(syscall.SYS_PRCTL, syscall.PR_SET_KEEPCAPS, uintptr(i%2), 0)
		check(err == 0, "prctl: %v", err)
		set, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_KEEPCAPS, 0, 0)
		check(set == uintptr(i%2), "a thread was left out")
	}
	fmt.Println("everywhere", n)
}

// storm: signals in great number while goroutines compute, allocate and sleep.
func storm(n int) {
	ch := make(chan os.Signal, 1000)
	signal.Notify(ch, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(ch)
	stop := make(chan bool)
	var wg sync.WaitGroup
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func(r random) {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				b := r.bytes(1 + r.below(3000))
				c := append([]byte{}, b...)
				check(bytes.Equal(b, c), "memory changed")
				time.Sleep(time.Microsecond)
			}
		}(random(g))
	}
	for i := 0; i < n; i++ {
		must(syscall.Kill(syscall.Getpid(), []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGURG}[i%3]), "kill")
	}
	close(stop)
	wg.Wait()
	for seen := map[os.Signal]bool{}; len(seen) < 2; {
		seen[<-ch] = true
	}
	fmt.Println("storm", n)
}

func main() {
	notify(300 * scale)
	loops(10 * scale)
	alone()
	faults(200 * scale)
	profile()
	everywhere(50 * scale)
	storm(3000 * scale)
}
