// Garbage collection under load: maps, slices, finalizers, stacks that grow and shrink, heap that comes and goes.
package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type node struct {
	left, right *node
	value       uint64
	pad         []byte
}

func grow(r *random, depth int) *node {
	if depth == 0 {
		return nil
	}
	return &node{grow(r, depth-1), grow(r, depth-1), r.next(), make([]byte, r.below(100))}
}

func (n *node) sum() uint64 {
	if n == nil {
		return 0
	}
	return n.value + 3*n.left.sum() + 5*n.right.sum() + uint64(len(n.pad))
}

func trees(n int) (sum uint64) {
	r := random(n)
	keep := make([]*node, 8)
	for i := 0; i < n; i++ {
		keep[i%len(keep)] = grow(&r, 9)
	}
	for _, t := range keep {
		sum = sum*7 + t.sum()
	}
	return sum
}

func maps(n int) (sum uint64) {
	r := random(n)
	m := map[string][]uint64{}
	for i := 0; i < n; i++ {
		k := fmt.Sprint("key", r.below(500))
		m[k] = append(m[k], r.next())
		if i%7 == 0 {
			delete(m, fmt.Sprint("key", r.below(500)))
		}
	}
	for k, v := range m {
		for i, x := range v {
			sum += x*uint64(i+1) + uint64(len(k))
		}
	}
	return sum
}

// deep recurses with a frame of 1 KB, so that the stack is copied several times; pointers into it must follow.
func deep(n int, up *uint64) uint64 {
	var frame [128]uint64
	for i := range frame {
		frame[i] = uint64(n + i)
	}
	if n > 0 {
		*up += deep(n-1, &frame[n%128])
	}
	sum := uint64(0)
	for _, v := range frame {
		sum = sum*3 + v
	}
	return sum
}

func stacks(n int) uint64 {
	var sum uint64
	var wg sync.WaitGroup
	for g := 0; g < n; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; i < 5; i++ {
				var top uint64
				atomic.AddUint64(&sum, deep(20+g*10%300, &top)+top)
				runtime.Gosched() // a collection may shrink the stack here
			}
		}(g)
	}
	wg.Wait()
	return sum
}

// finalizers counts them: all but the objects still held must have run.
func finalizers(n int) string {
	var ran atomic.Int64
	type object struct {
		id  int
		pad [64]byte
	}
	var held []*object
	for i := 0; i < n; i++ {
		o := &object{id: i}
		runtime.SetFinalizer(o, func(o *object) { ran.Add(1) })
		if i%10 == 0 {
			held = append(held, o)
		}
	}
	want := int64(n - len(held))
	for i := 0; i < 200 && ran.Load() < want; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	// What a stale register or stack slot holds may live on.
	check(ran.Load() >= want-2 && ran.Load() <= want, "%d finalizers of %d", ran.Load(), want)
	runtime.KeepAlive(held)
	return fmt.Sprint(len(held))
}

func buffers(n int) (sum int) {
	for i := 0; i < n; i++ {
		big := make([]byte, 1<<20+i*4096)
		for j := 0; j < len(big); j += 4096 {
			check(big[j] == 0, "fresh memory is not zero")
			big[j] = 1
		}
		sum += len(big)
		sum += len(strings.Repeat("x", i*100))
	}
	debug.FreeOSMemory()
	return sum
}

func main() {
	debug.SetGCPercent(20)
	stop := make(chan bool)
	go func() { // collects all the while
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	var wg sync.WaitGroup
	results := make([]uint64, 6)
	for i := range results {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			if i%2 == 0 {
				results[i] = trees((20 + i) * scale)
			} else {
				results[i] = maps((2000 + i) * scale)
			}
		}(i)
	}
	fmt.Println("stacks", stacks(50))
	wg.Wait()
	close(stop)
	fmt.Println("heap", results)
	fmt.Println("finalizers", finalizers(2000))
	fmt.Println("buffers", buffers(30))
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	check(ms.NumGC > 5, "only %d collections", ms.NumGC)
}
